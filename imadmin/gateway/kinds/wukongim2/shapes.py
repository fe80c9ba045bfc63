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
