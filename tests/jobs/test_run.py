"""A run from being wanted to its end: claimed once, told how it went, stopped, late, taken over."""

import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from imadmin.core import events
from imadmin.core.errors import Conflict, NotFound
from imadmin.jobs import work
from imadmin.jobs.models import JobRun
from imadmin.jobs.notes import read_error, read_notes
from imadmin.jobs.run import Run, ask_to_stop, claim, put, start

pytestmark = pytest.mark.django_db


def test_a_run_is_a_row_before_it_is_anything_else(make_job: Callable[..., str], cluster: Any) -> None:
    row = start(make_job(lambda run: None), cluster=cluster, params={"a": 1}, actor="admin")

    kept = JobRun.objects.get(pk=row.pk)
    assert (kept.state, kept.params, kept.trigger, kept.actor) == ("queued", {"a": 1}, "person", "admin")


def test_its_id_is_queued_only_when_the_row_is_committed(
    make_job: Callable[..., str], monkeypatch: Any, django_capture_on_commit_callbacks: Any
) -> None:
    told: list[str] = []
    monkeypatch.setattr("imadmin.jobs.run.put", told.append)
    with django_capture_on_commit_callbacks(execute=True):
        row = start(make_job(lambda run: None))
        assert told == []
    assert told == [row.pk]


def test_the_result_and_the_progress_are_kept(make_job: Callable[..., str], work_off: Callable[[], int]) -> None:
    def count(run: Run) -> dict[str, int]:
        for number in range(5):
            run.beat(number + 1, 5, note=f"piece {number}")
        return {"counted": 5}

    row = start(make_job(count))
    assert work_off() == 1

    row.refresh_from_db()
    assert (row.state, row.reached, row.total, row.result) == ("done", 5, 5, {"counted": 5})
    assert [note.text for note in read_notes(row.note)] == [f"piece {number}" for number in range(5)]
    assert row.started_at and row.finished_at and row.attempt == 1 and row.worker == work.process_name()


def test_a_second_message_finds_nothing_to_do(make_job: Callable[..., str]) -> None:
    ran: list[str] = []
    row = start(make_job(lambda run: ran.append(run.id)))

    assert [work.execute(row.pk) for _ in range(3)] == [True, False, False]
    assert ran == [row.pk]


def test_a_message_without_a_row_is_no_error() -> None:
    assert work.execute("0123456789abcdef") is False


def test_what_the_job_refuses_is_its_sentence(make_job: Callable[..., str], work_off: Callable[[], int]) -> None:
    def refuse(run: Run) -> None:
        raise Conflict("Node %(node)s is away.", params={"node": 1003})

    row = start(make_job(refuse))
    work_off()

    row.refresh_from_db()
    assert (row.state, read_error(row.error)) == ("failed", "Node 1003 is away.")


def test_a_fault_tells_no_internals(make_job: Callable[..., str], work_off: Callable[[], int]) -> None:
    def break_down(run: Run) -> None:
        raise RuntimeError("password=hunter2")

    row = start(make_job(break_down))
    work_off()

    row.refresh_from_db()
    assert row.state == "failed" and "hunter2" not in row.error and "fault of the dashboard" in row.error


def test_a_run_past_its_deadline_is_told_to_end_and_fails(
    make_job: Callable[..., str], work_off: Callable[[], int]
) -> None:
    def slow(run: Run) -> dict[str, int]:
        pieces = 0
        while not run.should_stop():
            pieces += 1
            time.sleep(0.005)
        return {"pieces": pieces}

    row = start(make_job(slow, seconds=0.05))
    work_off()

    row.refresh_from_db()
    assert row.state == "failed" and "time a run may take" in row.error
    assert row.result["pieces"] >= 1, "what was done is told all the same"


def test_a_run_that_never_asks_is_given_up_and_can_write_nothing_any_more(make_job: Callable[..., str]) -> None:
    def deaf(run: Run) -> dict[str, str]:
        run.deadline = time.monotonic() - 100
        assert work.give_up_overdue() == 1
        return {"said": "too late"}

    row = start(make_job(deaf))
    work.execute(row.pk)

    row.refresh_from_db()
    assert row.state == "failed" and row.result is None


def test_a_person_stops_a_run_between_two_pieces(
    make_job: Callable[..., str], work_off: Callable[[], int], monkeypatch: Any
) -> None:
    monkeypatch.setattr(Run, "ASK_SECONDS", 0)

    def work_on(run: Run) -> dict[str, int]:
        for number in range(1, 100):
            if number == 3:
                assert ask_to_stop(run.id)
            if run.should_stop():
                return {"pieces": number}
        raise AssertionError("never stopped")

    row = start(make_job(work_on))
    work_off()

    row.refresh_from_db()
    assert (row.state, row.result) == ("stopped", {"pieces": 3})


def test_a_run_that_waits_is_stopped_at_once(make_job: Callable[..., str], work_off: Callable[[], int]) -> None:
    row = start(make_job(lambda run: None))

    assert ask_to_stop(row.pk) and not ask_to_stop(row.pk)
    row.refresh_from_db()
    assert row.state == "stopped" and work_off() == 0


def test_a_closing_process_leaves_its_run_to_the_next_and_tells_of_one_it_must_not_repeat(
    make_job: Callable[..., str], monkeypatch: Any
) -> None:
    def work_on(run: Run) -> None:
        work.at_work.closing.set()
        assert run.should_stop()

    for lost, state in (("again", "queued"), ("tell", "stopped")):
        row = start(make_job(work_on, lost=lost))
        try:
            work.execute(row.pk)
        finally:
            work.at_work.closing.clear()
        row.refresh_from_db()
        assert row.state == state, lost


