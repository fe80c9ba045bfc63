"""What can be asked of the list of connections, as written in an address: fields with values, parsed once.

A filter is a set of terms.  Terms of one field widen each other, fields narrow each other, negated terms take away.
"""

import ipaddress
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from imadmin.core.errors import InvalidInput, gettext_noop
from imadmin.gateway.types import DeviceFlag

DEVICES: Mapping[str, DeviceFlag | None] = {
    "app": DeviceFlag.APP, "web": DeviceFlag.WEB, "pc": DeviceFlag.PC, "other": None,
}  # fmt: skip
LEVELS = ("master", "slave")
FIELDS = ("uid", "node", "device", "level", "ip", "version", "age", "idle", "rate")
MOST_TERMS = 20
LONGEST = 200

BLANK = gettext_noop("Write something after the name, such as idle:>10m.")
TOO_LONG = gettext_noop("That is longer than anything it could find.")
TOO_MANY = gettext_noop("At most 20 conditions at a time.")
BAD_NODE = gettext_noop("A node is named by its number.")
BAD_DEVICE = gettext_noop("The kinds of device are app, web, pc and other.")
BAD_LEVEL = gettext_noop("A device is master or slave.")
BAD_IP = gettext_noop("Write an address like 203.0.113.7 or a network like 203.0.113.0/24.")
BAD_VERSION = gettext_noop("A protocol version is a number from 0 to 255.")
BAD_SPAN = gettext_noop("Write a span like >10m, <90s or 1m-10m; s, m, h and d are known.")
BAD_RATE = gettext_noop("Write a rate like >0.5 (a second), >30/m or 1-5.")
BAD_FIELD = gettext_noop("This can be asked for: uid, node, device, level, ip, version, age, idle, rate.")


class Term(NamedTuple):
    """One condition.  value: canonical text; of a uid a part of it, or after = the whole.

    low, high: bounds of a span, low included, high not.
    """

    field: str
    value: str
    is_negated: bool = False
    low: float = 0.0
    high: float = float("inf")

    def text(self) -> str:
        """As it stands in an address, after `field=`."""
        escaped = f"\\{self.value}" if self.value[:1] in ("-", "\\") else self.value
        return f"-{escaped}" if self.is_negated else escaped


@dataclass(frozen=True, slots=True)
class Filter:
    """is_remembered: rows that only another node remembers, instead of those the socket's own node tells."""

    terms: tuple[Term, ...] = ()
    is_remembered: bool = False

    def __bool__(self) -> bool:
        return bool(self.terms) or self.is_remembered

    def without(self, *, field: str = "", term: Term | None = None) -> "Filter":
        kept = tuple(one for one in self.terms if one.field != field and one != term)
        return Filter(kept, self.is_remembered)

    def toggled(self, term: Term) -> "Filter":
        """With the term, or without it when it is there already.  Spans of one field take each other's place."""
        if term in self.terms:
            return self.without(term=term)
        spans = term.field in ("age", "idle", "rate")
        kept = self.without(field=term.field) if spans else self
        return Filter((*kept.terms, term), self.is_remembered)

    def pairs(self) -> tuple[tuple[str, str], ...]:
        """For an address, in the order of FIELDS."""
        found = [(term.field, term.text()) for name in FIELDS for term in self.terms if term.field == name]
        return (*found, ("known", "remembered")) if self.is_remembered else tuple(found)

    def words(self) -> str:
        """ "idle:>10m -device:pc": for plans and the audit trail."""
        shown = [f"{'-' if term.is_negated else ''}{term.field}:{term.value}" for term in self.terms]
        return " ".join([*shown, "known:remembered"] if self.is_remembered else shown)


def read(values: Mapping[str, Iterable[str]], *, is_remembered: bool = False) -> Filter:
    """values: field -> texts as in an address.  Raises InvalidInput naming every field that can't be read."""
    terms: list[Term] = []
    problems: dict[str, list[str]] = {}
    for field in FIELDS:
        for text in values.get(field, ()):
            if not text.strip():
                continue
            try:
                terms.append(read_term(field, text))
            except InvalidInput as error:
                problems.setdefault(field, []).extend(error.fields[field])
    if problems:
        raise InvalidInput(problems)
    if len(terms) > MOST_TERMS:
        raise InvalidInput({terms[-1].field: [TOO_MANY]})
    return Filter(tuple(dict.fromkeys(terms)), is_remembered)


_TOKEN = re.compile(r"(?P<negated>-)?(?P<field>[a-z]+):(?P<value>\S*)")


