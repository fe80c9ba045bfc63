"""Nodes: each asked itself, at once, in seconds; what the freshest of them believes about all (5.9)."""

from __future__ import annotations

import time
from dataclasses import dataclass

from imadmin.core.errors import AppError, gettext_noop
from imadmin.gateway.errors import GatewayError, Unreachable
from imadmin.gateway.http import QUICK, gather_settled
from imadmin.gateway.kinds.wukongim2 import wire
from imadmin.gateway.kinds.wukongim2.part import NO_ADDRESS, Part, failed_with
from imadmin.gateway.kinds.wukongim2.roster import Member
from imadmin.gateway.types import Answer, NodeFailure, NodeStatus, now

ANOTHER_NODE = gettext_noop("Another node answers at this node's address")


@dataclass(frozen=True, slots=True)
class _Heard:
    """What one node said, and how long it took."""

    member: Member
    itself: wire.NodeSelf
    view: list[wire.MemberRow]
    varz: wire.Varz | None
    latency: float


class NodesPart(Part):
    async def node_ids(self) -> tuple[int, ...]:
        """The ids of all nodes, dead ones too, as the cluster lists them; held for some seconds.

        Source: GET /cluster/simpleNodes; reference 2.9.
        """
        return tuple(sorted(member.id for member in await self.roster.members()))

    async def nodes(self) -> Answer[tuple[NodeStatus, ...]]:
        """Every node by id: what it says of itself, None where it doesn't, and what the freshest view believes of it.

        A node that doesn't answer is listed with answers=False and named in `failed`, seconds before the cluster
        calls it offline.  latency in seconds.  Raises when no node answers.
        Source: GET /cluster/node, /cluster/simpleNodes, /varz of every node, never through another; reference 2.9, 5.9.
        """
        members = {member.id: member for member in await self.roster.known_members()}
        heard: dict[int, _Heard] = {}
        silent: dict[int, AppError] = {}
        freshest: _Heard | None = None
        for _ in range(2):  # the freshest view may know nodes that the first didn't
            unasked = [member for member in members.values() if member.id not in heard and member.id not in silent]
            results = await gather_settled(*(self._hear(member) for member in unasked))
            for member, result in zip(unasked, results, strict=True):
                if isinstance(result, AppError):
                    silent[member.id] = result
                else:
                    heard[member.id] = result
            if not heard:
                raise next(iter(silent.values()), Unreachable(operation="nodes"))
            freshest = max(heard.values(), key=lambda one: one.itself.config_version)
            members |= {member.id: member for member in self.roster.placed(freshest.view) if member.id not in members}
        assert freshest is not None
        self.roster.learn(freshest.view)
        view = {row.id: row for row in freshest.view}
        present = [node for node in sorted(members) if node in view or node in heard]  # the others left meanwhile
        statuses = tuple(_status(members[node], view.get(node), heard.get(node), silent.get(node)) for node in present)
        failed: tuple[NodeFailure, ...] = tuple(
            failed_with(str(node), silent[node]) for node in present if node in silent
        )
        return Answer(statuses, now(), tuple(str(node) for node in sorted(heard)), failed)

    async def _hear(self, member: Member) -> _Heard:
        if not member.url:
            raise Unreachable(NO_ADDRESS, node=member.label, operation="nodes")
        started = time.monotonic()
        itself, view, varz = await gather_settled(
            self._timed(started, member),
            self.link.get_from(
                "nodes", member.url, "/cluster/simpleNodes", parse=wire.members, node=member.label, timeouts=QUICK
            ),
            self.link.get_from(
                "nodes", member.url, "/varz", {"node_id": member.id}, parse=wire.varz, node=member.label, timeouts=QUICK
            ),
        )
        for answer in (itself, view):
            if isinstance(answer, Exception):
                raise answer
        said, latency = itself
        if said.id != member.id:
            raise Unreachable(ANOTHER_NODE, node=member.label, operation="nodes")
        return _Heard(member, said, view, None if isinstance(varz, GatewayError) else varz, latency)

    async def _timed(self, started: float, member: Member) -> tuple[wire.NodeSelf, float]:
        said = await self.link.get_from(
            "nodes", member.url, "/cluster/node", parse=wire.node_self, node=member.label, timeouts=QUICK
        )
        return said, time.monotonic() - started


def _status(member: Member, row: wire.MemberRow | None, heard: _Heard | None, error: AppError | None) -> NodeStatus:
    """row: the freshest view of the node, None when it isn't in there (any more)."""
    shown = row or member.row
    varz = heard.varz if heard else None
    return NodeStatus(
        id=member.id,
        cluster_address=shown.cluster_address,
        api_url=member.url or shown.api_url,
        answers=heard is not None,
        is_leader=row.is_leader if row else None,
        online_by_cluster=row.is_online if row else None,
        connections=varz.connections if varz else None,
        version=((varz.version if varz else "") or (heard.itself.version if heard else "")) or None,
        uptime=heard.itself.uptime if heard else None,
        memory=varz.memory if varz else None,
        goroutines=varz.goroutines if varz else None,
        slots_led=heard.itself.slots_led if heard else None,
        config_version=heard.itself.config_version if heard else None,
        latency=heard.latency if heard else None,
        error=failed_with(member.label, error).reason if error else "",
        role=shown.role,
        status=shown.status,
    )
