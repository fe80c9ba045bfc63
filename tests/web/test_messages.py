"""The search of the archive: one box, exact answers, faults where they stand, masked by role, hostile content harmless."""

import re
from html import unescape

import pytest

from imadmin.archive.rows import Revision, SeenChannel, Trait
from imadmin.audit.models import AuditEntry
from imadmin.gateway.types import ChannelRef
from tests.archive.stock import Stock
from tests.web.test_messages_server import HTMX, text_of

URL = "/c/own/messages/"


@pytest.fixture
def stock(own_cluster):
    return Stock(own_cluster)


def hits(page):
    """Message ids in the order shown."""
    table = re.search(r"<tbody>(.*?)</tbody>", page.content.decode(), re.DOTALL)
    return [int(each) for each in re.findall(r'href="/c/own/m/(\d+)/[^"]*" data-row', table.group(1))] if table else []


def marked(page):
    return re.findall(r"<mark>(.*?)</mark>", page.content.decode())


def test_the_newest_of_the_archive_stand_there_at_once(own_cluster, client_of, stock):
    old, new = stock.say("anna", "team", "good morning", ago=90), stock.say("ben", "team", "hello")
    page = client_of(own_cluster, "moderator").get(URL)
    assert page.status_code == 200
    assert hits(page) == [new.id, old.id]
    assert page["Cache-Control"] == "no-store"
    assert "2 matches" in text_of(page)


def test_words_and_operators_find_exactly(own_cluster, client_of, stock):
    wanted = stock.say("u1", "g42", "我要退款")
    stock.say("u2", "g42", "我要退款")
    stock.say("u1", "g7", "我要退款")
    stock.say("u1", "g42", "别的")
    page = client_of(own_cluster, "moderator").get(URL, {"q": "退款 from:u1 in:group:g42"})
    assert hits(page) == [wanted.id]
    assert marked(page) == ["退款"]
    assert "1 match" in text_of(page)


def test_a_hit_is_marked_however_it_was_written(own_cluster, client_of, stock):
    stock.say("u1", "g", "退\u200b款 ＲｅＦｕＮＤ")
    page = client_of(own_cluster, "moderator").get(URL, {"q": "退款 refund"})
    assert marked(page) == ["退⟨U+200B⟩款", "ＲｅＦｕＮＤ"]


def test_operators_become_chips_that_can_be_taken_away(own_cluster, client_of, stock):
    html = unescape(client_of(own_cluster, "moderator").get(URL, {"q": "退款 in:group -from:bot"}).content.decode())
    assert re.findall(r'data-chip="([^"]*)"', html) == ["in:group", "-from:bot"]
    assert f'href="{URL}?q=%E9%80%80%E6%AC%BE+in%3Agroup"' in html
    assert re.search(r'<input id="q" name="q" type="search" value="退款"', html)


def test_without_javascript_chips_and_words_come_apart_and_are_one_search(own_cluster, client_of, stock):
    wanted = stock.say("u1", "g42", "退款")
    stock.say("u2", "g42", "退款")
    page = client_of(own_cluster, "moderator").get(f"{URL}?q=from:u1&q=%E9%80%80%E6%AC%BE")
    assert hits(page) == [wanted.id]


@pytest.mark.parametrize("q", ["a OR b", "(a b) OR from:u1", "NOT from:u1"])
def test_what_is_no_plain_list_stays_text_in_the_field(own_cluster, client_of, stock, q):
    html = client_of(own_cluster, "moderator").get(URL, {"q": q}).content.decode()
    assert "data-chip" not in html
    assert f'value="{q}"' in html


@pytest.mark.parametrize(
    ("q", "wrong", "at", "sentence"),
    [
        ("afer:-2h 退款", "afer:", 1, "Did you mean after"),
        ("退款 after:never", "never", 10, "is no time"),
        ("退款 (from:u1", "(", 4, "never closed"),
        ('from:u1 "half', '"half', 9, "never closed"),
        ("退款 OR", "OR", 4, "Nothing stands after"),
    ],
)
def test_a_mistake_is_pointed_at_where_it_stands_and_nothing_is_lost(
    own_cluster, client_of, stock, q, wrong, at, sentence
):
    stock.say("u1", "g", "退款")
    page = client_of(own_cluster, "moderator").get(URL, {"q": q})
    html = unescape(page.content.decode())
    assert page.status_code == 422
    assert re.search(r'<mark class="fault-at">(.*?)</mark>', html).group(1) == wrong
    assert f"Character {at}." in text_of(page)
    assert sentence in text_of(page)
    field = re.search(r'<input id="q"[^>]*>', html, re.DOTALL).group()
    assert f'value="{q}"' in html
    assert 'aria-invalid="true"' in field and 'aria-describedby="q-wrong q-help"' in field
    assert not AuditEntry.objects.filter(action="message.search").exists()


