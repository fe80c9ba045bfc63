"""Our own rows about the archive: whether a cluster has one, what people searched and kept, what they took along.

The messages themselves are not here: they are in an engine's own store (engines/).
"""

from django.conf import settings
from django.db import models

from imadmin.clusters.models import Cluster


class Archive(models.Model):
    """One cluster's archive.  is_on: fed and repaired.  budget: most calls a second that repair makes to one node.

    round_*: the last whole walk over all channels; resume: where an unfinished one goes on (JSON of archive.repair).
    waits_for: why repair rests, "" when it doesn't (a msgid); feed_*: of the messages that the webhook told.
    """

    cluster = models.OneToOneField(Cluster, on_delete=models.CASCADE, primary_key=True, related_name="archive")
    is_on = models.BooleanField(default=False)
    opened_by = models.CharField(max_length=150, blank=True)
    opened_at = models.DateTimeField(null=True, blank=True)
    budget = models.PositiveSmallIntegerField(default=20)
    round_started_at = models.DateTimeField(null=True, blank=True)
    round_ended_at = models.DateTimeField(null=True, blank=True)
    resume = models.JSONField(default=dict, blank=True)
    waits_for = models.CharField(max_length=200, blank=True)
    feed_seen_at = models.DateTimeField(null=True, blank=True)
    feed_lag = models.FloatField(null=True, blank=True)  # seconds from a message's time to its commit, newest batch
    feed_taken = models.PositiveBigIntegerField(default=0)
    feed_known = models.PositiveBigIntegerField(default=0)
    feed_broken = models.PositiveBigIntegerField(default=0)


class SavedSearch(models.Model):
    """A search somebody kept.  is_shared: all who may search this cluster see it; is_pinned: it stands on top.

    seen_rid: the newest hit when its owner last looked (what is newer counts as new).
    """

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="saved_searches")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="saved_searches")
    name = models.CharField(max_length=80)
    query = models.TextField(max_length=2000)
    is_shared = models.BooleanField(default=False)
    is_pinned = models.BooleanField(default=False)
    seen_rid = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["cluster", "owner", "name"], name="saved_search_name")]


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


class Export(models.Model):
    """A result taken along as a file.  query, zone: exactly as seen; up_to_rid: what came later is not in it.

    is_open: bodies are in it (the person may read them in lists).  path: inside the data folder, "" before and after.
    """

    class Format(models.TextChoices):
        CSV = "csv"
        JSONL = "jsonl"

    id = models.CharField(max_length=24, primary_key=True)
    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="exports")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="exports")
    query = models.TextField(max_length=2000)
    zone = models.CharField(max_length=64, default="UTC")
    up_to_rid = models.BigIntegerField()
    format = models.CharField(max_length=5, choices=Format.choices)
    has_bom = models.BooleanField(default=False)
    is_open = models.BooleanField(default=False)
    cap = models.PositiveIntegerField()
    reason = models.TextField(blank=True)
    state = models.CharField(max_length=8, default="waiting")  # waiting | running | ready | failed | stopped | expired
    rows = models.PositiveIntegerField(default=0)
    bytes = models.PositiveBigIntegerField(default=0)
    is_cut = models.BooleanField(default=False)
    error = models.TextField(blank=True)
    path = models.CharField(max_length=300, blank=True)
    job_run = models.CharField(max_length=16, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    ready_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    downloads = models.PositiveIntegerField(default=0)
