"""The webhook's messages on their way into the archive, and how that goes: what was taken, how fast, how late.

Taken outside the database of the pages: an archive has one writer of its own, which puts calls that wait together.
A call is answered with 200 only after the commit.  `msg.offline` tells again what `msg.notify` told, or will; it is
only counted.
"""

import asyncio
import logging
import threading
import time
from collections import defaultdict, deque
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.cache import cache
from django.db import transaction
from django.db.models import F

from imadmin.archive import feed, orders, repair, stores, writer
from imadmin.archive.engines.base import StoreUnavailable
from imadmin.archive.models import Archive
from imadmin.archive.rows import BrokenCall, Incoming, Taken
from imadmin.core import events
from imadmin.gateway.hook_types import MESSAGES, HookBatch
from imadmin.gateway.types import now
from imadmin.live import hooks
from imadmin.live.hooks import RATE_MINUTES, Owner
from imadmin.live.threads import in_thread

logger = logging.getLogger(__name__)

SIGNAL_SECONDS = 0.5
FLUSH_SECONDS = 2.0
SWEEP_SECONDS = 5.0
BROKEN_PARTS_MOST = 100  # filed of one call
BROKEN_BODIES_MOST = 10  # whole ones, filed in a minute and cluster
UNREADABLE = "could not be stored"


@dataclass(slots=True)
class Tally:
    """What is counted in memory until the next flush.  lag: seconds from the newest message's time to its commit."""

    taken: int = 0
    known: int = 0
    broken: int = 0
    lag: float | None = None
    seen_at: datetime | None = None


