"""Every channel ever used, by the node that leads its slot."""

from itertools import islice
from operator import attrgetter
from typing import Any

from ..http import BOTH, Call, Fail, Reply, routes
from ..ids import channel_type_text, duration, second_text
from ..model import ChannelConfig
from ..state import SimState
from .people import NANO
from .slots import parse_uint

_created_at = attrgetter("created_at")
IDLE_AFTER = 600  # seconds until an unused channel's instance goes away


def is_running(state: SimState, config: ChannelConfig, node_id: int) -> bool:
    """Has the node an instance of the channel now?"""
    if not config.running or node_id in config.stopped_on:
        return False
    return state.now() - max(config.last_append, config.started_at) / NANO < IDLE_AFTER


def _row(call: Call, config: ChannelConfig) -> dict[str, Any]:
    state, key = call.state, (config.channel_id, config.channel_type)
    active = is_running(state, config, config.leader_id)
    elapsed = duration(state.now() - config.last_append / NANO) if config.last_append else ""
    return {
        "channel_id": config.channel_id,
        "channel_type": config.channel_type,
        "channel_type_format": channel_type_text(config.channel_type),
        "replica_count": config.replica_max,
        "replicas": config.replicas,
        "leader_id": config.leader_id,
        "term": config.term,
        "slot_id": state.slot_of(config.channel_id),
        "slot_leader_id": state.leader_of(config.channel_id),
        "last_message_seq": state.archive.last_seq(key),
        "last_append_time": elapsed,
        "active": int(active),
        "active_format": "运行中" if active else "未运行",
        "status": config.status,
        "status_format": "正常",
        "migrate_from": config.migrate_from,
        "migrate_to": config.migrate_to,
        "created_at": config.created_at,
        "updated_at": config.updated_at,
        "created_at_format": second_text(config.created_at / NANO),
        "updated_at_format": second_text(config.updated_at / NANO),
    }


async def _at_node(call: Call) -> Reply | None:
    node_id = parse_uint(call.params["id"])
    view = call.state.topology.view_of(call.node_id)
    if node_id not in view.nodes:
        raise Fail("node not found")
    if node_id == call.node_id:
        return None
    if not view.nodes[node_id].online:
        raise Fail("node offline")
    return await call.forward(node_id)


@routes.add("GET", "/cluster/nodes/:id/channels", servers=BOTH)
async def node_channels(call: Call) -> object:
    """Channels whose slot leader is that node, newest first; pre=1 comes ascending."""
    if answer := await _at_node(call):
        return answer
    state = call.state
    active = (one for one in state.store.configs.values() if one.running and call.node_id in one.replicas)
    running = sum(is_running(state, one, call.node_id) for one in active)
    found, more = _exact(call) if call.text("channel_id") else _page(call)
    return {"total": 0, "more": int(more), "running": running, "data": [_row(call, one) for one in found]}


def _exact(call: Call) -> tuple[list[ChannelConfig], bool]:
    config = call.state.store.configs.get((call.text("channel_id"), call.number("channel_type")))
    if config is None:
        raise Fail("not found")
    return ([config] if call.state.leader_of(config.channel_id) == call.node_id else []), False


def _page(call: Call) -> tuple[list[ChannelConfig], bool]:
    limit, offset, pre = call.limit(deadly=False), call.number("offset_created_at"), call.number("pre") == 1
    everywhere = sorted(call.state.store.configs.values(), key=_created_at, reverse=True)
    if pre:
        newer = [one for one in everywhere if one.created_at > offset and _leads(call, one)]
        return newer[:limit][::-1], len(newer) > limit  # leaves out the rows nearest to the cursor
    older = (one for one in everywhere if (not offset or one.created_at < offset) and _leads(call, one))
    page = list(islice(older, limit + 1))
    return page[:limit], len(page) > limit


def _leads(call: Call, config: ChannelConfig) -> bool:
    return call.state.leader_of(config.channel_id) == call.node_id
