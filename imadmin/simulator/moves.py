"""Slots change hands: transfers and replica moves that somebody asked for, elections, and the balancer.

The real server checks hardly anything, so a move to a node that does not exist or never answers stays pending for
ever and stops the balancing of all slots (reference 2.9).
"""

from collections import Counter

from .topology import Slot, Topology

TRANSFER = 0.35  # seconds of the real server
REPLICA_MOVE = 2.0
ELECTION = 0.3
BALANCE = 1.0


class Moves:
    def __init__(self, topology: Topology) -> None:
        self._topology = topology
        self.is_stuck = False  # a knob: no move ends any more
        self.balances = True  # a knob: leaders stay where they were put

    # -- asked for -----------------------------------------------------------------------------------------------

    def migrate(self, slot: Slot, source: int, target: int) -> None:
        """Asked again while it is pending, it changes nothing."""
        topology = self._topology
        topology.log_config("CMDTypeSlotMigrate", {"fromNodeId": source, "slotId": slot.id, "toNodeId": target})
        if slot.is_moving:
            return
        self._begin(slot, source, target)

    def _begin(self, slot: Slot, source: int, target: int) -> None:
        slot.migrate_from, slot.migrate_to = source, target
        is_transfer = target in slot.replicas
        if not is_transfer:
            slot.learners.append(target)
        self._topology.later(TRANSFER if is_transfer else REPLICA_MOVE, self._end, slot.id)

    def _end(self, slot_id: int) -> None:
        topology, slot = self._topology, self._topology.view.slots[slot_id]
        target, source = slot.migrate_to, slot.migrate_from
        if not target or self.is_stuck or not topology.has_config_leader or not topology.answers(target):
            return
        if not topology.is_live(target) or not topology.answers(slot.leader):
            return
        if target not in slot.replicas:
            slot.replicas = [*(one for one in slot.replicas if one != source), target]
            slot.replicas.sort()
        slot.settle()
        if source == slot.leader:
            topology.give(slot, target)
        topology.log_slots([slot])
        topology.on_leaders_moved()
        topology.later(BALANCE, self.balance)

    def go_on(self) -> None:
        """Something changed that pending moves may have waited for."""
        for slot in self._topology.view.slots:
            if slot.is_moving:
                self._topology.later(TRANSFER, self._end, slot.id)

    def elect(self, slot: Slot) -> None:
        """It ends at another replica; without one that is online it never ends."""
        slot.status = 1
        self._topology.log_config("CMDTypeSlotStatusChange", {"slotId": slot.id, "status": 1})
        self._topology.later(ELECTION, self._end_elections, [slot.id])

    def _end_elections(self, slot_ids: list[int]) -> None:
        topology = self._topology
        if self.is_stuck or not topology.has_config_leader or not topology.has_quorum():
            return
        chosen: list[Slot] = []
        load = self._load()
        for slot in (topology.view.slots[number] for number in slot_ids):
            if slot.status != 1:
                continue
            others = [node for node in slot.replicas if node != slot.leader and topology.is_live(node)]
            if not others:
                continue
            best = (
                slot.expect_leader if slot.expect_leader in others else min(others, key=lambda node: (load[node], node))
            )
            load[best] += 1
            topology.give(slot, best)
            chosen.append(slot)
        if chosen:
            topology.log_slots(chosen)
            topology.on_leaders_moved()
            topology.later(BALANCE, self.balance)

    # -- failover ------------------------------------------------------------------------------------------------

    def _load(self) -> Counter[int]:
        return Counter(slot.leader for slot in self._topology.view.slots)

    def orphan(self, node_id: int) -> None:
        """The slots that an offline node led are up for election, their next leaders already chosen."""
        topology, load, changed = self._topology, self._load(), []
        for slot in topology.view.slots:
            if slot.leader != node_id:
                continue
            others = [node for node in slot.replicas if node != node_id and topology.is_live(node)]
            slot.status = 1
            if others:
                slot.expect_leader = min(others, key=lambda node: (load[node], node))
                load[slot.expect_leader] += 1
            changed.append(slot)
        if changed:
            topology.log_slots(changed)

    def adopt_orphans(self) -> None:
        self._end_elections([slot.id for slot in self._topology.view.slots if slot.status == 1])

    def welcome_back(self, node_id: int) -> None:
        """A returned node gets a fair share of leaders, and what waited for it goes on."""
        topology = self._topology
        if not topology.is_live(node_id):
            return
        self.adopt_orphans()
        self.go_on()
        if not self.balances:
            return
        load = self._load()
        live = [node for node in topology.live if topology.is_live(node)]
        share = len(topology.view.slots) // max(1, len(live))
        for slot in topology.view.slots:
            if load[node_id] >= share:
                break
            if load[slot.leader] > share and node_id in slot.replicas and not slot.is_moving:
                load[slot.leader] -= 1
                load[node_id] += 1
                self._begin(slot, slot.leader, node_id)

    # -- the balancer --------------------------------------------------------------------------------------------

    def balance(self) -> None:
        """Evens out the leaders; off while anything is pending, anywhere."""
        topology = self._topology
        view = topology.view
        if not self.balances or any(node.status != 3 for node in view.nodes.values()):
            return
        if any(slot.is_moving or slot.status for slot in view.slots):
            return
        load, kept = self._load(), Counter(node for slot in view.slots for node in slot.replicas)
        size = max(1, len(view.slots[0].replicas))
        share = {node: -(-kept[node] // size) for node in view.nodes}
        for slot in view.slots:
            if load[slot.leader] <= share[slot.leader] or not topology.is_live(slot.leader):
                continue
            takers = [node for node in slot.replicas if load[node] < share[node] and topology.is_live(node)]
            if takers:
                target = min(takers, key=lambda node: (load[node], node))
                load[slot.leader] -= 1
                load[target] += 1
                self._begin(slot, slot.leader, target)
