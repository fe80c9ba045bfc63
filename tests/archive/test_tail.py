"""Following a search: what is new, what came late, what is left out, who sees what, and what stays on the trail."""

import time
from zoneinfo import ZoneInfo

import pytest

from imadmin.archive import present, tail
from imadmin.archive.engines.base import RID_SHIFT
from imadmin.archive.grammar import QueryError
from imadmin.archive.models import Archive
from imadmin.core.errors import Forbidden
from tests.archive.filling import Filling, quiet_cluster

UTC = ZoneInfo("UTC")


@pytest.fixture
def filling(db):
    return Filling(quiet_cluster())


@pytest.fixture
def scope(filling, scope_of):
    return scope_of(filling.cluster, "moderator")


def texts(found):
    return [row.text for row in found.rows]


def go_on(scope, query, found):
    """As the page does: with the mark, and the rows it has."""
    return tail.since(scope, query, found.mark, zone=UTC, have=[row.rid for row in found.rows])


def test_a_tail_opens_with_the_newest_and_goes_on_with_what_came_since(filling, scope):
    filling.put_all((f"old {number}", {"ago": 100 - number}) for number in range(60))
    first = tail.newest(scope, "", zone=UTC)
    assert texts(first)[:2] == ["old 59", "old 58"]
    assert len(first.rows) == tail.FIRST
    known = [row.rid for row in first.rows]
    assert tail.since(scope, "", first.mark, zone=UTC, have=known).rows == ()

    filling.put("new", ago=1)
    second = tail.since(scope, "", first.mark, zone=UTC, have=known)
    assert texts(second) == ["new"]
    assert second.mark > first.mark
    assert tail.since(scope, "", second.mark, zone=UTC, have=[second.rows[0].rid]).rows == ()


def test_only_what_the_query_asks_comes_and_the_mark_moves_all_the_same(filling, scope):
    filling.put("退款 please", ago=50)
    first = tail.newest(scope, "退款 in:group:team", zone=UTC)
    assert texts(first) == ["退款 please"]
    filling.put("something else", ago=20)
    second = go_on(scope, "退款 in:group:team", first)
    assert second.rows == ()
    assert second.mark > first.mark
    filling.put("我要退款", ago=5)
    filling.put("我要退款", ago=5, channel="other")
    assert texts(tail.since(scope, "退款 in:group:team", second.mark, zone=UTC)) == ["我要退款"]


def test_what_came_late_is_found_in_the_overlap_and_known_rows_are_not_told_again(filling, scope):
    now = int(time.time())
    filling.put("a", at=now - 20)
    first = tail.newest(scope, "", zone=UTC)
    filling.put("c", at=now - 5)
    second = tail.since(scope, "", first.mark, zone=UTC)
    filling.put("b, late", at=now - 8)
    filling.put("far too late", at=now - 400)

    third = tail.since(scope, "", second.mark, zone=UTC, have=[row.rid for row in second.rows])

    assert texts(third) == ["b, late"]
    assert third.mark == second.mark


def test_more_than_an_answer_holds_is_left_out_and_counted(filling, scope):
    now = int(time.time())
    filling.put("first", at=now - 30)
    first = tail.newest(scope, "", zone=UTC)
    filling.put_all((f"m{number}", {"at": now - 4}) for number in range(512))

    found = tail.since(scope, "", first.mark, zone=UTC)

    assert (len(found.rows), found.left_out, found.is_capped) == (tail.ROWS, 312, False)
    assert texts(found)[0] == "m511"
    known = [row.rid for row in found.rows]
    again = tail.since(scope, "", found.mark, zone=UTC, have=known, floor=min(known) - 1)
    assert (again.rows, again.left_out) == ((), 0)


