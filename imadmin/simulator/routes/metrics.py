"""Prometheus text of one node: all app_* families, and a few of the others with plausible values."""

from ..http import Call, Reply, routes
from ..state import SimState

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8; escaping=values"
_SCOPE = '{otel_scope_name="trace",otel_scope_version=""}'


def _counters(state: SimState, node_id: int) -> dict[str, float]:
    """`app_conn_count_total` counts open sockets, ghosts included; the device and conn packet families stay 0."""
    seen = state.counters[node_id]
    connections = state.online.open_sockets(node_id)
    sent, received = seen.get("send", 0), seen.get("recv", 0)
    users = {one.uid for one in state.online.listed_by(node_id)}
    pings = seen.get("ping", 0)
    values: dict[str, float] = {
        "app_conn_count_total": connections,
        "app_online_user_count_total": len(users),
        "app_online_device_count_total": 0,
        "app_ping_count_total": pings,
        "app_pong_count_total": pings,
        "app_ping_bytes_total": pings,
        "app_pong_bytes_total": pings,
        "app_send_packet_count_total": sent,
        "app_send_packet_bytes_total": seen.get("send_bytes", 0),
        "app_sendack_packet_count_total": sent,
        "app_sendack_packet_bytes_total": sent * 24,
        "app_recv_packet_count_total": received,
        "app_recv_packet_bytes_total": seen.get("recv_bytes", 0),
        "app_recvack_packet_count_total": received,
        "app_recvack_packet_bytes_total": received * 17,
    }
    values |= {f"app_{name}_packet_{what}_total": 0 for name in ("conn", "connack") for what in ("bytes", "count")}
    proposed = sum(slot.log_index for slot in state.topology.view.slots if slot.leader == node_id)
    values |= {
        "cluster_channel_propose_count_total": proposed + sent,
        "cluster_channel_propose_failed_count_total": 0,
        "cluster_channel_propose_latency_over_500ms_total": 0,
        "cluster_channel_propose_latency_under_500ms_total": proposed + sent,
        "cluster_msg_incoming_count_total": sent * 4,
        "cluster_msg_outgoing_count_total": sent * 4,
        "cluster_msg_incoming_bytes_total": sent * 900,
        "cluster_msg_outgoing_bytes_total": sent * 900,
        "db_append_messages_count_total": len(state.archive),
        "system_intranet_incoming_bytes_total": sent * 900,
        "system_intranet_outgoing_bytes_total": sent * 900,
        "system_extranet_incoming_bytes_total": seen.get("send_bytes", 0),
        "system_extranet_outgoing_bytes_total": seen.get("recv_bytes", 0),
    }
    return values


def _gauges(state: SimState, node_id: int) -> dict[str, float]:
    live = state.topology.live[node_id]
    memory = 110_000_000 + len(state.archive) * 900
    active = sum(one.running for one in state.store.configs.values() if node_id in one.replicas)
    return {
        "cluster_channel_active_count": active,
        "go_goroutines": 1040 + state.online.count(node_id),
        "go_memstats_alloc_bytes": memory // 3,
        "process_resident_memory_bytes": memory,
        "process_open_fds": 60 + state.online.open_sockets(node_id),
        "process_start_time_seconds": live.started_at,
    }


@routes.add("GET", "/metrics", servers=("manager",))
async def metrics(call: Call) -> object:
    lines: list[str] = []
    families = {"counter": _counters(call.state, call.node_id), "gauge": _gauges(call.state, call.node_id)}
    for kind, values in families.items():
        for name, value in sorted(values.items()):
            labels = _SCOPE if name.startswith(("app_", "cluster_", "db_", "system_")) else ""
            lines += [f"# HELP {name} ", f"# TYPE {name} {kind}", f"{name}{labels} {value}"]
    return Reply(body=("\n".join(lines) + "\n").encode(), content_type=CONTENT_TYPE)


@routes.add("GET", "/metrics/app", servers=("manager",))
@routes.add("GET", "/metrics/cluster", servers=("manager",))
@routes.add("GET", "/metrics/system", servers=("manager",))
async def series(call: Call) -> object:
    """Without a Prometheus server behind them the series routes answer an empty list."""
    return []