def test_every_fault_is_told_at_once(own_cluster, client_of):
    page = client_of(own_cluster, "moderator").get(URL, {"q": "afer:1 type:nothing seq:x"})
    assert page.content.decode().count('class="fault-at"') == 3


def test_many_faults_are_told_by_their_first_and_their_number(own_cluster, client_of):
    page = client_of(own_cluster, "moderator").get(URL, {"q": "(" * 60})
    assert page.content.decode().count('class="fault-at"') == 3
    assert re.search(r"and \d+ more", text_of(page))


def test_a_hit_leads_to_the_page_that_marks_its_words(own_cluster, client_of, stock):
    said = stock.say("u1", "g", "我要退款")
    client = client_of(own_cluster, "moderator")
    assert (
        f'href="/c/own/m/{said.id}/?q=%E9%80%80%E6%AC%BE+from%3Au1"'
        in client.get(URL, {"q": "退款 from:u1"}).content.decode()
    )
    assert f'href="/c/own/m/{said.id}/"' in client.get(URL, {"q": "from:u1"}).content.decode()


def test_htmx_gets_the_search_alone_and_one_address(own_cluster, client_of, stock):
    part = client_of(own_cluster, "moderator").get(f"{URL}?q=from:u1&q=hi+", headers=HTMX)
    assert part.status_code == 200
    assert "<html" not in part.content.decode()
    assert 'id="search"' in part.content.decode()
    assert part["HX-Push-Url"] == f"{URL}?q=from%3Au1+hi"


def test_pages_follow_each_other_without_doubling(own_cluster, client_of, stock):
    said = [stock.say("anna", "team", f"number {number}", ago=600 - number).id for number in range(120)]
    client, found, address = client_of(own_cluster, "moderator"), [], f"{URL}?q=number"
    for _ in range(4):
        page = client.get(address)
        found += hits(page)
        older = re.search(r'href="(\?[^"]*cursor=[^"]*)" rel="next"', page.content.decode())
        if not older:
            break
        address = URL + unescape(older.group(1))
    assert found == said[::-1]


def test_a_broken_page_marker_is_told_with_a_way_on(own_cluster, client_of, stock):
    page = client_of(own_cluster, "moderator").get(URL, {"q": "x", "cursor": "%%%"})
    assert page.status_code == 422
    assert "page marker" in text_of(page)
    assert f'href="{URL}?q=x"' in page.content.decode()


# -- who sees what -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("role", "can_reveal"), [("admin", True), ("owner", True), ("support", False)])
def test_masked_rows_tell_kind_and_length_only(own_cluster, client_of, stock, role, can_reveal):
    said = stock.say("anna", "team", "secret words")
    page = client_of(own_cluster, role).get(URL)
    assert "secret" not in page.content.decode()
    assert "12 characters, text" in text_of(page)
    assert (f"/c/own/m/{said.id}/#reveal" in page.content.decode()) is can_reveal


def test_who_may_reveal_finds_by_words_and_still_sees_no_body(own_cluster, client_of, stock):
    said = stock.say("anna", "team", "secret words")
    stock.say("anna", "team", "other things")
    page = client_of(own_cluster, "admin").get(URL, {"q": "secret"})
    assert hits(page) == [said.id]
    assert "secret words" not in page.content.decode()


@pytest.mark.parametrize("q", ["secret", "-secret", "from:anna OR secret", "has:link from:anna"])
def test_support_cant_ask_by_words_and_is_shown_which(own_cluster, client_of, stock, q):
    stock.say("anna", "team", "secret words")
    page = client_of(own_cluster, "support").get(URL, {"q": q})
    assert page.status_code == 422
    assert "would tell what they say" in text_of(page)
    assert 'class="fault-at"' in page.content.decode()
    assert hits(page) == []
    for part in ("narrow/", "senders/"):
        answer = client_of(own_cluster, "support").get(URL + part, {"q": q})
        assert answer.status_code == 422


