"""Searching the archive as a person: what they may ask, the trail it leaves, and what of the answer they see."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from zoneinfo import ZoneInfo

from django.core.cache import cache

from imadmin.accounts.permissions import Permission
from imadmin.archive import completeness, grammar, history, stores
from imadmin.archive import search as searching
from imadmin.archive.asking import may_ask_words, part_says_words, says_words
from imadmin.archive.bound import bound_of
from imadmin.archive.completeness import Reach
from imadmin.archive.engines.base import Engine, StoreUnavailable
from imadmin.archive.grammar import Fault, QueryError
from imadmin.archive.masking import BodyAccess, ShownMessage, body_access, show_stored
from imadmin.archive.operators import Suggestion, complete
from imadmin.archive.queries import leave_trace
from imadmin.archive.where import All, Any, Says, Where
from imadmin.audit.record import Target
from imadmin.clusters.access import Scope
from imadmin.core.errors import gettext_noop
from imadmin.gateway.types import now

PAGE = 50
PAGE_MAX = 100
COUNTED_MOST = 1000
_TRACED_FOR = 600  # seconds in which the count and the facets of a search belong to the search on the trail

WORDS_NEED_RIGHT = gettext_noop(
    "Your role reads no message bodies, and finding words would tell what they say. Search by who, where and when."
)


@dataclass(frozen=True, slots=True)
class FoundPage:
    """One page of hits, newest first.  terms: the words that had to be there, for marking them.

    next_cursor: "" when there is nothing older.  is_budget_spent: the page is short because it took too long; go on
    with next_cursor.  took: milliseconds of the search itself.
    """

    q: str
    where: Where
    rows: tuple[ShownMessage, ...]
    terms: tuple[str, ...]
    next_cursor: str
    is_budget_spent: bool
    took: int
    access: BodyAccess
    as_of: datetime

    @property
    def is_everything(self) -> bool:
        return not self.q.strip()


@dataclass(frozen=True, slots=True)
class Matching:
    """is_capped: there are more than these."""

    rows: tuple[ShownMessage, ...]
    is_capped: bool


def find(scope: Scope, q: str, *, zone: ZoneInfo, cursor: str = "", limit: int = PAGE) -> FoundPage:
    """Raises Forbidden, QueryError (InvalidInput with the places of the faults), InvalidInput (cursor), Busy."""
    where = parsed(scope, q, zone=zone)
    below = searching.below_of(q, cursor)
    most = max(1, min(limit, PAGE_MAX))
    access = body_access(scope)
    began = time.perf_counter()
    engine = engine_of(scope)
    found = searching.find(engine, where, below=below, most=most)
    took = round((time.perf_counter() - began) * 1000)
    _trace(scope, q, len(found.rows))
    if not cursor:
        history.remember(scope, q, len(found.rows) if found.next_below is None else None)
    return FoundPage(
        q=q,
        where=where,
        rows=tuple(show_stored(row, is_open=access is BodyAccess.OPEN) for row in found.rows),
        terms=terms_of(where),
        next_cursor="" if found.next_below is None else searching.cursor_of(q, found.next_below),
        is_budget_spent=not found.is_exhausted and len(found.rows) < most,
        took=took,
        access=access,
        as_of=now(),
    )


def count(scope: Scope, q: str, *, zone: ZoneInfo, most: int = COUNTED_MOST) -> searching.Count:
    """Raises as `find`."""
    where = parsed(scope, q, zone=zone)
    trace_once(scope, q)
    found = searching.count(engine_of(scope), where, most=most)
    history.counted(scope, q, found.value, is_capped=found.is_capped)
    return found


def facets(scope: Scope, q: str, *, zone: ZoneInfo, most: int = COUNTED_MOST) -> searching.Facets:
    """Raises as `find`."""
    where = parsed(scope, q, zone=zone)
    trace_once(scope, q)
    found = searching.facets(engine_of(scope), where, most, zone=zone)
    history.counted(scope, q, found.counted, is_capped=found.is_capped)
    return found


def suggest(scope: Scope, typed: str, caret: int) -> tuple[Suggestion, ...]:
    """What may stand at the caret; without the archive still the operators.  Raises Forbidden."""
    scope.require(Permission.SEARCH_MESSAGES)
    try:
        return complete(typed, caret, lookups=engine_of(scope))
    except StoreUnavailable:
        return complete(typed, caret)


def leaders(scope: Scope) -> tuple[int, ...]:
    """The nodes that led a channel of the archive when it was last listed.  Raises Forbidden, Busy."""
    scope.require(Permission.SEARCH_MESSAGES)
    return tuple(engine_of(scope).leaders())


def reach(scope: Scope, where: Where) -> Reach:
    """What the archive can't answer of this search.  Raises Busy."""
    bound = bound_of(engine_of(scope), where)
    return completeness.of_bound(scope, bound)


