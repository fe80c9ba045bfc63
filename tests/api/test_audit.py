"""The trail by API: filtered by rights, paged, times with a zone."""

import pytest

from imadmin.audit import record
from imadmin.audit.models import AuditEntry
from imadmin.audit.record import Actor, Target
from imadmin.clusters.models import Cluster
from tests.api.tokens import api_client

API = "/api/v1/audit"


@pytest.fixture
def trail(own_cluster: Cluster) -> None:
    mod = Actor("user", "mod", "page")
    with record.recorded(mod, "channel.deny", Target("channel", "2/g"), "spam again", cluster="own") as entry:
        entry.finish(before=[], after=["u1"])
    record.event(mod, "message.reveal", Target("message", "9007199254740993"), reason="ticket 1", cluster="other")


def test_an_owner_reads_it_all_newest_first(trail: None) -> None:
    items = api_client("owner").get(API).json()["items"]
    assert [(item["action"], item["outcome"]) for item in items] == [
        ("message.reveal", "done"),
        ("channel.deny", "done"),
    ]
    assert items[0]["target"] == "9007199254740993"
    assert (items[1]["before"], items[1]["after"]) == ([], ["u1"])


def test_an_administrator_reads_their_clusters_rows(trail: None, own_cluster: Cluster) -> None:
    client = api_client("admin", own_cluster)
    assert [item["cluster"] for item in client.get(API).json()["items"]] == ["own"]
    hidden = AuditEntry.objects.get(action="message.reveal").pk
    assert client.get(f"{API}/{hidden}").status_code == 404
    assert client.get(f"{API}/1").json()["reason"] == "spam again"


@pytest.mark.parametrize("role", ["moderator", "support", "viewer", "stranger"])
def test_others_read_nothing(trail: None, own_cluster: Cluster, role: str) -> None:
    assert api_client(role, own_cluster).get(API).status_code == 403


def test_pages_follow_the_cursor(trail: None) -> None:
    client = api_client("owner")
    first = client.get(API, {"limit": 1}).json()
    rest = client.get(API, {"limit": 1, "cursor": first["next_cursor"]}).json()
    assert [first["items"][0]["action"], rest["items"][0]["action"]] == ["message.reveal", "channel.deny"]
    assert rest["next_cursor"] == ""


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"actor": "mod"}, 2),
        ({"action": "channel.deny"}, 1),
        ({"target": "2/g", "target_kind": "channel"}, 1),
        ({"cluster": "other"}, 1),
        ({"outcome": "failed"}, 0),
        ({"since": "2100-01-01T00:00:00Z"}, 0),
        ({"until": "2100-01-01T00:00:00+08:00"}, 2),
    ],
)
def test_filters(trail: None, query: dict[str, str], count: int) -> None:
    assert len(api_client("owner").get(API, query).json()["items"]) == count


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("outcome", "great"),
        ("since", "yesterday"),
        ("since", "2026-01-01T00:00:00"),
        ("until", "0001-01-01T00:00:00+08:00"),
        ("until", "9999-12-31T23:59:59-08:00"),
        ("limit", "0"),
        ("limit", "1000"),
        ("cursor", "nonsense"),
        ("actor", "x" * 1001),
    ],
)
def test_what_cant_be_used_is_named(trail: None, field: str, value: str) -> None:
    reply = api_client("owner").get(API, {field: value})
    assert reply.status_code == 422
    assert list(reply.json()["fields"]) == [field]
    assert all("%(" not in sentence for sentence in reply.json()["fields"][field])


def test_rows_that_arent_there(trail: None) -> None:
    for number in (0, 10**9, 2**70):
        assert api_client("owner").get(f"{API}/{number}").status_code == 404
