"""When jobs run by themselves: the entries (django-celery-beat) and what a due entry does.

A due entry writes the rows of its runs and its own mark in one transaction, so two beats can't both fire it and a
broker that is away loses nothing.  What was due while nobody looked is told as one row `missed`, and not made up for:
an hour of minutes at once would harm the cluster more than the gap does.
"""

import json
import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from celery.schedules import crontab, schedule
from django.db import transaction
from django.db.models import F
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask

from imadmin.clusters.models import Cluster
from imadmin.core.errors import gettext_noop
from imadmin.jobs import registry
from imadmin.jobs.models import JobRun, Policy
from imadmin.jobs.run import announce, start

logger = logging.getLogger(__name__)

TASK = "imadmin.scheduled"  # carried out by our own beat (beat.py), not sent to the queue
OWN = "imadmin "  # how the names of built-in entries begin
# A run this late is still of use, and one run serves all that are not later; before that they are missed.
GRACE = timedelta(seconds=60)
NOT_RUNNING = gettext_noop("The scheduler was not running then, and missed runs are not made up for.")


@dataclass(frozen=True, slots=True)
class Cron:
    """A time of day, week or month, in a zone."""

    minute: str = "*"
    hour: str = "*"
    day_of_month: str = "*"
    month_of_year: str = "*"
    day_of_week: str = "*"
    zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """each: one run for every cluster, else one for the site."""

    job: str
    when: Cron | int
    each: bool = False


BUILT_IN = (
    BuiltIn("sample", Cron(), each=True),
    BuiltIn("channels.activity", Cron(), each=True),
    BuiltIn("rollup", Cron(minute="2-59/5"), each=True),
    BuiltIn("restrictions.lift", 30),
    BuiltIn("archive.catch-up", 20, each=True),
    BuiltIn("archive.repair", 30, each=True),
    BuiltIn("archive.streams", 20, each=True),
    BuiltIn("archive.saved-counts", Cron(minute="7"), each=True),
    BuiltIn("archive.exports-expire", Cron(minute="*/10")),
    BuiltIn("jobs.prune", Cron(minute="40", hour="3")),
)


def ensure() -> None:
    """The built-in entries are there and as this version wants them.  Saves nothing that is right already: saving
    an entry forgets what it missed."""
    for each in BUILT_IN:
        if each.job in registry.known():
            set_schedule(f"{OWN}{each.job}", each.job, each.when, each=each.each)
    wanted = {f"{OWN}{each.job}" for each in BUILT_IN if each.job in registry.known()}
    for old in PeriodicTask.objects.filter(task=TASK, name__startswith=OWN).exclude(name__in=wanted):
        old.delete()


def set_schedule(
    name: str,
    job: str,
    when: Cron | int,
    *,
    each: bool = False,
    cluster: Cluster | None = None,
    policy: Policy | None = None,
    params: Mapping[str, Any] | None = None,
    enabled: bool = True,
) -> PeriodicTask:
    """The entry of that name runs the job by a Cron or every so many seconds.  Only an entry that differs is saved."""
    order = {
        "job": job,
        "each": each,
        "cluster": cluster.pk if cluster else None,
        "policy": policy.pk if policy else None,
        "params": dict(params or {}),
    }
    values: dict[str, Any] = {
        "task": TASK,
        "kwargs": json.dumps(order, sort_keys=True),
        "enabled": enabled,
        "crontab": None,
        "interval": None,
    }
    if isinstance(when, Cron):
        values["crontab"], _ = CrontabSchedule.objects.get_or_create(
            minute=when.minute,
            hour=when.hour,
            day_of_month=when.day_of_month,
            month_of_year=when.month_of_year,
            day_of_week=when.day_of_week,
            timezone=when.zone,
        )
    else:
        values["interval"], _ = IntervalSchedule.objects.get_or_create(every=when, period=IntervalSchedule.SECONDS)
    entry = PeriodicTask.objects.filter(name=name).first() or PeriodicTask(name=name)
    if entry.pk is None or any(getattr(entry, key) != value for key, value in values.items()):
        for key, value in values.items():
            setattr(entry, key, value)
        entry.save()
    return entry


