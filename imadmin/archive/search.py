"""Running a query against an engine: candidates newest first, each one verified, within a budget.

The same for every engine.  A page may be short because the budget ended: then `next_below` says where to go on, and
nobody may call that "nothing found".
"""

import math
import time
from base64 import b32decode, b32encode
from binascii import Error as Base32Error
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from hashlib import blake2b

from imadmin.archive.covering import Covered, cover_of, ids_of, range_of, times_of
from imadmin.archive.engines.base import RID_MAX, RID_SHIFT, Engine, OutOfTime
from imadmin.archive.matching import matcher
from imadmin.archive.rows import Stored
from imadmin.archive.where import InKind, LedBy, Named, Where
from imadmin.core.errors import InvalidInput, gettext_noop
from imadmin.core.paging import BROKEN_CURSOR
from imadmin.gateway.types import ChannelRef, ContentKind

BATCH_MOST = 2000
LEAST_SECONDS = 0.05  # of one scan
EVERYTHING = RID_MAX + 1  # rids begin at 0: one step of it reaches from any place to the oldest
WIDEST, NARROWEST = (32 * 86_400) << RID_SHIFT, 1 << RID_SHIFT  # looked through where all of it takes too long
BATCH_BYTES = 32 * 1024 * 1024
RANGE_MOST = 500  # sequence numbers that are read by number rather than found
CHANNELS_MOST = 100  # channels whose ids begin so that are looked for one by one
CHANNEL_TYPES = 256
OTHER_QUERY = gettext_noop("This page marker belongs to another search; start from its first page.")


@dataclass(frozen=True, slots=True)
class Budget:
    """candidates: messages looked at.  seconds: of our time.  One candidate is always looked at, so paging moves."""

    candidates: int = 20_000
    seconds: float = 2.0


@dataclass(frozen=True, slots=True)
class Found:
    """rows: newest first.  next_below: where older ones may be, None = there are none.  looked: candidates verified.

    is_exhausted: everything older was looked at; False with a short page: the budget ended.
    """

    rows: tuple[Stored, ...]
    next_below: int | None
    looked: int
    is_exhausted: bool


@dataclass(frozen=True, slots=True)
class Count:
    """is_capped: there may be more, because there are or because the budget ended; write "1000+" then."""

    value: int
    is_capped: bool


@dataclass(frozen=True, slots=True)
class Facets:
    """What the newest hits are made of, each list by falling count; days by falling date.  counted: how many hits."""

    senders: tuple[tuple[str, int], ...]
    channels: tuple[tuple[ChannelRef, int], ...]
    kinds: tuple[tuple[ContentKind, int], ...]
    days: tuple[tuple[date, int], ...]
    counted: int
    is_capped: bool


DEFAULT = Budget()


def find(
    engine: Engine,
    where: Where,
    *,
    below: int | None = None,
    above: int = -1,
    most: int = 50,
    budget: Budget = DEFAULT,
) -> Found:
    """One page of messages with above < rid < below, newest first.  Raises StoreUnavailable."""
    walk = _Walk(engine, where, below=below, above=above, most=most, budget=budget)
    rows: list[Stored] = []
    for row in walk.hits():
        rows.append(row)
        if len(rows) > most:  # one more, to know that there is one
            return Found(tuple(rows[:most]), rows[most - 1].rid, walk.looked, is_exhausted=False)
    return Found(tuple(rows), None if walk.is_exhausted else walk.last, walk.looked, walk.is_exhausted)


def count(
    engine: Engine,
    where: Where,
    *,
    below: int | None = None,
    above: int = -1,
    most: int = 1000,
    budget: Budget = DEFAULT,
) -> Count:
    """How many messages match, counted up to `most`.  Raises StoreUnavailable."""
    walk = _Walk(engine, where, below=below, above=above, most=most, budget=budget)
    value = 0
    for _ in walk.hits():
        if value == most:
            return Count(most, is_capped=True)
        value += 1
    return Count(value, is_capped=not walk.is_exhausted)


def facets(engine: Engine, where: Where, most: int = 1000, *, zone: tzinfo = UTC, budget: Budget = DEFAULT) -> Facets:
    """Who, where, what and when of the newest `most` hits; days are days of the zone.  Raises StoreUnavailable."""
    walk = _Walk(engine, where, below=None, above=-1, most=most, budget=budget)
    senders: Counter[str] = Counter()
    channels: Counter[ChannelRef] = Counter()
    kinds: Counter[ContentKind] = Counter()
    days: Counter[date] = Counter()
    counted, is_more = 0, False
    for row in walk.hits():
        if counted == most:
            is_more = True
            break
        counted += 1
        senders[row.from_uid] += 1
        channels[row.channel] += 1
        kinds[row.kind] += 1
        if (day := _day(row.sent_at, zone)) is not None:
            days[day] += 1
    return Facets(
        senders=tuple(senders.most_common()),
        channels=tuple(channels.most_common()),
        kinds=tuple(kinds.most_common()),
        days=tuple(sorted(days.items(), reverse=True)),
        counted=counted,
        is_capped=is_more or not walk.is_exhausted,
    )


def cursor_of(query: str, below: int) -> str:
    """Opaque text for where a page of this query ends."""
    raw = _mark(query) + below.to_bytes(8, "big")
    return b32encode(raw).decode("ascii").rstrip("=").lower()


