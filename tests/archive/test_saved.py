"""Saved searches: who sees, changes and counts what; what is new; counts by the hour; the feed."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from imadmin.accounts.models import ApiToken
from imadmin.archive import counting, present, saved, saved_feed
from imadmin.archive.models import Archive, SavedCount, SavedSearch
from imadmin.archive.wanted import TEXT_NEEDS_RIGHT
from imadmin.audit.models import AuditEntry
from imadmin.clusters import access
from imadmin.clusters.models import Grant
from imadmin.core.errors import Forbidden, InvalidInput, NotFound
from tests.archive.saved_stage import Talk

pytestmark = pytest.mark.django_db
ScopeOf = Callable[[Any, str], Any]


def nothing(*_: Any, **__: Any) -> None:
    return None


def never() -> bool:
    return False


def count_hours(cluster: Any, now: datetime) -> counting.Counted:
    return counting.count_hours(cluster, should_stop=never, beat=nothing, now=now)


def one_of(scope: Any, name: str, **how: Any) -> saved.Saved:
    return next(one for one in saved.listing(scope, **how) if one.name == name)


def test_a_search_is_kept_under_a_name(cluster: Any, scope_of: ScopeOf) -> None:
    scope = scope_of(cluster, "moderator")
    made = saved.add(scope, name="  退款\n钓鱼\x00 ", query=" 退款 after:-1d ")

    assert (made.name, made.query, made.owner, made.is_mine) == ("退款 钓鱼", "退款 after:-1d", "moderator", True)
    assert [one.id for one in saved.listing(scope)] == [made.id]


def test_words_are_on_the_trail_when_they_are_saved_who_and_where_of_a_private_one_are_not(
    cluster: Any, scope_of: ScopeOf
) -> None:
    scope = scope_of(cluster, "moderator")
    rows = AuditEntry.objects.filter(target_kind="search").order_by("pk")
    who = saved.add(scope, name="who", query="from:u1")
    saved.change(scope, who.id, query="from:u2")
    assert not rows.exists(), "a private one is nobody else's business"

    saved.change(scope, who.id, query="from:u2 退款")
    saved.change(scope, who.id, name="renamed")
    saved.add(scope, name="words", query="-has:link")
    assert [(row.action, row.detail["query"]) for row in rows] == [
        ("search.change", "from:u2 退款"), ("search.save", "-has:link")
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "query", "field"),
    [("", "退款", "name"), ("x" * 81, "退款", "name"), ("ok", "  ", "query"), ("ok", "in:", "query"),
     ("ok", "(退款", "query"), ("ok", "x" * 2001, "query")],
)  # fmt: skip
def test_what_can_not_be_kept_is_said_beside_its_field(
    cluster: Any, scope_of: ScopeOf, name: str, query: str, field: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        saved.add(scope_of(cluster, "moderator"), name=name, query=query)
    assert list(caught.value.fields) == [field]
    assert SavedSearch.objects.count() == 0


def test_a_name_is_taken_once_by_each_person(cluster: Any, own_cluster: Any, scope_of: ScopeOf) -> None:
    scope = scope_of(cluster, "moderator")
    saved.add(scope, name="spam", query="from:u1")
    with pytest.raises(InvalidInput) as caught:
        saved.add(scope, name="spam", query="from:u2")
    assert caught.value.fields == {"name": [saved.NAME_TAKEN]}

    saved.add(scope_of(cluster, "admin"), name="spam", query="from:u2")
    saved.add(scope_of(own_cluster, "moderator"), name="spam", query="from:u2")
    other = saved.add(scope, name="other", query="from:u2")
    with pytest.raises(InvalidInput):
        saved.change(scope, other.id, name="spam")


def test_there_is_an_end_to_how_many(cluster: Any, scope_of: ScopeOf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saved, "MOST", 2)
    scope = scope_of(cluster, "moderator")
    for number in range(2):
        saved.add(scope, name=f"n{number}", query="from:u1")
    with pytest.raises(InvalidInput):
        saved.add(scope, name="n2", query="from:u1")


def test_only_a_shared_one_is_seen_by_others_with_its_owners_name(cluster: Any, scope_of: ScopeOf) -> None:
    moderator, admin = scope_of(cluster, "moderator"), scope_of(cluster, "admin")
    made = saved.add(moderator, name="spam", query="退款")
    assert saved.listing(admin) == ()
    for act in (lambda: saved.opened(admin, made.id), lambda: saved.change(admin, made.id, name="x")):
        with pytest.raises(NotFound):
            act()

    saved.change(moderator, made.id, is_shared=True)
    (seen,) = saved.listing(admin)
    assert (seen.owner, seen.is_mine, seen.query) == ("moderator", False, "退款")
    row = AuditEntry.objects.get(action="search.share")
    assert row.actor == "moderator" and row.detail["query"] == "退款" and row.target == str(made.id)


def test_who_may_not_search_sees_none(cluster: Any, scope_of: ScopeOf) -> None:
    made = saved.add(scope_of(cluster, "moderator"), name="spam", query="from:u1", is_shared=True)
    viewer = scope_of(cluster, "viewer")
    for act in (
        lambda: saved.listing(viewer), lambda: saved.opened(viewer, made.id), lambda: saved.find(viewer, made.id),
        lambda: saved.add(viewer, name="x", query="from:u1"),
    ):  # fmt: skip
        with pytest.raises(Forbidden):
            act()


def test_words_are_hidden_from_a_role_without_bodies_and_so_is_their_count(cluster: Any, scope_of: ScopeOf) -> None:
    moderator, support = scope_of(cluster, "moderator"), scope_of(cluster, "support")
    saved.add(moderator, name="words", query="退款 from:u1", is_shared=True)
    saved.add(moderator, name="links", query="-has:link", is_shared=True)
    who = saved.add(moderator, name="who", query="from:u1", is_shared=True)
    Talk(cluster).say("我要退款", uid="u1")
    count_hours(cluster, datetime.now(UTC))

    seen = {one.name: one for one in saved.listing(support, with_counts=True)}
    assert [seen[name].query for name in ("words", "links", "who")] == [None, None, "from:u1"]
    assert seen["words"].counts == () and seen["words"].fresh is None and seen["who"].counts
    assert saved.opened(support, who.id) == "from:u1"
    for hidden in ("words", "links"):
        with pytest.raises(Forbidden):
            saved.opened(support, seen[hidden].id)
        with pytest.raises(InvalidInput):
            saved_feed.feed(support, seen[hidden].id)


def test_a_role_without_bodies_keeps_no_search_for_words(cluster: Any, scope_of: ScopeOf) -> None:
    with pytest.raises(InvalidInput) as caught:
        saved.add(scope_of(cluster, "support"), name="x", query="from:u1 退款")
    assert caught.value.fields == {"query": [TEXT_NEEDS_RIGHT]}


def test_only_the_owner_and_administrators_change_a_shared_one(cluster: Any, scope_of: ScopeOf) -> None:
    moderator = scope_of(cluster, "moderator")
    made = saved.add(moderator, name="spam", query="from:u1", is_shared=True)
    support = scope_of(cluster, "support")
    for act in (lambda: saved.change(support, made.id, name="x"), lambda: saved.delete(support, made.id)):
        with pytest.raises(Forbidden):
            act()

    saved.change(scope_of(cluster, "admin"), made.id, query="from:u2")
    assert saved.one(moderator, made.id).query == "from:u2"
    row = AuditEntry.objects.get(action="search.change")
    assert row.detail["was"]["query"] == "from:u1" and row.detail["owner"] == "moderator"
    assert saved.delete(scope_of(cluster, "admin"), made.id) == "spam"
    assert AuditEntry.objects.filter(action="search.delete", actor="admin").exists()


def test_another_query_begins_its_counts_anew(cluster: Any, scope_of: ScopeOf) -> None:
    scope = scope_of(cluster, "moderator")
    Talk(cluster).say("a")
    made = saved.add(scope, name="spam", query="from:ann")
    count_hours(cluster, datetime.now(UTC))
    assert SavedCount.objects.exists()

    saved.change(scope, made.id, name="renamed")
    assert SavedCount.objects.exists()
    saved.change(scope, made.id, query="from:ben")
    assert not SavedCount.objects.exists()


def test_each_has_their_own_pins(cluster: Any, scope_of: ScopeOf) -> None:
    moderator, admin = scope_of(cluster, "moderator"), scope_of(cluster, "admin")
    for name in ("a", "b", "c"):
        saved.add(moderator, name=name, query="from:u1", is_shared=True)
    saved.pin(admin, one_of(admin, "c").id, is_pinned=True)

    assert [one.name for one in saved.listing(admin)] == ["c", "a", "b"]
    assert [one.name for one in saved.listing(moderator)] == ["a", "b", "c"]
    saved.pin(admin, one_of(admin, "c").id, is_pinned=False)
    assert [one.name for one in saved.listing(admin)] == ["a", "b", "c"]


# -- what is new -----------------------------------------------------------------------------------------------------


def test_what_came_since_one_looked_is_counted_for_each_alone(cluster: Any, scope_of: ScopeOf) -> None:
    moderator, admin = scope_of(cluster, "moderator"), scope_of(cluster, "admin")
    talk = Talk(cluster)
    talk.say("退款 1", "退款 2")
    made = saved.add(moderator, name="spam", query="退款", is_shared=True)
    assert one_of(moderator, "spam").fresh is None, "never opened"

    assert saved.opened(moderator, made.id) == "退款"
    assert one_of(moderator, "spam").fresh == counting.Tally(0)
    talk.say("退款 3", "hello", "退款 4", at=talk.at)  # in the very second of the last one seen
    assert one_of(moderator, "spam").fresh == counting.Tally(2)
    assert one_of(admin, "spam").fresh is None
    saved.opened(admin, made.id)
    assert (one_of(admin, "spam").fresh, one_of(moderator, "spam").fresh) == (counting.Tally(0), counting.Tally(2))


def test_new_ones_are_counted_up_to_a_cap(cluster: Any, scope_of: ScopeOf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "MOST", 3)
    scope = scope_of(cluster, "moderator")
    talk = Talk(cluster)
    talk.say("x")
    made = saved.add(scope, name="spam", query="from:ann")
    saved.opened(scope, made.id)
    talk.say(*"abcdefg")
    assert one_of(scope, "spam").fresh == counting.Tally(3, is_capped=True)


def test_a_message_dated_in_the_future_counts_when_its_time_has_come(cluster: Any, scope_of: ScopeOf) -> None:
    scope = scope_of(cluster, "moderator")
    talk = Talk(cluster)
    talk.say("退款")
    talk.say("退款", at=int(datetime.now(UTC).timestamp()) + 86400)
    made = saved.add(scope, name="spam", query="退款")
    saved.opened(scope, made.id)
    assert one_of(scope, "spam").fresh == counting.Tally(0)
    talk.say("退款", at=int(datetime.now(UTC).timestamp()) - 5)
    assert one_of(scope, "spam").fresh == counting.Tally(1)


def test_no_time_left_or_a_broken_archive_leaves_them_uncounted(
    cluster: Any, scope_of: ScopeOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    scope = scope_of(cluster, "moderator")
    talk = Talk(cluster)
    talk.say("x")
    made = saved.add(scope, name="spam", query="from:ann")
    saved.opened(scope, made.id)
    talk.say("y")
    asked = [("from:ann", saved.one(scope, made.id).seen_rid or 0)]

    assert counting.newer(cluster.pk, asked, zone=counting.ZoneInfo("UTC"), seconds=0) == {}
    monkeypatch.setattr(counting.stores, "engine_of", broken)
    assert one_of(scope, "spam").fresh is None


def broken(_pk: int) -> Any:
    raise counting.StoreUnavailable


# -- by the hour -----------------------------------------------------------------------------------------------------


def test_full_hours_are_counted_and_missed_ones_made_up_for(cluster: Any, scope_of: ScopeOf) -> None:
    scope = scope_of(cluster, "moderator")
    end = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    talk = Talk(cluster)
    for hours, how_many in ((3, 2), (1, 5), (0, 9)):
        begin = int((end - timedelta(hours=hours)).timestamp())
        for number in range(how_many):
            talk.say("退款", at=begin + number)
    saved.add(scope, name="spam", query="退款")

    done = count_hours(cluster, end + timedelta(minutes=7))
    assert done == counting.Counted(searches=1, hours=counting.MISSED_MOST)
    assert one_of(scope, "spam", with_counts=True).counts[-4:] == (0, 2, 0, 5)
    again = count_hours(cluster, end + timedelta(hours=1, minutes=7))
    assert again.hours == 3, "the new hour, and the two before once more: some come late"
    assert SavedCount.objects.get(hour=end).count == 9


def test_hours_with_more_than_can_be_counted_are_told_as_at_least(
    cluster: Any, scope_of: ScopeOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "MOST", 3)
    scope = scope_of(cluster, "moderator")
    end = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    Talk(cluster).say(*"abcdefg", at=int(end.timestamp()) - 1800)
    saved.add(scope, name="many", query="from:ann")
    saved.add(scope, name="none", query="from:ben")
    count_hours(cluster, end)
    assert one_of(scope, "many", with_counts=True).is_capped
    assert one_of(scope, "many", with_counts=True).counts[-1] == 3
    assert not one_of(scope, "none", with_counts=True).is_capped


def test_a_late_message_corrects_the_last_hour(cluster: Any, scope_of: ScopeOf) -> None:
    end = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    talk = Talk(cluster)
    saved.add(scope_of(cluster, "moderator"), name="spam", query="退款")
    count_hours(cluster, end)
    talk.say("退款", at=int((end - timedelta(minutes=5)).timestamp()))
    count_hours(cluster, end + timedelta(hours=1))
    assert SavedCount.objects.get(hour=end - timedelta(hours=1)).count == 1


def test_a_query_that_is_not_understood_any_more_stops_no_other(cluster: Any, scope_of: ScopeOf) -> None:
    scope = scope_of(cluster, "moderator")
    Talk(cluster).say("x")
    bad = saved.add(scope, name="bad", query="from:u1")
    SavedSearch.objects.filter(pk=bad.id).update(query="(((")
    saved.add(scope, name="good", query="from:ann")

    assert count_hours(cluster, datetime.now(UTC)).searches == 1
    assert one_of(scope, "bad").query == "(((", "its owner can still see and change it"


def test_counting_stops_when_told(cluster: Any, scope_of: ScopeOf) -> None:
    saved.add(scope_of(cluster, "moderator"), name="x", query="from:u1")
    Talk(cluster)
    done = counting.count_hours(cluster, should_stop=lambda: True, beat=nothing, now=datetime.now(UTC))
    assert done.hours == 0 and not SavedCount.objects.exists()


# -- the feed --------------------------------------------------------------------------------------------------------


def texts(fed: saved_feed.Fed) -> list[str | None]:
    return [one.text for one in fed.items]


def test_the_feed_goes_on_from_its_mark_without_a_gap_or_a_double(cluster: Any, scope_of: ScopeOf) -> None:
    scope = scope_of(cluster, "moderator")
    talk = Talk(cluster, start=int(datetime.now(UTC).timestamp()) - 200_000)
    made = saved.add(scope, name="spam", query="退款")
    assert texts(saved_feed.feed(scope, made.id)) == []

    talk.say(*(f"退款 {number}" for number in range(3)))
    first = saved_feed.feed(scope, made.id, limit=2)
    assert texts(first) == ["退款 1", "退款 2"], "to begin with: the newest"
    wanted = []
    for number in range(7):
        talk.say(f"退款 n{number}", f"hello {number}", at=talk.at + number * 5000)
        wanted.append(f"退款 n{number}")
    got, mark = [], first.next_cursor
    while True:
        fed = saved_feed.feed(scope, made.id, after=mark, limit=2)
        got += texts(fed)
        mark = fed.next_cursor
        if not fed.is_behind:
            break
    assert got == wanted
    assert texts(saved_feed.feed(scope, made.id, after=mark)) == []


def test_many_in_one_second_are_fed_in_pieces(cluster: Any, scope_of: ScopeOf) -> None:
    scope = scope_of(cluster, "moderator")
    talk = Talk(cluster)
    talk.say("x")
    made = saved.add(scope, name="spam", query="from:ann")
    mark = saved_feed.feed(scope, made.id).next_cursor
    talk.say(*(str(number) for number in range(137)), at=talk.at)
    got: list[str | None] = []
    for _ in range(5):
        fed = saved_feed.feed(scope, made.id, after=mark, limit=30)
        got, mark = got + texts(fed), fed.next_cursor
    assert got == [str(number) for number in range(137)]


@pytest.mark.parametrize("ahead", [30, 3600, 10 * 365 * 86400])
def test_a_message_dated_in_the_future_does_not_end_the_feed(cluster: Any, scope_of: ScopeOf, ahead: int) -> None:
    scope = scope_of(cluster, "moderator")
    now = int(datetime.now(UTC).timestamp())
    talk = Talk(cluster)
    Archive.objects.filter(cluster=cluster).update(feed_lag=None if ahead < 60 else -float(ahead))
    made = saved.add(scope, name="spam", query="退款")
    talk.say("退款 old", at=now - 100)
    talk.say("退款 future", at=now + ahead)

    first = saved_feed.feed(scope, made.id)
    assert texts(first) == ["退款 old"]
    talk.say("退款 new", at=now - 20)
    assert texts(saved_feed.feed(scope, made.id, after=first.next_cursor)) == ["退款 new"]
    astray = str((now + ahead) << 14)
    talk.say("退款 newer", at=now - 10)
    later = saved_feed.feed(scope, made.id, after=astray)
    assert int(later.next_cursor) >> 14 <= now, "a mark that had gone astray comes back"


def test_what_another_node_tells_a_moment_later_is_fed_too(
    cluster: Any, scope_of: ScopeOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    scope = scope_of(cluster, "moderator")
    now = int(datetime.now(UTC).timestamp())
    talk = Talk(cluster)
    made = saved.add(scope, name="spam", query="退款")
    talk.say("退款 before", at=now - 60)
    talk.say("退款 first node", at=now)
    first = saved_feed.feed(scope, made.id)
    talk.say("退款 second node", at=now - 1)

    monkeypatch.setattr(present.time, "time", lambda: now + 20.0)
    second = saved_feed.feed(scope, made.id, after=first.next_cursor)
    assert texts(first) + texts(second) == ["退款 before", "退款 second node", "退款 first node"]


def test_a_feed_ends_in_time_and_goes_on_where_it_was(
    cluster: Any, scope_of: ScopeOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    scope = scope_of(cluster, "moderator")
    made = saved.add(scope, name="signs", query='"!!"')
    talk = Talk(cluster, start=int(datetime.now(UTC).timestamp()) - 40 * 3600)
    for number in range(30):
        talk.say("x" if number % 10 else f"{number}!!", at=talk.at + 4000)
    clock, asked, find = [0.0], [0], saved_feed.searching.find

    def slow(*args: Any, **options: Any) -> Any:
        clock[0] += 2.0
        asked[0] += 1
        return find(*args, **options)

    monkeypatch.setattr(saved_feed.searching, "find", slow)
    monkeypatch.setattr(saved_feed.time, "monotonic", lambda: clock[0])
    got, mark = [], str((talk.at - 40 * 3600) << 14)
    for _ in range(40):
        asked[0] = 0
        fed = saved_feed.feed(scope, made.id, after=mark, limit=1)
        assert asked[0] <= 2
        got, mark = got + texts(fed), fed.next_cursor
        if not fed.is_behind:
            break
    assert got == ["0!!", "10!!", "20!!"]


def test_a_feed_is_masked_and_recorded_like_a_search(cluster: Any, scope_of: ScopeOf) -> None:
    moderator, admin = scope_of(cluster, "moderator"), scope_of(cluster, "admin")
    Talk(cluster).say("退款")
    made = saved.add(moderator, name="spam", query="退款", is_shared=True)

    assert texts(saved_feed.feed(moderator, made.id)) == ["退款"]
    assert texts(saved_feed.feed(admin, made.id)) == [None]
    rows = AuditEntry.objects.filter(action="message.search").order_by("pk")
    assert [(row.actor, row.detail["hits"], row.detail["query"]) for row in rows] == [
        ("moderator", 1, "退款"), ("admin", 1, "退款")
    ]  # fmt: skip
    before = rows.count()
    saved_feed.feed(moderator, made.id, after=str(2**62))
    assert AuditEntry.objects.filter(action="message.search").count() == before, "nothing told, nothing recorded"


@pytest.mark.parametrize("after", ["x", "-1", "1.5", "٣", "9" * 30, str(2**63)])
def test_a_broken_mark_is_a_sentence(cluster: Any, scope_of: ScopeOf, after: str) -> None:
    scope = scope_of(cluster, "moderator")
    made = saved.add(scope, name="spam", query="from:ann")
    with pytest.raises(InvalidInput):
        saved_feed.feed(scope, made.id, after=after)


# -- tokens ----------------------------------------------------------------------------------------------------------


def test_a_token_keeps_its_own(cluster: Any, scope_of: ScopeOf) -> None:
    token = ApiToken.objects.create(name="alerts", hash="h", tail="abcd", created_by="owner")
    Grant.objects.create(token=token, cluster=cluster, role="moderator")
    scope = access.enter_for(token, cluster)
    made = saved.add(scope, name="spam", query="退款", is_shared=True)

    assert made.owner == "alerts" and one_of(scope_of(cluster, "moderator"), "spam").owner == "alerts"
    saved.pin(scope, made.id, is_pinned=True)
    token.delete()
    assert SavedSearch.objects.count() == 0


def test_the_dashboard_itself_keeps_none(cluster: Any) -> None:
    with pytest.raises(Forbidden):
        saved.add(access.enter_by_job(cluster), name="x", query="from:u1")
