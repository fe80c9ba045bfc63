"""All connections of all nodes: each node asked for its own list, page by page, put together without doubles."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from imadmin.core.errors import AppError, gettext_noop
from imadmin.gateway.connection_types import ConnectionList, ConnectionRow, NodeConnections
from imadmin.gateway.errors import BadReply, Unreachable
from imadmin.gateway.http import Timeouts, gather_settled
from imadmin.gateway.kinds.wukongim2 import answers
from imadmin.gateway.kinds.wukongim2 import wire_connections as wire
from imadmin.gateway.kinds.wukongim2.part import NO_ADDRESS, Part, failed_with, failure
from imadmin.gateway.kinds.wukongim2.roster import Member
from imadmin.gateway.types import NodeFailure, now

OPERATION = "connections"
PAGE = 2000  # rows; the server sorts all of them for every page, 14 ms for 2 000 (5.5)
OVERLAP = 32  # rows asked for again, so that some that left meanwhile don't shift others past us
MOST_PAGES = 100  # a node
MOST_TIMES_BACK = 8
READING = Timeouts(connect=1.5, read=3.0, pool=2.0, total=5.0)

TOO_MANY = gettext_noop("This node lists more connections than we read; the rest is missing")
RESTLESS = gettext_noop("Its connections changed faster than they could be read; some may be missing")

Key = tuple[int, int]


@dataclass(slots=True)
class _Heard:
    """What one node listed.  error: why it didn't come to the end; what was read until then is hearsay."""

    member: Member
    own: dict[Key, wire.Found] = field(default_factory=dict)
    others: dict[Key, wire.Found] = field(default_factory=dict)
    total: int | None = None
    error: AppError | None = None
    shortfall: str = ""


class ConnectionsPart(Part):
    async def connections(self) -> ConnectionList:
        """Every connection of the cluster, each once, by (node_id, id); which nodes are missing from it.

        A node lists its own sockets and those elsewhere of users it leads; only what the socket's own node says counts,
        the rest is `remembered`.  A node that falls silent half way is missing as a whole.  Raises when nobody answers.
        Source: GET /connz of every node, never through another; reference 2.8, 5.9.
        """
        members = await self.roster.members()
        found: list[_Heard] = await gather_settled(*(self._listed_by(member) for member in members))
        if not any(heard.error is None for heard in found):
            raise next((heard.error for heard in found if heard.error), Unreachable(operation=OPERATION))
        return await asyncio.to_thread(_merged, found)  # a tenth of a second: the loop has others to serve

    async def _listed_by(self, member: Member) -> _Heard:
        heard = _Heard(member)
        try:
            await self._read_into(heard)
        except AppError as error:
            heard.error = error
        return heard

    async def _read_into(self, heard: _Heard) -> None:
        """Pages by connection id, each beginning inside the one before; when it doesn't, rows were lost: go back."""
        if not heard.member.url:
            raise Unreachable(NO_ADDRESS, node=heard.member.label, operation=OPERATION)
        offset, back, times_back = 0, OVERLAP, 0
        for _ in range(MOST_PAGES):
            page = await self._page(heard.member, offset)
            if offset and not (page.first in heard.own or page.first in heard.others):
                if times_back < MOST_TIMES_BACK:
                    offset, back, times_back = max(0, offset - back), back * 4, times_back + 1
                    continue
                heard.shortfall = RESTLESS
            back = OVERLAP
            heard.own |= page.own
            heard.others |= page.others
            heard.total = page.total
            if page.count < PAGE:
                return
            offset += PAGE - OVERLAP
        heard.shortfall = TOO_MANY

    async def _page(self, member: Member, offset: int) -> wire.ConnectionPage:
        params = {"node_id": member.id, "offset": offset, "limit": PAGE, "sort": "id"}
        reply = await self.link.reply_from(OPERATION, member.url, "/connz", params, node=member.label, timeouts=READING)
        return answers.read_body(reply, wire.page_reader(member.id), wire.careful_reader(member.id))


def _merged(found: list[_Heard]) -> ConnectionList:
    """Own rows of the nodes that came to the end; of all other sockets what anybody remembers."""
    complete = {heard.member.id: heard for heard in found if heard.error is None}
    rows: list[ConnectionRow] = []
    for node in sorted(complete):
        own = complete[node].own
        rows += wire.made([own[key] for key in sorted(own)])
    hearsay: dict[Key, wire.Found] = {}
    told = {key for heard in complete.values() for key in heard.own}
    for heard in found:
        listed = heard.others if heard.error is None else {**heard.others, **heard.own}
        hearsay |= {key: listed[key] for key in listed.keys() - told}
    remembered = tuple(wire.made([hearsay[key] for key in sorted(hearsay)]))
    failed = [_missing(heard) for heard in found if heard.error or heard.shortfall]
    return ConnectionList(tuple(rows), remembered, _nodes(found, remembered), tuple(failed), now())


def _missing(heard: _Heard) -> NodeFailure:
    if heard.error:
        return failed_with(heard.member.label, heard.error)
    return failure(heard.member.label, heard.shortfall, BadReply.code)


def _nodes(found: list[_Heard], remembered: tuple[ConnectionRow, ...]) -> tuple[NodeConnections, ...]:
    counts: dict[int, int] = {}
    for row in remembered:
        counts[row.node_id] = counts.get(row.node_id, 0) + 1
    ids = {heard.member.id for heard in found}
    known = [
        NodeConnections(
            id=heard.member.id,
            answers=heard.error is None,
            total=heard.total if heard.error is None else None,
            listed=len(heard.own) if heard.error is None else None,
            remembered=counts.get(heard.member.id, 0),
        )
        for heard in found
    ]
    left = [NodeConnections(node, False, None, None, counts[node]) for node in counts if node not in ids]
    return tuple(sorted(known + left, key=lambda node: node.id))
