"""Runs whose process is gone are taken up again or told as lost; a slow one is left alone."""

import os
import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from imadmin.jobs import recovery, work
from imadmin.jobs.models import JobRun
from imadmin.jobs.run import start

pytestmark = pytest.mark.django_db
HERE = socket.gethostname()[:50]
GONE = f"{HERE}:{2**22 + 7}:abc"  # above the highest process id


def running(name: str, *, worker: str, silent: float, attempt: int = 1, **fields: Any) -> JobRun:
    at = datetime.now(UTC) - timedelta(seconds=silent)
    return JobRun.objects.create(
        id=os.urandom(8).hex(), job=name, state="running", trigger="person", worker=worker, attempt=attempt,
        started_at=at, heartbeat_at=at, **fields,
    )  # fmt: skip


def state_after(row: JobRun, **options: Any) -> str:
    recovery.recover(**options)
    row.refresh_from_db()
    return row.state


def test_a_run_of_a_process_that_is_gone_is_taken_up_again(make_job: Callable[..., str]) -> None:
    row = running(make_job(lambda run: {"attempt": run.attempt}, lost="again"), worker=GONE, silent=20)

    assert state_after(row) == "queued" and "taken up again" in row.note
    assert work.execute(row.pk)
    row.refresh_from_db()
    assert (row.state, row.result) == ("done", {"attempt": 2})


def test_a_run_that_must_not_be_begun_anew_is_lost_with_a_sentence(make_job: Callable[..., str]) -> None:
    row = running(make_job(lambda run: None, lost="tell"), worker=GONE, silent=20, reached=40)

    assert state_after(row) == "lost" and "without a word" in row.error and row.finished_at and row.reached == 40


def test_a_job_that_kills_its_process_is_not_taken_up_for_ever(make_job: Callable[..., str]) -> None:
    row = running(make_job(lambda run: None, lost="again", attempts=3), worker=GONE, silent=20, attempt=3)

    assert state_after(row) == "lost" and "as often" in row.error


def test_a_living_process_is_believed_for_a_while(make_job: Callable[..., str]) -> None:
    here = running(make_job(lambda run: None), worker=work.process_name(), silent=20)
    elsewhere = running(make_job(lambda run: None), worker="another-host:77:abc", silent=20)
    fresh = running(make_job(lambda run: None), worker=GONE, silent=3)

    assert {state_after(row) for row in (here, elsewhere, fresh)} == {"running"}


def test_long_silence_is_death_wherever_it_ran(make_job: Callable[..., str]) -> None:
    row = running(make_job(lambda run: None), worker="another-host:77:abc", silent=100)

    assert state_after(row) == "lost"


def test_at_a_start_in_one_process_every_other_process_is_dead(make_job: Callable[..., str]) -> None:
    old = running(make_job(lambda run: None, lost="again"), worker=f"{HERE}:{os.getpid()}:older", silent=0)
    own = running(make_job(lambda run: None), worker=work.process_name(), silent=0)

    assert state_after(old, alone_as=work.process_name()) == "queued"
    own.refresh_from_db()
    assert own.state == "running"


def test_a_dead_run_that_was_told_to_stop_is_not_begun_anew(make_job: Callable[..., str]) -> None:
    row = running(make_job(lambda run: None, lost="again"), worker=GONE, silent=20, stop_wanted=True)

    assert state_after(row) == "stopped"


def test_a_run_that_nobody_took_is_found(make_job: Callable[..., str]) -> None:
    row = start(make_job(lambda run: None))
    assert recovery.forgotten(timedelta(seconds=15)) == []

    JobRun.objects.filter(pk=row.pk).update(queued_at=datetime.now(UTC) - timedelta(seconds=20))
    assert recovery.forgotten(timedelta(seconds=15)) == [row.pk]


def test_a_run_that_waits_for_its_turn_is_not_forgotten(make_job: Callable[..., str]) -> None:
    name = make_job(lambda run: None)
    running(name, worker=work.process_name(), silent=0)
    JobRun.objects.create(id="waits", job=name, trigger="person")

    assert recovery.forgotten(timedelta(0)) == []
