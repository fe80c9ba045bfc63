"""Figures over time, out of our own samples: gaps stay gaps, and every point says how much of it is known."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from django.core.cache import cache
from django.db import connection, models
from django.db.models import Max

from imadmin.clusters.models import Cluster
from imadmin.monitor.rollup import OF_HOURS, OF_MINUTES
from imadmin.monitor.sample_models import FIGURES, WHOLE, Day, Hour, Minute
from imadmin.monitor.windows import Grain, Window, offsets


@dataclass(frozen=True, slots=True)
class Series:
    """One figure at equal steps from `start`; None where it wasn't sampled or not known.  step: seconds."""

    figure: str
    node: int
    start: datetime
    step: int
    values: tuple[int | None, ...]

    @property
    def newest(self) -> int | None:
        """The last value that is known; None when none is."""
        return next((value for value in reversed(self.values) if value is not None), None)

    @property
    def is_empty(self) -> bool:
        return all(value is None for value in self.values)


TELLING = ("nodes", "answered", "verdict")

PIECE_DAYS, KEPT_SECONDS = 32, 24 * 3600  # days that are over are put together once, so many at a time

# The parts that a point is made of; the last only where it is asked for.
_PARTS = ("max", "sum", "n", "min")


@dataclass(frozen=True, slots=True)
class Point:
    """A figure in one step.  n: minutes in which it was known; total: their sum.  low: None = not read."""

    low: int | None
    high: int
    total: int
    n: int

    @property
    def mean(self) -> float:
        return self.total / self.n


@dataclass(frozen=True, slots=True)
class Chart:
    """Figures of nodes over a window.  points: by figure and node, as long as the window, None = gap.

    sampled: minutes in each step that were sampled at all; whole: share of the cluster's nodes that answered then, None
    where nothing was sampled; verdict: the worst of the step.
    """

    window: Window
    nodes: tuple[int, ...]
    points: dict[tuple[str, int], tuple[Point | None, ...]]
    sampled: tuple[int, ...]
    whole: tuple[float | None, ...]
    verdict: tuple[int | None, ...]

    @property
    def is_empty(self) -> bool:
        return not any(self.sampled)

    def line(self, figure: str, node: int = WHOLE) -> tuple[Point | None, ...]:
        return self.points.get((figure, node)) or (None,) * len(self.sampled)

    def over_all(self, figure: str, node: int = WHOLE) -> Point | None:
        """The whole window as one point; None when the figure was never known."""
        found = [point for point in self.line(figure, node) if point]
        if not found:
            return None
        lows = [point.low for point in found if point.low is not None]
        return Point(
            min(lows, default=None),
            max(point.high for point in found),
            sum(point.total for point in found),
            sum(point.n for point in found),
        )

    def availability(self, node: int = WHOLE) -> float | None:
        """Of the times that the node was asked, how often it answered; of the cluster: over all its nodes."""
        answered, asked = self.over_all("answered", node), self.over_all("nodes", node)
        return answered.total / asked.total if answered and asked and asked.total else None

    @property
    def expected(self) -> int:
        return sum(self.window.expected(place) for place in range(len(self.sampled)))

    def gaps(self) -> Iterator[tuple[int, int]]:
        """Spans (seconds since 1970) in which nothing was sampled, steps that are still to come left out."""
        begun: int | None = None
        for place, minutes in enumerate(self.sampled):
            is_gap = not minutes and self.window.expected(place) > 0
            if is_gap and begun is None:
                begun = self.window.edges[place]
            if not is_gap and begun is not None:
                yield begun, self.window.edges[place]
                begun = None
        if begun is not None:
            yield begun, min(self.window.edges[-1], int(self.window.now.timestamp()))

    def bands(self) -> Iterator[tuple[int, int, int]]:
        """Spans that were not all healthy: (from, to, worst verdict)."""
        begun, worst = 0, 0
        for place, verdict in enumerate((*self.verdict, 0)):
            if verdict != worst and worst:
                yield begun, self.window.edges[place], worst
            if verdict != worst:
                begun, worst = self.window.edges[place], verdict or 0


def recent(
    cluster: Cluster | int, figure: str, minutes: int = 60, *, node: int = WHOLE, now: datetime | None = None
) -> Series:
    """The last minutes of one figure (a word of FIGURES), oldest first; of the whole cluster unless a node is named."""
    return recent_all(cluster, (figure,), minutes, node=node, now=now)[figure]


