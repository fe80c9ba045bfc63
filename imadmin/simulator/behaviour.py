"""What happens to a message: may its sender send it, where is it stored, who gets it.

The order of the checks is the real server's (reference 5.8): the first hit gives the reason code.
"""

import asyncio
import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from . import gojson
from .ids import CMD_SUFFIX, SYSTEM_DEVICE, SYSTEM_UID, ChannelType, Reason, hash64, other_of, stored_id
from .model import ChannelConfig, ChannelKey, Connection, Message
from .shapes import message_object
from .state import SimState

NEVER_BANNED = (ChannelType.CUSTOMER_SERVICE, ChannelType.INFO, ChannelType.VISITORS, ChannelType.AGENT)
STREAM = 0x02
OPEN_TO_ALL = (ChannelType.CUSTOMER_SERVICE, ChannelType.INFO)


@dataclass(slots=True)
class Draft:
    """A message on its way; channel_id is the business view (the peer's uid in a person chat)."""

    from_uid: str
    channel_id: str
    channel_type: int
    payload: bytes
    client_msg_no: str = ""
    setting: int = 0
    expire: int = 0
    topic: str = ""
    no_persist: bool = False
    red_dot: bool = False
    sync_once: bool = False
    subscribers: tuple[str, ...] = ()

    @property
    def base_key(self) -> ChannelKey:
        """The channel whose members get it."""
        if self.subscribers:
            return str(hash64(",".join(self.subscribers))), int(ChannelType.TEMP)
        return stored_id(self.channel_id, self.channel_type, self.from_uid), self.channel_type

    @property
    def stored_key(self) -> ChannelKey:
        """Where it is kept: sync-once messages go to the command channel."""
        channel_id, channel_type = self.base_key
        if self.sync_once and not channel_id.endswith(CMD_SUFFIX):
            channel_id += CMD_SUFFIX
        return channel_id, channel_type


def is_closed(state: SimState, key: ChannelKey) -> Reason | None:
    """A channel's own ban or disband: it stops everybody, API sends and system accounts included."""
    if key[1] in NEVER_BANNED:
        return None
    record = state.store.record(key)
    if record and record.ban:
        return Reason.BAN
    return Reason.DISBANDED if record and record.disband else None


def check_send(state: SimState, draft: Draft, device_id: str = "") -> Reason:
    """May this client's message pass? The first check that hits decides."""
    uid, channel_type, key = draft.from_uid, draft.channel_type, draft.base_key
    own = state.store.record((uid, int(ChannelType.PERSON)))
    if own and own.send_ban:
        return Reason.SEND_BAN
    if closed := is_closed(state, key):
        return closed
    if _passes_at_once(state, draft, device_id):
        return Reason.SUCCESS
    if channel_type == ChannelType.PERSON:
        receiver: ChannelKey = (draft.channel_id, int(ChannelType.PERSON))
        if uid in state.store.denied.get(receiver, {}):
            return Reason.IN_DENYLIST
        if not state.settings.allowlist_off_for_person and uid not in state.store.allowed.get(receiver, {}):
            return Reason.NOT_IN_ALLOWLIST
        return Reason.SUCCESS
    if uid in state.store.denied.get(key, {}):
        return Reason.IN_DENYLIST
    if uid not in state.store.members.get(key, {}):
        return Reason.NOT_SUBSCRIBER
    allowed = state.store.allowed.get(key, {})
    if state.store.allowlist_flag.get(key, bool(allowed)) and uid not in allowed:
        return Reason.NOT_IN_ALLOWLIST
    return Reason.SUCCESS


def _passes_at_once(state: SimState, draft: Draft, device_id: str) -> bool:
    uid, channel_type = draft.from_uid, draft.channel_type
    if channel_type in OPEN_TO_ALL or device_id == SYSTEM_DEVICE or is_system(state, uid):
        return True
    if channel_type == ChannelType.VISITORS and uid == draft.channel_id:
        return True
    if channel_type == ChannelType.AGENT and uid in draft.channel_id.split("@"):
        return True
    return channel_type == ChannelType.PERSON and is_system(state, draft.channel_id)


