"""Samples over time: one narrow row of small integers per node and minute, rolled up to hours and days by SQL.

Node 0 stands for the whole cluster.  NULL is "not known", never zero; a minute without a row was not sampled.
Times are whole minutes, hours and days since 1970 in UTC, so that rolling up is a division in every database.
"""

from django.db import models

from imadmin.clusters.models import Cluster

WHOLE = 0  # the node number of the cluster's own row

# What a minute holds; rollup.py keeps min, max, sum and number of minutes of each in the hours and days.
# The ones that charts of all nodes need stand first: a database reads a row only as far as it must.
FIGURES = (
    "connections",  # the node's own count of its sockets (varz): drifts after faults
    "answered",  # nodes that answered: 0 or 1, on the cluster's row how many
    "nodes",  # nodes asked: 1, on the cluster's row all that the cluster has
    "sends",  # messages sent by clients in the minute
    "verdict",  # cluster's row only: 0 healthy, 1 unknown, 2 degraded, 3 down; the worst is the highest
    "users",  # different uids among the rows; on the cluster's row over all nodes, so it is no sum
    "sockets",  # open sockets by its metrics text: right after faults too, ghosts and deaf clients included
    "rows",  # authenticated connections listed with this node as their owner
    "incoming",  # packets of all kinds from clients in the minute
    "outgoing",  # and to them
    "retries",  # waiting for another try of delivery
    "memory",  # MiB
    "goroutines",
    "cpu",  # tenths of a percent of one core
    "latency",  # milliseconds until the node answered
    "lag",  # log entries the worst replica is behind: of those the node holds, or of all
)
PARTS = ("max", "sum", "n", "min")  # n: minutes in which the figure was known


class Minute(models.Model):
    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="+", db_index=False)
    minute = models.PositiveIntegerField()
    node = models.PositiveBigIntegerField()
    connections = models.PositiveIntegerField(null=True)
    sockets = models.PositiveIntegerField(null=True)
    rows = models.PositiveIntegerField(null=True)
    users = models.PositiveIntegerField(null=True)
    sends = models.PositiveIntegerField(null=True)
    incoming = models.PositiveIntegerField(null=True)
    outgoing = models.PositiveIntegerField(null=True)
    retries = models.PositiveIntegerField(null=True)
    memory = models.PositiveIntegerField(null=True)
    goroutines = models.PositiveIntegerField(null=True)
    cpu = models.PositiveIntegerField(null=True)
    latency = models.PositiveIntegerField(null=True)
    lag = models.PositiveIntegerField(null=True)
    answered = models.PositiveIntegerField(null=True)
    nodes = models.PositiveIntegerField(null=True)
    verdict = models.PositiveIntegerField(null=True)

    class Meta:
        # One index serves a chart of all nodes, the clean-up by age and the roll-up.
        constraints = [models.UniqueConstraint(fields=["cluster", "minute", "node"], name="minute_once")]


class Rolled(models.Model):
    """The shape of an hour and a day: `<figure>_min`, `_max`, `_sum` and `_n` for each of FIGURES (added below)."""

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="+", db_index=False)
    node = models.PositiveBigIntegerField()

    class Meta:
        abstract = True


for _figure in FIGURES:
    for _part in PARTS:
        _kind = models.PositiveBigIntegerField if _part == "sum" else models.PositiveIntegerField
        Rolled.add_to_class(f"{_figure}_{_part}", _kind(null=True))


class Hour(Rolled):
    hour = models.PositiveIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["cluster", "hour", "node"], name="hour_once")]


class Day(Rolled):
    """A day in UTC, for ever.  Days in a reader's zone are put together from hours as long as those are kept."""

    day = models.PositiveIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["cluster", "day", "node"], name="day_once")]


class Counters(models.Model):
    """What a node's counters stood at when it was last sampled: the next minute's figures are differences to it.

    at: seconds since 1970.  values: figure -> count since the node's start; a figure it didn't tell is left out.
    """

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="+", db_index=False)
    node = models.PositiveBigIntegerField()
    at = models.FloatField()
    uptime = models.FloatField(null=True)
    values = models.JSONField(default=dict)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["cluster", "node"], name="counters_once")]


class ActsHour(models.Model):
    """How often something was done to people from here in an hour, counted from the audit trail.  act: kick | deny."""

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="+", db_index=False)
    hour = models.PositiveIntegerField()
    act = models.CharField(max_length=8)
    count = models.PositiveIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["cluster", "hour", "act"], name="acts_once")]


class ChannelSeen(models.Model):
    """The last sequence number a channel stood at when the walk passed it.  minute: when that was."""

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="+", db_index=False)
    channel_type = models.PositiveSmallIntegerField()
    channel_id = models.CharField(max_length=500)
    seq = models.PositiveBigIntegerField()
    minute = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["cluster", "channel_id", "channel_type"], name="channel_seen_once")
        ]


class ChannelHour(models.Model):
    """Messages that a channel got, in the hour in which the walk noticed them.  The busiest of an hour are kept."""

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="+", db_index=False)
    hour = models.PositiveIntegerField()
    channel_type = models.PositiveSmallIntegerField()
    channel_id = models.CharField(max_length=500)
    messages = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["cluster", "hour", "channel_id", "channel_type"], name="channel_hour_once")
        ]


class Walk(models.Model):
    """How far the walk over a cluster's channels is, and what its last full round read.

    todo: nodes still to read in this round, the first is being read at `cursor`.  failed: nodes left out of it.
    """

    cluster = models.OneToOneField(Cluster, on_delete=models.CASCADE, primary_key=True, related_name="+")
    todo = models.JSONField(default=list)
    cursor = models.TextField(blank=True)
    started_at = models.DateTimeField(null=True)
    read = models.PositiveIntegerField(default=0)
    failed = models.JSONField(default=list)
    rounds = models.PositiveIntegerField(default=0)
    last_started_at = models.DateTimeField(null=True)
    last_ended_at = models.DateTimeField(null=True)
    last_read = models.PositiveIntegerField(null=True)
    last_failed = models.JSONField(default=list)
    left_out = models.PositiveIntegerField(default=0)
