"""Kicking many sessions as an operation: what becomes of each, and what a pause, a stop and a dead process leave."""

from typing import Any

import pytest

from imadmin.audit.models import AuditEntry
from imadmin.clusters.access import Scope
from imadmin.core.errors import Conflict, Forbidden, InvalidInput, NotFound
from imadmin.monitor import fates as words
from imadmin.monitor.actions import kick, kick_run, operations
from imadmin.monitor.models import Operation
from imadmin.simulator import SimulatedCluster
from tests.monitor.operation_stage import *  # noqa: F403
from tests.monitor.operation_stage import carry_out, fates, kicks, listed, planned_kick, put_crowd, rows_of

pytestmark = pytest.mark.django_db


def test_all_that_were_chosen_are_gone_and_verified(scope: Scope, op_sim: SimulatedCluster) -> None:
    put_crowd(op_sim, 40)
    draft = planned_kick(scope, "everybody")

    operations.apply(scope, draft.pk, reason="half-open after 1003 left", per_second=100)
    ended = carry_out(draft)

    assert ended == {"state": "done", "done": 40}
    assert listed(op_sim) == 0
    intent = AuditEntry.objects.get(action="sessions.kick", phase="intent")
    outcome = intent.outcomes.get()
    assert (intent.actor, intent.target, intent.reason) == (scope.actor.name, draft.pk, "half-open after 1003 left")
    assert (outcome.outcome, outcome.detail["counts"]) == ("done", {"done": 40})


def test_a_plan_changes_nothing_and_tells_counts_per_node_and_device(scope: Scope, op_sim: SimulatedCluster) -> None:
    put_crowd(op_sim, 6)

    draft = planned_kick(scope, "uid u*")

    assert (listed(op_sim), kicks(op_sim)) == (6, 0)
    assert draft.summary["nodes"] == {"1001": 2, "1002": 2, "1003": 2}
    assert draft.summary["devices"] == {"APP": 3, "WEB": 3}
    assert draft.total == draft.targets.count() == 6


def test_a_plan_counts_the_bystanders_that_the_server_will_forget(scope: Scope, op_sim: SimulatedCluster) -> None:
    """Of the same number on the node that leads the user's slot, and not chosen themselves."""
    put_crowd(op_sim, 30)
    rows = rows_of(scope)
    chosen = [row for row in rows if row.node_id == 1001]
    expected = {(row.leader_id, row.id) for row in chosen if row.leader_id != 1001}

    assert kick.plan(scope, chosen, "node 1001").summary["bystanders"] == len(expected) > 0
    assert kick.plan(scope, rows, "all").summary["bystanders"] == 0


def test_sessions_of_one_user_are_kept_apart_and_all_go(scope: Scope, op_sim: SimulatedCluster) -> None:
    """Kicks of one uid that arrive together end only some of its sessions."""
    put_crowd(op_sim, 9, uid="one")
    put_crowd(op_sim, 12, uid="other{}")
    draft = planned_kick(scope)

    labels = [key["uid"] for key in draft.targets.order_by("position").values_list("key", flat=True)]
    operations.apply(scope, draft.pk, reason="many devices", per_second=100)

    assert labels[:13].count("one") == 1
    assert carry_out(draft) == {"state": "done", "done": 21}
    assert listed(op_sim) == 0


def test_who_left_before_is_told_as_already_gone_and_not_kicked(scope: Scope, op_sim: SimulatedCluster) -> None:
    put_crowd(op_sim, 5)
    draft = planned_kick(scope)
    operations.apply(scope, draft.pk, reason="tidying up")
    op_sim.call(lambda state: [state.online.left(one) for one in list(state.online.all())[:2]])

    assert carry_out(draft) == {"state": "done", "already": 2, "done": 3}
    assert kicks(op_sim) == 3


def test_sessions_that_came_after_the_plan_are_not_included(scope: Scope, op_sim: SimulatedCluster) -> None:
    put_crowd(op_sim, 3)
    draft = planned_kick(scope)
    put_crowd(op_sim, 4, uid="late{}")
    operations.apply(scope, draft.pk, reason="tidying up")

    assert carry_out(draft)["done"] == 3
    assert listed(op_sim) == 4


