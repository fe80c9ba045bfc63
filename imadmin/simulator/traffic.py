"""The world goes on: people write, connections come and go, clients of a dead node turn up elsewhere."""

import asyncio
import math
import random
import time
from collections import Counter

from .behaviour import Draft, check_send, new_message, send_from_client, store_and_deliver
from .chatter import Chatter
from .ids import SYSTEM_UID, Reason
from .model import Connection
from .state import SimState
from .world import WorldSpec, connect_somebody

BEAT = 1.0  # seconds between two looks at the world
CHURN = 0.004  # share of connections that end each beat
RECONNECTS = 12  # at most so many come back each beat
SAVES = 0.3  # share of the messages after which somebody's conversations are saved to their slot
LEADER_MOVES_EVERY = 420.0  # seconds, on the average
WAVE = 290.0  # seconds from one busy time to the next


class Traffic:
    def __init__(self, state: SimState, spec: WorldSpec, *, restless: bool = False) -> None:
        self._state = state
        self._spec = spec
        self._restless = restless
        self._rng = random.Random(f"traffic-{state.seed}")
        self._chatter = Chatter(self._rng, state.cast.chats, state.cast.spammers)
        self._can_talk = bool(state.cast.chats) and spec.traffic_per_second > 0

    async def run(self) -> None:
        owed = 0.0
        while True:
            await asyncio.sleep(BEAT)
            owed += self._spec.traffic_per_second * BEAT * self._rng.uniform(0.4, 1.6) * self._busyness()
            while owed >= 1:
                owed -= 1
                if self._can_talk:
                    self._say()
            self._come_and_go()
            self._ping()
            if self._restless and self._rng.random() < BEAT / LEADER_MOVES_EVERY:
                self._move_a_leader()

    def _busyness(self) -> float:
        """Rates go up and down, or a chart of them would be a line."""
        return max(0.1, 1 + 0.7 * math.sin(time.monotonic() / WAVE * math.tau))

    def _move_a_leader(self) -> None:
        """Now and then somebody moves a slot's leader to a node that leads less; never while something is wrong."""
        topology = self._state.topology
        view = topology.view
        if len(view.nodes) < 2 or not all(topology.is_live(node) for node in view.nodes):
            return
        if any(slot.is_moving or slot.status for slot in view.slots) or not topology.has_config_leader:
            return
        slot = self._rng.choice(view.slots)
        load = Counter(one.leader for one in view.slots)
        target = min(slot.replicas, key=lambda node: (load[node], node))
        if load[target] <= load[slot.leader] and target != slot.leader:
            self._state.moves.migrate(slot, slot.leader, target)

    def _say(self) -> None:
        """One message the way a client sends it, when somebody's client is there; else straight into the channel."""
        line = self._chatter.next_line()
        draft = Draft(
            line.from_uid,
            line.channel_id,
            line.channel_type,
            line.payload,
            red_dot=line.red_dot,
            client_msg_no=f"{self._rng.getrandbits(128):032x}0",
        )
        if self._rng.random() < SAVES:
            self._state.save_conversations(line.from_uid)
        connection = self._connection_of(line.from_uid)
        if connection is not None:
            send_from_client(self._state, connection, draft)
        elif line.from_uid == SYSTEM_UID or check_send(self._state, draft) == Reason.SUCCESS:
            node_id = self._state.leader_of(draft.stored_key[0])
            if self._state.topology.answers(node_id):
                store_and_deliver(self._state, new_message(self._state, node_id, draft), draft)

    def _connection_of(self, uid: str) -> Connection | None:
        for one in self._state.online.receivers(uid):
            if one.is_simulated and self._state.topology.answers(one.node_id):
                return one
        return None

    def _come_and_go(self) -> None:
        present = [one for one in self._state.online.all() if one.is_simulated and one.here]
        leaving = sum(self._rng.random() < CHURN for _ in range(len(present)))
        for one in self._rng.sample(present, leaving):
            self._state.online.left(one)
        missing = self._spec.connections - len(present)
        for _ in range(min(RECONNECTS, max(0, missing))):
            connect_somebody(self._state, self._rng, self._state.cast)

    def _ping(self) -> None:
        """A few clients a beat keep their connection alive."""
        for node_id, connections in self._state.online.by_node.items():
            if not connections or not self._state.topology.answers(node_id):
                continue
            for one in self._rng.sample(list(connections.values()), max(1, len(connections) // 40)):
                if one.is_simulated:
                    one.last_activity = self._state.now()
                    one.in_packets += 1
                    one.out_packets += 1
                    self._state.count(one.registered_at or node_id, "ping")
