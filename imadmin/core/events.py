"""What has changed, told to whoever listens in this process.

A signal names a topic and a version, never content: a listener refetches and is authorised again when it does.
Live updates (sockets) subscribe here in a later issue; actions already announce.
"""

import itertools
import logging
from collections.abc import Callable
from dataclasses import dataclass

logger = logging.getLogger(__name__)
_versions = itertools.count(1)
_listeners: list[Callable[["Changed"], None]] = []


@dataclass(frozen=True, slots=True)
class Changed:
    """topic: `<cluster slug>/<noun>[/<key>]`.  version: rises with each signal of this process."""

    topic: str
    version: int


def listen(listener: Callable[[Changed], None]) -> Callable[[], None]:
    """Call `listener` for every signal; returns the function that stops it."""
    _listeners.append(listener)
    return lambda: _listeners.remove(listener)


def changed(topic: str) -> None:
    signal = Changed(topic, next(_versions))
    for listener in list(_listeners):
        try:
            listener(signal)
        except Exception:
            # A broken listener must not turn a finished change into an error.
            logger.exception("live.listener_failed", extra={"topic": topic})
