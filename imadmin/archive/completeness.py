"""How complete an archive is: what is held of what the cluster has, what is missing, and how far behind the feed is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from django.core.cache import cache

from imadmin.accounts.permissions import Permission
from imadmin.archive import clocks
from imadmin.archive.bound import MOST, Bound
from imadmin.archive.engines.base import Engine
from imadmin.archive.models import Archive
from imadmin.archive.rows import ChannelHold, Coverage, Totals
from imadmin.archive.stores import engine_of
from imadmin.clusters.access import Scope
from imadmin.core.errors import InvalidInput, gettext_noop
from imadmin.core.paging import BROKEN_CURSOR, decode_cursor, encode_cursor
from imadmin.gateway.types import ChannelRef, now

KEEP_SECONDS = 5
FEED_LIVE = timedelta(minutes=2)
PAGE, PAGE_MAX = 50, 200
FIRST_LOOKED_AT = 100  # messages of a channel whose first one has a wrong clock
LOOKED_MOST = 5000  # channels looked at for one page of a filter
SHOWN = ("all", "gaps", "unread", "whole")

BAD_FILTER = gettext_noop("Show: all, gaps, unread or whole.")

State = Literal["off", "empty", "filling", "waiting", "gaps", "complete"]


@dataclass(frozen=True, slots=True)
class Completeness:
    """One cluster's archive.  up_to: when the newest whole round began that has ended.  Everything the cluster had
    then is held, gaps aside; what came later is known by the feed, which may lose messages.  None = never read whole.

    round_*: the newest walk over all channels; is_reading: one is unfinished.  waits_for: why it rests (msgid), "".
    feed_*: of the webhook's messages; is_fed: one came within two minutes.
    """

    is_on: bool
    budget: int
    opened_by: str
    opened_at: datetime | None
    totals: Totals
    coverage: Coverage
    up_to: datetime | None
    round_started_at: datetime | None
    round_ended_at: datetime | None
    waits_for: str
    feed_seen_at: datetime | None
    feed_lag: float | None
    is_fed: bool
    as_of: datetime

    @property
    def is_reading(self) -> bool:
        started, ended = self.round_started_at, self.round_ended_at
        return self.is_on and started is not None and (ended is None or ended < started)

    @property
    def state(self) -> State:
        if not self.is_on:
            return "off"
        if self.waits_for:
            return "waiting"
        if self.up_to is None:
            return "filling"
        if self.coverage.missing:
            return "gaps"
        return "complete" if self.totals.messages else "empty"

    @property
    def held(self) -> int:
        """Sequence numbers accounted for, of `coverage.expected`."""
        return max(0, self.coverage.expected - self.coverage.missing)

    @property
    def share(self) -> float | None:
        return self.held / self.coverage.expected if self.coverage.expected else None


@dataclass(frozen=True, slots=True)
class Reach:
    """How complete an answer is that searched these channels (or all).  channels: how many.

    unread: of them never read; with_gaps: those included.  missing: numbers in gaps.  unknown: named channels that the
    archive has never heard of.  is_wide: more channels were searched than are looked at one by one, so it is told of
    all.  is_empty: the archive knows no channel at all.  first_at: of the first message whose time can be.
    up_to, feed_seen_at, is_fed: as in Completeness.
    """

    is_on: bool
    channels: int
    unread: int
    with_gaps: int
    missing: int
    unknown: int
    up_to: datetime | None
    feed_seen_at: datetime | None
    is_fed: bool
    waits_for: str
    first_at: datetime | None
    is_wide: bool = False
    is_empty: bool = False

    @property
    def is_complete(self) -> bool:
        return self.is_on and self.up_to is not None and not self.missing and not self.unknown and not self.waits_for


@dataclass(frozen=True, slots=True)
class HeldChannel:
    """A channel with what is held of it.  bar: (start, width, held) pieces of 1 to newest, in thousandths."""

    hold: ChannelHold
    newest: int
    bar: tuple[tuple[int, int, bool], ...]

    @property
    def kind(self) -> Literal["unread", "gaps", "whole"]:
        if not self.hold.missing:
            return "whole"
        return "gaps" if self.hold.messages else "unread"

    @property
    def can_be_read(self) -> bool:
        """Whether there is something to read from the server."""
        return bool(self.hold.missing) and not self.hold.is_unlisted

    @property
    def since(self) -> int | None:
        """When the first message that is held was sent; None without one, or where the clock was wrong."""
        first = self.hold.first_at
        return first if first is not None and clocks.can_be(first) else None


@dataclass(frozen=True, slots=True)
class ChannelPage:
    rows: tuple[HeldChannel, ...]
    next_cursor: str
    as_of: datetime


def status(scope: Scope) -> Completeness:
    """Raises Forbidden, Busy (the store is away)."""
    scope.require(Permission.VIEW)
    archive = Archive.objects.filter(cluster=scope.cluster).first() or Archive(cluster=scope.cluster)
    totals, coverage = _figures(scope)
    ended = archive.round_ended_at
    return Completeness(
        is_on=archive.is_on,
        budget=archive.budget,
        opened_by=archive.opened_by,
        opened_at=archive.opened_at,
        totals=totals,
        coverage=coverage,
        up_to=archive.whole_at,
        round_started_at=archive.round_started_at,
        round_ended_at=ended,
        waits_for=archive.waits_for if archive.is_on else "",
        feed_seen_at=archive.feed_seen_at,
        feed_lag=archive.feed_lag,
        is_fed=_is_fed(archive),
        as_of=now(),
    )


def of_channels(scope: Scope, channels: Iterable[ChannelRef] | None = None) -> Reach:
    """What the archive can't answer of a search in these channels; None: in all.  Raises Forbidden, Busy."""
    wanted = None if channels is None else tuple(dict.fromkeys(channels))
    is_wide = wanted is not None and len(wanted) > MOST
    return of_bound(scope, Bound(None if is_wide else wanted, is_wide=is_wide))