def recent_all(
    cluster: Cluster | int, figures: Sequence[str], minutes: int = 60, *, node: int = WHOLE, now: datetime | None = None
) -> dict[str, Series]:
    """Several figures by one query: a page with eight sparklines asks once."""
    _check(figures)
    end = int((now or datetime.now(UTC)).timestamp() // 60)
    first = end - minutes + 1
    rows = Minute.objects.filter(cluster=cluster, node=node, minute__gte=first, minute__lte=end)
    found = {row[0]: row[1:] for row in rows.values_list("minute", *figures)}
    blank = (None,) * len(figures)
    columns = [found.get(minute, blank) for minute in range(first, end + 1)]
    start = datetime.fromtimestamp(first * 60, UTC)
    return {
        figure: Series(figure, node, start, 60, tuple(column[place] for column in columns))
        for place, figure in enumerate(figures)
    }


def chart(
    cluster: Cluster, window: Window, figures: Sequence[str], *, node: int | None = None, lows: bool = False
) -> Chart:
    """These figures of every node and of the whole cluster, or of one node (0 = the whole).

    lows: with the lowest values too; a year of all nodes is read twice as fast without.
    """
    _check(figures)
    columns: dict[tuple[str, int], list[Point | None]] = {}
    _read(columns, cluster.pk, window, tuple(dict.fromkeys(figures)), node, lows=lows)
    # What was sampled at all: of the whole, or of the one node, since a node may be younger than its cluster.
    teller = WHOLE if node is None else node
    told = [figure for figure in TELLING if (figure, teller) not in columns]
    _read(columns, cluster.pk, window, told, teller, lows=False)
    nothing: list[Point | None] = [None] * len(window.times)
    asked, answered, verdict = (columns.get((name, teller), nothing) for name in TELLING)
    return Chart(
        window=window,
        nodes=tuple(sorted({number for _, number in columns} - {WHOLE})),
        points={key: tuple(line) for key, line in columns.items()},
        sampled=tuple(point.n if point else 0 for point in asked),
        whole=tuple(
            (told.total if told else 0) / of.total if of and of.total else None
            for told, of in zip(answered, asked, strict=True)
        ),
        verdict=tuple(point.high if point else None for point in verdict),
    )


def _read(
    columns: dict[tuple[str, int], list[Point | None]],
    cluster: int, window: Window, figures: Sequence[str], node: int | None, *, lows: bool,
) -> None:  # fmt: skip
    if not figures:
        return
    width = len(_PARTS) if lows else len(_PARTS) - 1
    for bucket, number, *values in _rows_kept(cluster, window, figures, node, lows=lows):
        place = window.place_of(bucket)
        if place is None:
            continue
        for at, figure in enumerate(figures):
            high, total, n, *low = values[at * width : (at + 1) * width]
            if n:
                line = columns.setdefault((figure, number), [None] * len(window.times))
                line[place] = Point(int(low[0]) if low else None, int(high), int(total), int(n))


def newest(cluster: Cluster) -> dict[int, Minute]:
    """The rows of the newest minute by node (0: the whole cluster); {} before the first sample."""
    last = Minute.objects.filter(cluster=cluster).order_by("-minute").values_list("minute", flat=True).first()
    return {row.node: row for row in Minute.objects.filter(cluster=cluster, minute=last)} if last else {}


def first_sample(cluster: Cluster) -> datetime | None:
    """When sampling began, as far as rows still tell."""
    day = Day.objects.filter(cluster=cluster).order_by("day").values_list("day", flat=True).first()
    minute = Minute.objects.filter(cluster=cluster).order_by("minute").values_list("minute", flat=True).first()
    known = [day * 86_400] if day is not None else []
    if minute is not None and (not known or minute * 60 < known[0] + 86_400):
        known = [minute * 60]
    return datetime.fromtimestamp(min(known), UTC) if known else None


def _rows_kept(
    cluster: int, window: Window, figures: Sequence[str], node: int | None, *, lows: bool
) -> list[tuple[Any, ...]]:
    """Days in a reader's zone are put together from a hundred thousand hours: pieces that are over are kept."""
    if not window.has_local_days:
        return _rows(cluster, window, figures, node, (window.edges[0], window.edges[-1]), lows=lows)
    last = Hour.objects.filter(cluster=cluster).aggregate(last=Max("hour"))["last"] or 0
    asked = f"stats-days:{cluster}:{node}:{lows}:{window.zone}:{','.join(figures)}"
    found: list[tuple[Any, ...]] = []
    for first, end in window.pieces(PIECE_DAYS):
        key = f"{asked}:{first}:{end}"
        is_over = end <= last * 3600
        rows: list[tuple[Any, ...]] | None = cache.get(key) if is_over else None
        if rows is None:
            rows = _rows(cluster, window, figures, node, (first, end), lows=lows)
            if is_over:
                cache.set(key, rows, KEPT_SECONDS)
        found += rows
    return found


def _rows(
    cluster: int, window: Window, figures: Sequence[str], node: int | None, span: tuple[int, int], *, lows: bool
) -> list[tuple[Any, ...]]:
    source, unit, seconds = _source(window)
    bucket, params = _bucket(window, unit)
    parts = _PARTS if lows else _PARTS[:-1]
    how = OF_MINUTES if source is Minute else OF_HOURS
    picked = ", ".join(how[part].format(figure) for figure in figures for part in parts)
    # Names are of our own tables and figures; what comes from outside goes as parameters.
    statement = (
        f"SELECT {bucket} AS bucket, node, {picked} FROM {source._meta.db_table} "  # noqa: S608
        f"WHERE cluster_id = %s AND {unit} >= %s AND {unit} < %s {'' if node is None else 'AND node = %s '}"
        "GROUP BY 1, 2"
    )
    params += [cluster, span[0] // seconds, -(-span[1] // seconds)]
    with connection.cursor() as cursor:
        cursor.execute(statement, params if node is None else [*params, node])
        return list(cursor.fetchall())


def _source(window: Window) -> tuple[type[models.Model], str, int]:
    """Table, its column of time, seconds in one of its units."""
    if window.grain is Grain.MINUTE:
        return Minute, "minute", 60
    if window.grain is Grain.HOUR or window.has_local_days:
        return Hour, "hour", 3600
    return Day, "day", 86_400


def _bucket(window: Window, unit: str) -> tuple[str, list[int]]:
    if window.grain is not Grain.DAY:
        return f"{unit} / {window.step}", []
    if not window.has_local_days:
        return unit, []
    pieces = offsets(window.edges, window.zone)
    ahead, params = "CAST(%s AS INTEGER)", [pieces[-1][1]]
    for (_, minutes), (until, _) in reversed(tuple(pairwise(pieces))):
        ahead, params = f"CASE WHEN hour < %s THEN %s ELSE {ahead} END", [until, minutes, *params]
    return f"(hour * 60 + {ahead}) / 1440", params


def _check(figures: Sequence[str]) -> None:
    if unknown := set(figures) - set(FIGURES):
        raise ValueError(f"no such figure: {', '.join(sorted(unknown))}")
