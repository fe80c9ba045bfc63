"""Searching the archive over the API: the same rules and masks as the page, faults with their places."""

import pytest

from imadmin.audit.models import AuditEntry
from tests.api.tokens import api_client
from tests.archive.stock import Stock

URL = "/api/v1/clusters/own/archive/"


@pytest.fixture
def stock(own_cluster):
    return Stock(own_cluster)


def test_a_search_answers_the_list_shape(own_cluster, stock):
    said = stock.say("anna", "team", "我要退款 https://a.example")
    stock.say("ben", "team", "hello")
    answer = api_client("moderator", own_cluster).get(f"{URL}search", {"q": "退款 from:anna"})
    body = answer.json()
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"
    assert set(body) == {"items", "next_cursor", "partial", "as_of", "count", "is_budget_spent", "took_ms"}
    (item,) = body["items"]
    assert item["message_id"] == str(said.id)
    assert item["channel"] == {"type": 2, "id": "team"}
    assert item["text"] == "我要退款 https://a.example"
    assert item["traits"] == ["link"]
    assert (body["count"], body["next_cursor"], body["is_budget_spent"], body["partial"]) == (1, "", False, [])


def test_what_a_masked_text_holds_is_not_told(own_cluster, stock):
    stock.say("anna", "team", "https://a.example 13800138000 二维码")
    (item,) = api_client("support", own_cluster).get(f"{URL}search", {"q": "from:anna"}).json()["items"]
    assert (item["text"], item["traits"]) == (None, [])


def test_pages_follow_by_cursor_and_belong_to_their_search(own_cluster, stock):
    said = [str(stock.say("anna", "team", f"m {number}", ago=500 - number).id) for number in range(7)]
    client, seen, cursor = api_client("moderator", own_cluster), [], ""
    for _ in range(10):
        body = client.get(f"{URL}search", {"q": "in:group:team", "limit": 3, "cursor": cursor}).json()
        seen += [item["message_id"] for item in body["items"]]
        if not body["next_cursor"]:
            break
        cursor = body["next_cursor"]
    assert seen == said[::-1]
    other = client.get(f"{URL}search", {"q": "m", "cursor": cursor})
    assert other.status_code == 422
    assert other.json()["fields"].keys() == {"cursor"}


@pytest.mark.parametrize("part", ["search", "count", "facets"])
def test_faults_come_with_their_places(own_cluster, stock, part):
    answer = api_client("moderator", own_cluster).get(URL + part, {"q": "退款 afer:-2h type:nothing"})
    body = answer.json()
    assert answer.status_code == 422
    assert answer["Content-Type"] == "application/problem+json"
    assert [(fault["start"], fault["end"]) for fault in body["faults"]] == [(3, 8), (17, 24)]
    assert "after" in body["faults"][0]["message"]
    assert not AuditEntry.objects.filter(action="message.search").exists()


@pytest.mark.parametrize("part", ["search", "count", "facets"])
def test_words_need_a_right_to_bodies(own_cluster, stock, part):
    stock.say("anna", "team", "secret words")
    answer = api_client("support", own_cluster).get(URL + part, {"q": "from:anna secret"})
    assert answer.status_code == 422
    assert [(fault["start"], fault["end"]) for fault in answer.json()["faults"]] == [(10, 16)]


@pytest.mark.parametrize(("role", "sees"), [("moderator", True), ("admin", False), ("support", False)])
def test_bodies_are_null_for_roles_that_dont_read_them(own_cluster, stock, role, sees):
    stock.say("anna", "team", "secret words")
    answer = api_client(role, own_cluster).get(f"{URL}search", {"q": "from:anna"})
    (item,) = answer.json()["items"]
    assert (item["text"] is not None, item["masked"]) == (sees, not sees)
    assert ("secret" in answer.content.decode()) is sees


@pytest.mark.parametrize("part", ["search", "count", "facets", "suggest"])
@pytest.mark.parametrize(("role", "status"), [("viewer", 403), ("stranger", 404)])
def test_who_may_not_search_stays_outside(own_cluster, part, role, status):
    assert api_client(role, own_cluster).get(URL + part).status_code == status


def test_counts_and_facets(own_cluster, stock):
    for number in range(3):
        stock.say("anna", "team", f"hi {number}")
    stock.say("ben", "anna", "hi", channel_type=1)
    client = api_client("moderator", own_cluster)
    assert client.get(f"{URL}count", {"q": "hi"}).json() == {"count": 4, "capped": False}
    facets = client.get(f"{URL}facets", {"q": "hi"}).json()
    assert facets["senders"] == [{"uid": "anna", "count": 3}, {"uid": "ben", "count": 1}]
    assert facets["channels"][0] == {"channel": {"type": 2, "id": "team"}, "count": 3}
    assert (facets["counted"], facets["capped"]) == (4, False)


def test_suggestions_know_where_they_go(own_cluster, stock):
    stock.say("u604417", "team", "x")
    items = api_client("support", own_cluster).get(f"{URL}suggest", {"q": "x from:u6"}).json()["items"]
    assert items == [{"start": 2, "end": 9, "text": "from:u604417", "example": "", "is_open": False}]


def test_days_are_days_of_the_zone(own_cluster, stock):
    client = api_client("moderator", own_cluster)
    assert client.get(f"{URL}search", {"q": "on:today", "zone": "Asia/Shanghai"}).status_code == 200
    wrong = client.get(f"{URL}search", {"q": "on:today", "zone": "Mars/Phobos"})
    assert wrong.status_code == 422
    assert wrong.json()["fields"].keys() == {"zone"}


def test_the_trail_names_the_question(own_cluster, stock):
    stock.say("anna", "team", "secret")
    api_client("admin", own_cluster).get(f"{URL}search", {"q": "secret"})
    (row,) = AuditEntry.objects.filter(action="message.search")
    assert row.detail == {"query": "secret", "hits": 1}


def test_the_archives_copy_is_read_and_revealed_by_id(own_cluster, stock):
    said = stock.say("anna", "team", "secret words")
    message = f"/api/v1/clusters/own/messages/{said.id}"
    assert api_client("moderator", own_cluster).get(message).json()["text"] == "secret words"
    client = api_client("admin", own_cluster)
    assert client.get(message).json()["text"] is None
    revealed = client.post(f"{message}/reveal", {"reason": "complaint"}, content_type="application/json")
    assert revealed.json()["text"] == "secret words"
    assert len(client.get(f"{message}/context").json()["items"]) == 1