def is_system(state: SimState, uid: str) -> bool:
    return uid == SYSTEM_UID or uid in state.store.system_uids


def new_message(state: SimState, node_id: int, draft: Draft) -> Message:
    """The id is given by the node that accepts the message, before anything is stored."""
    now = state.now(node_id)
    channel_id, channel_type = draft.stored_key
    return Message(
        id=state.snowflake.next(node_id, int(now * 1000)),
        seq=0,
        client_msg_no=draft.client_msg_no or f"{uuid.uuid4().hex}0",
        from_uid=draft.from_uid,
        channel_id=channel_id,
        channel_type=channel_type,
        payload=draft.payload,
        timestamp=int(now),
        setting=draft.setting,
        expire=draft.expire,
        topic=draft.topic,
        no_persist=draft.no_persist,
        red_dot=draft.red_dot,
        sync_once=draft.sync_once,
    )


def store_and_deliver(state: SimState, message: Message, draft: Draft, source: Connection | None = None) -> bool:
    """Append to the channel's log and push to everybody who is online; False when it can't be stored or sent on."""
    config = state.channel_config(message.key)
    if not _can_store(state, config):
        state.misdeeds.lost += 1
        return False
    if not message.no_persist:
        message.term = config.term
        state.archive.store(message)
        for replica in config.replicas:
            state.count(replica, "append")
        config.last_append, config.running = state.now_ns(), True
        config.stopped_on.clear()
        if state.misdeeds.is_quiet(message.key):
            return False  # only the leader has it, and nobody hears of it
    uids = receivers_of(state, draft)
    state.touch_tag(draft.base_key)
    if state.hooks.url:
        _tell_hooks(state, message, draft, config.leader_id, uids)
    is_command = message.channel_id.endswith(CMD_SUFFIX) and not message.no_persist
    if is_command or (draft.channel_type == ChannelType.PERSON and not draft.subscribers):
        state.store.add_conversations(uids, message.key, save_after=state.timings.conversation_save)
    _push(state, message, draft, uids, source)
    for uid in uids if message.setting & STREAM else ():
        dies_on_the_way(state, message, config.leader_id, state.leader_of(uid))
    return True


def dies_on_the_way(state: SimState, message: Message, sender: int, receiver: int) -> bool:
    """A stream message that one node sends on to another ends the other's process (notes, v2.2.5)."""
    if not message.setting & STREAM or sender == receiver:
        return False
    if state.topology.answers(receiver):
        state.die(receiver, "a stream message from another node")
    return True


def _can_store(state: SimState, config: ChannelConfig) -> bool:
    """Its leader is there, most of its replicas are, and the channel is not wedged."""
    answering = sum(state.topology.answers(node) for node in config.replicas)
    if not state.topology.answers(config.leader_id) or answering <= len(config.replicas) // 2:
        return False
    return (config.channel_id, config.channel_type) not in state.misdeeds.wedged


def _tell_hooks(state: SimState, message: Message, draft: Draft, leader: int, uids: Iterable[str]) -> None:
    """Who has no master-level connection counts as offline, each told by the leader of his slot."""
    row = message_object(message, with_header=True)
    if not message.no_persist:
        state.hooks.message_stored(leader, row)
    missing: dict[int, list[str]] = {}
    for uid in uids:
        if uid != draft.from_uid and not any(one.device_level == 1 for one in state.online.receivers(uid)):
            missing.setdefault(state.leader_of(uid), []).append(uid)
    for node_id, theirs in missing.items():
        state.hooks.message_missed(node_id, row, message, draft.channel_id or message.channel_id, theirs)


def receivers_of(state: SimState, draft: Draft) -> Iterable[str]:
    if draft.subscribers:
        return draft.subscribers
    if draft.channel_type in (ChannelType.PERSON, ChannelType.AGENT):
        return dict.fromkeys(draft.base_key[0].removesuffix(CMD_SUFFIX).split("@"))
    key = draft.base_key[0].removesuffix(CMD_SUFFIX), draft.channel_type
    return dict.fromkeys([*state.members(key), draft.from_uid])


