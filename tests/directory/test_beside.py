"""Long changes go on beside the request: their progress, their report, and what is said when they are cut off."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from imadmin.audit.models import AuditEntry
from imadmin.core.errors import Busy, NotFound
from imadmin.core.outcomes import Outcomes, Result, TargetOutcome
from imadmin.directory import patience, plans
from imadmin.directory.actions import beside, lists, pieces
from imadmin.directory.actions.lists import ListChange, Verb
from imadmin.directory.models import Plan, Restriction
from imadmin.directory.queries.lists import ListName
from imadmin.directory.uids import UidList
from tests.directory.channel_stage import group, stored
from tests.directory.locked import locked

MANY = tuple(f"u{number}" for number in range(60))


@pytest.fixture
def scope(own_cluster: Any, scope_of: Callable[[Any, str], Any]) -> Any:
    return scope_of(own_cluster, "admin")


def until(done: Callable[[], bool]) -> None:
    for _ in range(200):
        if done():
            return
        time.sleep(0.05)
    raise AssertionError("it never came to an end")


@pytest.mark.django_db(transaction=True)
def test_a_long_plan_is_carried_out_by_a_thread_and_leaves_its_report(scope: Any, sim: Any) -> None:
    channel = group(sim, members=[])
    change = ListChange(channel, ListName.DENYLIST, Verb.ADD)
    plan = lists.preview(scope, change, UidList(MANY))
    assert lists.begin(scope, change, plan.id, reason="spam wave") is None
    until(lambda: plans.progress(scope, plan.id, change.action, str(channel)).is_over)
    over = plans.progress(scope, plan.id, change.action, str(channel))
    assert over.outcomes and over.outcomes.counts() == {"done": 60} and over.reached == 60
    assert stored(sim, "denied", channel) == set(MANY)


@pytest.mark.django_db
def test_a_short_plan_is_over_at_once(scope: Any, sim: Any) -> None:
    change = ListChange(group(sim), ListName.MEMBERS, Verb.ADD)
    plan = lists.preview(scope, change, UidList(("zoe",)))
    outcomes = lists.begin(scope, change, plan.id, reason="joins")
    assert outcomes and outcomes.counts() == {"done": 1}
    assert plans.progress(scope, plan.id, change.action, str(change.channel)).outcomes == outcomes


@pytest.mark.django_db
def test_too_many_at_once_are_refused_and_the_plan_is_not_used_up(scope: Any, sim: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(beside, "_places", threading.BoundedSemaphore(1))
    beside._places.acquire()
    change = ListChange(group(sim), ListName.MEMBERS, Verb.ADD)
    plan = lists.preview(scope, change, UidList(MANY))
    with pytest.raises(Busy):
        lists.begin(scope, change, plan.id, reason="import")
    assert Plan.objects.get(pk=plan.id).applied_at is None


@pytest.mark.django_db(transaction=True)
def test_a_stop_ends_a_change_between_two_pieces_and_it_says_what_was_not_written(
    scope: Any, sim: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(pieces, "FIRST", 5)
    monkeypatch.setattr(pieces, "MOST", 5)
    channel = group(sim, members=[])
    change = ListChange(channel, ListName.MEMBERS, Verb.ADD)
    plan = lists.preview(scope, change, UidList(MANY))
    assert lists.begin(scope, change, plan.id, reason="import") is None
    until(lambda: bool(stored(sim, "members", channel)))
    assert beside.stop(10)
    over = plans.progress(scope, plan.id, change.action, str(channel)).outcomes
    written = stored(sim, "members", channel)
    assert over and set(over.of(Result.DONE)) == written and 0 < len(written) < 60
    assert over.note == lists.STOPPED_HALF_WAY and over.items[-1] == TargetOutcome("u59", Result.FAILED, lists.STOPPED)
    assert AuditEntry.objects.get(phase="outcome").outcome == "partial"


@pytest.mark.django_db
def test_a_stop_does_not_wait_longer_than_it_may(scope: Any) -> None:
    gate = threading.Event()

    def stubborn(ends: Callable[[], bool]) -> Outcomes:
        gate.wait(10)
        raise Busy

    beside.start(applied(scope), stubborn)
    assert not beside.stop(0.05)
    gate.set()
    assert beside.stop(10)


@pytest.mark.django_db
def test_a_plan_whose_intent_cannot_be_written_is_not_used_up(scope: Any, sim: Any) -> None:
    change = ListChange(group(sim), ListName.DENYLIST, Verb.ADD)
    plan = lists.preview(scope, change, UidList(("ann",)))
    with locked("INSERT", "audit_auditentry"), pytest.raises(Busy):
        lists.begin(scope, change, plan.id, reason="spam")
    outcomes = lists.begin(scope, change, plan.id, reason="spam")
    assert outcomes and outcomes.counts() == {"done": 1}


@pytest.mark.django_db
def test_a_plan_beside_the_request_that_was_not_begun_says_so_and_can_be_applied(scope: Any, sim: Any) -> None:
    change = ListChange(group(sim), ListName.DENYLIST, Verb.ADD)
    kept = Plan.objects.get(pk=lists.preview(scope, change, UidList(("ann",))).id)
    plans.claim(kept)
    beside._places.acquire()
    with locked("INSERT", "audit_auditentry"):
        beside._run(
            kept, lambda ends: lists._carry_out(scope, change, ("ann",), [], "spam", kept, ends), threading.Event()
        )
    told = plans.progress(scope, kept.pk, change.action, str(change.channel))
    assert told.is_over and "nothing was changed" in told.error
    outcomes = lists.begin(scope, change, kept.pk, reason="spam")
    assert outcomes and outcomes.counts() == {"done": 1}
    assert plans.progress(scope, kept.pk, change.action, str(change.channel)).error == ""


@pytest.mark.django_db
def test_a_busy_database_does_not_end_a_change_whose_progress_it_cannot_keep(scope: Any, sim: Any) -> None:
    channel = group(sim, members=[])
    change = ListChange(channel, ListName.DENYLIST, Verb.ADD)
    plan = lists.preview(scope, change, UidList(MANY))
    with locked("UPDATE", '"reached" = 10'):
        outcomes = lists.apply(scope, change, plan.id, reason="spam wave")
    assert outcomes.counts() == {"done": 60} and stored(sim, "denied", channel) == set(MANY)
    assert AuditEntry.objects.get(phase="outcome").outcome == "done"


@pytest.mark.django_db
@pytest.mark.parametrize(("times", "note"), [(2, ""), (99, patience.NOT_REMEMBERED)])
def test_our_record_is_tried_again_and_its_loss_is_told(
    scope: Any, sim: Any, monkeypatch: Any, times: int, note: str
) -> None:
    monkeypatch.setattr(patience, "PAUSES", (0, 0, 0))
    change = ListChange(group(sim), ListName.DENYLIST, Verb.ADD)
    with locked("INSERT", "directory_restriction", times=times):
        outcomes = lists.change_list(scope, change, ["ann"], reason="spam")
    assert outcomes.counts() == {"done": 1} and outcomes.note == note
    assert Restriction.objects.count() == (0 if note else 1)
    assert AuditEntry.objects.filter(phase="outcome", outcome="done").count() == 1


def applied(scope: Any) -> Plan:
    plan = plans.keep(scope, "channel.deny", "2/tea", {"uids": ["ann", "ben"]}, "state")
    plans.claim(plan)
    return plan


@pytest.mark.django_db
def test_progress_is_told_and_silence_means_lost(scope: Any) -> None:
    plan = applied(scope)
    plans.tell(plan, 1)
    told = plans.progress(scope, plan.pk, "channel.deny", "2/tea")
    assert (told.reached, told.total, told.is_over) == (1, 2, False)
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=3), tick=False):
        assert plans.progress(scope, plan.pk, "channel.deny", "2/tea").is_lost


@pytest.mark.django_db
def test_a_report_is_read_back_as_it_was_written(scope: Any) -> None:
    plan = applied(scope)
    outcomes = Outcomes((TargetOutcome("ann", Result.DONE), TargetOutcome("ben", Result.FAILED, "why")), "note")
    plans.finish(plan, outcomes)
    assert plans.progress(scope, plan.pk, "channel.deny", "2/tea").outcomes == outcomes


@pytest.mark.django_db
def test_what_broke_is_told_and_an_unapplied_plan_has_no_progress(scope: Any) -> None:
    plan = applied(scope)
    beside._places.acquire()
    beside._run(plan, lambda ends: 1 // 0, threading.Event())  # type: ignore[arg-type, return-value]
    assert plans.progress(scope, plan.pk, "channel.deny", "2/tea").error == beside.OUR_FAULT
    kept = plans.keep(scope, "channel.deny", "2/tea", {"uids": ["ann"]}, "state")
    with pytest.raises(NotFound):
        plans.progress(scope, kept.pk, "channel.deny", "2/tea")
