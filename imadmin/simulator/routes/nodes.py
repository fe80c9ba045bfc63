"""Nodes as the cluster sees them, and its raw configuration."""

from typing import Any

from ..http import BOTH, Call, Fail, routes
from ..ids import duration, minute_text
from ..state import SimState
from ..topology import NodeInfo, View, raw_config

STATUS_TEXT = {1: "将要加入", 2: "加入中", 3: "已加入"}
LEADER_NOT_FOUND = "leader not found"


def node_row(state: SimState, view: View, node: NodeInfo, *, asked: bool) -> dict[str, Any]:
    """Zero values are omitted, as Go's omitempty does. asked: the node answered for itself."""
    row: dict[str, Any] = {"id": node.id}
    if view.leader == node.id:
        row["is_leader"] = 1
    row |= {"role": 0, "cluster_addr": node.cluster_addr, "api_server_addr": node.api_addr}
    if node.online:
        row["online"] = 1
    if node.offline_count:
        row |= {"offline_count": node.offline_count, "last_offline": minute_text(node.last_offline)}
    row |= {"allow_vote": 1, "slot_count": sum(node.id in slot.replicas for slot in view.slots)}
    live, leads = state.topology.live[node.id], sum(slot.leader == node.id for slot in view.slots)
    if asked:
        row["term"] = view.term
    if leads:
        row["slot_leader_count"] = leads
    if asked and node.online:
        row["uptime"] = duration(state.now(node.id) - live.started_at)
        if state.settings.version:
            row["app_version"] = state.settings.version
        row["config_version"] = view.version
    return row | {"status": node.status, "status_format": STATUS_TEXT[node.status]}


@routes.add("GET", "/cluster/nodes", servers=BOTH)
async def nodes(call: Call) -> object:
    await call.fan_out(target="/cluster/node", refused="EOF")
    state, view = call.state, call.state.topology.view_of(call.node_id)
    rows = []
    for node in view.nodes.values():
        own = state.topology.view_of(node.id) if node.online else view
        rows.append(node_row(state, own, own.nodes[node.id] if node.online else node, asked=True))
    return {"total": len(rows), "data": rows}


@routes.add("GET", "/cluster/node", servers=BOTH)
async def node(call: Call) -> object:
    view = call.state.topology.view_of(call.node_id)
    return node_row(call.state, view, view.nodes[call.node_id], asked=True)


@routes.add("GET", "/cluster/simpleNodes", servers=BOTH)
async def simple_nodes(call: Call) -> object:
    """Never fails and never asks anybody: the base of every health check."""
    view = call.state.topology.view_of(call.node_id)
    rows = [node_row(call.state, view, one, asked=False) for one in view.nodes.values()]
    return {"total": len(rows), "data": rows}


async def to_config_leader(call: Call) -> object:
    """The answer of the config leader, unless this node is it."""
    leader = call.state.topology.view_of(call.node_id).leader
    if not leader:
        raise Fail(LEADER_NOT_FOUND)
    return None if leader == call.node_id else await call.forward(leader)


@routes.add("GET", "/cluster/info", servers=BOTH)
async def info(call: Call) -> object:
    """Raw configuration: camelCase, zero values omitted, so slot 0 has no id."""
    if answer := await to_config_leader(call):
        return answer
    return raw_config(call.state.topology.view_of(call.node_id))
