"""The permalink when the server can't give the message, or the archive knows more; revealing a whole conversation."""

import pytest

from imadmin.archive.rows import Incoming, Revision, Trait
from imadmin.audit.models import AuditEntry
from imadmin.gateway.types import ChannelRef
from tests.archive.stock import Stock
from tests.web.test_messages_server import text_of


@pytest.fixture
def stock(own_cluster):
    return Stock(own_cluster)


@pytest.fixture
def told(sim, stock):
    """Said on the server and taken into the archive too."""

    def tell(from_uid, channel_id, text):
        said = sim.call(lambda state: state.add_message(from_uid, channel_id, text, 2))
        stock.take(
            Incoming(said.id, said.seq, ChannelRef(channel_id, 2), from_uid, said.timestamp, bytes(said.payload))
        )
        return said

    return tell


def url(message, part=""):
    return f"/c/own/m/{message.id}/{part}"


def test_what_the_server_has_not_comes_from_the_archive_with_its_conversation(own_cluster, client_of, stock):
    said = [stock.say("anna", "team", f"number {number}.") for number in range(70)]
    page = client_of(own_cluster, "moderator").get(url(said[34]))
    assert page.status_code == 200
    assert "From the archive" in text_of(page)
    assert "No node that answered has a message with this id" in text_of(page)
    assert "number 9." in text_of(page) and "number 59." in text_of(page)
    assert "number 8." not in text_of(page) and "number 60." not in text_of(page)
    assert "recorded as audit" in text_of(page)


def test_opening_it_counts_no_copies_it_only_offers_to(own_cluster, client_of, stock):
    said = stock.say("anna", "team", "buy two, get one")
    page = client_of(own_cluster, "moderator").get(url(said)).content.decode()
    assert f'hx-get="/c/own/messages/spread/?id={said.id}" hx-target="#same"' in page
    assert not AuditEntry.objects.filter(action="message.spread").exists()
    assert 'hx-target="#same"' not in client_of(own_cluster, "support").get(url(said)).content.decode()


@pytest.mark.parametrize("fault", ["kill", "hang"])
def test_a_server_that_is_silent_leaves_the_archives_copy(own_cluster, client_of, told, sim, fault):
    said = told("anna", "team", "kept here")
    for node in sim.nodes:
        getattr(sim, fault)(node.id)
    page = client_of(own_cluster, "moderator").get(url(said))
    assert page.status_code == 200
    assert "From the archive" in text_of(page)
    assert "kept here" in text_of(page)


def test_what_neither_has_is_not_found(own_cluster, client_of, stock):
    page = client_of(own_cluster, "moderator").get("/c/own/m/77/")
    assert page.status_code == 404
    assert "another cluster" in text_of(page)


def test_a_revoked_message_says_so_beside_what_the_server_still_keeps(own_cluster, client_of, told, stock):
    said = told("anna", "team", "I regret this")
    stock.engine.revise([Revision(said.id, set=Trait.REVOKED)])
    page = client_of(own_cluster, "moderator").get(url(said))
    assert "Revoked: a later command took it back" in text_of(page)
    assert "I regret this" in text_of(page)


@pytest.mark.parametrize(("role", "sees"), [("moderator", True), ("admin", False), ("support", False)])
def test_an_edited_message_shows_its_new_words_to_who_may_read(own_cluster, client_of, told, stock, role, sees):
    said = told("anna", "team", "first words")
    stock.engine.revise([Revision(said.id, set=Trait.EDITED, said="second <b>words")])
    page = client_of(own_cluster, role).get(url(said))
    assert "Edited:" in text_of(page)
    assert ("second &lt;b&gt;words" in page.content.decode()) is sees
    assert ("first words" in page.content.decode()) is sees
    assert "<b>words" not in page.content.decode()


