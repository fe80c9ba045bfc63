"""What is due, what was missed, and that nothing is fired twice or all at once."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django_celery_beat.models import PeriodicTask

from imadmin.celery import app
from imadmin.jobs import schedule
from imadmin.jobs.beat import Scheduler
from imadmin.jobs.models import JobRun
from imadmin.jobs.schedule import Cron, due, fire, next_at, set_schedule

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)


def entry_since(moment: datetime, name: str, when: Any, **options: Any) -> PeriodicTask:
    """An entry that was last served at that moment."""
    entry = set_schedule("test", name, when, **options)
    PeriodicTask.objects.filter(pk=entry.pk).update(last_run_at=moment, date_changed=moment - timedelta(days=9))
    return PeriodicTask.objects.get(pk=entry.pk)


def states() -> list[str]:
    return sorted(JobRun.objects.values_list("state", flat=True))


@pytest.mark.parametrize(
    ("when", "after", "until", "count"),
    [
        (60, NOON, NOON + timedelta(seconds=59), 0),
        (60, NOON, NOON + timedelta(seconds=60), 1),
        (30, NOON, NOON + timedelta(hours=1), 120),
        (Cron(), NOON, NOON + timedelta(hours=1), 60),
        (Cron(), NOON - timedelta(seconds=1), NOON, 1),
        (Cron(minute="10", hour="3"), NOON, NOON + timedelta(days=30), 30),
        (Cron(minute="0", hour="4", day_of_week="1"), NOON, NOON + timedelta(days=28), 4),
        (Cron(minute="0", hour="9", day_of_month="31"), NOON, NOON + timedelta(days=91), 2),
        (Cron(minute="*/15"), NOON, NOON + timedelta(hours=2), 8),
        # Each of 27 nights, also the one in which Berlin has no 02:30.
        (Cron(minute="30", hour="2", zone="Europe/Berlin"), datetime(2026, 3, 15, tzinfo=UTC), datetime(2026, 4, 11, tzinfo=UTC), 27),
    ],
)  # fmt: skip
def test_occurrences_are_counted(
    make_job: Callable[..., str], when: Any, after: datetime, until: datetime, count: int
) -> None:
    found = due(set_schedule("test", make_job(lambda run: None), when).schedule, after, until)

    assert found.count == count
    assert not count or (found.first and found.last and after < found.first <= found.last <= until)


def test_a_minute_that_is_due_becomes_a_run_for_each_cluster(
    make_job: Callable[..., str], cluster: Any, make_cluster: Callable[..., Any], demo_cluster: Any
) -> None:
    make_cluster(demo_cluster, slug="other")
    entry = entry_since(NOON, make_job(lambda run: None), Cron(), each=True)

    fire(entry.pk, NOON + timedelta(seconds=61))

    rows = JobRun.objects.all()
    assert {row.cluster.slug for row in rows} == {"demo", "other"}
    assert {(row.state, row.trigger, row.scheduled_for) for row in rows} == {
        ("queued", "schedule", NOON + timedelta(minutes=1))
    }


def test_an_hour_without_beat_is_one_row_and_the_next_minute_goes_on(make_job: Callable[..., str]) -> None:
    entry = entry_since(NOON, make_job(lambda run: None), Cron())

    fire(entry.pk, NOON + timedelta(hours=1, seconds=5))

    missed = JobRun.objects.get(state="missed")
    assert missed.params["count"] == 59 and "not running" in missed.error
    assert missed.params["from"] == (NOON + timedelta(minutes=1)).isoformat()
    assert missed.params["until"] == (NOON + timedelta(minutes=59)).isoformat()
    assert JobRun.objects.get(state="queued").scheduled_for == NOON + timedelta(hours=1)

    fire(entry.pk, NOON + timedelta(hours=1, seconds=59))
    assert states() == ["missed", "queued"]


def test_a_nightly_run_that_nobody_started_is_not_made_up_for_at_noon(make_job: Callable[..., str]) -> None:
    entry = entry_since(NOON - timedelta(days=1), make_job(lambda run: None), Cron(minute="10", hour="3"))

    fire(entry.pk, NOON)

    assert states() == ["missed"]
    entry.refresh_from_db()
    assert next_at(entry, NOON) == NOON + timedelta(hours=15, minutes=10)


def test_a_beat_that_is_a_little_late_misses_nothing(make_job: Callable[..., str]) -> None:
    entry = entry_since(NOON, make_job(lambda run: None), 10)

    fire(entry.pk, NOON + timedelta(seconds=45))

    assert states() == ["queued"]
    entry.refresh_from_db()
    assert entry.last_run_at == NOON + timedelta(seconds=40), "the grid is kept, so nothing drifts"


def test_whether_it_is_due_is_asked_outside_of_the_transaction(make_job: Callable[..., str], cluster: Any) -> None:
    asked: list[list[str]] = []

    def is_due(cluster: Any) -> bool:
        asked.append(list(connection.savepoint_ids))
        return True

    entry = entry_since(NOON, make_job(lambda run: None, is_due=is_due), Cron(), each=True)
    before = list(connection.savepoint_ids)

    fire(entry.pk, NOON + timedelta(seconds=61))

    assert asked == [before] and states() == ["queued"]


def test_an_entry_that_was_changed_meanwhile_is_left_for_the_next_beat(
    make_job: Callable[..., str], cluster: Any
) -> None:
    def is_due(cluster: Any) -> bool:
        PeriodicTask.objects.update(kwargs="{}")
        return True

    entry = entry_since(NOON, make_job(lambda run: None, is_due=is_due), Cron(), each=True)

    fire(entry.pk, NOON + timedelta(seconds=61))

    assert states() == []


def test_two_beats_fire_it_once(make_job: Callable[..., str]) -> None:
    entry = entry_since(NOON, make_job(lambda run: None, most_at_once=None), Cron())

    for _ in range(2):
        fire(entry.pk, NOON + timedelta(seconds=61))

    assert states() == ["queued"]


def test_a_changed_schedule_has_missed_nothing(make_job: Callable[..., str]) -> None:
    name = make_job(lambda run: None)
    entry_since(datetime.now(UTC) - timedelta(days=1), name, Cron(minute="10", hour="3"))
    long_ago = (datetime.now(UTC) - timedelta(hours=2)).hour

    entry = set_schedule("test", name, Cron(minute="0", hour=str(long_ago)))
    fire(entry.pk, datetime.now(UTC))

    assert states() == []


def test_an_entry_whose_job_is_gone_does_nothing(make_job: Callable[..., str]) -> None:
    entry = entry_since(NOON, "of.long.ago", Cron())

    fire(entry.pk, NOON + timedelta(hours=1))

    assert states() == []


def test_the_built_in_entries_are_there_once_and_keep_what_they_know() -> None:
    schedule.ensure()
    names = set(PeriodicTask.objects.values_list("name", flat=True))
    assert {"imadmin sample", "imadmin rollup", "imadmin restrictions.lift", "imadmin jobs.prune"} <= names
    PeriodicTask.objects.update(last_run_at=NOON, date_changed=NOON)

    schedule.ensure()

    assert set(PeriodicTask.objects.values_list("name", flat=True)) == names
    assert set(PeriodicTask.objects.values_list("last_run_at", "date_changed")) == {(NOON, NOON)}


def test_the_scheduler_serves_what_is_due_and_leaves_the_rest(make_job: Callable[..., str]) -> None:
    now = datetime.now(UTC)
    entry_since(now - timedelta(hours=1), make_job(lambda run: None), Cron())
    set_schedule("later", make_job(lambda run: None), 3600)

    scheduler = Scheduler(app=app)
    for _ in range(4):
        scheduler.tick()

    assert states() == ["missed", "queued"]
    assert not PeriodicTask.objects.filter(name="celery.backend_cleanup").exists()


def test_an_entry_that_can_not_be_written_is_tried_again(make_job: Callable[..., str], monkeypatch: Any) -> None:
    entry_since(datetime.now(UTC) - timedelta(seconds=20), make_job(lambda run: None), 10)
    scheduler = Scheduler(app=app)
    monkeypatch.setattr(schedule, "start", lambda *_args, **_options: 1 / 0)
    scheduler.tick()
    assert scheduler.retry_at and states() == []

    monkeypatch.undo()
    scheduler.read_again()
    for _ in range(3):
        scheduler.tick()

    assert states() == ["queued"]
