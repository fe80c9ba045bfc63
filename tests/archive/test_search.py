"""Searching: what is asked of the server, what is refused, who sees which body, what stays on the trail."""

import pytest

from imadmin.archive import queries
from imadmin.archive.costs import cost_of
from imadmin.archive.masking import BodyAccess
from imadmin.archive.wanted import SearchFields
from imadmin.core.errors import Busy, Forbidden, InvalidInput
from imadmin.gateway.types import ChannelRef, ContentKind


def ids(found):
    return [item.id for item in found.items]


def message_calls(sim):
    return [path for _, _, _, path, _, _ in sim.requests if path in ("/cluster/messages", "/channel/messagesync")]


def test_without_fields_the_newest_messages_come_first(own_cluster, scope_of, told):
    first, second = told("anna", "team", "one", at=1.7e9), told("ben", "other", "two", at=1.8e9)
    found = queries.search(scope_of(own_cluster, "moderator"), SearchFields())
    assert ids(found) == [second.id, first.id]
    assert [item.text for item in found.items] == ["two", "one"]


def test_a_person_chat_is_found_by_its_two_uids_in_either_order(own_cluster, scope_of, told):
    said = told("anna", "ben", "psst", channel_type=1)
    scope = scope_of(own_cluster, "moderator")
    for one, two in (("anna", "ben"), ("ben", "anna")):
        found = queries.search(scope, SearchFields(uid_one=one, uid_two=two))
        assert ids(found) == [said.id]
        assert found.query.channel == ChannelRef(said.channel_id, 1)


def test_every_field_finds_its_message(own_cluster, scope_of, told):
    said = told("anna", "team", "退款 please", client_msg_no="c-77")
    told("ben", "team", "other")
    scope = scope_of(own_cluster, "moderator")
    for wanted in (
        SearchFields(message_id=str(said.id)),
        SearchFields(client_msg_no="c-77"),
        SearchFields(sender="anna"),
        SearchFields(channel_type=2, channel_id="team", sender="anna"),
        SearchFields(channel_type=2, channel_id="team", text="退款"),
        SearchFields(channel_type=2, channel_id="team", client_msg_no="c-77"),
    ):
        assert ids(queries.search(scope, wanted)) == [said.id], wanted


def test_a_channel_is_paged_and_each_message_comes_once(own_cluster, scope_of, told):
    said = [told("anna", "team", f"m{number}") for number in range(25)]
    scope, wanted = scope_of(own_cluster, "moderator"), SearchFields(channel_type=2, channel_id="team")
    seen, cursor = [], ""
    while True:
        page = queries.search(scope, wanted, cursor=cursor, limit=10)
        seen += ids(page)
        if not (cursor := page.next_cursor):
            break
    assert seen == [message.id for message in reversed(said)]


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        (SearchFields(text="refund"), "text"),
        (SearchFields(text="refund", sender="anna"), "text"),
        (SearchFields(message_id="12a"), "message_id"),
        (SearchFields(message_id="-1"), "message_id"),
        (SearchFields(message_id="99999999999999999999"), "message_id"),
        (SearchFields(message_id="9223372036854775808"), "message_id"),
        (SearchFields(message_id="１２"), "message_id"),
        (SearchFields(message_id="12", sender="anna"), "message_id"),
        (SearchFields(channel_id="team"), "channel_type"),
        (SearchFields(channel_type=2), "channel_id"),
        (SearchFields(channel_type=0, channel_id="team"), "channel_type"),
        (SearchFields(channel_type=256, channel_id="team"), "channel_type"),
        (SearchFields(channel_type=1, channel_id="anna"), "channel_id"),
        (SearchFields(channel_type=1), "uid_one"),
        (SearchFields(uid_one="anna"), "uid_two"),
        (SearchFields(uid_two="anna"), "uid_one"),
        (SearchFields(uid_one="an@na", uid_two="ben"), "uid_one"),
        (SearchFields(uid_one="anna", uid_two="ben", channel_type=2), "channel_type"),
        (SearchFields(uid_one="anna", uid_two="ben", channel_id="a@b"), "channel_id"),
        (SearchFields(sender="an#na"), "sender"),
        (SearchFields(sender="x" * 201), "sender"),
        (SearchFields(channel_type=2, channel_id="x" * 501), "channel_id"),
    ],
)
def test_what_cant_be_asked_is_refused_at_its_field_and_never_sent(own_cluster, scope_of, sim, wanted, field):
    with pytest.raises(InvalidInput) as refused:
        queries.search(scope_of(own_cluster, "moderator"), wanted)
    assert field in refused.value.fields
    assert message_calls(sim) == []


def test_text_without_a_channel_says_what_it_would_cost(own_cluster, scope_of):
    with pytest.raises(InvalidInput) as refused:
        queries.search(scope_of(own_cluster, "moderator"), SearchFields(text="refund"))
    assert "18 seconds" in refused.value.fields["text"][0]


def test_a_broken_page_marker_is_refused(own_cluster, scope_of):
    scope = scope_of(own_cluster, "moderator")
    for cursor in ("nonsense", "eyJhIjoxfQ", "💥"):
        with pytest.raises(InvalidInput) as refused:
            queries.search(scope, SearchFields(), cursor=cursor)
        assert "cursor" in refused.value.fields


