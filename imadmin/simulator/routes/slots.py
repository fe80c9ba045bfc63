"""Slots: one node's view, everybody's view, and the replicas of one."""

import asyncio
from typing import Any
from urllib.parse import quote_plus

from ..gojson import Struct
from ..http import BOTH, OK, Call, Crash, Fail, may_write, routes, to_int
from ..ids import duration
from ..topology import Slot, View
from .nodes import to_config_leader

STATUS_TEXT = {0: "正常", 1: "候选中", 2: "领导者转移中"}
NANO = 1_000_000_000
MIGRATE = Struct("", {"migrate_from": "uint64", "migrate_to": "uint64"})


def parse_uint(text: str) -> int:
    """Go's strconv.ParseUint with its error text."""
    if not text.isascii() or not text.isdigit():
        raise Fail(f'strconv.ParseUint: parsing "{text}": invalid syntax')
    return int(text)


def _row(slot: Slot, log_index: int) -> dict[str, Any]:
    return {
        "id": slot.id,
        "leader_id": slot.leader,
        "term": slot.term,
        "replicas": slot.replicas,
        "channel_count": 0,
        "log_index": log_index,
        "status": slot.status,
        "status_format": STATUS_TEXT[slot.status],
    }


def _find(view: View, text: str) -> Slot:
    number = parse_uint(text)
    if number >= len(view.slots):
        raise Fail("slot not found")
    return view.slots[number]


@routes.add("GET", "/cluster/slots", servers=BOTH)
async def slots(call: Call) -> object:
    """Local and never failing: the health route."""
    if not call.text("ids"):
        return []
    topology = call.state.topology
    view = topology.view_of(call.node_id)
    found = [_find(view, text) for text in call.text("ids").split(",")]
    return [_row(slot, topology.log_index(call.node_id, slot.id)) for slot in found]


@routes.add("GET", "/cluster/allslot", servers=BOTH)
async def all_slots(call: Call) -> object:
    if answer := await to_config_leader(call):
        return answer
    view = call.state.topology.view_of(call.node_id)
    for peer in call.online_peers():
        led = ",".join(str(slot.id) for slot in view.slots if slot.leader == peer)
        await call.reach(peer, f"/cluster/slots?ids={quote_plus(led)}")
        if not call.token_passes:
            raise Fail("IM服务返回状态[401]失败！")
    rows = [_row(slot, slot.log_index if view.nodes[slot.leader].online else 0) for slot in view.slots]
    return {"total": len(rows), "data": rows}


@routes.add("GET", "/cluster/slots/:id/config", servers=BOTH)
async def config(call: Call) -> object:
    """A follower asks the leader for its index: refused at once by a dead one, after five seconds by a hung one."""
    view = call.state.topology.view_of(call.node_id)
    number = parse_uint(call.params["id"])
    if number >= len(view.slots):
        raise Crash
    slot = view.slots[number]
    if slot.leader != call.node_id:
        live = call.state.topology.live[slot.leader]
        if live.alive and live.hung:
            await asyncio.sleep(call.state.timings.propose_timeout)
            raise Fail("context deadline exceeded")
        if not live.alive:
            raise Fail("connect not authed")
    own = call.state.topology.log_index(call.node_id, slot.id)
    return {
        "id": slot.id,
        "leader_id": slot.leader,
        "term": slot.term,
        "replicas": slot.replicas,
        "log_max_index": own,
        "leader_log_max_index": slot.log_index,
        "applied_index": own,
    }


def _replica(call: Call, slot: Slot, node_id: int) -> dict[str, Any]:
    index = call.state.topology.log_index(node_id, slot.id)
    return {
        "replica_id": node_id,
        "leader_id": slot.leader,
        "running": 1,
        "last_log_seq": index,
        "last_log_time": slot.last_log_time,
        "term": slot.term,
        "applied_index": index,
        "committed_index": index,
        "conf_version": 0,
    }


@routes.add("GET", "/cluster/slots/:id/replicas", servers=BOTH)
async def replicas(call: Call) -> object:
    """Leader first; an offline replica is simply missing."""
    view = call.state.topology.view_of(call.node_id)
    slot = _find(view, call.params["id"])
    if slot.leader != call.node_id:
        return await call.forward(slot.leader)
    peers = [node for node in slot.replicas if node != slot.leader and view.nodes[node].online]
    for peer in peers:
        await call.reach(peer, f"/cluster/slots/{slot.id}/localReplica")
        if not call.token_passes:
            raise Fail("status code: 401")
    elapsed = call.state.now() - slot.last_log_time / NANO
    return [
        {
            **_replica(call, slot, node),
            "role": 3 if node == slot.leader else 1,
            "role_format": "leader" if node == slot.leader else "follower",
            "last_log_time_format": duration(elapsed) if slot.last_log_time else "",
        }
        for node in [slot.leader, *peers]
    ]


@routes.add("GET", "/cluster/slots/:id/localReplica", servers=BOTH)
async def local_replica(call: Call) -> object:
    slot = _find(call.state.topology.view_of(call.node_id), call.params["id"])
    return _replica(call, slot, call.node_id)


@routes.add("POST", "/cluster/slots/:id/migrate", servers=BOTH)
async def migrate(call: Call) -> object:
    """Checks little: an unknown or dead target is taken, and the move then stays pending for ever."""
    may_write(call, "slotMigrate")
    if not call.body.strip():
        raise Fail("EOF")
    form = call.decode(MIGRATE)
    source, target = form["migrate_from"], form["migrate_to"]
    view = call.state.topology.view_of(call.node_id)
    number = to_int(call.params["id"])  # what is no number means slot 0
    if not 0 <= number < len(view.slots):
        raise Fail("slot not found")
    slot = view.slots[number]
    if slot.leader != call.node_id:
        return await call.forward(slot.leader)
    if source not in slot.replicas:
        raise Fail("MigrateFrom not in replicas")
    if target in slot.replicas and source != slot.leader:
        raise Fail("transition between followers is not supported")
    if not source or not target:
        raise Fail("migrateFrom or migrateTo is 0")
    if source == target:
        raise Fail("migrateFrom is equal to migrateTo")
    await _propose_config(call)
    call.state.moves.migrate(call.state.topology.view.slots[number], source, target)
    return OK


@routes.add("POST", "/cluster/slots/:id/election", servers=BOTH)
async def election(call: Call) -> object:
    may_write(call, "slotElection")
    slot = _find(call.state.topology.view_of(call.node_id), call.params["id"])
    await _propose_config(call)
    call.state.moves.elect(call.state.topology.view.slots[slot.id])
    return OK


async def _propose_config(call: Call) -> None:
    """A change of the configuration takes its quorum and a moment."""
    topology = call.state.topology
    leader = topology.view_of(call.node_id).leader
    if not leader or not topology.has_config_leader:
        raise Fail("not leader")
    if not topology.answers(leader) or not topology.has_quorum():
        await asyncio.sleep(call.state.timings.propose_timeout)
        raise Fail("context deadline exceeded")
    await asyncio.sleep(0.3 * topology.pace)
