"""Minutes become hours, hours become days, by one SQL statement each; what is too old goes.

Rolling up again what grew meanwhile writes the same rows anew, so it may run at any time and any number of times.
Hours and days are UTC's.  `n` of a figure is the number of minutes in which it was known: what is missing stays told.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import connection, models, transaction
from django.db.models import Max, Min

from imadmin.clusters.models import Cluster
from imadmin.core import events
from imadmin.monitor import acts
from imadmin.monitor.sample_models import FIGURES, PARTS, ChannelHour, ChannelSeen, Day, Hour, Minute

KEEP = {"minutes": timedelta(days=14), "hours": timedelta(days=400)}  # days for ever
CHANNELS_FORGOTTEN = timedelta(days=30)  # of walks that no longer meet a channel
PRUNE_CHUNK = 20_000  # rows a statement, so that a sample never waits long for the clean-up


@dataclass(frozen=True, slots=True)
class RollReport:
    """Rows written, of this time's hours and days."""

    cluster: str
    hours: int
    days: int
    acts: int


@dataclass(frozen=True, slots=True)
class Pruned:
    """What went, or would go: rows of moments before these.  channels: what is known of busy channels, both kinds."""

    minutes: int
    hours: int
    channels: int
    minutes_before: datetime
    hours_before: datetime
    simulated: bool

    @property
    def total(self) -> int:
        return self.minutes + self.hours + self.channels


def roll(cluster: Cluster, *, at: datetime | None = None, since: datetime | None = None) -> RollReport:
    """Bring the hours and days of the cluster up to date with its minutes.

    Begins an hour before the last there is, which may have grown; `since` begins earlier (never before what minutes
    are left: rolling up an hour of which some minutes are gone already would take from it).
    """
    now = at or datetime.now(UTC)
    hour = _first_hour(cluster, since)
    with transaction.atomic():
        hours = days = 0
        if hour is not None:
            hours = _execute(HOURS, [cluster.pk, hour * 60])
            days = _execute(DAYS, [cluster.pk, hour // 24 * 24])
    counted = acts.count(cluster, until=now)  # by itself: the first time it walks the whole trail
    if hours:
        events.changed(f"{cluster.slug}/stats")
    return RollReport(cluster.slug, hours, days, counted)


def prune(
    cluster: Cluster,
    *,
    minutes: timedelta = KEEP["minutes"],
    hours: timedelta = KEEP["hours"],
    at: datetime | None = None,
    most: int | None = None,
    simulate: bool = False,
) -> Pruned:
    """Delete minutes and hours older than this, `most` rows of them; count only with `simulate`.  Days stay for ever.

    Minutes that are not in an hour yet stay until they are.
    """
    now = at or datetime.now(UTC)
    rolled = Hour.objects.filter(cluster=cluster).aggregate(last=Max("hour"))["last"] or 0
    minute = min(_hour_of(now - minutes), rolled) * 60
    hour = min(_hour_of(now - hours) // 24 * 24, rolled // 24 * 24)
    queries = (
        Minute.objects.filter(cluster=cluster, minute__lt=minute),
        Hour.objects.filter(cluster=cluster, hour__lt=hour),
        ChannelHour.objects.filter(cluster=cluster, hour__lt=hour),
        ChannelSeen.objects.filter(cluster=cluster, minute__lt=_hour_of(now - CHANNELS_FORGOTTEN) * 60),
    )
    counts: list[int] = []
    for query in queries:
        room = None if most is None else most - sum(counts)
        counts.append(query.count() if simulate else _delete(query, room))
    return Pruned(
        minutes=counts[0],
        hours=counts[1],
        channels=counts[2] + counts[3],
        minutes_before=_moment(minute * 60),
        hours_before=_moment(hour * 3600),
        simulated=simulate,
    )


def _first_hour(cluster: Cluster, since: datetime | None) -> int | None:
    """The first hour to roll up; None when there is nothing to roll."""
    oldest: int | None = Minute.objects.filter(cluster=cluster).aggregate(first=Min("minute"))["first"]
    if oldest is None:
        return None
    if since is not None:
        return max(_hour_of(since), -(-oldest // 60))
    last: int | None = Hour.objects.filter(cluster=cluster).aggregate(last=Max("hour"))["last"]
    # One hour back: its last minute may have been sampled after the hour was rolled up.
    return oldest // 60 if last is None else max(last - 1, oldest // 60, 0)


def _columns() -> list[str]:
    return [f"{figure}_{part}" for figure in FIGURES for part in PARTS]


def _statement(target: type[models.Model], unit: str, source: type[models.Model], bucket: str, picked: str) -> str:
    """INSERT … SELECT … GROUP BY … ON CONFLICT: names are ours, values go as parameters (cluster, from)."""
    columns = _columns()
    excluded = ", ".join(f"{column} = excluded.{column}" for column in columns)
    return (
        f"INSERT INTO {target._meta.db_table} (cluster_id, {unit}, node, {', '.join(columns)}) "  # noqa: S608
        f"SELECT cluster_id, {bucket}, node, {picked} FROM {source._meta.db_table} "
        f"WHERE cluster_id = %s AND {bucket.split(' /')[0]} >= %s GROUP BY cluster_id, {bucket}, node "
        f"ON CONFLICT (cluster_id, {unit}, node) DO UPDATE SET {excluded}"
    )


# How a figure's parts come out of minutes, and out of hours.
OF_MINUTES = {"max": "MAX({0})", "sum": "SUM({0})", "n": "COUNT({0})", "min": "MIN({0})"}
OF_HOURS = {"max": "MAX({0}_max)", "sum": "SUM({0}_sum)", "n": "SUM({0}_n)", "min": "MIN({0}_min)"}


def _picked(how: Mapping[str, str]) -> str:
    return ", ".join(how[part].format(figure) for figure in FIGURES for part in PARTS)


HOURS = _statement(Hour, "hour", Minute, "minute / 60", _picked(OF_MINUTES))
DAYS = _statement(Day, "day", Hour, "hour / 24", _picked(OF_HOURS))


def _execute(statement: str, params: list[int]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return int(cursor.rowcount)


def _delete(query: "models.QuerySet[models.Model]", most: int | None) -> int:
    gone = 0
    while keys := list(query.values_list("pk", flat=True)[: _piece(PRUNE_CHUNK, most, gone)]):
        for place in range(0, len(keys), 500):
            piece = keys[place : place + 500]
            gone += query.model._default_manager.filter(pk__in=piece)._raw_delete(query.db)
    return gone


def _piece(usual: int, most: int | None, gone: int) -> int:
    return usual if most is None else max(0, min(usual, most - gone))


def _hour_of(moment: datetime) -> int:
    return int(moment.timestamp() // 3600)


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