def next_at(entry: PeriodicTask, after: datetime | None = None) -> datetime | None:
    """When the entry is due next; None when it is switched off, or never within two years."""
    if not entry.enabled:
        return None
    after = after or datetime.now(UTC)
    when = entry.schedule
    if isinstance(when, crontab):
        return next(_crontab_times(when, after, after + timedelta(days=732)), None)
    begin, every = since(entry), timedelta(seconds=when.run_every.total_seconds())
    return begin + max(1, (after - begin) // every + 1) * every


# -- what is due ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Due:
    """The occurrences in a span of time."""

    count: int
    first: datetime | None = None
    last: datetime | None = None


def since(entry: PeriodicTask) -> datetime:
    """From when on an entry counts: its last occurrence seen, or its last change by a person."""
    seen: datetime = max(entry.last_run_at or entry.date_changed, entry.date_changed)
    return seen


def due(when: schedule, after: datetime, until: datetime) -> Due:
    """Occurrences later than `after`, up to and with `until`."""
    if isinstance(when, crontab):
        found = list(_crontab_times(when, after, until))
        return Due(len(found), found[0], found[-1]) if found else Due(0)
    count = (until - after) // when.run_every
    if count < 1:
        return Due(0)
    return Due(count, after + when.run_every, after + count * when.run_every)


def _crontab_times(when: crontab, after: datetime, until: datetime) -> Any:
    """Each time a crontab means in (after, until], in order."""
    zone = getattr(when, "tz", UTC)
    day = after.astimezone(zone).date()
    last_day = until.astimezone(zone).date()
    while day <= last_day:
        if (
            day.day in when.day_of_month
            and day.month in when.month_of_year
            and day.isoweekday() % 7 in when.day_of_week
        ):
            for hour in sorted(when.hour):
                for minute in sorted(when.minute):
                    moment = datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone).astimezone(UTC)
                    if after < moment <= until:
                        yield moment
        day += timedelta(days=1)


def fire(entry_id: int, now: datetime) -> None:
    """Write what is due of this entry now: its runs, or one row that tells what was missed."""
    asked = PeriodicTask.objects.get(pk=entry_id)
    if not asked.enabled or not due(asked.schedule, since(asked), now).last:
        return
    targets = _targets(json.loads(asked.kwargs or "{}"))  # asks stores: never inside a transaction of our database
    with transaction.atomic():
        entry = PeriodicTask.objects.select_for_update().get(pk=entry_id)
        found = due(entry.schedule, since(entry), now)
        if not found.last or not entry.enabled or entry.kwargs != asked.kwargs:
            return  # another beat was here before, or somebody changed it: the next beat looks again
        PeriodicTask.objects.filter(pk=entry.pk).update(
            last_run_at=found.last, total_run_count=F("total_run_count") + 1
        )
        missed = due(entry.schedule, since(entry), now - GRACE)
        order = json.loads(entry.kwargs or "{}")
        for cluster, policy in targets:
            if missed.count:
                _tell_missed(order, cluster, policy, missed)
            if found.count > missed.count:
                start(
                    order["job"],
                    cluster=cluster,
                    policy=policy,
                    params=order.get("params"),
                    trigger="schedule",
                    scheduled_for=found.last,
                )


def _targets(order: Mapping[str, Any]) -> list[tuple[Cluster | None, Policy | None]]:
    """Whom an entry is for; none when its job, cluster or policy is gone."""
    if order.get("job") not in registry.known():
        logger.warning("jobs.schedule_of_unknown_job", extra={"job": order.get("job")})
        return []
    if order.get("each"):
        is_due = registry.find(order["job"]).is_due
        clusters = Cluster.objects.order_by("pk")
        return [(cluster, None) for cluster in clusters if is_due is None or is_due(cluster)]
    if order.get("policy"):
        policy = Policy.objects.select_related("cluster").filter(pk=order["policy"]).first()
        return [(policy.cluster, policy)] if policy else []
    if order.get("cluster"):
        return [(cluster, None) for cluster in Cluster.objects.filter(pk=order["cluster"])]
    return [(None, None)]


def _tell_missed(order: Mapping[str, Any], cluster: Cluster | None, policy: Policy | None, missed: Due) -> None:
    row = JobRun.objects.create(
        id=secrets.token_hex(8),
        job=order["job"],
        cluster=cluster,
        policy=policy,
        params={
            "count": missed.count,
            "from": missed.first.isoformat() if missed.first else None,
            "until": missed.last.isoformat() if missed.last else None,
        },
        state=JobRun.State.MISSED,
        trigger="schedule",
        scheduled_for=missed.first,
        finished_at=datetime.now(UTC),
        error=NOT_RUNNING,
    )
    logger.warning("jobs.missed", extra={"job": row.job, "count": missed.count})
    announce(row)
