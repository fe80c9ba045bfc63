"""Who else wrote this: every message that says the same, or nearly the same, as one message or a text.

The index of the archive finds candidates (archive.likeness says what to ask it for), each is compared itself.  The work
is bounded: an answer that stopped early says so and says how far back it looked.
"""

import hashlib
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from imadmin.accounts.permissions import Permission
from imadmin.archive import finding, likeness
from imadmin.archive.cover import Cover
from imadmin.archive.engines.base import RID_MAX, RID_SHIFT, Engine
from imadmin.archive.likeness import Likeness
from imadmin.archive.masking import BodyAccess, ShownMessage, body_access, show_stored
from imadmin.archive.norm import norm
from imadmin.archive.queries import leave_trace
from imadmin.archive.rows import Stored
from imadmin.archive.wanted import TOO_LONG
from imadmin.audit.record import Target
from imadmin.clusters.access import Scope
from imadmin.core.errors import InvalidInput, NotFound, gettext_noop
from imadmin.gateway.types import ChannelRef

Key = TypeVar("Key")

DAYS = 30
DAYS_MOST = 3660
ROWS, ROWS_MOST = 100, 200  # messages listed; all are counted
TEXT_MOST = 4000
STEP = 200
READ = 32_000  # characters of a text that are compared
SHOWN = 300  # characters of a variant that are shown
HOURS_UNTIL = 3 * 86400  # a shorter wave is drawn by the hour
BARS_MOST = 92
CANDIDATES = 20_000
SECONDS = 3.0

NOTHING_TO_COMPARE = gettext_noop("Give a message id or a text.")
SAYS_NOTHING = gettext_noop("This message has no text to compare: it is a picture, a file or a thing of your own kind.")
NO_LETTERS = gettext_noop("There is nothing but signs and spaces in this text; copies of it can't be told apart.")
NOT_HERE = gettext_noop("The archive has no message with this id.")
NOT_HERE_HINT = gettext_noop("It may not have been read from the server yet: look at how complete the archive is.")
DAYS_RANGE = gettext_noop("Look back 1 to 3660 days.")


@dataclass(frozen=True, slots=True)
class Budget:
    """What one question may cost: messages compared, and seconds."""

    candidates: int = CANDIDATES
    seconds: float = SECONDS


@dataclass(frozen=True, slots=True)
class Writer:
    """A sender.  exact: how many of the messages say the very same."""

    uid: str
    count: int
    exact: int
    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True)
class Place:
    channel: ChannelRef
    count: int
    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True)
class Variant:
    """Messages of one normal text.  text: the start of its newest message, None when masked."""

    text: str | None
    length: int
    count: int
    is_same: bool
    first: datetime
    last: datetime
    newest_id: int


@dataclass(frozen=True, slots=True)
class Bar:
    """A part of the time, in the reader's zone, and the messages in it."""

    start: datetime
    count: int
    exact: int


@dataclass(frozen=True, slots=True)
class Spread:
    """source: the message asked about.  text: what was compared, None when masked.

    is_short: only the very same counts, it is too short to tell what is near.
    looked: messages compared.  complete_since: how far back nothing is missing, `since` when all was looked at.
    bars: of an hour or a day each.  rows: the newest messages, masked by role.
    """

    source: ShownMessage | None
    text: str | None
    length: int
    days: int
    since: datetime
    complete_since: datetime
    is_short: bool
    looked: int
    total: int
    exact: int
    writers: tuple[Writer, ...]
    places: tuple[Place, ...]
    variants: tuple[Variant, ...]
    bars: tuple[Bar, ...]
    is_hourly: bool
    rows: tuple[ShownMessage, ...]
    access: BodyAccess
    as_of: datetime

    @property
    def is_cut(self) -> bool:
        return self.complete_since > self.since

    @property
    def near(self) -> int:
        return self.total - self.exact

    @property
    def first(self) -> datetime | None:
        return min((writer.first for writer in self.writers), default=None)

    @property
    def last(self) -> datetime | None:
        return max((writer.last for writer in self.writers), default=None)


def spread(
    scope: Scope,
    *,
    message_id: int | None = None,
    text: str = "",
    days: int = DAYS,
    zone: ZoneInfo,
    limit: int = ROWS,
    budget: Budget | None = None,
) -> Spread:
    """Raises Forbidden, InvalidInput (text, days), NotFound (no such message), Busy."""
    access = _allowed(scope)
    if not 1 <= days <= DAYS_MOST:
        raise InvalidInput({"days": [DAYS_RANGE]})
    as_of = datetime.now(UTC)
    since = as_of - timedelta(days=days)
    engine = finding.engine_of(scope)
    source = _source(engine, message_id) if message_id is not None else None
    wanted = source.text if source else text
    normal = _checked(wanted, is_typed=source is None)
    seen = _looked(engine, normal, int(since.timestamp()), budget or Budget(), max(1, min(limit, ROWS_MOST)))
    result = _told(seen, source, wanted, days=days, since=since, as_of=as_of, zone=zone, access=access)
    _leave_trace(scope, normal, message_id, result)
    return result


