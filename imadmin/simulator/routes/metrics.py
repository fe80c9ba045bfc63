"""Prometheus text of one node: every family of the real server, the ones that mean something computed.

As on the real one, only sends by clients, pings and recvacks are counted (each where the user's slot is led); the
families for received packets and for acknowledged sends exist and stay 0.
"""

from functools import cache

from ..http import Call, Reply, routes
from ..state import SimState
from .metric_families import OWN, RUNTIME

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8; escaping=values"
_SCOPE = 'otel_scope_name="metrics",otel_scope_version=""'
_BOUNDS = (
    "0",
    "5",
    "10",
    "25",
    "50",
    "75",
    "100",
    "250",
    "500",
    "750",
    "1000",
    "2500",
    "5000",
    "7500",
    "10000",
    "+Inf",
)
_WITHIN = (0.0, 0.4, 0.7, 0.9, 0.96, 0.98, 0.99, 1.0)
_KINDS = {"c": "counter", "g": "gauge"}
Values = dict[str, float]


@cache
def _families() -> tuple[tuple[str, str, float, str], ...]:
    """(name, kind, value, help); a family of the server's own code has no help."""
    rows = []
    for line in (*OWN.split("\n"), *RUNTIME.split("\n")):
        if line:
            name, kind, value, *words = line.split(" ")
            rows.append((name, _KINDS[kind], float(value), " ".join(words)))
    return tuple(rows)


def _app(state: SimState, node_id: int) -> Values:
    """`app_conn_count_total` counts open sockets: ghosts, deaf ones and those that never said who they are."""
    seen = state.counters[node_id]
    pings, acks, sent = seen.get("ping", 0), seen.get("recvack", 0), seen.get("send", 0)
    return {
        "app_conn_count_total": state.online.open_sockets(node_id),
        "app_online_user_count_total": state.online.user_count(node_id) + state.online.unauthenticated[node_id],
        "app_ping_count_total": pings,
        "app_pong_count_total": pings,
        "app_ping_bytes_total": pings,
        "app_pong_bytes_total": pings,
        "app_send_packet_count_total": sent,
        "app_send_packet_bytes_total": seen.get("send_bytes", 0),
        "app_recvack_packet_count_total": acks,
        "app_recvack_packet_bytes_total": acks * 14,
    }


def _cluster(state: SimState, node_id: int, uptime: float) -> Values:
    seen, peers = state.counters[node_id], len(state.node_ids) - 1
    proposed, stored = seen.get("propose", 0), seen.get("append", 0)
    sync, talk = int(uptime * 90) * peers, int(uptime * 220) * peers + stored * 4
    return {
        "cluster_channel_active_count": state.running_on(node_id),
        "cluster_channel_propose_count_total": stored,
        "cluster_channel_propose_latency_under_500ms_total": stored,
        "cluster_channel_msg_incoming_count_total": stored * 4 * peers,
        "cluster_channel_msg_incoming_bytes_total": stored * 360 * peers,
        "cluster_channel_msg_outgoing_count_total": stored * 5 * peers,
        "cluster_channel_msg_outgoing_bytes_total": stored * 450 * peers,
        "cluster_msg_incoming_count_total": talk,
        "cluster_msg_incoming_bytes_total": talk * 68,
        "cluster_msg_outgoing_count_total": talk,
        "cluster_msg_outgoing_bytes_total": talk * 69,
        "cluster_msg_sync_incoming_count_total": sync,
        "cluster_msg_sync_incoming_bytes_total": sync * 75,
        "cluster_msg_sync_outgoing_count_total": sync,
        "cluster_msg_sync_outgoing_bytes_total": sync * 75,
        "cluster_slot_msg_sync_incoming_count_total": sync,
        "cluster_slot_msg_sync_incoming_bytes_total": sync * 75,
        "cluster_slot_msg_sync_outgoing_count_total": sync,
        "cluster_slot_msg_sync_outgoing_bytes_total": sync * 75,
        "db_append_messages_count_total": stored,
        "db_add_or_update_conversations_count_total": proposed,
        "system_cpu_percent_total": 1 + int(uptime) % 5,
        "system_extranet_incoming_bytes_total": seen.get("send_bytes", 0) + seen.get("ping", 0) * 40,
        "system_extranet_outgoing_bytes_total": seen.get("recv_bytes", 0) + seen.get("ping", 0) * 30,
    }


def _process(state: SimState, node_id: int, uptime: float) -> Values:
    sockets = state.online.open_sockets(node_id)
    memory = state.memory(node_id)
    return {
        "go_goroutines": 1040 + sockets + int(uptime) % 17,
        "go_memstats_alloc_bytes": memory // 2 + int(uptime) % 29 * 300_000,
        "go_memstats_heap_alloc_bytes": memory // 2 + int(uptime) % 29 * 300_000,
        "go_memstats_heap_inuse_bytes": memory * 3 // 4,
        "go_memstats_last_gc_time_seconds": int(state.now(node_id)) // 60 * 60,
        "process_cpu_seconds_total": round(uptime * 0.035 + state.counters[node_id].get("append", 0) * 0.002, 2),
        "process_open_fds": 160 + sockets,
        "process_resident_memory_bytes": memory,
        "process_start_time_seconds": round(state.topology.live[node_id].started_at, 2),
    }