def of_bound(scope: Scope, bound: Bound) -> Reach:
    """The same of a search that is bound so."""
    scope.require(Permission.VIEW)
    archive = Archive.objects.filter(cluster=scope.cluster).first() or Archive(cluster=scope.cluster)
    unknown = bound.unknown
    totals, coverage = _figures(scope)
    first, is_empty = totals.first_at, not totals.messages and not coverage.channels
    if bound.channels is not None:
        engine = engine_of(scope.cluster.pk)
        found = [hold for channel in bound.channels if (hold := engine.hold(channel))]
        unknown += len(bound.channels) - len(found)
        gappy = [hold for hold in found if hold.missing]
        coverage = Coverage(
            channels=len(found),
            told=sum(hold.server_seq is not None for hold in found),
            unread=sum(not hold.messages for hold in gappy),
            with_gaps=len(gappy),
            expected=sum(_newest(hold) for hold in found),
            missing=sum(hold.missing for hold in gappy),
        )
        first = min(_firsts(engine, found), default=None)
    return Reach(
        is_on=archive.is_on,
        channels=coverage.channels,
        unread=coverage.unread,
        with_gaps=coverage.with_gaps,
        missing=coverage.missing,
        unknown=unknown,
        up_to=archive.whole_at,
        feed_seen_at=archive.feed_seen_at,
        is_fed=_is_fed(archive),
        waits_for=archive.waits_for if archive.is_on else "",
        first_at=clocks.moment(first),
        is_wide=bound.is_wide,
        is_empty=is_empty,
    )


def _firsts(engine: Engine, holds: Iterable[ChannelHold]) -> Iterator[int]:
    """When the first message of each was sent; where that clock was wrong, by those of its first that can be."""
    for hold in holds:
        if hold.first_at is None:
            continue
        if clocks.can_be(hold.first_at):
            yield hold.first_at
            continue
        rows = engine.around(hold.channel, 0, before=0, after=FIRST_LOOKED_AT)
        yield from (row.sent_at for row in rows if clocks.can_be(row.sent_at))


