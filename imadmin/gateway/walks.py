"""Going through everything of a kind, page by page, with a bound and a deadline; a walk says if it saw all of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from typing import Generic, TypeVar

from imadmin.gateway.types import NodeFailure

T = TypeVar("T")

# Why a walk may have missed something (Walk.limits).
AT_BOUND = "bound"  # more was there than was wanted
AT_DEADLINE = "deadline"  # it took longer than it was given
TIES = "ties"  # more rows of one instant than a page holds; the server can't be asked for the rest of them
SLOTS_MOVED = "slots-moved"  # rows may have changed their node between two pages
GAPS = "gaps"  # numbers are missing in between
RECORDS_ONLY = "records-only"  # the server's list itself leaves some out

Pieces = AsyncGenerator[Sequence[T], None]


class Walk(Generic[T]):
    """`async for item in walk`, once.  Afterwards, or on the way:

    count: items given out.  is_over: it came to the end by itself.  failed: nodes that didn't tell everything.
    limits: what it can't promise (codes above).  gaps: first and last number that are missing, of numbered things.
    is_complete: the whole of it was given out, each exactly once.
    mark: where another walk may go on, "" = from the start (only of walks that take a `resume`).
    """

    def __init__(self, pieces: Callable[[Walk[T]], Pieces[T]], *, most: int, seconds: float) -> None:
        self.count = 0
        self.is_over = False
        self.failed: list[NodeFailure] = []
        self.limits: list[str] = []
        self.gaps: list[tuple[int, int]] = []
        self.mark = ""
        self._pieces = pieces
        self._most = most
        self._seconds = seconds

    @property
    def is_complete(self) -> bool:
        return self.is_over and not self.failed and not self.limits and not self.gaps

    def doubt(self, code: str) -> None:
        if code not in self.limits:
            self.limits.append(code)

    def missing(self, first: int, last: int) -> None:
        self.gaps.append((first, last))
        self.doubt(GAPS)

    async def __aiter__(self) -> AsyncIterator[T]:
        ends_at = time.monotonic() + self._seconds
        pieces = self._pieces(self)
        try:
            while True:
                try:
                    async with asyncio.timeout(max(0.0, ends_at - time.monotonic())):
                        piece = await anext(pieces)
                except StopAsyncIteration:
                    self.is_over = True
                    return
                except TimeoutError:
                    self.doubt(AT_DEADLINE)
                    return
                for item in piece:
                    if self.count >= self._most:
                        self.doubt(AT_BOUND)
                        return
                    self.count += 1
                    yield item
        finally:
            await pieces.aclose()
