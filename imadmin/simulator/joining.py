"""A new node joins by seed: will join, joining, joined with learners everywhere, balanced (reference 5.9).

As seen once on the real cluster it can get stuck half way: the others name the new node their leader, it names none,
and only its restart finishes the join.
"""

from .moves import BALANCE, Moves
from .topology import Liveness, NodeInfo, Slot, Topology, raw_node, raw_slot

CONFIGURED = 2.0  # seconds from its appearance to "joining"
JOINED = 4.0  # and to "joined"
REPLICAS_MOVE = 2.0


class Joining:
    def __init__(self, topology: Topology, moves: Moves) -> None:
        self._topology = topology
        self._moves = moves
        self._addresses: dict[int, str] = {}
        self.stuck: set[int] = set()

    def begin(self, node_id: int, cluster_addr: str, api_addr: str, *, now: float, stuck: bool) -> None:
        topology = self._topology
        view = topology.view
        self._addresses[node_id] = api_addr
        view.nodes[node_id] = NodeInfo(node_id, cluster_addr, "", status=1, created_at=int(now), join=True)
        topology.live[node_id] = Liveness(started_at=now)
        view.learners, view.migrate_from, view.migrate_to = [node_id], node_id, node_id
        topology.log_config("CMDTypeNodeJoin", raw_node(view.nodes[node_id]))
        if stuck:
            self.stuck.add(node_id)
        topology.later(CONFIGURED, self._configured, node_id)

    def _configured(self, node_id: int) -> None:
        topology = self._topology
        view = topology.view
        view.learners, view.migrate_from, view.migrate_to = [], 0, 0
        view.nodes[node_id].status = 2
        view.term += 1
        topology.log_config("CMDTypeNodeJoining", {"nodeId": node_id})
        if node_id in self.stuck:
            view.leader = node_id
            own = view.copy()
            own.leader = 0
            topology.live[node_id].stale_view = own
            return
        topology.later(JOINED - CONFIGURED, self._joined, node_id)

    def restarted(self, node_id: int) -> None:
        """A join that was stuck goes on."""
        if node_id in self.stuck:
            self.stuck.discard(node_id)
            self._topology.later(1.0, self._joined, node_id)

    def _joined(self, node_id: int) -> None:
        topology = self._topology
        view = topology.view
        if not topology.answers(node_id) or view.nodes[node_id].status == 3:
            return
        topology.live[node_id].stale_view = None
        view.nodes[node_id].api_addr = self._addresses[node_id]
        view.nodes[node_id].status = 3
        view.term += 1
        if view.leader not in view.nodes or view.leader == node_id:
            view.leader = min(one for one in view.nodes if topology.is_live(one) and one != node_id)
        chosen = self._share(node_id)
        for slot in chosen:
            slot.learners.append(node_id)
            slot.migrate_to = node_id
        topology.log_config("CMDTypeNodeJoined", {"nodeId": node_id, "slots": [raw_slot(slot) for slot in chosen]})
        topology.later(REPLICAS_MOVE, self._moved, node_id, [slot.id for slot in chosen])

    def _share(self, node_id: int) -> list[Slot]:
        """The slots that get a copy on the new node, each with the node that gives its own up."""
        view = self._topology.view
        kept: dict[int, int] = dict.fromkeys(view.nodes, 0)
        led: dict[int, int] = dict.fromkeys(view.nodes, 0)
        for slot in view.slots:
            led[slot.leader] += 1
            for node in slot.replicas:
                kept[node] += 1
        if len(view.slots[0].replicas) < view.slot_replicas:
            chosen = [slot for slot in view.slots if not slot.is_moving]
            for slot in chosen:
                slot.migrate_from = node_id
            return chosen
        copies = -(-len(view.slots) * view.slot_replicas // len(view.nodes))
        leaders = -(-len(view.slots) // len(view.nodes))
        chosen = []
        for giver in sorted(view.nodes):
            for slot in view.slots:
                if kept[giver] <= copies:
                    break
                if slot.is_moving or giver not in slot.replicas:
                    continue
                if slot.leader == giver and led[giver] <= leaders:
                    continue
                led[giver] -= slot.leader == giver
                kept[giver] -= 1
                slot.migrate_from = giver
                chosen.append(slot)
        return chosen

    def _moved(self, node_id: int, slot_ids: list[int]) -> None:
        topology = self._topology
        if not topology.answers(node_id):
            topology.later(REPLICAS_MOVE, self._moved, node_id, slot_ids)
            return
        for slot in (topology.view.slots[number] for number in slot_ids):
            if slot.migrate_to != node_id:
                continue
            giver = slot.migrate_from
            slot.replicas = sorted([*(node for node in slot.replicas if node != giver), node_id])
            slot.settle()
            if slot.leader == giver:
                topology.give(slot, node_id)
        topology.log_slots([topology.view.slots[number] for number in slot_ids])
        topology.on_leaders_moved()
        topology.later(BALANCE, self._moves.balance)
