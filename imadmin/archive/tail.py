"""The newest messages of a search, and what came since: a page follows them by asking again and again.

Nothing is kept between two questions but the mark that the asker brings back, and when its reading was last put on the
trail.  Messages that came late (their time lies a little before the mark) are found again in a short overlap.
"""

import hashlib
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from django.core.cache import cache

from imadmin.archive import finding, search
from imadmin.archive.engines.base import RID_SHIFT, Engine
from imadmin.archive.masking import BodyAccess, ShownMessage, body_access, show_stored
from imadmin.archive.models import Archive
from imadmin.archive.present import present_rid
from imadmin.archive.queries import leave_trace
from imadmin.archive.rows import Stored
from imadmin.archive.where import Where
from imadmin.audit.record import Target
from imadmin.clusters.access import Scope
from imadmin.gateway.types import now

FIRST = 50  # rows when a tail is opened
ROWS = 200  # most rows of one answer
COUNT_MOST = 1000  # counting what waits ends here
LEFT_MOST = 100_000  # counting what is left out ends here, or after so long
LEFT_BUDGET = search.Budget(candidates=LEFT_MOST, seconds=5.0)
SETTLES = 3  # seconds; rows are left out only when those that come late by less are among the counted ones
OVERLAP = 10  # seconds before the mark that are looked at again
TRACE_EVERY = 600.0
HAVE_MOST = 400


@dataclass(frozen=True, slots=True)
class Tail:
    """rows: newest first; those that came late stand where they belong.  mark: bring it back as `after`.

    left_out: newer messages than `after` that this answer has no room for.  is_capped: there are more than that.
    is_behind: there are newer ones than the mark; ask for them in a moment.
    """

    query: str
    where: Where
    rows: tuple[ShownMessage, ...]
    mark: int
    left_out: int = 0
    is_capped: bool = False
    is_behind: bool = False
    as_of: datetime = field(default_factory=now)


@dataclass(frozen=True, slots=True)
class Source:
    """Where messages come from.  is_on: the archive is fed.  heard_at, lag (seconds): of the feed's last message."""

    is_on: bool
    heard_at: datetime | None
    lag: float | None


def source_of(scope: Scope) -> Source:
    found = Archive.objects.filter(pk=scope.cluster.pk).first()
    return Source(found.is_on, found.feed_seen_at, found.feed_lag) if found else Source(False, None, None)


def newest(scope: Scope, query: str, *, zone: ZoneInfo, most: int = FIRST) -> Tail:
    """What a tail shows when it is opened.  Raises Forbidden, InvalidInput (QueryError: q), Busy."""
    where = finding.parsed(scope, query, zone=zone)
    engine = finding.engine_of(scope)
    mark = _newest_rid(engine, present_rid(scope.cluster.pk))
    found = search.find(engine, where, most=max(1, min(most, ROWS)))
    return _told(scope, Tail(query, where, _shown(scope, found.rows), mark), is_opening=True)


def since(
    scope: Scope, query: str, after: int, *, zone: ZoneInfo, floor: int = 0, have: Iterable[int] = (), most: int = ROWS
) -> Tail:
    """What came after the mark, and what came late.  have: rids at and before the mark that the asker knows.

    floor: nothing at or before it is wanted again (rows that were left out on purpose).  More than there is room for is
    told only up to some seconds ago: what comes late is looked for only where nothing was left out, so it would be
    neither shown nor counted.  Raises as `newest`.
    """
    where = finding.parsed(scope, query, zone=zone)
    most, known = max(1, min(most, ROWS)), set(have)
    limit = present_rid(scope.cluster.pk)
    after = min(after, limit)
    least = max(floor, after - (OVERLAP << RID_SHIFT))
    engine = finding.engine_of(scope)
    mark = max(after, _newest_rid(engine, limit))  # before looking: what comes meanwhile is newer
    new = search.find(engine, where, below=mark + 1, above=after, most=most)
    settled = max(after, min(mark, present_rid(scope.cluster.pk, slack=-SETTLES)))
    is_behind = new.next_below is not None and settled < mark
    if is_behind:
        mark = settled
        new = search.find(engine, where, below=mark + 1, above=after, most=most)
    rows, left_out, is_capped = new.rows, 0, False
    if new.next_below is not None:
        more = search.count(engine, where, below=new.next_below, above=after, most=LEFT_MOST, budget=LEFT_BUDGET)
        left_out, is_capped = more.value, more.is_capped
    elif len(rows) < most and least < after:
        late = search.find(engine, where, below=after + 1, above=least, most=most + len(known))
        rows += tuple(row for row in late.rows if row.rid not in known)[: most - len(rows)]
    return _told(scope, Tail(query, where, _shown(scope, rows), mark, left_out, is_capped, is_behind))


def waiting(scope: Scope, query: str, after: int, *, zone: ZoneInfo) -> search.Count:
    """How many messages a paused page doesn't show yet; a number tells something too, so it is on the trail.

    Not twice where the tail of this query is.  Raises as `newest`.
    """
    where = finding.parsed(scope, query, zone=zone)
    finding.trace_once(scope, query)
    engine = finding.engine_of(scope)
    return search.count(engine, where, below=present_rid(scope.cluster.pk), above=after, most=COUNT_MOST)


def _newest_rid(engine: Engine, limit: int) -> int:
    rows = engine.scan(None, below=limit, most=1)
    return rows[0].rid if rows else 0


def _shown(scope: Scope, rows: Iterable[Stored]) -> tuple[ShownMessage, ...]:
    is_open = body_access(scope) is BodyAccess.OPEN
    return tuple(show_stored(row, is_open=is_open) for row in rows)


def _told(scope: Scope, found: Tail, *, is_opening: bool = False) -> Tail:
    if body_access(scope) is not BodyAccess.CLOSED:
        _leave_trace(scope, found.query, len(found.rows), is_opening=is_opening)
    return found


def _leave_trace(scope: Scope, query: str, shown: int, *, is_opening: bool) -> None:
    """A row when a tail is opened, and one each ten minutes while it goes on, with the messages shown since.

    Without a memory of the opening each answer is one: rather too many rows than none.
    """
    actor = scope.actor
    who = f"{scope.cluster.pk}/{actor.kind}/{actor.name}/{actor.session}/{query}"
    key = f"archive-tail/{hashlib.sha256(who.encode('utf-8', 'replace')).hexdigest()[:32]}"
    told = None if is_opening else cache.get(key)
    at, count = told or (0.0, 0)
    count += shown
    clock = time.time()
    if clock - at >= TRACE_EVERY:
        detail = {"query": query, "messages": count, **({"goes_on": True} if told else {})}
        leave_trace(scope, "message.tail", Target("cluster", scope.slug), detail)
        finding.mark_traced(scope, query)
        at, count = clock, 0
    cache.set(key, (at, count), TRACE_EVERY * 3)
