"""The health recipe (reference 5.9) as a table: what the nodes say, and what must be concluded."""

from __future__ import annotations

import pickle
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imadmin.gateway.types import NodeView, PendingSlot
from imadmin.monitor.health import judge
from imadmin.monitor.health_types import Level, NodeState, SlotState, Verdict
from tests.monitor.health_stage import (
    NODES,
    SLOTS,
    T0,
    after,
    config,
    everywhere,
    healthy,
    member,
    silent,
    slot,
    view,
    with_members,
)  # fmt: skip


def codes(state) -> list[str]:
    return [finding.code for finding in state.findings]


def test_three_nodes_that_agree_are_healthy():
    state = judge(healthy(), None, T0, slug="prod")
    assert (state.verdict, state.level, state.findings, state.cause) == (Verdict.HEALTHY, "ok", (), None)
    assert state.leader == 1 and state.config_version == 5 and state.term == 2
    assert {slot.state for slot in state.slots} == {SlotState.OK} and len(state.slots) == SLOTS
    assert [(node.slots_led, node.slots_held) for node in state.nodes] == [(2, SLOTS)] * 3
    assert all(node.state is NodeState.OK and node.is_live for node in state.nodes)


def test_a_dead_node_is_down_at_once_although_the_others_still_call_it_online():
    state = judge((view(1), view(2), silent(3)), None, T0)
    assert state.verdict is Verdict.DEGRADED and state.cause_code == "silent"
    assert codes(state) == ["silent", "leaderless", "under_replicated"]
    assert state.node(3).state is NodeState.SILENT and state.node(3).online_by_cluster
    assert len(state.finding("under_replicated").slots) == SLOTS
    assert len(state.finding("leaderless").slots) == 2
    assert state.finding("leaderless").level is Level.WARN, "ten seconds are given to elect another"


def test_slots_without_a_leader_for_more_than_ten_seconds_are_bad():
    views = (view(1), view(2), silent(3))
    assert after(views, views, every=9.0).finding("leaderless").level is Level.WARN
    late = after(views, views, every=11.0)
    assert late.finding("leaderless").level is Level.BAD and late.level == "bad"
    assert late.verdict is Verdict.DEGRADED, "two of six slots: the rest works"


def test_once_its_slots_moved_a_dead_node_leaves_them_on_fewer_replicas():
    moved = tuple(
        replace(one, config_version=7, slots=tuple(
            replace(each, leader=1, term=2) if each.leader == 3 else each for each in one.slots
        ))
        for one in (view(1), view(2))
    )  # fmt: skip
    state = judge((*with_members(moved, 3, is_online=False), silent(3)), None, T0)
    assert codes(state) == ["silent", "under_replicated"] and state.verdict is Verdict.DEGRADED
    assert state.node(3).slots_led == 0 and state.node(1).slots_led == 4


def test_two_of_three_dead_are_named_though_the_survivor_says_all_is_well():
    survivor = view(1)  # it leads, calls everybody online, names dead leaders: as seen on the real server
    state = judge((survivor, silent(2), silent(3)), None, T0)
    assert state.verdict is Verdict.DOWN and state.level == "bad"
    assert codes(state)[:2] == ["silent", "no_quorum"]
    assert len(state.finding("no_quorum").slots) == SLOTS
    assert state.finding("silent").nodes == (2, 3)


@pytest.mark.parametrize("before", [None, "known"])
def test_nobody_answers(before):
    known = judge(healthy(), None, T0) if before else None
    state = judge(tuple(silent(node) for node in NODES), known, T0 + timedelta(seconds=2))
    assert (state.verdict, state.cause_code) == (Verdict.DOWN, "nobody_answers")
    assert state.slots == () and state.leader is None
    assert all(node.last_seen == (T0 if before else None) for node in state.nodes)


def test_while_nobody_tells_who_there_is_the_nodes_last_known_are_the_silent_ones():
    known = judge(healthy(), None, T0)
    nameless = NodeView(0, "http://10.0.0.1:5001", answers=False, error="why")
    state = judge((nameless,), known, T0 + timedelta(seconds=2))
    assert [node.id for node in state.nodes] == [1, 2, 3] and state.nodes[0].view.error == "why"
    alone = judge((nameless,), None, T0)
    assert [node.id for node in alone.nodes] == [0] and alone.verdict is Verdict.DOWN
    assert alone.finding("nobody_answers").nodes == ()


def test_nodes_that_refuse_us_say_nothing_of_the_cluster():
    refuses = tuple(replace(silent(node), error_code="upstream_unauthorised") for node in NODES)
    state = judge(refuses, None, T0)
    assert (state.verdict, state.cause_code, state.level) == (Verdict.UNKNOWN, "all_refuse", "unknown")
    one = judge((view(1), view(2), refuses[2]), None, T0)
    assert one.node(3).state is NodeState.REFUSED and "refused" in codes(one)


