"""What has changed, told to whoever listens in this process.

A signal names a topic and a version, never content: a listener refetches and is authorised again when it does.
live/relay.py listens and carries signals to the sockets of all processes.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

logger = logging.getLogger(__name__)
_lock = threading.Lock()
_last = 0
_listeners: list[Callable[["Changed"], None]] = []


@dataclass(frozen=True, slots=True)
class Changed:
    """topic: `<cluster slug>/<noun>[/<key>]`, or `@people/<user key>` when what somebody may do has changed.

    version: rises with each signal of this process; milliseconds since 1970, so that processes roughly agree.
    """

    topic: str
    version: int


def listen(listener: Callable[[Changed], None]) -> Callable[[], None]:
    """Call `listener` for every signal; returns the function that stops it."""
    _listeners.append(listener)
    return lambda: _listeners.remove(listener)


def changed(topic: str) -> None:
    signal = Changed(topic, _next_version())
    for listener in list(_listeners):
        try:
            listener(signal)
        except Exception:
            # A broken listener must not turn a finished change into an error.
            logger.exception("live.listener_failed", extra={"topic": topic})


def _next_version() -> int:
    global _last
    with _lock:
        _last = max(_last + 1, time.time_ns() // 1_000_000)
        return _last
