"""Who is connected, counted: every node's own connection rows, read for nothing but the uid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from imadmin.core.errors import AppError
from imadmin.gateway.http import gather_settled
from imadmin.gateway.kinds.wukongim2 import guards
from imadmin.gateway.kinds.wukongim2.part import NO_ADDRESS, OWN, Part, failed_with
from imadmin.gateway.kinds.wukongim2.roster import Member
from imadmin.gateway.kinds.wukongim2.shapes import number, rows, text, whole
from imadmin.gateway.node_types import NodePeople

PAGES = 50  # of CONNZ_LIMIT rows each; a node with more is not counted rather than half counted


class PeoplePart(Part):
    async def people(self, nodes: Sequence[int]) -> tuple[NodePeople, ...]:
        """Of these nodes: how many connections it owns, and whose; a node that doesn't tell them all has uids None.

        Rows that a node lists for sockets of another one are left to that one.  Never raises because of a node.
        Source: GET /connz of every node; reference 2.8, 5.9.
        """
        members = [member for member in await self.roster.known_members() if member.id in nodes]
        found = await gather_settled(*(self._people_of(member) for member in members))
        return tuple(
            _unknown(member, one) if isinstance(one, AppError) else one
            for member, one in zip(members, found, strict=True)
        )

    async def _people_of(self, member: Member) -> NodePeople:
        if not member.url:
            return NodePeople(member.id, None, None, NO_ADDRESS)
        own: dict[int, str] = {}  # by connection: a row that moves between two pages counts once
        for page in range(PAGES):
            span = {"node_id": member.id, "sort": "id", "offset": page * guards.CONNZ_LIMIT}
            count, mine = await self.link.get_from(
                "people", member.url, "/connz", {**span, "limit": guards.CONNZ_LIMIT},
                parse=lambda answer: _own_rows(answer, member.id), node=member.label, timeouts=OWN,
            )  # fmt: skip
            own.update(mine)
            if count < guards.CONNZ_LIMIT:
                return NodePeople(member.id, len(own), frozenset(own.values()))
        return NodePeople(member.id, None, None)


def _own_rows(answer: Any, node: int) -> tuple[int, dict[int, str]]:
    listed = rows(whole(answer).get("connections"))
    return len(listed), {
        number(row, "id", None): text(row, "uid", None) for row in listed if row.get("node_id") == node
    }


def _unknown(member: Member, error: AppError) -> NodePeople:
    return NodePeople(member.id, None, None, failed_with(member.label, error).reason)
