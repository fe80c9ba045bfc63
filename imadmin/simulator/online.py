"""Who is connected where, as the nodes and the slot leaders remember it.

A connection is listed by its own node and by the leader of its user's slot; kicks and deaths make the two
disagree, and that disagreement is what operators have to cope with (reference 5.1, 5.9).
"""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from .model import Connection

REMOVED_CLIENT_NOTICES = 60.0  # seconds until a client whose pongs stopped gives up its socket


class Online:
    def __init__(self, node_ids: Iterable[int], leader_of: Callable[[str], int], clinging: float = 0.0) -> None:
        self._leader_of = leader_of
        self._clinging = clinging  # share of the world's clients that keep their socket when they are told to go
        self._rng = random.Random("clinging")
        self.hits_bystanders = False  # a knob: see `_hit_bystander`
        self.by_node: dict[int, dict[int, Connection]] = {}
        self.by_uid: dict[str, list[Connection]] = {}
        self._led: dict[int, dict[int, Connection]] = {}  # of other nodes' sockets, by the leader that knows of them
        self.unauthenticated: Counter[int] = Counter()
        self.ghosts: Counter[int] = Counter()
        self._lingering: list[tuple[float, int]] = []  # ghosts without a real socket: until when, where
        self._deaf: dict[int, list[Connection]] = {}
        self._last_id: Counter[int] = Counter()
        self.on_online: Callable[[Connection], None] = lambda connection: None
        self.on_offline: Callable[[Connection], None] = lambda connection: None
        for node in node_ids:
            self.add_node(node)

    def add_node(self, node_id: int) -> None:
        self.by_node[node_id], self._led[node_id] = {}, {}

    def next_id(self, node_id: int) -> int:
        self._last_id[node_id] += 1
        return self._last_id[node_id]

    def restart(self, node_id: int) -> None:
        """A restarted node counts its connections from 1 again."""
        del self._last_id[node_id]

    def add(self, connection: Connection) -> Connection:
        self.by_node[connection.node_id][connection.id] = connection
        self.by_uid.setdefault(connection.uid, []).append(connection)
        self._register(connection, self._leader_of(connection.uid))
        self.on_online(connection)
        return connection

    def _register(self, one: Connection, leader: int) -> None:
        if one.registered_at:
            self._led[one.registered_at].pop(id(one), None)
        one.registered_at = leader
        if leader and leader != one.node_id:
            self._led[leader][id(one)] = one

    # -- reading -------------------------------------------------------------------------------------------------

    def get(self, node_id: int, connection_id: int) -> Connection | None:
        return self.by_node.get(node_id, {}).get(connection_id)

    def all(self) -> Iterator[Connection]:
        for connections in self.by_uid.values():
            yield from connections

    def listed_by(self, node_id: int) -> list[Connection]:
        """The rows of one node's connz: its own sockets and those of users it leads."""
        own = [one for one in self.by_node[node_id].values() if one.here]
        return own + list(self._led[node_id].values())

    def user_count(self, node_id: int) -> int:
        return len({one.uid for one in self.listed_by(node_id)})

    def online_at(self, leader_id: int, uid: str) -> list[Connection]:
        """What the leader of the uid believes."""
        return [
            one
            for one in self.by_uid.get(uid, ())
            if (one.here if one.node_id == leader_id else one.registered_at == leader_id)
        ]

    def receivers(self, uid: str) -> list[Connection]:
        return [one for one in self.by_uid.get(uid, ()) if one.here and not one.is_forgotten]

    def count(self, node_id: int) -> int:
        """connz.total: open sockets without ghosts, with those that have not said who they are."""
        served = sum(one.here and not one.is_forgotten for one in self.by_node[node_id].values())
        return served + self.unauthenticated[node_id]

    def open_sockets(self, node_id: int) -> int:
        self._end_lingering()
        forgotten = sum(one.here and one.is_forgotten for one in self.by_node[node_id].values())
        return self.count(node_id) + forgotten + self.ghosts[node_id]

    # -- leaving -------------------------------------------------------------------------------------------------

    def detach(self, connection: Connection, *, by_leader: bool = True, told: bool = True) -> None:
        """Forget a connection without closing its socket: it stays behind as a ghost.

        by_leader: the slot leader took part; otherwise its row goes stale. told: the client heard of it.
        """
        if by_leader:
            self._hit_bystander(connection)
        has_gone = connection.here and not self._leave_behind(connection, told=told)
        connection.here = False
        if by_leader or connection.registered_at == connection.node_id:
            self._register(connection, 0)
        self._drop_if_unknown(connection)
        if has_gone:
            self.on_offline(connection)

    def _hit_bystander(self, connection: Connection) -> None:
        """The leader removes a connection by its number alone, and so forgets the one that has it on its own node."""
        leader = connection.registered_at
        if self.hits_bystanders and leader and leader != connection.node_id:
            victim = self.get(leader, connection.id)
            if victim is not None:
                victim.is_forgotten = True

    def _leave_behind(self, connection: Connection, *, told: bool) -> bool:
        """Does its socket stay? Only the end of that is an event."""
        if connection.socket is not None:
            self.ghosts[connection.node_id] += 1
            return True
        if self._clinging and (not told or self._rng.random() < self._clinging):
            self.add_ghosts(connection.node_id, 1, 270.0 if told else REMOVED_CLIENT_NOTICES)
            return True
        return False

    def add_ghosts(self, node_id: int, count: int, seconds: float = 270.0) -> None:
        """Open sockets that are served no more and belong to nobody real."""
        self.ghosts[node_id] += count
        self._lingering += [(time.monotonic() + seconds, node_id)] * count

    def _end_lingering(self) -> None:
        now = time.monotonic()
        for until, node_id in self._lingering:
            if until <= now:
                self.ghosts[node_id] -= 1
        self._lingering = [entry for entry in self._lingering if entry[0] > now]

    def deafen(self, connection: Connection) -> None:
        """Nobody lists it, nothing reaches it and nothing it sends is heard; only its socket is there."""
        if connection.is_deaf:
            return
        if connection.here:
            self.ghosts[connection.node_id] += 1
            self._deaf.setdefault(connection.node_id, []).append(connection)
        connection.here, connection.is_deaf = False, True
        self._register(connection, 0)
        self._drop_if_unknown(connection)

    def end_deafness(self) -> int:
        """The deaf clients notice and go; those of the world come back by themselves."""
        deaf = [one for mine in self._deaf.values() for one in mine]
        for one in deaf:
            if one.socket is None:
                self.ghosts[one.node_id] -= 1
                one.is_deaf = False
        self._deaf.clear()
        return len(deaf)

    def left(self, connection: Connection) -> None:
        """The client closed its socket."""
        if not connection.here and connection.socket is not None and self.ghosts[connection.node_id] > 0:
            self.ghosts[connection.node_id] -= 1
        self._hit_bystander(connection)
        deaf = self._deaf.get(connection.node_id, [])
        deaf[:] = [one for one in deaf if one is not connection]
        connection.here, connection.socket = False, None
        self._register(connection, 0)
        self._drop_if_unknown(connection)
        self.on_offline(connection)

    # -- nodes ---------------------------------------------------------------------------------------------------

    def node_died(self, node_id: int) -> None:
        """Its sockets are gone, but leaders elsewhere go on listing them until `forget_dead`."""
        for connection in list(self.by_node[node_id].values()):
            connection.here = False
            if connection.registered_at == node_id:
                self._register(connection, 0)
            self._drop_if_unknown(connection)
        self.unauthenticated[node_id] = self.ghosts[node_id] = 0
        self._lingering = [entry for entry in self._lingering if entry[1] != node_id]
        self._deaf.pop(node_id, None)

    def forget_dead(self, node_id: int) -> None:
        for connection in list(self.all()):
            if connection.node_id == node_id and not connection.here:
                self._register(connection, 0)
                self._drop_if_unknown(connection)

    def leaders_moved(self) -> list[Connection]:
        """New leaders do not know the connections of their users yet; returns those to register later."""
        lost = []
        for connection in self.all():
            if connection.here and connection.registered_at != self._leader_of(connection.uid):
                self._register(connection, 0)
                lost.append(connection)
        return lost

    def register_again(self, connections: Iterable[Connection]) -> None:
        for connection in connections:
            if connection.here:
                self._register(connection, self._leader_of(connection.uid))

    def _drop_if_unknown(self, connection: Connection) -> None:
        if connection.here:
            return
        mine = self.by_node[connection.node_id]
        if mine.get(connection.id) is connection:
            del mine[connection.id]
        if connection.registered_at:
            return
        rows = self.by_uid.get(connection.uid, [])
        rows[:] = [one for one in rows if one is not connection]
        if not rows:
            self.by_uid.pop(connection.uid, None)
