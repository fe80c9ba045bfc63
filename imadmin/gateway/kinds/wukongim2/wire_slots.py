"""Replies about copies of slots, the log of the configuration and a node's manager address, turned into our types."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import Any

from imadmin.gateway.kinds.wukongim2.shapes import (
    Row,
    flag,
    from_nanoseconds,
    number,
    rows,
    text,
    whole,
)  # fmt: skip
from imadmin.gateway.node_types import (
    LogEntry,
    LogPage,
    SlotReplica,
)
from imadmin.gateway.types import now


@dataclass(frozen=True, slots=True)
class ManagerPlace:
    """Where a node says its manager API listens: host:port as configured there, maybe 0.0.0.0."""

    address: str
    is_on: bool


def manager_place(answer: Any) -> ManagerPlace:
    row = whole(answer)
    return ManagerPlace(text(row, "manager_addr"), flag(row, "manager_on"))


def own_replica(answer: Any) -> SlotReplica:
    """slots/:id/localReplica: a node's own copy of a slot."""
    row = whole(answer)
    return SlotReplica(
        node=number(row, "replica_id", None),
        answers=True,
        is_running=flag(row, "running"),
        leader=number(row, "leader_id"),
        term=number(row, "term"),
        last_index=number(row, "last_log_seq"),
        committed_index=number(row, "committed_index"),
        applied_index=number(row, "applied_index"),
        last_written_at=from_nanoseconds(number(row, "last_log_time")),
    )


def config_log(answer: Any, node: int) -> LogPage:
    """A page of the config log.  The server says `more` until the first entry is there: an empty page ends it too."""
    row = whole(answer)
    entries = tuple(_entry(entry) for entry in rows(row.get("logs")))
    is_end = not entries or entries[-1].index <= 1
    return LogPage(
        node=node,
        entries=entries,
        next=0 if is_end else number(row, "next"),
        applied=number(row, "applied"),
        last=number(row, "last"),
        as_of=now(),
    )


def _entry(row: Row) -> LogEntry:
    return LogEntry(
        index=number(row, "index", None),
        term=number(row, "term"),
        id=text(row, "id"),
        command=text(row, "cmd"),
        data=_data(row),
        at_text=text(row, "time_format"),
    )


def _data(row: Row) -> Any:
    try:
        return json.loads(text(row, "data") or "null")
    except (ValueError, RecursionError):
        return None


_SECRET = re.compile(r"token|passw|secret", re.IGNORECASE)
REDACTED = "******"


def slot_log(answer: Any, node: int) -> LogPage:
    """As the config log; the data of devices hold tokens in plain text, which go no further."""
    page = config_log(answer, node)
    return replace(page, entries=tuple(replace(entry, data=redacted(entry.data)) for entry in page.entries))


def redacted(data: Any) -> Any:
    """The same with every value whose name speaks of a secret taken out, however deep."""
    if isinstance(data, dict):
        return {name: REDACTED if _SECRET.search(name) and value else redacted(value) for name, value in data.items()}
    if isinstance(data, list):
        return [redacted(each) for each in data]
    return data
