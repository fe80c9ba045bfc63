"""The cluster's list of channel records."""

from typing import Any

from ..http import BOTH, Call, Crash, routes
from ..ids import channel_hash, minute_text
from ..model import ChannelKey, ChannelRecord
from ..state import SimState
from .people import NANO

CRASHING_FILTERS = (
    "ban",
    "disband",
    "subscriber_count_gte",
    "subscriber_count_lte",
    "denylist_count_gte",
    "denylist_count_lte",
    "allowlist_count_gte",
    "allowlist_count_lte",
)
_NOBODY = ChannelRecord("", 0)


def _status_text(record: ChannelRecord) -> str:
    if record.ban:
        return "封禁"
    return "解散" if record.disband else "正常"


def _row(state: SimState, record: ChannelRecord, *, exact: bool) -> dict[str, Any]:
    """exact: a lookup computes nothing from the messages and members."""
    key = (record.channel_id, record.channel_type)
    last = None if exact else state.archive.last(key)
    last_time = last.timestamp * NANO if last else 0
    is_known = record is not _NOBODY
    created_at = record.created_at
    if exact and record.was_updated and created_at:
        created_at = record.updated_at  # the cache shows the time of the update
    return {
        "id": channel_hash(*key) if is_known else 0,
        "slot": state.slot_of(record.channel_id) if is_known else 0,
        "channel_id": record.channel_id,
        "channel_type": record.channel_type,
        "ban": record.ban,
        "disband": record.disband,
        "subscriber_count": 0 if exact else len(state.store.members.get(key, ())),
        "allowlist_count": 0 if exact else record.allowlist_count,
        "denylist_count": 0 if exact else record.denylist_count,
        "last_msg_seq": last.seq if last else 0,
        "last_msg_time": last_time,
        "last_msg_time_format": minute_text(last_time / NANO),
        "status_format": _status_text(record),
        "created_at": created_at,
        "updated_at": record.updated_at,
        "created_at_format": minute_text(created_at / NANO),
        "updated_at_format": minute_text(record.updated_at / NANO),
    }


@routes.add("GET", "/cluster/channels", servers=BOTH)
async def channels(call: Call) -> object:
    if any(call.text(name) for name in CRASHING_FILTERS):
        raise Crash
    state, node_id = call.state, call.number("node_id")
    if node_id and node_id != call.node_id and node_id in state.node_ids:
        return await call.forward(node_id)
    limit = call.limit()
    if not node_id:
        await call.fan_out()
    channel_id, channel_type = call.text("channel_id"), call.number("channel_type")
    if channel_id:
        if not channel_type:
            return {"total": 0, "more": 0, "data": []}
        nodes = [call.node_id, *([] if node_id else call.online_peers())]
        found = _looked_up(state, (channel_id, channel_type), nodes)
        return {"total": 0, "more": 0, "data": [_row(state, record, exact=True) for record in found]}
    rows, more = _page(call, channel_type, limit, own_node=node_id == call.node_id)
    return {"total": 0, "more": int(more), "data": [_row(state, row, exact=False) for row in rows]}


def _looked_up(state: SimState, key: ChannelKey, nodes: list[int]) -> list[ChannelRecord]:
    """What these nodes keep, the first that has it winning; a node that lacks it adds a row that stands for nothing.

    A change shows on the slot leader at once and on the others a moment later.
    """
    record, leader = state.store.record(key), state.leader_of(key[0])
    if record is None:
        return [_NOBODY]
    rows = [record if node == leader else state.store.seen_by_replica(record) for node in nodes]
    known = [row for row in rows if row]
    return known[:1] + ([_NOBODY] if len(known) < len(rows) else [])


def _page(call: Call, channel_type: int, limit: int, *, own_node: bool) -> tuple[list[ChannelRecord], bool]:
    """Only records with a creation time are listed; the own node gives one row too many and never says more."""
    offset, pre = call.number("offset_created_at"), call.number("pre") == 1
    records = call.state.store.channels.values()
    rows = [one for one in records if one.created_at and (not channel_type or one.channel_type == channel_type)]
    rows.sort(key=lambda one: one.created_at, reverse=True)
    if pre:
        rows = [one for one in rows if one.created_at > offset]
    elif offset:
        rows = [one for one in rows if one.created_at < offset]
    size = limit + 1 if own_node else limit
    page = rows[-size:] if pre else rows[:size]
    return page, len(rows) > limit and not own_node
