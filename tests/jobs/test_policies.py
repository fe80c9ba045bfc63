"""Cleanup policies: simulated first, kept to caps, holds and the safety stop, run by hand and by schedule, told in runs."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from imadmin.audit.models import AuditEntry
from imadmin.core.aio import run
from imadmin.core.errors import Conflict, Forbidden, InvalidInput, NotFound
from imadmin.gateway.types import ChannelFlags, ChannelRef
from imadmin.jobs import work
from imadmin.jobs.beat import Beat, Scheduler
from imadmin.jobs.models import Hold, JobRun, Policy
from imadmin.jobs.notes import read_error
from imadmin.jobs.policy import actions, queries
from imadmin.jobs.policy.actions import Wanted
from imadmin.jobs.run import Run
from imadmin.jobs.schedule import Cron, fire

pytestmark = pytest.mark.django_db
CLOSED = ChannelRef("g-closed", 2)
MEMBERS = Wanted("disbanded-members", {"days": 0}, cap=1000, stop_above=100)
WHY = "old groups"


@pytest.fixture
def scope(own_cluster: Any, scope_of: Any) -> Any:
    scope = scope_of(own_cluster, "admin")
    run(scope.gateway.create_channel(CLOSED, ChannelFlags(disband=True), ["ann", "ben", "cem"]))
    return scope


def carried_out(row: JobRun) -> JobRun:
    work.execute(row.pk)
    row.refresh_from_db()
    return row


def members(scope: Any) -> set[str]:
    return set(run(scope.gateway.subscribers(CLOSED)))


def simulated(scope: Any, wanted: Wanted = MEMBERS) -> Policy:
    policy = actions.create(scope, wanted, reason=WHY)
    assert carried_out(actions.simulate(scope, policy.pk)).state == "done"
    policy.refresh_from_db()
    return policy


def test_a_simulation_lists_and_counts_and_touches_nothing(scope: Any) -> None:
    policy = actions.create(scope, MEMBERS, reason=WHY)
    told = carried_out(actions.simulate(scope, policy.pk)).result
    assert told is not None and (told["found"], told["simulated"], told["held"]) == (3, True, 0)
    assert told["targets"][0] == "ann · 2/g-closed"
    assert members(scope) == {"ann", "ben", "cem"}


def test_it_runs_only_after_a_simulation_of_its_present_settings(scope: Any) -> None:
    policy = actions.create(scope, MEMBERS, reason=WHY)
    with pytest.raises(Conflict, match="Simulate"):
        actions.run_now(scope, policy.pk, reason=WHY)
    with pytest.raises(Conflict, match="Simulate"):
        actions.switch(scope, policy.pk, on=True, reason=WHY)
    carried_out(actions.simulate(scope, policy.pk))
    actions.switch(scope, policy.pk, on=True, reason=WHY)
    changed = actions.change(scope, policy.pk, Wanted("", {"days": 3}, 1000, 100), reason="later")
    assert not changed.is_enabled
    with pytest.raises(Conflict, match="Simulate"):
        actions.run_now(scope, policy.pk, reason=WHY)


def test_a_run_does_it_and_a_second_right_after_removes_nothing(scope: Any) -> None:
    policy = simulated(scope)
    first = carried_out(actions.run_now(scope, policy.pk, reason=WHY))
    assert (first.state, first.result["done"]) == ("done", 3)
    assert members(scope) == set()
    second = carried_out(actions.run_now(scope, policy.pk, reason=WHY))
    assert (second.state, second.result["found"], second.result["done"]) == ("done", 0, 0)
    entry = AuditEntry.objects.get(action="channel.remove_members", phase="intent")
    assert entry.actor_kind == "system" and str(policy.pk) in entry.actor and "Cleanup policy" in entry.reason


@pytest.mark.parametrize("by", ["user", "channel"])
def test_what_is_held_is_not_touched(scope: Any, by: str) -> None:
    policy = simulated(scope)
    held = {"uid": "ann"} if by == "user" else {"channel": CLOSED}
    kept = actions.hold(scope, **held, reason="case 5512")
    done = carried_out(actions.run_now(scope, policy.pk, reason=WHY))
    assert members(scope) == ({"ann"} if by == "user" else {"ann", "ben", "cem"})
    assert done.result["held"] == (1 if by == "user" else 3)
    actions.lift_hold(scope, kept.pk, reason="case closed")
    carried_out(actions.run_now(scope, policy.pk, reason=WHY))
    assert members(scope) == set()


def test_the_cap_leaves_the_rest_for_the_next_run(scope: Any) -> None:
    policy = simulated(scope, Wanted("disbanded-members", {"days": 0}, cap=2, stop_above=100))
    done = carried_out(actions.run_now(scope, policy.pk, reason=WHY))
    assert (done.result["done"], done.result["left_for_next"]) == (2, 1)
    assert len(members(scope)) == 1


def test_the_safety_stop_ends_before_anything_is_touched(scope: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    run(scope.gateway.add_subscribers(CLOSED, [f"u{number}" for number in range(30)]))
    policy = simulated(scope, Wanted("disbanded-members", {"days": 0}, cap=1000, stop_above=10))
    done = carried_out(actions.run_now(scope, policy.pk, reason=WHY))
    told = read_error(done.error)
    assert done.state == "failed" and "Nothing was touched" in told and "10%" in told
    monkeypatch.setattr("imadmin.monitor.fates.gettext", lambda text: f"说：{text}")
    assert read_error(done.error) == f"说：{told}", "its figures don't keep it from being translated"
    assert len(members(scope)) == 33


def test_a_run_that_waits_while_the_policy_is_changed_touches_nothing(scope: Any) -> None:
    policy = simulated(scope)
    row = actions.run_now(scope, policy.pk, reason=WHY)
    actions.change(scope, policy.pk, Wanted("", {"days": 0}, 500, 100), reason="fewer at a time")
    done = carried_out(row)
    assert done.state == "failed" and "Simulate" in done.error
    assert len(members(scope)) == 3


def test_a_stopped_look_is_no_simulation_and_begins_no_cleaning(scope: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(run: Run) -> bool:
        run.told_to_stop = "person"
        return True

    policy = actions.create(scope, MEMBERS, reason=WHY)
    with monkeypatch.context() as patch:
        patch.setattr(Run, "should_stop", stopped)
        assert carried_out(actions.simulate(scope, policy.pk)).state == "stopped"
    policy.refresh_from_db()
    assert policy.simulated_at is None


def test_a_run_that_is_taken_up_again_keeps_to_its_one_cap(scope: Any) -> None:
    policy = simulated(scope, Wanted("disbanded-members", {"days": 0}, cap=2, stop_above=100))
    row = actions.run_now(scope, policy.pk, reason=WHY)
    JobRun.objects.filter(pk=row.pk).update(attempt=1, reached=1)
    done = carried_out(row)
    assert (done.result["done"], done.reached, len(members(scope))) == (1, 2, 2)
    again = actions.run_now(scope, policy.pk, reason=WHY)
    JobRun.objects.filter(pk=again.pk).update(attempt=1, reached=2)
    assert carried_out(again).result["done"] == 0 and len(members(scope)) == 2


def test_a_cluster_that_is_added_later_gets_its_policies(own_cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    beat, turns = Beat(), []

    def tick(_scheduler: Scheduler) -> float:
        turns.append(Policy.objects.count())
        Policy.objects.all().delete()
        if len(turns) == 2:
            beat.stop()
        return 0.0

    monkeypatch.setattr(Scheduler, "tick", tick)
    monkeypatch.setattr("imadmin.jobs.beat.GIVEN_SECONDS", 0.0)
    beat.run()
    assert turns == [2, 2]


def test_its_schedule_runs_it_only_while_it_is_on(scope: Any) -> None:
    wanted = Wanted("disbanded-members", {"days": 0}, 1000, 100, Cron(minute="*"))
    policy = simulated(scope, wanted)
    assert policy.schedule is not None and not policy.schedule.enabled
    actions.switch(scope, policy.pk, on=True, reason=WHY)
    policy.refresh_from_db()
    fire(policy.schedule.pk, datetime.now(UTC) + timedelta(seconds=70))
    row = JobRun.objects.get(policy=policy, trigger="schedule", state="queued")
    assert row.params == {"simulate": False}
    assert carried_out(row).result["done"] == 3


def test_a_policy_goes_with_its_schedule_and_its_runs_stay(scope: Any) -> None:
    policy = simulated(scope, Wanted("disbanded-members", {"days": 0}, 1000, 100, Cron(hour="3")))
    entry = policy.schedule
    actions.delete(scope, policy.pk, reason="not needed")
    assert not type(entry).objects.filter(pk=entry.pk).exists()
    assert JobRun.objects.filter(job="policy.run", policy=None).count() == 1


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        (Wanted("disbanded-members", {"days": -1}), "days"),
        (Wanted("disbanded-members", {"days": "seven"}), "days"),
        (Wanted("disbanded-members", {"weeks": 2}), "weeks"),
        (Wanted("disbanded-members", {}, cap=0), "cap"),
        (Wanted("disbanded-members", {}, stop_above=101), "stop_above"),
    ],
)
def test_wrong_settings_are_refused_by_name(scope: Any, wanted: Wanted, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        actions.create(scope, wanted, reason=WHY)
    assert list(refused.value.fields) == [field]
    assert not Policy.objects.filter(kind="disbanded-members").exists()


def test_each_cluster_has_the_policies_for_our_own_rows_and_keeps_its_own_choice(scope: Any) -> None:
    actions.ensure_given()
    assert set(Policy.objects.values_list("kind", flat=True)) == {"samples", "job-runs"}
    given = Policy.objects.get(kind="samples")
    actions.switch(scope, given.pk, on=False, reason="kept for an audit")
    actions.ensure_given()
    given.refresh_from_db()
    assert Policy.objects.count() == 2 and not given.is_enabled
    with pytest.raises(Conflict):
        actions.delete(scope, given.pk, reason=WHY)


def test_old_runs_of_this_cluster_are_forgotten(scope: Any, own_cluster: Any) -> None:
    actions.ensure_given()
    policy = Policy.objects.get(kind="job-runs")
    old = datetime.now(UTC) - timedelta(days=40)
    for name, moment in (("old", old), ("new", datetime.now(UTC))):
        JobRun.objects.create(
            id=name, job="sample", cluster=own_cluster, state="done", trigger="schedule", finished_at=moment
        )
    done = carried_out(actions.run_now(scope, policy.pk, reason=WHY))
    assert done.result["done"] == 1
    assert not JobRun.objects.filter(pk="old").exists() and JobRun.objects.filter(pk="new").exists()


def test_rows_of_our_own_keep_to_the_cap_too(scope: Any, own_cluster: Any) -> None:
    actions.ensure_given()
    policy = Policy.objects.get(kind="job-runs")
    Policy.objects.filter(pk=policy.pk).update(cap=2)
    for name in "abc":
        JobRun.objects.create(
            id=name, job="sample", cluster=own_cluster, state="done", trigger="schedule",
            finished_at=datetime.now(UTC) - timedelta(days=40),
        )  # fmt: skip
    done = carried_out(actions.run_now(scope, policy.pk, reason=WHY))
    assert (done.result["done"], done.result["left_for_next"]) == (2, 1)
    assert JobRun.objects.filter(pk__in="abc").count() == 1


def test_the_last_run_is_told_however_many_simulations_came_after(scope: Any, own_cluster: Any) -> None:
    policy = simulated(scope)
    last = carried_out(actions.run_now(scope, policy.pk, reason=WHY))
    for number in range(60):
        JobRun.objects.create(
            id=f"s{number}", job="policy.run", cluster=own_cluster, policy=policy, state="done", trigger="person",
            params={"simulate": True},
        )  # fmt: skip
    (row,) = queries.policies(scope)
    assert row.last == last and row.simulation is not None
    assert queries.policy(scope, policy.pk)[0].last == last


def test_holds_name_one_thing_and_once(scope: Any) -> None:
    with pytest.raises(InvalidInput):
        actions.hold(scope, reason=WHY)
    actions.hold(scope, uid="ann", reason=WHY)
    with pytest.raises(InvalidInput):
        actions.hold(scope, uid="ann", reason=WHY)
    assert Hold.objects.count() == 1


def test_only_who_manages_policies_may(own_cluster: Any, scope: Any, scope_of: Any) -> None:
    policy = actions.create(scope, MEMBERS, reason=WHY)
    moderator = scope_of(own_cluster, "moderator")
    for act in (
        lambda: actions.create(moderator, MEMBERS, reason=WHY),
        lambda: actions.change(moderator, policy.pk, MEMBERS, reason=WHY),
        lambda: actions.switch(moderator, policy.pk, on=False, reason=WHY),
        lambda: actions.simulate(moderator, policy.pk),
        lambda: actions.run_now(moderator, policy.pk, reason=WHY),
        lambda: actions.delete(moderator, policy.pk, reason=WHY),
        lambda: actions.hold(moderator, uid="ann", reason=WHY),
        lambda: actions.lift_hold(moderator, 1, reason=WHY),
    ):
        with pytest.raises(Forbidden):
            act()


def test_a_policy_of_another_cluster_is_not_found(
    scope: Any, make_cluster: Any, demo_cluster: Any, scope_of: Any
) -> None:
    policy = actions.create(scope, MEMBERS, reason=WHY)
    elsewhere = scope_of(make_cluster(demo_cluster, slug="other"), "owner")
    with pytest.raises(NotFound):
        actions.simulate(elsewhere, policy.pk)
