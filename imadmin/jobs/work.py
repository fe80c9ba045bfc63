"""Carrying out a claimed run in this process, and who of this process's runs is at work.

Thread pools have no time limits, so each run asks by itself (Run.should_stop) and the pulse gives up those that don't.
"""

import contextlib
import logging
import os
import secrets
import socket
import threading
import time
from functools import lru_cache

from django.db import DatabaseError, OperationalError, close_old_connections

from imadmin.core.errors import AppError, gettext_noop
from imadmin.jobs import registry
from imadmin.jobs.housekeeping import thin_out
from imadmin.jobs.models import JobRun
from imadmin.jobs.notes import error_of
from imadmin.jobs.run import Run, announce, claim, next_in_line, put

logger = logging.getLogger(__name__)
State = JobRun.State

OUR_FAULT = gettext_noop("A fault of the dashboard ended it; the server's log of that time tells more.")
TOO_LONG = gettext_noop("It did not end in the time a run may take, so it was ended.")
UNKNOWN_JOB = gettext_noop("The worker's version doesn't know this job.")
CLOSED = gettext_noop("The process was stopped; it goes on after the next start.")
CUT_OFF = gettext_noop("The process was stopped while it ran. It is not taken up again by itself.")

PLACES = 8
# Places that long jobs leave to the routine ones: sampling and lifting must not wait for a cleanup of hours.
KEPT_FREE = 3


class AtWork:
    """The runs of this process that are under way.  closing: set once, when the process stops."""

    def __init__(self) -> None:
        self.closing = threading.Event()
        self._lock = threading.Lock()
        self._runs: dict[str, Run | None] = {}
        self._long: set[str] = set()

    def enter(self, run_id: str, *, is_long: bool) -> bool:
        """Whether there is a place for it."""
        with self._lock:
            if run_id in self._runs or (is_long and len(self._long) >= PLACES - KEPT_FREE):
                return False
            self._runs[run_id] = None
            if is_long:
                self._long.add(run_id)
            return True

    def set(self, run: Run) -> None:
        with self._lock:
            self._runs[run.id] = run

    def leave(self, run_id: str) -> None:
        with self._lock:
            self._runs.pop(run_id, None)
            self._long.discard(run_id)

    def runs(self) -> list[Run]:
        with self._lock:
            return [run for run in self._runs.values() if run is not None]

    def has_place(self) -> bool:
        with self._lock:
            return len(self._runs) < PLACES

    def wait_until_idle(self, seconds: float) -> bool:
        until = time.monotonic() + seconds
        while self._runs and time.monotonic() < until:
            time.sleep(0.02)
        return not self._runs


at_work = AtWork()


@lru_cache(maxsize=1)
def _mark(pid: int) -> str:
    return secrets.token_hex(3)


def process_name() -> str:
    """This very process: host, process id, and a mark, because process ids come again."""
    return f"{socket.gethostname()[:50]}:{os.getpid()}:{_mark(os.getpid())}"


def execute(run_id: str) -> bool:
    """Claim the run and carry it out.  False when there was nothing to do: taken, stopped, gone, or no place now."""
    close_old_connections()
    try:
        row = JobRun.objects.filter(pk=run_id, state=State.QUEUED).only("job").first()
        if row is None or at_work.closing.is_set():
            return False
        job = registry.known().get(row.job)
        if not at_work.enter(run_id, is_long=not (job and job.routine)):
            return False
        try:
            claimed = claim(run_id, process_name())
            if claimed is None:
                return False
            _carry_out(claimed, job)
            _free(claimed)
        finally:
            at_work.leave(run_id)
        return True
    finally:
        close_old_connections()


def _carry_out(row: JobRun, job: registry.Job | None) -> None:
    if job is None:
        JobRun.objects.filter(pk=row.pk, state=State.RUNNING).update(
            state=State.FAILED, error=UNKNOWN_JOB, finished_at=row.heartbeat_at
        )
        announce(row)
        return
    run = Run(row, job, is_closing=at_work.closing.is_set, clock=time.monotonic)
    at_work.set(run)
    state, error, note = str(State.DONE), "", ""
    result = None
    try:
        result = job.work(run)
        state, error, note = _ending(run)
    except AppError as failure:
        state, error = State.FAILED, error_of(failure)
    except Exception:
        logger.exception("jobs.broken", extra={"run": run.id, "job": job.name})
        state, error = State.FAILED, OUR_FAULT
    _close(run, state, result, error, note)


def _ending(run: Run) -> tuple[str, str, str]:
    """State, error and note of a function that returned: it came to its end, or it was told to stop."""
    if run.told_to_stop == "closing":
        again = run.job.lost == "again"
        return (State.QUEUED, "", CLOSED) if again else (State.STOPPED, CUT_OFF, "")
    endings = {"person": (State.STOPPED, "", ""), "deadline": (State.FAILED, TOO_LONG, "")}
    return endings.get(run.told_to_stop, (State.DONE, "", ""))


def _close(run: Run, state: str, result: object, error: str, note: str) -> None:
    """The ending is worth some patience: a database that is locked for a moment must not turn it into a loss."""
    for pause in (0.2, 1.0, None):
        try:
            stored = run.close(state, result=result if isinstance(result, dict) else None, error=error, note=note)
        except OperationalError:
            if pause is None:
                raise
            time.sleep(pause)
            continue
        if not stored:
            logger.warning("jobs.taken_from_us", extra={"run": run.id, "attempt": run.attempt})
        return


def _free(row: JobRun) -> None:
    """After a run: make room in the list, and call the one that waits for a place of this kind."""
    if at_work.closing.is_set():
        return
    with contextlib.suppress(DatabaseError):
        thin_out(row)
        next_in_line(row)


def give_up_overdue(grace: float = 60.0) -> int:
    """Close runs of this process that are long past their deadline and don't ask: their thread may never come back."""
    given_up = 0
    for run in at_work.runs():
        if time.monotonic() > run.deadline + grace:
            given_up += run.close(State.FAILED, error=TOO_LONG)
    return given_up


__all__ = ["at_work", "execute", "give_up_overdue", "process_name", "put"]
