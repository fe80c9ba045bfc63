"""Moving slots as an operation: what is refused, what is followed to its end, what is named stuck."""

from typing import Any

import pytest

from imadmin.audit.models import AuditEntry
from imadmin.clusters.access import Scope
from imadmin.core.aio import run
from imadmin.core.errors import Conflict, Forbidden, InvalidInput
from imadmin.gateway import moving
from imadmin.monitor import fates as words
from imadmin.monitor.actions import drafts, move_run, moves, operations
from imadmin.monitor.models import Operation
from imadmin.simulator import SimulatedCluster
from tests.monitor.operation_stage import *  # noqa: F403
from tests.monitor.operation_stage import carry_out, fates, wait_for

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_balancer(op_sim: SimulatedCluster) -> None:
    op_sim.call(lambda state: setattr(state.moves, "balances", False))


def leader_of(sim: SimulatedCluster, slot: int) -> int:
    return int(sim.call(lambda state: state.topology.view.slots[slot].leader))


def other(sim: SimulatedCluster, slot: int) -> int:
    """A node with a copy that doesn't lead it."""
    return next(node for node in (1001, 1002, 1003) if node != leader_of(sim, slot))


def told(draft: Operation) -> list[tuple[str, str]]:
    return [(one.result, words.plain(one.detail)) for one in draft.targets.order_by("position")]


def test_a_leader_moves_and_every_node_has_seen_it(scope: Scope, op_sim: SimulatedCluster) -> None:
    before, target = leader_of(op_sim, 5), other(op_sim, 5)

    draft = moves.plan(scope, [(5, before, target)])
    assert leader_of(op_sim, 5) == before
    operations.apply(scope, draft.pk, reason="even out")

    assert carry_out(draft) == {"state": "done", "done": 1}
    assert leader_of(op_sim, 5) == target
    assert "Seen by 3 nodes" in told(draft)[0][1]
    intent = AuditEntry.objects.get(action="slots.move", phase="intent")
    assert (intent.reason, intent.outcomes.get().outcome) == ("even out", "done")


def test_from_may_be_left_out_for_whoever_leads(scope: Scope, op_sim: SimulatedCluster) -> None:
    draft = moves.plan(scope, [(5, 0, other(op_sim, 5))])

    assert draft.targets.get().key["from"] == leader_of(op_sim, 5)


def test_moves_that_would_hang_for_ever_are_left_out_with_the_reason(scope: Scope, op_sim: SimulatedCluster) -> None:
    leader, target = leader_of(op_sim, 5), other(op_sim, 5)
    third = next(node for node in (1001, 1002, 1003) if node not in (leader, target))

    draft = moves.plan(
        scope,
        [
            (5, leader, target),
            (6, 0, 4242),
            (7, leader_of(op_sim, 7), leader_of(op_sim, 7)),
            (999, 0, target),
            (8, 4242, 1001),
            (5, leader, target),
        ],
    )

    assert draft.total == 1
    why = [one["why"][0] for one in draft.summary["left_out"]]
    assert why == [moving.NO_NODE, moving.SAME_NODE, moving.NO_SLOT, moving.NO_COPY, moves.TWICE]
    with pytest.raises(InvalidInput, match="only its leader can move there"):
        moves.plan(scope, [(5, target, third)])


def test_a_dead_node_is_no_target(scope: Scope, op_sim: SimulatedCluster) -> None:
    target = other(op_sim, 5)
    run(scope.gateway.node_views(slots=False))  # who there is, while the configured address answers
    op_sim.kill(target)
    wait_for(lambda: op_sim.call(lambda state: state.topology.view.leader not in (0, target)))

    with pytest.raises(InvalidInput, match="not online"):
        moves.plan(scope, [(5, 0, target)])