def test_a_role_without_bodies_gets_no_oracle(own_cluster, scope_of, told, sim):
    told("anna", "team", "secret words")
    scope = scope_of(own_cluster, "support")
    with pytest.raises(InvalidInput) as refused:
        queries.search(scope, SearchFields(channel_type=2, channel_id="team", text="secret"))
    assert list(refused.value.fields) == ["text"]
    assert message_calls(sim) == []


@pytest.mark.parametrize(
    ("role", "access"),
    [
        ("moderator", BodyAccess.OPEN),
        ("admin", BodyAccess.ONE_BY_ONE),
        ("owner", BodyAccess.ONE_BY_ONE),
        ("support", BodyAccess.CLOSED),
    ],
)
def test_bodies_are_masked_by_role(own_cluster, scope_of, told, role, access):
    told("anna", "team", "secret words")
    found = queries.search(scope_of(own_cluster, role), SearchFields())
    assert found.access is access
    assert ("secret" in repr(found.items)) is (access is BodyAccess.OPEN)
    assert found.items[0].kind is ContentKind.TEXT
    assert found.items[0].length == len("secret words")


def test_a_viewer_may_not_search(own_cluster, scope_of):
    with pytest.raises(Forbidden):
        queries.search(scope_of(own_cluster, "viewer"), SearchFields())


def test_searches_by_people_with_body_rights_stay_on_the_trail(own_cluster, scope_of, told, trail):
    told("anna", "team", "secret words")
    queries.search(scope_of(own_cluster, "moderator"), SearchFields(channel_type=2, channel_id="team", text="secret"))
    (row,) = trail("message.search")
    assert (row.actor, row.cluster, row.target) == ("moderator", "own", "2/team")
    assert row.detail == {"query": {"channel_type": 2, "channel_id": "team", "text": "secret"}, "hits": 1}
    assert "words" not in str(row.detail)


def test_a_search_that_can_show_nothing_leaves_no_row(own_cluster, scope_of, told, trail):
    told("anna", "team", "secret words")
    queries.search(scope_of(own_cluster, "support"), SearchFields())
    assert trail("message.search") == []


def test_every_kind_of_payload_is_a_hit(own_cluster, scope_of, told):
    bodies = [
        {"type": 1, "content": "text"}, {"type": 2, "url": "http://x/y.jpg"}, {"type": 8, "name": "a.pdf"},
        {"type": 7, "uid": "u1", "name": "Card"}, {"type": 99, "cmd": "kick"}, {"type": 4242, "x": 1},
        b"\xff\x00\x01\x02", b"plain words", b"", b"[" * 5000, b'{"type":1,"content":"\\ud800"}',
        b'{"type":1,"content":' + b"9" * 6000 + b"}",
    ]  # fmt: skip
    for body in bodies:
        told("anna", "team", body)
    found = queries.search(scope_of(own_cluster, "moderator"), SearchFields(channel_type=2, channel_id="team"))
    kinds = [item.kind for item in reversed(found.items)]
    assert kinds[:8] == [
        ContentKind.TEXT, ContentKind.IMAGE, ContentKind.FILE, ContentKind.CARD, ContentKind.COMMAND,
        ContentKind.CUSTOM, ContentKind.BROKEN, ContentKind.TEXT,
    ]  # fmt: skip
    assert len(kinds) == len(bodies)


@pytest.mark.parametrize("channel_id", ["a/b?c=d%20&e", "群 1", "غرفة", "x" * 200, "<script>", "50%", "a\\b", "~7E"])
def test_any_channel_id_can_be_searched(own_cluster, scope_of, told, channel_id):
    said = told("anna", channel_id, "hi")
    found = queries.search(
        scope_of(own_cluster, "moderator"), SearchFields(channel_type=2, channel_id=channel_id, text="hi")
    )
    assert ids(found) == [said.id]


def test_a_dead_node_leaves_the_hits_and_is_named(own_cluster, scope_of, told, sim):
    said = told("anna", "team", "hi")
    scope = scope_of(own_cluster, "moderator")
    queries.search(scope, SearchFields())
    sim.kill(sim.nodes[2].id)
    found = queries.search(scope, SearchFields())
    assert ids(found) == [said.id]
    assert [failure.node for failure in found.failed] == [str(sim.nodes[2].id)]
    assert not cost_of(found).is_complete


def test_a_senders_list_says_that_it_isnt_in_order_of_time(own_cluster, scope_of, told):
    told("anna", "team", "hi")
    found = queries.search(scope_of(own_cluster, "moderator"), SearchFields(sender="anna"))
    cost = cost_of(found)
    assert not cost.is_complete
    assert any("by channel, not by time" in note for note in cost.notes)


def test_every_limit_the_gateway_names_has_words():
    from imadmin.archive.costs import LIMIT_WORDS
    from imadmin.gateway.kinds.wukongim2 import messages as gateway

    codes = {
        gateway.SENDER_INDEX_ORDER, gateway.NOT_PAGEABLE, gateway.CUT_AT_LIMIT, gateway.CASE_SENSITIVE,
        gateway.RAW_BYTES,
    }  # fmt: skip
    assert codes == set(LIMIT_WORDS)


@pytest.mark.parametrize("role", ["moderator", "admin"])
def test_no_trace_no_answer(own_cluster, scope_of, told, monkeypatch, role):
    from django.db import OperationalError

    from imadmin.audit import record

    def locked(**_fields):
        raise OperationalError("database is locked")

    told("anna", "team", "secret words")
    scope = scope_of(own_cluster, role)
    monkeypatch.setattr(record, "_append", locked)
    with pytest.raises(Busy):
        queries.search(scope, SearchFields())