def read_query(text: str) -> Filter:
    """What is typed into the box: `field:value` with - before it for "not"; a word alone is looked for in uids.

    Raises InvalidInput naming `q`.
    """
    terms = []
    for word in text.split():
        found = _TOKEN.fullmatch(word)
        if found and found["field"] not in FIELDS:
            raise InvalidInput({"q": [BAD_FIELD]})
        field, value = (found["field"], found["value"]) if found else ("uid", word)
        try:
            term = read_term(field, value if found else f"\\{word}")
        except InvalidInput as error:
            raise InvalidInput({"q": error.fields[field]}) from None
        terms.append(term._replace(is_negated=bool(found and found["negated"])))
    if len(terms) > MOST_TERMS:
        raise InvalidInput({"q": [TOO_MANY]})
    return Filter(tuple(dict.fromkeys(terms)))


def read_term(field: str, text: str) -> Term:
    """One value of a field.  Raises InvalidInput naming the field."""
    text = text.strip()
    is_negated = text.startswith("-")
    value = text[1:] if is_negated else text
    value = value[1:] if value.startswith("\\") else value
    if not value:
        raise InvalidInput({field: [BLANK]})
    if len(value) > LONGEST:
        raise InvalidInput({field: [TOO_LONG]})
    return _READERS[field](value)._replace(is_negated=is_negated)


def _uid(value: str) -> Term:
    return Term("uid", value)


def _node(value: str) -> Term:
    return Term("node", str(_number("node", value, 2**63 - 1, BAD_NODE)))


def _version(value: str) -> Term:
    return Term("version", str(_number("version", value, 255, BAD_VERSION)))


def _number(field: str, value: str, most: int, problem: str) -> int:
    if not (value.isascii() and value.isdecimal() and len(value) < 20 and int(value) <= most):
        raise InvalidInput({field: [problem]})
    return int(value)


def _word(field: str, words: Iterable[str], problem: str) -> Callable[[str], Term]:
    def read_word(value: str) -> Term:
        if value.lower() not in words:
            raise InvalidInput({field: [problem]})
        return Term(field, value.lower())

    return read_word


def _ip(value: str) -> Term:
    try:
        network = ipaddress.ip_network(value, strict=False)
    except ValueError:
        raise InvalidInput({"ip": [BAD_IP]}) from None
    return Term("ip", str(network) if "/" in value else str(network.network_address))


_UNITS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86_400.0}
# Only the last amount may lack its unit: were it optional everywhere, digits could be cut in endless ways.
_SPAN = re.compile(r"(?:\d+(?:\.\d+)?(?:min|[smhd]))*(?:\d+(?:\.\d+)?)?")
_AMOUNT = re.compile(r"(\d+(?:\.\d+)?)(min|[smhd])?")
_RATE = re.compile(r"(\d+(?:\.\d+)?)(?:/(min|[smhd]))?")


def _seconds(text: str) -> float | None:
    if not text or not _SPAN.fullmatch(text):
        return None
    return sum(float(amount) * _UNITS[unit or "s"] for amount, unit in _AMOUNT.findall(text))


def _above(amount: float | None) -> float | None:
    return None if amount is None else math.nextafter(amount, math.inf)


def _per_second(text: str) -> float | None:
    found = _RATE.fullmatch(text)
    return float(found[1]) / _UNITS[found[2] or "s"] if found else None


def _span(field: str, amount: Callable[[str], float | None], problem: str) -> Callable[[str], Term]:
    def read_span(value: str) -> Term:
        text = value.replace(" ", "").lower()
        low: float | None = 0.0
        high: float | None = float("inf")
        if text.startswith(">="):
            low = amount(text[2:])
        elif text.startswith(">"):
            low = _above(amount(text[1:]))
        elif text.startswith("<="):
            high = _above(amount(text[2:]))
        elif text.startswith("<"):
            high = amount(text[1:])
        elif "-" in text:
            first, _, second = text.partition("-")
            low, high = amount(first), amount(second)
        else:
            low = None
        if low is None or high is None or low > high:
            raise InvalidInput({field: [problem]})
        return Term(field, text, low=low, high=high)

    return read_span


_READERS: Mapping[str, Callable[[str], Term]] = {
    "uid": _uid,
    "node": _node,
    "device": _word("device", DEVICES, BAD_DEVICE),
    "level": _word("level", LEVELS, BAD_LEVEL),
    "ip": _ip,
    "version": _version,
    "age": _span("age", _seconds, BAD_SPAN),
    "idle": _span("idle", _seconds, BAD_SPAN),
    "rate": _span("rate", _per_second, BAD_RATE),
}
