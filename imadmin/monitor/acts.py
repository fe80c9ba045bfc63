"""How often people were kicked, denied and let in again from here, by the hour, counted from the audit trail.

Only what was done counts: not what was wanted, and not what other programs did to the cluster.
"""

import math
from collections import Counter
from datetime import datetime

from django.db.models import Max

from imadmin.audit.models import AuditEntry
from imadmin.clusters.models import Cluster
from imadmin.monitor.sample_models import ActsHour

KICK, DENY, LIFT = "kick", "deny", "lift"
ACTS = (KICK, DENY, LIFT)

# Which act an action of the trail is.
ACTIONS = {
    "user.kick": KICK,
    "user.sign-out": KICK,
    "user.log-out": KICK,
    "sessions.kick": KICK,
    "channel.deny": DENY,
    "user.keep-out": DENY,
    "user.stop-sending": DENY,
    "channel.undeny": LIFT,
    "user.let-in": LIFT,
    "user.allow-sending": LIFT,
}


def count(cluster: Cluster, *, until: datetime) -> int:
    """Count the hours since the last that was counted, it too; returns how many rows were written.

    An hour without any act is counted as zeros: the trail knows it, whether or not we sampled.
    """
    last = ActsHour.objects.filter(cluster=cluster).aggregate(last=Max("hour"))["last"]
    end = int(until.timestamp() // 3600)
    found: Counter[tuple[int, str]] = Counter()
    first: int = end if last is None else last
    # Newest first, along the index; ids rise with time.
    rows = AuditEntry.objects.filter(cluster=cluster.slug).order_by("-id")
    for at, phase, action, outcome, detail in rows.values_list("at", "phase", "action", "outcome", "detail").iterator():
        hour = int(at.timestamp() // 3600)
        if last is not None and hour < last:
            break
        first = min(first, hour)
        if action in ACTIONS and phase != AuditEntry.Phase.INTENT:
            found[hour, ACTIONS[action]] += _done(action, outcome, detail)
    written = [
        ActsHour(cluster=cluster, hour=hour, act=act, count=found[hour, act])
        for hour in range(first, end + 1)
        for act in ACTS
    ]
    ActsHour.objects.bulk_create(
        written,
        update_conflicts=True,
        unique_fields=["cluster", "hour", "act"],
        update_fields=["count"],
        batch_size=300,
    )
    return len(written)


def by_hour(cluster: Cluster, start: datetime, end: datetime) -> list[tuple[int, str, int]]:
    """(hour, act, how often) in order of time; hours that were not counted are left out."""
    rows = ActsHour.objects.filter(
        cluster=cluster, hour__gte=int(start.timestamp() // 3600), hour__lt=math.ceil(end.timestamp() / 3600)
    )
    return list(rows.order_by("hour").values_list("hour", "act", "count"))


def between(cluster: Cluster, start: datetime, end: datetime) -> dict[str, int] | None:
    """How often each act happened in these hours; None when they were never counted."""
    found = by_hour(cluster, start, end)
    sums = dict.fromkeys(ACTS, 0)
    for _, act, number in found:
        sums[act] = sums.get(act, 0) + number
    return sums if found else None


def _done(action: str, outcome: str, detail: object) -> int:
    """An act on a person counts once, however many steps it took; lists and mass kicks count their targets."""
    if outcome not in ("done", "partial"):
        return 0
    if action.startswith("user."):
        return 1
    counts = detail.get("counts") if isinstance(detail, dict) else None
    done = counts.get("done") if isinstance(counts, dict) else None
    return done if isinstance(done, int) and done >= 0 else 1
