"""Changing members, denylist and allowlist: outcomes by reading back, one audit entry, plans, and half-done changes."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from imadmin.audit.models import AuditEntry
from imadmin.core import events
from imadmin.core.errors import Conflict, Forbidden, InvalidInput, Unsupported
from imadmin.core.outcomes import Result
from imadmin.directory.actions import lists, pieces
from imadmin.directory.actions.lists import ListChange, Verb, apply, change_list, preview
from imadmin.directory.models import Restriction
from imadmin.directory.plans import StateMoved
from imadmin.directory.queries.lists import ListName
from imadmin.directory.uids import UidList, parse_uids
from imadmin.gateway.errors import GatewayError
from imadmin.gateway.types import ChannelRef, ChannelType
from imadmin.simulator.faults import Wedge
from tests.directory.channel_stage import after_writes, group, kill_all, put, stored, wedge

pytestmark = pytest.mark.django_db
MANY = [f"u{number}" for number in range(450)]


@pytest.fixture
def scope(own_cluster: Any, scope_of: Callable[[Any, str], Any]) -> Any:
    return scope_of(own_cluster, "admin")


def add(channel: ChannelRef, name: ListName) -> ListChange:
    return ListChange(channel, name, Verb.ADD)


def remove(channel: ChannelRef, name: ListName) -> ListChange:
    return ListChange(channel, name, Verb.REMOVE)


def deny(channel: ChannelRef) -> ListChange:
    return add(channel, ListName.DENYLIST)


def results(outcomes: Any) -> dict[str, str]:
    return {item.target: item.result.value for item in outcomes.items}


# -- what became of each ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "table"), [(ListName.MEMBERS, "members"), (ListName.DENYLIST, "denied"), (ListName.ALLOWLIST, "allowed")]
)
def test_adding_reports_each_uid_and_the_server_has_it(scope: Any, sim: Any, name: ListName, table: str) -> None:
    channel = group(sim, members=["cem"])
    put(sim, table, channel, ["ann"])
    outcomes = change_list(scope, add(channel, name), ["ann", "ben"], reason="ticket 12")
    assert results(outcomes) == {"ann": "already", "ben": "done"}
    assert {"ann", "ben"} <= stored(sim, table, channel)


@pytest.mark.parametrize(
    ("name", "table"), [(ListName.MEMBERS, "members"), (ListName.DENYLIST, "denied"), (ListName.ALLOWLIST, "allowed")]
)
def test_removing_reports_who_was_not_on_the_list(scope: Any, sim: Any, name: ListName, table: str) -> None:
    channel = group(sim, members=["ann", "ben"])
    put(sim, table, channel, ["ann", "ben"])
    outcomes = change_list(scope, remove(channel, name), ["ann", "zoe"], reason="ticket 12")
    assert results(outcomes) == {"ann": "done", "zoe": "not_found"}
    assert stored(sim, table, channel) == {"ben"}


def test_ids_with_hostile_signs_and_scripts_are_changed_and_read_back(scope: Any, sim: Any) -> None:
    channel = group(sim, "茶 room é+مجموعة", members=[])
    uids = ["a/b", "q?x=1", "100%", "用户 一", "مستخدم", "<script>"]
    outcomes = change_list(scope, add(channel, ListName.MEMBERS), uids, reason="ticket 12")
    assert set(results(outcomes).values()) == {"done"}
    assert stored(sim, "members", channel) == set(uids)


def test_a_list_the_server_cannot_be_asked_for_is_changed_and_reported_unknown(scope: Any, sim: Any) -> None:
    channel = group(sim, "a/b?c", members=["ann"])
    plan = preview(scope, deny(channel), UidList(("ann",)))
    assert plan.before is None and plan.notes == (lists.UNREADABLE,)
    outcomes = apply(scope, deny(channel), plan.id, reason="spam")
    assert results(outcomes) == {"ann": "unknown"} and outcomes.note == lists.UNREAD
    assert stored(sim, "denied", channel) == {"ann"}


def test_a_big_list_goes_in_pieces_the_server_bears(scope: Any, sim: Any) -> None:
    channel = group(sim, members=[])
    outcomes = change_list(scope, deny(channel), MANY, reason="spam wave")
    assert outcomes.counts() == {"done": 450}
    writes = [body for *_, path, _, body in sim.requests if path == "/channel/blacklist_add"]
    sizes = [len(json.loads(body)["uids"]) for body in writes]
    assert sizes[0] == pieces.FIRST and max(sizes) <= pieces.MOST and sum(sizes) == 450
    assert not sim.deaths


def test_a_slow_cluster_gets_smaller_pieces_until_all_is_done(scope: Any, sim: Any, monkeypatch: Any) -> None:
    """It gives up on long calls though it has written the list by then: what is missing is sent again, in less."""
    channel = group(sim, members=[])
    monkeypatch.setattr(pieces, "FIRST", 200)
    sizes: list[int] = []

    def slow(state: Any) -> None:
        original = state.store.add_to

        def counted(table: Any, key: Any, uids: Any) -> None:
            sizes.append(len(list(uids)))
            original(table, key, list(uids)[:60] if len(sizes) == 1 else uids)
            state.wedged.clear()

        state.store.add_to = counted
        state.wedged[state.slot_of(channel.id)] = Wedge(0.05, written=True)

    sim.call(slow)
    outcomes = change_list(scope, add(channel, ListName.MEMBERS), MANY, reason="import")
    assert outcomes.counts() == {"done": 450} and outcomes.note == lists.SLOW_CONVERSATIONS
    assert sizes[:2] == [200, 50]


# -- rules -----------------------------------------------------------------------------------------------------------


def test_members_need_the_channel_right_and_lists_the_member_right(sim: Any, own_cluster: Any, scope_of: Any) -> None:
    channel, moderator = group(sim), scope_of(own_cluster, "moderator")
    assert change_list(moderator, deny(channel), ["ann"], reason="spam").counts() == {"done": 1}
    with pytest.raises(Forbidden):
        change_list(moderator, add(channel, ListName.MEMBERS), ["zoe"], reason="joins")
    with pytest.raises(Forbidden):
        change_list(scope_of(own_cluster, "viewer"), deny(channel), ["ben"], reason="spam")
    assert stored(sim, "members", channel) == {"ann", "ben", "cem"} and stored(sim, "denied", channel) == {"ann"}


def test_a_change_needs_a_reason_and_usable_uids(scope: Any, sim: Any) -> None:
    channel = group(sim)
    for uids, reason, field in ((["ann"], " ", "reason"), (["ann", " "], "spam", "uids"), (["a@b"], "spam", "uids")):
        with pytest.raises(InvalidInput) as refused:
            change_list(scope, deny(channel), uids, reason=reason)
        assert list(refused.value.fields) == [field]
    assert stored(sim, "denied", channel) == set() and not AuditEntry.objects.exists()


@pytest.mark.parametrize(
    ("channel", "name"),
    [
        (ChannelRef.person("ann", "ben"), ListName.MEMBERS),
        (ChannelRef.person("ann", "ben"), ListName.DENYLIST),
        (ChannelRef.inbox("ann"), ListName.MEMBERS),
        (ChannelRef("tea", 0), ListName.MEMBERS),
    ],
)
def test_lists_that_have_no_meaning_are_not_written(scope: Any, channel: ChannelRef, name: ListName) -> None:
    with pytest.raises(Unsupported):
        change_list(scope, add(channel, name), ["zoe"], reason="because")


def test_a_persons_own_denylist_stops_a_writer(scope: Any, sim: Any) -> None:
    outcomes = change_list(scope, deny(ChannelRef.inbox("ben")), ["ann"], reason="asked for it")
    assert outcomes.counts() == {"done": 1}
    assert stored(sim, "denied", ChannelRef.inbox("ben")) == {"ann"}


# -- the trail, our record, the signal -------------------------------------------------------------------------------


def test_one_intent_and_one_outcome_are_on_the_trail(scope: Any, sim: Any) -> None:
    channel = group(sim)
    change_list(scope, deny(channel), ["ann", "ben"], reason="  spam,   ticket 12 ")
    intent, outcome = AuditEntry.objects.order_by("id")
    assert (intent.phase, intent.action, intent.target, intent.reason) == (
        "intent", "channel.deny", "2/tea", "spam, ticket 12",
    )  # fmt: skip
    assert outcome.outcome == "done" and outcome.detail == {"counts": {"done": 2}, "size": [0, 2]}
    assert (outcome.before, outcome.after) == ([], ["ann", "ben"])


def test_a_denial_is_remembered_and_forgotten(scope: Any, sim: Any) -> None:
    channel = group(sim)
    change_list(scope, deny(channel), ["ann", "ben"], reason="spam")
    change_list(scope, remove(channel, ListName.DENYLIST), ["ann"], reason="made up")
    open_rows = Restriction.objects.filter(lifted_at=None)
    assert [(row.uid, row.channel, row.reason) for row in open_rows] == [("ben", channel, "spam")]


def test_a_denial_lifted_elsewhere_closes_our_record_too(scope: Any, sim: Any) -> None:
    channel = group(sim)
    change_list(scope, deny(channel), ["ann"], reason="spam")
    sim.call(lambda state: state.store.clear(state.store.denied, ("tea", 2)))
    change_list(scope, remove(channel, ListName.DENYLIST), ["ann"], reason="made up")
    assert not Restriction.objects.filter(lifted_at=None).exists()


def test_a_change_is_announced(scope: Any, sim: Any) -> None:
    heard: list[str] = []
    stop = events.listen(lambda signal: heard.append(signal.topic))
    change_list(scope, deny(group(sim)), ["ann"], reason="spam")
    stop()
    assert heard == ["own/denylist/2/tea"]


# -- plan, then apply ------------------------------------------------------------------------------------------------


def test_a_preview_tells_new_already_and_left_out_and_changes_nothing(scope: Any, sim: Any) -> None:
    channel = group(sim)
    plan = preview(scope, add(channel, ListName.MEMBERS), parse_uids("zoe, ann\nyan zoe\nu 118#06"))
    assert (plan.changing, plan.same, plan.duplicates) == (("zoe", "yan", "u"), ("ann",), 1)
    assert [(bad.text, bad.line) for bad in plan.bad] == [("118#06", 3)]
    assert (plan.before, plan.after) == (3, 6)
    assert stored(sim, "members", channel) == {"ann", "ben", "cem"} and not AuditEntry.objects.exists()


def test_a_plan_is_applied_once(scope: Any, sim: Any) -> None:
    change = add(group(sim), ListName.MEMBERS)
    plan = preview(scope, change, UidList(("zoe",)))
    assert apply(scope, change, plan.id, reason="joins").counts() == {"done": 1}
    with pytest.raises(Conflict, match="already applied"):
        apply(scope, change, plan.id, reason="joins")


def test_a_plan_is_refused_with_a_new_one_when_its_uids_moved(scope: Any, sim: Any) -> None:
    channel = group(sim)
    change = add(channel, ListName.MEMBERS)
    plan = preview(scope, change, UidList(("yan", "zoe")))
    put(sim, "members", channel, ["zoe"])
    with pytest.raises(StateMoved) as refused:
        apply(scope, change, plan.id, reason="joins")
    assert refused.value.fresh.changing == ("yan",) and refused.value.fresh.same == ("zoe",)
    assert "yan" not in stored(sim, "members", channel) and not AuditEntry.objects.exists()
    assert apply(scope, change, refused.value.fresh.id, reason="joins").counts() == {"done": 1, "already": 1}


def test_others_coming_and_going_do_not_refuse_a_plan(scope: Any, sim: Any) -> None:
    channel = group(sim)
    change = add(channel, ListName.MEMBERS)
    plan = preview(scope, change, UidList(("zoe",)))
    put(sim, "members", channel, ["somebody", "else"])
    assert apply(scope, change, plan.id, reason="joins").counts() == {"done": 1}


def test_any_move_of_the_allowlist_refuses_its_plan_since_it_is_written_whole(scope: Any, sim: Any) -> None:
    channel = group(sim)
    change = add(channel, ListName.ALLOWLIST)
    plan = preview(scope, change, UidList(("ann",)))
    put(sim, "allowed", channel, ["ben"])
    with pytest.raises(StateMoved):
        apply(scope, change, plan.id, reason="read-only")


def test_a_plan_of_the_wrong_change_is_not_applied(scope: Any, sim: Any) -> None:
    channel = group(sim)
    plan = preview(scope, deny(channel), UidList(("ann",)))
    with pytest.raises(Exception, match="no such plan"):
        apply(scope, remove(channel, ListName.DENYLIST), plan.id, reason="spam")


# -- the allowlist ---------------------------------------------------------------------------------------------------


def test_switching_the_allowlist_on_and_off_is_said_beforehand(scope: Any, sim: Any) -> None:
    channel = group(sim)
    on = add(channel, ListName.ALLOWLIST)
    assert preview(scope, on, UidList(("ann",))).notes == (lists.BEGINS,)
    change_list(scope, on, ["ann"], reason="read-only")
    assert preview(scope, remove(channel, ListName.ALLOWLIST), UidList(("ann",))).notes == (lists.EMPTIES,)


def test_the_last_one_leaves_the_allowlist_by_writing_it_whole(scope: Any, sim: Any) -> None:
    """whitelist_remove of the last entry would lock everybody out for half an hour."""
    channel = group(sim)
    change_list(scope, add(channel, ListName.ALLOWLIST), ["ann"], reason="read-only")
    change_list(scope, remove(channel, ListName.ALLOWLIST), ["ann"], reason="open again")
    assert not [path for *_, path, _, _ in sim.requests if path == "/channel/whitelist_remove"]
    assert not sim.call(lambda state: state.store.allowlist_flag.get(("tea", ChannelType.GROUP), False))


def test_odd_entries_on_the_allowlist_are_dropped_and_said(scope: Any, sim: Any) -> None:
    channel = group(sim)
    put(sim, "allowed", channel, ["ann", "odd@one"])
    assert preview(scope, add(channel, ListName.ALLOWLIST), UidList(("ben",))).notes == ()
    change = remove(channel, ListName.ALLOWLIST)
    put(sim, "allowed", channel, ["ben"])
    plan = preview(scope, change, UidList(("ben",)))
    assert lists.DROPS_ODD in plan.notes
    assert apply(scope, change, plan.id, reason="writers").counts() == {"done": 1}
    assert stored(sim, "allowed", channel) == {"ann"}


# -- half done -------------------------------------------------------------------------------------------------------


def test_a_slot_that_gives_up_on_one_piece_is_read_back(scope: Any, sim: Any) -> None:
    channel = group(sim)
    sim.call(wedge, channel)
    outcomes = change_list(scope, deny(channel), ["ann"], reason="spam")
    assert results(outcomes) == {"ann": "failed"} and "gave up after five seconds" in outcomes.items[0].detail
    assert AuditEntry.objects.get(phase="outcome").outcome == "failed"
    assert not Restriction.objects.exists()


def test_a_slot_that_gives_up_after_writing_counts_as_done_with_a_note(scope: Any, sim: Any) -> None:
    channel = group(sim)
    sim.call(lambda state: wedge(state, channel, written=True))
    outcomes = change_list(scope, deny(channel), ["ann"], reason="spam")
    assert results(outcomes) == {"ann": "done"} and outcomes.note == lists.SLOW_CONVERSATIONS
    assert Restriction.objects.get().uid == "ann"


def test_a_slot_wedged_half_way_says_which_half(scope: Any, sim: Any) -> None:
    channel = group(sim, members=[])
    after_writes(sim, 1, lambda state: wedge(state, channel))
    outcomes = change_list(scope, add(channel, ListName.MEMBERS), MANY, reason="import")
    assert outcomes.of(Result.DONE) == tuple(MANY[:10]) and outcomes.of(Result.FAILED) == tuple(MANY[10:])
    assert outcomes.items[-1].detail == lists.NOT_SENT and outcomes.note == lists.HALF_WAY
    assert AuditEntry.objects.get(phase="outcome").outcome == "partial"


def test_a_cluster_that_dies_half_way_leaves_unknown_and_never_sent_apart(scope: Any, sim: Any) -> None:
    channel = group(sim, members=[])
    after_writes(sim, 1, kill_all)
    outcomes = change_list(scope, add(channel, ListName.MEMBERS), MANY, reason="import")
    assert outcomes.of(Result.UNKNOWN) == tuple(MANY[:10]) and outcomes.of(Result.FAILED) == tuple(MANY[10:])
    assert outcomes.items[-1].detail == lists.NOT_SENT and outcomes.note == lists.UNREAD
    outcome = AuditEntry.objects.get(phase="outcome")
    assert outcome.outcome == "partial" and outcome.after is None


def test_nothing_is_begun_when_the_list_cannot_be_read(scope: Any, sim: Any) -> None:
    channel = group(sim)
    sim.call(kill_all)
    with pytest.raises(GatewayError):
        change_list(scope, deny(channel), ["ann"], reason="spam")
    assert not AuditEntry.objects.exists() and not Restriction.objects.exists()


@pytest.mark.parametrize("mode", ["garbage", "html", "empty", "wrong_shape"])
def test_garbage_instead_of_a_list_changes_nothing(scope: Any, sim: Any, mode: str) -> None:
    channel = group(sim)
    for node in sim.nodes:
        sim.break_node(node.id, mode)
    with pytest.raises(GatewayError):
        preview(scope, deny(channel), UidList(("ann",)))
    for node in sim.nodes:
        sim.heal(node.id)
    assert stored(sim, "denied", channel) == set()


def test_one_node_of_three_dead_does_not_stop_a_change(scope: Any, sim: Any) -> None:
    channel = group(sim)
    leader = sim.call(lambda state: state.leader_of(channel.id))
    dead = next(node.id for node in sim.nodes[1:] if node.id != leader)
    sim.kill(dead)
    assert change_list(scope, deny(channel), ["ann"], reason="spam").counts() == {"done": 1}
