"""Which channels are busy: a slow walk over all channels that compares last sequence numbers with those of before.

The server doesn't count messages by channel, and asking for every channel at once would cost it more than the answer is
worth.  So each minute a few pages are read; what a round of the walk read, of how many, is told with the result.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.db.models import Count, Sum

from imadmin.clusters import connect
from imadmin.clusters.models import Cluster
from imadmin.core.aio import run
from imadmin.core.errors import AppError
from imadmin.gateway.types import ChannelRef, RuntimeChannel
from imadmin.monitor.sample_models import ChannelHour, ChannelSeen, Walk

PAGES_A_MINUTE = 6
PAGE = 100
KEPT_AN_HOUR = 50  # the busiest; the rest of an hour is not kept
MOST_CHANNELS = 200_000  # remembered of a cluster; more are read but not compared
ROUND_AGAIN = timedelta(seconds=50)  # a small cluster is not walked more often than this
PIECE = 200  # rows a statement


@dataclass(frozen=True, slots=True)
class WalkReport:
    """What one call read.  ended: it came to the end of a round."""

    cluster: str
    read: int
    messages: int
    ended: bool


@dataclass(frozen=True, slots=True)
class Busy:
    channel: ChannelRef
    messages: int


@dataclass(frozen=True, slots=True)
class Busiest:
    """The busiest channels of a time.  known: channels of the last full round, None before there was one.

    read: so far in the round under way.  rounds: full ones.  since: the walk's first minute.  failed: nodes left out.
    """

    rows: tuple[Busy, ...]
    read: int
    known: int | None
    rounds: int
    last_started_at: datetime | None
    last_ended_at: datetime | None
    failed: tuple[str, ...]
    left_out: int


def walk(cluster: Cluster, *, pages: int = PAGES_A_MINUTE, at: datetime | None = None) -> WalkReport:
    """Read on where the last call ended, at most so many pages.  A silent node is left out of the round."""
    now = at or datetime.now(UTC)
    place, _ = Walk.objects.get_or_create(cluster=cluster)
    if not place.todo and not _begin(place, cluster, now):
        return WalkReport(cluster.slug, 0, 0, ended=False)
    read = messages = 0
    while place.todo and pages > 0:
        pages -= 1
        node = int(place.todo[0])
        try:
            found = run(connect.gateway_for(cluster).node_channels(node, cursor=place.cursor, limit=PAGE))
        except AppError:
            place.failed = [*place.failed, str(node)]
            place.todo, place.cursor = place.todo[1:], ""
        else:
            read += len(found.items)
            messages += _compare(cluster, place, found.items, now)
            place.cursor = found.next_cursor
            if not place.cursor:
                place.todo = place.todo[1:]
    place.read += read
    if ended := not place.todo:
        place.rounds += 1
        place.last_started_at, place.last_ended_at = place.started_at, now
        place.last_read, place.last_failed = place.read, place.failed
        _keep_busiest(cluster, now)
    place.save()
    return WalkReport(cluster.slug, read, messages, ended)


def busiest(cluster: Cluster, start: datetime, end: datetime, *, limit: int = 10) -> Busiest:
    """Of the hours between these moments, whole hours."""
    rows = (
        ChannelHour.objects.filter(
            cluster=cluster, hour__gte=int(start.timestamp() // 3600), hour__lt=math.ceil(end.timestamp() / 3600)
        )
        .values("channel_type", "channel_id")
        .annotate(total=Sum("messages"))
        .order_by("-total", "channel_id")[:limit]
    )
    place = Walk.objects.filter(cluster=cluster).first() or Walk(cluster=cluster)
    return Busiest(
        rows=tuple(Busy(ChannelRef(row["channel_id"], row["channel_type"]), row["total"]) for row in rows),
        read=place.read if place.todo else 0,
        known=place.last_read,
        rounds=place.rounds,
        last_started_at=place.last_started_at,
        last_ended_at=place.last_ended_at,
        failed=tuple(place.last_failed),
        left_out=place.left_out,
    )


def _begin(place: Walk, cluster: Cluster, now: datetime) -> bool:
    """A new round over the nodes there are now."""
    if place.started_at and now - place.started_at < ROUND_AGAIN:
        return False
    try:
        nodes = run(connect.gateway_for(cluster).node_ids())
    except AppError:
        return False
    place.todo, place.cursor, place.failed = list(nodes), "", []
    place.started_at, place.read, place.left_out = now, 0, 0
    return bool(nodes)


def _compare(cluster: Cluster, place: Walk, channels: Sequence[RuntimeChannel], now: datetime) -> int:
    """Write down where these channels stand, and what came since they were last passed."""
    hour, minute = int(now.timestamp() // 3600), int(now.timestamp() // 60)
    wanted = {
        (one.channel.id, int(one.channel.type)): one for one in channels if not one.channel.is_command and one.last_seq
    }
    seen = {
        (row.channel_id, row.channel_type): row
        for row in ChannelSeen.objects.filter(cluster=cluster, channel_id__in=[key[0] for key in wanted])
    }
    room = MOST_CHANNELS - ChannelSeen.objects.filter(cluster=cluster).count() if len(seen) < len(wanted) else 0
    grown: dict[tuple[str, int], int] = {}
    rows: list[ChannelSeen] = []
    for key, one in wanted.items():
        before = seen.get(key)
        if before is None:
            room -= 1
            if room < 0:
                place.left_out += 1
                continue
        more = _messages(one, before, place.last_started_at)
        if more:
            grown[key] = more
        rows.append(
            ChannelSeen(cluster=cluster, channel_id=key[0], channel_type=key[1], seq=one.last_seq, minute=minute)
        )
    with transaction.atomic():
        ChannelSeen.objects.bulk_create(
            rows, update_conflicts=True, unique_fields=["cluster", "channel_id", "channel_type"],
            update_fields=["seq", "minute"], batch_size=PIECE,
        )  # fmt: skip
        _add(cluster, hour, grown)
    return sum(grown.values())


def _messages(now: RuntimeChannel, before: ChannelSeen | None, round_before: datetime | None) -> int:
    """What came since the channel was last passed.  One never passed counts whole if it was made after the last round
    began, and not at all otherwise: how long its messages took isn't known.  Numbers can fall back after a failover.
    """
    if before is not None:
        return max(0, now.last_seq - before.seq)
    is_new = bool(round_before and now.created_at and now.created_at > round_before)
    return now.last_seq if is_new else 0


def _add(cluster: Cluster, hour: int, grown: dict[tuple[str, int], int]) -> None:
    if not grown:
        return
    there = {
        (row.channel_id, row.channel_type): row.messages
        for row in ChannelHour.objects.filter(cluster=cluster, hour=hour, channel_id__in=[key[0] for key in grown])
    }
    ChannelHour.objects.bulk_create(
        [
            ChannelHour(
                cluster=cluster, hour=hour, channel_id=key[0], channel_type=key[1],
                messages=there.get(key, 0) + more,
            )
            for key, more in grown.items()
        ],
        update_conflicts=True,
        unique_fields=["cluster", "hour", "channel_id", "channel_type"],
        update_fields=["messages"],
        batch_size=PIECE,
    )  # fmt: skip


def _keep_busiest(cluster: Cluster, now: datetime) -> None:
    """Of hours that are over, only the busiest channels stay."""
    over = ChannelHour.objects.filter(cluster=cluster, hour__lt=int(now.timestamp() // 3600))
    full = over.values("hour").annotate(rows=Count("id")).filter(rows__gt=KEPT_AN_HOUR).values_list("hour", flat=True)
    for hour in list(full):
        rows = over.filter(hour=hour).order_by("-messages", "channel_id").values_list("pk", flat=True)
        for piece in _pieces(list(rows[KEPT_AN_HOUR:])):
            ChannelHour.objects.filter(pk__in=piece).delete()


def _pieces(keys: Sequence[int]) -> Iterable[Sequence[int]]:
    return (keys[place : place + PIECE] for place in range(0, len(keys), PIECE))