def test_support_searches_by_who_and_where(own_cluster, client_of, stock):
    said = stock.say("anna", "team", "secret words")
    stock.say("ben", "team", "x")
    assert hits(client_of(own_cluster, "support").get(URL, {"q": "from:anna in:team"})) == [said.id]


def test_a_viewer_and_a_stranger_stay_outside(own_cluster, client_of):
    assert client_of(own_cluster, "viewer").get(URL).status_code == 403
    assert client_of(own_cluster, "stranger").get(URL).status_code == 404


def test_the_trail_has_the_question_and_the_number_once(own_cluster, client_of, stock):
    stock.say("anna", "team", "secret words")
    client = client_of(own_cluster, "moderator")
    client.get(URL, {"q": "secret"})
    client.get(f"{URL}narrow/", {"q": "secret"})
    (row,) = AuditEntry.objects.filter(action="message.search")
    assert row.detail == {"query": "secret", "hits": 1}


def test_a_count_alone_is_on_the_trail_too(own_cluster, client_of, stock):
    client_of(own_cluster, "admin").get(f"{URL}narrow/", {"q": "secret"})
    (row,) = AuditEntry.objects.filter(action="message.search")
    assert row.detail == {"query": "secret", "hits": None}


# -- rows ----------------------------------------------------------------------------------------------------------


def test_what_became_of_a_message_is_said_in_its_row(own_cluster, client_of, stock):
    revoked, edited = stock.say("a", "g", "one"), stock.say("a", "g", "two")
    stock.say("a", "g", "three", expire=5)
    stock.say("a", "g", "four", is_stream=True, is_finished=False)
    stock.say("a", "g", "five", seq=9)
    stock.say("a", "g", "six", seq=9)
    stock.engine.revise([Revision(revoked.id, set=Trait.REVOKED), Revision(edited.id, set=Trait.EDITED, said="deux")])
    shown = text_of(client_of(own_cluster, "moderator").get(URL))
    for words in ("revoked one", "edited deux", "expired three", "still being written four"):
        assert words in shown
    assert shown.count("number given out twice") == 2


@pytest.mark.parametrize(
    "body",
    [
        "<script>alert(1)</script><img src=x onerror=alert(2)> hit",
        "{{ 7|add:7 }}{% debug %} hit",
        "http://evil.example/a?b=c hit",
        b"\xff\xfe<script>alert(3)</script>\x00\x1b[31m hit",
        b'{"type":2,"url":"http://evil.example/x.jpg","caption":"hit \\u202egpj.exe"}',
        {"type": 1, "content": "hit " + "x" * 1_000_000},
        {"type": 1, "content": "x" * 1_000_000 + " hit"},
        b"",
        "     ",
        "\u202e\u202e\u202e",
    ],
)
def test_hostile_bodies_are_text_and_nothing_else(own_cluster, client_of, stock, body):
    said = stock.say("anna", "team", body)
    client = client_of(own_cluster, "moderator")
    for q in ("", "hit", "from:anna"):
        page = client.get(URL, {"q": q})
        html = page.content.decode()
        assert page.status_code == 200
        assert "<script>alert" not in html
        assert "onerror=alert(2)>" not in html
        assert "http://evil.example" not in html
        assert "\u202e" not in html
        assert len(html) < 200_000
    assert hits(client.get(URL)) == [said.id]


@pytest.mark.parametrize("name", ["a/b?c=d%20&e=\"'", "群 1", "\u202eغرفة", "<script>", "..", "x:y*", '"', "a@b"])
def test_hostile_ids_are_shown_linked_and_can_be_narrowed_to(own_cluster, client_of, stock, name):
    said = stock.say(name, name, "hi")
    stock.say("other", "elsewhere", "hi")
    client = client_of(own_cluster, "moderator")
    assert "<script>alert" not in client.get(URL).content.decode()
    part = client.get(f"{URL}narrow/", headers=HTMX).content.decode()
    links = [unescape(link) for link in re.findall(r'href="([^"]*)"', part)]
    narrowed = [link for link in links if "from%3A" in link and "other" not in link]
    assert len(narrowed) == 1
    page = client.get(narrowed[0])
    assert page.status_code == 200
    assert hits(page) == [said.id]
    places = [link for link in links if "in%3A" in link and "elsewhere" not in link]
    assert hits(client.get(places[0])) == [said.id]


