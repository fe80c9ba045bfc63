"""One change at a time where a change writes back what it read: flags, a user's own entry, a whole allowlist.

Two that ran at once would undo each other and both read back "done".  The embedded mode is one process, so locks of
this process are enough; who waits too long is told that nothing was done.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from imadmin.core.errors import Busy, gettext_noop

WAIT_SECONDS = 30.0

_registry = threading.Lock()
_held: dict[tuple[int, str], tuple[threading.Lock, int]] = {}  # with how many hold or want it; gone with the last


@contextmanager
def alone(cluster_id: int, target: str) -> Iterator[None]:
    """Nobody else of this process is inside for the same target meanwhile.  Raises Busy (nothing was done)."""
    key = (cluster_id, target)
    with _registry:
        lock, users = _held.get(key, (threading.Lock(), 0))
        _held[key] = (lock, users + 1)
    try:
        if not lock.acquire(timeout=WAIT_SECONDS):
            raise Busy(
                gettext_noop("Somebody else is changing the same thing right now, so nothing was done."),
                hint=gettext_noop("Look at it again in a moment, then decide."),
            )
        try:
            yield
        finally:
            lock.release()
    finally:
        with _registry:
            lock, users = _held[key]
            if users == 1:
                del _held[key]
            else:
                _held[key] = (lock, users - 1)