def matching(scope: Scope, q: str, *, zone: ZoneInfo, most: int = COUNTED_MOST) -> Matching:
    """Who and where of the newest that match; bodies stay masked.  Raises as `find`."""
    where = parsed(scope, q, zone=zone)
    trace_once(scope, q)
    found = searching.find(engine_of(scope), where, most=most)
    return Matching(tuple(show_stored(row, is_open=False) for row in found.rows), found.next_below is not None)


def chosen(scope: Scope, ids: Sequence[int]) -> Matching:
    """Who and where of messages that were chosen; bodies stay masked.  Raises Forbidden, Busy."""
    scope.require(Permission.SEARCH_MESSAGES)
    found = engine_of(scope).by_ids(ids)
    return Matching(tuple(show_stored(found[id], is_open=False) for id in ids if id in found), is_capped=False)


def engine_of(scope: Scope) -> Engine:
    """Raises Busy."""
    return stores.engine_of(scope.cluster.pk)


def parsed(scope: Scope, q: str, *, zone: ZoneInfo) -> Where:
    """The query as a tree, if this person may ask it.  Raises Forbidden, QueryError with the place of each fault."""
    scope.require(Permission.SEARCH_MESSAGES)
    where = grammar.parse(q, zone=zone, now=now())
    if says_words(where) and not may_ask_words(scope):
        words = [one for one in grammar.words(q) if part_says_words(q[one.start : one.end])]
        raise QueryError([Fault(one.start, one.end, WORDS_NEED_RIGHT) for one in words])
    return where


def terms_of(where: Where) -> tuple[str, ...]:
    """The words that make a message match, each once."""
    return tuple(dict.fromkeys(_said(where)))


def _said(where: Where) -> Iterator[str]:
    match where:
        case Says(text):
            yield text
        case All(parts) | Any(parts):
            for part in parts:
                yield from _said(part)


def _trace(scope: Scope, q: str, hits: int) -> None:
    """Who may read bodies leaves what they asked, never what they found."""
    if body_access(scope) is BodyAccess.CLOSED:
        return
    leave_trace(scope, "message.search", Target("cluster", ""), {"query": q.strip(), "hits": hits})
    mark_traced(scope, q)


def trace_once(scope: Scope, q: str) -> None:
    """A count tells something too; beside the search it belongs to, it isn't told twice."""
    if body_access(scope) is BodyAccess.CLOSED or cache.get(_trace_key(scope, q)):
        return
    leave_trace(scope, "message.search", Target("cluster", ""), {"query": q.strip(), "hits": None})
    mark_traced(scope, q)


def mark_traced(scope: Scope, q: str) -> None:
    """The trail holds this query of theirs: what is counted of it in the next ten minutes belongs to that row."""
    cache.set(_trace_key(scope, q), True, _TRACED_FOR)


def _trace_key(scope: Scope, q: str) -> str:
    who = f"{scope.actor.kind}\0{scope.actor.name}\0{scope.cluster.pk}\0{q.strip()}"
    return f"archive-traced:{sha256(who.encode(errors='replace')).hexdigest()}"
