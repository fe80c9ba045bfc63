"""The archive by the API: its state, its channels, opening, closing and reading."""

import time
from typing import Any

import pytest

from imadmin.archive.rows import Incoming, SeenChannel
from imadmin.archive.stores import engine_of
from imadmin.gateway.types import ChannelRef
from imadmin.jobs.models import JobRun
from tests.api.tokens import api_client

pytestmark = pytest.mark.django_db
AT = "/api/v1/clusters/demo/archive"


def post(client: Any, path: str, **body: Any) -> Any:
    return client.post(f"{AT}/{path}", body, content_type="application/json")


def test_it_is_opened_read_and_closed(cluster: Any) -> None:
    client = api_client("admin", cluster)
    assert client.get(AT).json()["state"] == "off"
    cost = client.get(f"{AT}/estimate").json()
    assert cost["channels"] > 0 and cost["is_whole"] and cost["partial"] == []

    opened = post(client, "open", reason="spam wave", budget=30).json()
    assert (opened["state"], opened["budget"], opened["reading"]["state"]) == ("filling", 30, "queued")
    refused = post(client, "repair", reason="right now")
    assert refused.status_code == 409 and refused["Content-Type"].startswith("application/problem+json")
    assert post(client, "budget", reason="slow down", budget=3).json()["budget"] == 3
    assert post(client, "close", reason="enough of it").json()["state"] == "off"
    JobRun.objects.all().delete()
    assert post(client, "repair", reason="right now").status_code == 409
    post(client, "open", reason="once more")
    JobRun.objects.all().delete()
    begun = post(client, "repair", reason="one channel", channel="2/tea")
    assert begun.status_code == 202 and JobRun.objects.get(pk=begun.json()["run"]).params == {"channel": "2/tea"}


def test_since_when_each_channel_is_there_and_what_the_server_does_not_have(cluster: Any) -> None:
    engine = engine_of(cluster.pk)
    engine.ingest([
        Incoming(1, 1, ChannelRef("old", 2), "ann", 1_700_000_000, b"{}"),
        Incoming(2, 2, ChannelRef("old", 2), "ann", 1_750_000_000, b"{}"),
        Incoming(3, 4, ChannelRef("odd", 2), "ann", 1, b"{}"),
        Incoming(4, 1, ChannelRef("far", 2), "ann", 2**50, b"{}"),
    ])  # fmt: skip
    engine.note_channels([SeenChannel(ChannelRef(name, 2), 0) for name in ("odd", "void")], 5)
    client = api_client("viewer", cluster)
    rows = {row["channel"]: row for row in client.get(f"{AT}/completeness").json()["items"]}
    assert rows["2/old"]["first_at"].startswith("2023-11-14T22:13:20")
    assert rows["2/old"]["last_at"].startswith("2025-06-15")
    assert rows["2/odd"]["first_at"].startswith("1970") and rows["2/far"]["first_at"] is None
    assert [name for name, row in rows.items() if row["is_unlisted"]] == ["2/odd"]
    found = client.get(AT).json()
    assert (found["channels_unlisted"], found["missing_unlisted"], found["missing"]) == (1, 3, 3)
    assert found["first_at"].startswith("2023-11-14") and found["last_at"].startswith("2025-06-15")


def test_channels_with_what_is_held_of_them(cluster: Any) -> None:
    engine = engine_of(cluster.pk)
    engine.ingest([Incoming(1, 1, ChannelRef("tea", 2), "ann", int(time.time()), b"{}")])
    engine.note_channels([SeenChannel(ChannelRef("tea", 2), 4, 1), SeenChannel(ChannelRef("退/款", 2), 0, 1)], 5)
    client = api_client("viewer", cluster)
    rows = client.get(f"{AT}/completeness?show=gaps").json()["items"]
    assert [(row["channel"], row["missing"], row["gaps"]) for row in rows] == [("2/tea", 3, [{"first": 2, "last": 4}])]
    first = client.get(f"{AT}/completeness?limit=1").json()
    second = client.get(f"{AT}/completeness?limit=1&cursor={first['next_cursor']}").json()
    assert {first["items"][0]["channel"], second["items"][0]["channel"]} == {"2/tea", "2/退/款"}
    assert client.get(AT).json()["missing"] == 3


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("open", {"reason": "spam wave", "budget": 0}, 422),
        ("open", {"reason": "spam wave", "wrong": 1}, 422),
        ("open", {"reason": ""}, 422),
        ("budget", {"reason": "spam wave", "budget": 501}, 422),
        ("repair", {"reason": "spam wave", "channel": "tea"}, 422),
    ],
)
def test_what_is_wrong_is_a_problem(cluster: Any, path: str, body: dict[str, Any], status: int) -> None:
    reply = post(api_client("owner", cluster), path, **body)
    assert reply.status_code == status and reply["Content-Type"].startswith("application/problem+json")


def test_who_may_not_operate_changes_nothing(cluster: Any) -> None:
    client = api_client("moderator", cluster)
    for path in ("open", "close", "repair"):
        assert post(client, path, reason="please").status_code == 403
    assert client.get(f"{AT}/estimate").status_code == 403
    assert client.get(f"{AT}/completeness?show=x").status_code == 422
