"""Starts and stops what lives beside the web server: the loop bridge, the demo cluster, live updates, jobs.

In embedded mode everything lives in this one process; with IMADMIN_REDIS_URL set a web process only carries the
sockets, and the poller, the worker and beat are processes of their own.  Nothing is started from AppConfig.ready: a
command must not open a cluster.
"""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any, Protocol

from asgiref.sync import sync_to_async
from django.db import close_old_connections

from imadmin.clusters import connect
from imadmin.config import config
from imadmin.core import aio
from imadmin.gateway.hook_types import MESSAGES, ONLINE_STATUS
from imadmin.live.archive_feed import archive_feed
from imadmin.live.hook_setup import open_unasked
from imadmin.live.hooks import door
from imadmin.live.hub import hub
from imadmin.live.poller import Poller
from imadmin.live.relay import relay

logger = logging.getLogger(__name__)
Message = MutableMapping[str, Any]

BESIDE_SECONDS = 3.0

DEMO_SLUG = "demo"
DEMO_PORT = 15100
DEMO_TOKEN = "demo-token"  # noqa: S105  (opens nothing but the simulated cluster on loopback)


class Part(Protocol):
    """Something that lives beside the pages. Both run on the server's loop; stop also after a start that failed."""

    async def start(self) -> None: ...
    async def stop(self) -> None: ...


def parts_of_web() -> list[Part]:
    """What a web process carries, in the order of starting; the reverse is the order of stopping."""
    found: list[Part] = [Loop()]
    if os.environ.get("IMADMIN_DEMO") == "1":
        found.append(Demo())
    found += [Gateways(), relay, hub, archive_feed, door]
    if not config.redis_url:
        found += parts_of_work()
    return found


def parts_of_work() -> list[Part]:
    """What watches and works without being asked; in embedded mode threads and tasks of the web process."""
    from imadmin.jobs.embedded import BeatPart, WorkerPart  # models: not before Django is set up

    return [Poller(), WorkerPart(alone=True), BeatPart()]


class Runtime:
    """What runs in this process besides the pages."""

    def __init__(self, parts: Sequence[Part] | None = None) -> None:
        self._parts = list(parts_of_web() if parts is None else parts)
        self._started: list[Part] = []

    async def start(self) -> None:
        """Start every part; when one can't, stop those before it and raise."""
        try:
            for part in self._parts:
                self._started.append(part)
                await part.start()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        while self._started:
            part = self._started.pop()
            try:
                await part.stop()
            except Exception:  # the others still have to end
                logger.exception("runtime.stop_failed", extra={"part": type(part).__name__})


class Loop:
    """The server's loop owns all network clients from now on."""

    async def start(self) -> None:
        aio.adopt(asyncio.get_running_loop())

    async def stop(self) -> None:
        aio.adopt(None)


class Gateways:
    """Opened when first asked; long changes end after the piece they are at and read it back, then all close."""

    async def start(self) -> None: ...

    async def stop(self) -> None:
        from imadmin.directory.actions import beside  # models: not before Django is set up

        await asyncio.to_thread(beside.stop, BESIDE_SECONDS)
        await connect.close_all()


class Demo:
    """The simulated cluster of `up --demo`."""

    def __init__(self) -> None:
        self._demo: Any = None

    async def start(self) -> None:
        self._demo = await asyncio.to_thread(_start_demo)
        path = await sync_to_async(_remember_demo, thread_sensitive=False)(self._demo)
        if path and (own := os.environ.get("IMADMIN_DEMO_DOOR")):
            await asyncio.to_thread(self._demo.use_webhook, f"{own}{path}", (ONLINE_STATUS, MESSAGES))

    async def stop(self) -> None:
        if self._demo is not None:
            await asyncio.to_thread(self._demo.stop)


def _start_demo() -> Any:
    """The demo cluster on its usual ports, or on free ones when these are taken."""
    from imadmin.simulator import SimulatedCluster

    for ports in (DEMO_PORT, None):
        demo = SimulatedCluster(nodes=3, seed=1, world="demo", ports=ports, manager_token=DEMO_TOKEN, restless=True)
        try:
            demo.start()
        except OSError:
            logger.info("The demo cluster's usual ports are taken; it uses free ones.")
            continue
        return demo
    raise RuntimeError("no free loopback ports for the demo cluster")


def _remember_demo(demo: Any) -> str:
    """Point the stored demo cluster at the running one; returns the path of its webhook, "" when there is none."""
    from imadmin.clusters.models import Cluster
    from imadmin.core import crypto

    try:
        known = Cluster.objects.filter(slug=DEMO_SLUG).first() or Cluster(slug=DEMO_SLUG, name="Demo", is_demo=True)
        if known.pk and not known.is_demo:
            logger.warning("demo.slug_taken")
            return ""
        first = demo.nodes[0]
        if (known.api_url, known.manager_url) != (first.api_url, first.manager_url) or not known.pk:
            known.api_url, known.manager_url = first.api_url, first.manager_url
            known.revision = (known.revision or 0) + 1
        known.sealed_token = known.sealed_token or crypto.seal(DEMO_TOKEN)
        known.jwt_user = "admin"
        known.sealed_jwt_password = known.sealed_jwt_password or crypto.seal("pwd")
        known.save()
        return _open_demo_archive(known)
    finally:
        close_old_connections()


def _open_demo_archive(demo: Any) -> str:
    """An empty archive that is fed from now on: the simulated cluster begins anew with every start, ids and all.

    Who switched it off, or closed the webhook, finds it so after the next start.
    """
    from imadmin.archive.engines.base import StoreUnavailable
    from imadmin.archive.models import Archive
    from imadmin.archive.stores import engine_of
    from imadmin.gateway.types import now

    archive, is_new = Archive.objects.get_or_create(
        cluster=demo, defaults={"is_on": True, "opened_by": DEMO_SLUG, "opened_at": now()}
    )
    try:
        engine_of(demo.pk).drop()
    except StoreUnavailable as error:
        logger.warning("demo.archive_kept", extra={"error": str(error)})
    archive.resume, archive.round_started_at, archive.round_ended_at, archive.whole_at = {}, None, None, None
    archive.feed_seen_at, archive.feed_lag = None, None
    archive.feed_taken = archive.feed_known = archive.feed_broken = 0
    archive.save()
    return open_unasked(demo, may_make=is_new)


async def lifespan(
    scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    """The ASGI lifespan protocol."""
    runtime = Runtime()
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            try:
                await runtime.start()
            except Exception as error:
                logger.exception("runtime.start_failed")
                await send({"type": "lifespan.startup.failed", "message": str(error)})
                return
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            await runtime.stop()
            await send({"type": "lifespan.shutdown.complete"})
            return