def test_a_client_that_connects_again_is_told_as_come_back(
    scope: Scope, op_sim: SimulatedCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_crowd(op_sim, 2)
    draft = planned_kick(scope)
    operations.apply(scope, draft.pk, reason="tidying up")
    send = kick_run._Sender.send

    async def and_one_returns(self: Any, calls: Any) -> Any:
        answers = await send(self, calls)
        put_crowd(op_sim, 1, node=1003)  # u0 with its device again
        return answers

    monkeypatch.setattr(kick_run._Sender, "send", and_one_returns)

    assert carry_out(draft) == {"state": "done", "returned": 1, "done": 1}
    back = draft.targets.get(result="returned")
    assert back.key["uid"] == "u0" and "1003 #" in back.detail


def test_what_a_kick_does_not_end_is_kicked_once_more_then_told_as_still_there(
    scope: Scope, op_sim: SimulatedCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_crowd(op_sim, 2)
    draft = planned_kick(scope)
    operations.apply(scope, draft.pk, reason="tidying up")
    op_sim.call(lambda state: setattr(state.closings, "add", lambda *_args, **_more: None))

    assert carry_out(draft) == {"state": "done", "still": 2}
    assert kicks(op_sim) == 4
    assert AuditEntry.objects.get(action="sessions.kick", phase="outcome").outcome == "failed"


def test_sessions_on_a_silent_node_are_unknown_and_the_others_done(scope: Scope, op_sim: SimulatedCluster) -> None:
    put_crowd(op_sim, 9)
    draft = planned_kick(scope)
    operations.apply(scope, draft.pk, reason="tidying up")
    op_sim.kill(1003)

    ended = carry_out(draft)

    assert ended["state"] == "done"
    unknown = draft.targets.filter(result="unknown")
    assert {target.key["node"] for target in unknown} >= {1003}
    assert ended["done"] + ended["unknown"] == 9 and ended["done"] >= 2


def test_a_pause_ends_sending_and_reads_back_and_a_resume_goes_on(
    scope: Scope, op_sim: SimulatedCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_crowd(op_sim, 30)
    draft = planned_kick(scope)
    operations.apply(scope, draft.pk, reason="tidying up", per_second=30)
    pause_after(monkeypatch, scope, draft, kicked=10)

    assert carry_out(draft)["state"] == "paused"
    sent = kicks(op_sim)
    assert 10 <= sent < 30
    assert fates(draft) == {"done": sent, "waiting": 30 - sent}
    assert carry_out(draft) == {"state": "paused"}  # nobody goes on unasked

    found, needs_job = operations.resume(scope, draft.pk)
    assert (found.state, needs_job) == ("queued", True)
    assert carry_out(draft) == {"state": "done", "done": 30}
    assert kicks(op_sim) == 30


def test_a_stop_keeps_what_is_done_and_reports_the_rest_as_not_attempted(
    scope: Scope, op_sim: SimulatedCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_crowd(op_sim, 30)
    draft = planned_kick(scope)
    operations.apply(scope, draft.pk, reason="tidying up", per_second=30)
    pause_after(monkeypatch, scope, draft, kicked=10, act=operations.stop)

    ended = carry_out(draft)

    assert ended["state"] == "stopped"
    assert ended["done"] == kicks(op_sim) == 30 - ended["skipped"]
    outcome = AuditEntry.objects.get(action="sessions.kick", phase="outcome")
    assert (outcome.outcome, outcome.detail["state"]) == ("partial", "stopped")


def test_a_paused_one_is_stopped_without_a_worker(scope: Scope, op_sim: SimulatedCluster) -> None:
    put_crowd(op_sim, 3)
    draft = planned_kick(scope)
    operations.apply(scope, draft.pk, reason="tidying up")
    operations.pause(scope, draft.pk)

    found, needs_job = operations.stop(scope, draft.pk)

    assert (found.state, needs_job, fates(draft), kicks(op_sim)) == ("stopped", False, {"skipped": 3}, 0)
    assert AuditEntry.objects.get(action="sessions.kick", phase="outcome").outcome == "failed"


def test_a_process_that_dies_in_the_middle_leaves_work_that_is_taken_up_without_kicking_twice(
    scope: Scope, op_sim: SimulatedCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_crowd(op_sim, 30)
    draft = planned_kick(scope)
    operations.apply(scope, draft.pk, reason="tidying up", per_second=100)

    class Killed(BaseException):
        pass

    calls = 0
    send = kick_run._Sender.send

    def dies(self: Any, batch: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise Killed  # the batch is written down and never sent
        return send(self, batch)

    monkeypatch.setattr(kick_run._Sender, "send", dies)
    with pytest.raises(Killed):
        carry_out(draft)
    monkeypatch.setattr(kick_run._Sender, "send", send)
    assert Operation.objects.get(pk=draft.pk).state == "running"
    assert draft.targets.filter(tries=1, result="").count() == 30

    monkeypatch.setattr(operations, "SILENT_AFTER", operations.timedelta(seconds=0.3))
    ended = carry_out(draft)

    assert ended == {"state": "done", "done": 30}
    assert kicks(op_sim) == 30
    assert AuditEntry.objects.filter(action="sessions.kick", phase="outcome").count() == 1


def test_only_one_process_carries_it_out(scope: Scope, op_sim: SimulatedCluster) -> None:
    put_crowd(op_sim, 3)
    draft = planned_kick(scope)
    operations.apply(scope, draft.pk, reason="tidying up")
    seen: list[str] = []

    def beat(**_told: Any) -> None:
        if not seen:
            seen.append("")
            seen[0] = operations.carry_out(draft.pk, lambda **told: None, lambda: True)["state"]

    operations.carry_out(draft.pk, beat, lambda: False)

    assert seen == ["taken"]
    assert kicks(op_sim) == 3


def test_a_process_that_closes_hands_it_back(
    scope: Scope, op_sim: SimulatedCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_crowd(op_sim, 40)
    draft = planned_kick(scope)
    operations.apply(scope, draft.pk, reason="tidying up", per_second=100)

    assert carry_out(draft, until=lambda: kicks(op_sim) >= 10)["state"] == "left"
    assert Operation.objects.get(pk=draft.pk).state == "queued"
    assert carry_out(draft) == {"state": "done", "done": 40}
    assert kicks(op_sim) == 40


def test_refusals_in_a_row_pause_it_with_the_reason(
    scope: Scope, op_sim: SimulatedCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_crowd(op_sim, 30)
    draft = planned_kick(scope)
    operations.apply(scope, draft.pk, reason="tidying up", per_second=100)
    monkeypatch.setattr(kick_run, "REFUSED_IN_A_ROW", 5)
    refuse_kicks(monkeypatch, scope)

    assert carry_out(draft)["state"] == "paused"
    found = Operation.objects.get(pk=draft.pk)
    assert "paused by itself. The last one: The account we use" in words.read(found.error)
    assert kicks(op_sim) == 0


def test_nothing_of_the_loop_needs_the_broker_or_listeners(
    scope: Scope, op_sim: SimulatedCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Redis gone in the middle: signals and beats fail, the kicks go on."""
    from imadmin.core import events

    put_crowd(op_sim, 10)
    draft = planned_kick(scope)
    operations.apply(scope, draft.pk, reason="tidying up")

    def broken(*_args: Any, **_more: Any) -> None:
        raise ConnectionError("redis is gone")

    forget = events.listen(broken)
    try:
        ended = operations.carry_out(draft.pk, broken, lambda: False)
    finally:
        forget()

    assert ended == {"state": "done", "done": 10}


# -- the plan ----------------------------------------------------------------------------------------------------------


def test_a_plan_is_applied_once_by_its_maker_and_in_time(scope: Scope, op_sim: SimulatedCluster, scope_of: Any) -> None:
    put_crowd(op_sim, 2)
    draft = planned_kick(scope)

    with pytest.raises(Conflict, match="Only who made"):
        operations.apply(scope_of(scope.cluster, "support"), draft.pk, reason="not mine")
    with pytest.raises(Conflict, match="isn't the plan"):
        operations.apply(scope, draft.pk, reason="another", state_hash="0" * 64)
    with pytest.raises(InvalidInput):
        operations.apply(scope, draft.pk, reason="")
    with pytest.raises(InvalidInput):
        operations.apply(scope, draft.pk, reason="too quick", per_second=101)
    operations.apply(scope, draft.pk, reason="now", state_hash=draft.state_hash)
    with pytest.raises(Conflict, match="already applied"):
        operations.apply(scope, draft.pk, reason="again")

    old = planned_kick(scope)
    Operation.objects.filter(pk=old.pk).update(expires_at=old.expires_at - operations.timedelta(minutes=11))
    with pytest.raises(Conflict, match="older than ten minutes"):
        operations.apply(scope, old.pk, reason="late")
    assert kicks(op_sim) == 0


def test_planning_needs_the_right_and_a_target(scope: Scope, op_sim: SimulatedCluster, scope_of: Any) -> None:
    put_crowd(op_sim, 1)
    with pytest.raises(InvalidInput):
        kick.plan(scope, [], "nobody")
    with pytest.raises(Forbidden):
        kick.plan(scope_of(scope.cluster, "viewer"), rows_of(scope), "all")
    with pytest.raises(NotFound):
        operations.find(scope, "nothing")
    draft = planned_kick(scope)
    operations.discard(scope, draft.pk)
    assert not Operation.objects.exists()


def pause_after(
    monkeypatch: pytest.MonkeyPatch, scope: Scope, draft: Operation, *, kicked: int, act: Any = operations.pause
) -> None:
    """Act as soon as so many were sent."""
    send_batch = kick_run._Kicks._send_batch
    done: list[int] = []

    def sends(self: Any, batch: Any) -> Any:
        answers = send_batch(self, batch)
        done.extend(target.pk for target in batch)
        if len(done) >= kicked and sends.pending:  # type: ignore[attr-defined]
            sends.pending = False  # type: ignore[attr-defined]
            act(scope, draft.pk)
        return answers

    sends.pending = True  # type: ignore[attr-defined]
    monkeypatch.setattr(kick_run._Kicks, "_send_batch", sends)
    monkeypatch.setattr(kick_run, "BATCH_MOST", 5)


def refuse_kicks(monkeypatch: pytest.MonkeyPatch, scope: Scope) -> None:
    from imadmin.gateway.errors import NotAllowed

    async def refused(_session: Any) -> None:
        raise NotAllowed(node="1001", operation="kick_session")

    monkeypatch.setattr(scope.gateway, "kick_session", refused)
    monkeypatch.setattr(kick_run, "BATCH_MOST", 5)