def below_of(query: str, cursor: str) -> int | None:
    """Back from a cursor; None for "".  Raises InvalidInput for one that is broken or belongs to another query."""
    if not cursor:
        return None
    try:
        raw = b32decode(cursor.upper() + "=" * (-len(cursor) % 8))
    except (Base32Error, ValueError):
        raw = b""
    if len(raw) != 14:
        raise InvalidInput({"cursor": [BROKEN_CURSOR]})
    if raw[:6] != _mark(query):
        raise InvalidInput({"cursor": [OTHER_QUERY]})
    return min(RID_MAX, int.from_bytes(raw[6:], "big"))


def _mark(query: str) -> bytes:
    """Of the text, not of the tree: `after:-2h` means another second on each page."""
    return blake2b(" ".join(query.split()).encode("utf-8", "surrogatepass"), digest_size=6).digest()


def _day(second: int, zone: tzinfo) -> date | None:
    try:
        return datetime.fromtimestamp(second, zone).date()
    except (OverflowError, ValueError, OSError):  # a server's clock may say anything
        return None


class _Walk:
    """From the newest candidate to the oldest, counting what was looked at.  last: the rid of the last one."""

    def __init__(
        self, engine: Engine, where: Where, *, below: int | None, above: int, most: int, budget: Budget
    ) -> None:
        self._engine, self._where, self._budget = engine, where, budget
        self._below = RID_MAX if below is None else below
        self._above = above
        self._batch = math.ceil(1.1 * most) + 1
        self._leaders: dict[ChannelRef, int | None] = {}
        self._deadline = math.inf
        self._ran_out = False
        self.looked = 0
        self.last = self._below
        self.is_exhausted = False

    def hits(self) -> Iterator[Stored]:
        matches = matcher(self._where, leader_of=self._leader_of)
        self._deadline = time.monotonic() + self._budget.seconds
        for row in self._candidates():
            self.looked += 1
            self.last = row.rid
            if matches(row):
                yield row
            if self.looked >= self._budget.candidates or time.monotonic() > self._deadline:
                return
        self.is_exhausted = not self._ran_out

    def _candidates(self) -> Iterator[Stored]:
        """By id or number where the query names them, else through the index."""
        named = self._named()
        if named is not None:
            inside = [row for row in named if self._above < row.rid < self._below]
            yield from sorted(inside, key=lambda row: row.rid, reverse=True)
            return
        spill = 0 if times_of(self._where)[1] is None else self._engine.spill  # reads the archive
        covered = cover_of(self._where, channels=self._channels, spill=spill)
        yield from self._scanned(covered)

    def _named(self) -> Sequence[Stored] | None:
        ids = ids_of(self._where)
        if ids is not None:
            return list(self._engine.by_ids(sorted(ids)).values())
        wanted = range_of(self._where)
        if wanted is None or wanted[2] - wanted[1] >= RANGE_MOST:
            return None
        channel, first, last = wanted
        if last < first:
            return ()
        room = 2 * RANGE_MOST  # a number may be there twice
        rows = self._engine.newest_in(channel, below_seq=last + 1, most=room)
        is_whole = len(rows) < room or rows[-1].seq < first
        return [row for row in rows if row.seq >= first] if is_whole else None

    def _scanned(self, covered: Covered) -> Iterator[Stored]:
        below, above = min(self._below, covered.below), max(self._above, covered.above)
        batch = min(self._batch, BATCH_MOST)
        start, window = below, EVERYTHING
        while above + 1 < below:
            left, has_moved = self._deadline - time.monotonic(), below < start
            if left <= 0 and has_moved:
                self._ran_out, self.last = True, below
                return
            floor = max(above, below - window)
            seconds = max(LEAST_SECONDS, left / 2) if window > NARROWEST else None
            try:
                rows = self._engine.scan(covered.cover, below=below, above=floor, most=batch, seconds=seconds)
            except OutOfTime:  # a part of the time can be looked through, so that paging moves
                newest = self._engine.scan(None, below=below, above=above, most=1)
                below = newest[0].rid + 1 if newest else above + 1
                start = min(start, below) if not has_moved else start
                window = max(NARROWEST, min(window // 16, WIDEST))
                continue
            yield from rows
            if len(rows) < batch:
                below, window = floor + 1, min(window * 4, EVERYTHING)
                continue
            below = rows[-1].rid
            size = sum(len(row.payload) + len(row.text) for row in rows) // len(rows) or 1
            batch = max(16, min(batch * 2, BATCH_MOST, BATCH_BYTES // size))

    def _channels(self, leaf: Where) -> Sequence[ChannelRef] | None:
        match leaf:
            case InKind(kind, prefix):
                found = self._engine.channels_like(prefix, kind=kind, most=CHANNELS_MOST + 1)
                return None if len(found) > CHANNELS_MOST else found
            case Named(channel_id):
                found = self._engine.channels_like(channel_id, most=CHANNEL_TYPES)  # itself comes first, of each type
                return [channel for channel in found if channel.id == channel_id]
            case LedBy(node) if node not in self._engine.leaders():
                return ()
        return None  # a node leads a good part of all channels

    def _leader_of(self, channel: ChannelRef) -> int | None:
        if channel not in self._leaders:
            hold = self._engine.hold(channel)
            self._leaders[channel] = hold.leader if hold else None
        return self._leaders[channel]
