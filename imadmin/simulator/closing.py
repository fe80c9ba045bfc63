"""Connections that were told to go: each node closes them in batches, one batch a user, as the real event loop does.

A batch ends at its first connection that another node owns: that one is still closed, those behind it never are. So of
several kicks in one moment, or of a sign-out of many devices, only some take (reference 5.1).
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from .model import Connection
from .online import Online


@dataclass(slots=True)
class _Batch:
    due: float
    connections: list[Connection] = field(default_factory=list)


class Closings:
    def __init__(self, online: Online, leader_of: Callable[[str], int], is_alive: Callable[[int], bool]) -> None:
        self._online = online
        self._leader_of = leader_of
        self._is_alive = is_alive
        self._waiting: dict[tuple[int, str], list[_Batch]] = {}

    def add(self, one: Connection, *, by: int, after: float, window: float) -> None:
        """`by` is the node that closes it. What falls due within `window` of the first is one batch.

        Judged by when it is due and not by when the loop gets to it, so a busy machine batches nothing by itself.
        """
        loop, key = asyncio.get_running_loop(), (by, one.uid)
        due = loop.time() + after
        batches = self._waiting.setdefault(key, [])
        batch = next((other for other in batches if 0 <= due - other.due < window), None)
        if batch is None:
            batch = _Batch(due)
            batches.append(batch)
            loop.call_at(due + window, self._close, key, batch)
        batch.connections.append(one)

    def _close(self, key: tuple[int, str], batch: _Batch) -> None:
        batches = self._waiting[key]
        batches.remove(batch)
        if not batches:
            del self._waiting[key]
        by, uid = key
        if not self._is_alive(by):
            return
        for one in batch.connections:
            self._online.detach(one, by_leader=by == self._leader_of(uid))
            if one.node_id != by:
                return
