"""The list of connections as last read, kept in this process for some seconds and shared by all who look at it.

One reading at a time per cluster.  How long one is good grows with what it cost, so that watching a big cluster never
takes more than an eighth of a processor.
"""

import gc
import threading
import time
import weakref
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from imadmin.clusters.access import Scope
from imadmin.core import aio, events
from imadmin.core.errors import AppError
from imadmin.gateway.connection_types import ConnectionList, NodeConnections
from imadmin.gateway.contract import Gateway
from imadmin.gateway.node_types import NodeMetrics
from imadmin.monitor.connections.index import Index

KEEP_SECONDS = 3.0
COST_FACTOR = 8.0
MOST_SECONDS = 30.0
CHEAP_SECONDS = 0.25
REMIND_AFTER = 2.0  # who comes so soon after a reading shares the one that everybody was called to
UNUSED_SECONDS = 60.0  # then its memory is given back
MOST_LOOKS = 60


Known = dict[int, tuple[int, datetime]]  # node -> how many connections it listed last, and when


class Snapshot:
    """read_at: monotonic; took: seconds that the reading took.  known: what each node told when it last answered."""

    def __init__(self, listing: ConnectionList, *, read_at: float, took: float, known: Known) -> None:
        self.listing = listing
        self.known = known
        self.as_of = listing.as_of
        self.failed = listing.failed
        self.read_at = read_at
        self.took = took
        self.confirmed = Index(listing.rows)

    @cached_property
    def remembered(self) -> Index:
        return Index(self.listing.remembered)

    @cached_property
    def per_node(self) -> dict[int, NodeConnections]:
        return {node.id: node for node in self.listing.nodes}

    @property
    def good_for(self) -> float:
        return min(MOST_SECONDS, max(KEEP_SECONDS, COST_FACTOR * self.took))


@dataclass(frozen=True, slots=True)
class NodeLook:
    """One node at one moment.  sockets: open, from its metrics; total, listed: as in NodeConnections."""

    total: int | None
    listed: int | None
    sockets: int | None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Look:
    at: float
    nodes: dict[int, NodeLook]


@dataclass(slots=True)
class _Holder:
    lock: threading.Lock = field(default_factory=threading.Lock)
    snapshot: Snapshot | None = None
    used_at: float = 0.0
    error: AppError | None = None
    failed_at: float = 0.0
    is_timed: bool = False
    is_reminding: bool = False
    known: Known = field(default_factory=dict)
    looks: deque[Look] = field(default_factory=lambda: deque(maxlen=MOST_LOOKS))


_holders: "weakref.WeakKeyDictionary[Gateway, _Holder]" = weakref.WeakKeyDictionary()
_guard = threading.Lock()


def snapshot(scope: Scope, *, max_age: float | None = None) -> Snapshot:
    """The list as read at most `max_age` seconds ago (left out: as long as it is good).  Raises GatewayError."""
    return snapshot_of(scope.gateway, max_age=max_age)


def snapshot_of(gateway: Gateway, *, max_age: float | None = None) -> Snapshot:
    holder = _holder(gateway)
    if found := _fresh(holder, max_age):
        return found
    came_at = time.monotonic()
    with holder.lock:
        if found := _fresh(holder, max_age, since=came_at):
            return found
        if holder.error and holder.failed_at >= came_at:
            raise holder.error  # who waited for this reading shares what came of it
        return _read(gateway, holder)


def snapshot_after_signal(scope: Scope) -> Snapshot:
    """For a part that was told of a change: a reading that began after that, where readings are cheap.

    Otherwise the kept list, and the signal once more when that is no longer good: a change is never missed for good.
    """
    holder = _holder(scope.gateway)
    came_at = time.monotonic()
    kept = holder.snapshot
    if kept is None or kept.took < CHEAP_SECONDS:
        with holder.lock:
            kept = holder.snapshot
            if kept and kept.read_at - kept.took >= came_at:
                return kept
            return _read(scope.gateway, holder)
    found = snapshot(scope)
    age = came_at - found.read_at
    if age > REMIND_AFTER and not holder.is_reminding:
        holder.is_reminding = True
        loop = aio.loop()
        loop.call_soon_threadsafe(lambda: loop.call_later(found.good_for - age, _remind, holder, scope.slug))
    return found