def _allowed(scope: Scope) -> BodyAccess:
    scope.require(Permission.SEARCH_MESSAGES)
    access = body_access(scope)
    if access is BodyAccess.CLOSED:
        scope.require(Permission.REVEAL_BODIES)
    return access


def _told(
    seen: "_Seen", source: Stored | None, wanted: str, *, days: int, since: datetime, as_of: datetime, zone: ZoneInfo,
    access: BodyAccess,
) -> Spread:  # fmt: skip
    is_open = access is BodyAccess.OPEN
    return Spread(
        source=show_stored(source, is_open=is_open) if source else None,
        text=wanted if is_open or source is None else None,
        length=len(wanted),
        days=days,
        since=since,
        complete_since=max(since, datetime.fromtimestamp(seen.complete_since, UTC)),
        is_short=seen.is_short,
        looked=seen.looked,
        total=len(seen.matches),
        exact=seen.exact,
        writers=seen.writers(),
        places=seen.places(),
        variants=seen.variants(is_open=is_open),
        bars=seen.bars(zone),
        is_hourly=seen.is_hourly,
        rows=tuple(show_stored(row, is_open=is_open) for row in seen.newest()),
        access=access,
        as_of=as_of,
    )


def _source(engine: Engine, message_id: int) -> Stored:
    found = engine.by_ids([message_id]).get(message_id)
    if found is None:
        raise NotFound(NOT_HERE, hint=NOT_HERE_HINT)
    return found


def _checked(text: str, *, is_typed: bool) -> str:
    """The normal form of what is to be found."""
    if is_typed and len(text) > TEXT_MOST:
        raise InvalidInput({"text": [TOO_LONG]})
    normal = norm(text[:READ])
    if not normal:
        raise InvalidInput({"text": [NOTHING_TO_COMPARE if is_typed else SAYS_NOTHING]})
    if likeness.exact_cover(normal) is None:
        raise InvalidInput({"text": [NO_LETTERS]})
    return normal


@dataclass(frozen=True, slots=True)
class _Match:
    """What is kept of a message that was found: a wave may be twenty thousand of them, of any length."""

    id: int
    from_uid: str
    channel: ChannelRef
    sent_at: int
    variant: bytes  # of its normal text


@dataclass(slots=True)
class _Wording:
    text: str
    length: int
    rid: int
    id: int


@dataclass(slots=True)
class _Seen:
    """What was found; the same message counts once.  matches: by rid."""

    normal: str
    own: Likeness
    most_rows: int
    looked: int = 0
    complete_since: int = 0
    matches: dict[int, _Match] = field(default_factory=dict)
    wordings: dict[bytes, _Wording] = field(default_factory=dict)
    rows: dict[int, Stored] = field(default_factory=dict)  # the newest few, whole
    known: dict[bytes, bool] = field(default_factory=dict)  # whether a normal text is near, as compared before

    @property
    def is_short(self) -> bool:
        return self.own.weight < likeness.LEAST

    @property
    def key(self) -> bytes:
        return _key(self.normal)

    @property
    def exact(self) -> int:
        return sum(1 for match in self.matches.values() if match.variant == self.key)

    @property
    def is_hourly(self) -> bool:
        times = [match.sent_at for match in self.matches.values()]
        return not times or max(times) - min(times) <= HOURS_UNTIL

    def take(self, row: Stored) -> bool:
        """Compare one candidate; whether it belongs."""
        self.looked += 1
        if row.rid in self.matches:
            return True
        normal = norm(row.text[:READ])
        key = _key(normal)
        if key != self.key:
            if key not in self.known:
                self.known[key] = not self.is_short and likeness.likeness(normal).is_near(self.own)
            if not self.known[key]:
                return False
        self.matches[row.rid] = _Match(row.id, row.from_uid, row.channel, row.sent_at, key)
        wording = self.wordings.get(key)
        if wording is None or wording.rid < row.rid:
            self.wordings[key] = _Wording(row.text[:SHOWN], len(row.text), row.rid, row.id)
        return True

    def newest(self) -> list[Stored]:
        return [self.rows[rid] for rid in sorted(self.rows, reverse=True)[: self.most_rows]]

    def writers(self) -> tuple[Writer, ...]:
        exact = Counter(match.from_uid for match in self.matches.values() if match.variant == self.key)
        grouped = _grouped((match.from_uid, match.sent_at) for match in self.matches.values())
        return tuple(Writer(uid, count, exact[uid], first, last) for uid, count, first, last in grouped)

    def places(self) -> tuple[Place, ...]:
        return tuple(Place(*found) for found in _grouped((row.channel, row.sent_at) for row in self.matches.values()))

    def variants(self, *, is_open: bool) -> tuple[Variant, ...]:
        found = []
        for key, count, first, last in _grouped((match.variant, match.sent_at) for match in self.matches.values()):
            wording = self.wordings[key]
            text = wording.text if is_open else None
            found.append(Variant(text, wording.length, count, key == self.key, first, last, wording.id))
        return tuple(sorted(found, key=lambda variant: not variant.is_same))

    def bars(self, zone: ZoneInfo) -> tuple[Bar, ...]:
        """Hours or days without a hole from the first message to the last; a very long time shows its newest end."""
        step = timedelta(hours=1) if self.is_hourly else timedelta(days=1)
        counts: Counter[datetime] = Counter()
        exact: Counter[datetime] = Counter()
        for match in self.matches.values():
            start = _floor(match.sent_at, zone, is_hourly=self.is_hourly)
            counts[start] += 1
            exact[start] += match.variant == self.key
        if not counts:
            return ()
        starts, last = [min(counts)], max(counts)
        while starts[-1] < last:
            starts.append(starts[-1] + step)  # of the wall clock, as a calendar counts
        return tuple(Bar(start.replace(tzinfo=zone), counts[start], exact[start]) for start in starts[-BARS_MOST:])


