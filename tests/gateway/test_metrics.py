"""Metrics text, copies of slots and the configuration's log: what isn't told is unknown, what would harm is refused."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

import pytest

from imadmin.gateway.errors import BadReply, NoSuch
from imadmin.gateway.kinds.wukongim2 import metrics_text
from imadmin.gateway.kinds.wukongim2.shapes import WrongShape
from imadmin.gateway.node_types import NodeMetrics
from imadmin.simulator import SimulatedCluster
from tests.gateway.conftest import Open, Sent, connection_to

SCOPE = '{otel_scope_name="metrics",otel_scope_version=""}'
AT = datetime(2026, 11, 21, 15, 0, tzinfo=UTC)
TEXT = f"""\
# HELP app_conn_count_total
# TYPE app_conn_count_total counter
app_conn_count_total{SCOPE} 4
# TYPE app_send_packet_count_total counter
app_send_packet_count_total{SCOPE} 14
# TYPE cluster_channel_propose_latency histogram
cluster_channel_propose_latency_bucket{{otel_scope_name="metrics",otel_scope_version="",le="250"}} 0
cluster_channel_propose_latency_bucket{{otel_scope_name="metrics",otel_scope_version="",le="500"}} 3
cluster_channel_propose_latency_bucket{{otel_scope_name="metrics",otel_scope_version="",le="+Inf"}} 3
cluster_channel_propose_latency_sum{SCOPE} 1112
cluster_channel_propose_latency_count{SCOPE} 3
go_goroutines 1118
go_memstats_alloc_bytes 9.1547168e+07
process_start_time_seconds 1.79527330214e+09
process_virtual_memory_max_bytes 1.8446744073709552e+19
process_cpu_seconds_total 20.31
process_max_fds NaN
"""


def read(text: str) -> NodeMetrics:
    return metrics_text.read(text, node=1, manager_url="http://127.0.0.1:5300", as_of=AT)


def test_the_text_of_a_real_node_is_read_by_name_whatever_its_type_line_says() -> None:
    found = read(TEXT)
    assert (found.open_sockets, found.sends_total, found.goroutines) == (4, 14, 1118)
    assert (found.heap_bytes, found.cpu_seconds_total) == (91547168, 20.31)
    assert found.started_at == datetime(2026, 11, 21, 15, 1, 42, 140000, tzinfo=UTC)
    assert found.channel_propose is not None
    assert found.channel_propose.count == 3
    assert found.channel_propose.mean_ms == pytest.approx(370.67, abs=0.01)
    assert found.channel_propose.buckets == ((250.0, 0), (500.0, 3), (float("inf"), 3))


def test_a_missing_family_is_unknown_and_so_is_a_value_that_cannot_be() -> None:
    found = read(TEXT)
    assert found.recvacks_total is None
    assert found.slot_propose is None
    assert found.max_fds is None
    assert read("app_conn_count_total -3\ngo_goroutines 5\n").open_sockets is None


@pytest.mark.parametrize(
    "text",
    ["", "<html>not here</html>", '{"msg":"no"}', "app_conn_count_total", "app_conn_count_total four\n", "\x00\xff"],
)
def test_garbage_is_no_metrics_text(text: str) -> None:
    with pytest.raises(WrongShape):
        read(text)


async def test_every_node_is_asked_at_its_own_manager(cluster: SimulatedCluster, open_to: Open) -> None:
    found = await open_to(connection_to(cluster)).metrics()
    assert [one.node for one in found] == [node.id for node in cluster.nodes]
    assert [one.manager_url for one in found] == [node.manager_url for node in cluster.nodes]
    assert all(one.answers and one.open_sockets == 0 and one.goroutines for one in found)


async def test_a_dead_node_is_unknown_with_the_reason_and_hides_nobody(
    cluster: SimulatedCluster, open_to: Open
) -> None:
    gateway = open_to(connection_to(cluster))
    await gateway.metrics()
    cluster.kill(cluster.nodes[1].id)
    found = {one.node: one for one in await gateway.metrics()}
    dead = found.pop(cluster.nodes[1].id)
    assert not dead.answers
    assert dead.error
    assert dead.open_sockets is None
    assert all(one.answers for one in found.values())


async def test_a_given_manager_address_comes_before_what_the_node_says(
    cluster: SimulatedCluster, open_to: Open
) -> None:
    first, second, third = cluster.nodes
    given = (f"{third.id}=http://127.0.0.1:1",)
    found = {one.node: one for one in await open_to(connection_to(cluster, node_managers=given)).metrics()}
    assert found[third.id].manager_url == "http://127.0.0.1:1"
    assert not found[third.id].answers
    assert found[first.id].answers
    assert found[second.id].answers


async def test_nodes_that_would_share_a_manager_address_are_unknown_not_the_same(
    cluster: SimulatedCluster, open_to: Open
) -> None:
    first, second, third = cluster.nodes
    given = (f"{second.id}={first.manager_url}",)
    found = {one.node: one for one in await open_to(connection_to(cluster, node_managers=given)).metrics()}
    assert not found[first.id].answers
    assert not found[second.id].answers
    assert "own" in found[second.id].error
    assert found[third.id].answers


async def test_copies_of_a_slot_are_told_by_each_node_itself(
    cluster: SimulatedCluster, open_to: Open, sent: Sent
) -> None:
    gateway = open_to(connection_to(cluster))
    nodes = [node.id for node in cluster.nodes]
    cluster.kill(cluster.nodes[2].id)
    found = await gateway.slot_replicas(5, nodes)
    assert [one.node for one in found] == nodes
    assert [one.answers for one in found] == [True, True, False]
    assert found[2].error
    assert found[2].last_index is None
    assert {call[0] for call in sent("/cluster/slots/5/localReplica")} == set(nodes[:2])


@pytest.mark.parametrize("slot", [-1, 64, 10**9])
async def test_an_unknown_slot_is_refused_before_anybody_is_asked(
    slot: int, cluster: SimulatedCluster, open_to: Open, sent: Sent
) -> None:
    with pytest.raises(NoSuch):
        await open_to(connection_to(cluster)).slot_replicas(slot, [node.id for node in cluster.nodes])
    assert not [call for call in sent("/cluster/slots/*") if call[1] != {}]


async def test_the_log_of_an_unknown_node_is_never_asked_for(
    cluster: SimulatedCluster, open_to: Open, sent: Sent
) -> None:
    with pytest.raises(NoSuch):
        await open_to(connection_to(cluster)).config_log(9999)
    assert not sent("/cluster/logs")


async def test_only_the_configurations_log_is_ever_asked_for(
    cluster: SimulatedCluster, open_to: Open, sent: Sent
) -> None:
    with suppress(BadReply):  # a server without that route
        await open_to(connection_to(cluster)).config_log(cluster.nodes[0].id, limit=3)
    assert [call[1]["log_type"] for call in sent("/cluster/logs")] == ["1"]
