"""Every channel ever used, as the cluster keeps it: config, replicas, whether it runs."""

from itertools import islice
from operator import attrgetter
from typing import Any

from ..http import BOTH, Call, Crash, Fail, Reply, routes
from ..ids import channel_hash, channel_type_text, duration, rfc3339, second_text
from ..model import ChannelConfig, ChannelKey
from .people import NANO
from .slots import parse_uint

_created_at = attrgetter("created_at")
IDLE_AFTER = 600  # seconds until an unused channel's instance goes away


def _is_active(call: Call, config: ChannelConfig) -> bool:
    return config.running and call.state.now() - config.last_append / NANO < IDLE_AFTER


def _row(call: Call, config: ChannelConfig) -> dict[str, Any]:
    state, key = call.state, (config.channel_id, config.channel_type)
    active = _is_active(call, config)
    elapsed = duration(state.now() - config.last_append / NANO) if config.last_append else ""
    return {
        "channel_id": config.channel_id,
        "channel_type": config.channel_type,
        "channel_type_format": channel_type_text(config.channel_type),
        "replica_count": len(config.replicas),
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
    running = sum(_is_active(call, one) for one in active)
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


def _key(call: Call) -> ChannelKey:
    kind = call.params["channel_type"]
    return call.params["channel_id"], int(kind) if kind.isdigit() else 0


@routes.add("GET", "/cluster/channels/:channel_id/:channel_type/config", servers=BOTH)
async def channel_config(call: Call) -> object:
    """Zero values are omitted; works only on the slot leader."""
    node_id = call.number("node_id")
    if node_id and node_id != call.node_id:
        if node_id not in call.state.node_ids:
            raise Crash
        return await call.forward(node_id)
    key = _key(call)
    if call.state.leader_of(key[0]) != call.node_id:
        raise Fail("slot leader is not current node")
    config = call.state.store.configs.get(key)
    if config is None:
        raise Fail("not found")
    row: dict[str, Any] = {
        "id": 0 if config.written_by == call.node_id else channel_hash(*key),
        "channel_id": key[0],
        "channel_type": key[1],
        "replica_max_count": 3,
        "replicas": config.replicas,
        "learder_id": config.leader_id,
        "term": config.term,
        "migrate_from": config.migrate_from,
        "migrate_to": config.migrate_to,
        "status": config.status,
        "conf_version": config.conf_version,
        "created_at": rfc3339(config.created_at),
        "updated_at": rfc3339(config.updated_at),
    }
    return {name: value for name, value in row.items() if value}


@routes.add("GET", "/cluster/channels/:channel_id/:channel_type/replicas", servers=BOTH)
async def channel_replicas(call: Call) -> object:
    state, key = call.state, _key(call)
    slot_leader = state.leader_of(key[0])
    if slot_leader != call.node_id:
        return await call.forward(slot_leader)
    config = state.store.configs.get(key)
    if config is None:
        raise Fail("not found")
    rows = []
    for node in config.replicas:
        if not state.topology.view.nodes[node].online:
            continue
        if node != call.node_id:
            await call.reach(node, f"/cluster/channels/{key[0]}/{key[1]}/localReplica")
            if not call.token_passes:
                raise Fail("status code: 401")
        rows.append(_replica(call, config, node))
    return rows


def _replica(call: Call, config: ChannelConfig, node: int) -> dict[str, Any]:
    running, leads = _is_active(call, config), node == config.leader_id
    last = call.state.archive.last_seq((config.channel_id, config.channel_type))
    return {
        "replica_id": node,
        "leader_id": config.leader_id if running else 0,
        "running": int(running),
        "last_msg_seq": last,
        "last_msg_time": config.last_append,
        "term": config.term if running else 0,
        "conf_version": config.conf_version if running else 0,
        "role": 3 if leads else 1,
        "role_format": "leader" if leads else "follower",
        "last_msg_time_format": duration(call.state.now() - config.last_append / NANO) if config.last_append else "",
    }