def _key(normal: str) -> bytes:
    return hashlib.blake2b(normal.encode("utf-8", "replace"), digest_size=16).digest()


def _grouped(pairs: Iterable[tuple[Key, int]]) -> list[tuple[Key, int, datetime, datetime]]:
    """Each key with its count, first and last time; the most frequent first, then the newest."""
    found: dict[Key, tuple[int, int, int]] = {}
    for key, at in pairs:
        count, first, last = found.get(key, (0, at, at))
        found[key] = (count + 1, min(first, at), max(last, at))
    rows = sorted(found.items(), key=lambda item: (-item[1][0], -item[1][2]))
    return [
        (key, count, datetime.fromtimestamp(first, UTC), datetime.fromtimestamp(last, UTC))
        for key, (count, first, last) in rows
    ]


def _floor(at: int, zone: ZoneInfo, *, is_hourly: bool) -> datetime:
    """The start of the hour or day on the reader's clock, without its zone."""
    local = datetime.fromtimestamp(at, zone).replace(tzinfo=None, minute=0, second=0)
    return local if is_hourly else local.replace(hour=0)


def _looked(engine: Engine, normal: str, since: int, budget: Budget, most_rows: int) -> _Seen:
    """The very same first: they are few candidates, and what matters most when time is short."""
    seen = _Seen(normal, likeness.likeness(normal), most_rows)
    until = time.monotonic() + budget.seconds
    near = None if seen.is_short else likeness.near_cover(normal)
    for cover in (likeness.exact_cover(normal), near):
        if cover is not None:
            back_to = _pass(engine, cover, seen, (since << RID_SHIFT) - 1, until, budget.candidates)
            seen.complete_since = max(seen.complete_since, back_to)
    return seen


def _pass(engine: Engine, cover: Cover, seen: _Seen, above: int, until: float, candidates: int) -> int:
    """Compare what the cover finds, newest first; the second back to which all was looked at (0: to the end).

    The clock is looked at after each: one long text may take as long as many short ones.
    """
    below, left, kept = RID_MAX, candidates, 0
    while True:
        most = min(STEP, left)
        rows = engine.scan(cover, below=below, above=above, most=most)
        for row in rows:
            if seen.take(row) and kept < seen.most_rows:
                seen.rows[row.rid] = row
                kept += 1
            left -= 1
            if left <= 0 or time.monotonic() > until:
                return row.sent_at
        if len(rows) < most:
            return 0
        below = rows[-1].rid


def _leave_trace(scope: Scope, normal: str, message_id: int | None, found: Spread) -> None:
    """Which message or the hash of which text, and how many; never the text."""
    target = Target("message", str(message_id)) if message_id is not None else Target("cluster", scope.slug)
    detail = {
        "text": hashlib.sha256(normal.encode("utf-8", "replace")).hexdigest()[:16],
        "days": found.days,
        "messages": found.total,
        "senders": len(found.writers),
        "channels": len(found.places),
    }
    leave_trace(scope, "message.spread", target, detail)
