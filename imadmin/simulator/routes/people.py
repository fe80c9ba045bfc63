"""The cluster's own lists of users, devices and conversations."""

import time
from itertools import islice
from typing import Any, TypeVar

from ..http import BOTH, Call, Crash, Fail, routes
from ..ids import DEVICE_FLAG_TEXT, channel_type_text, hash64, minute_text
from ..model import Conversation, Device, User

Row = TypeVar("Row", User, Device)
_NO_COUNTS = dict.fromkeys(("conn_count", "send_msg_count", "recv_msg_count", "send_msg_bytes", "recv_msg_bytes"), 0)
NANO = 1_000_000_000
SHARDS = 8


def newest_first(rows: list[Row], call: Call, limit: int) -> tuple[list[Row], bool]:
    """One page by created_at, and whether more follow in the direction asked for."""
    offset = call.number("offset_created_at")
    ordered = sorted(rows, key=lambda row: row.created_at, reverse=True)
    if call.number("pre") == 1:
        newer = [row for row in ordered if row.created_at > offset]
        return newer[-limit:], len(newer) > limit
    older = [row for row in ordered if not offset or row.created_at < offset]
    return older[:limit], len(older) > limit


async def _elsewhere(call: Call) -> object:
    """The reply of the node asked for; an unknown node_id silently means this node."""
    node_id = call.number("node_id")
    if node_id and node_id != call.node_id and node_id in call.state.node_ids:
        return await call.forward(node_id)
    return None


def _times(created_at: int, updated_at: int) -> dict[str, Any]:
    return {
        "created_at": created_at,
        "updated_at": updated_at,
        "created_at_format": minute_text(created_at / NANO),
        "updated_at_format": minute_text(updated_at / NANO),
    }


@routes.add("GET", "/cluster/users", servers=BOTH)
async def users(call: Call) -> object:
    """An unknown uid panics: 500 without a word. The counters are never written by the real server."""
    if answer := await _elsewhere(call):
        return answer
    limit, state = call.limit(), call.state
    if not call.number("node_id"):
        await call.fan_out()
    if uid := call.text("uid"):
        rows = [_user_everywhere(call, uid)]
    else:
        rows = [one for one in state.store.users.values() if _is_seen(call, one.uid)]
    page, more = newest_first(rows, call, limit)
    data = [
        {
            "id": hash64(row.uid),
            "uid": row.uid,
            "device_count": 0,
            "online_device_count": 0,
            **_NO_COUNTS,
            **_times(row.created_at, row.updated_at),
            "slot": state.slot_of(row.uid),
        }
        for row in page
    ]
    return {"total": 0, "more": int(more), "data": data}


def _user_everywhere(call: Call, uid: str) -> User:
    """A node that lacks the row crashes; when that is a peer, the asked node says so."""
    state = call.state
    if uid not in state.store.users or not state.keeps(call.node_id, uid):
        raise Crash
    if not call.number("node_id") and not all(state.keeps(peer, uid) for peer in call.online_peers()):
        raise Fail("IM服务返回状态[500]失败！")
    return state.store.users[uid]


def _is_seen(call: Call, text: str) -> bool:
    """Merged lists have everything, a node's own only what it keeps a copy of."""
    return not call.number("node_id") or call.state.keeps(call.node_id, text)


def _device_row(row: Device) -> dict[str, Any]:
    flag = DEVICE_FLAG_TEXT.get(row.flag, f"未知({row.flag})")
    level = {0: "从设备", 1: "主设备"}.get(row.level, f"未知({row.level})")
    return {
        "id": row.id,
        "uid": row.uid,
        "token": row.token,
        "device_flag": row.flag,
        "device_flag_format": flag,
        "device_level": row.level,
        "device_level_format": level,
        **_NO_COUNTS,
        **_times(row.created_at, row.updated_at),
    }


@routes.add("GET", "/cluster/devices", servers=BOTH)
async def devices(call: Call) -> object:
    """Shows every token in plain text. With a uid each row is found once per shard of the asked node."""
    if answer := await _elsewhere(call):
        return answer
    limit, store, flag = call.limit(), call.state.store, call.number("device_flag")
    merged = not call.number("node_id")
    if merged:
        await call.fan_out()
    uid = call.text("uid")
    if uid and flag:
        if (uid, flag) not in store.devices:
            raise Fail("not found")
        rows = [store.devices[uid, flag]]
    elif uid:
        rows = [one for one in store.devices.values() if one.uid == uid and _is_seen(call, uid)]
    else:
        rows = [one for one in store.devices.values() if (not flag or one.flag == flag) and _is_seen(call, one.uid)]
    page, more = newest_first(rows, call, limit)
    if uid and not flag and not merged:
        page = [row for row in page for _ in range(SHARDS)][: limit + 1]
    return {"total": 0, "more": int(more), "data": [_device_row(row) for row in page]}


def _conversation_row(call: Call, row: Conversation) -> dict[str, Any]:
    last = call.state.archive.last_seq((row.channel_id, row.channel_type))
    return {
        "id": row.id,
        "uid": row.uid,
        "type": row.kind,
        "type_format": "命令" if row.kind else "聊天",
        "channel_id": row.channel_id,
        "channel_type": row.channel_type,
        "channel_type_format": channel_type_text(row.channel_type),
        "unread_count": max(0, last - row.read_to),
        "last_msg_seq": last,
        "readed_to_msg_seq": row.read_to,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "created_at_format": minute_text(row.created_at),
        "updated_at_format": minute_text(row.updated_at),
    }


@routes.add("GET", "/cluster/conversations", servers=BOTH)
async def conversations(call: Call) -> object:
    """With a uid all of that user, whatever the limit; else pages, merged from each node in no order."""
    if answer := await _elsewhere(call):
        return answer
    limit, store, merged = call.limit(deadly=False), call.state.store, not call.number("node_id")
    if merged:
        await call.fan_out()
    if uid := call.text("uid"):
        rows = [one for one in store.conversations.get(uid, {}).values() if one.saved_at <= time.monotonic()]
    else:
        page = max(1, call.number("current_page"))
        seen = (one for one in store.all_conversations() if _is_seen(call, one.uid))
        seen = (one for one in seen if one.saved_at <= time.monotonic())
        rows = list(islice(seen, (page - 1) * limit, page * limit))
    return {"total": 0, "data": [_conversation_row(call, row) for row in rows]}
