"""Our own rows about the archive: whether a cluster has one, what people searched and kept, what they took along.

The messages themselves are not here: they are in an engine's own store (engines/).
"""

from django.conf import settings
from django.db import models
from django.db.models import Q

from imadmin.accounts.models import ApiToken, User
from imadmin.clusters.models import Cluster


class Archive(models.Model):
    """One cluster's archive.  is_on: fed and repaired.  budget: most calls a second that repair makes to one node.

    round_*: the last whole walk over all channels; resume: where an unfinished one goes on (JSON of archive.repair).
    whole_at: when the last one that came to its end had begun.
    waits_for: why repair rests, "" when it doesn't (a msgid); feed_*: of the messages that the webhook told.
    """

    cluster = models.OneToOneField(Cluster, on_delete=models.CASCADE, primary_key=True, related_name="archive")
    is_on = models.BooleanField(default=False)
    opened_by = models.CharField(max_length=150, blank=True)
    opened_at = models.DateTimeField(null=True, blank=True)
    budget = models.PositiveSmallIntegerField(default=20)
    round_started_at = models.DateTimeField(null=True, blank=True)
    round_ended_at = models.DateTimeField(null=True, blank=True)
    whole_at = models.DateTimeField(null=True, blank=True)
    resume = models.JSONField(default=dict, blank=True)
    waits_for = models.CharField(max_length=200, blank=True)
    feed_seen_at = models.DateTimeField(null=True, blank=True)
    feed_lag = models.FloatField(null=True, blank=True)  # seconds from a message's time to its commit, newest batch
    feed_taken = models.PositiveBigIntegerField(default=0)
    feed_known = models.PositiveBigIntegerField(default=0)
    feed_broken = models.PositiveBigIntegerField(default=0)


class Owned(models.Model):
    """Something that a person or a token keeps: one of the two, and it goes with them."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    token = models.ForeignKey(ApiToken, null=True, blank=True, on_delete=models.CASCADE, related_name="+")

    class Meta:
        abstract = True

    @property
    def principal(self) -> User | ApiToken:
        found = self.owner or self.token
        assert found is not None
        return found

    @property
    def owner_name(self) -> str:
        return str(self.owner.username if self.owner else self.token)


def _one_owner(name: str) -> models.CheckConstraint:
    return models.CheckConstraint(
        condition=Q(owner=None, token__isnull=False) | Q(owner__isnull=False, token=None), name=name
    )


class SavedSearch(Owned):
    """A search somebody kept.  is_shared: all who may search this cluster see it."""

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="saved_searches")
    name = models.CharField(max_length=80)
    query = models.TextField(max_length=2000)
    is_shared = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            _one_owner("saved_search_owner"),
            models.UniqueConstraint(fields=["cluster", "owner", "name"], name="saved_search_name"),
            models.UniqueConstraint(fields=["cluster", "token", "name"], name="saved_search_token_name"),
        ]


class SavedLook(models.Model):
    """What a saved search is to one person.  seen_rid: the archive's newest message when they last opened it (what is
    newer counts as new), None = never; is_pinned: it stands on top for them."""

    search = models.ForeignKey(SavedSearch, on_delete=models.CASCADE, related_name="looks")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    seen_rid = models.BigIntegerField(null=True, blank=True)
    is_pinned = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["search", "user"], name="saved_look_of_one")]


class SavedCount(models.Model):
    """How many messages of one hour a saved search finds.  is_capped: there are more than `count`."""

    search = models.ForeignKey(SavedSearch, on_delete=models.CASCADE, related_name="counts")
    hour = models.DateTimeField()
    count = models.PositiveIntegerField()
    is_capped = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["search", "hour"], name="saved_count_hour")]


class PastSearch(models.Model):
    """One's own search history: the newest use of each query."""

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="past_searches")
    query = models.TextField(max_length=2000)
    used_at = models.DateTimeField()
    uses = models.PositiveIntegerField(default=1)
    hits = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["cluster", "user", "query"], name="past_search_query")]
        indexes = [models.Index(fields=["cluster", "user", "-used_at"])]


class Export(Owned):
    """A result taken along as a file.  query, zone: exactly as seen; up_to_rid: what came later is not in it.

    is_open: bodies are in it (the person may read them in lists).  path: its name in the folder of exports, "" before
    and after.  rows: written so far.  audit_intent: the row of the trail that waits for the outcome.
    """

    class Format(models.TextChoices):
        CSV = "csv"
        JSONL = "jsonl"

    class State(models.TextChoices):
        WAITING = "waiting"
        RUNNING = "running"
        READY = "ready"
        FAILED = "failed"
        STOPPED = "stopped"
        EXPIRED = "expired"

    id = models.CharField(max_length=24, primary_key=True)
    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="exports")
    query = models.TextField(max_length=2000)
    zone = models.CharField(max_length=64, default="UTC")
    up_to_rid = models.BigIntegerField()
    format = models.CharField(max_length=5, choices=Format.choices)
    has_bom = models.BooleanField(default=False)
    is_open = models.BooleanField(default=False)
    cap = models.PositiveIntegerField()
    reason = models.TextField(blank=True)
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    rows = models.PositiveIntegerField(default=0)
    bytes = models.PositiveBigIntegerField(default=0)
    is_cut = models.BooleanField(default=False)
    error = models.TextField(blank=True)
    path = models.CharField(max_length=300, blank=True)
    job_run = models.CharField(max_length=16, blank=True)
    audit_intent = models.BigIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    ready_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    downloads = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [_one_owner("export_owner")]
        indexes = [models.Index(fields=["cluster", "-created_at"]), models.Index(fields=["state"])]
