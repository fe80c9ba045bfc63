"""The permalink: conversation, payload, reveal, and the ways onward."""

import re

import pytest

from tests.web.test_messages_server import text_of


@pytest.fixture
def told(sim):
    def tell(from_uid, channel_id, payload="hello", channel_type=2, **fields):
        return sim.call(lambda state: state.add_message(from_uid, channel_id, payload, channel_type, **fields))

    return tell


def url(message):
    return f"/c/own/m/{message.id}/"


def test_the_message_stands_marked_in_its_conversation(own_cluster, client_of, told):
    said = [told("anna", "team", f"number {number}.") for number in range(70)]
    page = client_of(own_cluster, "moderator").get(url(said[34]))
    html = page.content.decode()
    assert page.status_code == 200
    assert page["Cache-Control"] == "no-store"
    assert "number 9." in text_of(page) and "number 59." in text_of(page)
    assert "number 8." not in text_of(page) and "number 60." not in text_of(page)
    assert re.search(r'<li class="hit"[^>]*id="hit">.*?number 34\.', html, re.DOTALL)
    assert f'href="{url(said[9])}"' in html
    assert "25 before, 25 after" in text_of(page)
    assert "recorded as audit" in text_of(page)


def test_every_shape_of_the_payload_is_there(own_cluster, client_of, told):
    said = told("anna", "team", {"type": 1, "content": "see http://evil.example/x"})
    page = client_of(own_cluster, "moderator").get(url(said))
    for word in ("Decoded", "As text", "Base64, exact", "Hex"):
        assert word in text_of(page)
    assert "hxxp://evil[.]example/x" in page.content.decode()
    assert "http://evil" not in page.content.decode()


def test_a_big_payload_is_cut_and_shown_whole_on_demand(own_cluster, client_of, told):
    said = told("anna", "team", {"type": 1, "content": "x" * 1_200_000})
    client = client_of(own_cluster, "moderator")
    first = client.get(url(said))
    assert len(first.content) < 300_000
    assert "?all=1" in first.content.decode()
    whole = client.get(url(said), {"all": "1"})
    assert 3_000_000 < len(whole.content) < 5_000_000
    assert "of 1.1 MiB" in text_of(whole)


@pytest.mark.parametrize(
    "body", [b"\xff\x00<script>alert(1)</script>", b"", b"[1,2", b'{"type":1,"content":"\\ud83d"}', b"null"]
)
def test_broken_bytes_never_break_the_page(own_cluster, client_of, told, body):
    page = client_of(own_cluster, "moderator").get(url(told("anna", "team", body)))
    assert page.status_code == 200
    assert "<script>alert" not in page.content.decode()


def test_media_is_an_address_in_text(own_cluster, client_of, told):
    said = told("anna", "team", {"type": 2, "url": "https://img.example/a.jpg"})
    html = client_of(own_cluster, "moderator").get(url(said)).content.decode()
    assert "hxxps://img[.]example/a.jpg" in html
    assert "<img" not in html
    assert "https://img.example" not in html


def test_the_ways_onward_are_there(own_cluster, client_of, told):
    said = told("anna", "team", "hi")
    html = client_of(own_cluster, "moderator").get(url(said)).content.decode()
    assert "/c/own/users/anna/" in html
    assert "/c/own/channels/2/team/" in html
    assert f"/api/v1/clusters/own/messages/{said.id}" in html
    assert "$IMADMIN_TOKEN" in html and "sim-token" not in html
    assert "channel_type=2&amp;channel_id=team&amp;sender=anna" in html


def test_denying_posts_to_the_channel_or_the_receivers_own_list(own_cluster, client_of, told):
    client = client_of(own_cluster, "moderator")
    group = client.get(url(told("anna", "team", "hi"))).content.decode()
    person = client.get(url(told("anna", "ben", "hi", channel_type=1))).content.decode()
    assert re.search(r'action="/c/own/channels/2/team/denylist/[^"]*"', group)
    assert re.search(r'action="/c/own/channels/1/ben/denylist/[^"]*"', person)
    assert 'name="uids" value="anna"' in group
    assert "The other way stays open" in person


