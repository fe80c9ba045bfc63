"""Setting policies up: what a person may do to a policy, its schedule and the holds; each change is on the audit trail.

A policy has to be simulated as it stands before it may run or be switched on: nobody is surprised by what it touches.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.db import transaction

from imadmin.accounts.permissions import Permission
from imadmin.audit.record import Target, clean_reason, recorded
from imadmin.clusters.access import Scope
from imadmin.clusters.models import Cluster
from imadmin.core import events
from imadmin.core.errors import Conflict, InvalidInput, NotFound, gettext_noop
from imadmin.gateway.types import ChannelRef
from imadmin.jobs import schedule
from imadmin.jobs.models import Hold, JobRun, Policy
from imadmin.jobs.policy.kinds import KINDS, checked, kind_of
from imadmin.jobs.run import start
from imadmin.jobs.schedule import Cron

CAP_MOST = 100_000_000
# What every cluster has from the start, and without which our own tables would grow for ever.
GIVEN = {"samples": Cron(minute="10", hour="3"), "job-runs": Cron(minute="20", hour="3")}
SIMULATE_FIRST = gettext_noop("Simulate the policy as it is now first; then it may run.")
WHAT_IT_TOUCHES = gettext_noop("The simulation lists and counts what it would touch, and touches nothing.")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A policy as a person wants it. when: None = only by hand."""

    kind: str
    params: Mapping[str, Any] = field(default_factory=dict)
    cap: int = 1000
    stop_above: int = 50
    when: Cron | int | None = None


def find(scope: Scope, policy_id: int) -> Policy:
    """Raises NotFound: also for a policy of another cluster."""
    policy = Policy.objects.select_related("schedule").filter(pk=policy_id, cluster=scope.cluster).first()
    if policy is None:
        raise NotFound(gettext_noop("There is no such policy on this cluster."))
    return policy


def create(scope: Scope, wanted: Wanted, *, reason: str) -> Policy:
    """A new policy, switched off.  Raises Forbidden, InvalidInput, NotFound (kind)."""
    scope.require(Permission.MANAGE_POLICIES)
    reason, values = clean_reason(reason), _checked(wanted)
    with recorded(scope.actor, "policy.create", Target("policy", wanted.kind), reason, cluster=scope.slug) as entry:
        with transaction.atomic():
            policy = Policy.objects.create(
                cluster=scope.cluster, kind=wanted.kind, created_by=scope.actor.name, **values
            )
            _set_schedule(policy, wanted.when)
        entry.finish(after={"id": policy.pk, **shown(policy)})
    _announce(scope)
    return policy


def change(scope: Scope, policy_id: int, wanted: Wanted, *, reason: str) -> Policy:
    """New settings for a policy; when they differ it has to be simulated again, and is switched off until then.

    The kind stays.  Raises Forbidden, InvalidInput, NotFound.
    """
    scope.require(Permission.MANAGE_POLICIES)
    policy = find(scope, policy_id)
    reason, values = clean_reason(reason), _checked(Wanted(policy.kind, wanted.params, wanted.cap, wanted.stop_above))
    before = shown(policy)
    with recorded(scope.actor, "policy.change", _target(policy), reason, cluster=scope.slug) as entry:
        with transaction.atomic():
            touches_else = any(getattr(policy, name) != value for name, value in values.items())
            for name, value in values.items():
                setattr(policy, name, value)
            if touches_else and policy.kind not in GIVEN:
                policy.is_enabled, policy.simulated_at = False, None
            policy.save()
            _set_schedule(policy, wanted.when)
        entry.finish(before=before, after=shown(policy))
    _announce(scope)
    return policy


def switch(scope: Scope, policy_id: int, *, on: bool, reason: str) -> Policy:
    """Let the schedule run it, or not.  Raises Conflict when it was not simulated as it is now."""
    scope.require(Permission.MANAGE_POLICIES)
    policy = find(scope, policy_id)
    reason = clean_reason(reason)
    if on:
        require_simulated(policy)
    before = {"is_enabled": policy.is_enabled}
    with recorded(scope.actor, "policy.switch", _target(policy), reason, cluster=scope.slug) as entry:
        with transaction.atomic():
            policy.is_enabled = on
            policy.save(update_fields=["is_enabled", "updated_at"])
            if policy.schedule:
                policy.schedule.enabled = on
                policy.schedule.save()
        entry.finish(before=before, after={"is_enabled": on})
    _announce(scope)
    return policy


def delete(scope: Scope, policy_id: int, *, reason: str) -> None:
    """Take a policy away with its schedule; its runs stay listed.  Raises Forbidden, NotFound, Conflict."""
    scope.require(Permission.MANAGE_POLICIES)
    policy = find(scope, policy_id)
    reason = clean_reason(reason)
    if policy.kind in GIVEN:
        raise Conflict(
            gettext_noop("Every cluster has this policy: without it our own tables would grow for ever."),
            hint=gettext_noop("Change how long it keeps, or switch it off."),
        )
    with recorded(scope.actor, "policy.delete", _target(policy), reason, cluster=scope.slug) as entry:
        before = shown(policy)
        with transaction.atomic():
            if policy.schedule:
                policy.schedule.delete()
            policy.delete()
        entry.finish(before=before)
    _announce(scope)


def simulate(scope: Scope, policy_id: int) -> JobRun:
    """Look at what a run would touch now; touches nothing.  Raises Forbidden, NotFound, Conflict (one is under way)."""
    scope.require(Permission.MANAGE_POLICIES)
    policy = find(scope, policy_id)
    return start("policy.run", cluster=scope.cluster, policy=policy, params={"simulate": True}, actor=scope.actor.name)


