"""Policies, their last and next runs, and the holds, as pages and the API show them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery

from imadmin.accounts.permissions import Permission
from imadmin.clusters.access import Scope
from imadmin.gateway.types import ChannelRef
from imadmin.jobs import schedule
from imadmin.jobs.models import Hold, JobRun, Policy
from imadmin.jobs.policy import actions
from imadmin.jobs.policy.kinds import KINDS, Kind


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
    rows = list(_with_newest(Policy.objects.filter(cluster=scope.cluster)))
    rows.sort(key=lambda policy: (policy.kind not in actions.GIVEN, policy.kind, policy.pk))
    newest = JobRun.objects.in_bulk([pk for row in rows for pk in (row.last_id, row.simulation_id) if pk])
    return tuple(_row(policy, newest) for policy in rows)


def policy(scope: Scope, policy_id: int) -> tuple[PolicyRow, tuple[JobRun, ...]]:
    """One policy and its latest runs, newest first.  Raises NotFound."""
    scope.require(Permission.VIEW)
    found = _with_newest(Policy.objects.filter(pk=actions.find(scope, policy_id).pk)).get()
    runs = tuple(JobRun.objects.filter(policy=found).order_by("-queued_at")[:50])
    return _row(found, JobRun.objects.in_bulk([pk for pk in (found.last_id, found.simulation_id) if pk])), runs


def holds(scope: Scope) -> tuple[Hold, ...]:
    """The holds in force, newest first."""
    scope.require(Permission.VIEW)
    return tuple(Hold.objects.filter(cluster=scope.cluster, lifted_at=None).order_by("-created_at", "-pk"))


def channel_of(hold: Hold) -> ChannelRef | None:
    return ChannelRef(hold.channel_id, hold.channel_type) if hold.channel_type is not None else None


def _with_newest(policies: QuerySet[Policy]) -> QuerySet[Any]:
    """Each with the ids of its newest run that was none, and that was a simulation, however long ago."""
    runs = JobRun.objects.filter(policy=OuterRef("pk"), job="policy.run").order_by("-queued_at").values("pk")
    return policies.select_related("schedule__crontab", "schedule__interval").annotate(
        last_id=Subquery(runs.exclude(params__simulate=True)[:1]),
        simulation_id=Subquery(runs.filter(params__simulate=True)[:1]),
    )


def _row(policy: Any, newest: Mapping[str, JobRun]) -> PolicyRow:
    next_at = schedule.next_at(policy.schedule) if policy.schedule and policy.is_enabled else None
    last, simulation = newest.get(policy.last_id), newest.get(policy.simulation_id)
    return PolicyRow(policy, KINDS.get(policy.kind), last, simulation, next_at)
