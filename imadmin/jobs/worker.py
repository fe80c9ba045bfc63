"""A Celery worker in this process: WorkController in a thread, with a pool of threads that never hold up the exit.

Never the command line's worker: it installs signal handlers and hijacks the logging.  Beside it beats a pulse: it says
that this process's runs are alive, and takes the queued runs whose message a broker lost.
"""

import contextlib
import logging
import queue
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from celery.concurrency.base import BasePool, apply_target
from celery.worker import state as worker_state
from django.core.cache import cache
from django.db import close_old_connections

from imadmin.jobs import recovery, work
from imadmin.jobs.models import JobRun
from imadmin.jobs.run import is_heard, put
from imadmin.jobs.work import PLACES, at_work, execute, process_name

logger = logging.getLogger(__name__)

SEEN_KEY = "jobs:worker"
SEEN_SECONDS = 60
AGAIN_SECONDS = 5.0


class Pool(BasePool):  # type: ignore[misc]
    """Daemon threads: what doesn't end in time is left behind, its row says so at the next start.

    The library's own thread pool is joined by the interpreter, so one hung call would hang the exit.
    """

    body_can_be_buffer = True
    signal_safe = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._waiting: queue.SimpleQueue[tuple[Any, ...] | None] = queue.SimpleQueue()

    def on_start(self) -> None:
        for number in range(self.limit):
            threading.Thread(target=self._serve, name=f"imadmin-job-{number}", daemon=True).start()

    def on_stop(self) -> None:
        for _ in range(self.limit):
            self._waiting.put(None)

    on_terminate = on_stop

    def on_apply(
        self,
        target: Any,
        args: Any = None,
        kwargs: Any = None,
        callback: Any = None,
        accept_callback: Any = None,
        **_: Any,
    ) -> None:
        self._waiting.put((target, args or (), kwargs, callback, accept_callback))

    def _serve(self) -> None:
        while (item := self._waiting.get()) is not None:
            try:
                apply_target(*item)
            except BaseException:
                logger.exception("jobs.pool_fault")


class Worker:
    """Started and stopped from outside; `alone` = no other process works on this database (embedded mode)."""

    def __init__(self, *, alone: bool) -> None:
        self._alone = alone
        self._controller: Any = None
        self._threads: list[threading.Thread] = []
        self._stop = threading.Event()
        self._has_looked = False
        # A message should arrive within that; with a broker in memory it came in 0.1 s or was lost with a process.
        self._patience = timedelta(seconds=2 if alone else 15)

    def start(self) -> None:
        """Returns at once; the worker takes its first run a moment later."""
        at_work.closing.clear()
        worker_state.should_stop = worker_state.should_terminate = None
        self._stop.clear()
        if self._alone:
            is_heard.set()
        for name, target in (("worker", self._serve), ("pulse", self._pulse)):
            thread = threading.Thread(target=target, name=f"imadmin-{name}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self, seconds: float = 3.0) -> bool:
        """Tell the runs to end after the piece they are at, wait so long for them, end.  Whether all have ended."""
        at_work.closing.set()
        worker_state.should_stop = 0
        self._stop.set()
        all_ended = at_work.wait_until_idle(seconds)
        if not all_ended:
            logger.warning("jobs.cut_off", extra={"runs": [run.id for run in at_work.runs()]})
        until = time.monotonic() + (2.0 if all_ended else 0.5)
        while self.is_alive() and time.monotonic() < until:
            if self._alone:
                put("")  # wakes a consumer that waits two seconds for messages
            self._threads[0].join(0.1)
        if self._alone:
            is_heard.clear()
        return all_ended

    def is_alive(self) -> bool:
        return any(thread.is_alive() for thread in self._threads)

    def _serve(self) -> None:
        """The Celery worker itself, until worker_state says stop."""
        from imadmin.celery import app

        logging.getLogger("celery").setLevel(logging.WARNING)  # a line for every message would drown the rest
        while not self._stop.is_set():
            try:
                self._controller = app.WorkController(
                    pool_cls="imadmin.jobs.worker:Pool",
                    concurrency=PLACES,
                    hostname=f"imadmin@{process_name()}",
                    without_gossip=True,
                    without_mingle=True,
                    without_heartbeat=True,
                )
                if not self._stop.is_set():
                    self._controller.start()
            except BaseException:
                logger.exception("jobs.worker_failed")
            finally:
                close_old_connections()
            if not self._stop.is_set():  # it gave up by itself; a process that only looks alive is worse than a retry
                self._controller = None
                self._stop.wait(AGAIN_SECONDS)

    # -- the pulse -------------------------------------------------------------------------------------------------

    def _pulse(self) -> None:
        """The first beat at once; where this is the only process, runs of another one are dead by then."""
        alone_as = process_name() if self._alone else ""
        while not self._stop.is_set():
            try:
                if alone_as:
                    recovery.recover(alone_as=alone_as)
                    alone_as = ""
                self.beat()
            except Exception:
                logger.exception("jobs.pulse_failed")
            finally:
                close_old_connections()
            self._stop.wait(recovery.PULSE.total_seconds() if self._pool() else 0.2)

    def beat(self) -> None:
        """One beat: our runs are alive, dead ones are dealt with, forgotten ones are taken."""
        mine = [run.id for run in at_work.runs()]
        if mine:
            JobRun.objects.filter(pk__in=mine, state=JobRun.State.RUNNING, worker=process_name()).update(
                heartbeat_at=datetime.now(UTC)
            )
        work.give_up_overdue()
        recovery.recover()
        pool = self._pool()
        if pool:
            with contextlib.suppress(Exception):  # the cache may be a Redis that is away
                cache.set(SEEN_KEY, datetime.now(UTC), SEEN_SECONDS)
        if pool and at_work.has_place() and not at_work.closing.is_set():
            # What was queued before a start in embedded mode has surely been forgotten.
            patience = timedelta(0) if self._alone and not self._has_looked else self._patience
            self._has_looked = True
            for run_id in recovery.forgotten(patience):
                pool.on_apply(execute, (run_id,), callback=lambda _result: None)

    def _pool(self) -> Any:
        return getattr(self._controller, "pool", None)
