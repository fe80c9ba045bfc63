"""What happened to a cluster, as rows: written by who watches, read page by page, oldest thrown away.

KINDS is every kind there is with its level; its words are in event_words.py, made in the reader's language.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q
from django.utils import timezone

from imadmin.accounts.permissions import Permission
from imadmin.clusters.access import Scope
from imadmin.clusters.models import Cluster
from imadmin.core import paging
from imadmin.core.errors import InvalidInput
from imadmin.monitor.models import Event

KEEP = timedelta(days=90)
PAGE = 50

OK, INFO, WARN, BAD = "ok", "info", "warn", "bad"

KINDS: dict[str, str] = {
    "watch_began": INFO,
    "verdict": INFO,  # its level follows the new verdict
    "node_silent": BAD,
    "node_refused": WARN,
    "node_back": OK,
    "node_restarted": WARN,
    "node_offline": WARN,
    "node_online": OK,
    "node_joining": INFO,
    "node_join_stuck": BAD,
    "node_joined": OK,
    "node_left": INFO,
    "config_leader": INFO,
    "slot_leader": INFO,
    "slot_leaders": INFO,
    "no_quorum": BAD,
    "no_quorum_over": OK,
    "leaderless": WARN,
    "leaderless_over": OK,
    "no_config_leader": BAD,
    "no_config_leader_over": OK,
    "leaders_disagree": BAD,
    "leaders_disagree_over": OK,
    "lagging": WARN,
    "lagging_over": OK,
    "view_split": WARN,
    "view_split_over": OK,
    "retry_growing": WARN,
    "retry_growing_over": OK,
    "clock_skew": WARN,
    "clock_skew_over": OK,
    "own_clock": WARN,
    "own_clock_over": OK,
    "manager_silent": WARN,
    "manager_silent_over": OK,
    "moving": INFO,
    "moving_over": OK,
    "move_stuck": WARN,
    "move_stuck_over": OK,
    "operation_began": INFO,
    "operation_over": INFO,
}


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Empty fields don't filter. groups: kinds as people choose them, see GROUPS.  since, until: aware datetimes."""

    node: int | None = None
    slot: int | None = None
    groups: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None


GROUPS: dict[str, tuple[str, ...]] = {
    "nodes": tuple(kind for kind in KINDS if kind.startswith("node_")),
    "slots": (
        "slot_leader", "slot_leaders", "no_quorum", "no_quorum_over", "leaderless", "leaderless_over",
        "lagging", "lagging_over", "moving", "moving_over", "move_stuck", "move_stuck_over",
    ),
    "leader": (
        "config_leader", "no_config_leader", "no_config_leader_over", "leaders_disagree", "leaders_disagree_over",
        "view_split", "view_split_over",
    ),
    "verdict": ("verdict", "watch_began"),
    "operations": ("operation_began", "operation_over"),
    "other": (
        "retry_growing", "retry_growing_over", "clock_skew", "clock_skew_over", "own_clock", "own_clock_over",
        "manager_silent", "manager_silent_over",
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class EventRow:
    id: int
    at: datetime
    kind: str
    level: str
    node: int | None
    slot: int | None
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EventPage:
    rows: tuple[EventRow, ...]
    next_cursor: str
    as_of: datetime


def write(
    cluster: Cluster, kind: str, *, at: datetime | None = None, level: str = "",
    node: int | None = None, slot: int | None = None, **params: Any,
) -> Event:  # fmt: skip
    """One event, now unless said otherwise.  params: plain JSON values that its words are filled with."""
    return Event.objects.create(**_values(cluster, kind, at, level, node, slot, params))


def made(
    cluster: Cluster, kind: str, *, at: datetime | None = None, level: str = "",
    node: int | None = None, slot: int | None = None, **params: Any,
) -> Event:  # fmt: skip
    """As `write`, not stored yet."""
    return Event(**_values(cluster, kind, at, level, node, slot, params))


def _values(
    cluster: Cluster, kind: str, at: datetime | None, level: str, node: int | None, slot: int | None,
    params: Mapping[str, Any],
) -> dict[str, Any]:  # fmt: skip
    return {
        "cluster": cluster, "kind": kind, "at": at or timezone.now(), "level": level or KINDS[kind],
        "node": node, "slot": slot, "params": dict(params),
    }  # fmt: skip


def page(scope: Scope, wanted: EventFilter | None = None, *, cursor: str = "", limit: int = PAGE) -> EventPage:
    """Newest first.  The marker names a moment and an id: what is written meanwhile moves nothing."""
    scope.require(Permission.VIEW)
    rows = Event.objects.filter(_condition(wanted or EventFilter()), cluster=scope.cluster)
    if cursor:
        rows = rows.filter(_before(cursor))
    found = list(rows.order_by("-at", "-id")[: limit + 1])
    more = found[limit - 1] if len(found) > limit else None
    shown = tuple(
        EventRow(row.pk, row.at, row.kind, row.level, row.node, row.slot, row.params) for row in found[:limit]
    )
    return EventPage(shown, paging.encode_cursor(at=more.at.isoformat(), id=more.pk) if more else "", timezone.now())


def newest(scope: Scope, limit: int = 6) -> tuple[EventRow, ...]:
    return page(scope, limit=limit).rows


def trim(cluster: Cluster, at: datetime) -> int:
    """Throw away what is older than KEEP."""
    return Event.objects.filter(cluster=cluster, at__lt=at - KEEP).delete()[0]


def _condition(wanted: EventFilter) -> Q:
    found = Q()
    if wanted.node is not None:
        found &= Q(node=wanted.node)
    if wanted.slot is not None:
        found &= Q(slot=wanted.slot)
    if wanted.groups:
        found &= Q(kind__in=[kind for group in wanted.groups for kind in GROUPS.get(group, ())])
    if wanted.levels:
        found &= Q(level__in=wanted.levels)
    if wanted.since:
        found &= Q(at__gte=wanted.since)
    if wanted.until:
        found &= Q(at__lt=wanted.until)
    return found


def _before(cursor: str) -> Q:
    """Raises InvalidInput for what is no marker of this list."""
    place = paging.decode_cursor(cursor, "at", "id")
    at = paging.cursor_moment(place["at"])
    if type(place["id"]) is not int or not 0 <= place["id"] < 2**63:
        raise InvalidInput({"cursor": [paging.BROKEN_CURSOR]})
    return Q(at__lt=at) | Q(at=at, id__lt=place["id"])


def nodes_of(scope: Scope) -> tuple[int, ...]:
    """Nodes that something was written of, for a filter's choices."""
    scope.require(Permission.VIEW)
    rows = (
        Event.objects.filter(cluster=scope.cluster, node__isnull=False).order_by("node").values_list("node", flat=True)
    )
    return tuple(node for node in rows.distinct() if node is not None)
