"""One message with its conversation, and revealing one masked body."""

import json

import pytest

from imadmin.archive import actions, queries, stores
from imadmin.archive.rows import Incoming, Trait
from imadmin.audit import queries as audit
from imadmin.core.errors import Forbidden, InvalidInput, NotFound
from imadmin.gateway.errors import GatewayError
from imadmin.gateway.types import ChannelRef


def seqs(page):
    return [item.seq for item in page.context.items]


def test_the_25_before_and_after_are_there(own_cluster, scope_of, told):
    said = [told("anna", "team", f"m{number}") for number in range(70)]
    page = queries.permalink(scope_of(own_cluster, "moderator"), said[34].id)
    assert page.message.id == said[34].id
    assert seqs(page) == list(range(10, 61))
    assert (page.context.before, page.context.after) == (25, 25)
    assert (page.context.reaches_start, page.context.reaches_end) == (False, False)
    assert page.context.newest_seq == 70


def test_the_ends_of_a_short_conversation_are_known(own_cluster, scope_of, told):
    said = [told("anna", "ben", f"m{number}", channel_type=1) for number in range(3)]
    page = queries.permalink(scope_of(own_cluster, "moderator"), said[1].id)
    assert seqs(page) == [1, 2, 3]
    assert page.context.reaches_start
    assert page.context.reaches_end


def test_two_messages_at_one_place_are_both_shown_and_marked(own_cluster, scope_of, told, sim):
    told("anna", "team", "one")
    kept = told("anna", "team", "kept")
    lost = sim.call(_place_again, kept)
    for wanted in (kept.id, lost):
        page = queries.permalink(scope_of(own_cluster, "moderator"), wanted)
        assert page.message.id == wanted
        assert [(item.seq, item.is_doubled) for item in page.context.items] == [(1, False), (2, True), (2, True)]
        assert {item.id for item in page.context.items if item.is_doubled} == {kept.id, lost}
        assert [item.id for item in page.context.doubled] == [({kept.id, lost} - {wanted}).pop()]


def _place_again(state, kept):
    """A deposed leader still keeps another message under the same number; the channel's log knows nothing of it."""
    other = state.add_message("ben", "elsewhere", "lost", 2)
    other.channel_id, other.seq = kept.channel_id, kept.seq
    log = state.archive.logs[("elsewhere", 2)]
    log.remove(other)
    state.archive.logs[kept.key].insert(kept.seq - 1, other)
    state.archive.page = _without(state.archive.page, other.id)
    return other.id


def _without(page, message_id):
    return lambda *args, **options: [row for row in page(*args, **options) if row.id != message_id]


@pytest.mark.parametrize(("role", "traits"), [("moderator", Trait.LINK), ("support", Trait(0))])
def test_what_the_archive_knows_of_a_masked_text_is_masked(own_cluster, scope_of, told, role, traits):
    said = told("anna", "team", "see https://a.example")
    incoming = Incoming(said.id, said.seq, ChannelRef("team", 2), "anna", 1_790_000_000, _text("see https://a.example"))
    stores.engine_of(own_cluster.pk).ingest([incoming])
    page = queries.permalink(scope_of(own_cluster, role), said.id)
    assert page.message.traits == traits
    assert [item.traits for item in page.context.items] == [traits]


def _text(text):
    return json.dumps({"type": 1, "content": text}).encode()


@pytest.mark.parametrize("message_id", [1, 2**63 - 1, 2**63, 10**30, 0])
def test_an_unknown_id_says_what_could_be_the_cause(own_cluster, scope_of, message_id):
    with pytest.raises(NotFound) as missing:
        queries.permalink(scope_of(own_cluster, "moderator"), message_id)
    assert "another cluster" in missing.value.hint


