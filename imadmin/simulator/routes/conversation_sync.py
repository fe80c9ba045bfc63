"""Conversations by channel, the nodes' own way to fetch recent messages, and the old sync of offline commands."""

from typing import Any

from .. import gojson
from ..gojson import Struct
from ..http import OK, TEXT, Call, Fail, routes
from ..ids import ChannelType, other_of, stored_id
from ..model import ChannelKey, Conversation
from .channels import to_leader
from .conversations import conversation_row
from .search import page_objects

BY_CHANNELS = Struct("", {"uid": "string", "channels": "any", "msg_count": "int"})
RECENT = Struct("", {"uid": "string", "channels": "any", "msg_count": "int", "order_by_last": "int"})
SYNC = Struct("syncReq", {"uid": "string", "message_seq": "uint64", "limit": "int"})
ACK = Struct("syncackReq", {"uid": "string", "last_message_seq": "uint64"})
DEFAULT_COUNT, DEFAULT_LIMIT = 15, 200
FAILED = "获取最近消息失败！"


def _channels(form: dict[str, Any]) -> list[dict[str, Any]]:
    return [one for one in form["channels"] or [] if isinstance(one, dict)]


def _refuse_elsewhere(call: Call, keys: list[ChannelKey]) -> None:
    """Nodes ask each other without headers: a dead one, or a managerToken, fails the whole call."""
    leaders = {call.state.channel_config(key).leader_id for key in keys} - {call.node_id}
    dead = any(not call.state.topology.live[leader].alive for leader in leaders)
    if dead or (leaders and call.state.settings.manager_token):
        raise Fail(FAILED)


@routes.add("POST", "/conversation/syncByChannels")
async def by_channels(call: Call) -> object:
    """One row a channel asked for; unknown ones come with zeros and get a config."""
    form = call.decode(BY_CHANNELS)
    uid, asked = form["uid"], _channels(form)
    if not uid:
        raise Fail("uid cannot be empty")
    if not asked:
        raise Fail("channels cannot be empty")
    if answer := await to_leader(call, uid):
        return answer
    keys = [_stored(uid, one) for one in asked]
    _refuse_elsewhere(call, keys)
    mine, count = call.state.store.conversations.get(uid, {}), form["msg_count"]
    count = count if count > 0 else DEFAULT_COUNT
    rows = []
    for key in keys:
        one = mine.get(key) or Conversation(0, uid, *key, created_at=0, updated_at=0)
        rows.append(conversation_row(call.state, one, count, with_system=True) or _empty(key, uid, one))
    return rows


def _stored(uid: str, one: dict[str, Any]) -> ChannelKey:
    kind = int(one.get("channel_type") or 0)
    return stored_id(str(one.get("channel_id", "")), kind, uid), kind


def _empty(key: ChannelKey, uid: str, one: Conversation) -> dict[str, Any]:
    return {
        "channel_id": other_of(key[0], uid) if key[1] == ChannelType.PERSON else key[0],
        "channel_type": key[1],
        "unread": 0,
        "timestamp": 0,
        "last_msg_seq": 0,
        "last_client_msg_no": "",
        "offset_msg_seq": 0,
        "readed_to_msg_seq": one.read_to,
        "version": 0,
        "recents": [],
    }


@routes.add("POST", "/conversation/syncMessages")
async def sync_messages(call: Call) -> object:
    """Local: this node's copies, the oldest after last_msg_seq or, with order_by_last, the newest first."""
    try:
        form = gojson.decode(call.body, RECENT)
    except gojson.DecodeError:
        raise Fail("数据格式有误！", content_type=TEXT) from None
    archive = call.state.archive
    count = form["msg_count"] if form["msg_count"] > 0 else DEFAULT_COUNT
    rows = []
    for one in _channels(form):
        key = (str(one.get("channel_id", "")), int(one.get("channel_type") or 0))
        after = int(one.get("last_msg_seq") or 0)
        if form["order_by_last"] == 1:
            messages = page_objects(call.state, archive.page(key, 0, 0, count, newer=False))[::-1]
        else:
            messages = page_objects(call.state, archive.page(key, max(after, 1), 0, count, newer=True))
        rows.append(
            {
                "channel_id": key[0],
                "channel_type": key[1],
                "messages": messages,
                "user_last_msg_seq": archive.last_seq_of(key, form["uid"]),
            }
        )
    return rows


@routes.add("POST", "/message/sync")
async def sync_commands(call: Call) -> object:
    """Offline commands of somebody; what is handed out is remembered for the acknowledgement."""
    form = call.decode(SYNC)
    uid = form["uid"]
    if not uid.strip():
        raise Fail("用户uid不能为空！")
    if form["limit"] < 0:
        raise Fail("limit不能为负数！")
    if answer := await to_leader(call, uid):
        return answer
    commands = [one for one in call.state.store.conversations.get(uid, {}).values() if one.kind == 1]
    _refuse_elsewhere(call, [(one.channel_id, one.channel_type) for one in commands])
    limit = form["limit"] or DEFAULT_LIMIT
    handed_out: list[tuple[ChannelKey, int]] = []
    found: list[dict[str, Any]] = []
    for one in commands:
        key = (one.channel_id, one.channel_type)
        page = call.state.archive.page(key, one.read_to + 1, 0, limit, newer=True)[: limit - len(found)]
        if page:
            found += page_objects(call.state, page)
            handed_out.append((key, page[-1].seq))
    call.state.handed_out[uid] = handed_out
    return found


@routes.add("POST", "/message/syncack")
async def acknowledge(call: Call) -> object:
    form = call.decode(ACK)
    uid = form["uid"]
    if not uid.strip():
        raise Fail("用户UID不能为空！")
    if not form["last_message_seq"]:
        raise Fail("最后一次messageSeq不能为0！")
    if answer := await to_leader(call, uid):
        return answer
    mine = call.state.store.conversations.get(uid, {})
    for key, seq in call.state.handed_out.pop(uid, []):
        if key in mine:
            mine[key].read_to = max(mine[key].read_to, seq)
    return OK
