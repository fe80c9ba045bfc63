"""Tokens by API: made, listed without secrets, revoked; by owners alone."""

from typing import Any

import pytest
from django.test import Client

from imadmin.accounts.models import ApiToken
from imadmin.audit.models import AuditEntry
from imadmin.clusters.models import Cluster
from tests.api.tokens import api_client

API = "/api/v1/tokens"
BODY = {"name": "robot", "role": "support", "cluster": "own", "days": 30, "reason": "nightly report"}


def post(client: Client, path: str, body: Any) -> Any:
    return client.post(path, body, content_type="application/json")


def test_a_token_is_made_used_and_revoked(own_cluster: Cluster) -> None:
    owner = api_client("owner")
    made = post(owner, API, BODY)
    assert made.status_code == 201
    robot = Client(headers={"Authorization": f"Bearer {made.json()['secret']}"})
    assert robot.get("/api/v1/clusters/own").status_code == 200
    ended = post(owner, f"{API}/{made.json()['id']}/revoke", {"reason": "not needed"})
    assert ended.json()["state"] == "revoked"
    assert robot.get("/api/v1/clusters/own").status_code == 401
    trail = AuditEntry.objects.filter(phase="intent").values_list("action", "via", "actor_kind")
    assert list(trail) == [("token.create", "api", "token"), ("token.revoke", "api", "token")]


def test_the_list_has_no_secret_and_no_hash(own_cluster: Cluster) -> None:
    owner = api_client("owner")
    secret = post(owner, API, BODY).json()["secret"]
    listed = owner.get(API).content.decode()
    assert "robot" in listed and secret not in listed
    assert not any(row in listed for row in ApiToken.objects.values_list("hash", flat=True))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", None),
        ("name", "x" * 90),
        ("role", "king"),
        ("cluster", "nope"),
        ("days", 0),
        ("days", "many"),
        ("days", 10**30),
        ("reason", ""),
        ("reason", 5),
        ("surprise", 1),
    ],
)
def test_what_cant_be_used_is_named(own_cluster: Cluster, field: str, value: Any) -> None:
    owner = api_client("owner")
    reply = post(owner, API, BODY | {field: value})
    assert reply.status_code == 422
    assert list(reply.json()["fields"]) == [field]
    assert ApiToken.objects.count() == 1


@pytest.mark.parametrize("role", ["admin", "viewer", "stranger"])
def test_nobody_but_owners(own_cluster: Cluster, role: str) -> None:
    client = api_client(role, own_cluster)
    assert client.get(API).status_code == 403
    assert post(client, API, BODY).status_code == 403
    assert post(client, f"{API}/1/revoke", {"reason": "because"}).status_code == 403


def test_a_token_that_isnt_there(own_cluster: Cluster) -> None:
    for number in (99, 2**70):
        assert post(api_client("owner"), f"{API}/{number}/revoke", {"reason": "because"}).status_code == 404