def channels(scope: Scope, *, show: str = "all", cursor: str = "", limit: int = PAGE) -> ChannelPage:
    """Channels of the archive.  show `gaps`: most recently active first; the others in the order they became known.

    A page of a filter may be short, or empty, though more follow.  Raises Forbidden, InvalidInput, Busy.
    """
    scope.require(Permission.VIEW)
    if show not in SHOWN:
        raise InvalidInput({"show": [BAD_FILTER]}, BAD_FILTER)
    limit = max(1, min(limit, PAGE_MAX))
    start = _start(cursor, show)
    engine = engine_of(scope.cluster.pk)
    rows, following = _behind(engine, start, limit) if show == "gaps" else _listed(engine, show, start, limit)
    return ChannelPage(tuple(rows), encode_cursor(show=show, at=following) if following else "", now())


def held_channel(hold: ChannelHold) -> HeldChannel:
    newest = _newest(hold)
    return HeldChannel(hold, newest, _bar(hold, newest))


def _behind(engine: Engine, start: int, limit: int) -> tuple[list[HeldChannel], int]:
    found = engine.behind(most=start + limit + 1)
    rows = [held_channel(hold) for hold in found[start : start + limit]]
    return rows, start + limit if len(found) > start + limit else 0


def _listed(engine: Engine, show: str, after: int, limit: int) -> tuple[list[HeldChannel], int]:
    rows: list[HeldChannel] = []
    looked = 0
    while looked < LOOKED_MOST:
        found = engine.holds(after=after, most=500)
        for number, hold in found:
            if len(rows) == limit:
                return rows, after
            after = number
            row = held_channel(hold)
            if show in ("all", row.kind):
                rows.append(row)
        looked += len(found)
        if len(found) < 500:
            return rows, 0
    return rows, after


def _start(cursor: str, show: str) -> int:
    if not cursor:
        return 0
    parts = decode_cursor(cursor, "show", "at")
    if parts["show"] != show or type(parts["at"]) is not int or not 0 < parts["at"] < 2**62:
        raise InvalidInput({"cursor": [BROKEN_CURSOR]})
    return parts["at"]


def _newest(hold: ChannelHold) -> int:
    return max(hold.server_seq or 0, hold.spans[-1][1] if hold.spans else 0)


def _bar(hold: ChannelHold, newest: int) -> tuple[tuple[int, int, bool], ...]:
    """At most forty pieces: gaps are never rounded away, what is drawn wider for that is taken from what follows."""
    if not newest:
        return ()
    cells = [True] * 40
    for first, last in hold.gaps:
        begin, end = (first - 1) * 40 // newest, -(-last * 40 // newest)
        cells[begin:end] = [False] * (end - begin)
    pieces: list[tuple[int, int, bool]] = []
    for place, is_held in enumerate(cells):
        if pieces and pieces[-1][2] == is_held:
            begin, width, _ = pieces[-1]
            pieces[-1] = (begin, width + 25, is_held)
        else:
            pieces.append((place * 25, 25, is_held))
    return tuple(pieces)


def _figures(scope: Scope) -> tuple[Totals, Coverage]:
    """Kept for a few seconds: pages and searches ask often."""
    key = f"archive:figures:{scope.cluster.pk}"
    kept: tuple[Totals, Coverage] | None = cache.get(key)
    if kept is None:
        engine = engine_of(scope.cluster.pk)
        kept = engine.totals(), engine.coverage()
        cache.set(key, kept, KEEP_SECONDS)
    return kept


def _is_fed(archive: Archive) -> bool:
    return bool(archive.is_on and archive.feed_seen_at and now() - archive.feed_seen_at < FEED_LIVE)


__all__: Sequence[str] = (
    "ChannelPage", "Completeness", "HeldChannel", "Reach", "channels", "held_channel", "of_bound", "of_channels",
    "status",
)  # fmt: skip