def _push(state: SimState, message: Message, draft: Draft, uids: Iterable[str], source: Connection | None) -> None:
    size = len(message.payload) + 80
    for uid in uids:
        for one in state.online.receivers(uid):
            if one is source or not state.topology.answers(one.node_id):
                continue
            one.out_msgs += 1
            one.out_packets += 1
            state.count(one.node_id, "recv")
            state.count(one.node_id, "recv_bytes", size)
            if one.socket is None:
                one.out_msg_bytes += len(message.payload)
                one.out_packet_bytes += size
                one.in_packets += 1
                state.count(one.registered_at or one.node_id, "recvack")
            else:
                one.socket.push(recv_frame(message, draft, uid))


def recv_frame(message: Message, draft: Draft, uid: str) -> dict[str, object]:
    """The notification a live client gets; in person chats the channel is the peer as the receiver sees it."""
    channel_id, from_uid = message.channel_id.removesuffix(CMD_SUFFIX), message.from_uid
    if draft.subscribers:
        channel_id = message.channel_id
    elif message.channel_type == ChannelType.PERSON:
        channel_id = other_of(channel_id, uid)
    if from_uid == SYSTEM_UID:
        from_uid = ""
        channel_id = "" if message.channel_type == ChannelType.PERSON else channel_id
    params: dict[str, object] = {}
    flags = (("noPersist", message.no_persist), ("redDot", message.red_dot), ("syncOnce", message.sync_once))
    header = {name: True for name, is_set in flags if is_set}
    if header:
        params["header"] = header
    bits = (("receipt", 0x80), ("signal", 0x20), ("noEncrypt", 0x10), ("topic", 0x08), ("stream", 0x02))
    setting = {name: True for name, bit in bits if message.setting & bit}
    if setting:
        params["setting"] = setting
    params |= {
        "messageId": str(message.id),
        "messageSeq": message.seq,
        "clientMsgNo": message.client_msg_no,
        "timestamp": message.timestamp,
        "channelId": channel_id,
        "channelType": message.channel_type,
        "fromUid": from_uid,
        "payload": gojson.to_base64(message.payload),
    }
    return {"jsonrpc": "2.0", "method": "recv", "params": params}


def send_from_api(state: SimState, node_id: int, draft: Draft) -> Message:
    """`POST /message/send`: the id comes back at once, storing happens later or, silently, never."""
    message = new_message(state, node_id, draft)
    asyncio.get_running_loop().call_later(state.timings.store_after, _store_later, state, node_id, message, draft)
    return message


def _store_later(state: SimState, node_id: int, message: Message, draft: Draft) -> None:
    if is_closed(state, draft.base_key):
        return
    config = state.channel_config(message.key)
    if dies_on_the_way(state, message, node_id, config.leader_id):
        return
    if len(message.payload) > 32_767 and config.leader_id != node_id:
        return  # too big to be forwarded: accepted and lost
    if store_and_deliver(state, message, draft):
        state.count(node_id, "api_send")


def send_from_client(state: SimState, connection: Connection, draft: Draft) -> tuple[Message, Reason]:
    """A client's send with every check; a refused message has an id but no sequence number."""
    message = new_message(state, connection.node_id, draft)
    connection.in_msgs += 1
    connection.in_packets += 1
    connection.out_packets += 1
    connection.last_activity = state.now()
    reason = check_send(state, draft, connection.device_id)
    if reason != Reason.SEND_BAN:  # counted where the user's slot is led, once the first check is passed
        leader = state.leader_of(draft.from_uid)
        state.count(leader, "send")
        state.count(leader, "send_bytes", len(draft.payload) + 90)
    if reason == Reason.SUCCESS and not _sent_on(state, message, draft, connection):
        reason = Reason.SYSTEM_ERROR
    return message, reason


def _sent_on(state: SimState, message: Message, draft: Draft, connection: Connection) -> bool:
    """From the client's node by way of the user's leader to the channel's."""
    user_leader = state.leader_of(draft.from_uid)
    if dies_on_the_way(state, message, connection.node_id, user_leader):
        return False
    if dies_on_the_way(state, message, user_leader, state.channel_config(message.key).leader_id):
        return False
    return store_and_deliver(state, message, draft, connection)
