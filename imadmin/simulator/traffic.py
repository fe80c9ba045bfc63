"""The world goes on: people write, connections come and go, clients of a dead node turn up elsewhere."""

import asyncio
import random

from .behaviour import Draft, check_send, new_message, send_from_client, store_and_deliver
from .chatter import Chatter
from .ids import SYSTEM_UID, Reason
from .model import Connection
from .state import SimState
from .world import WorldSpec, connect_somebody

BEAT = 1.0  # seconds between two looks at the world
CHURN = 0.004  # share of connections that end each beat
RECONNECTS = 12  # at most so many come back each beat


class Traffic:
    def __init__(self, state: SimState, spec: WorldSpec) -> None:
        self._state = state
        self._spec = spec
        self._rng = random.Random(f"traffic-{state.seed}")
        self._chatter = Chatter(self._rng, state.cast.chats, state.cast.spammers)
        self._can_talk = bool(state.cast.chats) and spec.traffic_per_second > 0

    async def run(self) -> None:
        owed = 0.0
        while True:
            await asyncio.sleep(BEAT)
            owed += self._spec.traffic_per_second * BEAT * self._rng.uniform(0.4, 1.6)
            while owed >= 1:
                owed -= 1
                if self._can_talk:
                    self._say()
            self._come_and_go()
            self._ping()

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
