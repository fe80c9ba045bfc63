"""Settings, Clusters: bad input beside its field, secrets never rendered, the connection test on the page."""

from typing import Any

import pytest
from django.test import Client

from imadmin.audit.models import AuditEntry
from imadmin.clusters.models import Cluster
from tests.web.asking import error_beside, htmx

LIST, ADD, TRY = "/settings/clusters/", "/settings/clusters/add/", "/settings/clusters/try/"


def typed(sim: Any, **fields: Any) -> dict[str, Any]:
    return {
        "slug": "prod-sh",
        "name": "Prod SH",
        "kind": "wukongim2",
        "environment": "production",
        "api_url": sim.nodes[0].api_url,
        "manager_url": sim.nodes[0].manager_url,
        "token": "sim-token",
        "jwt_user": "admin",
        "jwt_password": "pwd",
        "reason": "the first cluster",
    } | fields


@pytest.fixture
def owner(own_cluster: Cluster, client_of: Any) -> Client:
    client: Client = client_of(own_cluster, "owner")
    return client


def test_a_cluster_is_added_and_listed_without_its_secrets(owner: Client, sim: Any) -> None:
    reply = owner.post(ADD, typed(sim), follow=True)
    page = reply.content.decode()
    assert reply.redirect_chain and "Prod SH is added" in page
    assert "sim-token" not in page and "token, account admin" in page


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("slug", "Prod SH <script>"),
        ("slug", "own"),
        ("name", "n" * 90),
        ("kind", "mysql"),
        ("environment", "<b>"),
        ("api_url", "http://8.8.8.8:5001"),
        ("api_url", "not an address"),
        ("manager_url", "http://169.254.169.254/latest"),
        ("node_apis", "http://127.0.0.1:1\nhttp://8.8.4.4"),
        ("token", "a\x00b"),
        ("reason", ""),
        ("reason", "x" * 600),
    ],
)
def test_what_cant_be_used_is_told_beside_its_field_and_kept(owner: Client, sim: Any, field: str, value: str) -> None:
    reply = owner.post(ADD, typed(sim, **{field: value}))
    assert reply.status_code == 422
    assert error_beside(reply, field)
    page = reply.content.decode()
    assert 'value="admin"' in page and "<script>alert" not in page
    assert "sim-token" not in page and "Enter the secrets again" in page
    assert not Cluster.objects.filter(slug="prod-sh").exists()


def test_the_edit_form_shows_everything_but_the_secrets(owner: Client, sim: Any) -> None:
    page = owner.get("/settings/clusters/own/edit/").content.decode()
    assert sim.nodes[0].api_url in page and "Leave empty to keep it" in page
    assert "sim-token" not in page and 'value="pwd"' not in page


def test_empty_secrets_keep_the_stored_ones(owner: Client, sim: Any) -> None:
    before = Cluster.objects.get(slug="own").sealed_token
    owner.post("/settings/clusters/own/edit/", typed(sim, name="Renamed", token="", jwt_password=""))
    cluster = Cluster.objects.get(slug="own")
    assert (cluster.name, cluster.sealed_token, cluster.slug) == ("Renamed", before, "own")


def test_a_new_address_wants_the_secrets_again(owner: Client, sim: Any) -> None:
    moved = typed(sim, api_url=sim.nodes[1].api_url, token="", jwt_password="")
    reply = owner.post("/settings/clusters/own/edit/", moved)
    assert error_beside(reply, "token") and error_beside(reply, "jwt_password")


def test_the_connection_is_tried_before_anything_is_saved(owner: Client, sim: Any) -> None:
    reply = owner.post(TRY, typed(sim, reason=""), headers=htmx())
    page = reply.content.decode()
    assert "<html" not in page and "Everything works." in page and "Signed in as admin" in page
    assert not Cluster.objects.filter(slug="prod-sh").exists()


def test_the_test_says_what_is_wrong_and_what_helps(owner: Client, sim: Any) -> None:
    page = owner.post(TRY, typed(sim, token="wrong"), headers=htmx()).content.decode()
    assert "The node refuses the token" in page and "managerToken" in page and "wrong<" not in page


def test_a_draft_that_cant_be_tried_names_the_fields(owner: Client, sim: Any) -> None:
    reply = owner.post(TRY, typed(sim, api_url="http://8.8.8.8"), headers=htmx())
    assert reply.status_code == 422
    assert "Main API" in reply.content.decode() and "outside the networks" in reply.content.decode()


def test_the_test_works_without_javascript_and_keeps_what_was_typed(owner: Client, sim: Any) -> None:
    page = owner.post(TRY, typed(sim)).content.decode()
    assert "<html" in page and "Everything works." in page and 'value="Prod SH"' in page and "sim-token" not in page


def test_an_edited_cluster_is_tried_with_its_stored_secrets(owner: Client, sim: Any) -> None:
    page = owner.post("/settings/clusters/own/try/", typed(sim, token="", jwt_password=""), headers=htmx())
    assert "Everything works." in page.content.decode()


def test_a_stored_cluster_is_tested_from_the_list(owner: Client, sim: Any) -> None:
    sim.kill(sim.nodes[2].id)
    url = "/settings/clusters/own/test/"
    assert str(sim.nodes[2].id) in owner.post(url, headers=htmx()).content.decode()
    assert "<html" in owner.post(url).content.decode()
    assert owner.get(url).status_code == 405


def test_removal_wants_the_name_and_a_reason(owner: Client) -> None:
    url = "/settings/clusters/own/remove/"
    assert error_beside(owner.post(url, {"typed": "prod", "reason": "switched off"}), "typed")
    assert error_beside(owner.post(url, {"typed": "own", "reason": ""}), "reason")
    assert Cluster.objects.filter(slug="own").exists()
    assert "own is removed" in owner.post(url, {"typed": "own", "reason": "switched off"}, follow=True).content.decode()
    assert not Cluster.objects.filter(slug="own").exists()


@pytest.mark.parametrize("role", ["admin", "moderator", "viewer", "stranger"])
@pytest.mark.parametrize(
    ("method", "url"),
    [("get", LIST), ("get", ADD), ("post", ADD), ("post", TRY), ("get", "/settings/clusters/own/edit/"),
     ("post", "/settings/clusters/own/edit/"), ("post", "/settings/clusters/own/try/"),
     ("post", "/settings/clusters/own/test/"), ("post", "/settings/clusters/own/remove/")],
)  # fmt: skip
def test_nobody_but_owners(own_cluster: Cluster, client_of: Any, role: str, method: str, url: str) -> None:
    assert getattr(client_of(own_cluster, role), method)(url).status_code == 403
    assert not AuditEntry.objects.exists()


def test_a_sign_in_that_ended_in_the_middle_of_the_form_loses_nothing_but_the_secrets(sim: Any, db: None) -> None:
    reply = Client(headers={"Origin": "http://testserver"}).post(ADD, typed(sim))
    page = reply.content.decode()
    assert reply.status_code == 401 and 'value="Prod SH"' in page and 'value="the first cluster"' in page
    assert "sim-token" not in page and not Cluster.objects.exists()


def test_a_database_that_is_locked_is_told_and_nothing_is_changed(owner: Client, sim: Any, monkeypatch: Any) -> None:
    from django.db import OperationalError

    def locked(**_: Any) -> None:
        raise OperationalError("database is locked")

    monkeypatch.setattr("imadmin.audit.record._append", locked)
    reply = owner.post(ADD, typed(sim))
    assert reply.status_code == 503
    assert "nothing was changed" in reply.content.decode().lower()
    assert not Cluster.objects.filter(slug="prod-sh").exists()
