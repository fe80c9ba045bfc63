"""A small HTTP server for what a cluster tells and asks by itself: webhook and datasource; for scripts and tests.

Answer at once, work later: the server waits ten seconds and then sends everything again.  Nothing is signed there, so
whoever reaches the address may call it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Self
from urllib.parse import parse_qs, urlsplit

from imadmin.gateway.hook_types import BrokenHook, HookBatch
from imadmin.gateway.kinds.wukongim2 import datasource, webhook
from imadmin.gateway.kinds.wukongim2.datasource import Command, DatasourceCall
from imadmin.gateway.types import ChannelFlags, ChannelRef

HEAD_MOST = 16 * 1024
BODY_MOST = 16 * 1024 * 1024
PATIENCE = 30.0  # seconds for one request to arrive
WORDS = {200: "OK", 400: "Bad Request", 404: "Not Found", 413: "Content Too Large", 500: "Internal Server Error"}

Uids = Callable[[], Sequence[str]]
Members = Callable[[Command, ChannelRef], Sequence[str]]


class Receiver:
    """`async with Receiver(on_batch=…) as receiver`; then give its two addresses to the cluster.

    on_batch: called for each webhook call; when it raises, the server is told so and sends it again.
    system_users, members, flags: answers to the datasource; nobody and nothing without them.
    """

    def __init__(
        self, *, on_batch: Callable[[HookBatch], object] = lambda batch: None, system_users: Uids = tuple,
        members: Members = lambda command, channel: (), flags: Callable[[ChannelRef], ChannelFlags] | None = None,
        host: str = "127.0.0.1", port: int = 0,
    ) -> None:  # fmt: skip
        self._on_batch, self._system_users, self._members = on_batch, system_users, members
        self._flags = flags or (lambda channel: ChannelFlags())
        self._host, self._port = host, port
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, self._host, self._port)
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._server:
            self._server.close()

    @property
    def webhook_url(self) -> str:
        return f"http://{self._host}:{self._port}/webhook"

    @property
    def datasource_url(self) -> str:
        return f"http://{self._host}:{self._port}/datasource"

    def answer(self, target: str, body: bytes) -> tuple[int, bytes]:
        """Status and body for one POST to a path with its query."""
        parts = urlsplit(target)
        try:
            if parts.path == "/webhook":
                event = parse_qs(parts.query).get("event", [""])[0]
                self._on_batch(webhook.batch(event, body))
                return 200, b""
            if parts.path == "/datasource":
                return 200, self._answer_question(datasource.question(body))
        except BrokenHook:
            return 400, b""
        return 404, b""

    def _answer_question(self, asked: DatasourceCall) -> bytes:
        if asked.command == Command.SYSTEM_USERS:
            return datasource.uids(self._system_users())
        if asked.channel is None or asked.command not in tuple(Command):
            raise BrokenHook("cmd")
        if asked.command == Command.CHANNEL_INFO:
            return datasource.flags(self._flags(asked.channel))
        return datasource.uids(self._members(Command(asked.command), asked.channel))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request after the other, as the server keeps its connections."""
        try:
            while True:
                async with asyncio.timeout(PATIENCE):
                    target, size = _head(await reader.readuntil(b"\r\n\r\n"))
                    if size > BODY_MOST:
                        await _say(writer, 413, b"")
                        return
                    body = await reader.readexactly(size)
                try:
                    status, said = self.answer(target, body)
                except Exception:  # what on_batch raises is the caller's; the server hears that it failed
                    status, said = 500, b""
                await _say(writer, status, said)
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError, OSError, ValueError):
            return
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()


def _head(raw: bytes) -> tuple[str, int]:
    """Target and length of a POST.  Raises ValueError."""
    first, *lines = raw.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    size = int(headers.get("content-length", "0"))
    if method != "POST" or size < 0 or len(raw) > HEAD_MOST:
        raise ValueError(method)
    return target, size


async def _say(writer: asyncio.StreamWriter, status: int, body: bytes) -> None:
    head = f"HTTP/1.1 {status} {WORDS[status]}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    await writer.drain()
