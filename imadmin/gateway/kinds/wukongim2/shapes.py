"""Reading JSON of WuKongIM v2 piece by piece: rows, exact integers, clean texts, times; or WrongShape."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from imadmin.gateway import payload

Row = Mapping[str, Any]


class WrongShape(ValueError):
    """An answer with another shape than this server's."""


def rows(answer: Any) -> list[Row]:
    """The rows of `{data: [...]}` or of a bare array; null is an empty list (a nil slice there)."""
    found = answer.get("data") if isinstance(answer, dict) and "data" in answer else answer
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise WrongShape("no rows")
    return found


def whole(answer: Any) -> Row:
    if not isinstance(answer, dict):
        raise WrongShape("no object")
    return answer


def number(row: Row, name: str, default: int | None = 0) -> int:
    """An exact integer; zero values may be left out by the server."""
    value = row.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int):
        raise WrongShape(name)
    return value


def text(row: Row, name: str, default: str | None = "") -> str:
    value = row.get(name, default)
    if not isinstance(value, str):
        raise WrongShape(name)
    return payload.clean_text(value)


def flag(row: Row, name: str) -> bool:
    return number(row, name) == 1


def from_seconds(value: int) -> datetime | None:
    return _moment(value, timedelta())


def from_nanoseconds(value: int) -> datetime | None:
    seconds, rest = divmod(value, 10**9)
    return _moment(seconds, timedelta(microseconds=rest // 1000))


def _moment(seconds: int, rest: timedelta) -> datetime | None:
    """None for 0, which is "never" there."""
    if not seconds:
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC) + rest
    except (OverflowError, ValueError, OSError):
        raise WrongShape("time") from None


_DAY = 86_400.0
_UNITS = {"y": 365 * _DAY, "d": _DAY, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "µs": 1e-6, "us": 1e-6, "ns": 1e-9}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|µs|us|ns|y|d|h|m|s)")


def duration(written: str) -> float | None:
    """Seconds of texts like 1d2h3m4s; None when it says nothing."""
    if not written or _DURATION.sub("", written):
        return None
    return sum(float(amount) * _UNITS[unit] for amount, unit in _DURATION.findall(written))


def rfc3339(row: Row, name: str) -> datetime | None:
    """An instant written out; None when it is missing or Go's zero time."""
    written = text(row, name)
    if not written or written.startswith("0001-"):
        return None
    try:
        found = datetime.fromisoformat(written)
    except ValueError:
        raise WrongShape(name) from None
    if found.tzinfo is None:
        raise WrongShape(name)
    return found.astimezone(UTC)


def real(row: Row, name: str, default: float | None = 0.0) -> float:
    """A number with a fraction, or without one."""
    value = row.get(name, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise WrongShape(name)
    return float(value)


def numbers(row: Row, name: str) -> tuple[int, ...]:
    """A list of whole numbers; missing or null is ()."""
    found = row.get(name) or []
    if not isinstance(found, list) or not all(type(each) is int for each in found):
        raise WrongShape(name)
    return tuple(found)


def texts(row: Row, name: str) -> tuple[str, ...]:
    found = row.get(name) or []
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise WrongShape(name)
    return tuple(payload.clean_text(each) for each in found)


def inner(row: Row, name: str) -> Row:
    """An object inside; missing or null is {}."""
    found = row.get(name) or {}
    if not isinstance(found, dict):
        raise WrongShape(name)
    return found


def truth(row: Row, name: str) -> bool:
    """A real JSON boolean (the configuration has those); missing is false."""
    found = row.get(name, False)
    if not isinstance(found, bool):
        raise WrongShape(name)
    return found
