"""What a node tells of its figures over time, when a Prometheus server stands behind it (2.14)."""

from __future__ import annotations

from imadmin.core.errors import gettext_noop
from imadmin.gateway.errors import RefusedLocally
from imadmin.gateway.http import gather_settled
from imadmin.gateway.kinds.wukongim2 import wire_system
from imadmin.gateway.kinds.wukongim2.metrics import MetricsPart
from imadmin.gateway.kinds.wukongim2.part import FANNING
from imadmin.gateway.system_types import SeriesPoint

LONGEST = 30 * 86_400  # seconds
BAD_TIME = gettext_noop("Ask for 1 second to 30 days.")


class SeriesPart(MetricsPart):
    """() without a Prometheus server.  seconds: how far back; a point stands for a thirtieth of it.  node: whose
    figures, 0 = all that Prometheus knows; any node's manager API answers."""

    async def app_series(self, *, seconds: int = 300, node: int = 0) -> tuple[SeriesPoint, ...]:
        """Connections, users and packets a second.  Source: GET /metrics/app of a manager API; reference 2.14."""
        return await self._series("app_series", "app", seconds, node)

    async def cluster_series(self, *, seconds: int = 300, node: int = 0) -> tuple[SeriesPoint, ...]:
        """Proposals and messages between nodes a second.  Source: GET /metrics/cluster; reference 2.14."""
        return await self._series("cluster_series", "cluster", seconds, node)

    async def system_series(self, *, seconds: int = 300, node: int = 0) -> tuple[SeriesPoint, ...]:
        """Traffic, memory, processor.  Source: GET /metrics/system; reference 2.14."""
        return await self._series("system_series", "system", seconds, node)

    async def _series(self, operation: str, name: str, seconds: int, node: int) -> tuple[SeriesPoint, ...]:
        if not 0 < seconds <= LONGEST:
            raise RefusedLocally({"seconds": [BAD_TIME]})
        members = [await self.roster.member(node)] if node else list(await self.roster.members())
        places = await gather_settled(*(self._manager_of(member) for member in members))
        manager = next((place for place in places if isinstance(place, str)), None)
        if manager is None:
            raise places[0]
        member = members[places.index(manager)]
        return await self.link.get_from(
            operation, manager, f"/metrics/{name}", {"latest": int(seconds), "node_id": node or None},
            parse=wire_system.series, node=member.label, timeouts=FANNING,
        )  # fmt: skip
