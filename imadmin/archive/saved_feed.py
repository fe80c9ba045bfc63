"""A saved search as a feed: what it finds in the order it was sent, from a mark on, for whoever watches it."""

from dataclasses import dataclass
from datetime import UTC, datetime

from imadmin.archive import asking, counting, saved
from imadmin.archive import search as searching
from imadmin.archive.engines.base import RID_MAX, RID_SHIFT, Engine, StoreUnavailable
from imadmin.archive.masking import BodyAccess, ShownMessage, body_access, show_stored
from imadmin.archive.queries import leave_trace
from imadmin.archive.rows import Stored
from imadmin.archive.where import Where
from imadmin.audit.record import Target
from imadmin.clusters.access import Scope
from imadmin.core.errors import Busy, InvalidInput, gettext_noop

MOST = 200
WINDOW = 3600 << RID_SHIFT  # the first stretch that is looked at; doubled four times over while little is in it
STRETCHES_MOST = 64

BAD_MARK = gettext_noop("“after” is the next_cursor of the call before, or empty for the newest.")


@dataclass(frozen=True, slots=True)
class Fed:
    """items: oldest first.  next_cursor: where to go on.  is_behind: there is more already."""

    items: tuple[ShownMessage, ...]
    next_cursor: str
    is_behind: bool
    as_of: datetime


def feed(scope: Scope, search_id: int, *, after: str = "", limit: int = 50) -> Fed:
    """What the search finds after the mark, oldest first; without a mark the newest, to begin with.

    Messages that come late with an older time are not in it: they stand before the mark.
    Raises Forbidden, NotFound, InvalidInput (after; words without the right), Busy.
    """
    row = saved.find(scope, search_id)
    where = asking.asked(scope, row.query, name="query")
    mark, most = _mark(after), max(1, min(limit, MOST))
    engine = counting.engine_of(scope.cluster.pk)
    try:
        newest = counting.newest_rid(scope.cluster.pk)
        if newest is None:
            rows, reached = [], mark or 0
        elif mark is None:
            rows, reached = _latest(engine, where, most), newest
        else:
            rows, reached = _onward(engine, where, mark, newest, most)
    except StoreUnavailable as error:
        raise Busy(counting.NO_STORE) from error
    access = body_access(scope)
    if rows and access is not BodyAccess.CLOSED:
        detail = {"query": row.query, "hits": len(rows), "feed": row.pk}
        leave_trace(scope, "message.search", Target("cluster", ""), detail)
    return Fed(
        items=tuple(show_stored(one, is_open=access is BodyAccess.OPEN) for one in rows),
        next_cursor=str(reached),
        is_behind=newest is not None and reached < newest,
        as_of=datetime.now(UTC),
    )


def _latest(engine: Engine, where: Where, most: int) -> list[Stored]:
    found = searching.find(engine, where, most=most)
    return list(reversed(found.rows))


def _onward(engine: Engine, where: Where, mark: int, newest: int, most: int) -> tuple[list[Stored], int]:
    """The oldest hits after the mark, and how far was looked.  An engine looks newest first: so stretch by stretch."""
    rows: list[Stored] = []
    width = WINDOW
    for _ in range(STRETCHES_MOST):
        if mark >= newest or len(rows) >= most:
            break
        until = min(mark + width, newest)
        found = _stretch(engine, where, mark, until, most - len(rows))
        if found is None:
            width = max(1, width // 16)
            continue
        rows += found
        mark, width = until, width * 16
    return rows, mark


def _stretch(engine: Engine, where: Where, above: int, until: int, most: int) -> list[Stored] | None:
    """All hits with above < rid <= until, oldest first; None when there are more than wanted."""
    rows: list[Stored] = []
    below: int | None = until + 1
    while below is not None and len(rows) <= most:
        found = searching.find(engine, where, above=above, below=below, most=most + 1 - len(rows))
        rows += found.rows
        below = found.next_below
    return None if len(rows) > most else rows[::-1]


def _mark(after: str) -> int | None:
    if not after:
        return None
    if not (after.isascii() and after.isdigit() and len(after) <= 19 and int(after) <= RID_MAX):
        raise InvalidInput({"after": [BAD_MARK]}, BAD_MARK)
    return int(after)
