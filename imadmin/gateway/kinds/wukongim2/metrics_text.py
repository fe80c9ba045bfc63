"""A node's Prometheus text turned into NodeMetrics.  Only what is shown anywhere is parsed: the rest is most of it.

The exporter types gauges as counters (2.14), so names decide what a value means, never its TYPE line.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from imadmin.gateway.kinds.wukongim2.shapes import WrongShape
from imadmin.gateway.node_types import Latencies, NodeMetrics

# our name -> the sample's name there
COUNTS = {
    "open_sockets": "app_conn_count_total",
    "users_in_memory": "app_online_user_count_total",
    "active_channels": "cluster_channel_active_count",
    "sends_total": "app_send_packet_count_total",
    "recvacks_total": "app_recvack_packet_count_total",
    "pings_total": "app_ping_count_total",
    "pongs_total": "app_pong_count_total",
    "send_bytes_total": "app_send_packet_bytes_total",
    "channel_proposals_total": "cluster_channel_propose_count_total",
    "channel_proposals_failed_total": "cluster_channel_propose_failed_count_total",
    "channel_proposals_over_500ms_total": "cluster_channel_propose_latency_over_500ms_total",
    "messages_stored_total": "db_append_messages_count_total",
    "cluster_in_total": "cluster_msg_incoming_count_total",
    "cluster_out_total": "cluster_msg_outgoing_count_total",
    "cluster_in_bytes_total": "cluster_msg_incoming_bytes_total",
    "cluster_out_bytes_total": "cluster_msg_outgoing_bytes_total",
    "goroutines": "go_goroutines",
    "resident_bytes": "process_resident_memory_bytes",
    "heap_bytes": "go_memstats_alloc_bytes",
    "open_fds": "process_open_fds",
    "max_fds": "process_max_fds",
}
HISTOGRAMS = {"channel_propose": "cluster_channel_propose_latency", "slot_propose": "cluster_slot_propose_latency"}
SECONDS = {"cpu_seconds_total": "process_cpu_seconds_total"}
STARTED = "process_start_time_seconds"

_WANTED = frozenset((*COUNTS.values(), *SECONDS.values(), STARTED))
_BUCKETS = tuple(f"{name}_{part}" for name in HISTOGRAMS.values() for part in ("bucket", "sum", "count"))
_SEEN = _WANTED | frozenset(_BUCKETS)


def read(text: str, *, node: int, manager_url: str, as_of: datetime) -> NodeMetrics:
    """Raises WrongShape when this is no such text; a single missing family is just unknown."""
    plain: dict[str, float] = {}
    buckets: dict[str, dict[float, float]] = {}
    try:
        for name, labels, value in _samples(text):
            if name.endswith("_bucket"):
                buckets.setdefault(name, {})[float(labels["le"])] = value
            else:
                plain[name] = value
    except (ValueError, KeyError) as error:
        raise WrongShape("metrics") from error
    if not plain:
        raise WrongShape("metrics")
    counts: dict[str, Any] = {ours: _whole(plain.get(theirs)) for ours, theirs in COUNTS.items()}
    histograms: dict[str, Any] = {ours: _latencies(theirs, plain, buckets) for ours, theirs in HISTOGRAMS.items()}
    return NodeMetrics(
        node=node,
        answers=True,
        as_of=as_of,
        manager_url=manager_url,
        started_at=_moment(plain.get(STARTED)),
        cpu_seconds_total=_sane(plain.get(SECONDS["cpu_seconds_total"])),
        **counts,
        **histograms,
    )


def _samples(text: str) -> Iterator[tuple[str, dict[str, str], float]]:
    lines = [line for line in text.splitlines() if line.partition("{")[0].partition(" ")[0] in _SEEN]
    for family in text_string_to_metric_families("\n".join(lines) + "\n"):
        for sample in family.samples:
            yield sample.name, sample.labels, sample.value


def _sane(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) and value >= 0 else None


def _whole(value: float | None) -> int | None:
    sane = _sane(value)
    return None if sane is None else int(sane)


def _moment(seconds: float | None) -> datetime | None:
    sane = _sane(seconds)
    try:
        return datetime.fromtimestamp(sane, UTC) if sane else None
    except (OverflowError, ValueError, OSError):
        return None


def _latencies(name: str, plain: dict[str, float], buckets: dict[str, dict[float, float]]) -> Latencies | None:
    count, total = _whole(plain.get(f"{name}_count")), _sane(plain.get(f"{name}_sum"))
    if count is None or total is None:
        return None
    found = sorted(buckets.get(f"{name}_bucket", {}).items())
    return Latencies(count, total, tuple((bound, int(held)) for bound, held in found if _sane(held) is not None))
