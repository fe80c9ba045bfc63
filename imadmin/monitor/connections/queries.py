"""Questions to the list of connections: a page of it with facets, one row, the rows a filter or a selection means."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from imadmin.accounts.permissions import Permission
from imadmin.clusters.access import Scope
from imadmin.core import paging
from imadmin.core.errors import InvalidInput, gettext_noop
from imadmin.gateway.connection_types import ConnectionRow, NodeConnections
from imadmin.gateway.types import NodeFailure
from imadmin.monitor.connections.index import SORTS, Bits, Index
from imadmin.monitor.connections.kept import Known, Snapshot, snapshot, snapshot_after_signal
from imadmin.monitor.connections.terms import DEVICES, LEVELS, Filter, Term, read_term

PAGE_SIZE = 50
MOST_SELECTED = 50_000
NETWORKS_SHOWN = 8

BAD_SORT = gettext_noop("The list can't be sorted by that.")
TOO_MANY = gettext_noop("More than %(most)s connections match. Narrow the filter, or go by node.")

Keys = frozenset[tuple[int, int]]

IDLE_SPANS = ("<1m", "1m-10m", ">=10m")
AGE_SPANS = ("<5m", "5m-1h", "1h-1d", ">=1d")


@dataclass(frozen=True, slots=True)
class FacetValue:
    """count: None where it can't be known (a node that is silent)."""

    term: Term
    count: int | None
    is_chosen: bool = False


@dataclass(frozen=True, slots=True)
class Facet:
    """Values of a field, each counted with the filters of all other fields."""

    name: str
    values: tuple[FacetValue, ...]


@dataclass(frozen=True, slots=True)
class Listing:
    """A page of the list.  matching: rows that fit; of: rows there are.  took: seconds of the reading behind it.

    failed: nodes whose connections are missing.  remembered: rows that only other nodes still tell of.  known: what
    each node told when it last answered.
    """

    rows: tuple[ConnectionRow, ...]
    matching: int
    of: int
    offset: int
    facets: tuple[Facet, ...]
    nodes: tuple[NodeConnections, ...]
    failed: tuple[NodeFailure, ...]
    remembered: int
    as_of: datetime
    took: float
    known: Known
    next_cursor: str = ""

    @property
    def answering(self) -> tuple[NodeConnections, ...]:
        return tuple(node for node in self.nodes if node.answers)

    @property
    def silent(self) -> tuple[NodeConnections, ...]:
        return tuple(node for node in self.nodes if not node.answers)

    @property
    def without_row(self) -> int | None:
        """Sockets that the server counts without a row: not signed in yet, or deaf.  None when a node is silent."""
        if self.silent:
            return None
        return sum(max(0, (node.total or 0) - (node.listed or 0)) for node in self.nodes)


def listing(
    scope: Scope,
    wanted: Filter,
    *,
    sort: str = "node",
    descending: bool = False,
    offset: int = 0,
    cursor: str = "",
    limit: int = PAGE_SIZE,
    facets: bool = True,
    max_age: float | None = None,
    after_signal: bool = False,
) -> Listing:
    """One page.  cursor: goes on after a row, so that nothing is left out while others come and go; or offset.

    after_signal: asked because the cluster was said to have changed.
    Raises Forbidden, InvalidInput, GatewayError when no node answers.
    """
    scope.require(Permission.VIEW)
    if sort not in SORTS:
        raise InvalidInput({"sort": [BAD_SORT]})
    found = snapshot_after_signal(scope) if after_signal else snapshot(scope, max_age=max_age)
    index = found.remembered if wanted.is_remembered else found.confirmed
    bits = index.matching(wanted)
    numbers = index.numbers(bits, sort, descending=descending)
    if cursor:
        offset = index.after(numbers, sort, _read_cursor(cursor, sort, descending, index), descending=descending)
    elif offset >= len(numbers):
        offset = max(0, len(numbers) - 1) // limit * limit  # the last page, when there are fewer by now
    chosen = numbers[offset : offset + limit]
    has_more = offset + limit < len(numbers)
    return Listing(
        rows=tuple(index.rows[number] for number in chosen),
        matching=len(numbers),
        of=len(index.rows),
        offset=offset,
        facets=_facets(found, index, wanted) if facets else (),
        nodes=found.listing.nodes,
        failed=found.failed,
        remembered=len(found.listing.remembered),
        as_of=found.as_of,
        took=found.took,
        known=found.known,
        next_cursor=_cursor(index, sort, descending, chosen[-1]) if chosen and has_more else "",
    )


