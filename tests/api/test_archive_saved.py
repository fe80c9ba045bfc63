"""Saved searches, their feed and exports through the API."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from imadmin.archive.models import Export, SavedSearch
from tests.api.tokens import api_client
from tests.archive.saved_stage import Talk

pytestmark = pytest.mark.django_db
AT = "/api/v1/clusters/demo/archive"


def send(client: Any, method: str, path: str, body: Any = None) -> Any:
    return client.generic(method, f"{AT}{path}", json.dumps(body or {}), content_type="application/json")


def test_a_token_keeps_shares_changes_and_deletes(cluster: Any) -> None:
    mine, other = api_client("moderator", cluster), api_client("support", cluster)
    made = send(mine, "POST", "/saved", {"name": "spam", "query": "退款", "is_shared": True})
    assert made.status_code == 201 and made.json()["mine"] is True
    at = f"/saved/{made.json()['id']}"

    (seen,) = send(other, "GET", "/saved").json()["items"]
    assert (seen["query"], seen["query_hidden"], seen["mine"]) == (None, True, False)
    assert seen["owner"].startswith("moderator-")
    assert send(other, "PATCH", at, {"name": "x"}).status_code == 403
    changed = send(mine, "PATCH", at, {"query": "from:u1"})
    assert changed.status_code == 200 and changed.json()["query"] == "from:u1"
    assert changed.json()["name"] == "spam" and changed.json()["is_shared"] is True
    assert send(other, "GET", "/saved").json()["items"][0]["query"] == "from:u1"
    assert send(mine, "DELETE", at).status_code == 204
    assert send(mine, "DELETE", at).status_code == 404


@pytest.mark.parametrize("body", [{"name": "x", "query": "in:"}, {"name": "", "query": "x"}, {"name": "x", "query": "x", "y": 1}])  # fmt: skip
def test_what_can_not_be_kept_is_a_problem(cluster: Any, body: Any) -> None:
    answer = send(api_client("moderator", cluster), "POST", "/saved", body)
    assert answer.status_code == 422 and answer["Content-Type"].startswith("application/problem+json")
    assert not SavedSearch.objects.exists()


def test_the_feed_goes_on_where_it_was(cluster: Any) -> None:
    client, talk = api_client("moderator", cluster), Talk(cluster)
    at = f"/saved/{send(client, 'POST', '/saved', {'name': 'x', 'query': '退款'}).json()['id']}/feed"
    ids = talk.say("退款 1", "hello", "退款 2")
    first = send(client, "GET", at)
    assert first["Cache-Control"] == "no-store"
    assert [one["text"] for one in first.json()["items"]] == ["退款 1", "退款 2"]
    assert first.json()["items"][0]["message_id"] == str(ids[0])
    mark = first.json()["next_cursor"]
    assert send(client, "GET", f"{at}?after={mark}").json()["items"] == []
    talk.say("退款 3", "退款 4")
    more = send(client, "GET", f"{at}?after={mark}&limit=1").json()
    assert [one["text"] for one in more["items"]] == ["退款 3"] and more["is_behind"] is True
    assert send(client, "GET", f"{at}?after=x").status_code == 422


def test_an_export_from_wish_to_file(cluster: Any, work_off: Callable[[], int]) -> None:
    Talk(cluster).say("退款", "hello")
    client = api_client("moderator", cluster)
    wish = {"query": "退款", "format": "jsonl", "reason": "for the authorities", "zone": "Asia/Shanghai"}
    made = send(client, "POST", "/exports", wish)
    assert made.status_code == 202 and made.json()["state"] == "waiting"
    assert send(client, "POST", "/exports", wish).status_code == 200, "under way already"
    at = f"/exports/{made.json()['id']}"
    assert send(client, "GET", f"{at}/file").status_code == 404
    assert send(client, "DELETE", at).status_code == 409
    work_off()

    found = send(client, "GET", at).json()
    assert (found["state"], found["rows"], found["cut"], found["bodies"]) == ("ready", 1, False, True)
    file = send(client, "GET", f"{at}/file")
    line = json.loads(b"".join(file.streaming_content))
    assert line["text"] == "退款" and line["sent_at"].endswith("+08:00")
    assert file["Content-Type"] == "application/x-ndjson" and file["Cache-Control"] == "no-store"
    assert [one["id"] for one in send(client, "GET", "/exports").json()["items"]] == [found["id"]]
    assert send(api_client("moderator", cluster), "GET", at).status_code == 404
    assert send(client, "DELETE", at).status_code == 204 and not Export.objects.exists()


def test_bodies_stay_out_of_an_administrators_file(cluster: Any, work_off: Callable[[], int]) -> None:
    Talk(cluster).say("secret")
    client = api_client("admin", cluster)
    made = send(client, "POST", "/exports", {"format": "jsonl", "reason": "a look"}).json()
    work_off()
    body = b"".join(send(client, "GET", f"/exports/{made['id']}/file").streaming_content)
    assert json.loads(body)["text"] is None and b"secret" not in body


def test_stopping(cluster: Any) -> None:
    Talk(cluster).say("x")
    client = api_client("moderator", cluster)
    made = send(client, "POST", "/exports", {"reason": "a look"}).json()
    assert send(client, "POST", f"/exports/{made['id']}/stop").json()["state"] == "stopped"
    assert send(client, "POST", f"/exports/{made['id']}/stop").status_code == 409


@pytest.mark.parametrize("body", [{"reason": "x", "format": "xlsx"}, {"reason": "look", "zone": "Mars/One"}, {"reason": ""}, {"reason": "look", "query": "(("}])  # fmt: skip
def test_a_wrong_wish_is_a_problem(cluster: Any, body: Any) -> None:
    Talk(cluster).say("x")
    answer = send(api_client("moderator", cluster), "POST", "/exports", body)
    assert answer.status_code == 422 and not Export.objects.exists()


def test_switched_off(cluster: Any, settings: Any) -> None:
    settings.EXPORTS_ALLOWED = False
    client = api_client("moderator", cluster)
    for answer in (send(client, "POST", "/exports", {"reason": "look"}), send(client, "GET", "/exports")):
        assert answer.status_code == 403 and "switched off" in answer.json()["detail"]


def test_exports_come_by_pages(cluster: Any) -> None:
    client = api_client("moderator", cluster)
    Talk(cluster).say("x")
    made = [send(client, "POST", "/exports", {"reason": "a look", "query": f"from:u{number}"}) for number in range(3)]
    first = send(client, "GET", "/exports?limit=2").json()
    second = send(client, "GET", f"/exports?limit=2&cursor={first['next_cursor']}").json()
    ids = [one["id"] for one in (*first["items"], *second["items"])]
    assert ids == [one.json()["id"] for one in reversed(made)]
    assert first["next_cursor"] and second["next_cursor"] == ""
    assert send(client, "GET", "/exports?cursor=x").status_code == 422
