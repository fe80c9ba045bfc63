"""Settings, People and Tokens: secrets on one page only, the last owner stays, bad input beside its field."""

import re
from typing import Any

import pytest
from django.test import Client

from imadmin.accounts.models import ApiToken, User
from imadmin.accounts.queries import token_by_secret
from imadmin.clusters import queries
from imadmin.clusters.models import Cluster
from tests.web.asking import error_beside

LIST, ADD = "/settings/people/", "/settings/people/add/"


def secret_on(reply: Any) -> str:
    found = re.search(r'id="secret"[^>]*>([^<]+)<', reply.content.decode())
    assert found, "no secret on the page"
    return found.group(1)


@pytest.fixture
def owner(own_cluster: Cluster, client_of: Any) -> Client:
    client: Client = client_of(own_cluster, "owner")
    return client


def test_a_person_is_added_with_roles_and_a_password_shown_once(owner: Client) -> None:
    sent = {"username": "mei", "roles": ["own:moderator", "*:viewer"], "reason": "joins the team"}
    reply = owner.post(ADD, sent)
    assert Client().login(username="mei", password=secret_on(reply))
    assert reply["Cache-Control"] == "no-store"
    assert [(row.cluster, [role.value for role in row.roles]) for row in queries.person("mei").grants] == [
        ("*", ["viewer"]),
        ("own", ["moderator"]),
    ]
    assert secret_on(reply) not in owner.get("/settings/people/mei/edit/").content.decode()


def test_a_typed_password_is_never_shown(owner: Client) -> None:
    sent = {"username": "mei", "password": "quite-a-long-passphrase", "reason": "joins the team"}
    reply = owner.post(ADD, sent, follow=True)
    assert reply.redirect_chain and "quite-a-long" not in reply.content.decode()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("username", ""),
        ("username", "a b"),
        ("username", "OWNER"),
        ("username", '"><img src=x>'),
        ("password", "short"),
        ("roles", ["own:king"]),
        ("roles", ["nope:viewer"]),
        ("reason", ""),
    ],
)
def test_what_cant_be_used_is_told_beside_its_field(owner: Client, field: str, value: Any) -> None:
    people = User.objects.count()
    sent = {"username": "mei", "password": "", "roles": ["own:viewer"], "reason": "joins the team"} | {field: value}
    reply = owner.post(ADD, sent)
    assert reply.status_code == 422 and error_beside(reply, field)
    assert "<img src=x>" not in reply.content.decode()
    assert User.objects.count() == people


def test_roles_are_changed_and_shown(owner: Client) -> None:
    url = "/settings/people/viewer/roles/"
    page = owner.post(url, {"roles": ["own:admin"], "reason": "promoted"}, follow=True).content.decode()
    ticked = re.findall(r'value="([^"]+)"\s+checked', page)
    assert "Roles are saved" in page and ticked == ["own:admin"]
    again = owner.post(url, {"roles": ["own:admin"], "reason": "promoted"}, follow=True).content.decode()
    assert "so already" in again


def test_the_last_owner_cant_be_locked_out(owner: Client) -> None:
    reply = owner.post("/settings/people/owner/roles/", {"reason": "no owner any more"})
    assert error_beside(reply, "is_owner") and "last owner" in reply.content.decode()
    reply = owner.post("/settings/people/owner/active/", {"is_active": "0", "reason": "going away"})
    assert reply.status_code == 422 and "another owner can" in reply.content.decode()
    assert User.objects.get(username="owner").is_owner


def test_a_deactivated_person_is_out_at_once(owner: Client, own_cluster: Cluster, client_of: Any) -> None:
    viewer = client_of(own_cluster, "viewer")
    assert viewer.get("/settings/account/").status_code == 200
    url = "/settings/people/viewer/active/"
    owner.post(url, {"is_active": "0", "reason": "left the company"})
    assert viewer.get("/settings/account/").status_code == 302
    owner.post(url, {"is_active": "1", "reason": "came back"})
    assert viewer.get("/settings/account/").status_code == 302


@pytest.mark.parametrize("sent", [{"is_active": "maybe", "reason": "hm, what"}, {"is_active": "0", "reason": ""}, {}])
def test_a_half_filled_deactivation_changes_nothing(owner: Client, sent: dict[str, str]) -> None:
    assert owner.post("/settings/people/viewer/active/", sent).status_code == 422
    assert User.objects.get(username="viewer").is_active


def test_a_password_is_reset_and_shown_once(owner: Client) -> None:
    reply = owner.post("/settings/people/viewer/password/", {"reason": "forgot it"})
    assert Client().login(username="viewer", password=secret_on(reply))
    reply = owner.post("/settings/people/viewer/password/", {"password": "short", "reason": "forgot it"})
    assert error_beside(reply, "password")


def test_a_person_who_isnt_there(owner: Client) -> None:
    for path in ("edit", "roles", "password", "active"):
        ask = owner.get if path == "edit" else owner.post
        assert ask(f"/settings/people/nobody/{path}/").status_code == 404


def test_a_token_is_made_shown_once_and_revoked(owner: Client) -> None:
    sent = {"name": "robot", "role": "support", "cluster": "own", "days": "30", "reason": "nightly report"}
    reply = owner.post("/settings/tokens/", sent)
    token = token_by_secret(secret_on(reply))
    listed = owner.get("/settings/tokens/").content.decode()
    assert "robot" in listed and secret_on(reply) not in listed
    url = f"/settings/tokens/{token.pk}/revoke/"
    assert error_beside(owner.post(url, {"reason": ""}), "reason")
    assert "robot is revoked" in owner.post(url, {"reason": "not needed"}, follow=True).content.decode()
    assert "revoked already" in owner.post(url, {"reason": "not needed"}, follow=True).content.decode()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "x" * 90),
        ("role", "king"),
        ("cluster", "nope"),
        ("days", "0"),
        ("days", "many"),
        ("days", "9" * 30),
        ("reason", ""),
    ],
)
def test_a_token_that_cant_be_made_is_told_beside_its_field(owner: Client, field: str, value: str) -> None:
    sent = {"name": "robot", "role": "viewer", "cluster": "", "days": "", "reason": "automation"} | {field: value}
    reply = owner.post("/settings/tokens/", sent)
    assert reply.status_code == 422 and error_beside(reply, field)
    assert not ApiToken.objects.exists()


def test_a_token_that_isnt_there(owner: Client) -> None:
    assert owner.get("/settings/tokens/99/revoke/").status_code == 404
    assert owner.get(f"/settings/tokens/{2**70}/revoke/").status_code == 404


@pytest.mark.parametrize("role", ["admin", "viewer", "stranger"])
@pytest.mark.parametrize(
    ("method", "url"),
    [("get", LIST), ("get", ADD), ("post", ADD), ("get", "/settings/people/owner/edit/"),
     ("post", "/settings/people/viewer/roles/"), ("post", "/settings/people/viewer/password/"),
     ("post", "/settings/people/viewer/active/"), ("get", "/settings/tokens/"), ("post", "/settings/tokens/"),
     ("post", "/settings/tokens/1/revoke/")],
)  # fmt: skip
def test_nobody_but_owners(own_cluster: Cluster, client_of: Any, role: str, method: str, url: str) -> None:
    assert getattr(client_of(own_cluster, role), method)(url).status_code == 403