def test_facets_count_and_narrow(own_cluster, client_of, stock):
    for number in range(3):
        stock.say("anna", "team", f"hi {number}")
    stock.say("ben", "room", {"type": 2, "url": "x", "caption": "hi"})
    part = client_of(own_cluster, "moderator").get(f"{URL}narrow/", {"q": "hi"}, headers=HTMX)
    html = unescape(part.content.decode())
    assert f'href="{URL}?q=hi+from%3Aanna"' in html
    assert f'href="{URL}?q=hi+in%3Agroup%3Ateam"' in html
    assert f'href="{URL}?q=hi+type%3Aimage"' in html
    assert 'id="matches" hx-swap-oob="true"' in html and "4 matches" in text_of(part)
    assert 'id="selection-of" hx-swap-oob="true" data-total="4">of 4 selected<' in html


def test_narrowing_an_either_or_keeps_both_sides(own_cluster, client_of, stock):
    stock.say("anna", "team", "one")
    stock.say("ben", "team", "two")
    html = unescape(client_of(own_cluster, "moderator").get(f"{URL}narrow/", {"q": "one OR two"}).content.decode())
    assert f'href="{URL}?q=%28one+OR+two%29+from%3Aanna"' in html


# -- suggestions ---------------------------------------------------------------------------------------------------


def test_operators_are_suggested_by_how_they_begin(own_cluster, client_of, stock):
    part = client_of(own_cluster, "support").get(f"{URL}suggest/", {"typed": "hello fr", "caret": "8"}, headers=HTMX)
    html = part.content.decode()
    assert re.findall(r'data-text="([^"]*)"', html) == ["from:"]
    assert 'data-start="6" data-end="8"' in html


def test_uids_of_the_archive_are_suggested(own_cluster, client_of, stock):
    stock.say("u604417", "g", "x")
    stock.say("<b>u6", "g", "x")
    part = (
        client_of(own_cluster, "moderator").get(f"{URL}suggest/", {"typed": "from:u6"}, headers=HTMX).content.decode()
    )
    assert "from:u604417" in part
    assert "<b>u6" not in part


@pytest.mark.parametrize("caret", ["", "-1", "99999999999", "x", "٣"])
def test_a_caret_that_is_nowhere_breaks_nothing(own_cluster, client_of, stock, caret):
    assert client_of(own_cluster, "moderator").get(f"{URL}suggest/", {"typed": "fr", "caret": caret}).status_code == 200


# -- nothing -------------------------------------------------------------------------------------------------------


def test_a_cluster_without_an_archive_says_so_and_offers_the_server(own_cluster, client_of):
    page = client_of(own_cluster, "moderator").get(URL)
    assert page.status_code == 200
    assert "There is no archive yet" in text_of(page)
    assert 'href="/c/own/messages/server/"' in page.content.decode()


def test_an_open_empty_archive_says_how_it_fills(own_cluster, client_of):
    from imadmin.archive.models import Archive

    Archive.objects.create(cluster=own_cluster, is_on=True)
    assert "Nothing in the archive yet" in text_of(client_of(own_cluster, "moderator").get(URL))


def test_nothing_found_says_why_and_what_to_try(own_cluster, client_of, stock):
    stock.say("anna", "team", "hello")
    page = client_of(own_cluster, "moderator").get(URL, {"q": "goodbye from:anna after:-1h"})
    html = unescape(page.content.decode())
    assert "capitals, width" in text_of(page) and "compared exactly" in text_of(page)
    assert "Without goodbye" in text_of(page)
    assert f'href="{URL}?q=from%3Aanna+after%3A-1h"' in html


def test_a_node_that_leads_no_channel_is_named(own_cluster, client_of, stock):
    stock.engine.note_channels([SeenChannel(ChannelRef("g", 2), 1, 1001)], 1)
    stock.say("u1", "g", "one")
    client = client_of(own_cluster, "moderator")
    page = text_of(client.get(URL, {"q": "node:99"}))
    assert "No channel of the archive is led by node 99. Nodes that lead channels: 1001." in page
    assert hits(client.get(URL, {"q": "node:1001"}))
    assert "is led by node" not in text_of(client.get(URL, {"q": "node:1001 from:nobody"}))
    part = client.get(f"{URL}suggest/", {"typed": "node:1", "caret": "6"}, headers=HTMX).content.decode()
    assert re.findall(r'data-text="([^"]*)"', part)[0] == "node:1001"


