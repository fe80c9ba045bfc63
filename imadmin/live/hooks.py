"""The webhook's door, /hooks/wukongim/<cluster>/<secret>: open to machines without sign-in, before Django's own http.

Before, because Django reads a whole body first: here a wrong secret costs a comparison in memory, and what is too big
is refused unread.  Answered with 200 only once it is stored; the server sends a call again that was answered otherwise.
Who stores what calls tell says so by `on`: in the call's transaction, or apart, in a store of its own (archive_feed).
"""

import asyncio
import hashlib
import hmac
import json
import logging
import re
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

from django.core.cache import cache
from django.db import DatabaseError, transaction
from django.db.models import F

from imadmin.archive.engines.base import StoreUnavailable
from imadmin.gateway.hook_types import MESSAGES, OFFLINE, ONLINE_STATUS, BrokenHook, HookBatch
from imadmin.gateway.registry import HOOKS
from imadmin.gateway.types import now
from imadmin.live import presence
from imadmin.live.threads import in_thread
from imadmin.monitor.models import Hook

logger = logging.getLogger(__name__)

PREFIX = "/hooks/"
ADDRESS = re.compile(r"/hooks/wukongim/([-\w]{1,50})/([-\w]{1,100})/?")
BODY_MAX = 10 * 1024 * 1024
BODY_SECONDS = 10.0
CALLS_MAX = 8  # bodies held in memory at a time
BUSY_SECONDS = 4.0  # a call waits for its turn: sending it away would cost it one of its five tries
KNOWN_SECONDS = 2.0
FLUSH_SECONDS = 2.0
RATE_MINUTES = 5

