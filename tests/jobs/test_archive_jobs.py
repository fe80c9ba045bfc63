"""The jobs of archives: who begins when, never two at once, resting, reindex and verify; reading what a schedule may."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django_celery_beat.models import PeriodicTask

from imadmin.archive import reading, stores
from imadmin.archive.engines.base import StoreUnavailable
from imadmin.archive.models import Archive
from imadmin.core.errors import Conflict
from imadmin.jobs import archive_jobs, archives, schedule
from imadmin.jobs.archive_jobs import CATCH_UP, REINDEX, REPAIR, VERIFY
from imadmin.jobs.models import JobRun
from imadmin.jobs.run import start
from imadmin.monitor.health_types import ClusterState, Finding, Level, Verdict
from imadmin.monitor.models import Event

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_pace() -> None:
    reading._paces.clear()


@pytest.fixture
def ids(sim: Any) -> list[int]:
    found: list[int] = sim.call(
        lambda state: [state.add_message("ann", f"g{number % 3}", f"m{number}").id for number in range(30)]
    )
    return found


@pytest.fixture
def scope(own_cluster: Any, scope_of: Callable[..., Any]) -> Any:
    return scope_of(own_cluster, "owner")


def held(cluster: Any) -> Counter[int]:
    return Counter(row.id for row in stores.engine_of(cluster.pk).scan(None, most=100_000))


def state_of(verdict: Verdict, *codes: str) -> ClusterState:
    now = datetime.now(UTC)
    found = tuple(Finding(code, Level.BAD, now, (), (), {}) for code in codes)
    return ClusterState("own", now, verdict, now, found)


def fire(job: str) -> None:
    schedule.ensure()
    entry = PeriodicTask.objects.get(name=f"{schedule.OWN}{job}")
    past = datetime.now(UTC) - timedelta(seconds=40)
    PeriodicTask.objects.filter(pk=entry.pk).update(last_run_at=past, date_changed=past)
    schedule.fire(entry.pk, datetime.now(UTC))


def test_opening_reads_everything_and_the_schedule_keeps_it_up(
    own_cluster: Any, scope: Any, ids: list[int], work_off: Callable[[], int], sim: Any
) -> None:
    fire(REPAIR)
    fire(CATCH_UP)
    assert not JobRun.objects.exists(), "a closed archive leaves no rows"

    archives.open_(scope, reason="to search", budget=300)
    with pytest.raises(Conflict):
        archives.read_now(scope, reason="once more")
    assert archives.reading(scope) and work_off() == 1
    row = JobRun.objects.get()
    assert row.state == "done" and row.result and row.result["is_over"], row.error
    assert held(own_cluster) == Counter(ids)

    fire(REPAIR)
    assert not JobRun.objects.filter(state="queued").exists(), "the last round was a moment ago"
    ids.append(sim.call(lambda state: state.add_message("ann", "g0", "later").id))
    fire(CATCH_UP)
    assert work_off() == 1 and held(own_cluster) == Counter(ids)


def test_an_archive_that_is_away_does_not_hold_up_the_schedule(own_cluster: Any, monkeypatch: Any) -> None:
    Archive.objects.create(cluster=own_cluster, is_on=True)

    def away(cluster_pk: int) -> Any:
        raise StoreUnavailable("gone")

    monkeypatch.setattr(archive_jobs, "engine_of", away)

    fire(archive_jobs.STREAMS)

    assert not JobRun.objects.exists()


def test_a_quick_round_waits_while_a_whole_one_is_under_way(own_cluster: Any, scope: Any) -> None:
    archives.open_(scope, reason="to search")
    Archive.objects.update(round_ended_at=datetime.now(UTC))
    fire(CATCH_UP)
    fire(REPAIR)
    assert list(JobRun.objects.values_list("job", "state")) == [(REPAIR, "queued")]


def test_closing_stops_what_is_under_way(own_cluster: Any, scope: Any, work_off: Callable[[], int]) -> None:
    archives.open_(scope, reason="to search")
    archives.close(scope, reason="enough")
    assert work_off() == 0 and JobRun.objects.get().state == "stopped"


def test_after_an_incident_a_round_begins_at_once(own_cluster: Any) -> None:
    now = datetime.now(UTC)
    Archive.objects.create(
        cluster=own_cluster, is_on=True, feed_seen_at=now,
        round_started_at=now - timedelta(minutes=9), round_ended_at=now - timedelta(minutes=8),
    )  # fmt: skip
    assert not archive_jobs.repair_is_due(own_cluster)
    Event.objects.create(cluster=own_cluster, at=now - timedelta(minutes=1), kind="slot_leaders")
    assert archive_jobs.repair_is_due(own_cluster)


def test_a_sick_cluster_is_left_alone_and_the_page_can_say_why(own_cluster: Any, monkeypatch: Any) -> None:
    Archive.objects.create(cluster=own_cluster, is_on=True)
    monkeypatch.setattr(archive_jobs.watch, "recall", lambda _pk: state_of(Verdict.DEGRADED, "silent"))
    assert not archive_jobs.repair_is_due(own_cluster) and not archive_jobs.catch_up_is_due(own_cluster)
    assert Archive.objects.get().waits_for == archive_jobs.NODE_AWAY
    monkeypatch.setattr(archive_jobs.watch, "recall", lambda _pk: state_of(Verdict.HEALTHY))
    assert archive_jobs.repair_is_due(own_cluster)
    assert Archive.objects.get().waits_for == ""


@pytest.mark.parametrize(
    ("verdict", "codes", "why"),
    [
        (Verdict.HEALTHY, (), ""),
        (Verdict.DOWN, ("no_quorum",), archive_jobs.IS_DOWN),
        (Verdict.DEGRADED, ("called_offline",), archive_jobs.NODE_AWAY),
        (Verdict.DEGRADED, ("leaderless",), archive_jobs.NO_LEADER),
        (Verdict.DEGRADED, ("lagging",), ""),
        (Verdict.DEGRADED, ("join_stuck",), archive_jobs.UNWELL),
    ],
)
def test_why_a_cluster_is_not_read(verdict: Verdict, codes: tuple[str, ...], why: str) -> None:
    assert archive_jobs.why_not(state_of(verdict, *codes)) == why


def test_a_node_that_is_down_makes_it_rest_with_the_reason(
    own_cluster: Any, scope: Any, ids: list[int], sim: Any, work_off: Callable[[], int], monkeypatch: Any
) -> None:
    monkeypatch.setattr(reading, "PATIENCE", 0.0)
    monkeypatch.setattr(
        reading.Reader.__init__, "__kwdefaults__", reading.Reader.__init__.__kwdefaults__ | {"patience": 0.0}
    )
    sim.kill(1002)
    archives.open_(scope, reason="to search")
    work_off()
    row = JobRun.objects.get()
    assert row.state == "done" and row.result and not row.result["is_over"]
    assert row.result["say"] == archive_jobs.RESTED
    assert Archive.objects.get().waits_for == archive_jobs.NODE_AWAY and not held(own_cluster)


def test_one_channel_is_read_by_hand(own_cluster: Any, scope: Any, ids: list[int], work_off: Callable[[], int]) -> None:
    Archive.objects.create(cluster=own_cluster, is_on=True, budget=300)
    archives.read_now(scope, reason="look here", channel=archive_jobs.channel_of("2/g1"))
    work_off()
    assert JobRun.objects.get().state == "done" and len(held(own_cluster)) == 10
    archives.read_now(scope, reason="look here", channel=archive_jobs.channel_of("2/nothing"))
    work_off()
    assert JobRun.objects.filter(state="failed").get().error


def test_reindex_and_verify_are_jobs(own_cluster: Any, scope: Any, ids: list[int], work_off: Callable[[], int]) -> None:
    archives.open_(scope, reason="to search", budget=300)
    work_off()
    for name in (REINDEX, VERIFY):
        start(name, cluster=own_cluster)
        assert work_off() == 1
        row = JobRun.objects.get(job=name)
        assert row.state == "done", row.error
    assert row.result and row.result["faults"] == [] and row.result["say"] == archive_jobs.SOUND


def test_a_run_on_a_closed_archive_says_so(own_cluster: Any, work_off: Callable[[], int]) -> None:
    start(REPAIR, cluster=own_cluster)
    work_off()
    assert JobRun.objects.get().state == "failed" and archive_jobs.CLOSED in JobRun.objects.get().error