def number(value: float) -> str:
    """As Go writes a float: from a million on with an exponent."""
    if abs(value) < 1_000_000:
        return str(int(value)) if value == int(value) else repr(value)
    digits, _, exponent = f"{value:.17e}".partition("e")
    short = repr(value / 10 ** int(exponent)) if abs(value) < 1e15 else digits
    return f"{short.rstrip('0').rstrip('.')}e+{int(exponent):02d}"


def _histogram(name: str, count: int) -> list[str]:
    shares = [_WITHIN[index] if index < len(_WITHIN) else 1.0 for index in range(len(_BOUNDS))]
    lines = [
        f'{name}_bucket{{{_SCOPE},le="{bound}"}} {int(count * share)}'
        for bound, share in zip(_BOUNDS, shares, strict=True)
    ]
    return [*lines, f"{name}_sum{{{_SCOPE}}} {number(count * 9)}", f"{name}_count{{{_SCOPE}}} {count}"]


def _odd_families(state: SimState, node_id: int, uptime: float) -> dict[str, tuple[str, str, list[str]]]:
    """Histograms, the summary and what has labels of its own: name to (kind, help, lines)."""
    seen, version = state.counters[node_id], 'version="go1.26.8"'
    gc = [f'go_gc_duration_seconds{{quantile="{share}"}} {0.0001 + share / 1000}' for share in (0, 0.25, 0.5, 0.75, 1)]
    gc += [f"go_gc_duration_seconds_sum {round(uptime / 40000, 6)}", f"go_gc_duration_seconds_count {int(uptime / 50)}"]
    scrapes = [
        f'promhttp_metric_handler_requests_total{{code="{code}"}} {seen.get("scrape", 0) if code == 200 else 0}'
        for code in (200, 500, 503)
    ]
    target = (
        'service_name="unknown_service:wk",telemetry_sdk_language="go",telemetry_sdk_name="opentelemetry",'
        'telemetry_sdk_version="1.28.0"'
    )
    latencies = {"channel": seen.get("append", 0), "slot": seen.get("propose", 0)}
    found = {  # a histogram shows up with its first value
        f"cluster_{what}_propose_latency": ("histogram", "", _histogram(f"cluster_{what}_propose_latency", count))
        for what, count in latencies.items()
        if count
    }
    return found | {
        "go_gc_duration_seconds": ("summary", "A summary of the pause duration of garbage collection cycles.", gc),
        "go_info": ("gauge", "Information about the Go environment.", [f"go_info{{{version}}} 1"]),
        "otel_scope_info": ("gauge", "Instrumentation Scope metadata", [f"otel_scope_info{{{_SCOPE}}} 1"]),
        "promhttp_metric_handler_requests_in_flight": (
            "gauge",
            "Current number of scrapes being served.",
            ["promhttp_metric_handler_requests_in_flight 1"],
        ),
        "promhttp_metric_handler_requests_total": (
            "counter",
            "Total number of scrapes by HTTP status code.",
            scrapes,
        ),
        "target_info": ("gauge", "Target metadata", [f"target_info{{{target}}} 1"]),
    }


def text_of(state: SimState, node_id: int) -> str:
    uptime = max(0.0, state.now() - state.topology.live[node_id].started_at)
    values = {**_app(state, node_id), **_cluster(state, node_id, uptime), **_process(state, node_id, uptime)}
    families = _odd_families(state, node_id, uptime)
    for name, kind, constant, words in _families():
        if name == "cluster_channel_active_count" and not state.counters[node_id].get("append"):
            continue
        labels = "" if name.startswith(("go_", "process_")) else f"{{{_SCOPE}}}"
        families[name] = (kind, words, [f"{name}{labels} {number(values.get(name, constant))}"])
    lines: list[str] = []
    for name, (kind, words, rows) in sorted(families.items()):
        lines += [f"# HELP {name} {words}", f"# TYPE {name} {kind}", *rows]
    return "\n".join(lines) + "\n"


@routes.add("GET", "/metrics", servers=("manager",))
async def metrics(call: Call) -> object:
    broken = call.state.faults[call.node_id].metrics
    if broken == "missing":
        return Reply(404, b"404 page not found", "text/plain")
    if broken:
        body = b"app_conn_count_total{ \xff\xfe <html>" if broken == "garbage" else b""
        return Reply(body=body, content_type=CONTENT_TYPE)
    call.state.count(call.node_id, "scrape")
    return Reply(body=text_of(call.state, call.node_id).encode(), content_type=CONTENT_TYPE)


@routes.add("GET", "/metrics/app", servers=("manager",))
@routes.add("GET", "/metrics/cluster", servers=("manager",))
@routes.add("GET", "/metrics/system", servers=("manager",))
async def series(call: Call) -> object:
    """Without a Prometheus server behind them the series routes answer an empty list."""
    return []