def test_a_second_one_of_its_kind_is_refused_and_its_neighbours_are_not(
    make_job: Callable[..., str], cluster: Any, make_cluster: Callable[..., Any], demo_cluster: Any
) -> None:
    name = make_job(lambda run: None, apart_by=("of",))
    start(name, cluster=cluster, params={"of": 1})

    with pytest.raises(Conflict):
        start(name, cluster=cluster, params={"of": 1})
    start(name, cluster=cluster, params={"of": 2})
    start(name, cluster=cluster)
    with pytest.raises(Conflict):
        start(name, cluster=cluster)
    start(name, cluster=make_cluster(demo_cluster, slug="other"), params={"of": 1})


def test_a_slow_run_makes_its_schedule_skip_which_is_told_in_one_row(make_job: Callable[..., str]) -> None:
    name = make_job(lambda run: None)
    slow = start(name)

    for _ in range(3):
        start(name, trigger="schedule")

    (skipped,) = JobRun.objects.filter(state="missed")
    assert skipped.params["count"] == 3 and skipped.params["behind"] == slow.pk and "still going" in skipped.error
    assert JobRun.objects.filter(state="queued").count() == 1


def test_one_place_is_taken_by_one_claim(make_job: Callable[..., str]) -> None:
    name = make_job(lambda run: None, most_at_once=1)
    first = start(name)
    second = JobRun.objects.create(id="second", job=name, trigger="person")

    assert claim(first.pk, "here") is not None
    assert claim(second.pk, "there") is None
    second.refresh_from_db()
    assert second.state == "queued"


def test_whoever_waits_is_called_when_a_place_is_free(make_job: Callable[..., str], monkeypatch: Any) -> None:
    told: list[str] = []
    monkeypatch.setattr("imadmin.jobs.run.put", told.append)
    name = make_job(lambda run: None)
    first = start(name)
    JobRun.objects.create(id="second", job=name, trigger="person")

    work.execute(first.pk)

    assert told == ["second"]


def test_long_runs_leave_places_to_routine_ones(make_job: Callable[..., str], monkeypatch: Any) -> None:
    monkeypatch.setattr(work, "KEPT_FREE", work.PLACES)
    ran: list[str] = []
    long = start(make_job(lambda run: ran.append("long")))
    routine = start(make_job(lambda run: ran.append("routine"), routine=True))

    assert not work.execute(long.pk) and work.execute(routine.pk)
    assert ran == ["routine"] and JobRun.objects.get(pk=long.pk).state == "queued"


def test_an_attempt_that_was_taken_over_can_write_nothing(make_job: Callable[..., str]) -> None:
    def outlived(run: Run) -> dict[str, str]:
        JobRun.objects.filter(pk=run.id).update(attempt=run.attempt + 1, note="the successor's")
        run.beat(77, note="mine")
        assert run.should_stop() and run.told_to_stop == "taken"
        return {"by": "the old one"}

    row = start(make_job(outlived))
    work.execute(row.pk)

    row.refresh_from_db()
    assert (row.state, row.reached, row.note, row.result) == ("running", 0, "the successor's", None)


def test_a_job_that_this_version_does_not_know_fails_in_words() -> None:
    row = JobRun.objects.create(id="old", job="of.long.ago", trigger="schedule")

    work.execute(row.pk)

    row.refresh_from_db()
    assert row.state == "failed" and "doesn't know" in row.error
    with pytest.raises(NotFound):
        start("of.long.ago")


def test_routine_runs_that_went_well_are_thinned_out_and_failures_stay(
    make_job: Callable[..., str], work_off: Callable[[], int], monkeypatch: Any
) -> None:
    monkeypatch.setattr("imadmin.jobs.housekeeping.KEEP_ROUTINE", 3)
    outcomes = iter([False, True, True, True, True, True])

    def go(run: Run) -> None:
        if not next(outcomes):
            raise Conflict("no")

    name = make_job(go, routine=True)
    for _ in range(6):
        start(name)
        work_off()

    assert sorted(JobRun.objects.filter(job=name).values_list("state", flat=True)) == ["done", "done", "done", "failed"]


def test_open_pages_hear_of_every_step(make_job: Callable[..., str], cluster: Any, work_off: Callable[[], int]) -> None:
    heard: list[str] = []
    stop = events.listen(lambda signal: heard.append(signal.topic))
    try:
        start(make_job(lambda run: None), cluster=cluster)
        work_off()
    finally:
        stop()
    assert heard.count("demo/jobs") >= 3


def test_without_a_worker_here_nothing_is_kept_for_one(make_job: Callable[..., str], monkeypatch: Any) -> None:
    sent: list[Any] = []
    monkeypatch.setattr("imadmin.celery.app.send_task", lambda *_args, **options: sent.append(options))
    put("0123456789abcdef")
    assert sent == []


def test_a_broker_that_is_away_does_not_fail_the_wish(
    make_job: Callable[..., str], monkeypatch: Any, django_capture_on_commit_callbacks: Any
) -> None:
    def away(*_args: Any, **_options: Any) -> None:
        raise OSError("connection refused")

    monkeypatch.setattr("imadmin.celery.app.send_task", away)
    monkeypatch.setattr("imadmin.jobs.run.is_heard", SimpleNamespace(is_set=lambda: True))
    with django_capture_on_commit_callbacks(execute=True):
        row = start(make_job(lambda run: None))
    assert JobRun.objects.get(pk=row.pk).state == "queued"
