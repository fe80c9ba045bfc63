"""One run of a job: wanted (a row, then its id in the queue), claimed by one worker, carried out, told.

The row is the truth and the queue only a hint: a message may come twice or never.  Everything written about a run
names the attempt it belongs to, so a worker that was given up can't write over its successor.
"""

import contextlib
import logging
import secrets
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from django.db import DatabaseError, transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Coalesce

from imadmin.clusters.models import Cluster
from imadmin.config import config
from imadmin.core import events
from imadmin.core.errors import Conflict, gettext_noop
from imadmin.jobs import registry
from imadmin.jobs.models import JobRun, Policy
from imadmin.jobs.notes import add_note
from imadmin.jobs.registry import Job, job

__all__ = ["Run", "announce", "ask_to_stop", "claim", "in_the_way", "job", "put", "start"]

logger = logging.getLogger(__name__)
State = JobRun.State
# Whether a worker of this very process takes messages (embedded mode).
is_heard = threading.Event()
OPEN = (State.QUEUED, State.RUNNING)

STILL_GOING = gettext_noop("The run before this one was still going.")
ALREADY_GOING = gettext_noop("This job runs already, or waits for its turn.")


def start(
    name: str,
    *,
    cluster: Cluster | None = None,
    params: Mapping[str, Any] | None = None,
    trigger: str = "person",
    actor: str = "",
    policy: Policy | None = None,
    scheduled_for: datetime | None = None,
) -> JobRun:
    """Want a run: write its row, queue its id once that is committed.  Authorising is the caller's.

    trigger: person | schedule | command.  Raises NotFound (no such job), Conflict (enough of it under way); a schedule
    is not refused but gets a row with state `missed` that says so.
    """
    found = registry.find(name)
    params = dict(params or {})
    with transaction.atomic():
        busy = in_the_way(found, cluster=cluster, policy=policy, params=params)
        if busy and trigger != "schedule":
            raise Conflict(ALREADY_GOING, hint=gettext_noop("Wait for it to end, or stop it."))
        if busy:
            return _tell_skipped(busy, trigger_at=scheduled_for or _now())
        row = JobRun.objects.create(
            id=secrets.token_hex(8),
            job=name,
            cluster=cluster,
            policy=policy,
            params=params,
            trigger=trigger,
            actor=actor,
            scheduled_for=scheduled_for,
        )
        transaction.on_commit(partial(put, row.pk), robust=True)
    announce(row)
    return row


def put(run_id: str) -> None:
    """Tell the workers of a queued row.  A broker that is away is no error: the recovery finds the row."""
    from imadmin.celery import app

    if not config.redis_url and not is_heard.is_set():
        return  # the broker is this process's memory, and nobody here reads it
    try:
        app.send_task("imadmin.run", args=[run_id], retry=False, ignore_result=True)
    except Exception as error:
        logger.warning("jobs.not_queued", extra={"run": run_id, "error": type(error).__name__})


def same_kind(
    found: Job, *, cluster: Cluster | None, policy: Policy | None, params: Mapping[str, Any]
) -> QuerySet[JobRun]:
    """The rows that count against the job's `most_at_once`."""
    rows = JobRun.objects.filter(job=found.name, cluster=cluster, policy=policy)
    for name in found.apart_by:
        value = params.get(name)
        rows = rows.exclude(params__has_key=name) if value is None else rows.filter(**{f"params__{name}": value})
    return rows


def in_the_way(
    found: Job, *, cluster: Cluster | None, policy: Policy | None, params: Mapping[str, Any]
) -> JobRun | None:
    """An open run, if there are as many of them as there may be at once."""
    if found.most_at_once is None:
        return None
    rows = same_kind(found, cluster=cluster, policy=policy, params=params).filter(state__in=OPEN)
    open_rows = list(rows.order_by("queued_at")[: found.most_at_once])
    return open_rows[0] if len(open_rows) >= found.most_at_once else None


def _tell_skipped(busy: JobRun, *, trigger_at: datetime) -> JobRun:
    """One row for all that a slow run made its schedule skip: the range and the count."""
    skipped = JobRun.objects.filter(
        state=State.MISSED, job=busy.job, cluster=busy.cluster, policy=busy.policy, params__behind=busy.pk
    ).first()
    if skipped is None:
        skipped = JobRun(
            id=secrets.token_hex(8),
            job=busy.job,
            cluster=busy.cluster,
            policy=busy.policy,
            params={"behind": busy.pk, "from": trigger_at.isoformat(), "count": 0},
            state=State.MISSED,
            trigger="schedule",
            scheduled_for=trigger_at,
            error=STILL_GOING,
        )
    skipped.params |= {"until": trigger_at.isoformat(), "count": skipped.params["count"] + 1}
    skipped.finished_at = _now()
    skipped.save()
    announce(skipped)
    return skipped


def ask_to_stop(run_id: str) -> bool:
    """Ask a run to end after the piece it is at; one that waits ends at once.  Whether there was anything to stop."""
    if JobRun.objects.filter(pk=run_id, state=State.QUEUED).update(
        state=State.STOPPED, stop_wanted=True, finished_at=_now()
    ):
        return True
    return bool(JobRun.objects.filter(pk=run_id, state=State.RUNNING).update(stop_wanted=True))


