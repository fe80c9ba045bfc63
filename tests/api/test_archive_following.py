"""Spread and tail over the API: the same rules and masks as the pages, problems that name the field."""

import pytest

from tests.api.tokens import api_client
from tests.archive import disguises
from tests.archive.filling import Filling, quiet_cluster

SPREAD, TAIL = "/api/v1/clusters/own/archive/spread", "/api/v1/clusters/own/archive/tail"
SPAM = disguises.SPREAD[0]


@pytest.fixture
def filling(db):
    return Filling(quiet_cluster())


@pytest.fixture
def moderator(filling):
    return api_client("moderator", filling.cluster)


def problem(response, status):
    assert response.status_code == status
    assert response["Content-Type"] == "application/problem+json"
    return response.json()


def test_a_spread_counts_and_lists(filling, moderator):
    source = filling.put(SPAM, uid="anna")
    filling.put(SPAM.replace("8866123", "1"), uid="bob", channel="other")
    answer = moderator.get(SPREAD, {"message_id": str(source), "days": 7})
    body = answer.json()
    assert answer["Cache-Control"] == "no-store"
    assert (body["total"], body["exact"], body["is_cut"], body["is_short"]) == (2, 1, False, False)
    assert {row["uid"] for row in body["senders"]} == {"anna", "bob"}
    assert {row["channel"]["id"] for row in body["channels"]} == {"team", "other"}
    assert [row["is_same"] for row in body["variants"]] == [True, False]
    assert len(body["items"]) == 2
    assert sum(bar["count"] for bar in body["bars"]) == 2
    assert moderator.get(SPREAD, {"text": SPAM}).json()["total"] == 2


def test_a_spread_is_masked_for_who_reveals_one_by_one(filling):
    source = filling.put(SPAM)
    answer = api_client("admin", filling.cluster).get(SPREAD, {"message_id": str(source)})
    assert "红包" not in answer.content.decode()
    assert answer.json()["variants"][0]["text"] is None
    problem(api_client("support", filling.cluster).get(SPREAD, {"text": "x"}), 403)


@pytest.mark.parametrize(
    ("query", "field"),
    [({"message_id": "x"}, "message_id"), ({"text": "??"}, "text"), ({}, "text"), ({"text": "a", "days": 0}, "days"),
     ({"text": "a", "limit": 999}, "limit")],
)  # fmt: skip
def test_wrong_fields_of_a_spread_are_named(moderator, query, field):
    assert field in problem(moderator.get(SPREAD, query), 422)["fields"]


def test_a_tail_begins_and_goes_on(filling, moderator):
    filling.put("old", ago=60)
    first = moderator.get(TAIL).json()
    assert [item["text"] for item in first["items"]] == ["old"]
    filling.put("new", ago=1)
    answer = moderator.get(TAIL, {"after": first["after"], "q": "from:anna"})
    body = answer.json()
    assert answer["Cache-Control"] == "no-store"
    assert [item["text"] for item in body["items"]] == ["new", "old"][:1] or body["items"][0]["text"] == "new"
    assert (body["left_out"], body["left_out_capped"]) == (0, False)
    assert int(body["after"]) > int(first["after"])


def test_a_tail_counts_what_it_leaves_out(filling, moderator):
    filling.put("old", ago=60)
    after = moderator.get(TAIL).json()["after"]
    filling.put_all((f"m{number}", {"ago": 20}) for number in range(30))
    body = moderator.get(TAIL, {"after": after, "limit": 10}).json()
    assert len(body["items"]) == 10
    assert body["left_out"] == 20 and body["is_behind"] is False


def test_a_tail_that_is_behind_says_so(filling, moderator):
    filling.put("old", ago=60)
    after = moderator.get(TAIL).json()["after"]
    filling.put_all((f"m{number}", {"ago": 0}) for number in range(30))
    body = moderator.get(TAIL, {"after": after, "limit": 10}).json()
    assert body["is_behind"] is True and body["left_out"] == 0


def test_a_tail_is_masked_and_guarded(filling):
    filling.put("secret")
    support = api_client("support", filling.cluster)
    assert [item["text"] for item in support.get(TAIL).json()["items"]] == [None]
    assert "q" in problem(support.get(TAIL, {"q": "secret"}), 422)["fields"]
    problem(api_client("viewer", filling.cluster).get(TAIL), 403)
    problem(api_client("stranger", filling.cluster).get(TAIL), 404)


@pytest.mark.parametrize(
    ("query", "field"),
    [({"after": "x"}, "after"), ({"after": "-1"}, "after"), ({"limit": 0}, "limit"), ({"q": "form:x"}, "q")],
)
def test_wrong_fields_of_a_tail_are_named(moderator, query, field):
    assert field in problem(moderator.get(TAIL, query), 422)["fields"]
