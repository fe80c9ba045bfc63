"""The search box: which of a query's words stand as chips, and the addresses that narrow or widen a search."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _

from imadmin.archive import grammar, history
from imadmin.archive.asking import may_ask_words, reader_zone
from imadmin.archive.finding import terms_of
from imadmin.archive.grammar import QueryError, QueryWord
from imadmin.archive.operators import complete
from imadmin.clusters.access import Scope
from imadmin.gateway.types import now
from imadmin.web import cells

EXCERPT = 48  # characters of the query shown on either side of what is wrong
CHIPS_MOST = 12
FAULTS_MOST = 3  # one mistake often makes many
LONGEST = 12_000  # of an address; the grammar says what it thinks of a query that is too long
_SIMPLE = ("word", "phrase", "operator")


@dataclass(frozen=True, slots=True)
class Chip:
    """text: as it stands in the query.  url: the same search without it."""

    text: str
    name: str
    value: str
    is_negated: bool
    url: str


@dataclass(frozen=True, slots=True)
class Box:
    """typed: what stands in the field itself; together with the chips it is the whole query.  address: who answers."""

    address: str
    q: str
    chips: tuple[Chip, ...]
    typed: str


@dataclass(frozen=True, slots=True)
class Wrong:
    """What is wrong with a query.  more: faults that are not shown."""

    faults: tuple["ShownFault", ...]
    more: int


@dataclass(frozen=True, slots=True)
class ShownFault:
    """One fault: the query around it in three pieces, and what to do."""

    before: str
    part: str
    after: str
    at: int
    message: str


def q_of(parts: Sequence[str]) -> str:
    """The query of an address: without JavaScript chips and field come as several parts."""
    return " ".join(part.strip() for part in parts if part.strip())[:LONGEST]


def box_context(scope: Scope, address: str, q: str, *, is_broken: bool) -> dict[str, Any]:
    """What pages/messages/_box.html needs, on whichever page it stands; address: of the page that takes the query."""
    return {
        "box": box_of(address, q, is_broken=is_broken),
        "may_words": may_ask_words(scope),
        "suggestions": (*(() if q else history.offered(scope, "")), *complete("", 0)),
    }


def box_of(address: str, q: str, *, is_broken: bool = False) -> Box:
    """A query with OR or parentheses, or with a fault, stands in the field as it was typed."""
    words = grammar.words(q)
    if is_broken or any(word.kind not in _SIMPLE for word in words):
        return Box(address, q, (), q)
    named = [word for word in words if word.kind == "operator"][:CHIPS_MOST]
    chips = tuple(
        Chip(
            text=q[word.start : word.end],
            name=word.name,
            value=word.value,
            is_negated=word.is_negated,
            url=_asked_of(address, without(q, word)),
        )
        for word in named
    )
    return Box(address, q, chips, " ".join(q[word.start : word.end] for word in words if word not in named))


def terms(q: str) -> tuple[str, ...]:
    """The words to mark for a search; none of one that can't be read."""
    try:
        return terms_of(grammar.parse(q, zone=reader_zone(), now=now()))
    except QueryError:
        return ()


def without(q: str, word: QueryWord) -> str:
    return " ".join(part for part in (q[: word.start].strip(), q[word.end :].strip()) if part)


def wrong_of(q: str, error: QueryError) -> Wrong:
    """The first faults, each with the query around it; one that stands at no place is told alone."""
    found = []
    for fault in error.faults[:FAULTS_MOST]:
        start, end = max(0, min(fault.start, len(q))), max(0, min(fault.end, len(q)))
        first, last = max(0, start - EXCERPT), min(len(q), end + EXCERPT)
        part = q[start:end] if end - start <= 2 * EXCERPT else f"{q[start : start + 2 * EXCERPT]}…"
        found.append(
            ShownFault(
                before=("…" if first else "") + cells.visible(q[first:start]),
                part=cells.visible(part),
                after=cells.visible(q[end:last]) + ("…" if last < len(q) else ""),
                at=start + 1,
                message=fault.text(_),
            )
        )
    return Wrong(tuple(found), len(error.faults) - len(found))


def encoded(**given: object) -> str:
    """The part of an address behind the question mark, without what is empty."""
    return urlencode({name: value for name, value in given.items() if value}, doseq=True)


def search_url(slug: str, q: str) -> str:
    return _asked_of(reverse("messages", args=[slug]), q)


def _asked_of(address: str, q: str) -> str:
    return f"{address}?{urlencode({'q': q})}" if q else address


def narrowed(slug: str, q: str, term: str) -> str:
    """The search with one more operator; beside an OR it would belong to one side of it alone."""
    if any(word.kind == "or" for word in grammar.words(q)):
        q = f"({q})"
    return search_url(slug, f"{q} {term}".strip())