def select(scope: Scope, wanted: Filter | Keys) -> tuple[ConnectionRow, ...]:
    """The rows that a filter or a selection means now, by (node_id, id); chosen ones that are gone are left out.

    Raises InvalidInput when there are more than MOST_SELECTED, GatewayError when no node answers.
    """
    scope.require(Permission.VIEW)
    found = snapshot(scope)
    if isinstance(wanted, Filter):
        index = found.remembered if wanted.is_remembered else found.confirmed
        rows = tuple(index.rows[number] for number in index.numbers(index.matching(wanted), "node"))
    else:
        everything = (*found.listing.rows, *found.listing.remembered)
        rows = tuple(row for row in everything if row.key in wanted)
    if len(rows) > MOST_SELECTED:
        raise InvalidInput({"target": [TOO_MANY]}, params={"most": MOST_SELECTED})
    return rows


def connection(scope: Scope, node_id: int, connection_id: int) -> tuple[Snapshot, ConnectionRow | None, bool]:
    """The list it was looked for in, the row if it is there, and whether its own node tells it."""
    scope.require(Permission.VIEW)
    found = snapshot(scope)
    for is_told, rows in ((True, found.listing.rows), (False, found.listing.remembered)):
        for row in rows:
            if row.key == (node_id, connection_id):
                return found, row, is_told
    return found, None, False


# -- facets -----------------------------------------------------------------------------------------------------------


def _facets(found: Snapshot, index: Index, wanted: Filter) -> tuple[Facet, ...]:
    nodes = (Term("node", str(node.id)) for node in found.listing.nodes)
    devices = [Term("device", name) for name in DEVICES if name != "other" or "other" in index.distinct("device")]
    versions = (Term("version", str(version)) for version in index.distinct("version"))
    silent = () if wanted.is_remembered else {str(node.id) for node in found.listing.nodes if not node.answers}
    return (
        _facet(index, wanted, "node", nodes, unknown=silent),
        _facet(index, wanted, "device", devices),
        _facet(index, wanted, "level", (Term("level", name) for name in LEVELS)),
        _facet(index, wanted, "idle", (read_term("idle", text) for text in IDLE_SPANS)),
        _facet(index, wanted, "age", (read_term("age", text) for text in AGE_SPANS)),
        _networks(index, wanted),
        _facet(index, wanted, "version", versions),
    )


def _facet(index: Index, wanted: Filter, field: str, terms: Iterable[Term], *, unknown: Iterable[str] = ()) -> Facet:
    others = index.matching(wanted, but=field)
    return Facet(field, tuple(_value(index, wanted, term, others, term.value in unknown) for term in terms))


def _value(index: Index, wanted: Filter, term: Term, others: Bits, is_unknown: bool = False) -> FacetValue:
    count = None if is_unknown else (others & index.bits(term)).bit_count()
    return FacetValue(term, count, term in wanted.terms)


def _networks(index: Index, wanted: Filter) -> Facet:
    """The busiest networks; they are too many to keep a set of each."""
    others = index.matching(wanted, but="ip")
    common = [pair for pair in index.most_common(others, "network", NETWORKS_SHOWN + 1) if pair[0]][:NETWORKS_SHOWN]
    values = [FacetValue(term := Term("ip", network), count, term in wanted.terms) for network, count in common]
    shown = {value.term for value in values}
    chosen = [term for term in wanted.terms if term.field == "ip" and not term.is_negated and term not in shown]
    return Facet("ip", (*values, *(_value(index, wanted, term, others) for term in chosen)))


# -- cursors ----------------------------------------------------------------------------------------------------------


def _cursor(index: Index, sort: str, descending: bool, number: int) -> str:
    value = index.column(sort)[number]
    if sort == "ip":
        value = value[1].hex()
    return paging.encode_cursor(sort=sort, descending=descending, value=value, key=list(index.rows[number].key))


def _read_cursor(cursor: str, sort: str, descending: bool, index: Index) -> tuple[Any, int, int]:
    parts = paging.decode_cursor(cursor, "sort", "descending", "value", "key")
    key, value = parts["key"], parts["value"]
    is_key = isinstance(key, list) and len(key) == 2 and all(type(part) is int for part in key)
    if not is_key or (parts["sort"], parts["descending"]) != (sort, descending):
        raise InvalidInput({"cursor": [paging.BROKEN_CURSOR]})
    try:
        if sort == "ip":
            raw = bytes.fromhex(value)
            value = (len(raw), raw)
        sample = index.column(sort)[0] if index.rows else value
        _ = value < sample  # of the right kind?
    except (TypeError, ValueError):
        raise InvalidInput({"cursor": [paging.BROKEN_CURSOR]}) from None
    return value, key[0], key[1]