def test_a_plan_is_refused_with_a_new_one_when_its_slot_has_another_leader(
    scope: Scope, op_sim: SimulatedCluster
) -> None:
    leader, target = leader_of(op_sim, 5), other(op_sim, 5)
    third = next(node for node in (1001, 1002, 1003) if node not in (leader, target))
    draft = moves.plan(scope, [(5, leader, target)])
    run(scope.gateway.move_slot(5, leader, third))
    wait_for(lambda: leader_of(op_sim, 5) == third)

    with pytest.raises(drafts.PlanMoved) as refused:
        operations.apply(scope, draft.pk, reason="even out")

    fresh = refused.value.fresh
    assert fresh is not None and fresh.targets.get().key["from"] == third
    assert not Operation.objects.filter(pk=draft.pk).exists()
    assert leader_of(op_sim, 5) == third
    operations.apply(scope, fresh.pk, reason="even out")
    assert carry_out(fresh)["state"] == "done"


def test_a_plan_that_came_true_by_itself_leaves_nothing_to_do(scope: Scope, op_sim: SimulatedCluster) -> None:
    leader, target = leader_of(op_sim, 5), other(op_sim, 5)
    draft = moves.plan(scope, [(5, leader, target)])
    run(scope.gateway.move_slot(5, leader, target))
    wait_for(lambda: leader_of(op_sim, 5) == target)

    with pytest.raises(drafts.PlanMoved) as refused:
        operations.apply(scope, draft.pk, reason="even out")

    assert refused.value.fresh is None


