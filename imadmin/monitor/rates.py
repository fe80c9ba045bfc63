"""Rates from counters: what happened in a second between two readings of the same node.

A counter starts from 0 again when the node does; what it counted between the last reading and the restart is lost, so
the rate is then of what it counted since: too low, never negative and never a spike.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime

from imadmin.gateway.node_types import NodeMetrics

SHORTEST = 0.2  # seconds; closer readings say nothing about a rate


@dataclass(frozen=True, slots=True)
class NodeRates:
    """A node's counters a second, over `seconds` until as_of.  None = unknown.  is_after_restart: it began anew.

    cpu_seconds: cores in use, 1.0 = one of them fully.
    """

    node: int
    seconds: float
    as_of: datetime
    is_after_restart: bool = False
    sends: float | None = None
    recvacks: float | None = None
    pings: float | None = None
    send_bytes: float | None = None
    channel_proposals: float | None = None
    channel_proposals_failed: float | None = None
    channel_proposals_over_500ms: float | None = None
    messages_stored: float | None = None
    cluster_in_bytes: float | None = None
    cluster_out_bytes: float | None = None
    cpu_seconds: float | None = None


COUNTERS = tuple(
    field.name for field in fields(NodeRates) if field.name not in ("node", "seconds", "as_of", "is_after_restart")
)


def between(before: NodeMetrics | None, after: NodeMetrics) -> NodeRates | None:
    """None where a rate can't be said: no reading before, one that failed, or two too close together."""
    if before is None or not (before.answers and after.answers) or before.node != after.node:
        return None
    seconds = (after.as_of - before.as_of).total_seconds()
    if seconds < SHORTEST:
        return None
    restarted = is_restarted(before, after)
    counted_for = _since_restart(after, seconds) if restarted else seconds
    return NodeRates(
        node=after.node,
        seconds=counted_for,
        as_of=after.as_of,
        is_after_restart=restarted,
        **{
            name: _rate(getattr(before, f"{name}_total"), getattr(after, f"{name}_total"), counted_for, restarted)
            for name in COUNTERS
        },
    )


def delta(before: float | None, after: float | None, *, restarted: bool = False) -> float | None:
    """How much was counted between two readings; after a restart, or when it fell, all of what is there now."""
    if after is None:
        return None
    if restarted:
        return after
    if before is None:
        return None
    return after - before if after >= before else after


def is_restarted(before: NodeMetrics, after: NodeMetrics) -> bool:
    """By the start the node tells; where it doesn't, by its counters having fallen."""
    if before.started_at and after.started_at:
        return abs((after.started_at - before.started_at).total_seconds()) > 1
    pairs = ((getattr(before, f"{name}_total"), getattr(after, f"{name}_total")) for name in COUNTERS)
    return any(old is not None and new is not None and new < old for old, new in pairs)


def _since_restart(after: NodeMetrics, seconds: float) -> float:
    """Its clock may differ from ours, so the time since its start counts only where it fits between the readings."""
    if after.started_at is None:
        return seconds
    since = (after.as_of - after.started_at).total_seconds()
    return since if SHORTEST <= since <= seconds else seconds


def _rate(before: float | None, after: float | None, seconds: float, restarted: bool) -> float | None:
    counted = delta(before, after, restarted=restarted)
    return None if counted is None else counted / seconds
