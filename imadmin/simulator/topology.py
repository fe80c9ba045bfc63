"""Nodes, slots and who leads what: the cluster's configuration and each node's view of it.

Each node answers from its own view: a node that was away speaks from an old copy for a moment. What changes it all is
elsewhere: `failover` when nodes go and come, `moves` for transfers and elections, `joining` for a new node.
"""

import asyncio
import random
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

SLOT_LOG_KEPT = 128


@dataclass(slots=True)
class Timings:
    """How long the real server takes; tests shorten `offline_after` and the rest of a failover follows."""

    offline_after: float = 6.0  # a dead node is marked offline
    propose_timeout: float = 5.0  # a write that finds no quorum gives up
    detach_after: float = 2.0  # a kicked connection leaves the lists
    token_detach_after: float = 10.0
    close_window: float = 0.1  # closings of one user that fall due within it are one batch
    replica_lag: float = 0.2  # a change of a channel record reaches the other replicas
    connect_within: float = 2.0  # a client must send connect
    refuse_after: float = 5.0  # a refused login is closed, without an answer
    store_after: float = 0.02  # /message/send is asynchronous
    conversation_save: float = 60.0  # until a conversation that a message made is in the cluster's list
    recv_retry: float = 80.0  # a message that a client did not acknowledge is sent again, five times
    hook_pace: float = 1.0  # how much slower than the real one the webhook waits and retries


@dataclass(slots=True)
class NodeInfo:
    id: int
    cluster_addr: str
    api_addr: str
    online: bool = True
    offline_count: int = 0
    last_offline: int = 0
    status: int = 3  # 1 will join, 2 joining, 3 joined
    created_at: int = 0
    join: bool = False  # it came later, by seed


@dataclass(slots=True)
class Slot:
    id: int
    leader: int
    replicas: list[int]
    term: int = 1
    status: int = 0  # 1 electing
    expect_leader: int = 0
    log_index: int = 0
    last_log_time: int = 0
    learners: list[int] = field(default_factory=list)
    migrate_from: int = 0
    migrate_to: int = 0

    @property
    def is_moving(self) -> bool:
        return bool(self.migrate_from or self.migrate_to)

    def settle(self) -> None:
        """The move is over or was given up by an election."""
        self.migrate_from = self.migrate_to = 0
        self.learners = []


@dataclass(slots=True)
class LogEntry:
    """One entry of a raft log; `data` becomes JSON text when somebody reads it."""

    index: int
    term: int
    cmd: str
    data: object
    at: float


@dataclass(slots=True)
class View:
    """The cluster as one node sees it."""

    nodes: dict[int, NodeInfo]
    slots: list[Slot]
    leader: int
    term: int = 2
    version: int = 6
    slot_replicas: int = 3
    channel_replicas: int = 3
    learners: list[int] = field(default_factory=list)  # of the configuration itself, while a node joins
    migrate_from: int = 0
    migrate_to: int = 0

    def copy(self) -> "View":
        return replace(
            self,
            nodes={node: replace(info) for node, info in self.nodes.items()},
            slots=[replace(one, replicas=list(one.replicas), learners=list(one.learners)) for one in self.slots],
            learners=list(self.learners),
        )


@dataclass(slots=True)
class Liveness:
    alive: bool = True
    hung: bool = False
    started_at: float = 0.0
    gone_at: float = 0.0
    epoch: int = 0  # raised by every fault, so that timers of an older one do nothing
    stale_view: View | None = None

    @property
    def answers(self) -> bool:
        return self.alive and not self.hung


