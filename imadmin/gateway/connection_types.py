"""All connections of a cluster, as rows.  Tuples, not dataclasses: there are tens of thousands, made anew every few
seconds while somebody looks at them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from imadmin.gateway.types import NodeFailure, Session


class ConnectionRow(NamedTuple):
    """One live connection; (node_id, id) names it.  uptime, idle: seconds, when its node was asked.

    leader_id: the node that leads the uid's slot and must be told to end it.  in_bytes, out_bytes: of packets, 0 for
    clients that speak JSON.  device_flag: None when the server names no kind we know.  device_level: "master", "slave",
    "" unknown.
    """

    node_id: int
    id: int
    leader_id: int
    uid: str
    device_flag: int | None
    device_level: str
    device_id: str
    address: str
    port: int
    uptime: int
    idle: int
    in_msgs: int
    out_msgs: int
    in_bytes: int
    out_bytes: int
    protocol_version: int

    @property
    def key(self) -> tuple[int, int]:
        return self[0], self[1]

    @property
    def rate(self) -> float:
        """Messages per second both ways, over the whole life of the connection."""
        return (self.in_msgs + self.out_msgs) / (self.uptime or 1)

    def session(self) -> Session:
        return Session(
            id=self.id,
            node_id=self.node_id,
            leader_id=self.leader_id,
            uid=self.uid,
            device_flag=self.device_flag,
            device_level=self.device_level,
            device_id=self.device_id,
            address=self.address,
            port=self.port,
            uptime=float(self.uptime),
            idle=float(self.idle),
            in_msgs=self.in_msgs,
            out_msgs=self.out_msgs,
            protocol_version=self.protocol_version,
        )


@dataclass(frozen=True, slots=True)
class NodeConnections:
    """What one node says of its own sockets.  total: those it counts, also the ones that have not signed in; listed:
    those it has a row for.  Both None when it didn't answer to the end.  remembered: rows that only others tell of it.
    """

    id: int
    answers: bool
    total: int | None
    listed: int | None
    remembered: int = 0


@dataclass(frozen=True, slots=True)
class ConnectionList:
    """rows: each told by the node that holds the socket, by (node_id, id), each once.

    remembered: told by another node alone (the leader of the uid's slot): the node that holds the socket is silent, or
    no longer knows it.  Nobody can say that these still live.
    """

    rows: tuple[ConnectionRow, ...]
    remembered: tuple[ConnectionRow, ...]
    nodes: tuple[NodeConnections, ...]
    failed: tuple[NodeFailure, ...]
    as_of: datetime
