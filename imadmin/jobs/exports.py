"""Exports and saved searches as pages, API and schedule steer them: the archive's own functions, and their jobs."""

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from imadmin.archive import counting, export_run, exports
from imadmin.archive.models import Archive, Export
from imadmin.clusters.access import Scope
from imadmin.core.errors import Conflict, gettext_noop
from imadmin.jobs.models import JobRun
from imadmin.jobs.registry import job
from imadmin.jobs.run import OPEN, Run, ask_to_stop, start

JOB = "archive.export"
IS_OVER = gettext_noop("It is over already: there is nothing to stop.")
LOST = gettext_noop("The process that wrote it ended without a word. Export again.")


def begin(
    scope: Scope,
    *,
    q: str,
    reason: str,
    format: str = Export.Format.CSV,
    has_bom: bool = False,
    zone: ZoneInfo | None = None,
) -> tuple[Export, bool]:
    """Raises as archive.exports.start."""
    settle(scope)

    def run(row: Export) -> str:
        return str(start(JOB, cluster=scope.cluster, params={"export": row.pk}, actor=scope.actor.name).pk)

    return exports.start(scope, q=q, reason=reason, format=format, has_bom=has_bom, zone=zone, begin=run)


def stop(scope: Scope, export_id: str) -> Export:
    """It ends within a moment and leaves no file.  Raises Forbidden, NotFound, Conflict (it is over)."""
    row = exports.find(scope, export_id)
    if row.state not in exports.OPEN:
        raise Conflict(IS_OVER)
    ask_to_stop(row.job_run)
    settle(scope)
    row.refresh_from_db()
    return row


def settle(scope: Scope | None = None) -> int:
    """Exports whose run ended without telling them: stopped while it waited, failed, lost.  How many there were."""
    rows = Export.objects.filter(state__in=exports.OPEN).select_related("cluster")
    rows = rows.filter(cluster=scope.cluster) if scope else rows
    waiting = list(rows[:200])
    states = dict(JobRun.objects.filter(pk__in=[row.job_run for row in waiting]).values_list("pk", "state"))
    settled = 0
    for row in waiting:
        state = states.get(row.job_run)
        if state in OPEN or not row.job_run:
            continue
        is_stopped = state == JobRun.State.STOPPED
        export_run.fail(
            row, "" if is_stopped else LOST, state=exports.State.STOPPED if is_stopped else exports.State.FAILED
        )
        settled += 1
    return settled


@job(JOB, title=gettext_noop("Export messages"), lost="again", apart_by=("export",), seconds=2 * 3600)
def export(run: Run) -> Mapping[str, Any]:
    """params: {"export": id}.  Begun anew after a loss: a file that isn't whole has no name."""
    found = export_run.carry_out(
        str(run.params.get("export", "")), run.beat, run.should_stop, why_stopped=lambda: run.told_to_stop
    )
    return {"say": gettext_noop("%(rows)s messages written"), "params": {"rows": found["rows"]}, **found}


@job(
    "archive.saved-counts",
    title=gettext_noop("Count what saved searches find"),
    lost="again",
    seconds=1800,
    routine=True,
    by_hand=True,
    is_due=lambda cluster: Archive.objects.filter(cluster=cluster).exists(),
)
def saved_counts(run: Run) -> Mapping[str, Any]:
    """The full hours that are missing."""
    assert run.cluster is not None
    found = counting.count_hours(run.cluster, should_stop=run.should_stop, beat=run.beat)
    say = gettext_noop("%(hours)s hours of %(searches)s saved searches counted")
    return {"say": say, "params": {"hours": found.hours, "searches": found.searches}}


@job(
    "archive.exports-expire",
    title=gettext_noop("Remove expired exports"),
    lost="again",
    seconds=600,
    routine=True,
    by_hand=True,
    site=True,
)
def exports_expire(run: Run) -> Mapping[str, Any]:
    settled = settle()
    found = export_run.expire()
    say = gettext_noop("%(files)s files removed, %(rows)s forgotten")
    return {"say": say, "params": found, "settled": settled}
