"""Carries signals from whoever announces (any thread, any process) into the channel layer.

A topic goes out at once, then at most every REST_SECONDS with its newest version: receivers refetch, so what comes in
between says nothing new.  When the layer is gone (Redis restarts), signals wait, coalesced, and go out when it is back.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

from channels.layers import get_channel_layer

from imadmin.core import events

logger = logging.getLogger(__name__)

GROUP = "live"  # the one group: every web process is in it once (hub.py)
MESSAGE = "live.signals"
REST_SECONDS = 0.1
PUBLISH_SECONDS = 2.0
AGAIN_SECONDS = 0.5
TOPICS_MAX = 2000


class Relay:
    """One a process.  looked: the poller tells here that it has just looked at a cluster."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._stop_listening: Callable[[], None] | None = None
        self._wake = asyncio.Event()
        self._outgoing: dict[str, int] = {}
        self._looks: dict[str, list[int]] = {}
        self._resting: dict[str, int | None] = {}
        self.dropped = 0

    async def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        self._outgoing, self._looks, self._resting = {}, {}, {}
        self._task = asyncio.create_task(self._publish_all(), name="live-relay")
        self._stop_listening = events.listen(self._heard)

    async def stop(self) -> None:
        if self._stop_listening:
            self._stop_listening()
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        self._loop = self._task = self._stop_listening = None

    def looked(self, slug: str, *, at: int, every: float) -> None:
        """On the loop.  at: milliseconds since 1970.  every: seconds until the next look is due."""
        self._looks[slug] = [at, round(every * 1000)]
        self._wake.set()

    def _heard(self, signal: events.Changed) -> None:
        """In whatever thread the change was made: it must not wait for anything here."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._note, signal.topic, signal.version)

    def _note(self, topic: str, version: int) -> None:
        if topic in self._resting:
            self._resting[topic] = version
            return
        if len(self._outgoing) >= TOPICS_MAX and topic not in self._outgoing:
            self.dropped += 1
            return
        self._resting[topic] = None
        self._outgoing[topic] = version
        self._wake.set()
        if self._loop is not None:
            self._loop.call_later(REST_SECONDS, self._rested, topic)

    def _rested(self, topic: str) -> None:
        version = self._resting.pop(topic, None)
        if version is not None:
            self._note(topic, version)

    async def _publish_all(self) -> None:
        is_told = False
        while True:
            await self._wake.wait()
            self._wake.clear()
            changed, self._outgoing = self._outgoing, {}
            looks, self._looks = self._looks, {}
            try:
                async with asyncio.timeout(PUBLISH_SECONDS):
                    await get_channel_layer().group_send(GROUP, {"type": MESSAGE, "changed": changed, "looked": looks})
            except Exception as error:
                if not is_told:  # once an outage, not twice a second
                    logger.warning("live.layer_gone", extra={"error": type(error).__name__})
                is_told = True
                self._outgoing = {**changed, **self._outgoing}
                self._looks = {**looks, **self._looks}
                await asyncio.sleep(AGAIN_SECONDS)
                self._wake.set()
                continue
            if is_told:
                logger.info("live.layer_back")
            is_told = False


relay = Relay()
