"""Our beat: django-celery-beat's scheduler, whose due entries write rows (schedule.fire) and send nothing."""

import logging
import threading
import time
from datetime import UTC, datetime
from typing import Any

from django.core.cache import cache
from django.db import close_old_connections
from django_celery_beat.models import PeriodicTask
from django_celery_beat.schedulers import DatabaseScheduler, ModelEntry

from imadmin.jobs import schedule
from imadmin.jobs.policy import actions as policies

logger = logging.getLogger(__name__)

SEEN_KEY = "jobs:beat"
SEEN_SECONDS = 60
RETRY_SECONDS = 5.0
GIVEN_SECONDS = 60.0  # a cluster that is added later gets its policies within that


class OurEntry(ModelEntry):  # type: ignore[misc]
    """Counts from its last occurrence, not from when it was served, so that nothing drifts."""

    def __init__(self, model: PeriodicTask, app: Any = None) -> None:
        super().__init__(model, app=app)
        self.last_run_at = schedule.since(model)

    def __next__(self) -> "OurEntry":
        now = datetime.now(UTC)
        self.model.last_run_at = schedule.due(self.schedule, self.last_run_at, now).last or now
        self.model.no_changes = True
        return OurEntry(self.model, app=self.app)


class Scheduler(DatabaseScheduler):  # type: ignore[misc]
    """retry_at: when to read everything again, because an entry could not be served; others go on meanwhile."""

    Entry = OurEntry
    retry_at: float | None = None

    def setup_schedule(self) -> None:
        """Built-in entries are made by schedule.ensure; there are no results for the library to clean up."""

    def enabled_models_qs(self) -> Any:
        """Ours alone, and all of them: the library leaves out what is hours away, which would hide what was missed."""
        return PeriodicTask.objects.enabled().filter(task=schedule.TASK)

    def sync(self) -> None:
        """Nothing to write: schedule.fire has done it together with the rows of the runs."""
        self._dirty.clear()

    def apply_entry(self, entry: OurEntry, producer: Any = None) -> None:
        try:
            schedule.fire(entry.model.pk, datetime.now(UTC))
        except PeriodicTask.DoesNotExist:
            logger.info("jobs.schedule_gone", extra={"entry": entry.name})
        except Exception:
            logger.exception("jobs.schedule_failed", extra={"entry": entry.name})
            self.retry_at = self.retry_at or time.monotonic() + RETRY_SECONDS

    def read_again(self) -> None:
        """Forget what is in memory: an entry that was not served is still due in the database."""
        self.retry_at, self._heap, self._initial_read = None, None, True

    @property
    def producer(self) -> None:
        """Nothing is sent."""


class Beat:
    """The loop around the scheduler, in a thread or in its own process."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self.run, name="imadmin-beat", daemon=True)
        self._thread.start()

    def stop(self, seconds: float = 1.0) -> None:
        self._stop.set()
        if self._thread:
            self._thread.join(seconds)

    def run(self) -> None:
        """Until stopped.  A database that is away for a while ends nothing."""
        from imadmin.celery import app

        scheduler: Scheduler | None = None
        pause = given_at = 0.0
        while not self._stop.wait(pause):
            try:
                if scheduler is None:
                    schedule.ensure()
                    scheduler = Scheduler(app=app)
                if time.monotonic() >= given_at:
                    policies.ensure_given()
                    given_at = time.monotonic() + GIVEN_SECONDS
                if scheduler.retry_at and time.monotonic() >= scheduler.retry_at:
                    scheduler.read_again()
                pause = scheduler.tick()
            except Exception:
                logger.exception("jobs.beat_failed")
                scheduler, pause = None, 2.0
            pause = min(max(pause, 0.0), 5.0)
            if pause:
                _tell_alive()
                close_old_connections()


def _tell_alive() -> None:
    try:
        cache.set(SEEN_KEY, datetime.now(UTC), SEEN_SECONDS)
    except Exception as error:  # the cache may be a Redis that is away
        logger.debug("jobs.cache_away", extra={"error": type(error).__name__})
