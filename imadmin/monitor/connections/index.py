"""Rows of connections made searchable: columns, orders and sets of rows, each worked out when first needed and kept.

A set of rows is one big integer with a bit a row (the first row is the highest bit): to combine and to count sets of
fifty thousand rows takes microseconds then.
"""

import ipaddress
import socket
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import compress
from typing import Any

from imadmin.gateway.connection_types import ConnectionRow
from imadmin.monitor.connections.terms import DEVICES, Filter, Term

Bits = int

_DIGITS = bytes.maketrans(b"\x00\x01", b"01")
_FLAGS = bytes.maketrans(b"01", b"\x00\x01")
_ONE_OF = [bytes(code == wanted for code in range(256)).translate(_DIGITS) for wanted in range(256)]
_DEVICE_NAMES: dict[int | None, str] = {flag: name for name, flag in DEVICES.items()}
MOST_SETS = 256  # kept; each takes an eighth of a byte a row


class Index:
    """rows: by (node_id, id); never changed afterwards."""

    def __init__(self, rows: Sequence[ConnectionRow]) -> None:
        self.rows = rows
        self.all: Bits = (1 << len(rows)) - 1
        self._columns: dict[str, Sequence[Any]] = {}
        self._orders: dict[str, list[int]] = {}
        self._sets: dict[Term, Bits] = {}

    def column(self, name: str) -> Sequence[Any]:
        """Values to sort and to compare by."""
        if name not in self._columns:
            self._columns[name] = _COLUMNS[name](self.rows)
        return self._columns[name]

    def order(self, name: str) -> list[int]:
        """Row numbers by that column; equal ones by (node_id, id)."""
        if name not in self._orders:
            numbers = range(len(self.rows))
            self._orders[name] = list(numbers) if name == "node" else sorted(numbers, key=self.column(name).__getitem__)
        return self._orders[name]

    def matching(self, wanted: Filter, *, but: str = "") -> Bits:
        """The rows that fit.  but: a field whose terms don't count (for its own facet)."""
        found = self.all
        for field in dict.fromkeys(term.field for term in wanted.terms):
            if field == but:
                continue
            terms = [term for term in wanted.terms if term.field == field]
            welcome = [self.bits(term) for term in terms if not term.is_negated]
            if welcome:
                any_of = 0
                for bits in welcome:
                    any_of |= bits
                found &= any_of
            for term in terms:
                if term.is_negated:
                    found &= ~self.bits(term)
        return found

    def bits(self, term: Term) -> Bits:
        """The rows that fit one term, whether it is negated or not."""
        plain = term._replace(is_negated=False)
        found = self._sets.get(plain)
        if found is None:
            if len(self._sets) >= MOST_SETS:
                self._sets.clear()
            if term.field in _FEW_VALUES and len(self.distinct(term.field)) <= len(_ONE_OF):
                self._sets |= self._sets_of(term.field)
                found = self._sets.setdefault(plain, 0)  # 0: no row has that value
            else:
                found = self._sets[plain] = _bits(_MATCHERS.get(term.field, _same)(self, plain))
        return found

    def _sets_of(self, field: str) -> dict[Term, Bits]:
        """The rows of each value of a column with few values, all at once."""
        codes = {value: code for code, value in enumerate(self.distinct(field))}
        written = bytes(map(codes.__getitem__, self.column(field)))
        return {
            Term(field, str(value)): int(written.translate(_ONE_OF[code]) or b"0", 2) for value, code in codes.items()
        }

    def numbers(self, bits: Bits, sort: str, *, descending: bool = False) -> list[int]:
        """Row numbers of a set, in order."""
        order = self.order(sort)
        if bits != self.all:
            flags = self._flags(bits)
            order = [number for number in order if flags[number]]
        return order[::-1] if descending else order

    def after(self, numbers: list[int], sort: str, last: tuple[Any, int, int], *, descending: bool = False) -> int:
        """Where in `numbers` the rows begin that come after the one with this value, node and id."""
        column = self.column(sort)

        def key(number: int) -> tuple[Any, int, int]:
            return (column[number], *self.rows[number].key)

        if not descending:
            return bisect_right(numbers, last, key=key)
        return len(numbers) - bisect_left(numbers[::-1], last, key=key)

    def most_common(self, bits: Bits, column: str, count: int) -> list[tuple[Any, int]]:
        """The most frequent values among these rows; equally frequent ones by value."""
        values = self.column(column)
        counts = Counter(values if bits == self.all else compress(values, self._flags(bits)))
        return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:count]

    def distinct(self, column: str) -> list[Any]:
        key = f"distinct {column}"
        if key not in self._columns:
            self._columns[key] = sorted(set(self.column(column)))
        return list(self._columns[key])

    def _flags(self, bits: Bits) -> bytes:
        """A byte a row: 1 for those in the set."""
        return format(bits, f"0{len(self.rows)}b").encode().translate(_FLAGS)