def claim(run_id: str, worker: str) -> JobRun | None:
    """Take a queued run for this worker.  None when somebody else did, or when its kind has no place now."""
    with transaction.atomic():
        row = JobRun.objects.select_related("cluster", "policy").filter(pk=run_id, state=State.QUEUED).first()
        if row is None:
            return None
        found = registry.known().get(row.job)
        if found and found.most_at_once is not None:
            rows = same_kind(found, cluster=row.cluster, policy=row.policy, params=row.params)
            # Locked in one order, so that two workers can't both find the last place free.
            open_rows = list(rows.filter(state__in=OPEN).select_for_update().order_by("pk"))
            if sum(each.state == State.RUNNING for each in open_rows) >= found.most_at_once:
                return None
        now = _now()
        taken = JobRun.objects.filter(pk=run_id, state=State.QUEUED).update(
            state=State.RUNNING,
            started_at=Coalesce(F("started_at"), now),
            heartbeat_at=now,
            attempt=F("attempt") + 1,
            worker=worker[:80],
        )
    if not taken:
        return None
    row.refresh_from_db()
    announce(row)
    return row


def announce(row: JobRun) -> None:
    """Open pages refetch their list of runs; one of the site is on every cluster's page, for owners."""
    slugs = [row.cluster.slug] if row.cluster else Cluster.objects.values_list("slug", flat=True)
    for slug in slugs:
        events.changed(f"{slug}/jobs")


def next_in_line(row: JobRun) -> None:
    """A place of this kind is free: tell the workers of the one that waits longest."""
    found = registry.known().get(row.job)
    if found is None:
        return
    rows = same_kind(found, cluster=row.cluster, policy=row.policy, params=row.params)
    waiting = rows.filter(state=State.QUEUED).order_by("queued_at").values_list("pk", flat=True).first()
    if waiting:
        put(waiting)


class Run:
    """What a running job holds: its order (cluster, params, policy), and how it tells and asks.

    beat as often as you like: it is written about once a second.  Ask should_stop between batches and return when it
    says so; what was done until then goes into the result as usual.
    """

    BEAT_SECONDS = 1.0
    ASK_SECONDS = 0.5

    def __init__(self, row: JobRun, job: Job, *, is_closing: Any, clock: Any) -> None:
        self.row, self.job = row, job
        self.id, self.params, self.attempt, self.actor = row.pk, dict(row.params), row.attempt, row.actor
        self.cluster, self.policy = row.cluster, row.policy
        self.told_to_stop = ""  # "" | person | closing | deadline | taken
        self._is_closing, self._clock = is_closing, clock
        self.deadline: float = clock() + job.seconds
        self._asked_at = self._beaten_at = clock()
        self._reached, self._total, self._note = row.reached, row.total, row.note

    def beat(self, reached: int | None = None, total: int | None = None, note: str = "") -> None:
        """How far it is.  note: a line for the run's log, kept with its time (the latest hundred)."""
        if reached is not None:
            self._reached = reached
        if total is not None:
            self._total = total
        if note:
            self._note = add_note(self._note, note, _now())
        if note or self._clock() - self._beaten_at >= self.BEAT_SECONDS:
            self._beaten_at = self._clock()
            self._write_beat()

    def should_stop(self) -> bool:
        """Whether to end after the piece at hand: a person wants it, the process closes, or time is up."""
        if self.told_to_stop:
            return True
        if self._is_closing():
            self.told_to_stop = "closing"
        elif self._clock() >= self.deadline:
            self.told_to_stop = "deadline"
        elif self._clock() - self._asked_at >= self.ASK_SECONDS:
            self._asked_at = self._clock()
            self._ask()
        return bool(self.told_to_stop)

    def _ask(self) -> None:
        found = self._mine().values_list("stop_wanted", flat=True).first()
        if found is None:
            self.told_to_stop = "taken"
        elif found:
            self.told_to_stop = "person"

    def _write_beat(self) -> None:
        """A beat that can't be written is dropped: the next one tells the same."""
        with contextlib.suppress(DatabaseError):
            if not self._mine().update(heartbeat_at=_now(), reached=self._reached, total=self._total, note=self._note):
                self.told_to_stop = "taken"
                return
            announce(self.row)

    def close(self, state: str, *, result: Mapping[str, Any] | None = None, error: str = "", note: str = "") -> bool:
        """Write how it ended.  False when it isn't ours any more: then nothing is written."""
        if note:
            self._note = add_note(self._note, note, _now())
        waits = state == State.QUEUED
        values: dict[str, Any] = {
            "state": state,
            "error": error,
            "reached": self._reached,
            "total": self._total,
            "note": self._note,
            "finished_at": None if waits else _now(),
            "heartbeat_at": None if waits else _now(),
            "result": dict(result) if result is not None else None,
        }
        done = bool(self._mine().update(**values))
        if done:
            announce(self.row)
        return done

    def _mine(self) -> QuerySet[JobRun]:
        return JobRun.objects.filter(pk=self.id, state=State.RUNNING, attempt=self.attempt)


def _now() -> datetime:
    return datetime.now(UTC)
