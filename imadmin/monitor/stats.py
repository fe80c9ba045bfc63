"""The statistics of one cluster over a window: lines, sums, who was busiest, what was done to people from here."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from imadmin.accounts.permissions import Permission
from imadmin.clusters.access import Scope
from imadmin.monitor import activity, acts, series
from imadmin.monitor.activity import Busiest
from imadmin.monitor.sample_models import WHOLE, Minute
from imadmin.monitor.series import Chart
from imadmin.monitor.windows import Grain, Window, window

BY_NODE = ("connections", "sends", "answered", "nodes")  # a line a node
OF_ALL = ("users", "incoming", "outgoing", "retries", "sockets", "rows")  # one line of the whole cluster
STALE = timedelta(minutes=3)


@dataclass(frozen=True, slots=True)
class BusyNode:
    """One node over the window; None = never known.  sends: a minute on average."""

    id: int
    connections: float | None
    most: int | None
    sends: float | None
    availability: float | None
    is_answering: bool | None


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest minute there is.  silent: nodes that did not answer then.  is_stale: no sample for minutes."""

    at: datetime
    whole: Minute
    silent: tuple[int, ...]
    is_stale: bool


@dataclass(frozen=True, slots=True)
class ActsLine:
    """Acts in steps of hours or days; None where they were not counted yet."""

    window: Window
    counts: dict[str, tuple[int | None, ...]]
    sums: dict[str, int] | None


def newest(scope: Scope, *, now: datetime | None = None) -> Newest | None:
    """None before the first sample."""
    scope.require(Permission.VIEW)
    rows = series.newest(scope.cluster)
    if WHOLE not in rows:
        return None
    whole = rows.pop(WHOLE)
    at = datetime.fromtimestamp(whole.minute * 60, UTC)
    silent = tuple(sorted(node for node, row in rows.items() if not row.answered))
    return Newest(at, whole, silent, (now or datetime.now(UTC)) - at > STALE)


def by_node(scope: Scope, span: Window) -> Chart:
    """The figures of which there is a line for each node."""
    scope.require(Permission.VIEW)
    return series.chart(scope.cluster, span, BY_NODE)


def of_all(scope: Scope, span: Window) -> Chart:
    """The figures of the cluster as a whole."""
    scope.require(Permission.VIEW)
    return series.chart(scope.cluster, span, OF_ALL, node=WHOLE)


def chart(scope: Scope, span: Window, figures: Sequence[str], *, node: int | None = None) -> Chart:
    """Any figures, with lowest values: for the API and for files."""
    scope.require(Permission.VIEW)
    return series.chart(scope.cluster, span, figures, node=node, lows=True)


def busy_nodes(found: Chart, last: Newest | None) -> list[BusyNode]:
    """Most connections first."""
    rows = []
    for node in found.nodes:
        connections, sends = found.over_all("connections", node), found.over_all("sends", node)
        rows.append(
            BusyNode(
                id=node,
                connections=connections.mean if connections else None,
                most=connections.high if connections else None,
                sends=sends.mean if sends else None,
                availability=found.availability(node),
                is_answering=None if last is None or last.is_stale else node not in last.silent,
            )
        )
    return sorted(rows, key=lambda row: (-(row.connections or 0), row.id))


def busiest_channels(scope: Scope, span: Window, *, limit: int = 10) -> Busiest:
    """Ids of channels, person chats too: who sees the cluster sees them in its lists as well."""
    scope.require(Permission.VIEW)
    return activity.busiest(scope.cluster, span.start, span.end, limit=limit)


def acts_of(scope: Scope, span: Window) -> ActsLine:
    """What was done from here, by the hour; by the reader's day over longer times."""
    scope.require(Permission.VIEW)
    grain = Grain.DAY if span.grain is Grain.DAY or span.end - span.start > timedelta(days=8) else Grain.HOUR
    steps = window(span.start, span.end, zone=span.zone, now=span.now, grain=grain)
    found = acts.by_hour(scope.cluster, steps.start, steps.end)
    counts: dict[str, list[int | None]] = {act: [None] * len(steps.times) for act in acts.ACTS}
    place = 0
    for hour, act, number in found:
        while place + 1 < len(steps.times) and hour * 3600 >= steps.edges[place + 1]:
            place += 1
        if act in counts:
            counts[act][place] = (counts[act][place] or 0) + number
    sums = {act: sum(number or 0 for number in line) for act, line in counts.items()} if found else None
    return ActsLine(steps, {act: tuple(line) for act, line in counts.items()}, sums)
