"""Our own rows about a watched cluster: what happened on it, who led which slot, who came and went, mass operations.

Samples over time are in sample_models.py.
"""

from django.db import models

from imadmin.clusters.models import Cluster
from imadmin.monitor.sample_models import (  # noqa: F401  Django looks for an app's tables here
    ActsHour,
    ChannelHour,
    ChannelSeen,
    Counters,
    Day,
    Hour,
    Minute,
    Walk,
)


class Watch(models.Model):
    """What the poller last concluded, and who watches.  One row a cluster.

    verdict, cause, since: of the current verdict; since survives a restart.  lease_*: the one poller at work.
    """

    cluster = models.OneToOneField(Cluster, on_delete=models.CASCADE, primary_key=True, related_name="watch")
    verdict = models.CharField(max_length=12, default="unknown")
    cause = models.CharField(max_length=40, blank=True)
    since = models.DateTimeField(null=True, blank=True)
    looked_at = models.DateTimeField(null=True, blank=True)
    lease_owner = models.CharField(max_length=64, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)


class Event(models.Model):
    """Something that happened to a cluster, found by watching it.  kind: a word of events.KINDS; params fill its words.

    level: ok | info | warn | bad.  node, slot: what it happened to, where it is one.
    """

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="events")
    at = models.DateTimeField()
    kind = models.CharField(max_length=40)
    level = models.CharField(max_length=5, default="info")
    node = models.PositiveBigIntegerField(null=True, blank=True)
    slot = models.PositiveIntegerField(null=True, blank=True)
    params = models.JSONField(default=dict, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["cluster", "-at", "-id"]),
            models.Index(fields=["cluster", "node", "-at"]),
        ]


class SlotChange(models.Model):
    """A slot's leader or term differs from the one seen before; kept for 30 days.  leader 0: nobody."""

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="slot_changes")
    slot = models.PositiveIntegerField()
    leader = models.PositiveBigIntegerField()
    before = models.PositiveBigIntegerField(null=True, blank=True)
    term = models.PositiveIntegerField()
    at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["cluster", "slot", "-at"]),
            models.Index(fields=["cluster", "-at"]),
        ]


class Presence(models.Model):
    """Somebody connected or disconnected, as the webhook or the poller's differences tell.  Bounded; oldest go."""

    class Source(models.TextChoices):
        WEBHOOK = "webhook"
        POLLER = "poller"

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="presence")
    at = models.DateTimeField()
    uid = models.CharField(max_length=200)
    device_flag = models.SmallIntegerField(null=True, blank=True)
    is_online = models.BooleanField()
    source = models.CharField(max_length=8, choices=Source.choices)
    node = models.PositiveBigIntegerField(null=True, blank=True)
    connection = models.BigIntegerField(null=True, blank=True)
    left = models.PositiveIntegerField(null=True, blank=True)  # the user's connections that remain, where told

    class Meta:
        indexes = [
            models.Index(fields=["cluster", "-at", "-id"]),
            models.Index(fields=["cluster", "uid", "-at"]),
        ]


class Hook(models.Model):
    """The door for one cluster's webhook and its own health.  secret: part of the address, encrypted at rest.

    received: calls taken; online, messages, offline: what they told.  refused: calls with a wrong secret.  broken:
    calls that no such server makes.
    """

    cluster = models.OneToOneField(Cluster, on_delete=models.CASCADE, primary_key=True, related_name="hook")
    sealed_secret = models.TextField()
    secret_hash = models.CharField(max_length=64)
    last_seen_at = models.DateTimeField(null=True, blank=True)
    last_refused_at = models.DateTimeField(null=True, blank=True)
    received = models.PositiveBigIntegerField(default=0)
    refused = models.PositiveBigIntegerField(default=0)
    broken = models.PositiveBigIntegerField(default=0)
    online = models.PositiveBigIntegerField(default=0)
    messages = models.PositiveBigIntegerField(default=0)
    offline = models.PositiveBigIntegerField(default=0)
    made_at = models.DateTimeField(null=True, blank=True)
    made_by = models.CharField(max_length=150, blank=True)


class Operation(models.Model):
    """A change of many targets, or one that takes long: planned, shown, applied, paced, paused, stopped, told.

    kind: "kick", "move-slots" ...  summary: what its page says of it.  change: what carrying it out needs, no secrets.
    state_hash: of what the preview was made from.  actor_*: who applied it, for the audit trail of a later process.
    per_second: targets at most in a second.  heartbeat_at: the process that carries it out last told of itself.
    runner: which one that is; who finds another name here has lost the operation and must end.
    """

    class State(models.TextChoices):
        PLANNED = "planned"
        QUEUED = "queued"
        RUNNING = "running"
        PAUSED = "paused"
        DONE = "done"
        STOPPED = "stopped"
        FAILED = "failed"
        LOST = "lost"

    id = models.CharField(max_length=16, primary_key=True)
    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="operations")
    kind = models.CharField(max_length=30)
    state = models.CharField(max_length=8, choices=State.choices, default=State.PLANNED)
    summary = models.JSONField(default=dict)
    change = models.JSONField(default=dict)
    state_hash = models.CharField(max_length=64)
    reason = models.TextField(blank=True)
    actor_kind = models.CharField(max_length=10)
    actor = models.CharField(max_length=150)
    actor_via = models.CharField(max_length=10)
    actor_session = models.CharField(max_length=64, blank=True)
    actor_address = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    applied_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    runner = models.CharField(max_length=32, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    per_second = models.PositiveIntegerField(default=50)
    pause_wanted = models.BooleanField(default=False)
    stop_wanted = models.BooleanField(default=False)
    total = models.PositiveIntegerField(default=0)
    error = models.TextField(blank=True)
    audit_intent = models.BigIntegerField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["cluster", "state", "-created_at"])]


class OperationTarget(models.Model):
    """One target of an operation and what became of it.  key: what acting on it needs.  result: "" = not yet.

    tries: how often it was, or was about to be, sent: written before, so that a later process looks before it sends
    again.  detail: JSON of what to say of it.
    """

    operation = models.ForeignKey(Operation, on_delete=models.CASCADE, related_name="targets")
    position = models.PositiveIntegerField()
    label = models.CharField(max_length=300)
    key = models.JSONField()
    result = models.CharField(max_length=10, blank=True)
    detail = models.TextField(blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    sent_at = models.DateTimeField(null=True, blank=True)
    at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["operation", "position"], name="operation_target_once")]
        indexes = [models.Index(fields=["operation", "result", "position"])]