def _bits(flags: Iterable[bool]) -> Bits:
    return int(bytes(flags).translate(_DIGITS) or b"0", 2)


# -- columns ----------------------------------------------------------------------------------------------------------


def packed(address: str) -> bytes:
    """An address as the bytes it is, "" when it is none: sorts and compares as networks do."""
    try:
        return socket.inet_aton(address) if ":" not in address else socket.inet_pton(socket.AF_INET6, address)
    except (OSError, ValueError):
        return b""


def network_of(address: bytes) -> str:
    """The /24, of IPv6 the /64."""
    if len(address) == 4:
        return f"{address[0]}.{address[1]}.{address[2]}.0/24"
    if len(address) == 16:
        return str(ipaddress.ip_network((address[:8] + bytes(8), 64)))
    return ""


def _networks(rows: Sequence[ConnectionRow]) -> list[str]:
    known: dict[bytes, str] = {}
    found = []
    for address in _addresses(rows):
        head = address[:-1] if len(address) == 4 else address[:8]
        network = known.get(head)
        if network is None:
            network = known[head] = network_of(address)
        found.append(network)
    return found


def _addresses(rows: Sequence[ConnectionRow]) -> list[bytes]:
    known: dict[str, bytes] = {}
    found = []
    for row in rows:
        address = known.get(row.address)
        if address is None:
            address = known[row.address] = packed(row.address)
        found.append(address)
    return found


def _attribute(name: str) -> Callable[[Sequence[ConnectionRow]], Sequence[Any]]:
    place = ConnectionRow._fields.index(name)
    return lambda rows: [row[place] for row in rows]


_COLUMNS: dict[str, Callable[[Sequence[ConnectionRow]], Sequence[Any]]] = {
    "node": _attribute("node_id"),
    "uid": _attribute("uid"),
    "device": lambda rows: [_DEVICE_NAMES.get(row.device_flag, "other") for row in rows],
    "level": _attribute("device_level"),
    "device_id": _attribute("device_id"),
    "ip": lambda rows: [(len(address), address) for address in _addresses(rows)],
    "network": _networks,
    "leader": _attribute("leader_id"),
    "age": _attribute("uptime"),
    "idle": _attribute("idle"),
    "rate": lambda rows: [(row.in_msgs + row.out_msgs) / (row.uptime or 1) for row in rows],
    "in": _attribute("in_msgs"),
    "out": _attribute("out_msgs"),
    "in_bytes": _attribute("in_bytes"),
    "out_bytes": _attribute("out_bytes"),
    "version": _attribute("protocol_version"),
}
SORTS = tuple(name for name in _COLUMNS if name != "network")


# -- terms ------------------------------------------------------------------------------------------------------------


def _same(index: Index, term: Term) -> Iterable[bool]:
    return [str(value) == term.value for value in index.column(term.field)]


def _within(column: str) -> Callable[[Index, Term], Iterable[bool]]:
    def match(index: Index, term: Term) -> Iterable[bool]:
        low, high = term.low, term.high
        return [low <= value < high for value in index.column(column)]

    return match


def _uid(index: Index, term: Term) -> Iterable[bool]:
    text = term.value
    if text.startswith("=") and len(text) > 1:
        return [uid == text[1:] for uid in index.column("uid")]
    return [text in uid for uid in index.column("uid")]


def _ip(index: Index, term: Term) -> Iterable[bool]:
    network = ipaddress.ip_network(term.value)
    low = network.network_address.packed
    first, last = (len(low), low), (len(low), network.broadcast_address.packed)
    return [first <= address <= last for address in index.column("ip")]


_FEW_VALUES = frozenset({"node", "device", "level", "version"})
_MATCHERS: dict[str, Callable[[Index, Term], Iterable[bool]]] = {
    "uid": _uid,
    "ip": _ip,
    "age": _within("age"),
    "idle": _within("idle"),
    "rate": _within("rate"),
}
