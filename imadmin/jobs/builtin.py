"""The jobs that every installation has.  Each calls something below this layer; none has logic of its own."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from imadmin.clusters.models import Cluster
from imadmin.core.errors import InvalidInput, gettext_noop
from imadmin.jobs.housekeeping import KEEP, prune
from imadmin.jobs.registry import job
from imadmin.jobs.run import Run

TOOK_HOURS = gettext_noop("It took longer than one run may, so it rests. Resume it to go on where it is.")
DAYS = gettext_noop("Days to keep are a whole number from 1 to 3650.")


@job(
    "operation.run",
    title=gettext_noop("Carry out an operation"),
    lost="again",
    apart_by=("operation",),
    seconds=6 * 3600,
    attempts=5,
)
def operation_run(run: Run) -> Mapping[str, Any] | None:
    """params: {"operation": id}.  Each target's result is kept, so beginning anew goes on where it was."""
    from imadmin.monitor.actions import operations

    found: Mapping[str, Any] = operations.carry_out(
        run.params["operation"], run.beat, run.should_stop, wants_stop=lambda: run.told_to_stop == "person"
    )
    if run.told_to_stop == "deadline":
        operations.park(run.params["operation"], TOOK_HOURS)
    handled = sum(count for name, count in found.items() if name not in ("state", "skipped", "waiting"))
    left = found.get("skipped", 0) + found.get("waiting", 0)
    say = gettext_noop("%(handled)s handled, %(left)s left out; its own page tells of each")
    return {"say": say, "params": {"handled": handled, "left": left}, **found}


@job("sample", title=gettext_noop("Sample the cluster"), seconds=55, routine=True, by_hand=True)
def sample(run: Run) -> Mapping[str, Any]:
    """The figures of one minute; a cluster that is down is a sample too."""
    from imadmin.monitor import sampling

    report = sampling.sample(_cluster(run))
    return {
        "say": gettext_noop("%(answered)s of %(nodes)s nodes answered"),
        "params": {"answered": report.answered, "nodes": report.nodes},
        "minute": report.minute.isoformat(),
        "failure": report.failure,
    }


@job("rollup", title=gettext_noop("Roll up samples to hours and days"), lost="again", routine=True, by_hand=True)
def rollup(run: Run) -> Mapping[str, Any]:
    from imadmin.monitor import rollup

    report = rollup.roll(_cluster(run))
    return {
        "say": gettext_noop("%(hours)s hours and %(days)s days brought up to date"),
        "params": {"hours": report.hours, "days": report.days},
    }


@job(
    "restrictions.lift",
    title=gettext_noop("Lift restrictions that have ended"),
    lost="again",
    seconds=600,
    routine=True,
    by_hand=True,
    site=True,
)
def lift(run: Run) -> Mapping[str, Any]:
    from imadmin.directory.actions.lift import lift_ended

    report = lift_ended(should_stop=run.should_stop)
    return {
        "say": gettext_noop("%(lifted)s lifted, %(failed)s failed, %(waiting)s wait for their next try"),
        "params": {"lifted": report.lifted, "failed": report.failed, "waiting": report.waiting},
    }


@job("jobs.prune", title=gettext_noop("Forget old runs"), lost="again", by_hand=True, takes=("days",), site=True)
def jobs_prune(run: Run) -> Mapping[str, Any]:
    """params: {"days": n} keeps fewer or more days than usual."""
    days = str(run.params.get("days", KEEP.days))
    if not days.isdecimal() or not 0 < int(days) <= 3650:
        raise InvalidInput({"days": [DAYS]}, DAYS)
    removed = prune(datetime.now(UTC) - timedelta(days=int(days)), should_stop=run.should_stop)
    return {"say": gettext_noop("%(count)s runs forgotten"), "params": {"count": removed}}


def _cluster(run: Run) -> Cluster:
    if run.cluster is None:
        raise ValueError(f"the job {run.job.name} is of one cluster")
    return run.cluster
