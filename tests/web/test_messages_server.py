"""The search of the server itself: every field, every refusal beside its field, masked by role, hostile content harmless."""

import re

import pytest

HTMX = {"HX-Request": "true"}
URL = "/c/own/messages/server/"


@pytest.fixture
def told(sim):
    def tell(from_uid, channel_id, payload="hello", channel_type=2, **fields):
        return sim.call(lambda state: state.add_message(from_uid, channel_id, payload, channel_type, **fields))

    return tell


def text_of(response):
    """What one reads: the page without its tags."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", response.content.decode()))


def test_the_latest_messages_stand_there_at_once(own_cluster, client_of, told):
    said = told("anna", "team", "good morning")
    page = client_of(own_cluster, "moderator").get(URL)
    assert page.status_code == 200
    assert f"/c/own/m/{said.id}/" in page.content.decode()
    assert "good morning" in text_of(page)
    assert "Complete for what was asked." in text_of(page)
    assert "no filter by time" in text_of(page)
    assert page["Cache-Control"] == "no-store"


def test_htmx_gets_the_search_alone_and_its_address(own_cluster, client_of, told):
    told("anna", "team", "hi")
    part = client_of(own_cluster, "moderator").get(URL, {"sender": "anna", "text": ""}, headers=HTMX)
    assert part.status_code == 200
    assert "<html" not in part.content.decode()
    assert 'id="search"' in part.content.decode()
    assert 'id="asof" hx-swap-oob="true"' in part.content.decode()
    assert part["HX-Push-Url"] == f"{URL}?sender=anna"


def test_what_was_searched_is_marked_and_kept_in_the_form(own_cluster, client_of, told):
    told("anna", "team", "我要退款，<b>now</b>")
    page = client_of(own_cluster, "moderator").get(URL, {"channel_type": 2, "channel_id": "team", "text": "退款"})
    html = page.content.decode()
    assert "<mark>退款</mark>" in html
    assert 'value="退款"' in html
    assert "&lt;b&gt;now&lt;/b&gt;" in html
    assert 'lang="zh-Hans"' in html
    assert "Reads this one channel" in html


def test_a_person_chat_is_asked_by_two_uids(own_cluster, client_of, told):
    said = told("anna", "ben", "psst", channel_type=1)
    page = client_of(own_cluster, "moderator").get(URL, {"uid_one": "ben", "uid_two": "anna"})
    assert f"/c/own/m/{said.id}/" in page.content.decode()


@pytest.mark.parametrize(
    ("query", "field", "sentence"),
    [
        ({"text": "refund"}, "text", "18 seconds"),
        ({"message_id": "12; DROP"}, "message_id", "whole number"),
        ({"message_id": "9" * 4500}, "message_id", "whole number"),
        ({"channel_type": "group", "channel_id": "team"}, "channel_type", "whole number"),
        ({"channel_type": "999999999999999999999", "channel_id": "team"}, "channel_type", "1 to 255"),
        ({"channel_id": "team"}, "channel_type", "what kind of channel"),
        ({"channel_type": "2"}, "channel_id", "the channel"),
        ({"uid_one": "a"}, "uid_two", "both uids"),
        ({"uid_one": "a@b", "uid_two": "c"}, "uid_one", "@, # or &amp;"),
        ({"sender": "a&b"}, "sender", "@, #, &amp;"),
        ({"sender": "a\x00b"}, "sender", "Null characters"),
        ({"client_msg_no": "x" * 300}, "client_msg_no", "longer than any"),
        ({"text": "y" * 1001, "channel_type": "2", "channel_id": "t"}, "text", "longer than any"),
    ],
)
def test_what_cant_be_asked_is_said_beside_its_field_and_kept(own_cluster, client_of, sim, query, field, sentence):
    page = client_of(own_cluster, "moderator").get(URL, query)
    html = page.content.decode()
    assert page.status_code == 422
    error = re.search(rf'id="id_{field}_error">(.*?)</p>', html, re.DOTALL)
    assert error and sentence in error.group(1)
    for name, value in query.items():
        if "\x00" not in value:
            kept = re.search(rf'<select name="{name}".*?</select>|<input[^>]*name="{name}"[^>]*>', html, re.DOTALL)
            assert f'value="{value.replace("&", "&amp;")}"' in kept.group()
    assert not any(path == "/cluster/messages" for _, _, _, path, _, _ in sim.requests)


def test_a_broken_page_marker_is_said_above_the_form(own_cluster, client_of):
    page = client_of(own_cluster, "moderator").get(URL, {"channel_type": 2, "channel_id": "team", "cursor": "%%%"})
    assert page.status_code == 422
    assert "page marker" in text_of(page)
    assert "stands beside" not in text_of(page)
    assert f'href="{URL}?channel_type=2&amp;channel_id=team"' in page.content.decode()


def test_a_wrong_field_is_named_even_with_a_broken_marker(own_cluster, client_of):
    page = client_of(own_cluster, "moderator").get(URL, {"message_id": "x", "cursor": "%%%"})
    assert "stands beside" in text_of(page)


def test_a_kind_the_server_doesnt_know_is_asked_and_said(own_cluster, client_of):
    client = client_of(own_cluster, "moderator")
    strange = text_of(client.get(URL, {"channel_type": 77, "channel_id": "team"}))
    assert "no kind of channel with the number 77" in strange
    assert "no kind of channel" not in text_of(client.get(URL, {"channel_type": 2, "channel_id": "team"}))


def test_pages_follow_each_other(own_cluster, client_of, told):
    for number in range(60):
        told("anna", "team", f"number {number}.")
    client = client_of(own_cluster, "moderator")
    first = client.get(URL, {"channel_type": 2, "channel_id": "team"})
    older = re.search(r'href="(\?[^"]*cursor=[^"]*)" rel="next"', first.content.decode()).group(1)
    assert "channel_id=team" in older
    second = client.get(URL + older.replace("&amp;", "&"))
    assert "number 59." in text_of(first)
    assert "number 0." not in text_of(first)
    assert "number 0." in text_of(second)


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ({}, "holds no messages yet"),
        ({"message_id": "42"}, "mistyped"),
        ({"sender": "nobody"}, "compared exactly"),
        ({"client_msg_no": "zz"}, "client number"),
        ({"channel_type": "2", "channel_id": "none"}, "another kind of channel"),
        ({"channel_type": "2", "channel_id": "none", "text": "x"}, "try fewer characters"),
    ],
)
def test_an_empty_answer_says_why(own_cluster, client_of, query, why):
    page = client_of(own_cluster, "moderator").get(URL, query)
    assert page.status_code == 200
    assert why in text_of(page)


@pytest.mark.parametrize(("role", "can_reveal"), [("admin", True), ("owner", True), ("support", False)])
def test_masked_rows_tell_kind_and_length_only(own_cluster, client_of, told, role, can_reveal):
    said = told("anna", "team", "secret words")
    page = client_of(own_cluster, role).get(URL)
    assert "secret" not in page.content.decode()
    assert "12 characters, text" in text_of(page)
    assert (f"/c/own/m/{said.id}/#reveal" in page.content.decode()) is can_reveal


def test_support_cant_search_text_and_is_told_why(own_cluster, client_of, told):
    told("anna", "team", "secret words")
    page = client_of(own_cluster, "support").get(URL, {"channel_type": 2, "channel_id": "team", "text": "secret"})
    assert page.status_code == 422
    assert "would tell what they say" in text_of(page)


def test_a_viewer_sees_who_may_help(own_cluster, client_of):
    page = client_of(own_cluster, "viewer").get(URL)
    assert page.status_code == 403
    assert "search-messages" in text_of(page)


def test_a_stranger_sees_no_cluster(own_cluster, client_of):
    assert client_of(own_cluster, "stranger").get(URL).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        "<script>alert(1)</script><img src=x onerror=alert(2)>",
        "{{ 7|add:7 }}{% debug %}",
        "http://evil.example/a?b=c",
        b"\xff\xfe<script>alert(3)</script>\x00\x1b[31m",
        b'{"type":2,"url":"http://evil.example/x.jpg","caption":"\\u202egpj.exe"}',
        {"type": 1, "content": "x" * 1_000_000},
        b"",
    ],
)
def test_hostile_bodies_are_text_and_nothing_else(own_cluster, client_of, told, body):
    told("anna", "team", body)
    html = client_of(own_cluster, "moderator").get(URL).content.decode()
    assert "<script>alert" not in html
    assert "onerror=alert(2)>" not in html
    assert "http://evil.example" not in html
    assert "\u202e" not in html
    assert len(html) < 200_000


@pytest.mark.parametrize("channel_id", ["a/b?c=d%20&e=\"'", "群 1", "\u202eغرفة", "<script>", ".."])
def test_hostile_channel_ids_are_shown_and_linked(own_cluster, client_of, told, channel_id):
    told("an na/%?", channel_id, "hi")
    page = client_of(own_cluster, "moderator").get(URL, {"channel_type": 2, "channel_id": channel_id})
    assert page.status_code == 200
    assert "hi" in text_of(page)
    assert "<script>" not in page.content.decode().replace("<script src", "")
    shown = re.sub(r"<input[^>]*>", "", page.content.decode())  # what was typed is kept as it was
    assert "\u202e" not in shown


def test_a_dead_node_is_named_and_the_hits_stay(own_cluster, client_of, told, sim):
    told("anna", "team", "good morning")
    client = client_of(own_cluster, "moderator")
    client.get(URL)
    sim.kill(sim.nodes[1].id)
    page = client.get(URL)
    assert page.status_code == 200
    assert "good morning" in text_of(page)
    assert str(sim.nodes[1].id) in text_of(page)
    assert "may lack messages" in text_of(page)


@pytest.mark.parametrize(
    ("fault", "said"), [("hang", "stayed silent"), ("kill", "at that address"), ("garbage", "can&#x27;t be read")]
)
def test_a_cluster_that_is_down_hanging_or_talking_nonsense_is_said(own_cluster, client_of, sim, fault, said):
    for node in sim.nodes:
        if fault == "garbage":
            sim.break_node(node.id, "garbage")
        else:
            getattr(sim, fault)(node.id)
    page = client_of(own_cluster, "moderator").get(URL, {"sender": "anna"})
    assert page.status_code in (502, 503, 504)
    assert said in text_of(page)


def test_the_curl_line_holds_the_question_and_no_secret(own_cluster, client_of, told):
    told("anna", "team", "hi")
    html = client_of(own_cluster, "moderator").get(URL, {"sender": "anna"}).content.decode()
    assert "$IMADMIN_TOKEN" in html
    assert "/api/v1/clusters/own/messages?sender=anna" in html
    assert "sim-token" not in html


def test_the_page_speaks_chinese(own_cluster, client_of, told):
    told("anna", "team", "hi")
    client = client_of(own_cluster, "moderator")
    page = client.get(URL, headers={"Accept-Language": "zh-CN"})
    assert 'lang="zh-Hans"' in page.content.decode()


@pytest.mark.parametrize(
    "query",
    ["text=%ff%fe&channel_type=2&channel_id=%ff", "sender=%F0%9F", "cursor=" + "A" * 5000, "cursor=%00&sender=x"],
)
def test_bytes_that_are_no_text_break_nothing(own_cluster, client_of, query):
    assert client_of(own_cluster, "moderator").get(f"{URL}?{query}").status_code in (200, 422)
