"""The last look at each cluster, kept where all processes see it, and what changed since, written down and announced.

Who polls: `recall` → `health.look` → `remember` → `observe`.  Pages: `state`, which asks by itself when nobody polls.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core.cache import cache
from django.db import transaction
from django.db.models import Exists, OuterRef

from imadmin.accounts.permissions import Permission
from imadmin.clusters.access import Scope
from imadmin.clusters.models import Cluster
from imadmin.core import events as signals
from imadmin.core.aio import run
from imadmin.gateway.types import now as moment
from imadmin.monitor import changes, events, writes
from imadmin.monitor.health import look
from imadmin.monitor.health_types import ClusterState, Verdict
from imadmin.monitor.models import Event, SlotChange, Watch

KEEP_SECONDS = 3600
FRESH_SECONDS = 20.0
ANNOUNCE_EVERY = timedelta(seconds=10)  # also when nothing changed: the moment shown is news itself
WRITE_EVERY = timedelta(seconds=15)
TRIM_SECONDS = 3600
CLOCKS_APART = timedelta(seconds=5)  # of our processes, at most
SLOT_HISTORY = timedelta(days=30)

_VERSION = 1  # of what is kept: raise it when ClusterState changes its shape


def remember(cluster_pk: int, state: ClusterState) -> None:
    """Keep this look, unless a newer one is kept already."""
    kept = _kept(cluster_pk)
    if kept is None or kept.as_of <= state.as_of:
        cache.set(_key("state", cluster_pk), state, KEEP_SECONDS)
        writes.note(cluster_pk, state)


def recall(cluster_pk: int) -> ClusterState | None:
    """The last look, however old.  After a restart only the verdict, its cause and since when: no nodes, no slots."""
    kept = _kept(cluster_pk)
    if kept:
        return kept
    watch = Watch.objects.filter(pk=cluster_pk, looked_at__isnull=False).select_related("cluster").first()
    if watch is None or watch.looked_at is None or watch.since is None:
        return None
    return ClusterState(watch.cluster.slug, watch.looked_at, Verdict(watch.verdict), watch.since)


def forget(cluster_pk: int) -> None:
    """The cluster is reached differently now, or gone."""
    cache.delete_many([_key("state", cluster_pk), _key("observed", cluster_pk)])


def state(scope: Scope, *, fresh: float = FRESH_SECONDS) -> ClusterState:
    """The cluster as last looked at when that is younger than `fresh` seconds, else asked now."""
    scope.require(Permission.VIEW)
    before = recall(scope.cluster.pk)
    if before and before.nodes and _age(before) <= fresh:
        return before
    found = run(look(scope.gateway, before, slug=scope.slug))
    remember(scope.cluster.pk, found)
    return found


def observe(cluster: Cluster, state: ClusterState) -> tuple[str, ...]:
    """Write down what differs from what was observed last, announce it, and name the nouns that changed.

    For one watcher a cluster (the poller holds the lease).
    """
    key = _key("observed", cluster.pk)
    last: _Observed | None = cache.get(key)
    before = last.facts if last else changes.facts_from_rows(cluster)
    now = changes.facts_of(state, before)
    found = changes.between(cluster, before, now, state)
    with transaction.atomic():
        _write(cluster, state, found, last)
    nouns = set(found.nouns)
    is_due = last is None or state.as_of - last.announced_at >= ANNOUNCE_EVERY
    if is_due:
        nouns |= {"overview", "nodes", "slots"}
    kept = _Observed(now, state.as_of if is_due or not last else last.announced_at, _written_at(state, last))
    cache.set(key, kept, KEEP_SECONDS)
    for noun in sorted(nouns):
        signals.changed(f"{cluster.slug}/{noun}")
    return tuple(sorted(nouns))


@dataclass(frozen=True, slots=True)
class _Observed:
    facts: changes.Facts
    announced_at: datetime
    written_at: datetime


def _write(cluster: Cluster, state: ClusterState, found: changes.Changes, last: _Observed | None) -> None:
    Event.objects.bulk_create(found.events)
    SlotChange.objects.bulk_create(found.slots, batch_size=500)
    if last is None or found.events or _written_at(state, last) != last.written_at:
        values = {
            "verdict": str(state.verdict), "cause": state.cause_code, "since": state.since, "looked_at": state.as_of,
        }  # fmt: skip
        if not Watch.objects.filter(pk=cluster.pk).update(**values):
            Watch.objects.update_or_create(cluster=cluster, defaults=values)
    if cache.add(_key("trimmed", cluster.pk), True, TRIM_SECONDS):
        events.trim(cluster, state.as_of)
        _trim_slots(cluster, state.as_of)


def _trim_slots(cluster: Cluster, at: datetime) -> None:
    """The newest row of a slot stays however old: it says who leads since when."""
    newer = SlotChange.objects.filter(cluster=cluster, slot=OuterRef("slot"), pk__gt=OuterRef("pk"))
    SlotChange.objects.filter(Exists(newer), cluster=cluster, at__lt=at - SLOT_HISTORY).delete()


def _written_at(state: ClusterState, last: _Observed | None) -> datetime:
    return state.as_of if last is None or state.as_of - last.written_at >= WRITE_EVERY else last.written_at


def _kept(cluster_pk: int) -> ClusterState | None:
    found = cache.get(_key("state", cluster_pk))
    is_ours = isinstance(found, ClusterState) and found.as_of <= moment() + CLOCKS_APART  # the clock was set back
    return found if is_ours else None


def _age(state: ClusterState) -> float:
    return (moment() - state.as_of).total_seconds()


def _key(name: str, cluster_pk: int) -> str:
    return f"watch:{_VERSION}:{name}:{cluster_pk}"
