"""The first page: what one may see, straight on to the only cluster, never a number that isn't known."""

from typing import Any

from django.test import Client

from imadmin.accounts.models import User
from imadmin.clusters.models import Cluster, Grant


def test_a_stranger_to_the_site_is_sent_to_sign_in(db: None) -> None:
    assert Client().get("/")["Location"] == "/accounts/login/"


def test_the_only_cluster_is_opened_at_once(own_cluster: Cluster, client_of: Any) -> None:
    assert client_of(own_cluster, "viewer").get("/")["Location"] == "/c/own/"
    assert b"own" in client_of(own_cluster, "viewer").get("/?all").content


def test_several_clusters_are_listed_with_addresses_for_owners_only(
    own_cluster: Cluster, sim: Any, make_cluster: Any, client_of: Any, people: Any
) -> None:
    make_cluster(sim, slug="second")
    make_cluster(sim, slug="third-one")
    viewer = people(own_cluster)["viewer"]
    Grant.objects.create(user=viewer, cluster=Cluster.objects.get(slug="second"), role="viewer")
    seen = client_of(own_cluster, "viewer").get("/").content.decode()
    assert "/c/own/" in seen and "/c/second/" in seen and "third-one" not in seen
    assert own_cluster.api_url not in seen
    assert own_cluster.api_url in client_of(own_cluster, "owner").get("/").content.decode()


def test_an_owner_without_clusters_is_led_to_add_one(db: None) -> None:
    client = Client()
    client.force_login(User.objects.create_user("boss", is_owner=True))
    assert "/settings/clusters/add/" in client.get("/").content.decode()


def test_a_person_without_any_role_is_told_who_can_help(own_cluster: Cluster, client_of: Any) -> None:
    page = client_of(own_cluster, "stranger").get("/").content.decode()
    assert "An owner can give you one" in page and "/settings/clusters/add/" not in page


def test_the_status_is_asked_of_the_nodes(own_cluster: Cluster, sim: Any, client_of: Any) -> None:
    client = client_of(own_cluster, "viewer")
    assert "All nodes answer" in client.get("/c/own/status/", headers={"HX-Request": "true"}).content.decode()
    sim.kill(sim.nodes[1].id)
    page = client.get("/c/own/status/", headers={"HX-Request": "true"}).content.decode()
    assert "Nodes missing" in page and str(sim.nodes[1].id) in page


def test_a_dead_cluster_is_no_answer_and_never_zero(own_cluster: Cluster, sim: Any, client_of: Any) -> None:
    for node in sim.nodes:
        sim.kill(node.id)
    page = client_of(own_cluster, "viewer").get("/c/own/status/", headers={"HX-Request": "true"}).content.decode()
    assert "No answer" in page and "0 of" not in page


def test_the_status_works_without_javascript_and_not_for_strangers(own_cluster: Cluster, client_of: Any) -> None:
    assert b"<html" in client_of(own_cluster, "viewer").get("/c/own/status/").content
    assert client_of(own_cluster, "stranger").get("/c/own/status/").status_code == 404