def test_no_config_leader_needs_two_samples():
    nobody = with_members(healthy(), 1, is_leader=False)
    assert "no_config_leader" not in codes(after(nobody))
    state = after(nobody, nobody)
    assert state.cause_code == "no_config_leader" and state.level == "bad" and state.leader is None
    assert state.verdict is Verdict.DEGRADED, "messages and slots go on without"
    assert after(nobody, nobody, nobody).finding("no_config_leader").since == T0
    assert "no_config_leader" not in codes(after(nobody, nobody, every=0.4)), "one sample, looked at twice"
    assert after(nobody, healthy(), nobody).findings == ()


def test_nodes_that_name_different_config_leaders():
    views = (view(1), view(2), replace(view(3), members=tuple(member(n, is_leader=n == 3) for n in NODES)))
    state = after(views, views)
    assert state.cause_code == "leaders_disagree" and state.finding("leaders_disagree").nodes == (1, 3)


def test_a_dead_config_leader_is_given_time_to_be_replaced():
    views = (silent(1), view(2), view(3))
    assert "no_config_leader" not in codes(after(views, views, views))
    assert "no_config_leader" in codes(after(views, views, views, every=6.0))


def test_a_node_that_comes_back_with_an_old_view_is_not_asked_about_the_others():
    old = replace(view(3), config_version=5, members=tuple(member(n, is_leader=n == 3) for n in NODES))
    fresh = with_members(tuple(replace(view(n), config_version=9) for n in (1, 2)), 3, is_online=False)
    state = after((*fresh, old), (*fresh, old))
    assert state.node(3).state is NodeState.CALLED_OFFLINE and not state.node(3).is_live
    assert "called_offline" in codes(state) and "leaders_disagree" not in codes(state)
    assert state.config_version == 9
    assert len(state.finding("leaderless").slots) == 2, "what it leads, nobody serves yet"


def test_a_view_that_stays_old_is_a_split():
    views = (view(1, config_version=9), view(2, config_version=9), view(3))
    assert "view_split" not in codes(after(views, views, views))
    state = after(views, views, views, views)
    assert state.finding("view_split").nodes == (3,) and state.node(3).state is NodeState.BEHIND
    assert after(views, healthy(), views, views).findings == (), "the five seconds begin anew"


def test_nodes_that_disagree_on_a_slots_leader():
    other = replace(view(2), slots=(slot(0, leader=2, term=4), *view(2).slots[1:]))
    views = (view(1), other, view(3))
    assert after(views, views, views, views).finding("view_split").slots == (0,)


@pytest.mark.parametrize(
    ("change", "state", "code"),
    [
        ({"status": 1}, SlotState.ELECTING, "electing"),
        ({"status": 2}, SlotState.MOVING, "moving"),
        ({"leader": 0}, SlotState.LEADERLESS, "leaderless"),
        ({"leader": 7}, SlotState.LEADERLESS, "leaderless"),
        ({"replicas": (1, 2)}, SlotState.UNDER_REPLICATED, "under_replicated"),
        ({"replicas": (7, 8, 1), "leader": 1}, SlotState.NO_QUORUM, "no_quorum"),
        ({"leader": 0, "status": 1}, SlotState.LEADERLESS, "leaderless"),
    ],
)
def test_one_slot_that_is_not_well(change, state, code):
    found = judge(everywhere(healthy(), **change), None, T0)
    assert found.slot(0).state is state and found.finding(code).slots == (0,)
    assert found.verdict is Verdict.DEGRADED and {s.state for s in found.slots[1:]} == {SlotState.OK}


def test_fewer_nodes_than_wanted_replicas_is_no_fault():
    alone = view(1, members=(member(1),), slots=tuple(slot(n, leader=1, replicas=(1,)) for n in range(SLOTS)))
    assert judge((alone,), None, T0).verdict is Verdict.HEALTHY


def logs(one: int, two: int, three: int) -> tuple[NodeView, ...]:
    """Slot 0, led by node 1, with so long a log in each copy."""
    return tuple(
        replace(view(node), slots=(slot(0, log_index=index), *view(node).slots[1:]))
        for node, index in zip(NODES, (one, two, three), strict=True)
    )


@pytest.mark.parametrize(
    ("looks", "lags"),
    [
        ([(10, 10, 8)], False),  # one sample
        ([(10, 10, 8)] * 3, True),  # it stands still
        ([(10, 10, 8), (20, 20, 9), (40, 40, 12)], False),  # it moves, and passes where the leader was
        ([(10, 10, 8), (20, 20, 8), (40, 40, 9)], True),  # growing
        ([(10, 10, 9), (20, 20, 19), (30, 30, 29)], False),  # one behind in every sample: traffic
        ([(10, 10, 8), (10, 10, 10), (12, 12, 11)], False),  # it caught up in between
    ],
)
def test_lag_needs_three_samples_without_catching_up(looks, lags):
    state = after(*(logs(*look) for look in looks))
    assert ("lagging" in codes(state)) is lags
    assert state.slot(0).lag == looks[-1][0] - looks[-1][2]