def test_the_server_is_asked_with_what_it_understands_and_its_cost_is_said(own_cluster, client_of, stock):
    stock.say("anna", "team", "hello")
    page = client_of(own_cluster, "moderator").get(URL, {"q": "hello from:anna in:group:team after:-1h"})
    html = unescape(page.content.decode())
    assert "messages/server/?channel_type=2&channel_id=team&sender=anna&text=hello" in html
    assert "comparing every body" in text_of(page)
    assert "1 part of your search can't be asked" in unescape(text_of(page))


@pytest.mark.parametrize(
    "query", [{"sender": "anna"}, {"channel_type": "2", "channel_id": "team"}, {"message_id": "7"}, {"text": "x"}]
)
def test_old_addresses_lead_to_the_servers_search(own_cluster, client_of, query):
    answer = client_of(own_cluster, "moderator").get(URL, query)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/c/own/messages/server/?")
    assert all(f"{name}={value}" in answer["Location"] for name, value in query.items())


@pytest.mark.parametrize(
    "query",
    [
        "q=%ff%fe",
        "q=%00",
        "q=" + "(" * 3000,
        "q=" + "a" * 11_000,
        "q=" + "+".join(["from:"] * 500),
        "q=" + "(a+OR+" * 200,
        "q=-&q=-&q=--",
        "q=x&cursor=" + "A" * 5000,
        "q=%22%5C%22",
    ],
)
def test_whatever_is_typed_nothing_breaks(own_cluster, client_of, stock, query):
    page = client_of(own_cluster, "moderator").get(f"{URL}?{query}")
    assert page.status_code in (200, 422)
    assert len(page.content) < 400_000


# -- acting --------------------------------------------------------------------------------------------------------


def test_chosen_messages_lead_to_their_senders_and_what_can_be_planned(own_cluster, client_of, stock):
    first, second = stock.say("anna", "team", "spam"), stock.say("ben", "anna", "spam", channel_type=1)
    stock.say("chen", "team", "spam")
    client = client_of(own_cluster, "moderator")
    answer = client.post(f"{URL}senders/", {"q": "spam", "target": [first.id, second.id], "go": "senders"})
    assert answer.status_code == 303
    page = client.get(answer["Location"])
    html = unescape(page.content.decode())
    assert re.findall(r'name="uid" value="([^"]*)"', html) == ["=anna", "=ben"]
    assert 'action="/c/own/connections/kick/"' in html
    assert 'action="/c/own/channels/2/team/denylist/preview/"' in html
    assert 'action="/c/own/channels/1/anna/denylist/preview/"' in html
    assert "spam" not in text_of(page)


def test_all_that_match_lead_to_all_their_senders(own_cluster, client_of, stock):
    for uid in ("anna", "ben", "chen"):
        stock.say(uid, "team", "spam")
    stock.say("dora", "team", "fine")
    client = client_of(own_cluster, "moderator")
    answer = client.post(f"{URL}senders/", {"q": "spam", "all": "1"})
    page = client.get(answer["Location"])
    assert set(re.findall(r'name="uid" value="=([^"]*)"', page.content.decode())) == {"anna", "ben", "chen"}


def test_the_plan_of_a_denylist_opens_with_them(own_cluster, client_of, stock, sim):
    sim.call(lambda state: state.add_group("team", ["anna", "ben"]))
    page = client_of(own_cluster, "moderator").post(
        "/c/own/channels/2/team/denylist/preview/", {"verb": "add", "target": ["anna", "ben"]}
    )
    assert page.status_code == 200
    assert "anna" in text_of(page)


def test_the_page_speaks_chinese(own_cluster, client_of, stock):
    stock.say("anna", "team", "hi")
    page = client_of(own_cluster, "moderator").get(URL, {"q": "hi"}, headers={"Accept-Language": "zh-CN"})
    assert 'lang="zh-Hans"' in page.content.decode()