@dataclass(slots=True)
class Topology:
    view: View
    timings: Timings
    live: dict[int, Liveness]
    config_log: list[LogEntry] = field(default_factory=list)
    slot_logs: dict[int, deque[LogEntry]] = field(default_factory=dict)  # the newest of each slot
    frozen_logs: dict[tuple[int, int], int] = field(default_factory=dict)  # (node, slot): where its copy stopped
    on_leaders_moved: Callable[[], None] = lambda: None

    # -- reading -------------------------------------------------------------------------------------------------

    def view_of(self, node_id: int) -> View:
        return self.live[node_id].stale_view or self.view

    def slot_leader(self, slot: int) -> int:
        return self.view.slots[slot].leader

    def answers(self, node_id: int) -> bool:
        one = self.live.get(node_id)
        return one is not None and one.answers

    def is_live(self, node_id: int) -> bool:
        """Answers, and the cluster knows it."""
        return self.answers(node_id) and self.view.nodes[node_id].online

    @property
    def has_config_leader(self) -> bool:
        """False also while a half configured node is named leader and knows nothing of it."""
        leader = self.view.leader
        return bool(leader) and self.view.nodes[leader].status == 3

    def has_quorum(self) -> bool:
        voters = [one for node, one in self.live.items() if self.view.nodes[node].status == 3]
        return sum(one.answers for one in voters) >= len(voters) // 2 + 1

    def slot_has_quorum(self, slot: int) -> bool:
        replicas = self.view.slots[slot].replicas
        return sum(self.answers(one) for one in replicas) >= len(replicas) // 2 + 1

    def log_index(self, node_id: int, slot: int) -> int:
        """The last index of the node's own copy of a slot's log; 0 where it keeps none."""
        entry = self.view_of(node_id).slots[slot]
        if node_id not in entry.replicas and node_id not in entry.learners:
            return 0
        if entry.leader == node_id:
            return entry.log_index
        return min(self.frozen_logs.get((node_id, slot), entry.log_index), entry.log_index)

    @property
    def pace(self) -> float:
        """One second of the real server's failover, in ours."""
        return self.timings.offline_after / 6

    # -- writing -------------------------------------------------------------------------------------------------

    def later(self, seconds: float, fn: Callable[..., None], *args: object) -> None:
        """Run it after so many seconds of the real server's time."""
        asyncio.get_running_loop().call_later(seconds * self.pace, fn, *args)

    def log_slot(self, slot: int, now_ns: int, cmd: str = "", data: object = None) -> int:
        entry = self.view.slots[slot]
        entry.log_index += 1
        entry.last_log_time = now_ns
        log = self.slot_logs.get(slot)
        if log is None:
            log = self.slot_logs[slot] = deque(maxlen=SLOT_LOG_KEPT)
        log.append(LogEntry(entry.log_index, entry.term, cmd or "CMDUpdateChannelInfo", data, now_ns / 1e9))
        return entry.log_index

    def log_config(self, cmd: str, data: object) -> None:
        self.view.version += 1
        self.config_log.append(LogEntry(self.view.version, self.view.term, cmd, data, time.time()))

    def log_slots(self, slots: list[Slot]) -> None:
        """One entry for all slots of one proposal."""
        self.log_config("CMDTypeSlotUpdate", [raw_slot(one) for one in slots])

    def give(self, slot: Slot, node_id: int) -> None:
        """Make the node the slot's leader; the caller logs it."""
        slot.leader, slot.term, slot.status, slot.expect_leader = node_id, slot.term + 1, 0, 0
        self.frozen_logs.pop((node_id, slot.id), None)
        if slot.migrate_to == node_id:
            slot.settle()


def without_zeros(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value}


def raw_slot(slot: Slot) -> dict[str, Any]:
    return without_zeros(
        {
            "id": slot.id,
            "leader": slot.leader,
            "term": slot.term,
            "replicas": list(slot.replicas),
            "learners": list(slot.learners),
            "migrateFrom": slot.migrate_from,
            "migrateTo": slot.migrate_to,
            "expectLeader": slot.expect_leader,
            "status": slot.status,
        }
    )


def raw_node(one: NodeInfo) -> dict[str, Any]:
    return without_zeros(
        {
            "id": one.id,
            "clusterAddr": one.cluster_addr,
            "apiServerAddr": one.api_addr,
            "join": one.join,
            "online": one.online,
            "offlineCount": one.offline_count,
            "lastOffline": one.last_offline,
            "allowVote": True,
            "status": one.status,
            "createdAt": one.created_at,
        }
    )


def raw_config(view: View) -> dict[str, Any]:
    """The configuration as `/cluster/info` shows it and the config log begins with it: zero values are left out."""
    return without_zeros(
        {
            "version": view.version,
            "slotCount": len(view.slots),
            "slotReplicaCount": view.slot_replicas,
            "channelReplicaCount": view.channel_replicas,
            "term": view.term,
            "migrateFrom": view.migrate_from,
            "migrateTo": view.migrate_to,
            "learners": list(view.learners),
            "nodes": [raw_node(one) for one in view.nodes.values()],
            "slots": [raw_slot(slot) for slot in view.slots],
        }
    )


def build_topology(
    addresses: dict[int, tuple[str, str]],
    slot_count: int,
    rng: random.Random,
    timings: Timings,
    replica_count: int = 3,
) -> Topology:
    """addresses: node id to (cluster address, API URL). Slot leaders are spread evenly."""
    now = time.time()
    ids = sorted(addresses)
    size = min(replica_count, len(ids))
    # with more nodes than replicas every slot leaves out other nodes; its leader is one of those that keep it
    order = list(range(slot_count))
    rng.shuffle(order)
    slots = []
    for index, turn in enumerate(order):
        replicas = [ids[(turn + step) % len(ids)] for step in range(size)]
        slots.append(Slot(index, replicas[0], sorted(replicas)))
    nodes = {node: NodeInfo(node, *addresses[node], created_at=int(now)) for node in ids}
    view = View(nodes, slots, ids[len(ids) // 2], slot_replicas=replica_count, channel_replicas=replica_count)
    topology = Topology(view=view, timings=timings, live={node: Liveness(started_at=now) for node in ids})
    view.version = 0
    topology.log_config("CMDTypeConfigChange", raw_config(view))
    for node in nodes.values() if len(ids) > 1 else ():
        topology.log_config("CMDTypeConfigApiServerAddrChange", {"apiServerAddr": node.api_addr, "nodeId": node.id})
    return topology
