"""The nodes' cache of who gets a channel's messages: made by the first message, gone twenty minutes after the last."""

from typing import Any

from ..gojson import Struct
from ..http import BOTH, OK, Call, Fail, routes
from ..ids import minute_text, rfc3339
from ..model import ChannelKey, Tag

EXPIRE = 20 * 60
MAX_TAGS = 1000
REMOVE = Struct("", {"tag_key": "string", "channel_id": "string", "channel_type": "uint8", "node_id": "uint64"})


def _alive(call: Call) -> list[Tag]:
    """The tags this node has: of channels it leads or whose members it leads."""
    state, now = call.state, call.state.now()
    found = []
    for tag in state.tags.values():
        config = state.store.configs.get(tag.channel)
        leads = config is not None and config.leader_id == call.node_id
        if now - tag.last_get < EXPIRE and (leads or call.node_id in _nodes(call, tag.channel)):
            found.append(tag)
    return found


def _nodes(call: Call, key: ChannelKey) -> dict[int, list[str]]:
    members = key[0].split("@") if key[1] == 1 else call.state.temporary.get(key) or list(call.state.members(key))
    by_leader: dict[int, list[str]] = {}
    for uid in members:
        by_leader.setdefault(call.state.leader_of(uid), []).append(uid)
    return by_leader


def _find(call: Call, tag_key: str, key: ChannelKey) -> Tag | None:
    for tag in _alive(call):
        if tag.key == tag_key.strip() if tag_key.strip() else tag.channel == key:
            return tag
    return None


def _slots(call: Call, uids: list[str]) -> list[int]:
    return [call.state.slot_of(uid) for uid in uids]


@routes.add("GET", "/tag", servers=BOTH)
async def tag(call: Call) -> object:
    found = _find(call, call.text("tag_key"), (call.text("channel_id"), call.number("channel_type")))
    if found is None:
        raise Fail("tag not found")
    nodes = _nodes(call, found.channel)
    return {
        "key": found.key,
        "channel_id": found.channel[0],
        "channel_type": found.channel[1],
        "nodes": [{"leader_id": node, "uids": uids, "slot_ids": _slots(call, uids)} for node, uids in nodes.items()],
        "created_at": rfc3339(int(found.created_at * 1e9)),
        "last_get_time": rfc3339(int(found.last_get * 1e9)),
        "node_version": call.state.topology.view_of(call.node_id).version,
        "get_count": found.get_count,
    }


def _row(call: Call, one: Tag) -> dict[str, Any]:
    nodes = _nodes(call, one.channel)
    return {
        "key": one.key,
        "channel_id": one.channel[0],
        "channel_type": one.channel[1],
        "nodes": [
            {"leader_id": node, "uid_count": len(uids), "uids": uids, "slot_ids": _slots(call, uids)}
            for node, uids in nodes.items()
        ],
        "created_at": minute_text(one.created_at),
        "expire_at": minute_text(one.last_get + EXPIRE),
        "last_get_at": minute_text(one.last_get),
        "node_version": call.state.topology.view_of(call.node_id).version,
        "get_count": one.get_count,
    }


@routes.add("GET", "/tags", servers=BOTH)
async def tags(call: Call) -> object:
    node_id = call.number("node_id")
    if node_id and node_id != call.node_id:
        if node_id not in call.state.node_ids:
            raise Fail("node not found")
        return await call.forward(node_id)
    channel_id, channel_type, tag_key = call.text("channel_id"), call.number("channel_type"), call.text("tag_key")
    if (channel_id and channel_type) or tag_key:
        key = (channel_id, channel_type)
        found = _find(call, "" if channel_id and channel_type else tag_key, key)
        return [_row(call, found)] if found else []
    newest = sorted(_alive(call), key=lambda one: one.created_at, reverse=True)
    return [_row(call, one) for one in newest[:MAX_TAGS]]


@routes.add("POST", "/tag/remove", servers=BOTH)
async def remove(call: Call) -> object:
    """Harmless: the next message makes it again."""
    form = call.decode(REMOVE)
    node_id = form["node_id"]
    if node_id and node_id != call.node_id:
        if node_id not in call.state.node_ids:
            raise Fail("node not found")
        return await call.forward(node_id)
    found = _find(call, form["tag_key"], (form["channel_id"], form["channel_type"]))
    if found is not None:
        call.state.tags.pop(found.channel, None)
    return OK