def _remind(holder: "_Holder", slug: str) -> None:
    holder.is_reminding = False
    events.changed(f"{slug}/connections")


def _read(gateway: Gateway, holder: _Holder) -> Snapshot:
    started = time.monotonic()
    try:
        with _rare_collecting():
            listing = aio.run(gateway.connections())
    except AppError as error:
        holder.error, holder.failed_at = error, time.monotonic()
        raise
    read_at = time.monotonic()
    holder.error = None
    told = {node.id: (node.listed, listing.as_of) for node in listing.nodes if node.listed is not None}
    holder.known = holder.known | told
    holder.snapshot = Snapshot(listing, read_at=read_at, took=read_at - started, known=holder.known)
    holder.used_at = read_at
    if not holder.is_timed:
        holder.is_timed = True
        _forget_later(weakref.ref(gateway))
    return holder.snapshot


_USUAL_COLLECTING = gc.get_threshold()
_bursts = 0


@contextmanager
def _rare_collecting() -> Iterator[None]:
    """Rows by the ten thousand come into being, none of them garbage: to look for it took a fifth of the time."""
    global _bursts
    with _guard:
        _bursts += 1
        gc.set_threshold(100_000, 20, 20)
    try:
        yield
    finally:
        with _guard:
            _bursts -= 1
            if not _bursts:
                gc.set_threshold(*_USUAL_COLLECTING)


def _fresh(holder: _Holder, max_age: float | None, *, since: float | None = None) -> Snapshot | None:
    """since: a reading that ended after this moment is fresh whatever was asked for."""
    found, now = holder.snapshot, time.monotonic()
    if found is None:
        return None
    age = now - found.read_at
    if age > (found.good_for if max_age is None else max_age) and (since is None or found.read_at < since):
        return None
    holder.used_at = now
    return found


def look(gateway: Gateway, *, within: float) -> deque[Look]:
    """Looks at open sockets and rows together, oldest first; the last `within` seconds old where readings are cheap."""
    holder = _holder(gateway)
    if holder.snapshot and holder.snapshot.took >= CHEAP_SECONDS:
        within = max(within, holder.snapshot.good_for)
    if not holder.looks or time.monotonic() - holder.looks[-1].at > within:
        found = snapshot_of(gateway, max_age=within)
        metrics = {one.node: one for one in aio.run(gateway.metrics())}
        holder.looks.append(Look(time.monotonic(), _joined(found, metrics)))
    return holder.looks


def _joined(found: Snapshot, metrics: dict[int, NodeMetrics]) -> dict[int, NodeLook]:
    looks = {}
    for node in found.listing.nodes:
        told = metrics.get(node.id)
        sockets = told.open_sockets if told and told.answers else None
        looks[node.id] = NodeLook(node.total, node.listed, sockets, told.error if told else "")
    return looks


def _holder(gateway: Gateway) -> _Holder:
    with _guard:
        found = _holders.get(gateway)
        if found is None:
            found = _holders[gateway] = _Holder()
        return found


def _forget_later(gateway: "weakref.ref[Gateway]") -> None:
    loop = aio.loop()
    loop.call_soon_threadsafe(lambda: loop.call_later(UNUSED_SECONDS, _forget_unused, gateway))


def _forget_unused(gateway: "weakref.ref[Gateway]") -> None:
    held = gateway()
    holder = _holders.get(held) if held else None
    if holder is None:
        return
    if time.monotonic() - holder.used_at >= UNUSED_SECONDS:
        holder.snapshot, holder.is_timed = None, False
    else:
        _forget_later(gateway)
