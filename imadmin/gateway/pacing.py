"""A bound on how often one piece of work asks each node, whatever it asks and however often that is tried again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

SLACK = 1.02  # sleeping isn't exact; a little slower keeps below the bound


class Pace:
    """At most `per_second` calls to each address, evenly spread.  calls: how many were let through.

    To be used on one event loop.
    """

    def __init__(self, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.per_second = per_second
        self.calls = 0
        self._clock = clock
        self._free_at: dict[str, float] = {}

    async def wait(self, base: str) -> None:
        now = self._clock()
        at = max(now, self._free_at.get(base, 0.0))
        self._free_at[base] = at + SLACK / self.per_second
        if at > now:
            await asyncio.sleep(at - now)
        self.calls += 1


_pace: ContextVar[Pace | None] = ContextVar("imadmin_pace", default=None)


@contextmanager
def paced(pace: Pace) -> Iterator[None]:
    """Inside, every call of this task (and of what it starts) waits for its turn."""
    token = _pace.set(pace)
    try:
        yield
    finally:
        _pace.reset(token)


async def turn(base: str) -> None:
    pace = _pace.get()
    if pace is not None:
        await pace.wait(base)
