"""Policies, their last and next runs, and the holds, as pages and the API show them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from imadmin.accounts.permissions import Permission
from imadmin.clusters.access import Scope
from imadmin.gateway.types import ChannelRef
from imadmin.jobs import schedule
from imadmin.jobs.models import Hold, JobRun, Policy
from imadmin.jobs.policy import actions
from imadmin.jobs.policy.kinds import KINDS, Kind

LAST = 200  # runs looked through for the last one of each policy


@dataclass(frozen=True, slots=True)
class PolicyRow:
    """last: the newest run that was no simulation; simulation: the newest that was.  next_at: None = not scheduled."""

    policy: Policy
    kind: Kind | None
    last: JobRun | None
    simulation: JobRun | None
    next_at: datetime | None

    @property
    def may_run(self) -> bool:
        return self.policy.simulated_at is not None or self.is_given

    @property
    def is_given(self) -> bool:
        """Every cluster has it, and it can't be deleted."""
        return self.policy.kind in actions.GIVEN


def policies(scope: Scope) -> tuple[PolicyRow, ...]:
    """All policies of the cluster, the ones every cluster has first."""
    scope.require(Permission.VIEW)
    rows = list(Policy.objects.select_related("schedule__crontab", "schedule__interval").filter(cluster=scope.cluster))
    rows.sort(key=lambda policy: (policy.kind not in actions.GIVEN, policy.kind, policy.pk))
    runs = JobRun.objects.filter(policy__in=rows, job="policy.run").order_by("-queued_at")[:LAST]
    return tuple(_row(policy, [run for run in runs if run.policy_id == policy.pk]) for policy in rows)


def policy(scope: Scope, policy_id: int) -> tuple[PolicyRow, tuple[JobRun, ...]]:
    """One policy and its latest runs, newest first.  Raises NotFound."""
    scope.require(Permission.VIEW)
    found = actions.find(scope, policy_id)
    runs = tuple(JobRun.objects.filter(policy=found).order_by("-queued_at")[:50])
    return _row(found, runs), runs


def holds(scope: Scope) -> tuple[Hold, ...]:
    """The holds in force, newest first."""
    scope.require(Permission.VIEW)
    return tuple(Hold.objects.filter(cluster=scope.cluster, lifted_at=None).order_by("-created_at", "-pk"))


def channel_of(hold: Hold) -> ChannelRef | None:
    return ChannelRef(hold.channel_id, hold.channel_type) if hold.channel_type is not None else None


def _row(policy: Policy, runs: Sequence[JobRun]) -> PolicyRow:
    def newest(simulated: bool) -> JobRun | None:
        return next((run for run in runs if bool(run.params.get("simulate")) is simulated), None)

    next_at = schedule.next_at(policy.schedule) if policy.schedule and policy.is_enabled else None
    return PolicyRow(policy, KINDS.get(policy.kind), newest(simulated=False), newest(simulated=True), next_at)
