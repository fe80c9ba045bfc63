"""Plan, then apply: a change of many things is kept as it was shown, and refused when the state has moved since.

A plan belongs to who made it, lives ten minutes and is applied once, so a second click does nothing twice.
"""

import hashlib
import json
import logging
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import DatabaseError, transaction

from imadmin.clusters.access import Scope
from imadmin.core.errors import Conflict, NotFound, gettext_noop
from imadmin.core.outcomes import Outcomes, Result, TargetOutcome
from imadmin.directory import patience
from imadmin.directory.models import Plan

logger = logging.getLogger(__name__)
TTL = timedelta(minutes=10)
KEPT = timedelta(days=1)  # reports of applied plans; the audit trail has them for good
LOST_AFTER = timedelta(minutes=2)
NO_SUCH = gettext_noop("There is no such plan, or it was not applied. Its report may be under History.")


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
    Plan.objects.filter(expires_at__lt=now - TTL, applied_at=None).delete()
    Plan.objects.filter(expires_at__lt=now - KEPT).delete()
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
    anew = {"applied_at": datetime.now(UTC), "reached": 0, "told_at": None, "result": None}
    if not Plan.objects.filter(pk=plan.pk, applied_at=None).update(**anew):
        raise Conflict(gettext_noop("This plan was already applied; nothing was done a second time."))


def release(plan: Plan) -> None:
    """Give back a plan that was claimed and not begun."""
    patience.kept(lambda: Plan.objects.filter(pk=plan.pk).update(applied_at=None), "plan")


def tell(plan: Plan, reached: int) -> None:
    """How far the application has come.  Called in the middle of a change, so a busy database must not end it."""
    try:
        with transaction.atomic():
            Plan.objects.filter(pk=plan.pk).update(reached=reached, told_at=datetime.now(UTC))
    except DatabaseError:
        logger.warning("plan.progress_not_told", extra={"plan": plan.pk, "reached": reached}, exc_info=True)


def finish(plan: Plan, outcomes: Outcomes) -> None:
    """Keep what became of each target, for who looks at it later."""
    items = [[item.target, item.result.value, item.detail] for item in outcomes.items]
    _end(plan, {"items": items, "note": outcomes.note}, reached=len(items))


def fail(plan: Plan, sentence: str) -> None:
    """It ended without a result.  sentence: English, translated where shown."""
    _end(plan, {"error": sentence})


def _end(plan: Plan, result: dict[str, Any], **more: Any) -> None:
    """What isn't kept shows as lost after a while; the audit trail has it all the same."""
    rows = Plan.objects.filter(pk=plan.pk)
    patience.kept(lambda: rows.update(result=result, told_at=datetime.now(UTC), **more), "plan")


@dataclass(frozen=True, slots=True)
class Progress:
    """An application under way or over. outcomes: None until it is over, or when it failed (error).

    is_lost: nobody has told of it for a while, so the process that did it is gone; what it did is on the cluster.
    """

    reached: int
    total: int
    outcomes: Outcomes | None
    error: str
    is_lost: bool

    @property
    def is_over(self) -> bool:
        return self.outcomes is not None or bool(self.error) or self.is_lost


def progress(scope: Scope, plan_id: str, action: str, target: str) -> Progress:
    """How a plan that was applied comes along.  Raises NotFound."""
    plan = Plan.objects.filter(pk=plan_id, cluster=scope.cluster, action=action, target=target).first()
    if plan is None or (plan.applied_at is None and not plan.result):
        raise NotFound(NO_SUCH)
    result = plan.result or {}
    told_at = plan.told_at or plan.applied_at or plan.created_at
    outcomes = None
    if "items" in result:
        items = tuple(TargetOutcome(uid, Result(word), detail) for uid, word, detail in result["items"])
        outcomes = Outcomes(items, result["note"])
    return Progress(
        reached=plan.reached,
        total=len(plan.change.get("uids", ())),
        outcomes=outcomes,
        error=result.get("error", ""),
        is_lost=not result and told_at < datetime.now(UTC) - LOST_AFTER,
    )


def _owner(scope: Scope) -> str:
    return f"{scope.actor.kind}:{scope.actor.name}"[:150]
