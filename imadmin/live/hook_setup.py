"""Opening the webhook's door: its secret is made, shown to those who set servers up, changed, and the door closed."""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core.cache import cache
from django.db import transaction

from imadmin.accounts.permissions import Permission
from imadmin.audit.record import Target, recorded
from imadmin.clusters.access import Scope
from imadmin.clusters.models import Cluster
from imadmin.core import crypto
from imadmin.core.errors import Conflict, NotFound, Unsupported, gettext_noop
from imadmin.gateway.registry import HOOKS
from imadmin.gateway.types import now
from imadmin.live.hooks import RATE_MINUTES, door, rate_key
from imadmin.monitor.models import Hook

SILENT_AFTER = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class HookHealth:
    """What is known of a cluster's door.  per_minute: calls taken, over the last five minutes."""

    is_open: bool
    made_at: datetime | None = None
    made_by: str = ""
    last_seen_at: datetime | None = None
    last_refused_at: datetime | None = None
    received: int = 0
    refused: int = 0
    broken: int = 0
    online: int = 0
    messages: int = 0
    offline: int = 0
    per_minute: float = 0.0

    @property
    def is_heard(self) -> bool:
        return self.last_seen_at is not None

    @property
    def is_quiet(self) -> bool:
        """Nothing for a while: nobody came or went, or the server can't reach us."""
        return self.last_seen_at is not None and now() - self.last_seen_at > SILENT_AFTER


def health(scope: Scope) -> HookHealth:
    scope.require(Permission.VIEW)
    hook = Hook.objects.filter(pk=scope.cluster.pk).first()
    if hook is None:
        return HookHealth(is_open=False)
    minute = int(time.time() // 60)
    taken = cache.get_many([rate_key(hook.pk, minute - back) for back in range(RATE_MINUTES)])
    return HookHealth(
        is_open=True,
        made_at=hook.made_at,
        made_by=hook.made_by,
        last_seen_at=hook.last_seen_at,
        last_refused_at=hook.last_refused_at,
        received=hook.received,
        refused=hook.refused,
        broken=hook.broken,
        online=hook.online,
        messages=hook.messages,
        offline=hook.offline,
        per_minute=sum(taken.values()) / RATE_MINUTES,
    )


def make_secret(scope: Scope, *, reason: str) -> str:
    """Open the door, or change its lock: what was sent to the old address is refused from now on.

    Returns the path with the secret.  Raises Forbidden, InvalidInput (reason), Unsupported.
    """
    scope.require(Permission.OPERATE_CLUSTER)
    if scope.cluster.kind not in HOOKS:
        raise Unsupported(gettext_noop("Servers of this kind tell us nothing by themselves."))
    is_new = not Hook.objects.filter(pk=scope.cluster.pk).exists()
    action = "hook.open" if is_new else "hook.change_secret"
    with recorded(scope.actor, action, Target("cluster", scope.slug), reason, cluster=scope.slug) as entry:
        secret = crypto.new_token("wh")
        with transaction.atomic():
            Hook.objects.update_or_create(
                cluster=scope.cluster,
                defaults={
                    "sealed_secret": crypto.seal(secret), "secret_hash": crypto.token_hash(secret),
                    "made_at": now(), "made_by": scope.actor.name,
                },
            )  # fmt: skip
        door.forget()
        entry.finish(outcome="done")
    return path_of(scope.slug, secret)


def open_unasked(cluster: Cluster, *, may_make: bool) -> str:
    """The path of a simulated cluster's webhook; a door is made for it when it may be.  "" when there is none."""
    hook = Hook.objects.filter(pk=cluster.pk).first()
    if hook is None and may_make:
        secret = crypto.new_token("wh")
        hook = Hook.objects.create(
            cluster=cluster, sealed_secret=crypto.seal(secret), secret_hash=crypto.token_hash(secret),
            made_at=now(), made_by=cluster.slug,
        )  # fmt: skip
        door.forget()
    try:
        return path_of(cluster.slug, crypto.unseal(hook.sealed_secret)) if hook else ""
    except crypto.Undecryptable:
        return ""


def reveal(scope: Scope, *, reason: str) -> str:
    """The path with the secret, for the configuration of another node.  Raises Forbidden, NotFound, InvalidInput."""
    scope.require(Permission.OPERATE_CLUSTER)
    hook = Hook.objects.filter(pk=scope.cluster.pk).first()
    if hook is None:
        raise NotFound(gettext_noop("The webhook of this cluster isn't set up."))
    with recorded(scope.actor, "hook.reveal", Target("cluster", scope.slug), reason, cluster=scope.slug) as entry:
        try:
            path = path_of(scope.slug, crypto.unseal(hook.sealed_secret))
        except crypto.Undecryptable:
            raise Conflict(
                gettext_noop("The secret can't be opened with the configured keys. Make a new one.")
            ) from None
        entry.finish(outcome="done")
    return path


def close(scope: Scope, *, reason: str) -> bool:
    """Take nothing from this cluster's servers any more; False when the door was closed already."""
    scope.require(Permission.OPERATE_CLUSTER)
    if not Hook.objects.filter(pk=scope.cluster.pk).exists():
        return False
    with recorded(scope.actor, "hook.close", Target("cluster", scope.slug), reason, cluster=scope.slug) as entry:
        Hook.objects.filter(pk=scope.cluster.pk).delete()
        door.forget()
        entry.finish(outcome="done")
    return True


def path_of(slug: str, secret: str) -> str:
    return f"/hooks/wukongim/{slug}/{secret}"
