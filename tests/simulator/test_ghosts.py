"""Sockets that the server hides: ghosts, deaf clients, strangers; and the metrics that betray them."""

from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from imadmin.simulator import SimulatedCluster

from .conftest import Api, StartCluster, eventually
from .replay import CLIENT, Recording
from .test_auth import _bearer


def metrics(cluster: SimulatedCluster, node: int = 0) -> dict[str, float]:
    text = CLIENT.get(cluster.nodes[node].manager_url + "/metrics").text
    return {sample.name: sample.value for family in text_string_to_metric_families(text) for sample in family.samples}


def sockets(cluster: SimulatedCluster, node: int = 0) -> tuple[int, int, int]:
    """Open ones by the metrics, connz.total, rows of the node itself."""
    answer = Api(cluster, node).json("/connz", limit=1000)
    own = [row for row in answer["connections"] if row["node_id"] == 1001 + node]
    return int(metrics(cluster, node)["app_conn_count_total"]), answer["total"], len(own)


def test_a_kicked_client_that_will_not_go(start_cluster: StartCluster) -> None:
    cluster = start_cluster(nodes=1, clinging=1.0)
    cluster.call(lambda state: state.add_connection("ann"))
    assert sockets(cluster) == (1, 1, 1)
    Api(cluster).post("/conn/kick", uid="ann", conn_id=1)
    eventually(lambda: sockets(cluster) == (1, 0, 0))
    cluster.haunt(1001, 4, seconds=0)
    assert sockets(cluster) == (1, 0, 0)
    cluster.haunt(1001, 3)
    assert sockets(cluster) == (4, 0, 0)


def test_most_clients_go_when_they_are_told(start_cluster: StartCluster) -> None:
    cluster = start_cluster(nodes=1, clinging=0.0)
    cluster.call(lambda state: state.add_connection("ann"))
    Api(cluster).post("/conn/kick", uid="ann", conn_id=1)
    eventually(lambda: sockets(cluster) == (0, 0, 0))


def test_strangers_count_and_have_no_row(cluster: SimulatedCluster) -> None:
    cluster.loiter(1001, 3)
    assert sockets(cluster) == (3, 3, 0)


def test_a_restart_leaves_clients_elsewhere_deaf(start_cluster: StartCluster) -> None:
    cluster = start_cluster(deaf_share=1.0)
    uid = cluster.call(lambda state: next(f"u{n}" for n in range(99) if state.leader_of(f"u{n}") == 1003))
    cluster.call(lambda state: state.add_connection(uid, 1001))
    cluster.kill(1003)
    eventually(lambda: not cluster.state.topology.view.nodes[1003].online)
    cluster.revive(1003)
    eventually(lambda: sockets(cluster) == (1, 0, 0))
    assert not Api(cluster).post("/user/onlinestatus", [uid]).json()
    assert cluster.end_deafness() == 1
    assert sockets(cluster) == (0, 0, 0)


def test_a_hang_leaves_nobody_deaf(start_cluster: StartCluster) -> None:
    cluster = start_cluster(deaf_share=1.0)
    cluster.call(lambda state: [state.add_connection(f"u{n}", 1001) for n in range(9)])
    cluster.hang(1003)
    eventually(lambda: not cluster.state.topology.view.nodes[1003].online)
    cluster.resume(1003)
    eventually(lambda: cluster.state.topology.view.nodes[1003].online)
    eventually(lambda: len(Api(cluster).post("/user/onlinestatus", [f"u{n}" for n in range(9)]).json() or []) == 9)


def test_deaf_by_knob(cluster: SimulatedCluster) -> None:
    cluster.call(lambda state: [state.add_connection(f"u{n}", 1002) for n in range(8)])
    assert cluster.deafen(1002, 0.5) == 4
    assert sockets(cluster, 1) == (8, 4, 4)


