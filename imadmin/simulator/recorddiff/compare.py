"""Where two answers differ: status, kind of content, shape, types, presence of fields; on request the values."""

import re
from collections.abc import Iterator
from typing import Any

from .question import Answer

# values that no two servers share
VOLATILE = frozenset(
    [
        "id",
        "message_id",
        "message_idstr",
        "timestamp",
        "timestamp_format",
        "created_at",
        "updated_at",
        "created_at_format",
        "updated_at_format",
        "last_msg_time",
        "last_msg_time_format",
        "last_append_time",
        "version",
        "conf_version",
        "term",
        "uptime",
        "idle",
        "last_activity",
        "exp",
        "token",
        "key",
        "last_get_time",
        "last_get_at",
        "expire_at",
        "node_version",
        "now",
        "occurred_at",
        "time_format",
        "data",
        "index",
        "next",
        "pre",
        "applied",
        "last",
        "ip",
        "port",
        "last_log_time",
        "last_log_time_format",
        "running",
        "active",
        "active_format",
        "get_count",
    ]
)
_ADDRESS = re.compile(r"(?:127\.0\.0\.1|localhost)?:\d{4,5}")


def differences(real: Answer, ours: Answer, *, exact: bool) -> Iterator[str]:
    if real.status != ours.status:
        yield f"status {real.status} real, {ours.status} simulated ({_short(ours.text)} for {_short(real.text)})"
        return
    if real.content_type != ours.content_type:
        yield f"content type {real.content_type!r} real, {ours.content_type!r} simulated"
    if real.text.startswith("# HELP"):
        yield from _families(real.text, ours.text)
        return
    is_error = real.status == 400
    yield from _walk(real.body, ours.body, "", exact=exact or is_error)


def _walk(real: Any, ours: Any, place: str, *, exact: bool) -> Iterator[str]:
    if _kind(real) != _kind(ours):
        yield f"{place or 'body'}: {_short(real)} real, {_short(ours)} simulated"
    elif isinstance(real, dict):
        yield from _objects(real, ours, place, exact=exact)
    elif isinstance(real, list):
        yield from _lists(real, ours, place, exact=exact)
    elif exact and place.rpartition(".")[2] not in VOLATILE and _plain(real) != _plain(ours):
        yield f"{place or 'body'}: {_short(real)} real, {_short(ours)} simulated"


def _objects(real: dict[str, Any], ours: dict[str, Any], place: str, *, exact: bool) -> Iterator[str]:
    for name in real:
        if name not in ours:
            yield f"{place}.{name}: only real ({_short(real[name])})"
    for name in ours:
        if name not in real:
            yield f"{place}.{name}: only simulated ({_short(ours[name])})"
    for name in real:
        if name in ours:
            yield from _walk(real[name], ours[name], f"{place}.{name}", exact=exact)


def _lists(real: list[Any], ours: list[Any], place: str, *, exact: bool) -> Iterator[str]:
    if _is_unordered(place, real, ours):
        real, ours = (sorted(rows, key=_order) for rows in (real, ours))
    if exact:
        if len(real) != len(ours):
            yield f"{place}: {len(real)} rows real, {len(ours)} simulated"
        for index, (first, second) in enumerate(zip(real, ours, strict=False)):
            yield from _walk(first, second, f"{place}[{index}]", exact=True)
        return
    if real and not ours:  # what others made; that the real server has none of it says nothing
        yield f"{place}: {len(real)} rows real, {len(ours)} simulated"
    elif real and ours and isinstance(real[0], dict) and isinstance(ours[0], dict):
        # rows that others made: fields that every row of one side has must show up on the other
        for name in sorted(_always(real) - _ever(ours)):
            yield f"{place}[].{name}: only real"
        for name in sorted(_always(ours) - _ever(real)):
            yield f"{place}[].{name}: only simulated"
        for name in sorted(_always(real) & _always(ours)):
            if _kind(real[0][name]) != _kind(ours[0][name]):
                yield f"{place}[].{name}: {_short(real[0][name])} real, {_short(ours[0][name])} simulated"


UNORDERED = (".uids", ".slot_ids", ".replicas")
KEYS = ("event_key", "leader_id", "replica_id")  # of rows that the real server lists in any order


def _is_unordered(place: str, real: list[Any], ours: list[Any]) -> bool:
    first = (real or ours or [None])[0]
    is_keyed = isinstance(first, dict) and any(name in first for name in KEYS) and "slot_id" not in first
    return place.endswith(UNORDERED) or is_keyed


def _order(row: Any) -> str:
    if isinstance(row, dict):
        return str([row[name] for name in ("event_key", "replica_id", "leader_id", "id") if name in row])
    return str(row)


def _always(rows: list[dict[str, Any]]) -> set[str]:
    return set.intersection(*(set(row) for row in rows))


def _ever(rows: list[dict[str, Any]]) -> set[str]:
    return {name for row in rows for name in row}


def _kind(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return type(value).__name__
    return "number" if isinstance(value, int | float) else type(value).__name__


def _plain(value: Any) -> Any:
    return _ADDRESS.sub("A", value) if isinstance(value, str) else value


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) < 90 else f"{text[:87]}..."


def _families(real: str, ours: str) -> Iterator[str]:
    first, second = (
        {tuple(line.split(" ")[2:4]) for line in text.splitlines() if line.startswith("# TYPE")}
        for text in (real, ours)
    )
    yield from (f"family {name} ({kind}): only real" for name, kind in sorted(first - second))
    yield from (f"family {name} ({kind}): only simulated" for name, kind in sorted(second - first))
