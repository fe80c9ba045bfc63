"""The way into an archive: one thread a store and process writes, so that calls never fight for the database.

What waits goes into one transaction; each caller is told what became of its own part, after it is committed.
"""

import atexit
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from imadmin.archive import stores
from imadmin.archive.engines.base import Engine, StoreUnavailable
from imadmin.archive.rows import BrokenCall, Incoming, Taken, Trait

MOST_WAITING = 65_536  # messages that wait for one store; then callers wait
MOST_AT_ONCE = 2000  # messages of one transaction, unless a single call brings more
PATIENCE = 10.0  # seconds a caller waits for room
GATHER = 0.015  # seconds that callers who were just answered together get to come back together

logger = logging.getLogger(__name__)
Listener = Callable[[int, Taken], None]


def write(cluster_pk: int, incoming: Sequence[Incoming], broken: Sequence[BrokenCall] = ()) -> Taken:
    """Store these; they are committed when it returns.  Raises StoreUnavailable: then nothing of them is stored."""
    if not incoming and not broken:
        return Taken(0, 0)
    call = _Call(incoming, broken)
    while not _writer_of(cluster_pk).put(call):
        pass  # it was stopped meanwhile: the next one takes it
    return call.result()


def on_commit(listener: Listener) -> Callable[[], None]:
    """Be told after each commit what it added, by the writer's thread; gives back what ends that."""
    _listeners.append(listener)
    return lambda: _listeners.remove(listener)


def stop() -> None:
    """Write what waits, then end all writers of this process.  The next `write` starts new ones."""
    with _lock:
        writers = list(_writers.values())
        _writers.clear()
    for writer in writers:
        writer.stop()


class _Call:
    """One caller's part, and its way to learn what became of it."""

    def __init__(self, incoming: Sequence[Incoming], broken: Sequence[BrokenCall]) -> None:
        self.incoming = incoming
        self.broken = broken
        self._done = threading.Event()
        self._taken: Taken | None = None
        self._error: BaseException | None = None

    @property
    def size(self) -> int:
        return len(self.incoming) + len(self.broken)

    def result(self) -> Taken:
        self._done.wait()
        if self._error is not None:
            raise self._error
        assert self._taken is not None
        return self._taken

    def took(self, taken: Taken) -> None:
        self._taken = taken
        self._done.set()

    def failed(self, error: BaseException) -> None:
        self._error = error
        self._done.set()


class _Writer:
    def __init__(self, cluster_pk: int) -> None:
        self._cluster_pk = cluster_pk
        self._waiting: deque[_Call] = deque()
        self._size = 0
        self._is_stopping = False
        self._came = 0  # calls of the last transaction
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name=f"archive-writer-{cluster_pk}", daemon=True)
        self._thread.start()

    def put(self, call: _Call) -> bool:
        """Line up; False when this writer has been stopped."""
        until = time.monotonic() + PATIENCE
        with self._changed:
            while not self._is_stopping and self._size and self._size + call.size > MOST_WAITING:
                if not self._changed.wait(until - time.monotonic()):
                    raise StoreUnavailable("more messages come in than can be stored")
            if self._is_stopping:
                return False
            self._waiting.append(call)
            self._size += call.size
            self._changed.notify_all()
        return True

    def stop(self) -> None:
        with self._changed:
            self._is_stopping = True
            self._changed.notify_all()
        self._thread.join()

    def _run(self) -> None:
        while calls := self._next():
            try:
                taken = self._store(calls)
            except BaseException as error:  # whoever waits must hear of it
                for call in calls:
                    call.failed(error)
                continue
            if taken is not None:
                _tell(self._cluster_pk, taken)

    def _next(self) -> list[_Call]:
        """What waits, up to a transaction's size; nothing at the end."""
        with self._changed:
            while not self._waiting and not self._is_stopping:
                self._changed.wait()
            self._gather()
            calls: list[_Call] = []
            size = 0
            while self._waiting and (not calls or size + self._waiting[0].size <= MOST_AT_ONCE):
                call = self._waiting.popleft()
                calls.append(call)
                size += call.size
            self._size -= size
            self._came = len(calls)
            self._changed.notify_all()
            return calls

    def _gather(self) -> None:
        """A transaction has a price of its own: where several calls came at once, as many are waited for again.

        Who comes alone waits so once at most.
        """
        until = time.monotonic() + GATHER
        while len(self._waiting) < self._came and self._size < MOST_AT_ONCE and not self._is_stopping:
            if not self._changed.wait(until - time.monotonic()):
                return

    def _store(self, calls: Sequence[_Call]) -> Taken | None:
        """All in one transaction; when one of them can't be stored, each on its own.  What was added in all."""
        engine = stores.engine_of(self._cluster_pk)
        try:
            taken = engine.ingest(
                [one for call in calls for one in call.incoming], [one for call in calls for one in call.broken]
            )
        except StoreUnavailable:
            raise
        except Exception:
            if len(calls) == 1:
                raise
            logger.exception("A batch for an archive failed; its parts are stored one by one")
            return _sum([part for call in calls if (part := _alone(engine, call))])
        for call, part in zip(calls, _parts(engine, calls, taken), strict=True):
            call.took(part)
        return taken


def _alone(engine: Engine, call: _Call) -> Taken | None:
    try:
        taken = engine.ingest(call.incoming, call.broken)
    except Exception as error:
        call.failed(error)
        return None
    call.took(taken)
    return taken


def _parts(engine: Engine, calls: Sequence[_Call], taken: Taken) -> list[Taken]:
    """What became of each call's own part: a message that came in two calls was added by the first."""
    if len(calls) == 1:
        return [taken]
    doubled = _doubled(engine, taken)
    rest = set(taken.ids)
    parts: list[Taken] = []
    for call in calls:
        ids = frozenset(one.id for one in call.incoming if one.id in rest)
        rest -= ids
        channels = frozenset(one.channel for one in call.incoming if one.id in ids)
        parts.append(Taken(len(ids), len(call.incoming) - len(ids), len(ids & doubled), channels, ids))
    return parts


def _doubled(engine: Engine, taken: Taken) -> set[int]:
    """Rare, so looked up; it is committed by now, and a caller must not hear otherwise because this look failed."""
    if not taken.doubled:
        return set()
    try:
        return {one for one, row in engine.by_ids(list(taken.ids)).items() if row.traits & Trait.DOUBLED}
    except StoreUnavailable:
        return set()


def _sum(parts: Sequence[Taken]) -> Taken | None:
    if not parts:
        return None
    return Taken(
        added=sum(part.added for part in parts),
        known=sum(part.known for part in parts),
        doubled=sum(part.doubled for part in parts),
        channels=frozenset().union(*(part.channels for part in parts)),
        ids=frozenset().union(*(part.ids for part in parts)),
    )


def _tell(cluster_pk: int, taken: Taken) -> None:
    for listener in list(_listeners):
        try:
            listener(cluster_pk, taken)
        except Exception:
            logger.exception("A listener to an archive's commits failed")


_lock = threading.Lock()
_writers: dict[int, _Writer] = {}
_listeners: list[Listener] = []


def _writer_of(cluster_pk: int) -> _Writer:
    with _lock:
        writer = _writers.get(cluster_pk)
        if writer is None:
            writer = _writers[cluster_pk] = _Writer(cluster_pk)
        return writer


def _after_fork() -> None:
    """Threads don't follow into a child: it starts its own."""
    global _lock
    _lock = threading.Lock()
    _writers.clear()


os.register_at_fork(after_in_child=_after_fork)
atexit.register(stop)
