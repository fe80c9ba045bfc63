"""The knobs: what makes a node hang, crawl, lie or lose its clock, and how a broken reply looks.

Death and failover are `topology`'s business, closing the ports is `cluster`'s.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field

BREAK_MODES = ("garbage", "html", "reset", "empty", "500", "wrong_shape", "gzip_garbage", "big")
METRICS_MODES = ("missing", "garbage", "empty")
BIG_CHUNKS = 1024
MAX_WAITING = 1000
_BIG_CHUNK = b'{"id":1},' * 8000


class Overrun(Exception):
    """Too many requests wait for a hung node; the newest are cut off."""


@dataclass(slots=True)
class NodeFaults:
    delay: float = 0.0
    broken: str = ""
    clock_skew: float = 0.0
    metrics: str = ""  # missing, garbage, empty
    closed: set[str] = field(default_factory=set)  # doors of a living node that refuse: main, manager, ws
    awake: asyncio.Event = field(default_factory=asyncio.Event)
    waiting: int = 0

    def __post_init__(self) -> None:
        self.awake.set()

    async def pass_through(self) -> None:
        """Wait while the node hangs, then as long as it crawls."""
        if self.waiting >= MAX_WAITING:
            raise Overrun
        self.waiting += 1
        try:
            await self.awake.wait()
        finally:
            self.waiting -= 1
        if self.delay:
            await asyncio.sleep(self.delay)


@dataclass(slots=True)
class Wedge:
    """A slot that takes no writes: every one ends after `seconds` with 400, written or not."""

    seconds: float = 5.0
    written: bool = False


@dataclass(frozen=True, slots=True)
class BrokenReply:
    status: int
    body: bytes
    content_type: str | None
    content_encoding: str = ""


def broken_reply(mode: str, real_body: bytes) -> BrokenReply:
    """The answer of a broken node; modes `reset` and `big` are served by the listener itself."""
    json_type = "application/json; charset=utf-8"
    if mode == "garbage":
        return BrokenReply(200, b'{"data":[{"id":1,\x00\xff\xfe"trunc', json_type)
    if mode == "html":
        page = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
        return BrokenReply(200, page, "text/html; charset=utf-8")
    if mode == "empty":
        return BrokenReply(200, b"", None)
    if mode == "500":
        return BrokenReply(500, b"", None)
    if mode == "gzip_garbage":
        return BrokenReply(200, b"\x1f\x8b this is not gzip", json_type, "gzip")
    is_list = real_body.lstrip().startswith(b"[")
    return BrokenReply(200, b'{"unexpected":true}' if is_list else b'["unexpected",1,null]', json_type)


def big_body() -> Iterator[bytes]:
    """About 70 MB of valid JSON in small pieces: a client must stop reading before its memory ends."""
    yield b'{"total":0,"data":['
    for _ in range(BIG_CHUNKS):
        yield _BIG_CHUNK
    yield b'{"id":1}]}'
