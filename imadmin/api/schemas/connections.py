"""Connections in the API's words."""

from datetime import datetime
from typing import Self

from django.utils.translation import gettext

from imadmin.api.paging import partial
from imadmin.api.schemas.common import Out, Paged, PartialOut
from imadmin.gateway.connection_types import ConnectionRow
from imadmin.monitor.connections import Ghosts, Listing, NodeGhosts
from imadmin.monitor.connections.queries import Facet


class ConnectionOut(Out):
    """One live connection; node_id and id together name it.  leader_id: the node that leads its user's slot.

    uptime, idle: seconds.  in_bytes, out_bytes: of packets, 0 for clients that speak JSON.  rate: messages a second
    both ways, over its whole life.  device_flag: null for kinds we don't know.
    """

    node_id: int
    id: str
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
    rate: float

    @classmethod
    def of(cls, row: ConnectionRow) -> Self:
        return cls(**{**row._asdict(), "id": str(row.id), "rate": round(row.rate, 4)})


class FacetValueOut(Out):
    """count: with the filters of all other fields; null where it can't be known, because that node is silent."""

    value: str
    count: int | None
    is_chosen: bool


class FacetOut(Out):
    field: str
    values: list[FacetValueOut]

    @classmethod
    def of(cls, facet: Facet) -> Self:
        values = [FacetValueOut(value=one.term.value, count=one.count, is_chosen=one.is_chosen) for one in facet.values]
        return cls(field=facet.name, values=values)


class ConnectionsOut(Paged[ConnectionOut]):
    """matching: rows that fit the filters; total: rows told by the nodes that hold their sockets.

    remembered: rows that only another node tells; ask for them by known=remembered.
    """

    matching: int
    total: int
    remembered: int
    facets: list[FacetOut] = []

    @classmethod
    def of(cls, found: Listing) -> Self:
        return cls(
            items=[ConnectionOut.of(row) for row in found.rows],
            next_cursor=found.next_cursor,
            partial=partial(found.failed),
            as_of=found.as_of,
            matching=found.matching,
            total=found.of,
            remembered=found.remembered,
            facets=[FacetOut.of(facet) for facet in found.facets],
        )


class NodeGhostsOut(Out):
    """null = unknown.  state: ok | found | watching | unknown.

    sockets: open ones, from its metrics; counted: those the node counts; listed: those with a row.  ghosts, deaf: the
    least seen within `looked_for` seconds of open and not counted, of counted without row; null until 20 s are over.
    """

    node_id: int
    state: str
    sockets: int | None
    counted: int | None
    listed: int | None
    open_not_counted: int | None
    counted_no_row: int | None
    ghosts: int | None
    deaf: int | None
    remembered: int
    why: str

    @classmethod
    def of(cls, node: NodeGhosts) -> Self:
        return cls(
            node_id=node.id,
            state=node.state,
            sockets=node.sockets,
            counted=node.total,
            listed=node.listed,
            open_not_counted=node.open_unserved,
            counted_no_row=node.without_row,
            ghosts=node.ghosts,
            deaf=node.deaf,
            remembered=node.remembered,
            why=gettext(node.why) if node.why else "",
        )


class GhostsOut(Out):
    """looks: how many, within looked_for seconds.  ghosts, deaf: of the cluster, null while a node's are unknown."""

    nodes: list[NodeGhostsOut]
    partial: list[PartialOut]
    as_of: datetime
    looks: int
    looked_for: float
    ghosts: int | None
    deaf: int | None

    @classmethod
    def of(cls, found: Ghosts) -> Self:
        return cls(
            nodes=[NodeGhostsOut.of(node) for node in found.nodes],
            partial=partial(found.failed),
            as_of=found.as_of,
            looks=found.looks,
            looked_for=round(found.looked_for, 1),
            ghosts=found.ghosts,
            deaf=found.deaf,
        )
