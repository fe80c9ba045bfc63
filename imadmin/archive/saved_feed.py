"""A saved search as a feed: what it finds in the order it was sent, from a mark on, for whoever watches it."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime

from imadmin.archive import asking, counting, saved, stores
from imadmin.archive import search as searching
from imadmin.archive.engines.base import RID_MAX, Engine
from imadmin.archive.masking import BodyAccess, ShownMessage, body_access, show_stored
from imadmin.archive.present import present_rid
from imadmin.archive.queries import leave_trace
from imadmin.archive.rows import Stored
from imadmin.archive.where import Where
from imadmin.audit.record import Target
from imadmin.clusters.access import Scope
from imadmin.core.errors import InvalidInput, gettext_noop

MOST = 200
GROWTH = 8  # of the next stretch after one that could be looked at; one that was too much is as many times narrower
STRETCHES_MOST = 64
SECONDS = 3.0  # of one answer; a stretch gets half of what is left, so there is time for a smaller one
LEAST_SECONDS = 0.02
SETTLE = 10  # seconds: what nodes store at one time doesn't come in the order of its time

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

    It is ten seconds behind, so that all nodes have told theirs; messages that come later than that with an older time
    are not in it: they stand before the mark.  One with a time of its own in the future comes when its time has come.
    Raises Forbidden, NotFound, InvalidInput (after; words without the right), Busy.
    """
    row = saved.find(scope, search_id)
    where = asking.asked(scope, row.query, name="query")
    mark, most = _mark(after), max(1, min(limit, MOST))
    engine = stores.engine_of(scope.cluster.pk)
    settled = present_rid(scope.cluster.pk, slack=-SETTLE)
    newest = counting.newest_rid(scope.cluster.pk, below=settled)
    if newest is None:
        rows, reached = [], min(mark or 0, settled)
    elif mark is None:
        rows, reached = _latest(engine, where, newest, most), newest
    else:
        rows, reached = _onward(engine, where, min(mark, settled), newest, most)
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


def _latest(engine: Engine, where: Where, newest: int, most: int) -> list[Stored]:
    found = searching.find(engine, where, below=newest + 1, most=most)
    return list(reversed(found.rows))


def _onward(engine: Engine, where: Where, mark: int, newest: int, most: int) -> tuple[list[Stored], int]:
    """The oldest hits after the mark, and how far was looked.  An engine looks newest first: so stretch by stretch.

    Time being up it ends with the stretches that are whole; the next call goes on there.
    """
    rows: list[Stored] = []
    width, until = newest - mark, time.monotonic() + SECONDS
    for _ in range(STRETCHES_MOST):
        left, room = until - time.monotonic(), most - len(rows)
        if mark >= newest or room <= 0 or left <= 0:
            break
        end = min(mark + width, newest)
        budget = searching.Budget(seconds=max(LEAST_SECONDS, left / 2))
        found = searching.find(engine, where, above=mark, below=end + 1, most=room, budget=budget)
        if found.next_below is None:
            rows += reversed(found.rows)
            mark, width = end, width * GROWTH
        else:
            width = (end - mark) // GROWTH
            if len(found.rows) < room:  # too much to look at: no more than was looked at now
                width = min(width, end - found.next_below)
            width = max(1, width)
    return rows, mark


def _mark(after: str) -> int | None:
    if not after:
        return None
    if not (after.isascii() and after.isdigit() and len(after) <= 19 and int(after) <= RID_MAX):
        raise InvalidInput({"after": [BAD_MARK]}, BAD_MARK)
    return int(after)
