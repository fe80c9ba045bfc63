"""A change of many targets before it is applied: kept as it was shown, for ten minutes, for who made it.

A draft is an Operation in state `planned` with one row a target; applying it is in operations.py.
"""

import hashlib
import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction

from imadmin.accounts.permissions import Permission
from imadmin.clusters.access import Scope
from imadmin.core.errors import Conflict, InvalidInput, gettext_noop
from imadmin.monitor.models import Operation, OperationTarget

TTL = timedelta(minutes=10)
KEPT = timedelta(hours=1)  # drafts that nobody applied; applied ones stay for the clean-up policies
MOST_TARGETS = 50_000
BATCH = 1000

KICK, MOVE = "kick", "move-slots"
PERMISSIONS: Mapping[str, Permission] = {KICK: Permission.KICK, MOVE: Permission.OPERATE_CLUSTER}

NOTHING = gettext_noop("There is nothing to do: choose at least one target.")
TOO_MANY = gettext_noop("More than %(most)s targets at once: narrow the choice.")


class PlanMoved(Conflict):
    """What the plan was made from has changed.  fresh: the plan made from what is there now; None: nothing is left."""

    code = "state_moved"
    title = gettext_noop("The cluster has changed since the plan was made; look at the new plan before applying it")

    def __init__(self, fresh: Operation | None) -> None:
        self.fresh = fresh
        hint = gettext_noop("The new plan is %(plan)s.") if fresh else gettext_noop("Nothing is left to do.")
        params = {"plan": fresh.pk} if fresh else {}
        super().__init__(hint=hint % params if params else hint)


@dataclass(frozen=True, slots=True)
class Target:
    """One thing to change.  key: what acting on it needs, JSON."""

    label: str
    key: Mapping[str, Any] = field(default_factory=dict)


def state_of(value: Any) -> str:
    """A hash of what a plan was made from."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


def keep(
    scope: Scope, kind: str, targets: Iterable[Target], *, summary: Mapping[str, Any], change: Mapping[str, Any],
    state: Any, per_second: int,
) -> Operation:  # fmt: skip
    """Store a draft; older ones that nobody can apply any more go on this occasion.

    Raises Forbidden, InvalidInput (no targets, too many).
    """
    scope.require(PERMISSIONS[kind])
    rows = list(targets)
    if not rows:
        raise InvalidInput({"targets": [NOTHING]}, NOTHING)
    if len(rows) > MOST_TARGETS:
        raise InvalidInput({"targets": [TOO_MANY]}, TOO_MANY, params={"most": MOST_TARGETS})
    now = datetime.now(UTC)
    Operation.objects.filter(state=Operation.State.PLANNED, expires_at__lt=now - KEPT).delete()
    with transaction.atomic():
        draft = Operation.objects.create(
            id=secrets.token_hex(4),
            cluster=scope.cluster,
            kind=kind,
            summary={**summary, "read_at": now.isoformat()},
            change=dict(change),
            state_hash=state_of(state),
            expires_at=now + TTL,
            per_second=per_second,
            total=len(rows),
            **identity(scope),
        )
        OperationTarget.objects.bulk_create(
            (
                OperationTarget(operation=draft, position=position, label=target.label[:300], key=dict(target.key))
                for position, target in enumerate(rows)
            ),
            batch_size=BATCH,
        )
    return draft


def identity(scope: Scope) -> dict[str, str]:
    """Who plans or applies it, as the columns of an operation: a later process writes the trail in their name."""
    actor = scope.actor
    return {
        "actor_kind": actor.kind,
        "actor": actor.name[:150],
        "actor_via": actor.via,
        "actor_session": actor.session,
        "actor_address": actor.address,
    }


def is_own(scope: Scope, draft: Operation) -> bool:
    return (draft.actor_kind, draft.actor) == (scope.actor.kind, scope.actor.name[:150])