def test_a_command_is_denied_where_people_talk(own_cluster, client_of, told, sim):
    said = told("anna", "ben", {"type": 99, "cmd": "typing"}, channel_type=1)
    sim.call(lambda state: setattr(state.archive.by_id[said.id], "channel_id", f"{said.channel_id}____cmd"))
    html = client_of(own_cluster, "moderator").get(url(said)).content.decode()
    assert re.search(r'action="/c/own/channels/1/ben/denylist/[^"]*"', html)


def test_the_sender_is_denied_from_here_and_it_holds(own_cluster, client_of, told, sim):
    sim.call(lambda state: state.add_group("team", ["anna", "ben"]))
    client = client_of(own_cluster, "moderator")
    html = client.get(url(told("anna", "team", "hi"))).content.decode()
    action = re.search(r'action="(/c/own/channels/2/team/denylist/[^"]*)"', html).group(1)
    answer = client.post(action, {"uids": "anna", "reason": "phishing"})
    assert answer.status_code == 303
    assert "anna" in sim.call(lambda state: dict(state.store.denied.get(("team", 2), {})))


@pytest.mark.parametrize(("role", "may"), [("support", False), ("viewer", False), ("admin", True), ("moderator", True)])
def test_only_who_may_restrict_is_offered_to_deny(own_cluster, client_of, told, role, may):
    page = client_of(own_cluster, role).get(url(told("anna", "team", "hi")))
    assert ("Deny sender…" in text_of(page)) is may


def test_nobody_is_offered_to_deny_the_system(own_cluster, client_of, told):
    page = client_of(own_cluster, "moderator").get(url(told("____system", "team", "hi")))
    assert "Deny sender…" not in text_of(page)
    assert "denylists don’t hold it back" in text_of(page)


@pytest.mark.parametrize("message_id", ["1", str(2**63), "9" * 300])
def test_an_unknown_id_says_what_could_be_the_cause(own_cluster, client_of, message_id):
    page = client_of(own_cluster, "moderator").get(f"/c/own/m/{message_id}/")
    assert page.status_code == 404
    assert "another cluster" in text_of(page)


def test_masked_messages_are_revealed_one_by_one_with_a_reason(own_cluster, client_of, told):
    said, other = told("anna", "team", "secret words"), told("anna", "team", "hidden too")
    client = client_of(own_cluster, "admin")
    masked = client.get(url(said))
    assert "secret" not in masked.content.decode()
    revealed = client.post(f"{url(said)}reveal/", {"reason": "reported as fraud"})
    assert revealed.status_code == 200
    assert revealed["Cache-Control"] == "no-store"
    assert "secret words" in text_of(revealed)
    assert "hidden too" not in revealed.content.decode()
    assert f"{url(other)}#reveal" in revealed.content.decode()
    assert "secret" not in client.get(url(said)).content.decode()


def test_a_reveal_without_a_reason_keeps_the_body_and_says_so(own_cluster, client_of, told):
    said = told("anna", "team", "secret words")
    page = client_of(own_cluster, "admin").post(f"{url(said)}reveal/", {"reason": " x "})
    assert page.status_code == 422
    assert "Say why" in text_of(page)
    assert "secret" not in page.content.decode()
    assert 'value=" x "' in page.content.decode()


@pytest.mark.parametrize("role", ["support", "viewer"])
def test_who_may_not_reveal_is_refused(own_cluster, client_of, told, role):
    said = told("anna", "team", "secret words")
    page = client_of(own_cluster, role).post(f"{url(said)}reveal/", {"reason": "reported as fraud"})
    assert page.status_code == 403
    assert "secret" not in page.content.decode()