def run_now(scope: Scope, policy_id: int, *, reason: str) -> JobRun:
    """Run it once, switched on or not.  Raises Conflict (not simulated, one is under way)."""
    scope.require(Permission.MANAGE_POLICIES)
    policy = find(scope, policy_id)
    reason = clean_reason(reason)
    require_simulated(policy)
    with recorded(scope.actor, "policy.run", _target(policy), reason, cluster=scope.slug) as entry:
        row = start("policy.run", cluster=scope.cluster, policy=policy, params={"simulate": False},
                    actor=scope.actor.name)  # fmt: skip
        entry.finish(after={"run": row.pk})
    return row


def hold(scope: Scope, *, uid: str = "", channel: ChannelRef | None = None, reason: str) -> Hold:
    """No policy touches this user, or this channel, until the hold is lifted.  Raises Forbidden, InvalidInput."""
    scope.require(Permission.MANAGE_POLICIES)
    reason, uid = clean_reason(reason), uid.strip()
    if bool(uid) == bool(channel):
        raise InvalidInput({"uid": [gettext_noop("Give a uid or a channel, one of them.")]})
    place = {"channel_type": int(channel.type), "channel_id": channel.id} if channel else {"uid": uid}
    if Hold.objects.filter(cluster=scope.cluster, lifted_at=None, **place).exists():
        raise InvalidInput({"uid" if uid else "channel": [gettext_noop("This is held already.")]})
    target = Target("channel", str(channel)) if channel else Target("user", uid)
    with recorded(scope.actor, "policy.hold", target, reason, cluster=scope.slug) as entry:
        row = Hold.objects.create(cluster=scope.cluster, reason=reason, created_by=scope.actor.name, **place)
        entry.finish(after={"hold": row.pk})
    _announce(scope)
    return row


def lift_hold(scope: Scope, hold_id: int, *, reason: str) -> Hold:
    """Raises Forbidden, NotFound."""
    scope.require(Permission.MANAGE_POLICIES)
    reason = clean_reason(reason)
    row = Hold.objects.filter(pk=hold_id, cluster=scope.cluster, lifted_at=None).first()
    if row is None:
        raise NotFound(gettext_noop("There is no such hold, or it was lifted already."))
    target = Target("user", row.uid) if row.uid else Target("channel", f"{row.channel_type}/{row.channel_id}")
    with recorded(scope.actor, "policy.lift-hold", target, reason, cluster=scope.slug) as entry:
        row.lifted_at, row.lifted_by = datetime.now(UTC), scope.actor.name
        row.save(update_fields=["lifted_at", "lifted_by"])
        entry.finish(before={"hold": row.pk, "reason": row.reason})
    _announce(scope)
    return row


def ensure_given() -> None:
    """Each cluster has the policies that keep our own tables small; one that was changed or switched off stays so."""
    for cluster in Cluster.objects.all():
        have = set(Policy.objects.filter(cluster=cluster, kind__in=GIVEN).values_list("kind", flat=True))
        for name in sorted(set(GIVEN) - have):
            kind = KINDS[name]
            with transaction.atomic():
                policy = Policy.objects.create(
                    cluster=cluster,
                    kind=name,
                    params=checked(kind, {}),
                    cap=kind.cap,
                    stop_above=kind.stop_above,
                    is_enabled=True,
                    created_by="imadmin",
                )
                _set_schedule(policy, GIVEN[name])


def shown(policy: Policy) -> dict[str, Any]:
    """For the trail."""
    return {
        "kind": policy.kind,
        "params": policy.params,
        "cap": policy.cap,
        "stop_above": policy.stop_above,
        "is_enabled": policy.is_enabled,
        "schedule": str(policy.schedule.schedule) if policy.schedule else None,
    }


def require_simulated(policy: Policy) -> None:
    """Raises Conflict."""
    if policy.simulated_at is None and policy.kind not in GIVEN:
        raise Conflict(SIMULATE_FIRST, hint=WHAT_IT_TOUCHES)


def _checked(wanted: Wanted) -> dict[str, Any]:
    kind = kind_of(wanted.kind)
    if not 1 <= wanted.cap <= CAP_MOST:
        raise InvalidInput({"cap": [gettext_noop("Give how many it may touch in one run, at least 1.")]})
    if not 1 <= wanted.stop_above <= 100:
        raise InvalidInput({"stop_above": [gettext_noop("Give a share from 1 to 100 percent.")]})
    return {"params": checked(kind, wanted.params), "cap": wanted.cap, "stop_above": wanted.stop_above}


def _set_schedule(policy: Policy, when: Cron | int | None) -> None:
    if when is None:
        if policy.schedule:
            policy.schedule.delete()
            policy.schedule = None
            policy.save(update_fields=["schedule"])
        return
    entry = schedule.set_schedule(
        f"policy {policy.pk}",
        "policy.run",
        when,
        cluster=policy.cluster,
        policy=policy,
        params={"simulate": False},
        enabled=policy.is_enabled,
    )
    if policy.schedule_id != entry.pk:
        policy.schedule = entry
        policy.save(update_fields=["schedule"])


def _target(policy: Policy) -> Target:
    return Target("policy", str(policy.pk))


def _announce(scope: Scope) -> None:
    events.changed(f"{scope.slug}/policies")
