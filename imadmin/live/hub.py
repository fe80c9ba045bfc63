"""The sockets of this process: one listener on the channel layer hands each signal to the sockets that asked for it.

One listener instead of one a socket: five hundred sockets cost one queue, and a slow browser holds up nobody, since a
socket keeps only the newest version of each topic until it can be sent.
"""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Protocol

from channels.layers import get_channel_layer
from django.core.cache import cache

from imadmin.live.relay import GROUP
from imadmin.live.threads import in_thread

logger = logging.getLogger(__name__)

SOCKETS_MAX = 5000
SOCKETS_A_SESSION = 40
ROUND_SECONDS = 2.0
LOOKING_SECONDS = 8  # how long "somebody looks" holds without being renewed
RECHECK_SECONDS = 60.0
SETTLE_SECONDS = 0.3
REJOIN_SECONDS = 600.0  # the memory layer forgets group members after a day
AGAIN_SECONDS = 1.0
IDLE_SECONDS = 10.0  # a socket that hasn't said what it watches is nobody's yet
RESTART = 1012
NOTHING_WANTED = 1008

PEOPLE = "@people"


class Socket(Protocol):
    """slug, topics: what it watches.  is_looking: its page is seen by somebody."""

    session: str
    user_key: int
    slug: str
    topics: frozenset[str]
    is_looking: bool
    checked_at: float

    def tell(self, news: dict[str, Any]) -> None: ...
    async def recheck(self) -> None: ...
    async def end(self, code: int) -> None: ...


def looking_key(slug: str, noun: str = "") -> str:
    """In the shared cache while somebody looks at a cluster; with a noun: at that part of it."""
    return f"live/looking/{slug}/{noun}"


class Hub:
    """Every socket of this process, by the cluster it watches."""

    def __init__(self) -> None:
        self._sockets: set[Socket] = set()
        self._watching: dict[str, set[Socket]] = defaultdict(set)
        self._looked: dict[str, list[int]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._checks: set[asyncio.Task[None]] = set()
        self._poke = asyncio.Event()

    async def start(self) -> None:
        joined, self._poke = asyncio.Event(), asyncio.Event()
        self._tasks = [
            asyncio.create_task(self._listen(joined), name="live-hub"),
            asyncio.create_task(self._look_after(), name="live-hub-rounds"),
        ]
        with suppress(TimeoutError):  # without Redis the pages still start; the listener goes on trying
            async with asyncio.timeout(2):
                await joined.wait()

    async def stop(self) -> None:
        await asyncio.gather(*(socket.end(RESTART) for socket in list(self._sockets)), return_exceptions=True)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, *self._checks, return_exceptions=True)
        self._tasks = []

    @property
    def count(self) -> int:
        return len(self._sockets)

    def has_room(self, session: str) -> bool:
        held = sum(socket.session == session for socket in self._sockets)
        return len(self._sockets) < SOCKETS_MAX and held < SOCKETS_A_SESSION

    def add(self, socket: Socket) -> None:
        self._sockets.add(socket)

    def remove(self, socket: Socket) -> None:
        self._sockets.discard(socket)
        self._leave(socket)

    def watch(self, socket: Socket, slug: str) -> None:
        """The socket follows this cluster from now on, and no other."""
        self._leave(socket)
        socket.slug = slug
        self._watching[slug].add(socket)
        if slug in self._looked:
            socket.tell({"looked": self._looked[slug]})
        self._poke.set()

    def looks_changed(self) -> None:
        self._poke.set()

    def _leave(self, socket: Socket) -> None:
        watching = self._watching.get(socket.slug)
        if watching is not None:
            watching.discard(socket)
            if not watching:
                del self._watching[socket.slug]

    # -- signals --

    async def _listen(self, joined: asyncio.Event) -> None:
        while True:
            try:
                layer = get_channel_layer()
                channel = await layer.new_channel()
                await layer.group_add(GROUP, channel)
                joined.set()
                rejoin = asyncio.create_task(self._rejoin(layer, channel))
                try:
                    while True:
                        self.deliver(await layer.receive(channel))
                finally:
                    rejoin.cancel()
            except Exception as error:
                logger.warning("live.hub_again", extra={"error": type(error).__name__})
                await asyncio.sleep(AGAIN_SECONDS)

    async def _rejoin(self, layer: Any, channel: str) -> None:
        while True:
            await asyncio.sleep(REJOIN_SECONDS)
            with suppress(Exception):
                await layer.group_add(GROUP, channel)

    def deliver(self, message: dict[str, Any]) -> None:
        """Hand one message of the layer to the sockets that watch what it is about."""
        for slug, looked in message.get("looked", {}).items():
            self._looked[slug] = looked
            for socket in self._watching.get(slug, ()):
                socket.tell({"looked": looked})
        by_slug: dict[str, dict[str, int]] = defaultdict(dict)
        for topic, version in message.get("changed", {}).items():
            place, _, rest = topic.partition("/")
            if place == PEOPLE:
                self._check_soon("user_key", rest)
            else:
                noun = rest.partition("/")[0]
                if noun == "cluster":  # changed, or gone
                    self._check_soon("slug", place)
                by_slug[place][noun] = max(version, by_slug[place].get(noun, 0))
        for slug, nouns in by_slug.items():
            for socket in self._watching.get(slug, ()):
                news = {noun: version for noun, version in nouns.items() if noun in socket.topics}
                if news:
                    socket.tell({"changed": news})

    # -- rounds --

    async def _look_after(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(ROUND_SECONDS):
                    await self._poke.wait()
            self._poke.clear()
            try:
                await self._tell_who_looks()
            except Exception as error:
                logger.warning("live.cache_gone", extra={"error": type(error).__name__})
                await asyncio.sleep(AGAIN_SECONDS)
            now = time.monotonic()
            self._check(one for one in self._sockets if one.slug and one.checked_at < now - RECHECK_SECONDS)
            for idle in [one for one in self._sockets if not one.slug and one.checked_at < now - IDLE_SECONDS]:
                await idle.end(NOTHING_WANTED)

    async def _tell_who_looks(self) -> None:
        """The poller, maybe in another process, looks closely at what somebody looks at."""
        keys = {}
        for slug, sockets in self._watching.items():
            looking = [socket for socket in sockets if socket.is_looking]
            if looking:
                keys[looking_key(slug)] = 1
            if any("presence" in socket.topics for socket in looking):
                keys[looking_key(slug, "presence")] = 1
        if keys:
            await in_thread(cache.set_many, keys, LOOKING_SECONDS)

    def _check_soon(self, name: str, value: str) -> None:
        """Sockets of whom this is so: not at once, as a sign-out is announced a moment before its session is gone."""
        asyncio.get_running_loop().call_later(
            SETTLE_SECONDS,
            lambda: self._check(one for one in self._sockets if one.slug and str(getattr(one, name)) == value),
        )

    def _check(self, sockets: Iterable[Socket]) -> None:
        """Ask again whether these may watch; a few threads do it, one after the other."""
        now = time.monotonic()
        for socket in list(sockets):
            socket.checked_at = now
            task = asyncio.create_task(socket.recheck())
            self._checks.add(task)
            task.add_done_callback(self._checks.discard)


hub = Hub()
