"""Spans of time cut into steps: which grain of our samples answers them, where each step begins, who reads it where.

Steps of minutes and hours are counted in UTC.  Days are the reader's: they are put together from UTC's hours, each
counted to the day in which it begins.  Where a zone is off by half an hour, a day so runs from 00:30 to 00:30.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from enum import StrEnum

MINUTE_STEPS = (1, 5, 15)
FINEST_POINTS = 400  # more points than this in a chart can't be told apart
MINUTES_REACH = timedelta(days=13, hours=23)  # minutes are kept for 14 days (rollup.KEEP)
HOURS_REACH = timedelta(days=399)
EPOCH = date(1970, 1, 1)


class Grain(StrEnum):
    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"


@dataclass(frozen=True, slots=True)
class Window:
    """start, end: aware, as they were cut to whole steps.  edges: seconds since 1970 where each step begins, and the
    end of the last.  now: steps after it are not missing yet.  has_local_days: False = UTC's, from the rows of days.
    """

    start: datetime
    end: datetime
    grain: Grain
    step: int
    edges: tuple[int, ...]
    zone: tzinfo
    now: datetime
    has_local_days: bool = False

    @property
    def times(self) -> tuple[int, ...]:
        return self.edges[:-1]

    def expected(self, place: int) -> int:
        """Minutes that could have been sampled in this step, up to now.  The minute under way may be still to come."""
        until = min(self.edges[place + 1], int(self.now.timestamp()) // 60 * 60)
        return max(0, until - self.edges[place]) // 60

    def place_of(self, bucket: int) -> int | None:
        place = bucket - self.first_bucket
        return place if 0 <= place < len(self.edges) - 1 else None

    def pieces(self, days: int) -> Iterator[tuple[int, int]]:
        """(from, to) of so many days each, the same ones for every window of days that holds them."""
        first = 0
        for place in range(1, len(self.edges)):
            if place == len(self.edges) - 1 or (self.first_day + place) % days == 0:
                yield self.edges[first], self.edges[place]
                first = place

    @property
    def first_bucket(self) -> int:
        if self.grain is Grain.DAY:
            return self.first_day
        return self.edges[0] // (60 if self.grain is Grain.MINUTE else 3600) // self.step

    @property
    def first_day(self) -> int:
        """The number of the first day in its zone."""
        zone = self.zone if self.has_local_days else UTC
        return (self.start.astimezone(zone).date() - EPOCH).days


def window(
    start: datetime, end: datetime, *, zone: tzinfo, now: datetime | None = None, grain: Grain | None = None
) -> Window:
    """The steps that fit this span: one to fifteen minutes, an hour or a day, by its length and by what is kept."""
    now = now or datetime.now(UTC)
    grain, step = _grain(start, end, now) if grain is None else (grain, 1)
    if grain is Grain.DAY:
        return _days(start, end, zone, now)
    unit = (60 if grain is Grain.MINUTE else 3600) * step
    first = int(start.timestamp()) // unit * unit
    last = max(first + unit, math.ceil(end.timestamp() / unit) * unit)
    return Window(
        _moment(first, zone), _moment(last, zone), grain, step, tuple(range(first, last + 1, unit)), zone, now
    )


def offsets(edges: Sequence[int], zone: tzinfo) -> tuple[tuple[int, int], ...]:
    """(hour from which on, minutes ahead of UTC): the zone's offsets over these edges, a change told to the hour."""
    hour, last = edges[0] // 3600, edges[-1] // 3600 + 1
    found = [(hour, _ahead(hour, zone))]
    while hour < last:
        later = min(hour + 24, last)
        if _ahead(later, zone) != found[-1][1]:
            low, high = hour, later
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if _ahead(middle, zone) == found[-1][1] else (low, middle)
            found.append((high, _ahead(high, zone)))
        hour = later
    return tuple(found)


def _grain(start: datetime, end: datetime, now: datetime) -> tuple[Grain, int]:
    minutes = (end - start).total_seconds() / 60
    if start >= now - MINUTES_REACH:
        for step in MINUTE_STEPS:
            if minutes / step <= FINEST_POINTS:
                return Grain.MINUTE, step
    if minutes / 60 <= 2 * FINEST_POINTS and start >= now - HOURS_REACH:
        return Grain.HOUR, 1
    return Grain.DAY, 1


def _days(start: datetime, end: datetime, zone: tzinfo, now: datetime) -> Window:
    is_local = start >= now - HOURS_REACH
    used = zone if is_local else UTC
    day, last = start.astimezone(used).date(), (end - timedelta(seconds=1)).astimezone(used).date()
    edges = [_begins(day, used)]
    while day <= last:
        day += timedelta(days=1)
        edges.append(_begins(day, used))
    return Window(
        _moment(edges[0], zone),
        _moment(edges[-1], zone),
        Grain.DAY,
        1,
        tuple(edges),
        zone,
        now,
        has_local_days=is_local,
    )


def _begins(day: date, zone: tzinfo) -> int:
    """The first whole UTC hour that begins in this local day."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
    return -(-int(midnight.timestamp()) // 3600) * 3600


def _ahead(hour: int, zone: tzinfo) -> int:
    ahead = datetime.fromtimestamp(hour * 3600, zone).utcoffset()
    return int(ahead.total_seconds() // 60) if ahead else 0


def _moment(seconds: int, zone: tzinfo) -> datetime:
    return datetime.fromtimestamp(seconds, zone)
