"""The browser's socket at /ws/live/: it says which cluster and topics it follows and is told versions, never content.

Frames are JSON objects.  In: {"watch": slug, "topics": [...]}, {"looking": bool}, {"ping": n}.
Out: {"watching": slug}, {"changed": {topic: version}}, {"looked": [at, every]} in milliseconds, {"pong": n}.
Closed with 4401 when the sign-in ended, 4403 without a role on the cluster, 1008 for nonsense, 1012 at a restart,
1013 when there are too many.
"""

import asyncio
import json
import re
import time
from contextlib import suppress
from typing import Any

from channels.generic.websocket import AsyncWebsocketConsumer

from imadmin.live import people
from imadmin.live.hub import hub
from imadmin.live.threads import in_thread

TOPICS_MAX = 40
TOPIC = re.compile(r"[a-z][a-z0-9-]{0,63}")
SLUG = re.compile(r"[-a-zA-Z0-9_]{1,50}")
FRAME_MAX = 8 * 1024
FRAMES_A_SECOND = 10
NONSENSE = 1008
TRY_LATER = 1013


class LiveConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]  # the library has no types
    """One browser tab."""

    channel_layer_alias = "none"  # the hub of the process listens to the layer for all sockets

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.session = ""
        self.user_key = 0
        self.slug = ""
        self.topics: frozenset[str] = frozenset()
        self.is_looking = True
        self.checked_at = 0.0
        self._news: dict[str, Any] = {}
        self._writer: asyncio.Task[None] | None = None
        self._is_over = False
        self._frames = (0.0, 0)

    async def connect(self) -> None:
        headers = self.scope["headers"]
        if not people.is_own_page(headers):
            await self.close()  # before the handshake: the browser sees a 403
            return
        self.session = people.session_of(headers)
        await self.accept()
        if not hub.has_room(self.session):
            await self.end(TRY_LATER)
            return
        self.checked_at = time.monotonic()
        hub.add(self)  # which ends it soon when it doesn't say what it watches

    async def disconnect(self, code: int) -> None:
        self._is_over = True
        hub.remove(self)
        if self._writer is not None:
            self._writer.cancel()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        frame = _parsed(text_data)
        if self._is_over:
            return
        if frame is None or self._is_flooding():
            await self.end(NONSENSE)
        elif "watch" in frame:
            await self._watch(frame)
        elif isinstance(frame.get("looking"), bool):
            self.is_looking = frame["looking"]
            hub.looks_changed()
        elif "ping" in frame:
            self.tell({"pong": frame["ping"]})
        else:
            await self.end(NONSENSE)

    async def _watch(self, frame: dict[str, Any]) -> None:
        slug, topics = frame["watch"], _topics(frame.get("topics"))
        if not isinstance(slug, str) or not SLUG.fullmatch(slug) or topics is None:
            await self.end(NONSENSE)
            return
        self.checked_at = time.monotonic()
        code, self.user_key = await in_thread(people.admitted, self.session, slug)
        if code:
            await self.end(code)
        elif not self._is_over:
            self.topics = topics
            self.tell({"watching": slug})
            hub.watch(self, slug)

    # -- asked by the hub --

    def tell(self, news: dict[str, Any]) -> None:
        """Have this sent as soon as the browser takes it; a newer version of a topic replaces an older one."""
        if self._is_over:
            return
        if "changed" in news:
            news = {"changed": {**self._news.get("changed", {}), **news["changed"]}}
        self._news.update(news)
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())

    async def recheck(self) -> None:
        code, _ = await in_thread(people.admitted, self.session, self.slug)
        if code:
            await self.end(code)

    async def end(self, code: int) -> None:
        if not self._is_over:
            self._is_over = True
            hub.remove(self)
            with suppress(Exception):  # the browser left in this very moment
                await self.close(code=code)

    async def _write(self) -> None:
        while self._news and not self._is_over:
            news, self._news = self._news, {}
            try:
                await self.send(text_data=json.dumps(news, separators=(",", ":")))
            except Exception:  # the browser left in the middle; `disconnect` follows
                return

    def _is_flooding(self) -> bool:
        started, count = self._frames
        now = time.monotonic()
        self._frames = (now, 1) if now - started > 1 else (started, count + 1)
        return self._frames[1] > FRAMES_A_SECOND


def _parsed(text: str | None) -> dict[str, Any] | None:
    """The frame's object, None for anything else."""
    if not text or len(text) > FRAME_MAX:
        return None
    try:
        frame = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(frame, dict) or not isinstance(frame.get("ping", 0), int):
        return None
    return frame


def _topics(given: object) -> frozenset[str] | None:
    if not isinstance(given, list) or len(given) > TOPICS_MAX:
        return None
    if not all(isinstance(topic, str) and TOPIC.fullmatch(topic) for topic in given):
        return None
    return frozenset(given)