def test_a_reveal_by_address_alone_is_refused(own_cluster, client_of, told):
    said = told("anna", "team", "secret words")
    for form in ("reveal/", "reveal-around/"):  # a copied address: back to the page, with nothing open
        asked = client_of(own_cluster, "admin").get(f"{url(said)}{form}")
        assert asked.status_code == 302 and asked["Location"] == url(said)


def test_a_revealed_text_may_be_hostile(own_cluster, client_of, told):
    said = told("anna", "team", "<script>alert(1)</script> http://evil.example")
    html = client_of(own_cluster, "admin").post(f"{url(said)}reveal/", {"reason": "reported"}).content.decode()
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert" in html
    assert "http://evil.example" not in html


def test_the_rest_stands_when_the_conversation_cant_be_read(own_cluster, client_of, told, sim):
    said = told("anna", "team", "good morning")
    client = client_of(own_cluster, "moderator")
    client.get(url(said))
    sim.kill(sim.call(lambda state: state.leader_of("team")))
    page = client.get(url(said))
    assert page.status_code == 200
    assert "good morning" in text_of(page)
    assert "can’t be read now" in text_of(page)


def test_a_message_of_a_person_chat_opens_for_its_channel(own_cluster, client_of, told):
    said = told("anna", "ben", "psst", channel_type=1)
    page = client_of(own_cluster, "moderator").get(url(said))
    assert "Person chat" in text_of(page)
    assert said.channel_id in text_of(page)


def test_one_long_message_doesnt_push_the_others_away(own_cluster, client_of, told):
    long, hit = told("anna", "team", "word " * 5000), told("ben", "team", "short")
    client = client_of(own_cluster, "moderator")
    html = client.get(url(hit)).content.decode()
    assert re.search(rf'<p class="clamp">.*?<a class="whole sm" href="{url(long)}">', html, re.DOTALL)
    assert html.count('class="clamp"') == 1
    assert '<a class="whole sm" href="#reveal">' in client.get(url(long)).content.decode()


def test_the_message_is_in_reach_with_and_without_scripts(own_cluster, client_of, told):
    html = client_of(own_cluster, "moderator").get(url(told("anna", "team"))).content.decode()
    assert html.count("data-into-view") == 1
    assert html.index('href="#hit"') < html.index('id="hit"')


def marked(page):
    return re.findall(r"<mark>(.*?)</mark>", page.content.decode())


def test_the_words_of_a_search_are_marked_here_and_around(own_cluster, client_of, told):
    said = [told("anna", "team", text) for text in ("退\u200b款吗", "nothing", "ＲｅＦｕＮＤ 退款")]
    client = client_of(own_cluster, "moderator")
    page = client.get(url(said[2]), {"q": "退款 refund from:anna"})
    assert marked(page) == ["退⟨U+200B⟩款", "ＲｅＦｕＮＤ", "退款"]
    assert f'href="{url(said[0])}?q=%E9%80%80%E6%AC%BE+refund+from%3Aanna"' in page.content.decode()
    assert "?q=" in re.search(r'<a class="seq" href="([^"]*)"', page.content.decode()).group(1)
    assert marked(client.get(url(said[2]))) == []


@pytest.mark.parametrize("q", ["(退款", "from:anna", "after:never", "x" * 15_000, "\x00", "<script>"])
def test_whatever_the_search_says_the_message_is_shown(own_cluster, client_of, told, q):
    page = client_of(own_cluster, "moderator").get(url(told("anna", "team", "退款")), {"q": q})
    assert page.status_code == 200
    assert marked(page) == []


@pytest.mark.parametrize("role", ["admin", "support"])
def test_a_search_marks_nothing_where_bodies_are_masked(own_cluster, client_of, told, role):
    said = [told("anna", "team", text) for text in ("secret refund", "something else")]
    client = client_of(own_cluster, role)
    asked, plain = (client.get(url(said[0]), given).content.decode() for given in ({"q": "refund"}, {}))
    assert "<mark" not in asked and "secret" not in asked
    assert asked.count('class="masked"') == plain.count('class="masked"') and "?q=" not in asked
