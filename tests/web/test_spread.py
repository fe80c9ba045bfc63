"""Who else wrote this, as a page: from a message or a text, masked by role, and on to the pages that act."""

import random
from urllib.parse import parse_qs, urlsplit

import pytest

from imadmin.audit.models import AuditEntry
from tests.archive import disguises
from tests.archive.filling import Filling, quiet_cluster
from tests.web.asking import htmx

PAGE, CHOSEN = "/c/own/messages/spread/", "/c/own/messages/spread/chosen/"
SPAM = disguises.SPREAD[0]


@pytest.fixture
def filling(db):
    return Filling(quiet_cluster())


@pytest.fixture
def wave(filling):
    """Thirty copies by three people in two groups; the id of the first."""
    dice = random.Random(1)
    first = filling.put(SPAM, uid="anna")
    filling.put_all(
        (
            disguises.other_number(SPAM, dice),
            {"uid": f"bot{number % 3}", "channel": f"g{number % 2}", "ago": number * 900},
        )
        for number in range(30)
    )
    return first


@pytest.fixture
def moderator(filling, client_of):
    return client_of(filling.cluster, "moderator")


def test_the_page_without_a_question_asks_for_one(moderator):
    page = moderator.get(PAGE).content.decode()
    assert "Nothing was compared" in page


def test_a_message_leads_to_all_who_wrote_the_same(moderator, wave):
    reply = moderator.get(PAGE, {"id": wave})
    page = reply.content.decode()
    assert reply.status_code == 200
    assert "31 messages by 4 senders in 3 channels." in page
    assert "1 word for word, 30 nearly so" in page
    assert '<svg class="chart wave"' in page
    assert "style=" not in page.split("<main")[1].split("</main>")[0]
    for uid in ("anna", "bot0", "bot1", "bot2"):
        assert f'value="{uid}"' in page
        assert f"q=from%3A{uid}" in page


def test_a_messages_own_page_counts_when_asked_and_not_before(moderator, wave):
    before = AuditEntry.objects.filter(action="message.spread").count()
    reply = moderator.get(PAGE, {"id": wave}, headers=htmx(HX_Target="same"))
    part = reply.content.decode()
    assert reply.status_code == 200
    assert "31 messages by 4 senders in 3 channels." in part
    assert "1 word for word, 30 nearly so · last 30 days" in part
    assert f'href="{PAGE}?id={wave}"' in part
    assert "<table" not in part and SPAM not in part
    assert AuditEntry.objects.filter(action="message.spread").count() == before + 1
    assert moderator.get(PAGE, {"id": "5"}, headers=htmx(HX_Target="same")).status_code == 404


def test_a_message_without_words_says_that_there_is_nothing_to_count(moderator, filling):
    reply = moderator.get(PAGE, {"id": filling.put("!!!")}, headers=htmx(HX_Target="same"))
    assert reply.status_code == 422
    assert '<p class="err">There is nothing but signs and spaces' in reply.content.decode()


def test_who_may_not_reveal_may_not_count(client_of, filling, wave):
    reply = client_of(filling.cluster, "support").get(PAGE, {"id": wave}, headers=htmx(HX_Target="same"))
    assert reply.status_code == 403


def test_a_text_is_compared_too_and_kept_in_its_field(moderator, wave):
    page = moderator.get(PAGE, {"text": SPAM, "days": "7"}).content.decode()
    assert "31 messages" in page
    assert f'value="{SPAM}"' in page
    assert "last 7 days" in page


def test_a_short_text_says_that_only_its_very_words_are_found(moderator, filling):
    filling.put("好的")
    assert "only found word for word" in moderator.get(PAGE, {"text": "好的"}).content.decode()


def test_who_reveals_one_by_one_sees_lengths_for_words(client_of, filling, wave):
    page = client_of(filling.cluster, "admin").get(PAGE, {"id": wave}).content.decode()
    assert "31 messages" in page
    assert "红包" not in page
    assert f"{len(SPAM)} characters" in page


def test_hostile_texts_stay_text(moderator, filling):
    text = "<img src=x onerror=alert(1)> 加微信领红包 http://evil.example/x"
    source = filling.put(text, uid="<b>u</b>")
    page = moderator.get(PAGE, {"id": source}).content.decode()
    assert "<img src=x" not in page
    assert "<b>u</b>" not in page
    assert "http://evil.example" not in page


@pytest.mark.parametrize(
    ("query", "status"),
    [({"id": "5"}, 404), ({"id": "x"}, 422), ({"text": "!!!"}, 422), ({"text": "x" * 5000}, 422), ({"text": SPAM, "days": "no"}, 200),
     ({"text": "\u200b"}, 422), ({"id": "9" * 19}, 404)],
)  # fmt: skip
def test_what_cannot_be_compared_is_told(moderator, query, status):
    assert moderator.get(PAGE, query).status_code == status


def go(client, **values):
    return client.post(CHOSEN, values)


def test_marked_senders_lead_to_the_pages_that_act_on_them(moderator, wave):
    odd = 'b "c'
    to = urlsplit(go(moderator, go="connections", uids=["anna", odd])["Location"])
    assert (to.path, parse_qs(to.query)) == ("/c/own/connections/", {"uid": ["=anna", f"={odd}"]})
    to = urlsplit(go(moderator, go="users", uids=["anna", odd])["Location"])
    assert (to.path, parse_qs(to.query)) == ("/c/own/users/", {"uids": ['anna\n"b ""c"']})
    to = urlsplit(go(moderator, go="denylist", uids=["anna"], channel="2/g1")["Location"])
    assert to.path == "/c/own/channels/2/g1/denylist/"
    assert parse_qs(to.query) == {"verb": ["add"], "uids": ["anna"]}


@pytest.mark.parametrize(
    "values",
    [{"go": "users"}, {"go": "denylist", "uids": ["a"], "channel": "nonsense"}, {"go": "denylist", "uids": ["a"]},
     {"go": "connections", "uids": [f"u{number}" for number in range(21)]}, {"go": "elsewhere", "uids": ["a"]},
     {"go": "users", "uids": [f"u{number}" for number in range(201)]}, {"go": "denylist", "uids": ["a"], "channel": "999/x"}],
)  # fmt: skip
def test_a_choice_that_leads_nowhere_comes_back_with_the_reason(moderator, values):
    reply = go(moderator, **values)
    assert reply.status_code == 303
    assert reply["Location"].startswith("/c/own/messages/spread/")
