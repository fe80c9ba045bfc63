"""Slots change hands: the leader or a copy moves to another node.

The server checks next to nothing (2.9): an unknown or dead target is accepted and stays pending for ever, an election
without another living copy never ends, a text that is no number means slot 0.  All of it is checked here, each time,
against the freshest view of the nodes.
"""

from __future__ import annotations

from imadmin.core.errors import gettext_noop
from imadmin.gateway import moving
from imadmin.gateway.errors import RefusedLocally, Unreachable
from imadmin.gateway.kinds.wukongim2.part import Part
from imadmin.gateway.types import NodeView

NO_CONFIG_LEADER = gettext_noop("No node leads the configuration at the moment, so no slot can move")


class MovesPart(Part):
    async def move_slot(self, slot: int, source: int, target: int) -> None:
        """Ask for a move: of the leader, when `target` holds a copy already and `source` leads; else of source's copy.

        The answer says that it was taken, not that it happened: follow it by node_views.  Raises RefusedLocally for
        what would hang (unknown or dead target, source without a copy, equal nodes), and what the server says.
        Source: POST /cluster/slots/:id/migrate; reference 2.9.
        """
        views = await self._views_for_moves("move_slot")
        _refuse(moving.why_no_move(views, slot, source, target))
        body = {"migrate_from": source, "migrate_to": target}
        await self.link.change("move_slot", f"/cluster/slots/{int(slot)}/migrate", body)

    async def elect_slot(self, slot: int) -> None:
        """Have another copy's node become leader; which one, the server decides.

        Raises RefusedLocally when no other node with a copy is online: it would never end, not even by a restart.
        Source: POST /cluster/slots/:id/election; reference 2.9.
        """
        views = await self._views_for_moves("elect_slot")
        _refuse(moving.why_no_election(views, slot))
        await self.link.change("elect_slot", f"/cluster/slots/{int(slot)}/election", {})

    async def _views_for_moves(self, operation: str) -> tuple[NodeView, ...]:
        views: tuple[NodeView, ...] = await self.node_views(slots=True)  # type: ignore[attr-defined]
        if not any(view.answers for view in views):
            raise Unreachable(operation=operation)
        if not any(view.is_leader for view in views if view.answers):
            raise Unreachable(NO_CONFIG_LEADER, operation=operation)
        return views


def _refuse(why: moving.Why | None) -> None:
    if why is not None:
        raise RefusedLocally({"slot": [why[0]]}, why[0], params=why[1])
