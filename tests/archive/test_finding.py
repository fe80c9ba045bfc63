"""Searching as a person: rights, the trail before anything is shown, pages that end early, one's own history."""

from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from django.db import DatabaseError

from imadmin.archive import finding, grammar, history, search
from imadmin.archive.grammar import QueryError
from imadmin.archive.rows import SeenChannel, Trait
from imadmin.audit import record
from imadmin.core.errors import Busy, Forbidden
from imadmin.gateway.types import ChannelRef
from tests.archive.stock import Stock
from tests.factories import store_cluster

UTC = ZoneInfo("UTC")


@pytest.fixture
def silent(db):
    """A cluster whose servers nobody asks."""
    node = SimpleNamespace(api_url="http://127.0.0.1:9", manager_url="http://127.0.0.1:9")
    return store_cluster(SimpleNamespace(nodes=[node]), slug="silent")


@pytest.fixture
def stock(silent):
    return Stock(silent)


def test_hits_come_newest_first_with_their_words(silent, scope_of, stock):
    old, new = stock.say("a", "g", "退款 one", ago=90), stock.say("a", "g", "退款 two")
    page = finding.find(scope_of(silent, "moderator"), "退款 -three", zone=UTC)
    assert [row.id for row in page.rows] == [new.id, old.id]
    assert page.terms == ("退款",)
    assert page.took >= 0 and not page.is_budget_spent and page.next_cursor == ""


@pytest.mark.parametrize("ask", [finding.find, finding.count, finding.facets, finding.matching])
def test_without_the_right_no_way_of_asking_answers(silent, scope_of, stock, ask):
    with pytest.raises(Forbidden):
        ask(scope_of(silent, "viewer"), "", zone=UTC)
    with pytest.raises(QueryError) as refused:
        ask(scope_of(silent, "support"), "from:a secret -has:link", zone=UTC)
    assert [(fault.start, fault.end) for fault in refused.value.faults] == [(7, 13), (14, 23)]


@pytest.mark.parametrize("ask", [finding.find, finding.count, finding.facets, finding.matching])
def test_no_trail_no_answer(silent, scope_of, stock, ask, monkeypatch):
    def broken(*_args, **_kwargs):
        raise DatabaseError

    scope = scope_of(silent, "moderator")
    monkeypatch.setattr(record, "event", broken)
    with pytest.raises(Busy):
        ask(scope, "x", zone=UTC)


def test_who_reads_no_bodies_leaves_no_row(silent, scope_of, stock, trail):
    finding.find(scope_of(silent, "support"), "from:a", zone=UTC)
    assert trail("message.search") == []


@pytest.mark.parametrize("role", ["support", "admin"])
def test_what_a_masked_text_holds_is_masked_too(silent, scope_of, stock, role):
    stock.say("a", "g", "call 13800138000, https://example.test 二维码", is_stream=True)
    (seen,) = finding.find(scope_of(silent, "moderator"), "", zone=UTC).rows
    assert seen.traits == Trait.STREAM | Trait.LINK | Trait.PHONE | Trait.QR
    (masked,) = finding.find(scope_of(silent, role), "", zone=UTC).rows
    assert masked.traits == Trait.STREAM


@pytest.mark.parametrize("q", ["x", "-x", '"a b"', "has:link", "-has:PHONE", "(from:a OR has:qr)", "in:group:g -(x y)"])
def test_each_refused_query_is_pointed_at(silent, scope_of, stock, q):
    with pytest.raises(QueryError) as refused:
        finding.find(scope_of(silent, "support"), q, zone=UTC)
    assert refused.value.faults
    assert all(
        "has" in (part := q[fault.start : fault.end].lower()) or ":" not in part for fault in refused.value.faults
    )


