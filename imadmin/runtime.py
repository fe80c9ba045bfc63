"""Starts and stops what lives beside the web server, in one process: the loop bridge and the demo cluster.

The worker, beat and poller of the embedded mode will start here too, after the bridge and before the first request, and
stop in the reverse order.  Nothing is started from AppConfig.ready: a command must not open a cluster.
"""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from asgiref.sync import sync_to_async
from django.db import close_old_connections

from imadmin.clusters import connect
from imadmin.core import aio

logger = logging.getLogger(__name__)
Message = MutableMapping[str, Any]

BESIDE_SECONDS = 3.0

DEMO_SLUG = "demo"
DEMO_PORT = 15100
DEMO_TOKEN = "demo-token"  # noqa: S105  (opens nothing but the simulated cluster on loopback)


class Runtime:
    """What runs in this process besides the pages."""

    def __init__(self) -> None:
        self._demo: Any = None

    async def start(self) -> None:
        aio.adopt(asyncio.get_running_loop())
        if os.environ.get("IMADMIN_DEMO") == "1":
            self._demo = await asyncio.to_thread(_start_demo)
            await sync_to_async(_remember_demo, thread_sensitive=False)(self._demo)

    async def stop(self) -> None:
        """Long changes end after the piece they are at and read it back; only then the gateways close."""
        from imadmin.directory.actions import beside  # models: not before Django is set up

        await asyncio.to_thread(beside.stop, BESIDE_SECONDS)
        await connect.close_all()
        if self._demo is not None:
            await asyncio.to_thread(self._demo.stop)
        aio.adopt(None)


def _start_demo() -> Any:
    """The demo cluster on its usual ports, or on free ones when these are taken."""
    from imadmin.simulator import SimulatedCluster

    for ports in (DEMO_PORT, None):
        demo = SimulatedCluster(nodes=3, seed=1, world="demo", ports=ports, manager_token=DEMO_TOKEN)
        try:
            demo.start()
        except OSError:
            logger.info("The demo cluster's usual ports are taken; it uses free ones.")
            continue
        return demo
    raise RuntimeError("no free loopback ports for the demo cluster")


def _remember_demo(demo: Any) -> None:
    """Point the stored demo cluster at the running one."""
    from imadmin.clusters.models import Cluster
    from imadmin.core import crypto

    try:
        known = Cluster.objects.filter(slug=DEMO_SLUG).first() or Cluster(slug=DEMO_SLUG, name="Demo", is_demo=True)
        if known.pk and not known.is_demo:
            logger.warning("demo.slug_taken")
            return
        first = demo.nodes[0]
        if (known.api_url, known.manager_url) != (first.api_url, first.manager_url) or not known.pk:
            known.api_url, known.manager_url = first.api_url, first.manager_url
            known.revision = (known.revision or 0) + 1
        known.sealed_token = known.sealed_token or crypto.seal(DEMO_TOKEN)
        known.jwt_user = "admin"
        known.sealed_jwt_password = known.sealed_jwt_password or crypto.seal("pwd")
        known.save()
    finally:
        close_old_connections()


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