def test_looks_within_a_second_are_one_sample():
    assert "lagging" not in codes(after(*(logs(10, 10, 8),) * 5, every=0.2))


def test_lag_is_unknown_when_the_leader_tells_nothing():
    state = judge((silent(1), view(2), view(3)), None, T0)
    assert state.slot(0).lag is None and state.slot(0).log_index is None


def test_a_join_is_seen_and_named_stuck_after_a_minute():
    views = tuple(
        replace(one, members=(*one.members, member(4, status=2, is_leader=False)),
                config=config(learners=(4,), migrate_from=4, migrate_to=4) if one.id == 1 else None)
        for one in (*healthy(), view(4))
    )  # fmt: skip
    state = after(views)
    assert state.node(4).state is NodeState.JOINING and state.finding("joining").nodes == (4,)
    stuck = after(views, views, every=61.0)
    assert stuck.node(4).state is NodeState.JOIN_STUCK and stuck.finding("join_stuck").level is Level.BAD
    assert stuck.finding("join_stuck").since == T0


def test_a_node_without_an_address_yet_is_joining_not_silent():
    unreachable = replace(silent(4), api_url="", error="The cluster gives no address for this node")
    views = (*(replace(one, members=(*one.members, member(4, status=1))) for one in healthy()), unreachable)
    state = after(views)
    assert state.node(4).state is NodeState.JOINING and "silent" not in codes(state)
    assert after(views, views, every=61.0).node(4).state is NodeState.JOIN_STUCK


def test_a_move_that_lasts_over_a_minute_is_stuck_also_when_the_leader_was_silent_meanwhile():
    pending = config(pending=(PendingSlot(0, 1, 9, (9,)),))
    moving = (view(1, config=pending), view(2), view(3))
    assert after(moving).finding("moving").nodes == (9,)
    silent_leader = (view(1, config=None), view(2), view(3))
    state = after(moving, silent_leader, moving, every=31.0)
    assert state.finding("move_stuck").slots == (0,) and state.finding("move_stuck").nodes == (9,)
    assert "moving" not in codes(state)


def test_clocks():
    one = judge((view(1), view(2, clock_offset=-40.0), view(3)), None, T0)
    assert one.verdict is Verdict.HEALTHY and one.finding("clock_skew").nodes == (2,)
    assert one.finding("clock_skew").params["seconds"] == -40.0
    all_off = judge(tuple(view(node, clock_offset=60.2) for node in NODES), None, T0)
    assert codes(all_off) == ["own_clock"], "when all nodes are off by the same, it is ours"


def test_a_retry_queue_that_grows():
    def queues(*values: int) -> list[tuple[NodeView, ...]]:
        return [(view(1, retry_queue=value), view(2), view(3)) for value in values]

    assert after(*queues(100, 300, 500)).finding("retry_growing").params["queued"] == 500
    assert "retry_growing" not in codes(after(*queues(500, 300, 600)))
    assert "retry_growing" not in codes(after(*queues(1, 2, 3)))


def test_a_manager_api_that_is_down_is_a_note():
    state = judge((view(1, manager_answers=False), view(2), view(3)), None, T0)
    assert state.verdict is Verdict.HEALTHY and codes(state) == ["manager_silent"] and state.cause is None


def test_the_moment_of_a_verdict_and_of_a_node_is_kept_while_it_lasts():
    dead = (view(1), view(2), silent(3))
    state = after(healthy(), dead, dead, dead)
    assert state.since == T0 + timedelta(seconds=2) and state.node(3).since == state.since
    assert state.node(3).last_seen == T0 and state.node(3).last.connections == 4
    assert state.finding("silent").params["sessions"] == 4
    again = judge(dead, state, state.as_of + timedelta(hours=1))
    assert again.since == again.as_of, "what was in an hour without a look nobody knows"


def test_a_state_survives_being_kept():
    state = after(healthy(), (view(1), view(2), silent(3)))
    assert pickle.loads(pickle.dumps(state)) == state
    assert state.is_stale(state.as_of + timedelta(minutes=1)) and not state.is_stale(state.as_of)


ANSWERS = st.tuples(st.booleans(), st.booleans(), st.booleans())


@given(st.lists(ANSWERS, min_size=1, max_size=6))
def test_who_answers_is_always_right_and_a_lost_quorum_never_healthy(looks):
    state = None
    for number, answers in enumerate(looks):
        views = tuple(view(node) if there else silent(node) for node, there in zip(NODES, answers, strict=True))
        state = judge(views, state, T0 + timedelta(seconds=2 * number))
        assert [node.answers for node in state.nodes] == list(answers)
        expected = {3: Verdict.HEALTHY, 2: Verdict.DEGRADED, 1: Verdict.DOWN, 0: Verdict.DOWN}[sum(answers)]
        assert state.verdict is expected
        assert [finding.code for finding in state.findings] == sorted(codes(state), key=_order)


def _order(code: str) -> int:
    from imadmin.monitor.health import ORDER

    return ORDER.index(code)
