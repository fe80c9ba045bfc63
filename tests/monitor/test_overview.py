"""The overview's figures: added up where told, unknown where not; the verdict; the last changes."""

from dataclasses import replace

import pytest

from imadmin.audit.record import Target, event, recorded
from imadmin.gateway.types import NodeStatus
from imadmin.monitor import queries
from imadmin.monitor.queries import Verdict, verdict_of


def node(number, **changes):
    status = NodeStatus(
        id=number, cluster_address="", api_url="", answers=True, is_leader=number == 1, online_by_cluster=True,
        connections=1, version=None, uptime=None, memory=None, goroutines=None, slots_led=None, config_version=None,
        latency=None,
    )  # fmt: skip
    return replace(status, **changes)


@pytest.mark.parametrize(
    ("nodes", "verdict"),
    [
        ((node(1), node(2)), Verdict.OK),
        ((node(1), node(2, answers=False)), Verdict.DEGRADED),
        ((node(1, answers=False), node(2, answers=False)), Verdict.DOWN),
        ((), Verdict.DOWN),
        ((node(2), node(3)), Verdict.UNSURE),
        ((node(1), node(2, is_leader=True)), Verdict.UNSURE),
        ((node(1), node(2, online_by_cluster=False)), Verdict.UNSURE),
        ((node(1, is_leader=None), node(2)), Verdict.UNSURE),
    ],
)
def test_the_verdict_is_no_better_than_what_was_heard(nodes, verdict):
    assert verdict_of(nodes) is verdict


def test_a_healthy_cluster_is_added_up(cluster, scope_of):
    found = queries.nodes(scope_of(cluster, "viewer"))
    assert found.verdict is Verdict.OK
    assert (found.answering, len(found.nodes)) == (3, 3)
    assert found.connections.is_complete
    assert found.slots_led.value == 64


def test_a_dead_node_is_missing_not_zero(own_cluster, scope_of, sim):
    scope = scope_of(own_cluster, "viewer")
    sim.call(lambda state: state.add_connection("anna", sim.nodes[0].id))
    queries.nodes(scope)
    sim.kill(sim.nodes[2].id)
    found = queries.nodes(scope)
    assert found.verdict is Verdict.DEGRADED
    assert [one.id for one in found.silent] == [sim.nodes[2].id]
    assert found.silent[0].connections is None
    assert (found.connections.value, found.connections.told_by, found.connections.of) == (1, 2, 3)
    assert not found.connections.is_complete
    assert [failure.node for failure in found.failed] == [str(sim.nodes[2].id)]


def test_a_cluster_that_is_down_is_an_answer(own_cluster, scope_of, sim):
    for one in sim.nodes:
        sim.kill(one.id)
    found = queries.nodes(scope_of(own_cluster, "viewer"))
    assert found.verdict is Verdict.DOWN
    assert found.failure is not None
    assert (found.connections.value, found.nodes) == (None, ())


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
