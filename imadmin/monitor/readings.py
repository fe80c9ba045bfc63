"""Nodes' own counters for pages: the newest reading and the one before it, remembered for all processes, as rates.

Metrics come from the manager APIs, apart from the looks of the poller: nothing of the verdict hangs on them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.core.cache import cache

from imadmin.clusters.access import Scope
from imadmin.core.aio import run
from imadmin.core.errors import AppError
from imadmin.gateway.node_types import NodeMetrics
from imadmin.gateway.types import now
from imadmin.monitor import rates
from imadmin.monitor.health_types import ClusterState
from imadmin.monitor.rates import NodeRates

FRESH = timedelta(seconds=4)  # several open pages share one reading
APART = timedelta(seconds=10)  # what a rate is taken over, at least
FORGET = timedelta(minutes=5)

ByNode = Mapping[int, NodeMetrics]


@dataclass(frozen=True, slots=True)
class Readings:
    """before: older by APART or more, {} as long as there is none."""

    at: datetime
    newest: ByNode = field(default_factory=dict)
    before: ByNode = field(default_factory=dict)

    def metrics(self, node: int) -> NodeMetrics | None:
        """None: not asked, as it was known to be silent."""
        return self.newest.get(node)

    def rates(self, node: int) -> NodeRates | None:
        newest = self.newest.get(node)
        return rates.between(self.before.get(node), newest) if newest else None


def read(scope: Scope, state: ClusterState) -> Readings:
    """Ask the nodes that answer for their counters, unless that was done a moment ago.  Never raises."""
    key = f"node-metrics:{scope.cluster.pk}"
    known: Readings | None = cache.get(key)
    at = now()
    if known and at - known.at < FRESH:
        return known
    living = {node.id for node in state.answering}
    try:
        told = {one.node: one for one in run(scope.gateway.metrics(living))} if living else {}
    except AppError as error:
        told = {node: NodeMetrics(node, False, at, error.message, error.code) for node in living}
    fresh = Readings(at, told, _before(known, at))
    cache.set(key, fresh, timeout=FORGET.total_seconds())
    return fresh


def _before(known: Readings | None, at: datetime) -> ByNode:
    """Of each node the newer of the two older readings that is long enough ago, else the older one."""
    if known is None:
        return {}
    found = dict(known.before)
    for node, one in known.newest.items():
        if one.answers and (at - one.as_of >= APART or node not in found):
            found[node] = one
    return {node: one for node, one in found.items() if at - one.as_of <= FORGET}
