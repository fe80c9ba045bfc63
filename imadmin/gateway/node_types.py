"""What single nodes tell beyond their view of the cluster: counters, copies of slots, the configuration's log."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Latencies:
    """A histogram since the node's start.  buckets: (upper bound in ms, inf at the end; how many took at most that)."""

    count: int
    sum_ms: float
    buckets: tuple[tuple[float, int], ...]

    @property
    def mean_ms(self) -> float | None:
        return self.sum_ms / self.count if self.count else None


@dataclass(frozen=True, slots=True)
class NodeMetrics:
    """One node's own counters.  answers=False: it told none, error says why.  None: not in its text; never zero.

    *_total: count up since started_at, and from 0 again after a restart (monitor/rates.py).  open_sockets: all of them,
    also those that never signed in and those the server no longer serves.  users_in_memory: also users whose socket is
    on another node, so never add nodes up.  recvacks_total: deliveries that clients confirmed; what was delivered the
    server never counts, nor its answers to senders, though its text has names for both.
    """

    node: int
    answers: bool
    as_of: datetime
    error: str = ""
    error_code: str = ""
    manager_url: str = ""
    started_at: datetime | None = None
    open_sockets: int | None = None
    users_in_memory: int | None = None
    active_channels: int | None = None
    sends_total: int | None = None
    recvacks_total: int | None = None
    pings_total: int | None = None
    pongs_total: int | None = None
    send_bytes_total: int | None = None
    channel_proposals_total: int | None = None
    channel_proposals_failed_total: int | None = None
    channel_proposals_over_500ms_total: int | None = None
    messages_stored_total: int | None = None
    cluster_in_total: int | None = None
    cluster_out_total: int | None = None
    cluster_in_bytes_total: int | None = None
    cluster_out_bytes_total: int | None = None
    channel_propose: Latencies | None = None
    slot_propose: Latencies | None = None
    goroutines: int | None = None
    resident_bytes: int | None = None
    heap_bytes: int | None = None
    cpu_seconds_total: float | None = None
    open_fds: int | None = None
    max_fds: int | None = None


@dataclass(frozen=True, slots=True)
class SlotReplica:
    """One node's copy of a slot, asked itself. answers=False: it didn't say, error tells why.

    leader: whom this node takes for the leader.
    """

    node: int
    answers: bool
    error: str = ""
    is_running: bool | None = None
    leader: int | None = None
    term: int | None = None
    last_index: int | None = None
    committed_index: int | None = None
    applied_index: int | None = None
    last_written_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class LogEntry:
    """A change of the cluster's configuration.

    data: what changed, decoded JSON, None when it can't be read.  at_text: the node's local time, without its zone.
    """

    index: int
    term: int
    id: str
    command: str
    data: Any
    at_text: str


@dataclass(frozen=True, slots=True)
class LogPage:
    """Newest first.  next: what to give for the older page, 0 = no older ones.  applied, last: indexes of the log."""

    node: int
    entries: tuple[LogEntry, ...]
    next: int
    applied: int
    last: int
    as_of: datetime


@dataclass(frozen=True, slots=True)
class NodePeople:
    """Connections that a node owns, and whose they are; None where it didn't tell them all."""

    node: int
    rows: int | None
    uids: frozenset[str] | None
    error: str = ""
