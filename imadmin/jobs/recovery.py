"""Runs that nobody carries out any more: found by their silence, taken up again or told as lost, never left running.

A run is dead when its process is gone from this host and said nothing for two beats, or when it was silent for long.
"""

import logging
import os
import socket
from datetime import UTC, datetime, timedelta

from django.db.models import QuerySet

from imadmin.core.errors import gettext_noop
from imadmin.jobs import registry
from imadmin.jobs.models import JobRun
from imadmin.jobs.notes import add_note
from imadmin.jobs.run import announce, put, same_kind

logger = logging.getLogger(__name__)
State = JobRun.State

PULSE = timedelta(seconds=5)
GONE_AFTER = timedelta(seconds=12)
SILENT_AFTER = timedelta(seconds=45)
MOST_AT_ONCE = 200

LOST = gettext_noop("The process that ran it ended without a word. How far it came is told below; it isn't begun anew.")
LOST_OFTEN = gettext_noop("The process that ran it ended without a word, as often as it was taken up again.")
TAKEN_UP = gettext_noop("Its process ended without a word; taken up again.")


def recover(*, alone_as: str = "") -> list[JobRun]:
    """Deal with dead runs; returns them.

    alone_as: this process's name where it is the only one there is (embedded mode, at start): then every run of
    another process is dead, however fresh its last beat.
    """
    now = datetime.now(UTC)
    rows = JobRun.objects.filter(state=State.RUNNING).select_related("cluster", "policy").order_by("heartbeat_at")
    if alone_as:
        rows = rows.exclude(worker=alone_as)
    else:
        rows = rows.filter(heartbeat_at__lt=now - GONE_AFTER)
    found = [row for row in rows[:MOST_AT_ONCE] if alone_as or _is_dead(row, now)]
    return [row for row in found if _take_over(row, now)]


def _is_dead(row: JobRun, now: datetime) -> bool:
    silent = now - (row.heartbeat_at or row.queued_at)
    return silent > SILENT_AFTER or (silent > GONE_AFTER and _is_gone(row.worker))


def _is_gone(worker: str) -> bool:
    """Whether that process is certainly not on this host any more."""
    host, _, rest = worker.rpartition(":")[0].rpartition(":")
    if host != socket.gethostname()[:50] or not rest.isdigit():
        return False
    try:
        os.kill(int(rest), 0)
    except ProcessLookupError:
        return True
    except (PermissionError, OverflowError):
        return False
    return False


def _take_over(row: JobRun, now: datetime) -> bool:
    """False when its process spoke up meanwhile, or another recovery was quicker."""
    job = registry.known().get(row.job)
    mine = JobRun.objects.filter(pk=row.pk, state=State.RUNNING, attempt=row.attempt, heartbeat_at=row.heartbeat_at)
    if row.stop_wanted:
        done = mine.update(state=State.STOPPED, finished_at=now)
    elif job and job.lost == "again" and row.attempt < job.attempts:
        note = add_note(row.note, TAKEN_UP, now)
        done = mine.update(state=State.QUEUED, worker="", heartbeat_at=None, note=note)
    else:
        error = LOST_OFTEN if job and job.lost == "again" else LOST
        done = mine.update(state=State.LOST, error=error, finished_at=now)
    if not done:
        return False
    row.refresh_from_db()
    logger.warning("jobs.recovered", extra={"run": row.pk, "job": row.job, "state": row.state})
    if row.state == State.QUEUED:
        put(row.pk)
    announce(row)
    return True


def forgotten(patience: timedelta) -> list[str]:
    """Ids of queued runs that nobody took for so long, and that no other run of their kind holds back."""
    rows: QuerySet[JobRun] = JobRun.objects.filter(
        state=State.QUEUED, queued_at__lt=datetime.now(UTC) - patience
    ).select_related("cluster", "policy")
    return [row.pk for row in rows.order_by("queued_at")[:MOST_AT_ONCE] if not _is_held_back(row)]


def _is_held_back(row: JobRun) -> bool:
    job = registry.known().get(row.job)
    if job is None or job.most_at_once is None:
        return False
    rows = same_kind(job, cluster=row.cluster, policy=row.policy, params=row.params)
    return rows.filter(state=State.RUNNING).count() >= job.most_at_once