def test_in_a_flood_what_is_shown_and_what_is_counted_are_all_that_came(filling, scope, monkeypatch):
    now = int(time.time())
    filling.put("first", at=now - 60)
    opened = tail.newest(scope, "", zone=UTC)
    mark, floor, shown, dropped = opened.mark, 0, 0, 0
    known = {row.rid for row in opened.rows}
    for second in range(12):  # each second 300, half of them dated up to two seconds before
        monkeypatch.setattr(present.time, "time", lambda at=now + second: float(at))
        filling.put_all((f"m{number}", {"at": now + second - min(2, number // 50 % 5)}) for number in range(300))
        found = tail.since(scope, "", mark, zone=UTC, floor=floor, have=known)
        shown, dropped, mark = shown + len(found.rows), dropped + found.left_out, found.mark
        if found.left_out:
            floor = found.rows[-1].rid - 1
        known |= {row.rid for row in found.rows}
        assert found.is_behind and len(known) == 1 + shown
    monkeypatch.setattr(present.time, "time", lambda: float(now + 60))
    last = tail.since(scope, "", mark, zone=UTC, floor=floor, have=known)
    assert not last.is_behind
    assert shown + len(last.rows) + dropped + last.left_out == 12 * 300


def test_counting_what_is_left_out_ends(filling, scope, monkeypatch):
    monkeypatch.setattr(tail, "LEFT_MOST", 1000)
    now = int(time.time())
    filling.put("first", at=now - 30)
    first = tail.newest(scope, "", zone=UTC)
    filling.put_all((f"m{number}", {"at": now - 4}) for number in range(1300))
    found = tail.since(scope, "", first.mark, zone=UTC)
    assert (found.left_out, found.is_capped) == (1000, True)
    waits = tail.waiting(scope, "", first.mark, zone=UTC)
    assert (waits.value, waits.is_capped) == (1000, True)


def test_paused_only_the_number_is_told_and_the_row_of_its_tail_is_enough(filling, scope, trail):
    filling.put("first", ago=30)
    first = tail.newest(scope, "", zone=UTC)
    filling.put("退款", ago=3)
    filling.put("other", ago=2)
    assert tail.waiting(scope, "", first.mark, zone=UTC).value == 2
    assert len(trail("message.tail")) == 1
    assert trail("message.search") == []


@pytest.mark.parametrize("role", ["moderator", "admin"])
def test_a_number_for_words_that_no_tail_was_opened_for_is_on_the_trail_once(filling, scope_of, trail, role):
    scope = scope_of(filling.cluster, role)
    filling.put("secret", ago=3)
    tail.newest(scope, "", zone=UTC)
    for _ in range(3):
        assert tail.waiting(scope, "secret", 0, zone=UTC).value == 1
        assert tail.waiting(scope, "another", 0, zone=UTC).value == 0
    assert [row.detail["query"] for row in trail("message.search")] == ["secret", "another"]


def test_an_empty_archive_is_followed_from_its_first_message_on(filling, scope):
    first = tail.newest(scope, "", zone=UTC)
    assert (first.rows, first.mark) == ((), 0)
    filling.put("the first ever", ago=2)
    assert texts(tail.since(scope, "", first.mark, zone=UTC)) == ["the first ever"]


def test_a_message_of_the_year_2040_does_not_hide_those_that_follow(filling, scope):
    filling.put("future", at=2_208_988_800)
    first = tail.newest(scope, "", zone=UTC)
    assert texts(first) == ["future"]
    filling.put("now", ago=1)
    second = tail.since(scope, "", first.mark, zone=UTC, have=[row.rid for row in first.rows])
    assert texts(second) == ["now"]
    assert second.mark >> RID_SHIFT < time.time() + 61


def test_a_server_whose_clock_is_minutes_ahead_is_followed_on_its_own_clock(filling, scope):
    Archive.objects.create(cluster=filling.cluster, is_on=True, feed_lag=-300.0)
    filling.put("one", ago=-300)
    first = tail.newest(scope, "", zone=UTC)
    filling.put("two", ago=-302)
    assert texts(go_on(scope, "", first)) == ["two"]


@pytest.mark.parametrize("ahead", [3600, 10 * 365 * 86400])
def test_one_message_or_node_far_ahead_does_not_take_the_mark_along(filling, scope, ahead):
    Archive.objects.create(cluster=filling.cluster, is_on=True, feed_lag=-float(ahead))  # as it was the newest told
    filling.put("far ahead", ago=-ahead)
    first = tail.newest(scope, "", zone=UTC)
    filling.put("now", ago=1)
    second = go_on(scope, "", first)
    assert texts(second) == ["now"]
    assert second.mark >> RID_SHIFT < time.time() + 61


def test_a_mark_that_had_gone_astray_comes_back(filling, scope):
    filling.put("far ahead", ago=-(10**8))
    astray = int(time.time() + 10**8) << RID_SHIFT
    first = tail.since(scope, "", astray, zone=UTC)
    assert first.mark >> RID_SHIFT <= time.time() + 61


@pytest.mark.parametrize(("role", "text"), [("moderator", "secret"), ("admin", None), ("support", None)])
def test_bodies_are_masked_by_role(filling, scope_of, role, text):
    filling.put("secret", ago=5)
    scope = scope_of(filling.cluster, role)
    assert texts(tail.newest(scope, "", zone=UTC)) == [text]
    assert texts(tail.since(scope, "", 0, zone=UTC)) == [text]


def test_who_reads_no_bodies_may_follow_senders_but_no_words(filling, scope_of):
    filling.put("secret", ago=5)
    support = scope_of(filling.cluster, "support")
    assert len(tail.newest(support, "from:anna", zone=UTC).rows) == 1
    for ask in (tail.newest, tail.waiting, tail.since):
        after = {} if ask is tail.newest else {"after": 0}
        with pytest.raises(QueryError):
            ask(support, "secret", zone=UTC, **after)
    with pytest.raises(Forbidden):
        tail.newest(scope_of(filling.cluster, "viewer"), "", zone=UTC)


def test_a_query_that_cannot_be_read_names_its_faults(scope):
    with pytest.raises(QueryError) as wrong:
        tail.newest(scope, 'from: "open', zone=UTC)
    assert len(wrong.value.faults) >= 1


def test_opening_is_on_the_trail_and_going_on_once_in_ten_minutes_with_counts(filling, scope, trail, monkeypatch):
    filling.put("one", ago=30)
    first = tail.newest(scope, "from:anna", zone=UTC)
    (opened,) = trail("message.tail")
    assert opened.detail == {"query": "from:anna", "messages": 1}
    clock = time.time()
    for second in range(0, 599, 50):
        monkeypatch.setattr(tail.time, "time", lambda at=clock + second: at)
        go_on(scope, "from:anna", first)
    assert len(trail("message.tail")) == 1

    filling.put("two", at=int(clock) - 1)
    go_on(scope, "from:anna", first)
    monkeypatch.setattr(tail.time, "time", lambda: clock + 601)
    go_on(scope, "from:anna", first)

    _opened, goes_on = trail("message.tail")
    assert goes_on.detail == {"query": "from:anna", "messages": 2, "goes_on": True}


def test_going_on_without_having_opened_is_an_opening(filling, scope, trail):
    filling.put("one", ago=30)
    tail.since(scope, "", 0, zone=UTC)
    assert [row.detail for row in trail("message.tail")] == [{"query": "", "messages": 1}]


def test_who_reads_no_bodies_leaves_no_trace(filling, scope_of, trail):
    filling.put("one", ago=30)
    tail.newest(scope_of(filling.cluster, "support"), "", zone=UTC)
    assert trail("message.tail") == []
