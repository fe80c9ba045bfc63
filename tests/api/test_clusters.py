"""Clusters by API: the same rights as the pages, dead nodes named, addresses for owners only."""

from typing import Any

import pytest
from django.test import Client

from imadmin.audit.models import AuditEntry
from imadmin.clusters.models import Cluster
from tests.api.tokens import api_client

API = "/api/v1/clusters"


def test_a_token_sees_its_clusters_and_owners_their_addresses(
    own_cluster: Cluster, sim: Any, make_cluster: Any
) -> None:
    make_cluster(sim, slug="second")
    seen = api_client("viewer", own_cluster).get(API).json()
    assert [(item["slug"], item["address"]) for item in seen["items"]] == [("own", "")]
    assert seen["next_cursor"] == "" and seen["partial"] == [] and seen["as_of"]
    everything = api_client("owner").get(API).json()["items"]
    assert [item["address"] for item in everything] == [own_cluster.api_url] * 2
    assert "sim-token" not in str(everything)


def test_one_cluster_tells_what_one_may_do_there(own_cluster: Cluster) -> None:
    found = api_client("support", own_cluster).get(f"{API}/own").json()
    assert found["permissions"] == ["kick", "restrict-users", "search-messages", "view"]
    assert "lists" in found["capabilities"]


def test_every_node_is_listed_and_a_dead_one_named(own_cluster: Cluster, sim: Any) -> None:
    client = api_client("viewer", own_cluster)
    assert [node["answers"] for node in client.get(f"{API}/own/nodes").json()["items"]] == [True] * 3
    sim.kill(sim.nodes[2].id)
    found = client.get(f"{API}/own/nodes").json()
    dead = next(node for node in found["items"] if node["id"] == str(sim.nodes[2].id))
    assert dead["answers"] is False and dead["connections"] is None
    assert [each["node"] for each in found["partial"]] == [str(sim.nodes[2].id)]


def test_a_cluster_nobody_answers_for_is_a_502_with_the_cause(own_cluster: Cluster, sim: Any) -> None:
    for node in sim.nodes:
        sim.kill(node.id)
    reply = api_client("viewer", own_cluster).get(f"{API}/own/nodes")
    assert reply.status_code == 502
    assert reply.json()["code"].startswith("upstream_")


def test_an_owner_tests_the_connection(own_cluster: Cluster) -> None:
    report = api_client("owner").post(f"{API}/own/test").json()
    assert report["is_usable"] is True
    assert [step["code"] for step in report["steps"]][:3] == ["address", "token", "manager"]
    assert AuditEntry.objects.get().via == "api"


@pytest.mark.parametrize("role", ["admin", "viewer"])
def test_nobody_else_does(own_cluster: Cluster, role: str) -> None:
    reply = api_client(role, own_cluster).post(f"{API}/own/test")
    assert reply.status_code == 403 and reply.json()["code"] == "forbidden"


@pytest.mark.parametrize("path", ["own", "own/nodes", "nope", "nope/nodes", "%2e%2e", "a%00b"])
def test_a_stranger_learns_nothing(own_cluster: Cluster, path: str) -> None:
    reply = api_client("stranger").get(f"{API}/{path}")
    assert reply.status_code == 404
    assert reply["Content-Type"] == "application/problem+json"


def test_without_a_token_nothing_works_even_when_signed_in(own_cluster: Cluster, client_of: Any) -> None:
    for client in (Client(), client_of(own_cluster, "owner")):
        reply = client.get(API)
        assert reply.status_code == 401 and reply["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("path", ["", "nope", "clusters/", "clusters/own/nope", "../admin", "audit/x"])
def test_an_address_that_isnt_there_is_a_problem_too(own_cluster: Cluster, path: str) -> None:
    reply = api_client("owner").get(f"/api/v1/{path}")
    if path == "":
        assert reply["Location"] == "/api/v1/docs"
    else:
        assert reply.status_code == 404
        assert reply["Content-Type"] == ("application/problem+json" if path != "../admin" else reply["Content-Type"])


def test_a_method_that_isnt_taken_is_a_problem_too(own_cluster: Cluster) -> None:
    reply = api_client("owner").delete(API)
    assert reply.status_code == 405 and reply["Allow"] == "GET"
    assert reply.json()["code"] == "wrong_method"


def test_errors_speak_the_callers_language(own_cluster: Cluster) -> None:
    reply = api_client("owner").get(f"{API}/nope", headers={"Accept-Language": "en"})
    assert reply.json()["title"] == "There is no such thing here"
