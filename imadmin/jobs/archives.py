"""Archives as the pages, the API and the command steer them: the actions below with the jobs that do the work."""

from dataclasses import dataclass

from imadmin.archive import running
from imadmin.archive.models import Archive
from imadmin.clusters.access import Scope
from imadmin.gateway.types import ChannelRef
from imadmin.jobs import queries
from imadmin.jobs.archive_jobs import REPAIR
from imadmin.jobs.models import JobRun
from imadmin.jobs.queries import RunView
from imadmin.jobs.run import OPEN, ask_to_stop, start


@dataclass(frozen=True, slots=True)
class Reading:
    """A round under way.  per_second: numbers closed; seconds_left: at that rate, None while nobody can say."""

    run: RunView
    per_second: float | None
    seconds_left: float | None


def open_(scope: Scope, *, reason: str, budget: int | None = None) -> Archive:
    return running.open_(scope, reason=reason, budget=budget, begin=lambda: _begin(scope))


def close(scope: Scope, *, reason: str) -> Archive:
    """A round under way ends within a moment."""
    archive = running.close(scope, reason=reason)
    for run_id in JobRun.objects.filter(job=REPAIR, cluster=scope.cluster, state__in=OPEN).values_list("pk", flat=True):
        ask_to_stop(run_id)
    return archive


def read_now(scope: Scope, *, reason: str, channel: ChannelRef | None = None) -> str:
    """The id of the run.  Raises Forbidden, InvalidInput, Conflict (closed, or one is under way)."""
    return running.read_now(scope, reason=reason, channel=channel, begin=lambda: _begin(scope, channel))


def reading(scope: Scope) -> Reading | None:
    """The round under way, or waiting for its turn."""
    row = (
        JobRun.objects.filter(job=REPAIR, cluster=scope.cluster, state__in=OPEN)
        .select_related("cluster", "policy")
        .order_by("queued_at")
        .first()
    )
    if row is None:
        return None
    run = queries.view(row)
    rate = run.reached / run.seconds if run.seconds and run.seconds >= 1 and run.reached else None
    left = (run.total - run.reached) / rate if rate and run.total is not None else None
    return Reading(run, rate, left)


def _begin(scope: Scope, channel: ChannelRef | None = None) -> str:
    params = {"channel": str(channel)} if channel else {}
    trigger = "command" if scope.actor.via == "command" else "person"
    return start(REPAIR, cluster=scope.cluster, params=params, trigger=trigger, actor=scope.actor.name).pk