def test_the_families_and_types_are_the_recorded_ones(cluster: SimulatedCluster) -> None:
    recorded: dict[str, Any] = Recording.load("system/metrics").body
    assert "cluster_slot_propose_latency" not in CLIENT.get(cluster.nodes[0].manager_url + "/metrics").text
    cluster.call(lambda state: state.counters[1001].update(append=3, propose=2))  # a busy server, as the recorded one
    text = CLIENT.get(cluster.nodes[0].manager_url + "/metrics").text
    ours = {tuple(line.split(" ")[2:4]) for line in text.splitlines() if line.startswith("# TYPE")}
    theirs = {(name, kind) for name, kind, *_ in recorded["families"]}
    assert ours == theirs
    assert {name for name, kind in ours if kind == "histogram"} == {
        "cluster_channel_propose_latency",
        "cluster_slot_propose_latency",
    }


def test_counters_rise_with_what_clients_do(cluster: SimulatedCluster) -> None:
    from imadmin.simulator.behaviour import Draft, send_from_client

    def talk(state: Any) -> int:
        state.add_group("g", ["ann", "bob"])
        one = state.add_connection("ann", 1001)
        state.add_connection("bob", 1001)
        for _ in range(5):
            send_from_client(state, one, Draft("ann", "g", 2, b"x"))
        leader: int = state.leader_of("ann")
        return leader

    leader = cluster.call(talk)
    seen = metrics(cluster, leader - 1001)
    assert seen["app_send_packet_count_total"] == 5
    assert (seen["app_recv_packet_count_total"], seen["app_sendack_packet_count_total"]) == (0, 0)
    assert sum(metrics(cluster, node)["app_recvack_packet_count_total"] for node in range(3)) == 5
    assert seen["db_append_messages_count_total"] == 5
    cluster.kill(leader)
    cluster.revive(leader)
    assert metrics(cluster, leader - 1001)["app_send_packet_count_total"] == 0


@pytest.mark.parametrize("mode", ["missing", "garbage", "empty"])
def test_metrics_that_are_none(cluster: SimulatedCluster, mode: str) -> None:
    cluster.break_metrics(1001, mode)
    reply = CLIENT.get(cluster.nodes[0].manager_url + "/metrics")
    assert (reply.status_code == 404) == (mode == "missing")
    assert "app_ping_count_total" not in reply.text
    assert Api(cluster).get("/health").status_code == 200
    cluster.heal(1001)
    assert metrics(cluster)["go_goroutines"] > 1000


def test_the_manager_port_may_be_down_alone(cluster: SimulatedCluster) -> None:
    cluster.close_door(1001)
    with pytest.raises(Exception, match="refused"):
        CLIENT.get(cluster.nodes[0].manager_url + "/metrics")
    assert Api(cluster).get("/cluster/nodes").status_code == 200
    cluster.open_door(1001)
    assert metrics(cluster)
    cluster.close_door(1002, "main")
    assert "connection refused" in Api(cluster).get("/cluster/nodes").json()["msg"]
    cluster.open_door(1002, "main")
    assert Api(cluster, 1, **_bearer()).get("/health").status_code == 200


def test_many_reconnect_at_once(start_cluster: StartCluster) -> None:
    cluster = start_cluster(world="demo", seed=3)
    before = {(one.node_id, one.id) for one in cluster.call(lambda state: list(state.online.all()))}
    assert cluster.storm(100) == 100
    after = {(one.node_id, one.id) for one in cluster.call(lambda state: list(state.online.all()))}
    assert len(after - before) >= 90


def test_who_leaves_takes_a_bystander_along(cluster: SimulatedCluster) -> None:
    cluster.hit_bystanders()
    uid = cluster.call(lambda state: next(f"u{n}" for n in range(99) if state.leader_of(f"u{n}") == 1002))
    gone = cluster.call(lambda state: state.add_connection(uid, 1001))
    victim = cluster.call(lambda state: state.add_connection("somebody", 1002))
    assert (gone.id, victim.id) == (1, 1)
    cluster.call(lambda state: state.online.left(gone))
    assert sockets(cluster, 1) == (1, 0, 1)
    assert cluster.call(lambda state: state.online.receivers("somebody")) == []
