"""Watching a simulated cluster through its bad days: what is concluded, written down and announced."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from django.core.cache import cache

from imadmin.core import aio
from imadmin.core import events as signals
from imadmin.monitor import events, health, watch
from imadmin.monitor.health_types import NodeState, Verdict
from imadmin.monitor.models import Event, SlotChange, Watch
from tests.monitor.health_stage import T0, after, config, healthy, silent, view, with_members


@pytest.fixture
def heard():
    topics: list[str] = []
    stop = signals.listen(lambda signal: topics.append(signal.topic))
    yield topics
    stop()


class Watcher:
    """What the poller does, once a call."""

    def __init__(self, scope) -> None:
        self.scope, self.cluster = scope, scope.cluster

    def look(self):
        pk = self.cluster.pk
        state = aio.run(health.look(self.scope.gateway, watch.recall(pk), slug=self.scope.slug))
        watch.remember(pk, state)
        watch.observe(self.cluster, state)
        return state

    def until(self, condition: Callable, seconds: float = 20.0):
        end = time.monotonic() + seconds
        while True:
            state = self.look()
            if condition(state):
                return state
            assert time.monotonic() < end, (state.verdict, [finding.code for finding in state.findings])
            time.sleep(0.1)


@pytest.fixture
def watcher(own_cluster, scope_of) -> Watcher:
    return Watcher(scope_of(own_cluster, "viewer"))


def kinds(cluster) -> list[str]:
    return list(Event.objects.filter(cluster=cluster).order_by("id").values_list("kind", flat=True))


def test_a_node_is_killed_and_returns(watcher, sim, own_cluster):
    assert watcher.look().verdict is Verdict.HEALTHY
    leader = watcher.look().leader
    dead = next(node.id for node in sim.nodes if node.id != leader)
    sim.call(lambda state: setattr(state.topology.live[dead], "started_at", time.time() - 3600))
    watcher.look()
    sim.kill(dead)
    state = watcher.look()
    assert state.verdict is Verdict.DEGRADED and state.node(dead).state is NodeState.SILENT, "at the first look"
    assert state.finding("silent").nodes == (dead,) and state.finding("leaderless")
    state = watcher.until(lambda state: not state.finding("leaderless"))
    assert state.node(dead).slots_led == 0 and state.finding("under_replicated")
    assert state.node(dead).online_by_cluster is False
    sim.revive(dead)
    state = watcher.until(lambda state: state.verdict is Verdict.HEALTHY)
    assert state.node(dead).state is NodeState.OK
    told = kinds(own_cluster)
    for kind in ("watch_began", "node_silent", "leaderless", "leaderless_over", "slot_leaders", "node_restarted"):
        assert kind in told, told
    assert told.index("node_silent") < told.index("slot_leaders")
    assert "node_back" in told or "node_online" in told
    changes = SlotChange.objects.filter(cluster=own_cluster, before=dead)
    assert changes and all(change.leader != dead and change.term > 1 for change in changes)


def test_a_node_hangs_and_resumes(watcher, sim):
    watcher.look()
    sim.hang(sim.nodes[2].id)
    state = watcher.look()
    assert state.node(sim.nodes[2].id).view.error_code == "upstream_timeout" and state.cause_code == "silent"
    sim.resume(sim.nodes[2].id)
    assert watcher.until(lambda state: state.verdict is Verdict.HEALTHY).node(sim.nodes[2].id).answers


def test_two_of_three_die_and_the_survivor_is_not_believed(watcher, sim, own_cluster):
    watcher.look()
    survivor, *dead = (node.id for node in sim.nodes)
    for node in dead:
        sim.kill(node)
    state = watcher.look()
    assert state.verdict is Verdict.DOWN and state.finding("no_quorum")
    assert state.node(survivor).answers and all(state.node(node).online_by_cluster for node in dead)
    state = watcher.until(lambda state: state.finding("no_config_leader"))
    assert state.verdict is Verdict.DOWN and state.leader is None
    for node in dead:
        sim.revive(node)
    watcher.until(lambda state: state.verdict is Verdict.HEALTHY)
    told = kinds(own_cluster)
    assert {"no_quorum", "no_quorum_over", "no_config_leader", "no_config_leader_over"} <= set(told)
    assert Event.objects.filter(cluster=own_cluster, kind="verdict", params__after="down").count() == 1


def test_the_config_leader_dies_and_another_is_named(watcher, sim, own_cluster):
    first = watcher.look().leader
    sim.kill(first)
    state = watcher.until(lambda state: state.leader not in (None, first))
    assert state.finding("silent").nodes == (first,)
    changed = Event.objects.get(cluster=own_cluster, kind="config_leader")
    assert changed.node == state.leader and changed.params["before"] == first


def test_nobody_answers_and_the_nodes_stay_listed(watcher, sim):
    watcher.look()
    for node in sim.nodes:
        sim.kill(node.id)
    state = watcher.look()
    assert state.verdict is Verdict.DOWN and state.cause_code == "nobody_answers"
    assert [node.id for node in state.nodes] == [node.id for node in sim.nodes]
    assert all(node.last_seen for node in state.nodes)


def test_a_node_joins_and_its_slots_follow(watcher, sim, own_cluster):
    watcher.look()
    joined = sim.join()
    watcher.until(lambda state: state.node(joined) and state.node(joined).state is NodeState.JOINING)
    state = watcher.until(lambda state: state.verdict is Verdict.HEALTHY and state.node(joined), seconds=40.0)
    assert state.node(joined).slots_held, "replicas moved to it"
    told = kinds(own_cluster)
    assert told.index("node_joining") < told.index("node_joined") and "node_silent" not in told


def test_a_join_that_gets_stuck_leaves_the_nodes_disagreeing(watcher, sim):
    watcher.look()
    joined = sim.join(stuck=True)
    state = watcher.until(lambda state: state.finding("joining"))
    assert state.verdict is not Verdict.HEALTHY
    first = state.finding("joining").since
    later = health.judge(
        aio.run(watcher.scope.gateway.node_views()), state, first + timedelta(seconds=61), slug=state.slug
    )
    assert later.finding("join_stuck").nodes == (joined,) and later.level == "bad"


def test_a_copy_that_stops_following_is_behind(watcher, sim):
    state = watcher.look()
    lagging = next(node.id for node in sim.nodes if node.id != state.slot(0).leader)
    sim.lag(lagging, 0)
    sim.call(lambda state: [state.topology.log_slot(0, 1) for _ in range(3)])
    state = watcher.until(lambda state: state.finding("lagging"))
    assert state.finding("lagging").slots == (0,) and state.slot(0).lag >= 3
    sim.unlag(lagging)
    watcher.until(lambda state: state.verdict is Verdict.HEALTHY)


def test_the_manager_api_is_down_while_the_main_api_is_up(watcher, sim, own_cluster, monkeypatch):
    from imadmin.gateway.kinds.wukongim2 import views

    monkeypatch.setattr(views, "MANAGER_EVERY", 0.0)
    watcher.look()
    sim.close_door(sim.nodes[1].id, "manager")
    state = watcher.until(lambda state: state.finding("manager_silent"))
    assert state.verdict is Verdict.HEALTHY and state.finding("manager_silent").nodes == (sim.nodes[1].id,)
    sim.open_door(sim.nodes[1].id, "manager")
    watcher.until(lambda state: not state.finding("manager_silent"))
    assert kinds(own_cluster)[-2:] == ["manager_silent", "manager_silent_over"]


def test_a_clock_that_is_off_is_a_note(watcher, sim):
    sim.clock_skew(sim.nodes[1].id, 90)
    state = watcher.look()
    assert state.verdict is Verdict.HEALTHY and state.finding("clock_skew").nodes == (sim.nodes[1].id,)


def test_only_what_changed_is_announced(watcher, heard, own_cluster):
    state = watcher.look()
    assert {"own/overview", "own/events", "own/slots", "own/nodes"} <= set(heard)
    heard.clear()
    watch.observe(own_cluster, health.replace(state, as_of=state.as_of + timedelta(seconds=2)))
    assert heard == []
    watch.observe(own_cluster, health.replace(state, as_of=state.as_of + timedelta(seconds=30)))
    assert set(heard) == {"own/overview", "own/nodes", "own/slots"}, "the moment shown is news now and then"


def test_since_and_open_events_survive_a_restart(own_cluster):
    dead = (view(1), view(2), silent(3))
    first = after(healthy(), dead)
    watch.observe(own_cluster, after(healthy()))
    watch.observe(own_cluster, first)
    rows = kinds(own_cluster)
    cache.clear()  # the process ended
    before = watch.recall(own_cluster.pk)
    assert before is not None and before.nodes == () and before.since == first.since
    again = health.judge(dead, before, first.as_of + timedelta(seconds=40))
    assert again.since == first.since and again.verdict is first.verdict
    watch.observe(own_cluster, again)
    assert kinds(own_cluster) == rows, "what goes on is not told twice"
    cache.clear()
    back = health.judge(healthy(), watch.recall(own_cluster.pk), first.as_of + timedelta(seconds=80))
    watch.observe(own_cluster, back)
    assert kinds(own_cluster)[len(rows) :] == ["node_back", "leaderless_over", "verdict"]
    assert Watch.objects.get(pk=own_cluster.pk).verdict == "healthy"


def test_silence_is_no_change_of_slots(own_cluster):
    for state in (after(healthy()), after(healthy(), tuple(silent(n) for n in (1, 2, 3))), after(healthy())):
        watch.observe(own_cluster, state)
    assert SlotChange.objects.filter(cluster=own_cluster).count() == 6, "once each, as they were first seen"


def test_an_older_view_writes_no_history(own_cluster):
    newer = tuple(health.replace(one, slots=tuple(health.replace(s, term=5) for s in one.slots)) for one in healthy())
    watch.observe(own_cluster, after(newer))
    watch.observe(own_cluster, after(healthy()))
    assert {row.term for row in SlotChange.objects.filter(cluster=own_cluster)} == {5}


def test_a_join_a_stuck_join_and_a_node_that_left(own_cluster):
    def of(node: int, **values) -> tuple:
        return with_members(tuple(view(n) for n in (1, 2, 3)), node, **values)

    watch.observe(own_cluster, after(healthy()))
    joining = after(of(3, status=2))
    watch.observe(own_cluster, joining)
    watch.observe(own_cluster, after(of(3, status=2), every=61.0, before=joining))
    watch.observe(own_cluster, after(healthy()))
    two = tuple(
        health.replace(view(n), members=tuple(m for m in view(n).members if m.id != 3), config=config()) for n in (1, 2)
    )
    watch.observe(own_cluster, after(two))
    told = [kind for kind in kinds(own_cluster) if kind.startswith("node_")]
    assert told == ["node_joining", "node_join_stuck", "node_joined", "node_left"]


def test_pages_ask_by_themselves_only_when_nobody_looked_lately(own_cluster, scope_of, sim):
    scope = scope_of(own_cluster, "viewer")
    first = watch.state(scope)
    asked = len(sim.requests)
    assert watch.state(scope) == first and len(sim.requests) == asked
    assert watch.state(scope, fresh=0.0).as_of > first.as_of
    watch.remember(own_cluster.pk, first)
    assert watch.recall(own_cluster.pk).as_of > first.as_of, "an older look replaces no newer one"
    watch.forget(own_cluster.pk)
    assert watch.recall(own_cluster.pk) is None


def test_a_look_from_before_the_clock_was_set_back_hides_no_newer_one(own_cluster, scope_of, sim):
    state = watch.state(scope_of(own_cluster, "viewer"))
    watch.remember(own_cluster.pk, replace(state, as_of=state.as_of + timedelta(hours=1)))
    assert watch.recall(own_cluster.pk) is None
    watch.remember(own_cluster.pk, state)
    assert watch.recall(own_cluster.pk) == state


def test_the_list_of_events_pages_by_moment_and_filters(own_cluster, scope_of):
    scope = scope_of(own_cluster, "viewer")
    for number in range(7):
        events.write(own_cluster, "node_silent" if number % 2 else "slot_leader", at=T0, node=number % 3, slot=number)
    first = events.page(scope, limit=3)
    assert [row.slot for row in first.rows] == [6, 5, 4]
    events.write(own_cluster, "verdict", before="healthy", after="down")
    second = events.page(scope, limit=3, cursor=first.next_cursor)
    third = events.page(scope, limit=3, cursor=second.next_cursor)
    assert [row.slot for row in (*second.rows, *third.rows)] == [3, 2, 1, 0] and not third.next_cursor
    assert {row.node for row in events.page(scope, events.EventFilter(node=2)).rows} == {2}
    assert {row.kind for row in events.page(scope, events.EventFilter(groups=("nodes",))).rows} == {"node_silent"}
    assert not events.page(scope, events.EventFilter(until=T0)).rows
    assert len(events.page(scope, events.EventFilter(since=T0 + timedelta(seconds=1))).rows) == 1


def test_old_rows_are_thrown_away_but_never_the_last_word_on_a_slot(own_cluster):
    Watch.objects.create(cluster=own_cluster, verdict="healthy", since=T0, looked_at=T0 - timedelta(days=40))
    events.write(own_cluster, "verdict", at=T0 - timedelta(days=91))
    for days, term in ((50, 1), (40, 2)):
        SlotChange.objects.create(cluster=own_cluster, slot=0, leader=1, term=term, at=T0 - timedelta(days=days))
    watch.observe(own_cluster, after(healthy()))
    assert "verdict" not in kinds(own_cluster)
    assert list(SlotChange.objects.filter(cluster=own_cluster, slot=0).values_list("term", flat=True)) == [2]


def test_every_kind_of_event_belongs_to_a_group():
    grouped = [kind for group in events.GROUPS.values() for kind in group]
    assert sorted(grouped) == sorted(events.KINDS)
