"""Who is connected where, as the nodes and the slot leaders remember it.

A connection is listed by its own node and by the leader of its user's slot; kicks and deaths make the two
disagree, and that disagreement is what operators have to cope with (reference 5.1, 5.9).
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from .model import Connection


class Online:
    def __init__(self, node_ids: Iterable[int], leader_of: Callable[[str], int]) -> None:
        self._leader_of = leader_of
        self.by_node: dict[int, dict[int, Connection]] = {node: {} for node in node_ids}
        self.by_uid: dict[str, list[Connection]] = {}
        self.unauthenticated: Counter[int] = Counter()
        self.ghosts: Counter[int] = Counter()
        self._last_id: Counter[int] = Counter()

    def next_id(self, node_id: int) -> int:
        self._last_id[node_id] += 1
        return self._last_id[node_id]

    def restart(self, node_id: int) -> None:
        """A restarted node counts its connections from 1 again."""
        del self._last_id[node_id]

    def add(self, connection: Connection) -> Connection:
        connection.registered_at = self._leader_of(connection.uid)
        self.by_node[connection.node_id][connection.id] = connection
        self.by_uid.setdefault(connection.uid, []).append(connection)
        return connection

    def get(self, node_id: int, connection_id: int) -> Connection | None:
        return self.by_node.get(node_id, {}).get(connection_id)

    def all(self) -> Iterator[Connection]:
        for connections in self.by_uid.values():
            yield from connections

    def listed_by(self, node_id: int) -> list[Connection]:
        """The rows of one node's connz: its own sockets and those of users it leads."""
        own = [one for one in self.by_node[node_id].values() if one.here]
        return own + [one for one in self.all() if one.registered_at == node_id and one.node_id != node_id]

    def online_at(self, leader_id: int, uid: str) -> list[Connection]:
        """What the leader of the uid believes."""
        return [
            one
            for one in self.by_uid.get(uid, ())
            if (one.here if one.node_id == leader_id else one.registered_at == leader_id)
        ]

    def receivers(self, uid: str) -> list[Connection]:
        return [one for one in self.by_uid.get(uid, ()) if one.here]

    def count(self, node_id: int) -> int:
        """connz.total: open sockets without ghosts, with those that have not said who they are."""
        return sum(one.here for one in self.by_node[node_id].values()) + self.unauthenticated[node_id]

    def open_sockets(self, node_id: int) -> int:
        return self.count(node_id) + self.ghosts[node_id]

    def detach(self, connection: Connection, *, by_leader: bool = True) -> None:
        """Forget a connection without closing its socket: it stays behind as a ghost.

        by_leader: the slot leader took part; otherwise its row goes stale.
        """
        if connection.here and connection.socket is not None:
            self.ghosts[connection.node_id] += 1
        connection.here = False
        if by_leader or connection.registered_at == connection.node_id:
            connection.registered_at = 0
        self._drop_if_unknown(connection)

    def left(self, connection: Connection) -> None:
        """The client closed its socket."""
        if not connection.here and connection.socket is not None:
            self.ghosts[connection.node_id] -= 1
        connection.here, connection.registered_at = False, 0
        connection.socket = None
        self._drop_if_unknown(connection)

    def node_died(self, node_id: int) -> None:
        """Its sockets are gone, but leaders elsewhere go on listing them until `forget_dead`."""
        for connection in list(self.by_node[node_id].values()):
            connection.here = False
            if connection.registered_at == node_id:
                connection.registered_at = 0
            self._drop_if_unknown(connection)
        self.unauthenticated[node_id] = self.ghosts[node_id] = 0

    def forget_dead(self, node_id: int) -> None:
        for connection in list(self.all()):
            if connection.node_id == node_id and not connection.here:
                connection.registered_at = 0
                self._drop_if_unknown(connection)

    def leaders_moved(self) -> list[Connection]:
        """New leaders do not know the connections of their users yet; returns those to register later."""
        lost = []
        for connection in list(self.all()):
            if connection.here and connection.registered_at != self._leader_of(connection.uid):
                connection.registered_at = 0
                lost.append(connection)
        return lost

    def register_again(self, connections: Iterable[Connection]) -> None:
        for connection in connections:
            if connection.here:
                connection.registered_at = self._leader_of(connection.uid)

    def _drop_if_unknown(self, connection: Connection) -> None:
        if connection.here:
            return
        self.by_node[connection.node_id].pop(connection.id, None)
        if connection.registered_at:
            return
        mine = self.by_uid.get(connection.uid)
        if mine and connection in mine:
            mine.remove(connection)
            if not mine:
                del self.by_uid[connection.uid]