def test_a_page_that_ended_early_says_so_and_goes_on(silent, scope_of, stock, monkeypatch):
    said = [stock.say("a", "g", f"number {number}", ago=100 - number) for number in range(20)]
    whole = search.find
    monkeypatch.setattr(
        search, "find", lambda *args, **options: whole(*args, **options, budget=search.Budget(candidates=7))
    )
    scope, seen, cursor = scope_of(silent, "moderator"), [], ""
    for _ in range(10):
        page = finding.find(scope, "number", zone=UTC, cursor=cursor)
        seen += [row.id for row in page.rows]
        if not (cursor := page.next_cursor):
            break
        assert page.is_budget_spent
    assert seen == [message.id for message in reversed(said)]


def test_ones_search_is_remembered_once_and_not_for_its_pages(silent, scope_of, stock):
    scope = scope_of(silent, "moderator")
    scope.__dict__["principal"] = _person("moderator")
    for number in range(3):
        stock.say("a", "g", f"number {number}")
    first = finding.find(scope, "number", zone=UTC, limit=2)
    finding.find(scope, "number", zone=UTC, limit=2, cursor=first.next_cursor)
    (past,) = history.listing(scope)
    assert (past.query, past.uses, past.hits) == ("number", 1, None)


def test_ones_history_hears_how_many_there_were(silent, scope_of, stock, monkeypatch):
    scope, other = scope_of(silent, "moderator"), scope_of(silent, "admin")
    scope.__dict__["principal"], other.__dict__["principal"] = _person("moderator"), _person("admin")
    for number in range(5):
        stock.say("a", "g", f"number {number}")
    finding.find(scope, "number", zone=UTC, limit=2)
    finding.find(other, "number", zone=UTC, limit=2)
    finding.facets(scope, "number ", zone=UTC)
    (past,), (others,) = history.listing(scope), history.listing(other)
    assert (past.hits, past.is_capped, past.uses) == (5, False, 1)
    assert others.hits is None
    monkeypatch.setattr(history, "COUNTED_MOST", 3)
    finding.count(scope, "number", zone=UTC, most=3)
    (past,) = history.listing(scope)
    assert (past.hits, past.is_capped) == (3, True)


def test_a_count_that_ended_early_says_nothing(silent, scope_of, stock):
    scope = scope_of(silent, "moderator")
    scope.__dict__["principal"] = _person("moderator")
    history.remember(scope, "number")
    history.counted(scope, "number", 40, is_capped=True)
    assert history.listing(scope)[0].hits is None


def test_a_node_that_leads_nothing_is_told_at_once(silent, scope_of, stock, monkeypatch):
    stock.engine.note_channels([SeenChannel(ChannelRef("g", 2), 1, 1001)], 1)
    stock.say("a", "g", "one")
    scope, looked = scope_of(silent, "moderator"), []
    scan = type(stock.engine).scan

    def counted(self, *args, **more):
        rows = scan(self, *args, **more)
        looked.extend(rows)
        return rows

    monkeypatch.setattr(type(stock.engine), "scan", counted)
    assert finding.find(scope, "node:99", zone=UTC).rows == ()
    assert looked == []
    assert len(finding.find(scope, "node:99 OR node:1001", zone=UTC).rows) == 1
    assert finding.leaders(scope) == (1001,)


def _person(role):
    from imadmin.accounts.models import User

    return User.objects.get(username=role)


@pytest.mark.parametrize(
    ("q", "terms"),
    [("a b", ("a", "b")), ("a OR (b -c)", ("a", "b")), ('"a b" from:x', ("a b",)), ("-a", ()), ("a a", ("a",))],
)
def test_what_is_marked_is_what_had_to_be_there(q, terms):
    assert finding.terms_of(grammar.parse(q)) == terms


def test_how_complete_is_told_of_the_channels_that_are_named(silent, scope_of, stock):
    stock.say("a", "team", "x", seq=5)
    stock.say("a", "other", "x")
    scope = scope_of(silent, "moderator")
    named = finding.reach(scope, grammar.parse("x in:group:team"))
    assert (named.channels, named.with_gaps, named.missing) == (1, 1, 4)
    unknown = finding.reach(scope, grammar.parse("in:group:nowhere"))
    assert (unknown.channels, unknown.unknown) == (0, 1)
    assert finding.reach(scope, grammar.parse("x in:group:team OR y")).channels == 2
