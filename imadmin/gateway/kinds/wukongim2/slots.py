"""Slots and the configuration: how far which copy is, and the log of changes (2.9).

Copies are asked of each node itself; the server's own merged answer fails for seconds after a death (5.9).
"""

from __future__ import annotations

from collections.abc import Sequence

from imadmin.core.errors import AppError, gettext_noop
from imadmin.gateway.errors import BadReply, NoSuch
from imadmin.gateway.http import QUICK, gather_settled
from imadmin.gateway.kinds.wukongim2 import answers, wire_slots
from imadmin.gateway.kinds.wukongim2.part import Part, failed_with
from imadmin.gateway.node_types import LogPage, SlotReplica

CONFIG_LOG = 1  # the only log we read: the others hold the tokens of devices
LOG_LIMIT = 100
NO_SLOT = gettext_noop("The cluster has no such slot")
UNSURE_COUNT = gettext_noop("Nobody tells how many slots there are")


class SlotsPart(Part):
    async def slot_replicas(self, slot: int, nodes: Sequence[int]) -> tuple[SlotReplica, ...]:
        """The copies of a slot on these nodes, each told by itself, in the order given.

        Raises NoSuch for a slot that isn't there before anything is asked.
        Source: GET /cluster/slots/:id/localReplica of each node; reference 2.9.
        """
        await self.check_slot(slot)
        return tuple(await gather_settled(*(self._replica(slot, node) for node in nodes)))

    async def config_log(self, node: int, *, before: int = 0, limit: int = 20) -> LogPage:
        """Changes of the configuration as this node has them, newest first.  before: `next` of the page before.

        Raises NoSuch for an unknown node before anything is asked: the server breaks over it (5.6).
        Source: GET /cluster/logs?log_type=1; reference 2.9.
        """
        member = await self.roster.member(node)
        asked = {"node_id": node, "log_type": CONFIG_LOG, "limit": min(limit, LOG_LIMIT), "next": before or None}
        reply = await self.link.reply_from(
            "config_log", member.url, "/cluster/logs", asked, node=member.label, timeouts=QUICK
        )
        return answers.read(reply, lambda answer: wire_slots.config_log(answer, node))

    async def check_slot(self, slot: int) -> None:
        """Raises NoSuch: an unknown slot breaks some routes, and a text that is no number means slot 0 there (2.9)."""
        count = await self.roster.slot_count()
        if count is None:
            raise BadReply(UNSURE_COUNT, operation="slots")
        if not 0 <= slot < count:
            raise NoSuch(NO_SLOT, operation="slots")

    async def _replica(self, slot: int, node: int) -> SlotReplica:
        try:
            member = await self.roster.member(node)
            found = await self.link.get_from(
                "slot_replicas", member.url, f"/cluster/slots/{slot}/localReplica",
                parse=wire_slots.own_replica, node=member.label, timeouts=QUICK,
            )  # fmt: skip
        except AppError as error:
            return SlotReplica(node, answers=False, error=failed_with(str(node), error).reason)
        return found
