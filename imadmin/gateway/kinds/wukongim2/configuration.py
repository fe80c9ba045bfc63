"""The cluster's configuration, its nodes and slots, as the server itself puts them together (2.9).

These answers fail while a node dies or the configuration has no leader; `node_views` is what goes on telling then.
"""

from __future__ import annotations

from collections.abc import Sequence

from imadmin.core.errors import gettext_noop
from imadmin.gateway.cluster_types import AllSlots, ClusterInfo, NodeRow, ReplicaOfSlot, SlotConfig
from imadmin.gateway.errors import RefusedLocally
from imadmin.gateway.http import QUICK
from imadmin.gateway.kinds.wukongim2 import answers, views_wire, wire_cluster, wire_slots
from imadmin.gateway.kinds.wukongim2.part import FANNING
from imadmin.gateway.kinds.wukongim2.slots import LOG_LIMIT, SlotsPart
from imadmin.gateway.node_types import LogPage
from imadmin.gateway.types import SlotView

SLOT_LOG = 2
NO_SLOTS = gettext_noop("Name at least one slot.")


class ConfigurationPart(SlotsPart):
    async def cluster_info(self) -> ClusterInfo:
        """The configuration as its leader has it; fails while there is none.  Source: GET /cluster/info; 2.9."""
        return await self.link.get("cluster_info", "/cluster/info", parse=wire_cluster.info, timeouts=QUICK)

    async def node_rows(self) -> tuple[NodeRow, ...]:
        """All nodes by id, each asked by the one we ask; fails while one is down and not yet called offline.

        Source: GET /cluster/nodes; reference 2.9.
        """
        return await self.link.get("node_rows", "/cluster/nodes", parse=wire_cluster.nodes, timeouts=FANNING)

    async def node_row(self, node: int) -> NodeRow:
        """What one node says of itself.  Source: GET /cluster/node; reference 2.9."""
        member = await self.roster.member(node)
        return await self.link.get_from(
            "node_row", member.url, "/cluster/node", parse=wire_cluster.node, node=member.label, timeouts=QUICK
        )

    async def simple_node_rows(self, node: int) -> tuple[NodeRow, ...]:
        """All nodes as this one believes them to be; never fails while it lives.  Source: GET /cluster/simpleNodes."""
        member = await self.roster.member(node)
        return await self.link.get_from(
            "simple_node_rows", member.url, "/cluster/simpleNodes", parse=wire_cluster.nodes, node=member.label,
            timeouts=QUICK,
        )  # fmt: skip

    async def slots_at(self, node: int, slots: Sequence[int]) -> tuple[SlotView, ...]:
        """These slots as one node believes them to be.  Raises NoSuch for a slot that isn't there.

        Source: GET /cluster/slots?ids=; reference 2.9.
        """
        if not slots:
            raise RefusedLocally({"slots": [NO_SLOTS]})
        for slot in slots:
            await self.check_slot(slot)
        member = await self.roster.member(node)
        return await self.link.get_from(
            "slots_at", member.url, "/cluster/slots", {"ids": ",".join(str(slot) for slot in slots)},
            parse=views_wire.slots, node=member.label, timeouts=QUICK,
        )  # fmt: skip

    async def all_slots(self) -> AllSlots:
        """Every slot as its leader tells it; neither moves nor learners are in it, see `cluster_info`.

        Source: GET /cluster/allslot; reference 2.9.
        """
        return await self.link.get("all_slots", "/cluster/allslot", parse=wire_cluster.all_slots, timeouts=FANNING)

    async def slot_config(self, slot: int, node: int) -> SlotConfig:
        """One node's copy of a slot beside the leader's.  Raises NoSuch for an unknown slot: the server breaks over it.

        Source: GET /cluster/slots/:id/config; reference 2.9, 5.6.
        """
        await self.check_slot(slot)
        member = await self.roster.member(node)
        return await self.link.get_from(
            "slot_config", member.url, f"/cluster/slots/{int(slot)}/config", parse=wire_cluster.slot_config,
            node=member.label, timeouts=FANNING,
        )  # fmt: skip

    async def slot_roles(self, slot: int) -> tuple[ReplicaOfSlot, ...]:
        """The copies of a slot with their roles, leader first, as the leader collects them; offline ones are missing.

        Source: GET /cluster/slots/:id/replicas; reference 2.9.
        """
        await self.check_slot(slot)
        return await self.link.get(
            "slot_roles", f"/cluster/slots/{int(slot)}/replicas", parse=wire_cluster.slot_replicas, timeouts=FANNING
        )

    async def slot_log(self, node: int, slot: int, *, before: int = 0, after: int = 0, limit: int = 20) -> LogPage:
        """Changes of the data in a slot, as this node's copy has them, newest first; tokens in them are left out.

        before: `next` of the page before.  after: newer than this index, instead.
        Source: GET /cluster/logs?log_type=2; reference 2.9, 5.7.
        """
        await self.check_slot(slot)
        member = await self.roster.member(node)
        asked = {
            "node_id": node, "log_type": SLOT_LOG, "slot": int(slot), "limit": min(limit, LOG_LIMIT),
            "next": before or None, "pre": after or None,
        }  # fmt: skip
        reply = await self.link.reply_from(
            "slot_log", member.url, "/cluster/logs", asked, node=member.label, timeouts=QUICK
        )
        return answers.read(reply, lambda answer: wire_slots.slot_log(answer, node))