class Feed:
    """One a process, and a part of its runtime: it counts, tells pages that there is news, and ends the writers."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # of what is counted: calls come in several threads
        self._tallies: dict[int, Tally] = defaultdict(Tally)
        self._filed: dict[int, deque[float]] = defaultdict(lambda: deque(maxlen=BROKEN_BODIES_MOST))
        self._slugs: dict[int, str] = {}
        self._news: set[int] = set()
        self._task: asyncio.Task[None] | None = None
        writer.on_commit(self._committed)

    async def start(self) -> None:
        self._task = asyncio.create_task(self._keep(), name="archive-feed")

    async def stop(self) -> None:
        """After the door has closed: what is under way is committed, then the stores are closed."""
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None
            await self._flush()
            await _survived(self._signal())
        await asyncio.to_thread(writer.stop)
        await asyncio.to_thread(stores.close_all)

    # -- from the door, in its threads ---------------------------------------------------------------------------------

    def take(self, owner: Owner, batch: HookBatch, at: datetime) -> None:
        """Raises StoreUnavailable."""
        if not owner.is_archived:
            return
        self._slugs[owner.pk] = owner.slug
        incoming = feed.told(batch.messages)
        broken = feed.broken_calls(batch.event, batch.broken[:BROKEN_PARTS_MOST], int(at.timestamp()))
        if incoming or broken:
            taken, refused = _stored(owner, incoming, broken, int(at.timestamp()))
            self._count(owner.pk, taken, len(batch.broken) + refused, incoming)

    def file_broken(self, owner: Owner, event: str, body: bytes, why: str, at: datetime) -> None:
        """A few a minute: who knows the address could else fill the disk."""
        if not owner.is_archived:
            return
        with self._lock:
            self._tallies[owner.pk].broken += 1
            filed = self._filed[owner.pk]
            if len(filed) == BROKEN_BODIES_MOST and time.monotonic() - filed[0] < 60:
                return
            filed.append(time.monotonic())
        with suppress(StoreUnavailable):
            feed.take(owner.pk, (), [BrokenCall(0, int(at.timestamp()), event, why, body[: feed.RAW_MAX])])

    def _count(self, pk: int, taken: Taken, broken: int, incoming: list[Incoming]) -> None:
        lag = time.time() - max(one.sent_at for one in incoming) if incoming else None
        with self._lock:
            tally = self._tallies[pk]
            tally.taken += taken.added
            tally.known += taken.known
            tally.broken += broken
            tally.seen_at = now()
            tally.lag = tally.lag if lag is None else lag

    def _committed(self, cluster_pk: int, taken: Taken) -> None:
        """In whatever thread wrote: the feed's, a job's."""
        if taken.added:
            self._news.add(cluster_pk)

    # -- beside ------------------------------------------------------------------------------------------------------

    async def _keep(self) -> None:
        flushed_at = swept_at = time.monotonic()
        while True:
            await asyncio.sleep(SIGNAL_SECONDS)
            await _survived(self._signal())
            if time.monotonic() - flushed_at >= FLUSH_SECONDS:
                flushed_at = time.monotonic()
                await self._flush()
            if time.monotonic() - swept_at >= SWEEP_SECONDS:
                swept_at = time.monotonic()
                await _survived(self._sweep())

    async def _signal(self) -> None:
        """At most once a tick and cluster, however many commits there were."""
        news, self._news = self._news, set()
        if news - self._slugs.keys():
            try:
                self._slugs |= await in_thread(_slugs, list(news))
            except BaseException:
                self._news |= news  # told by the next tick
                raise
        for pk in news & self._slugs.keys():
            events.changed(f"{self._slugs[pk]}/archive")

    async def _sweep(self) -> None:
        await asyncio.to_thread(_sweep, await in_thread(_archives_on))

    async def _flush(self) -> None:
        with self._lock:
            tallies, self._tallies = self._tallies, defaultdict(Tally)
        if not tallies:
            return
        try:
            await in_thread(_write_down, tallies)
        except Exception as error:
            logger.warning("feed.not_counted", extra={"error": type(error).__name__})
            with self._lock:
                for pk, tally in tallies.items():  # once more with the next ones
                    mine = self._tallies[pk]
                    mine.taken, mine.known = mine.taken + tally.taken, mine.known + tally.known
                    mine.broken += tally.broken
                    mine.lag = tally.lag if mine.lag is None else mine.lag
                    mine.seen_at = mine.seen_at or tally.seen_at


def _stored(owner: Owner, incoming: list[Incoming], broken: list[BrokenCall], at: int) -> tuple[Taken, int]:
    """What became of them, and how many of them no store takes: these are filed, the others kept."""
    try:
        return feed.take(owner.pk, incoming, broken), 0
    except StoreUnavailable:
        raise
    except Exception:
        logger.exception("feed.batch_failed", extra={"cluster": owner.slug})
    added = known = refused = 0
    for one in incoming:
        try:
            taken = feed.take(owner.pk, [one])
        except StoreUnavailable:
            raise
        except Exception as error:
            refused += 1
            broken = [*broken, BrokenCall(0, at, MESSAGES, f"{UNREADABLE}: {type(error).__name__}", one.payload)]
        else:
            added, known = added + taken.added, known + taken.known
    feed.take(owner.pk, (), [*broken])
    return Taken(added, known), refused


async def _survived(step: Awaitable[None]) -> None:
    """A database that is away for a moment must not end what runs for as long as its process."""
    try:
        await step
    except Exception as error:
        logger.warning("feed.tick_failed", extra={"error": type(error).__name__})


def _archives_on() -> dict[int, bool]:
    """Those that are on, and of each whether a round is still reading what orders may be about."""
    return {archive.pk: repair.is_filling(archive) for archive in Archive.objects.filter(is_on=True)}


def _slugs(cluster_pks: list[int]) -> dict[int, str]:
    return dict(Archive.objects.filter(pk__in=cluster_pks).values_list("pk", "cluster__slug"))


def _sweep(archives: dict[int, bool]) -> None:
    for pk, is_filling in archives.items():
        try:
            orders.sweep(stores.engine_of(pk), int(time.time()), is_filling=is_filling)
        except StoreUnavailable as error:
            logger.warning("feed.not_swept", extra={"cluster": pk, "error": str(error)})
        except Exception:  # one archive's trouble is none of the others'
            logger.exception("feed.sweep_failed", extra={"cluster": pk})


def _write_down(tallies: dict[int, Tally]) -> None:
    with transaction.atomic():
        for pk, tally in tallies.items():
            values: dict[str, Any] = {
                "feed_taken": F("feed_taken") + tally.taken,
                "feed_known": F("feed_known") + tally.known,
                "feed_broken": F("feed_broken") + tally.broken,
            }
            if tally.seen_at:
                values |= {"feed_seen_at": tally.seen_at}
            if tally.lag is not None:
                values |= {"feed_lag": tally.lag}
            Archive.objects.filter(pk=pk).update(**values)
    minute = int(time.time() // 60)
    for pk, tally in tallies.items():
        key = rate_key(pk, minute)
        cache.add(key, 0, (RATE_MINUTES + 2) * 60)
        with suppress(ValueError):  # the cache forgot it at once
            cache.incr(key, tally.taken)


def rate_key(cluster_pk: int, minute: int) -> str:
    return f"live/feed/rate/{cluster_pk}/{minute}"


archive_feed = Feed()
hooks.on(MESSAGES, archive_feed.take, apart=True)
hooks.on_broken(archive_feed.file_broken)
