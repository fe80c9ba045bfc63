"""Long changes go on beside the request: their progress, their report, and what is said when they are cut off."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from imadmin.core.errors import Busy, NotFound
from imadmin.core.outcomes import Outcomes, Result, TargetOutcome
from imadmin.directory import plans
from imadmin.directory.actions import beside, lists
from imadmin.directory.actions.lists import ListChange, Verb
from imadmin.directory.models import Plan
from imadmin.directory.queries.lists import ListName
from imadmin.directory.uids import UidList
from tests.directory.channel_stage import group, stored

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
    beside._run(plan, lambda: 1 // 0)  # type: ignore[arg-type, return-value]
    assert plans.progress(scope, plan.pk, "channel.deny", "2/tea").error == beside.OUR_FAULT
    kept = plans.keep(scope, "channel.deny", "2/tea", {"uids": ["ann"]}, "state")
    with pytest.raises(NotFound):
        plans.progress(scope, kept.pk, "channel.deny", "2/tea")
