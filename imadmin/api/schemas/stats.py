"""Figures over time in JSON.  null always means unknown, never zero."""

from datetime import UTC, datetime

from pydantic import Field

from imadmin.api.schemas.common import Out
from imadmin.monitor.sample_models import WHOLE
from imadmin.monitor.series import Chart
from imadmin.monitor.stats import Newest


class PointOut(Out):
    """One step.  samples: minutes in which the figure was known; expected: minutes that could have been sampled."""

    at: datetime
    until: datetime
    min: int | None
    average: float | None
    max: int | None
    samples: int
    expected: int


class LineOut(Out):
    """node: null for the cluster as a whole."""

    node: str | None
    points: list[PointOut]
    min: int | None
    average: float | None
    max: int | None


class SpanOut(Out):
    start: datetime
    end: datetime


class NotHealthyOut(SpanOut):
    verdict: str


class StatsOut(Out):
    """gaps: times in which nothing was sampled.  answered: of all questions to nodes, the share that was answered."""

    metric: str
    grain: str
    step_seconds: int | None = Field(description="null for days: their length may change with the clocks")
    zone: str
    start: datetime
    end: datetime
    lines: list[LineOut]
    gaps: list[SpanOut]
    not_healthy: list[NotHealthyOut]
    answered: float | None
    as_of: datetime | None = Field(description="of the newest sample; null before the first")

    @classmethod
    def of(cls, metric: str, chart: Chart, nodes: list[int], last: Newest | None, zone: str) -> "StatsOut":
        window = chart.window
        words = {1: "unknown", 2: "degraded", 3: "down"}
        return cls(
            metric=metric,
            grain=window.grain.value,
            step_seconds=None if window.grain == "day" else window.edges[1] - window.edges[0],
            zone=zone,
            start=window.start,
            end=window.end,
            lines=[line(chart, metric, node) for node in nodes],
            gaps=[SpanOut(start=moment(start), end=moment(end)) for start, end in chart.gaps()],
            not_healthy=[
                NotHealthyOut(start=moment(start), end=moment(end), verdict=words.get(verdict, "unknown"))
                for start, end, verdict in chart.bands()
            ],
            answered=chart.availability(nodes[0] if len(nodes) == 1 else WHOLE),
            as_of=last.at if last else None,
        )


class BusyChannelOut(Out):
    """id: as the server stores it.  path: for use in addresses."""

    id: str
    type: int
    path: str
    messages: int


class BusyChannelsOut(Out):
    """known: channels that the last full round over them read; read: so far in the round under way.

    missing_nodes: their channels were left out of that round.
    """

    items: list[BusyChannelOut]
    known: int | None
    read: int
    last_round_ended: datetime | None
    missing_nodes: list[str]


def line(chart: Chart, metric: str, node: int) -> LineOut:
    over_all = chart.over_all(metric, node)
    edges = chart.window.edges
    points = [
        PointOut(
            at=moment(edges[place]),
            until=moment(edges[place + 1]),
            min=point.low if point else None,
            average=round(point.mean, 3) if point else None,
            max=point.high if point else None,
            samples=point.n if point else 0,
            expected=chart.window.expected(place),
        )
        for place, point in enumerate(chart.line(metric, node))
    ]
    return LineOut(
        node=None if node == WHOLE else str(node),
        points=points,
        min=over_all.low if over_all else None,
        average=round(over_all.mean, 3) if over_all else None,
        max=over_all.high if over_all else None,
    )


def moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
