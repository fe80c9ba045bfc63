"""The bridge from sync code (views, actions, commands) to the one event loop that owns all network clients.

The server's loop is adopted at start (runtime.py).  Without a server (commands, tests) a loop of our own runs in a
daemon thread, made on first use.  Never call `run` on the loop's own thread: it would wait for itself.
"""

import asyncio
import concurrent.futures
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

_lock = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None
_thread: threading.Thread | None = None


def adopt(loop: asyncio.AbstractEventLoop | None) -> None:
    """Use this running loop from now on; None returns to the loop of our own."""
    global _loop, _thread
    with _lock:
        _loop, _thread = loop, None


def loop() -> asyncio.AbstractEventLoop:
    """The loop that owns the network clients."""
    global _loop, _thread
    with _lock:
        if _loop is None or _loop.is_closed():
            _loop = asyncio.new_event_loop()
            _thread = threading.Thread(target=_loop.run_forever, name="imadmin-loop", daemon=True)
            _thread.start()
        return _loop


def run(coro: Coroutine[Any, Any, T], *, seconds: float | None = None) -> T:
    """Run a coroutine on the network loop and wait for its result.

    seconds: upper bound on the wait; None waits as long as the coroutine's own time-outs take.
    Raises TimeoutError when the bound is reached (the coroutine is cancelled then).
    """
    target = loop()
    try:
        if asyncio.get_running_loop() is target:
            coro.close()
            raise RuntimeError("core.aio.run was called on the network loop itself")
    except RuntimeError as error:
        if "network loop" in str(error):
            raise
    future = asyncio.run_coroutine_threadsafe(coro, target)
    try:
        return future.result(seconds)
    except concurrent.futures.TimeoutError:
        future.cancel()
        raise
