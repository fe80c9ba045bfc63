"""Looks at every cluster: often while somebody looks at it too, seldom otherwise; one poller a cluster, by lease.

A look asks each node itself (monitor/health.py), is remembered for the pages and compared with the look before
(monitor/watch.py).  Whatever goes wrong with one cluster is that cluster's alone, and is tried again ever more slowly;
pages see it by the looks that don't come.
"""

import asyncio
import logging
import os
import random
import secrets
import socket
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from django.core.cache import cache

from imadmin.clusters import connect
from imadmin.clusters.models import Cluster
from imadmin.core import locks
from imadmin.gateway.contract import Gateway
from imadmin.gateway.errors import TimedOut
from imadmin.gateway.types import now
from imadmin.live import presence
from imadmin.live.hub import looking_key
from imadmin.live.relay import Relay, relay
from imadmin.live.threads import in_thread
from imadmin.monitor import health, watch
from imadmin.monitor.health import ClusterState
from imadmin.monitor.models import Watch

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds.  idle, looked: between looks while nobody, somebody looks.  presence_*: between comparisons of who is
    connected; presence_apart: who came and went over a longer time did so at no known moment, and isn't told.
    share: a look may take up so much of the time of its slowest node, at most.
    """

    idle: float = 15.0
    looked: float = 2.0
    presence_idle: float = 60.0
    presence_looked: float = 4.0
    presence_apart: float = 150.0
    share: float = 0.25
    lease: float = 12.0
    standby: float = 2.0
    step: float = 0.5
    clusters: float = 3.0
    slowest: float = 30.0


PRESENCE_ROWS_IDLE = 10_000  # connections a node: more aren't read again each minute when nobody looks


@dataclass(slots=True)
class _Watched:
    """One cluster under watch by this process."""

    cluster: Cluster
    task: asyncio.Task[None] | None = None
    poke: asyncio.Event = field(default_factory=asyncio.Event)
    revision: int = 0
    state: ClusterState | None = None
    leased_until: float = 0.0
    is_looked_at: bool = False
    is_presence_looked_at: bool = False
    seen: dict[int, dict[int, presence.Held]] = field(default_factory=dict)
    seen_at: float = 0.0
    compared_at: float | None = None
    comparison: asyncio.Task[None] | None = None
    failures: int = 0

    @property
    def slug(self) -> str:
        return self.cluster.slug


class Poller:
    """One a process; several processes share the clusters out by their leases."""

    def __init__(self, pace: Pace | None = None, *, to: Relay = relay) -> None:
        self._pace = pace or Pace()
        self._relay = to
        self._watched: dict[int, _Watched] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self.owner = f"{socket.gethostname()[:30]}:{os.getpid()}:{secrets.token_hex(4)}"

    async def start(self) -> None:
        self._tasks = [
            asyncio.create_task(self._keep_up(), name="poller"),
            asyncio.create_task(self._see_who_looks(), name="poller-looking"),
        ]

    async def stop(self) -> None:
        tasks = [*self._tasks, *(task for one in self._watched.values() for task in (one.task, one.comparison) if task)]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._watched, self._tasks = {}, []
        with suppress(Exception):
            await in_thread(locks.let_go, Watch.objects.all(), self.owner)

    # -- which clusters, and who looks -----------------------------------------------------------------------------

    async def _keep_up(self) -> None:
        """Clusters are added, changed and removed while we run."""
        while True:
            try:
                self._take_up(await in_thread(lambda: list(Cluster.objects.all())))
            except Exception:
                logger.exception("poller.no_clusters")
            await asyncio.sleep(self._pace.clusters)

    def _take_up(self, clusters: list[Cluster]) -> None:
        present = {cluster.pk: cluster for cluster in clusters}
        for pk in [pk for pk in self._watched if pk not in present]:
            gone = self._watched.pop(pk)
            for task in (gone.task, gone.comparison):
                if task:
                    task.cancel()
        for pk, cluster in present.items():
            one = self._watched.setdefault(pk, _Watched(cluster))
            one.cluster = cluster
            if one.task is None or one.task.done():
                one.task = asyncio.create_task(self._watch(one), name=f"poller-{cluster.slug}")

    async def _see_who_looks(self) -> None:
        while True:
            await asyncio.sleep(self._pace.step)
            names = {
                looking_key(one.slug, noun): (one, noun) for one in self._watched.values() for noun in ("", "presence")
            }
            try:
                found = await in_thread(cache.get_many, list(names)) if names else {}
            except Exception as error:  # without the shared cache nobody is known to look
                logger.warning("poller.cache_gone", extra={"error": type(error).__name__})
                await asyncio.sleep(self._pace.standby)
                continue
            for key, (one, noun) in names.items():
                if noun:
                    one.is_presence_looked_at = key in found
                else:
                    began = key in found and not one.is_looked_at
                    one.is_looked_at = key in found
                    if began:
                        one.poke.set()

    # -- one cluster -----------------------------------------------------------------------------------------------

    async def _watch(self, one: _Watched) -> None:
        while True:
            try:
                if await self._holds(one):
                    await self._look_and_wait(one)
                    one.failures = 0
                else:
                    one.state, one.seen = None, {}
                    await asyncio.sleep(self._pace.standby)
            except Exception as error:
                one.failures += 1
                wait = min(self._pace.slowest, 0.5 * 2**one.failures) * (0.5 + random.random())  # noqa: S311
                logger.exception("poller.failed", extra={"cluster": one.slug, "error": type(error).__name__})
                await asyncio.sleep(wait)

    async def _holds(self, one: _Watched) -> bool:
        """Whether the lease is ours for some time to come; taken or renewed when it isn't."""
        if one.leased_until - time.monotonic() > self._pace.lease / 2:
            return True
        asked = time.monotonic()
        if await in_thread(_take_lease, one.cluster.pk, self.owner, self._pace.lease):
            one.leased_until = asked + self._pace.lease
            return True
        one.leased_until = 0.0
        return False

    async def _look_and_wait(self, one: _Watched) -> None:
        began = time.monotonic()
        one.poke.clear()
        if one.revision != one.cluster.revision:  # reached differently now: what was seen may be another cluster
            if one.revision:
                one.state, one.seen = None, {}
                await in_thread(watch.forget, one.cluster.pk)
            one.revision = one.cluster.revision
        gateway = await in_thread(connect.gateway_for, one.cluster)
        before = one.state or await in_thread(watch.recall, one.cluster.pk)
        state = await health.look(gateway, before, slug=one.slug)
        if _may_be_us(state):
            state = await health.look(gateway, before, slug=one.slug)
        await in_thread(_conclude, one.cluster, state)
        one.state = state
        told = self._tell(one, state)
        self._compare_beside(one, gateway)
        while (rest := began + self._interval(one) - time.monotonic()) > 0 and await self._holds(one):
            if told != self._interval(one):  # nobody looks any more: it is no standstill that the next look is later
                told = self._tell(one, state)
            with suppress(TimeoutError):
                async with asyncio.timeout(min(rest, self._pace.step)):
                    await one.poke.wait()
                    break

    def _tell(self, one: _Watched, state: ClusterState) -> float:
        every = self._interval(one)
        self._relay.looked(one.slug, at=_milliseconds(state.as_of), every=every)
        return every

    def _interval(self, one: _Watched) -> float:
        """A node that is slow to answer is asked less often: our questions are not to be what keeps it busy."""
        base = self._pace.looked if one.is_looked_at else self._pace.idle
        answered = [node.view.latency or 0.0 for node in one.state.answering] if one.state else []
        slow = max(answered, default=0.0) / self._pace.share
        return max(base, min(slow, self._pace.idle))

    # -- who came and went -----------------------------------------------------------------------------------------

    def _compare_beside(self, one: _Watched, gateway: Gateway) -> None:
        """In a task of its own: reading all connections takes longer than a verdict may wait."""
        every = self._pace.presence_looked if one.is_presence_looked_at else self._pace.presence_idle
        is_due = one.compared_at is None or time.monotonic() - one.compared_at >= every
        if not is_due or (one.comparison and not one.comparison.done()) or self._is_too_much(one):
            return
        one.compared_at = time.monotonic()
        one.comparison = asyncio.create_task(self._compare(one, gateway), name=f"poller-presence-{one.slug}")

    def _is_too_much(self, one: _Watched) -> bool:
        if one.is_presence_looked_at or one.state is None:
            return False
        return any((node.view.connections or 0) > PRESENCE_ROWS_IDLE for node in one.state.answering)

    async def _compare(self, one: _Watched, gateway: Gateway) -> None:
        before = one.seen
        try:
            listed = await gateway.connections()
            after = await asyncio.to_thread(presence.seen_in, listed)
            is_close = time.monotonic() - one.seen_at <= self._pace.presence_apart
            found = await asyncio.to_thread(presence.differences, before, after) if is_close else []
            if one.seen is not before:  # forgotten meanwhile: this is another cluster's, or another poller's
                return
            one.seen, one.seen_at = {**before, **after}, time.monotonic()
            if found:
                await in_thread(presence.record_differences, one.cluster.pk, one.slug, found, now())
        except Exception as error:  # nobody answers, or the database is busy: the verdict says the first
            logger.info("poller.presence_failed", extra={"cluster": one.slug, "error": type(error).__name__})


def _take_lease(cluster_pk: int, owner: str, seconds: float) -> bool:
    Watch.objects.get_or_create(cluster_id=cluster_pk)
    return locks.hold(Watch.objects.filter(cluster=cluster_pk), owner, seconds)


def _conclude(cluster: Cluster, state: ClusterState) -> None:
    watch.remember(cluster.pk, state)
    watch.observe(cluster, state)


def _may_be_us(state: ClusterState) -> bool:
    """All nodes silent within the time of a look, none of them refusing: a busy host of our own looks just like that,
    so it is looked at once more before anybody is woken."""
    return not state.answering and any(node.view.error_code == TimedOut.code for node in state.nodes)


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
