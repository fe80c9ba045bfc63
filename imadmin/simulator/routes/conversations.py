"""Conversations as the business sees them; the cluster's own list of them is in `people`."""

from typing import Any

from ..gojson import Struct
from ..http import OK, Call, Crash, Fail, routes
from ..ids import SYSTEM_UID, ChannelType, other_of, stored_id
from ..model import Conversation
from ..state import SimState
from .channels import to_leader
from .search import page_objects

SYNC = Struct(
    "",
    {
        "uid": "string",
        "version": "int64",
        "last_msg_seqs": "string",
        "msg_count": "int",
        "only_unread": "uint8",
        "exclude_channel_types": "[]uint8",
        "page": "int",
        "page_size": "int",
    },
)
UID = Struct("", {"uid": "string"})
ONE = Struct(
    "", {"uid": "string", "channel_id": "string", "channel_type": "uint8", "unread": "int", "message_seq": "uint32"}
)
USER_MAX = 1000
NO_UID = {"delete": "Uid cannot be empty", "unread": "UID cannot be empty", "clear": "uid cannot be empty"}


def read_position(state: SimState, one: Conversation) -> int:
    """What one said oneself counts as read, which the stored position does not know."""
    last_said = state.archive.last_seq_of((one.channel_id, one.channel_type), one.uid)
    return max(one.read_to, one.deleted_to, last_said)


def conversation_row(
    state: SimState, one: Conversation, count: int, *, with_system: bool = False
) -> dict[str, Any] | None:
    key = (one.channel_id, one.channel_type)
    log = state.archive.logs.get(key)
    if not log or len(log) <= one.deleted_to:
        return None
    shown_id = one.channel_id
    if one.channel_type == ChannelType.PERSON:
        shown_id = other_of(one.channel_id, one.uid)
        if shown_id == SYSTEM_UID and not with_system:
            return None
    last, read_to = log[-1], read_position(state, one)
    recents = page_objects(state, log[max(one.deleted_to, len(log) - count) :])
    return {
        "channel_id": shown_id,
        "channel_type": one.channel_type,
        "unread": max(0, last.seq - read_to),
        "timestamp": last.timestamp,
        "last_msg_seq": last.seq,
        "last_client_msg_no": last.client_msg_no,
        "offset_msg_seq": 0,
        "readed_to_msg_seq": read_to,
        "version": last.timestamp * 1_000_000_000,
        "recents": recents[::-1],
    }


@routes.add("POST", "/conversation/sync")
async def sync(call: Call) -> object:
    form = call.decode(SYNC)
    uid = form["uid"]
    if answer := await to_leader(call, uid):
        return answer
    if not uid:
        raise Crash
    state = call.state
    mine = [one for one in state.store.conversations.get(uid, {}).values() if one.kind == 0]
    if not form["msg_count"]:
        return []
    leaders = {state.channel_config((one.channel_id, one.channel_type)).leader_id for one in mine}
    others = leaders - {call.node_id}
    if any(not state.topology.live[leader].alive for leader in others) or (others and state.settings.manager_token):
        raise Fail("获取最近消息失败！")  # one channel led elsewhere is enough when nodes cannot call each other
    mine.sort(key=lambda one: one.changed, reverse=True)
    if form["page"] > 0:
        size = min(form["page_size"] or 100, 500)
        mine = mine[(form["page"] - 1) * size : form["page"] * size]
    mine = [one for one in mine[:USER_MAX] if one.channel_type not in form["exclude_channel_types"]]
    rows = [row for one in mine if (row := conversation_row(state, one, form["msg_count"]))]
    return [row for row in rows if row["unread"] or form["only_unread"] != 1]


@routes.add("POST", "/conversation/channels")
async def channels(call: Call) -> object:
    uid = call.decode(UID)["uid"]
    if answer := await to_leader(call, uid):
        return answer
    if not uid:
        raise Crash
    mine = sorted(call.state.store.conversations.get(uid, {}).values(), key=lambda one: one.changed, reverse=True)
    return [{"channel_id": one.channel_id, "channel_type": one.channel_type} for one in mine if one.kind == 0]


async def _change(call: Call, *, delete: bool = False, unread: bool = False) -> object:
    form = call.decode(ONE)
    if not form["uid"]:
        raise Fail(NO_UID["delete" if delete else "unread" if unread else "clear"])
    if not form["channel_id"] or not form["channel_type"]:
        raise Fail("channel_id or channel_type cannot be empty")
    if answer := await to_leader(call, form["uid"]):
        return answer
    key = (stored_id(form["channel_id"], form["channel_type"], form["uid"]), form["channel_type"])
    store, last = call.state.store, call.state.archive.last_seq(key)
    known = store.conversations.get(form["uid"], {}).get(key)
    read_to = _read_to(last, form["unread"] if unread else 0)

    def apply() -> None:
        if delete:
            if known is not None:
                known.deleted_to = last
        elif (known.read_to if known else 0) < read_to:
            one = known or store.add_conversation(form["uid"], key)
            one.read_to, one.changed = read_to, store.stamp()

    cmd = "CMDUpdateConversationDeletedAtMsgSeq" if delete else "CMDAddOrUpdateUserConversations"
    data = {"channelId": key[0], "channelType": key[1], "uid": form["uid"]}
    await call.propose(call.state.slot_of(form["uid"]), apply, (cmd, data))
    return OK


def _read_to(last: int, unread: int) -> int:
    """More unread than there are messages means all but one; in an empty channel that runs below zero."""
    if unread % 2**64 > last:
        return (last - 1) % 2**64
    return last - max(0, unread)


@routes.add("POST", "/conversations/clearUnread")
async def clear_unread(call: Call) -> object:
    return await _change(call)


@routes.add("POST", "/conversations/setUnread")
async def set_unread(call: Call) -> object:
    return await _change(call, unread=True)


@routes.add("POST", "/conversations/delete")
async def delete(call: Call) -> object:
    return await _change(call, delete=True)
