"""The overview: a look that is shared, its last hour, what happened, the last changes."""

from imadmin.audit.record import Target, event, recorded
from imadmin.monitor import events, queries
from imadmin.monitor.health_types import Verdict


def test_a_look_is_shared_until_somebody_asks_again(own_cluster, scope_of, sim):
    scope = scope_of(own_cluster, "viewer")
    first = queries.overview(scope)
    assert first.state.verdict is Verdict.HEALTHY and first.hour["sends"].is_empty
    sim.kill(sim.nodes[2].id)
    assert queries.overview(scope).state == first.state
    assert queries.overview(scope, again=True).state.verdict is Verdict.DEGRADED


def test_a_cluster_that_is_down_is_an_answer(own_cluster, scope_of, sim):
    for one in sim.nodes:
        sim.kill(one.id)
    assert queries.overview(scope_of(own_cluster, "viewer")).state.verdict is Verdict.DOWN


def test_troubles_and_restarts_are_counted_from_what_was_written_down(own_cluster, scope_of, sim):
    sim.kill(sim.nodes[1].id)
    for kind in ("node_silent", "node_restarted", "node_restarted", "slot_leader"):
        events.write(own_cluster, kind, node=1002)
    seen = queries.overview(scope_of(own_cluster, "viewer"))
    assert seen.troubles == {"bad": 1, "warn": 2} and seen.restarts == {1002: 2}
    assert len(seen.events) == 4


def test_the_last_changes_leave_out_searches_and_readings(own_cluster, scope_of):
    scope = scope_of(own_cluster, "admin")
    with recorded(scope.actor, "channel.deny", Target("channel", "2/team"), "spam", cluster="own"):
        pass
    event(scope.actor, "message.search", Target("cluster", "own"), cluster="own")
    with recorded(scope.actor, "channel.deny", Target("channel", "2/x"), "spam", cluster="elsewhere"):
        pass
    found = queries.last_actions(scope)
    assert [(row.entry.action, row.entry.target, row.outcome) for row in found.rows] == [
        ("channel.deny", "2/team", "done")
    ]


def test_the_last_changes_are_found_behind_any_number_of_searches(own_cluster, scope_of):
    scope = scope_of(own_cluster, "admin")
    with recorded(scope.actor, "channel.deny", Target("channel", "2/team"), "spam", cluster="own"):
        pass
    for _ in range(120):
        event(scope.actor, "message.search", Target("cluster", "own"), cluster="own")
    assert [row.entry.action for row in queries.last_actions(scope).rows] == ["channel.deny"]


def test_without_the_right_to_the_trail_only_ones_own_actions_show(own_cluster, scope_of):
    for role in ("admin", "moderator"):
        scope = scope_of(own_cluster, role)
        with recorded(scope.actor, f"did.{role}", Target("channel", "2/team"), "spam", cluster="own"):
            pass
    found = queries.last_actions(scope_of(own_cluster, "moderator"))
    assert [row.entry.action for row in found.rows] == ["did.moderator"]
    assert found.are_own