COUNTED = {ONLINE_STATUS: "online", MESSAGES: "messages", OFFLINE: "offline"}


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose door it is."""

    pk: int
    slug: str
    kind: str
    secret_hash: str
    is_archived: bool = False


Ingest = Callable[[Owner, HookBatch, datetime], object]
FileBroken = Callable[[Owner, str, bytes, str, datetime], object]
_ingest: dict[str, list[Ingest]] = defaultdict(list)
_apart: dict[str, list[Ingest]] = defaultdict(list)
_file_broken: list[FileBroken] = []
_threads = ThreadPoolExecutor(CALLS_MAX, thread_name_prefix="imadmin-hook")


def on(event: str, take: Ingest, *, apart: bool = False) -> None:
    """Have `take` store what calls of this event tell, in their transaction; what it raises makes the server repeat.

    apart: it keeps a store of its own and touches no database of ours, whose one writer would hold it up; it runs
    before the transaction, several calls at a time, and must take the same call twice without harm.
    """
    (_apart if apart else _ingest)[event].append(take)


def on_broken(file: FileBroken) -> None:
    """Have `file` keep a body that nobody could read: owner, event, body, why, when."""
    _file_broken.append(file)


def _take_presence(owner: Owner, batch: HookBatch, at: datetime) -> None:
    if presence.record_told(owner.pk, batch.online, at):
        transaction.on_commit(lambda: presence.announce(owner.slug))


on(ONLINE_STATUS, _take_presence)


@dataclass(slots=True)
class Tally:
    """What is counted in memory until the next flush."""

    counts: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    seen_at: datetime | None = None
    refused_at: datetime | None = None

    def took(self, batch: HookBatch) -> None:
        self.seen_at = now()
        self.counts["received"] += 1
        if batch.event in COUNTED:
            self.counts[COUNTED[batch.event]] += batch.count


class Refused(Exception):
    def __init__(self, status: int, why: str = "") -> None:
        super().__init__(why)
        self.status, self.why = status, why


class Door:
    """An ASGI application and a part of the runtime: what it counts is written down every few seconds."""

    def __init__(self) -> None:
        self._owners: dict[str, Owner] = {}
        self._known_at = 0.0
        self._tallies: dict[int, Tally] = defaultdict(Tally)
        self._calls = 0
        self._learning = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self.forget()
        self._learning = asyncio.Lock()
        self._task = asyncio.create_task(self._flush_often(), name="hook-door")

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            await self._flush()

    def forget(self) -> None:
        """Secrets changed in this process; others notice within KNOWN_SECONDS."""
        self._known_at = 0.0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await self._take(scope, receive)
            status = 200
            answer: dict[str, Any] = {"status": 200}
        except Refused as refusal:
            status, answer = refusal.status, {"status": refusal.status, "msg": refusal.why}
        body = json.dumps(answer).encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"no-store"),
            (b"x-content-type-options", b"nosniff"),
        ]
        if status == 413:
            headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _take(self, scope: Any, receive: Any) -> None:
        owner = await self._owner(scope["path"])
        if scope["method"] != "POST":
            raise Refused(405, "POST only")
        await self._turn()
        try:
            if _length(scope["headers"]) > BODY_MAX:
                raise Refused(413, "too big")
            body = await _read(receive)
            event = parse_qs(scope["query_string"].decode("latin-1")).get("event", [""])[0][:40]
            at = now()
            batch = await asyncio.get_running_loop().run_in_executor(_threads, _taken, owner, event, body, at)
            if event in _ingest:
                await in_thread(_store, owner, batch, at)
            self._tallies[owner.pk].took(batch)
        except Refused:
            self._tallies[owner.pk].counts["broken"] += 1
            raise
        except BrokenHook as error:
            self._tallies[owner.pk].counts["broken"] += 1
            raise Refused(400, str(error)) from None
        except (DatabaseError, StoreUnavailable) as error:
            logger.warning("hook.not_stored", extra={"cluster": owner.slug, "error": type(error).__name__})
            raise Refused(503, "not stored") from None
        finally:
            self._calls -= 1

    async def _turn(self) -> None:
        """Wait until one of the few places is free."""
        ends_at = time.monotonic() + BUSY_SECONDS
        while self._calls >= CALLS_MAX:
            if time.monotonic() >= ends_at:
                raise Refused(503, "busy")
            await asyncio.sleep(0.01)
        self._calls += 1

    async def _owner(self, path: str) -> Owner:
        """Raises Refused 404 for whatever isn't exactly the address of a door, in the same time."""
        match = ADDRESS.fullmatch(path)
        slug, secret = match.groups() if match else ("", "")
        await self._learn_owners()
        owner = self._owners.get(slug)
        given = hashlib.sha256(secret.encode()).hexdigest()
        if not hmac.compare_digest(given, owner.secret_hash if owner else "-" * 64) or owner is None:
            if owner:
                tally = self._tallies[owner.pk]
                tally.counts["refused"] += 1
                tally.refused_at = now()
            raise Refused(404, "not found")
        return owner

    async def _learn_owners(self) -> None:
        """One of those who find it old asks, the others wait for the answer."""
        if time.monotonic() - self._known_at <= KNOWN_SECONDS:
            return
        async with self._learning:
            if time.monotonic() - self._known_at > KNOWN_SECONDS:
                with suppress(DatabaseError):  # those known before still open
                    self._owners = await in_thread(_owners)
                    self._known_at = time.monotonic()

    async def _flush_often(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            await self._flush()

    async def _flush(self) -> None:
        tallies, self._tallies = self._tallies, defaultdict(Tally)
        tallies = {pk: tally for pk, tally in tallies.items() if tally.counts}
        if not tallies:
            return
        try:
            await in_thread(_write_down, tallies)
        except Exception as error:
            logger.warning("hook.not_counted", extra={"error": type(error).__name__})
            for pk, tally in tallies.items():  # once more with the next ones
                mine = self._tallies[pk]
                mine.seen_at = mine.seen_at or tally.seen_at
                mine.refused_at = mine.refused_at or tally.refused_at
                for name, count in tally.counts.items():
                    mine.counts[name] += count


def _taken(owner: Owner, event: str, body: bytes, at: datetime) -> HookBatch:
    """What the call tells, kept by whoever has a store of their own.  Raises BrokenHook, StoreUnavailable."""
    try:
        batch = HOOKS[owner.kind](event, body)
    except BrokenHook as error:
        for file in _file_broken:
            file(owner, event, body, str(error), at)
        raise
    for take in _apart.get(event, ()):
        take(owner, batch, at)
    return batch


def _store(owner: Owner, batch: HookBatch, at: datetime) -> None:
    """Raises DatabaseError."""
    with transaction.atomic():
        for take in _ingest[batch.event]:
            take(owner, batch, at)
    if batch.event == ONLINE_STATUS:
        with suppress(DatabaseError):  # what came is stored; the next call trims again
            presence.trim(owner.pk)


def _owners() -> dict[str, Owner]:
    rows = Hook.objects.values_list(
        "cluster_id", "cluster__slug", "cluster__kind", "secret_hash", "cluster__archive__is_on"
    )
    return {row[1]: Owner(*row[:4], is_archived=bool(row[4])) for row in rows if row[2] in HOOKS}


def _write_down(tallies: dict[int, Tally]) -> None:
    with transaction.atomic():
        for pk, tally in tallies.items():
            values: dict[str, Any] = {name: F(name) + count for name, count in tally.counts.items()}
            if tally.seen_at:
                values["last_seen_at"] = tally.seen_at
            if tally.refused_at:
                values["last_refused_at"] = tally.refused_at
            Hook.objects.filter(pk=pk).update(**values)
    minute = int(time.time() // 60)
    for pk, tally in tallies.items():
        key = rate_key(pk, minute)
        cache.add(key, 0, (RATE_MINUTES + 2) * 60)
        with suppress(ValueError):  # the cache forgot it at once
            cache.incr(key, tally.counts.get("received", 0))


def rate_key(cluster_pk: int, minute: int) -> str:
    return f"live/hook/rate/{cluster_pk}/{minute}"


def _length(headers: list[tuple[bytes, bytes]]) -> int:
    for name, value in headers:
        if name == b"content-length":
            return int(value) if value.isdigit() else BODY_MAX + 1
    return 0


async def _read(receive: Any) -> bytes:
    """The body, however it comes: never more than BODY_MAX, never longer than BODY_SECONDS."""
    parts, size, more = [], 0, True
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while more:
                message = await receive()
                if message["type"] != "http.request":
                    raise Refused(400, "cut off")
                part = message.get("body", b"")
                size += len(part)
                if size > BODY_MAX:
                    raise Refused(413, "too big")
                parts.append(part)
                more = message.get("more_body", False)
    except TimeoutError:
        raise Refused(408, "too slow") from None
    return b"".join(parts)


door = Door()
