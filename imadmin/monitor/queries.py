"""The overview: how the cluster is, its last hour, what happened, what was done."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from imadmin.accounts.permissions import Permission
from imadmin.audit import queries as audit
from imadmin.audit.models import AuditEntry
from imadmin.audit.queries import AuditFilter, AuditRow
from imadmin.clusters.access import Scope
from imadmin.monitor import events, series, watch
from imadmin.monitor.events import EventRow
from imadmin.monitor.health_types import ClusterState
from imadmin.monitor.models import Event
from imadmin.monitor.series import Series

LAST_ACTIONS = 6
LAST_EVENTS = 6
MINUTES = 60
FIGURES = ("connections", "sockets", "rows", "users", "sends", "incoming", "outgoing", "retries", "lag", "verdict")
TROUBLES = ("bad", "warn")


@dataclass(frozen=True, slots=True)
class LastActions:
    """are_own: only one's own are here, since the trail of others may not be read."""

    rows: tuple[AuditRow, ...]
    are_own: bool


@dataclass(frozen=True, slots=True)
class Overview:
    """hour: the last hour's figures, minute by minute.  troubles: events of the last hour by level."""

    state: ClusterState
    hour: Mapping[str, Series]
    events: tuple[EventRow, ...]
    troubles: Mapping[str, int]
    restarts: Mapping[int, int]
    actions: LastActions


def overview(scope: Scope, *, again: bool = False) -> Overview:
    """again: ask the nodes now, whatever is remembered.  A cluster that is down is an answer too, not an error."""
    scope.require(Permission.VIEW)
    state = watch.state(scope, fresh=0.0) if again else watch.state(scope)
    return Overview(
        state=state,
        hour=series.recent_all(scope.cluster, FIGURES, MINUTES),
        events=events.newest(scope, LAST_EVENTS),
        troubles=_troubles(scope, state),
        restarts=_restarts(scope, state),
        actions=last_actions(scope),
    )


def last_actions(scope: Scope, *, limit: int = LAST_ACTIONS) -> LastActions:
    """The newest changes on this cluster; only one's own without the right to read the trail."""
    scope.require(Permission.VIEW)
    may_read = scope.can(Permission.VIEW_AUDIT)
    wanted = AuditFilter(
        clusters=(scope.slug,), actor="" if may_read else scope.actor.name, phase=AuditEntry.Phase.INTENT
    )
    return LastActions(audit.page(wanted, limit=limit).rows, are_own=not may_read)


def _troubles(scope: Scope, state: ClusterState) -> dict[str, int]:
    since = state.as_of - timedelta(minutes=MINUTES)
    rows = Event.objects.filter(cluster=scope.cluster, at__gte=since, level__in=TROUBLES)
    found = dict.fromkeys(TROUBLES, 0)
    for level in rows.values_list("level", flat=True):
        found[level] += 1
    return found


def _restarts(scope: Scope, state: ClusterState) -> dict[int, int]:
    """In 30 days, as we saw them; by node.  Only told of silent nodes, so only asked for them."""
    if not state.silent:
        return {}
    since = state.as_of - timedelta(days=30)
    rows = Event.objects.filter(cluster=scope.cluster, kind="node_restarted", at__gte=since, node__isnull=False)
    found: dict[int, int] = {}
    for node in rows.values_list("node", flat=True):
        if node is not None:
            found[node] = found.get(node, 0) + 1
    return found
