"""One change at a time where a change writes back what it read: flags, a user's own entry, a whole allowlist.

Two that ran at once would undo each other and both read back "done".  In the embedded mode locks of this process are
enough; with Redis the processes share one more.  Who waits too long is told that nothing was done.
"""

import hashlib
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from django.core.cache import cache

from imadmin.config import config
from imadmin.core.errors import Busy, gettext_noop

WAIT_SECONDS = 30.0
# Longer than the longest change under one lock; a process that dies inside leaves it behind for so long.
SHARED_SECONDS = 180
ASK_AGAIN = 0.1

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
            raise _busy()
        try:
            with _shared(f"serial:{cluster_id}:{target}") if config.redis_url else nullcontext():
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


@contextmanager
def _shared(name: str) -> Iterator[None]:
    """The same among all processes on one Redis.  Raises Busy."""
    key = "lock:" + hashlib.sha256(name.encode()).hexdigest()  # ids may hold what a key may not
    mine, until = secrets.token_hex(8), time.monotonic() + WAIT_SECONDS
    while not cache.add(key, mine, timeout=SHARED_SECONDS):
        if time.monotonic() > until:
            raise _busy()
        time.sleep(ASK_AGAIN)
    try:
        yield
    finally:
        if cache.get(key) == mine:
            cache.delete(key)


def _busy() -> Busy:
    return Busy(
        gettext_noop("Somebody else is changing the same thing right now, so nothing was done."),
        hint=gettext_noop("Look at it again in a moment, then decide."),
    )
