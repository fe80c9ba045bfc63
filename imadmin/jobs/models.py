"""Runs of jobs, cleanup policies and holds: what was planned, what happened, what must not be touched."""

from django.db import models
from django.db.models import Q

from imadmin.clusters.models import Cluster


class Policy(models.Model):
    """A cleanup that a person set up for one cluster.  kind: a word of jobs.policies.KINDS; params: its settings.

    cap: most targets in one run.  stop_above: the safety stop, in percent of what it looked at; a run that would touch
    more ends before it touches anything.  schedule: the beat entry, none = only by hand.  simulated_at: a simulation
    with these very settings ended then; none = it may not run yet.
    """

    cluster = models.ForeignKey(Cluster, null=True, blank=True, on_delete=models.CASCADE, related_name="policies")
    kind = models.CharField(max_length=40)
    params = models.JSONField(default=dict, blank=True)
    is_enabled = models.BooleanField(default=False)
    cap = models.PositiveIntegerField(default=1000)
    stop_above = models.PositiveSmallIntegerField(default=50)
    schedule = models.OneToOneField(
        "django_celery_beat.PeriodicTask", null=True, blank=True, on_delete=models.SET_NULL, related_name="policy"
    )
    simulated_at = models.DateTimeField(null=True, blank=True)
    created_by = models.CharField(max_length=150)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)


class JobRun(models.Model):
    """One run of a job, from the moment it was wanted.  Written before it is queued: a broker may forget, we don't.

    job: the registered name.  trigger: schedule | person | command | recovery.  params: no secrets, ever.
    scheduled_for: the minute a schedule meant.  heartbeat_at: told by the worker; silent too long means lost.
    """

    class State(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"
        STOPPED = "stopped"
        LOST = "lost"
        MISSED = "missed"

    id = models.CharField(max_length=16, primary_key=True)
    job = models.CharField(max_length=60)
    cluster = models.ForeignKey(Cluster, null=True, blank=True, on_delete=models.CASCADE, related_name="job_runs")
    policy = models.ForeignKey(Policy, null=True, blank=True, on_delete=models.SET_NULL, related_name="runs")
    params = models.JSONField(default=dict, blank=True)
    state = models.CharField(max_length=8, choices=State.choices, default=State.QUEUED)
    trigger = models.CharField(max_length=10)
    actor = models.CharField(max_length=150, blank=True)
    scheduled_for = models.DateTimeField(null=True, blank=True)
    queued_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    attempt = models.PositiveSmallIntegerField(default=0)
    worker = models.CharField(max_length=80, blank=True)
    reached = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(null=True, blank=True)
    note = models.TextField(blank=True)
    result = models.JSONField(null=True, blank=True)
    error = models.TextField(blank=True)
    stop_wanted = models.BooleanField(default=False)

    class Meta:
        indexes = [
            models.Index(fields=["cluster", "-queued_at"]),
            models.Index(fields=["job", "-queued_at"]),
            models.Index(fields=["state", "heartbeat_at"]),
        ]


class Hold(models.Model):
    """A user or channel that no policy may touch, until lifted."""

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="holds")
    uid = models.CharField(max_length=200, blank=True)
    channel_type = models.PositiveSmallIntegerField(null=True, blank=True)
    channel_id = models.CharField(max_length=500, blank=True)
    reason = models.TextField()
    created_by = models.CharField(max_length=150)
    created_at = models.DateTimeField(auto_now_add=True)
    lifted_by = models.CharField(max_length=150, blank=True)
    lifted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=(Q(uid="") & Q(channel_type__isnull=False)) | (~Q(uid="") & Q(channel_type=None)),
                name="hold_is_of_one_thing",
            ),
        ]
        indexes = [models.Index(fields=["cluster", "lifted_at"])]
