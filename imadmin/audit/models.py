"""The trail's rows.  Nothing here is ever updated or deleted; names are plain text, so people and clusters may go."""

import hashlib
import json
from typing import Any

from django.db import models


class AppendOnly(Exception):
    """An audit row was about to be changed or deleted."""


class AuditEntry(models.Model):
    """One thing that was about to happen (intent), that came of it (outcome), or that simply happened (event)."""

    class Phase(models.TextChoices):
        INTENT = "intent"
        OUTCOME = "outcome"
        EVENT = "event"

    at = models.DateTimeField()
    phase = models.CharField(max_length=8, choices=Phase.choices)
    intent = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="outcomes")
    actor_kind = models.CharField(max_length=10)
    actor = models.CharField(max_length=150)
    via = models.CharField(max_length=10)
    session = models.CharField(max_length=16, blank=True)
    address = models.CharField(max_length=45, blank=True)
    cluster = models.CharField(max_length=50, blank=True)
    action = models.CharField(max_length=50)
    target_kind = models.CharField(max_length=20, blank=True)
    target = models.TextField(blank=True)
    reason = models.TextField(blank=True)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    outcome = models.CharField(max_length=10, blank=True)
    detail = models.JSONField(null=True)
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    class Meta:
        indexes = [
            models.Index(fields=["cluster", "-id"]),
            models.Index(fields=["actor", "-id"]),
            models.Index(fields=["action", "-id"]),
            models.Index(fields=["cluster", "target_kind", "target", "-id"]),
        ]

    HASHED = (
        "id", "phase", "intent_id", "actor_kind", "actor", "via", "session", "address", "cluster", "action",
        "target_kind", "target", "reason", "before", "after", "outcome", "detail",
    )  # fmt: skip

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise AppendOnly
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise AppendOnly

    def computed_hash(self) -> str:
        """SHA-256 over the previous hash, the time in UTC and every other field as canonical JSON."""
        fields: dict[str, Any] = {name: getattr(self, name) for name in self.HASHED}
        fields["at"] = self.at.isoformat(timespec="microseconds")
        text = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(f"{self.previous_hash}\n{text}".encode()).hexdigest()


class AuditHead(models.Model):
    """The end of the chain: its one row is the writers' lock, and shows when the newest rows were cut off."""

    last_id = models.BigIntegerField(default=0)
    last_hash = models.CharField(max_length=64, default="")