def test_a_move_that_never_ends_is_named_stuck_with_what_helps_and_the_rest_is_not_attempted(
    scope: Scope, op_sim: SimulatedCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = moves.plan(scope, [(5, 0, other(op_sim, 5)), (6, 0, other(op_sim, 6))])
    operations.apply(scope, draft.pk, reason="even out")
    monkeypatch.setattr(move_run, "STUCK_AFTER", 0.5)
    op_sim.stick_moves()

    assert carry_out(draft) == {"state": "stopped", "still": 1, "skipped": 1}
    assert "completes by itself" in told(draft)[0][1]


def test_a_pending_slot_is_not_moved_again(scope: Scope, op_sim: SimulatedCluster) -> None:
    op_sim.stick_moves()
    run(scope.gateway.move_slot(5, leader_of(op_sim, 5), other(op_sim, 5)))

    with pytest.raises(InvalidInput, match="moves already"):
        moves.plan(scope, [(5, 0, other(op_sim, 5))])


def test_a_leader_that_changed_between_apply_and_its_turn_is_left_alone(scope: Scope, op_sim: SimulatedCluster) -> None:
    leader, target = leader_of(op_sim, 5), other(op_sim, 5)
    third = next(node for node in (1001, 1002, 1003) if node not in (leader, target))
    draft = moves.plan(scope, [(5, leader, target)])
    operations.apply(scope, draft.pk, reason="even out")
    run(scope.gateway.move_slot(5, leader, third))
    wait_for(lambda: leader_of(op_sim, 5) == third)

    assert carry_out(draft) == {"state": "done", "failed": 1}
    assert f"Led by node {third} by now" in told(draft)[0][1]


class Killed(BaseException):
    """The process is gone."""


def die_in_the_middle(draft: Operation, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first move is sent, and nobody is left to follow it."""

    def dies(*_args: Any) -> None:
        raise Killed

    monkeypatch.setattr(move_run, "_follow", dies)
    with pytest.raises(Killed):
        carry_out(draft)


def test_a_process_that_dies_while_it_follows_is_taken_up_and_sends_nothing_again(
    scope: Scope, op_sim: SimulatedCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = moves.plan(scope, [(5, 0, other(op_sim, 5))])
    operations.apply(scope, draft.pk, reason="even out")

    with monkeypatch.context() as dying:
        die_in_the_middle(draft, dying)
    monkeypatch.setattr(operations, "SILENT_AFTER", operations.timedelta(seconds=0.3))

    assert carry_out(draft) == {"state": "done", "done": 1}
    assert sum(1 for call in op_sim.requests if call[3].endswith("/migrate")) == 1


def test_a_stop_after_that_still_tells_what_became_of_the_move_that_was_sent(
    scope: Scope, op_sim: SimulatedCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = moves.plan(scope, [(5, 0, other(op_sim, 5)), (6, 0, other(op_sim, 6))])
    operations.apply(scope, draft.pk, reason="even out")
    with monkeypatch.context() as dying:
        die_in_the_middle(draft, dying)
    monkeypatch.setattr(operations, "SILENT_AFTER", operations.timedelta(seconds=0.3))

    operations.stop(scope, draft.pk)

    assert carry_out(draft) == {"state": "stopped", "done": 1, "skipped": 1}


def test_what_was_sent_and_cant_be_read_back_is_unknown_not_unattempted(
    scope: Scope, op_sim: SimulatedCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = moves.plan(scope, [(5, 0, other(op_sim, 5)), (6, 0, other(op_sim, 6))])
    operations.apply(scope, draft.pk, reason="even out")
    with monkeypatch.context() as dying:
        die_in_the_middle(draft, dying)
    monkeypatch.setattr(operations, "SILENT_AFTER", operations.timedelta(seconds=0.3))

    def locked_out(_cluster: object) -> None:
        raise Conflict("the token can't be opened")

    monkeypatch.setattr(operations.connect, "gateway_for", locked_out)
    with pytest.raises(Conflict, match="can't be opened"):
        carry_out(draft)

    assert fates(draft) == {"unknown": 1, "skipped": 1}


def test_one_move_at_a_time(scope: Scope, op_sim: SimulatedCluster) -> None:
    first, second = (moves.plan(scope, [(slot, 0, other(op_sim, slot))]) for slot in (5, 6))
    operations.apply(scope, first.pk, reason="even out")

    with pytest.raises(Conflict, match="One move at a time"):
        operations.apply(scope, second.pk, reason="even out")


def test_a_balance_brings_the_leaders_to_the_fair_share(scope: Scope, op_sim: SimulatedCluster) -> None:
    def tilt(state: Any) -> None:
        for slot in state.topology.view.slots[:8]:
            slot.leader = 1001

    with pytest.raises(InvalidInput, match="as even as they can be"):
        moves.balance(scope)
    op_sim.call(tilt)

    draft = moves.balance(scope)
    after = draft.summary["after"].values()
    operations.apply(scope, draft.pk, reason="even out")

    assert max(after) - min(after) <= 1
    assert carry_out(draft)["done"] == draft.total > 0
    led = op_sim.call(lambda state: [slot.leader for slot in state.topology.view.slots])
    assert {str(node): led.count(node) for node in (1001, 1002, 1003)} == draft.summary["after"]


def test_what_the_balancer_moves_back_is_told(
    scope: Scope, op_sim: SimulatedCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    leader, target = leader_of(op_sim, 5), other(op_sim, 5)
    draft = moves.plan(scope, [(5, leader, target)])
    operations.apply(scope, draft.pk, reason="even out")
    tell = move_run._tell_moved_back

    def later(work: Any) -> None:
        run(scope.gateway.move_slot(5, target, leader))
        wait_for(lambda: leader_of(op_sim, 5) == leader)
        tell(work)

    monkeypatch.setattr(move_run, "_tell_moved_back", later)

    assert carry_out(draft) == {"state": "done", "returned": 1}


def test_moving_needs_the_right_to_operate_the_cluster(scope: Scope, scope_of: Any) -> None:
    with pytest.raises(Forbidden):
        moves.plan(scope_of(scope.cluster, "moderator"), [(5, 0, 1001)])


def test_an_election_is_refused_without_another_living_copy(scope: Scope, op_sim: SimulatedCluster) -> None:
    run(scope.gateway.elect_slot(5))
    wait_for(lambda: any(call[3].endswith("/election") for call in op_sim.requests))
    leader = wait_for(lambda: leader_of(op_sim, 9))
    op_sim.call(lambda state: setattr(state.topology.view.slots[9], "replicas", [leader]))

    with pytest.raises(InvalidInput, match="never end"):
        run(scope.gateway.elect_slot(9))
