"""What was sampled of a cluster over time."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.http import HttpRequest
from ninja import Query, Router

from imadmin.api.params import SlugPath
from imadmin.api.schemas.common import problems
from imadmin.api.schemas.stats import BusyChannelOut, BusyChannelsOut, StatsOut
from imadmin.clusters import access
from imadmin.clusters.converters import ChannelConverter
from imadmin.core.errors import InvalidInput, gettext_noop
from imadmin.monitor import stats
from imadmin.monitor.sample_models import WHOLE
from imadmin.monitor.windows import Grain, Window, window

router = Router()

Metric = Literal[
    "connections", "sockets", "rows", "users", "sends", "incoming", "outgoing", "retries", "memory", "goroutines",
    "cpu", "latency", "lag", "answered",
]  # fmt: skip
READ = problems(401, 403, 404, 422)
MOST_STEPS = 3000
UNITS = {Grain.MINUTE: 60, Grain.HOUR: 3600, Grain.DAY: 86_400}

From = Annotated[datetime | None, Query(alias="from", description="with a zone; a day before the end by default")]
To = Annotated[datetime | None, Query(alias="to", description="with a zone; now by default")]
Zone = Annotated[str, Query(max_length=50, description="zone of the days, like Asia/Shanghai")]
Node = Annotated[
    str,
    Query(
        pattern=r"^(all|each|[0-9]{1,18})$",
        description="`all` the cluster as a whole, `each` that and every node, or the id of one node",
    ),
]


@router.get(
    "/stats",
    response={200: StatsOut, **READ},
    operation_id="get_stats",
    summary="A figure of the cluster over time",
)
def get_stats(
    request: HttpRequest,
    slug: SlugPath,
    metric: Metric = "connections",
    node: Node = "all",
    start: From = None,
    end: To = None,
    grain: Literal["", "minute", "hour", "day"] = "",
    zone: Zone = "UTC",
) -> StatsOut:
    """Needs `view`. Out of own samples, one a minute: minutes are kept for 14 days, hours for 400, days for ever.

    Without `grain` the step fits the time asked for. A step without samples has null values: a gap is no zero.
    `memory` is in MiB, `cpu` in tenths of a percent, `latency` in milliseconds, `sends` and packets by the minute.
    """
    scope = access.enter(request, slug)
    span = _span(start, end, grain, zone)
    number = None if node == "each" else WHOLE if node == "all" else int(node)
    found = stats.chart(scope, span, (metric,), node=number)
    nodes = [number] if number is not None else [WHOLE, *found.nodes]
    return StatsOut.of(metric, found, nodes, stats.newest(scope), zone if span.has_local_days else "UTC")


@router.get(
    "/stats/channels",
    response={200: BusyChannelsOut, **READ},
    operation_id="list_busiest_channels",
    summary="Busiest channels of a time",
)
def list_busiest_channels(
    request: HttpRequest,
    slug: SlugPath,
    start: From = None,
    end: To = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 20,
) -> BusyChannelsOut:
    """Needs `view`. Messages that a slow walk over all channels noticed, by the hour in which it did; whole hours.

    The busiest 50 channels of each hour are kept.
    """
    scope = access.enter(request, slug)
    found = stats.busiest_channels(scope, _span(start, end, "hour", "UTC"), limit=limit)
    path = ChannelConverter().to_url
    return BusyChannelsOut(
        items=[
            BusyChannelOut(id=row.channel.id, type=int(row.channel.type), path=path(row.channel), messages=row.messages)
            for row in found.rows
        ],
        known=found.known,
        read=found.read,
        last_round_ended=found.last_ended_at,
        missing_nodes=list(found.failed),
    )


def _span(start: datetime | None, end: datetime | None, grain: str, zone: str) -> Window:
    """Raises InvalidInput naming the parameter."""
    now = datetime.now(UTC)
    for name, moment in (("from", start), ("to", end)):
        if moment is not None and (moment.tzinfo is None or not 2000 <= moment.year < 2200):
            raise InvalidInput({name: [gettext_noop("Give a time with its zone, like 2026-01-31T08:00:00Z.")]})
    try:
        place = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidInput({"zone": [gettext_noop("There is no such time zone.")]}) from None
    last = min(end or now, now + timedelta(minutes=1))
    first = start or last - timedelta(days=1)
    if first >= last:
        raise InvalidInput({"from": [gettext_noop("This is not before the end.")]})
    chosen = Grain(grain) if grain else None
    if chosen and (last - first).total_seconds() / UNITS[chosen] > MOST_STEPS:
        raise InvalidInput({"grain": [gettext_noop("These are too many steps; ask for a coarser grain or less time.")]})
    return window(first, last, zone=place, now=now, grain=chosen)
