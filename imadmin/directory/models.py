"""Our own rows: what the server can't be asked for later, and what has an end."""

from django.db import models
from django.db.models import Q

from imadmin.clusters.models import Cluster
from imadmin.gateway.types import ChannelRef


class Restriction(models.Model):
    """Something a person was stopped from doing, by us. Lifted rows stay as history.

    channel_*: where it holds; empty for login and sending as a whole.
    """

    class Kind(models.TextChoices):
        DENY = "deny"  # on a channel's denylist
        STOP_SENDING = "stop_sending"  # send_ban on the person's own entry: not readable from the server
        KEEP_OUT = "keep_out"  # login ban (with send_ban) on the person's own entry

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="restrictions")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    uid = models.CharField(max_length=200)
    channel_type = models.PositiveSmallIntegerField(null=True, blank=True)
    channel_id = models.CharField(max_length=500, blank=True)
    reason = models.TextField()
    until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.CharField(max_length=150)
    lifted_at = models.DateTimeField(null=True, blank=True)
    lifted_by = models.CharField(max_length=150, blank=True)
    # Lifting it at its end failed so often; tried again not before.
    lift_tries = models.PositiveSmallIntegerField(default=0)
    lift_again_at = models.DateTimeField(null=True, blank=True)
    lift_error = models.TextField(blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["lifted_at", "until"]),
            models.Index(fields=["cluster", "uid", "lifted_at"]),
            models.Index(fields=["cluster", "channel_type", "channel_id", "lifted_at"]),
        ]
        constraints = [
            # Two constraints, since SQLite can't hold two empty channels for the same.
            models.UniqueConstraint(
                fields=["cluster", "kind", "uid"],
                condition=Q(lifted_at=None, channel_type=None),
                name="restriction_open_once",
            ),
            models.UniqueConstraint(
                fields=["cluster", "kind", "uid", "channel_type", "channel_id"],
                condition=Q(lifted_at=None, channel_type__isnull=False),
                name="restriction_open_once_in_channel",
            ),
        ]

    @property
    def channel(self) -> ChannelRef | None:
        return ChannelRef(self.channel_id, self.channel_type) if self.channel_type is not None else None


class FlagRecord(models.Model):
    """The flags we last wrote to a channel (or to a person's own entry): three of five can't be read back (2.3)."""

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="flag_records")
    channel_type = models.PositiveSmallIntegerField()
    channel_id = models.CharField(max_length=500)
    ban = models.BooleanField(default=False)
    disband = models.BooleanField(default=False)
    send_ban = models.BooleanField(default=False)
    allow_stranger = models.BooleanField(default=False)
    large = models.BooleanField(default=False)
    written_at = models.DateTimeField(auto_now=True)
    written_by = models.CharField(max_length=150)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["cluster", "channel_type", "channel_id"], name="flag_record_once")
        ]


class HiddenConversation(models.Model):
    """A conversation we hid from a user up to a message: the server can't be asked whether it is hidden (2.7)."""

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="hidden_conversations")
    uid = models.CharField(max_length=200)
    channel_type = models.PositiveSmallIntegerField()
    channel_id = models.CharField(max_length=500)
    up_to_seq = models.PositiveBigIntegerField()
    at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["cluster", "channel_type", "channel_id", "uid"], name="hidden_conversation_once"
            )
        ]


class Plan(models.Model):
    """A change that was shown before it is made: what would happen, to which state, until when it may be applied.

    state: hash of what the preview was made from.  change: what the action needs to carry it out.
    reached: how many of its targets are behind us, told at told_at.  result: what became of each, once it is over.
    """

    id = models.CharField(max_length=16, primary_key=True)
    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="plans")
    action = models.CharField(max_length=50)
    target = models.TextField()
    change = models.JSONField()
    state = models.CharField(max_length=64)
    created_by = models.CharField(max_length=150)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(db_index=True)
    applied_at = models.DateTimeField(null=True, blank=True)
    reached = models.PositiveIntegerField(default=0)
    told_at = models.DateTimeField(null=True, blank=True)
    result = models.JSONField(null=True, blank=True)
