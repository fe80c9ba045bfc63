"""Connections by the JSON API: the same filters, a cursor that loses none, missing nodes named, ghosts never zeros."""

from typing import Any

import pytest
from django.test import Client

from tests.api.tokens import api_client

pytestmark = pytest.mark.django_db

ALL = "/api/v1/clusters/own/connections"


@pytest.fixture
def nodes(sim: Any) -> list[int]:
    return [node.id for node in sim.nodes]


@pytest.fixture
def crowd(sim: Any, nodes: list[int]) -> int:
    sim.call(
        lambda state: [
            state.add_connection(f"u{number:02d}", nodes[number % 3], device_flag=number % 3, ip=f"203.0.113.{number}")
            for number in range(30)
        ]
    )
    return 30


@pytest.fixture
def viewer(own_cluster: Any) -> Client:
    return api_client("viewer", own_cluster)


def test_every_connection_once_with_where_it_is(viewer: Client, crowd: int) -> None:
    body = viewer.get(ALL, {"limit": 200}).json()
    assert (body["matching"], body["total"], body["remembered"], body["partial"]) == (30, 30, 0, [])
    assert body["as_of"] and body["next_cursor"] == "" and body["facets"] == []
    first = next(row for row in body["items"] if row["uid"] == "u00")
    assert first["id"] == "1" and first["device_flag"] == 0 and first["address"] == "203.0.113.0"
    assert set(first) >= {"node_id", "leader_id", "uptime", "idle", "in_msgs", "out_msgs", "rate", "protocol_version"}


def test_a_walk_by_cursor_meets_each_once_though_some_leave(viewer: Client, crowd: int, sim: Any) -> None:
    seen: list[tuple[int, str]] = []
    cursor = ""
    while True:
        body = viewer.get(ALL, {"limit": 7, "cursor": cursor, "fresh": "true"}).json()
        seen += [(row["node_id"], row["id"]) for row in body["items"]]
        node, id = seen[-1]
        sim.call(lambda state: state.online.left(state.online.get(node, int(id))))  # noqa: B023
        if not (cursor := body["next_cursor"]):
            break
    assert len(seen) == len(set(seen)) == crowd


def test_filters_and_facets(viewer: Client, crowd: int) -> None:
    body = viewer.get(ALL, {"device": ["app", "web"], "uid": "-u1", "facets": "true", "sort": "-uid"}).json()
    assert [row["uid"] for row in body["items"]] == sorted(
        (f"u{n:02d}" for n in range(30) if n % 3 != 2 and not 10 <= n < 20), reverse=True
    )
    facets = {facet["field"]: {one["value"]: one["count"] for one in facet["values"]} for facet in body["facets"]}
    assert facets["device"] == {"app": 7, "web": 6, "pc": 7}
    assert sum(facets["node"].values()) == body["matching"] == 13


@pytest.mark.parametrize(
    ("given", "field"),
    [({"idle": "soon"}, "idle"), ({"ip": "here"}, "ip"), ({"cursor": "junk"}, "cursor"), ({"sort": "colour"}, "sort"),
     ({"known": "x"}, "known"), ({"limit": 0}, "limit")],
)  # fmt: skip
def test_wrong_values_are_a_problem_that_names_them(viewer: Client, crowd: int, given: Any, field: str) -> None:
    answer = viewer.get(ALL, given)
    assert answer.status_code == 422 and answer["Content-Type"].startswith("application/problem+json")
    assert field in answer.json()["fields"]


def test_a_dead_node_is_named_and_its_count_is_null(viewer: Client, crowd: int, sim: Any, nodes: list[int]) -> None:
    sim.kill(nodes[2])
    body = viewer.get(ALL, {"fresh": "true", "facets": "true"}).json()
    assert [missing["node"] for missing in body["partial"]] == [str(nodes[2])]
    assert body["total"] == 20 and body["remembered"] > 0
    by_node = {one["value"]: one["count"] for one in body["facets"][0]["values"]}
    assert by_node[str(nodes[2])] is None
    remembered = viewer.get(ALL, {"known": "remembered"}).json()
    assert {row["node_id"] for row in remembered["items"]} == {nodes[2]}


def test_ghosts_are_told_by_node_and_unknown_is_null(viewer: Client, crowd: int, sim: Any, nodes: list[int]) -> None:
    sim.haunt(nodes[0], 7)
    sim.break_metrics(nodes[1])
    body = viewer.get(f"{ALL}/ghosts").json()
    first, second, third = body["nodes"]
    assert (first["sockets"], first["counted"], first["open_not_counted"], first["ghosts"]) == (17, 10, 7, None)
    assert (second["state"], second["sockets"], second["ghosts"]) == ("unknown", None, None) and second["why"]
    assert (third["state"], third["ghosts"], third["deaf"]) == ("ok", 0, 0)
    assert body["ghosts"] is None


def test_strangers_learn_nothing(own_cluster: Any) -> None:
    for address in (ALL, f"{ALL}/ghosts"):
        assert api_client("stranger").get(address).status_code == 404
        assert Client().get(address).status_code == 401
