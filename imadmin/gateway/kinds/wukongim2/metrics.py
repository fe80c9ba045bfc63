"""Metrics: each node's Prometheus text, from its manager address, which the cluster never tells as a whole.

A node's varz says where its manager API listens; the port of that goes with the host we reach the node at.
"""

from __future__ import annotations

from collections.abc import Collection

from imadmin.core.errors import AppError, gettext_noop
from imadmin.gateway.errors import BadReply, GatewayError, NoSuch, Unreachable
from imadmin.gateway.http import QUICK, Call, gather_settled
from imadmin.gateway.kinds.wukongim2 import managers, metrics_text, wire_slots
from imadmin.gateway.kinds.wukongim2.part import NO_ADDRESS, Part, failed_with
from imadmin.gateway.kinds.wukongim2.roster import Member
from imadmin.gateway.kinds.wukongim2.shapes import WrongShape
from imadmin.gateway.node_types import NodeMetrics
from imadmin.gateway.types import now

OPERATION = "metrics"
MANAGER_OFF = gettext_noop("The manager API of this node is switched off, and its metrics with it")
NO_MANAGER = gettext_noop("The node tells no address of its manager API")
SHARED_MANAGER = gettext_noop("Several nodes would share one manager address; give each node its own in the settings")
NO_METRICS = gettext_noop("The manager API has no metrics page")
NO_TEXT = gettext_noop("What came back is no metrics text")


class MetricsPart(Part):
    managers: dict[int, str]  # by node; learned, forgotten when nobody answers there

    async def metrics(self, nodes: Collection[int] | None = None) -> tuple[NodeMetrics, ...]:
        """Every node's counters by id; a node that doesn't tell is answers=False with the reason, never zero.

        nodes: ask only these, when the others are known to be silent.
        Raises GatewayError when nobody ever told which nodes there are.
        Source: GET /metrics on each manager API, without credentials; reference 2.14.
        """
        known = await self.roster.known_members()
        members = [member for member in known if nodes is None or member.id in nodes]
        places = await gather_settled(*(self._manager_of(member) for member in members))
        told = [place for place in places if isinstance(place, str)]
        asked = [
            _nowhere(member, place)
            if isinstance(place, AppError)
            else _nowhere(member, Unreachable(SHARED_MANAGER, node=member.label, operation=OPERATION))
            if told.count(place) > 1
            else self._metrics_of(member, place)
            for member, place in zip(members, places, strict=True)
        ]
        return tuple(await gather_settled(*asked))

    async def _metrics_of(self, member: Member, manager: str) -> NodeMetrics:
        call = Call(operation=OPERATION, base=manager, path="/metrics", node=member.label, timeouts=QUICK)
        try:
            reply = await self.link.http.ask(call)
            if reply.status == 404:
                raise NoSuch(NO_METRICS, node=member.label, operation=OPERATION)
            if reply.status != 200:
                raise BadReply(NO_TEXT, node=member.label, operation=OPERATION)
            text = reply.body.decode("utf-8", "replace")
            return metrics_text.read(text, node=member.id, manager_url=manager, as_of=now())
        except WrongShape:
            return _silent(member, BadReply(NO_TEXT, node=member.label, operation=OPERATION), manager)
        except GatewayError as error:
            self.managers.pop(member.id, None)  # it may have moved
            return _silent(member, error, manager)

    async def _manager_of(self, member: Member) -> str:
        """Where the node's manager API is: as configured, else as the node says."""
        if given := self.roster.given_managers.get(member.id):
            return given
        if not member.url:
            raise Unreachable(NO_ADDRESS, node=member.label, operation=OPERATION)
        if self.link.manager and member.url == self.link.api:
            return self.link.manager
        if member.id not in self.managers:
            place = await self.link.get_from(
                OPERATION, member.url, "/varz", {"node_id": member.id},
                parse=wire_slots.manager_place, node=member.label, timeouts=QUICK,
            )  # fmt: skip
            self.managers[member.id] = _address(member, place)
        return self.managers[member.id]


def _address(member: Member, place: wire_slots.ManagerPlace) -> str:
    if not place.is_on:
        raise Unreachable(MANAGER_OFF, node=member.label, operation=OPERATION)
    found = managers.address(member.url, place.address)
    if not found:
        raise Unreachable(NO_MANAGER, node=member.label, operation=OPERATION)
    return found


async def _nowhere(member: Member, error: AppError) -> NodeMetrics:
    return _silent(member, error, "")


def _silent(member: Member, error: AppError, manager: str) -> NodeMetrics:
    told = failed_with(member.label, error)
    return NodeMetrics(member.id, False, now(), told.reason, told.code, manager)
