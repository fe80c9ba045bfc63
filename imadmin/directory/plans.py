"""Plan, then apply: a change of many things is kept as it was shown, and refused when the state has moved since.

A plan belongs to who made it, lives ten minutes and is applied once, so a second click does nothing twice.
"""

import hashlib
import json
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from imadmin.clusters.access import Scope
from imadmin.core.errors import Conflict, NotFound, gettext_noop
from imadmin.directory.models import Plan

TTL = timedelta(minutes=10)


class StateMoved(Conflict):
    """Somebody changed the target after the preview.  fresh: the new preview, made from what is there now."""

    code = "state_moved"
    title = gettext_noop("The list has changed since the preview; look at the new one before applying")

    def __init__(self, fresh: Any) -> None:
        self.fresh = fresh
        super().__init__()


def state_of(*parts: Any) -> str:
    """A hash of what a preview was made from; sets and lists of texts count as sets."""
    plain = [sorted(part) if isinstance(part, (set, frozenset)) else part for part in parts]
    return hashlib.sha256(json.dumps(plain, sort_keys=True, default=str).encode()).hexdigest()


def keep(scope: Scope, action: str, target: str, change: dict[str, Any], state: str) -> Plan:
    """Store a plan; older ones that nobody can apply any more go away on this occasion."""
    now = datetime.now(UTC)
    Plan.objects.filter(expires_at__lt=now - TTL).delete()
    return Plan.objects.create(
        id=secrets.token_hex(6),
        cluster=scope.cluster,
        action=action,
        target=target,
        change=change,
        state=state,
        created_by=_owner(scope),
        expires_at=now + TTL,
    )


def find(scope: Scope, plan_id: str, action: str, target: str) -> Plan:
    """The actor's own plan for exactly this, still applicable.  Raises NotFound, Conflict (expired, applied)."""
    plan = Plan.objects.filter(
        pk=plan_id, cluster=scope.cluster, action=action, target=target, created_by=_owner(scope)
    ).first()
    if plan is None:
        raise NotFound(gettext_noop("There is no such plan, or it is somebody else's. Make the preview again."))
    if plan.applied_at:
        raise Conflict(
            gettext_noop("This plan was already applied; nothing was done a second time."),
            hint=gettext_noop("Its report is under History."),
        )
    if plan.expires_at <= datetime.now(UTC):
        raise Conflict(
            gettext_noop("This plan is older than ten minutes, so nothing was done. Make the preview again.")
        )
    return plan


def claim(plan: Plan) -> None:
    """Take it for applying; of two that try at once one gets it.  Raises Conflict."""
    if not Plan.objects.filter(pk=plan.pk, applied_at=None).update(applied_at=datetime.now(UTC)):
        raise Conflict(gettext_noop("This plan was already applied; nothing was done a second time."))


def _owner(scope: Scope) -> str:
    return f"{scope.actor.kind}:{scope.actor.name}"[:150]
