"""How long runs are remembered.  Routine ones that went well would fill the list: only the latest few are kept."""

from collections.abc import Callable
from datetime import datetime, timedelta

from django.db.models import QuerySet

from imadmin.clusters.models import Cluster
from imadmin.jobs import registry
from imadmin.jobs.models import JobRun

KEEP = timedelta(days=30)
KEEP_ROUTINE = 20  # of each job and cluster
PIECE = 500
State = JobRun.State
OVER = (State.DONE, State.FAILED, State.STOPPED, State.LOST, State.MISSED)


def over(cluster: Cluster | None = None, before: datetime | None = None) -> QuerySet[JobRun]:
    """Runs that have ended (before that), of one cluster or of all."""
    rows = JobRun.objects.filter(state__in=OVER)
    rows = rows.filter(cluster=cluster) if cluster else rows
    return rows.filter(finished_at__lt=before) if before else rows


def prune(
    before: datetime,
    *,
    cluster: Cluster | None = None,
    most: int | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> int:
    """Delete runs that ended before that, in pieces, `most` of them; returns how many."""
    removed = 0
    rows = over(cluster, before)
    while not should_stop():
        room = PIECE if most is None else max(0, min(PIECE, most - removed))
        piece = list(rows.values_list("pk", flat=True)[:room])
        if not piece:
            break
        removed += JobRun.objects.filter(pk__in=piece).delete()[0]
    return removed


def thin_out(row: JobRun) -> int:
    """After a routine run that went well: forget those before the latest few of its kind.  Anything else is kept."""
    job = registry.known().get(row.job)
    if job is None or not job.routine:
        return 0
    rows = JobRun.objects.filter(job=row.job, cluster=row.cluster, state=State.DONE).order_by("-queued_at")
    old = list(rows.values_list("pk", flat=True)[KEEP_ROUTINE : KEEP_ROUTINE + PIECE])
    return JobRun.objects.filter(pk__in=old).delete()[0] if old else 0