@pytest.mark.parametrize(("role", "sees"), [("moderator", True), ("admin", False), ("support", False)])
def test_an_edited_copy_shows_its_new_words_and_the_old_behind_them(own_cluster, client_of, stock, role, sees):
    said = stock.say("anna", "team", "first <b>words")
    stock.engine.revise([Revision(said.id, set=Trait.EDITED, said="second words")])
    page = client_of(own_cluster, role).get(url(said))
    assert ("Before, it said:" in text_of(page)) is sees
    assert ("second words" in page.content.decode()) is sees
    assert ("first &lt;b&gt;words" in page.content.decode()) is sees
    assert "first <b>" not in page.content.decode()
    if role == "admin":
        revealed = client_of(own_cluster, role).post(url(said, "reveal/"), {"reason": "a complaint"})
        assert "Before, it said:" in text_of(revealed) and "first &lt;b&gt;words" in revealed.content.decode()


def test_an_unchanged_message_says_nothing_of_the_archive(own_cluster, client_of, told):
    page = text_of(client_of(own_cluster, "moderator").get(url(told("anna", "team", "hello"))))
    assert "From the archive" not in page and "Revoked" not in page and "Edited" not in page


@pytest.mark.parametrize("role", ["admin", "owner", "support"])
def test_a_copy_is_masked_as_the_message_was(own_cluster, client_of, stock, role):
    said = [stock.say("anna", "team", "secret words") for _ in range(3)]
    page = client_of(own_cluster, role).get(url(said[1]))
    assert page.status_code == 200
    assert "secret" not in page.content.decode()


def test_a_copy_is_revealed_with_a_reason(own_cluster, client_of, stock):
    said = stock.say("anna", "team", "secret words")
    client = client_of(own_cluster, "admin")
    page = client.post(url(said, "reveal/"), {"reason": "a complaint"})
    assert "secret words" in text_of(page)
    row = AuditEntry.objects.filter(action="message.reveal").latest("id")
    assert (row.target, row.reason) == (str(said.id), "a complaint")


# -- one reason for a conversation ---------------------------------------------------------------------------------


@pytest.mark.parametrize("is_copy", [True, False])
def test_one_reason_opens_the_conversation_and_the_trail_names_each(own_cluster, client_of, told, stock, is_copy):
    say = stock.say if is_copy else told
    said = [say("anna", "team", f"secret {number}") for number in range(5)]
    other = say("anna", "elsewhere", "not this")
    client = client_of(own_cluster, "admin")
    masked = client.get(url(said[2]))
    assert "secret" not in masked.content.decode() and "Reveal these 5 messages" in text_of(masked)
    page = client.post(url(said[2], "reveal-around/"), {"reason": "a complaint"})
    assert page.status_code == 200
    assert all(f"secret {number}" in text_of(page) for number in range(5))
    row = AuditEntry.objects.filter(action="message.reveal_conversation").latest("id")
    assert row.detail["messages"] == [str(message.id) for message in said]
    assert str(other.id) not in str(row.detail) and "secret" not in str(row.detail)
    assert "secret" not in client.get(url(said[2])).content.decode()


def test_a_conversation_isnt_opened_without_a_reason(own_cluster, client_of, told):
    said = [told("anna", "team", "secret") for _ in range(2)]
    page = client_of(own_cluster, "admin").post(url(said[0], "reveal-around/"), {"reason": " "})
    assert page.status_code == 422
    assert "secret" not in page.content.decode()
    assert 'id="around_reason_error"' in page.content.decode()
    assert not AuditEntry.objects.filter(action="message.reveal_conversation").exists()


@pytest.mark.parametrize("role", ["support", "viewer"])
def test_who_may_not_reveal_opens_no_conversation(own_cluster, client_of, told, role):
    said = [told("anna", "team", "secret") for _ in range(2)]
    page = client_of(own_cluster, role).post(url(said[0], "reveal-around/"), {"reason": "a complaint"})
    assert page.status_code == 403
    assert "secret" not in page.content.decode()
    assert "Reveal these" not in text_of(client_of(own_cluster, "moderator").get(url(said[0])))
