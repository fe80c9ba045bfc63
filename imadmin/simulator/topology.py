"""Nodes, slots and who leads what, and how that changes when a node dies, hangs or returns.

Each node answers from its own view: a node that was away speaks from an old copy for a moment. Nothing here
knows HTTP; `faults` closes and opens the doors, this module only moves the leaders.
"""

import asyncio
import copy
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field


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


@dataclass(slots=True)
class NodeInfo:
    id: int
    cluster_addr: str
    api_addr: str
    online: bool = True
    offline_count: int = 0
    last_offline: int = 0
    status: int = 3
    created_at: int = 0


@dataclass(slots=True)
class Slot:
    id: int
    leader: int
    replicas: list[int]
    term: int = 1
    status: int = 0
    expect_leader: int = 0
    log_index: int = 0
    last_log_time: int = 0


@dataclass(slots=True)
class ConfigEntry:
    index: int
    term: int
    cmd: str
    data: str
    at: float


@dataclass(slots=True)
class View:
    """The cluster as one node sees it."""

    nodes: dict[int, NodeInfo]
    slots: list[Slot]
    leader: int
    term: int = 2
    version: int = 6


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
    config_log: list[ConfigEntry] = field(default_factory=list)
    home_leader: list[int] = field(default_factory=list)  # where the balancer wants each slot
    on_leaders_moved: Callable[[], None] = lambda: None

    # -- reading -------------------------------------------------------------------------------------------------

    def view_of(self, node_id: int) -> View:
        return self.live[node_id].stale_view or self.view

    def slot_leader(self, slot: int) -> int:
        return self.view.slots[slot].leader

    def answers(self, node_id: int) -> bool:
        return self.live[node_id].answers

    def has_quorum(self) -> bool:
        return sum(one.answers for one in self.live.values()) >= len(self.live) // 2 + 1

    def slot_has_quorum(self, slot: int) -> bool:
        replicas = self.view.slots[slot].replicas
        return sum(self.answers(one) for one in replicas) >= len(replicas) // 2 + 1

    @property
    def pace(self) -> float:
        """One second of the real server's failover, in ours."""
        return self.timings.offline_after / 6

    # -- writing -------------------------------------------------------------------------------------------------

    def log_slot(self, slot: int, now_ns: int) -> int:
        entry = self.view.slots[slot]
        entry.log_index += 1
        entry.last_log_time = now_ns
        return entry.log_index

    def log_config(self, cmd: str, data: str) -> None:
        self.view.version += 1
        self.config_log.append(ConfigEntry(self.view.version, self.view.term, cmd, data, time.time()))

    # -- faults --------------------------------------------------------------------------------------------------

    def went_away(self, node_id: int, *, hung: bool) -> None:
        """A node died or hangs: the others find out after `offline_after`."""
        one = self.live[node_id]
        one.alive, one.hung = hung and one.alive, hung
        one.gone_at, one.epoch = time.time(), one.epoch + 1
        one.stale_view = copy.deepcopy(self.view)
        self._later(1.5 * self.pace, self._lose_config_leader, node_id, one.epoch)
        lost_leader = node_id == self.view.leader
        self._later((8 if lost_leader else 6) * self.pace, self._mark_offline, node_id, one.epoch)

    def came_back(self, node_id: int, *, restarted: bool) -> None:
        """A node answers again, with an old view at first; it is online a little later and gets its slots back."""
        one = self.live[node_id]
        one.alive, one.hung, one.epoch = True, False, one.epoch + 1
        if restarted:
            one.started_at = time.time()
        self._later(0.8 * self.pace, self._catch_up, node_id, one.epoch)
        self._later(1.2 * self.pace, self._mark_online, node_id, one.epoch)
        self._look_for_missing()
        if not self.view.leader:
            self._later(1.7 * self.pace, self._elect_config_leader)

    def _later(self, delay: float, fn: Callable[..., None], *args: object) -> None:
        asyncio.get_running_loop().call_later(delay, fn, *args)

    def _is_current(self, node_id: int, epoch: int) -> bool:
        return self.live[node_id].epoch == epoch

    def _lose_config_leader(self, node_id: int, epoch: int) -> None:
        if self._is_current(node_id, epoch) and self.view.leader and not self.has_quorum():
            self.view.leader = 0
        if self._is_current(node_id, epoch) and self.view.leader == node_id:
            self.view.leader = 0
            self._later(0.5 * self.pace, self._elect_config_leader)

    def _elect_config_leader(self) -> None:
        if self.view.leader or not self.has_quorum():
            return
        self.view.term += 1
        self.view.leader = min(node for node, one in self.live.items() if one.answers)
        self._look_for_missing()

    def _look_for_missing(self) -> None:
        """A cluster without quorum notices no death; once it has one again, it does."""
        for node_id, one in self.live.items():
            if not one.answers and self.view.nodes[node_id].online:
                self._later(self.timings.offline_after, self._mark_offline, node_id, one.epoch)

    def _mark_offline(self, node_id: int, epoch: int) -> None:
        node = self.view.nodes[node_id]
        if not self._is_current(node_id, epoch) or not self.has_quorum() or not self.view.leader or not node.online:
            return
        node.online = False
        node.offline_count += 1
        node.last_offline = int(time.time())
        self.log_config("CMDTypeNodeOnlineStatusChange", f'{{"nodeId":{node_id},"online":false}}')
        for slot in self.view.slots:
            if slot.leader == node_id:
                slot.status = 1
                self.log_config("CMDTypeSlotStatusChange", f'{{"slotId":{slot.id},"status":1}}')
        self._later(0.5 * self.pace, self._move_slots)

    def _move_slots(self) -> None:
        """Give every slot without a living leader to the living replica that leads least."""
        load = {node: 0 for node, one in self.live.items() if one.answers and self.view.nodes[node].online}
        for slot in self.view.slots:
            if slot.leader in load:
                load[slot.leader] += 1
        for slot in self.view.slots:
            candidates = [replica for replica in slot.replicas if replica in load]
            if (slot.leader in load and slot.status == 0) or not candidates:
                continue
            chosen = min(candidates, key=lambda node: (load[node], node))
            load[chosen] += 1
            self.set_slot_leader(slot, chosen)
        self.on_leaders_moved()

    def set_slot_leader(self, slot: Slot, node_id: int) -> None:
        slot.leader, slot.term, slot.status, slot.expect_leader = node_id, slot.term + 1, 0, 0
        replicas = ",".join(map(str, slot.replicas))
        data = f'[{{"id":{slot.id},"leader":{node_id},"term":{slot.term},"replicas":[{replicas}]}}]'
        self.log_config("CMDTypeSlotUpdate", data)

    def _catch_up(self, node_id: int, epoch: int) -> None:
        if self._is_current(node_id, epoch):
            self.live[node_id].stale_view = None

    def _mark_online(self, node_id: int, epoch: int) -> None:
        if not self._is_current(node_id, epoch) or not self.has_quorum():
            return
        if not self.view.nodes[node_id].online:
            self.view.nodes[node_id].online = True
            self.log_config("CMDTypeNodeOnlineStatusChange", f'{{"nodeId":{node_id},"online":true}}')
        self._later(1.5 * self.pace, self._balance)

    def _balance(self) -> None:
        moved = False
        for slot, home in zip(self.view.slots, self.home_leader, strict=True):
            if slot.leader != home and self.view.nodes[home].online and self.answers(home):
                self.set_slot_leader(slot, home)
                moved = True
        if moved:
            self.on_leaders_moved()


def build_topology(
    addresses: dict[int, tuple[str, str]], slot_count: int, rng: random.Random, timings: Timings
) -> Topology:
    """addresses: node id to (cluster address, API URL). Slot leaders are spread evenly."""
    now = time.time()
    ids = sorted(addresses)
    replicas = ids[:3]
    homes = [replicas[index % len(replicas)] for index in range(slot_count)]
    rng.shuffle(homes)
    nodes = {node: NodeInfo(node, *addresses[node], created_at=int(now)) for node in ids}
    slots = [Slot(index, leader, list(replicas)) for index, leader in enumerate(homes)]
    return Topology(
        view=View(nodes, slots, leader=ids[len(ids) // 2]),
        timings=timings,
        live={node: Liveness(started_at=now) for node in ids},
        home_leader=homes,
    )
