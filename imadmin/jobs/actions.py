"""What persons do with jobs: run one now, stop a run.  Both are on the audit trail."""

from collections.abc import Mapping
from typing import Any

from django.db.models import Q, QuerySet

from imadmin.accounts.permissions import Permission
from imadmin.audit.record import Target, recorded
from imadmin.clusters.access import Scope, SiteScope
from imadmin.core.errors import InvalidInput, NotFound, gettext_noop
from imadmin.core.outcomes import Outcomes, Result, TargetOutcome
from imadmin.jobs import registry
from imadmin.jobs.models import JobRun
from imadmin.jobs.run import OPEN, announce, ask_to_stop, start

NO_SUCH_RUN = gettext_noop("There is no such run. Runs are remembered for 30 days.")
NOT_BY_HAND = gettext_noop("This job can't be started by hand: it is part of something else.")
NO_PARAMETER = gettext_noop("The job doesn't take this.")
ENDS_SOON = gettext_noop("It was told to stop and ends after the piece it is at.")
IS_OVER = gettext_noop("It is over already.")
TRIGGERS = {"command": "command"}


def visible(scope: SiteScope) -> QuerySet[JobRun]:
    """The runs this person may see: of the cluster; for owners those of the site too."""
    mine = Q(cluster=scope.cluster) if isinstance(scope, Scope) else Q(cluster=None)
    if isinstance(scope, Scope) and scope.can(Permission.MANAGE_SITE):
        mine |= Q(cluster=None)
    return JobRun.objects.filter(mine).select_related("cluster", "policy")


def run_now(scope: SiteScope, name: str, *, params: Mapping[str, Any] | None = None, reason: str) -> JobRun:
    """Start a job by hand.  A job of the site needs an owner, from whichever cluster's page it is started.

    Raises Forbidden, NotFound (no such job), InvalidInput (job, params), Conflict (it runs already).
    """
    scope.require(Permission.MANAGE_POLICIES)
    job = registry.find(name)
    if not job.by_hand or (not job.site and not isinstance(scope, Scope)):
        raise InvalidInput({"job": [NOT_BY_HAND]}, NOT_BY_HAND)
    if job.site:
        scope.require(Permission.MANAGE_SITE)
    if unknown := [key for key in params or {} if key not in job.takes]:
        raise InvalidInput({key: [NO_PARAMETER] for key in unknown}, NO_PARAMETER)
    cluster = scope.cluster if isinstance(scope, Scope) and not job.site else None
    slug = cluster.slug if cluster else ""
    with recorded(scope.actor, "job.run", Target("job", name), reason, cluster=slug) as entry:
        row = start(
            name,
            cluster=cluster,
            params=params,
            trigger=TRIGGERS.get(scope.actor.via, "person"),
            actor=scope.actor.name,
        )
        entry.finish(detail={"run": row.pk, **({"params": dict(params)} if params else {})})
    return row


def stop(scope: SiteScope, run_id: str, *, reason: str) -> Outcomes:
    """Ask a run to end after the piece it is at; what it did stays done.  Raises Forbidden, NotFound, InvalidInput."""
    row = visible(scope).filter(pk=run_id).first()
    if row is None:
        raise NotFound(NO_SUCH_RUN)
    scope.require(Permission.MANAGE_POLICIES)
    if row.cluster is None:
        scope.require(Permission.MANAGE_SITE)
    slug = row.cluster.slug if row.cluster else ""
    with recorded(scope.actor, "job.stop", Target("job", row.job), reason, cluster=slug) as entry:
        asked = ask_to_stop(run_id)
        now = JobRun.objects.get(pk=run_id)
        if not asked:
            outcome = TargetOutcome(run_id, Result.ALREADY, IS_OVER)
        else:
            outcome = TargetOutcome(run_id, Result.DONE, ENDS_SOON if now.state in OPEN else "")
        outcomes = Outcomes((outcome,))
        entry.finish(before=row.state, after=now.state, outcomes=outcomes, detail={"run": run_id})
    announce(row)
    return outcomes