def test_reading_bodies_stays_on_the_trail(own_cluster, scope_of, told, trail):
    said = [told("anna", "team", f"words {number}") for number in range(3)]
    queries.permalink(scope_of(own_cluster, "moderator"), said[0].id)
    (row,) = trail("message.read")
    assert (row.target_kind, row.target, row.actor) == ("message", str(said[0].id), "moderator")
    assert row.detail == {"channel": "2/team", "sender": "anna", "messages": 3}


@pytest.mark.parametrize("role", ["admin", "owner", "support"])
def test_a_masked_permalink_shows_no_body_and_leaves_no_row(own_cluster, scope_of, told, trail, role):
    said = told("anna", "team", "secret words")
    page = queries.permalink(scope_of(own_cluster, role), said.id)
    assert "secret" not in repr(page)
    assert page.message.is_masked
    assert trail("message.read") == []


def test_a_conversation_that_cant_be_read_leaves_the_message(own_cluster, scope_of, told, sim):
    said = told("anna", "team", "hi")
    scope = scope_of(own_cluster, "moderator")
    queries.permalink(scope, said.id)
    for node in sim.nodes:
        if node.id == sim.call(lambda state: state.leader_of("team")):
            sim.kill(node.id)
    page = queries.permalink(scope, said.id)
    assert page.message.text == "hi"
    assert isinstance(page.context.failure, GatewayError)
    assert [item.id for item in page.context.items] == [said.id]


def test_a_cluster_that_is_down_is_an_error(own_cluster, scope_of, told, sim):
    said = told("anna", "team", "hi")
    for node in sim.nodes:
        sim.kill(node.id)
    with pytest.raises(GatewayError):
        queries.permalink(scope_of(own_cluster, "moderator"), said.id)


def test_a_reveal_shows_one_body_and_says_who_and_why(own_cluster, scope_of, told, trail):
    said = told("anna", "team", "secret words")
    shown = actions.reveal(scope_of(own_cluster, "admin"), said.id, reason="reported as fraud")
    assert shown.text == "secret words"
    intent, outcome = trail("message.reveal")
    assert (intent.phase, intent.reason, intent.target) == ("intent", "reported as fraud", str(said.id))
    assert (outcome.phase, outcome.outcome, outcome.intent_id) == ("outcome", "done", intent.pk)
    assert outcome.detail == {"channel": "2/team", "sender": "anna", "kind": "text", "size": len(said.payload)}
    assert audit.verify().first_bad is None


def test_a_reveal_without_a_reason_reveals_nothing(own_cluster, scope_of, told, trail):
    said = told("anna", "team", "secret words")
    with pytest.raises(InvalidInput) as refused:
        actions.reveal(scope_of(own_cluster, "admin"), said.id, reason="  ")
    assert list(refused.value.fields) == ["reason"]
    assert trail("message.reveal") == []


@pytest.mark.parametrize("role", ["viewer", "support"])
def test_a_role_without_the_right_reveals_nothing(own_cluster, scope_of, told, trail, role):
    said = told("anna", "team", "secret words")
    with pytest.raises(Forbidden):
        actions.reveal(scope_of(own_cluster, role), said.id, reason="curious about it")
    assert trail("message.reveal") == []


def test_revealing_an_unknown_message_is_on_the_trail_as_failed(own_cluster, scope_of, trail):
    with pytest.raises(NotFound):
        actions.reveal(scope_of(own_cluster, "admin"), 42, reason="reported as fraud")
    assert [row.outcome for row in trail("message.reveal")] == ["", "failed"]


def test_a_revealed_message_stands_open_in_its_conversation(own_cluster, scope_of, told):
    said, other = told("anna", "team", "secret words"), told("ben", "team", "other words")
    scope = scope_of(own_cluster, "admin")
    page = queries.opened(queries.permalink(scope, said.id), actions.reveal(scope, said.id, reason="reported"))
    assert [item.text for item in page.context.items] == ["secret words", None]
    assert page.message.text == "secret words"
    assert other.id == page.context.items[1].id
