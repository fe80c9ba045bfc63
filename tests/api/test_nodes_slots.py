"""Nodes and slots by the API: as the pages tell them; what isn't known is null, who is missing is named."""

from typing import Any

import pytest

from imadmin.clusters.models import Cluster
from imadmin.monitor import watch
from imadmin.monitor.models import SlotChange
from tests.api.tokens import api_client
from tests.monitor.waiting import until

API = "/api/v1/clusters/own"


def test_a_node_with_its_counters(own_cluster: Cluster, sim: Any) -> None:
    client = api_client("viewer", own_cluster)
    node = str(sim.nodes[0].id)
    found = client.get(f"{API}/nodes/{node}").json()
    assert (found["id"], found["state"], found["slots_held"]) == (node, "ok", 64)
    assert found["sends_per_second"] is None
    told = client.get(f"{API}/nodes/{node}/metrics").json()
    assert told["answers"] is True
    assert told["figures"]["open_sockets"] == 0
    assert told["counters"]["sends_total"] == 0
    assert told["per_second"] == {}


def test_a_dead_node_has_no_counters_and_says_why(own_cluster: Cluster, sim: Any) -> None:
    client = api_client("viewer", own_cluster)
    dead = sim.nodes[2].id
    client.get(f"{API}/nodes")
    sim.kill(dead)
    watch.state(_scope(own_cluster), fresh=0)
    told = client.get(f"{API}/nodes/{dead}/metrics").json()
    assert told["answers"] is False
    assert told["error"]
    assert told["figures"]["open_sockets"] is None
    found = client.get(f"{API}/nodes/{dead}").json()
    assert (found["state"], found["memory"], found["passage"][0]["step"]) == ("silent", None, "silent")


@pytest.mark.parametrize(
    "path", ["nodes/9", "nodes/9/metrics", "nodes/0", "slots/64", "slots/999999999", "slots/64/history"]
)
def test_what_is_not_there_is_a_problem(own_cluster: Cluster, path: str) -> None:
    reply = api_client("viewer", own_cluster).get(f"{API}/{path}")
    assert reply.status_code == 404
    assert reply["Content-Type"].startswith("application/problem+json")


def test_slots_are_filtered_and_paged(own_cluster: Cluster, sim: Any) -> None:
    client = api_client("viewer", own_cluster)
    first = client.get(f"{API}/slots?limit=50").json()
    assert (len(first["items"]), first["total"], first["counts"]) == (50, 64, {"ok": 64})
    rest = client.get(f"{API}/slots?limit=50&cursor={first['next_cursor']}").json()
    assert [slot["id"] for slot in first["items"] + rest["items"]] == list(range(64))
    assert rest["next_cursor"] == ""
    leader = sim.nodes[0].id
    led = client.get(f"{API}/slots?leader={leader}&limit=200").json()["items"]
    assert {slot["leader"] for slot in led} == {str(leader)}
    assert len(led) == next(share["led"] for share in first["shares"] if share["node"] == str(leader))
    assert client.get(f"{API}/slots?state=unhealthy").json()["items"] == []


@pytest.mark.parametrize("query", ["state=odd", "limit=0", "leader=-1", "cursor=x", "cursor=eyJhZnRlciI6IngifQ"])
def test_bad_filters_are_named(own_cluster: Cluster, query: str) -> None:
    assert api_client("viewer", own_cluster).get(f"{API}/slots?{query}").status_code == 422


def test_slots_of_a_cluster_with_a_dead_node(own_cluster: Cluster, sim: Any) -> None:
    client = api_client("viewer", own_cluster)
    dead = sim.nodes[2].id
    sim.kill(dead)
    found = until(lambda: _counts(client, own_cluster), lambda found: found["counts"] == {"under_replicated": 64})
    assert [each["node"] for each in found["partial"]] == [str(dead)]
    one = client.get(f"{API}/slots/5").json()
    copies = {copy["node"]: copy for copy in one["copies"]}
    assert copies[str(dead)]["is_live"] is False
    assert copies[str(dead)]["last_index"] is None
    assert copies[str(dead)]["error"]
    moves = {move["target"]: move for move in one["leader_moves"]}
    assert moves[str(dead)]["is_possible"] is False
    assert str(dead) in moves[str(dead)]["why"]
    assert any(move["is_possible"] for move in moves.values())


def test_who_led_a_slot_when(own_cluster: Cluster) -> None:
    state = watch.state(_scope(own_cluster))
    for term in range(1, 6):
        SlotChange.objects.create(
            cluster=own_cluster, slot=7, leader=1001 + term % 2, before=1001, term=term, at=state.as_of
        )
    client = api_client("viewer", own_cluster)
    first = client.get(f"{API}/slots/7/history?limit=3").json()
    rest = client.get(f"{API}/slots/7/history?limit=3&cursor={first['next_cursor']}").json()
    assert [row["term"] for row in first["items"] + rest["items"]] == ["5", "4", "3", "2", "1"]
    assert client.get(f"{API}/slots/8/history").json()["items"] == []


def _counts(client: Any, cluster: Cluster) -> Any:
    watch.state(_scope(cluster), fresh=0)
    return client.get(f"{API}/slots").json()


def _scope(cluster: Cluster) -> Any:
    from imadmin.clusters import access

    return access.enter_by_command(cluster.slug)
