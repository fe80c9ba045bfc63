"""Sending a long list in pieces whose size follows how fast the cluster takes them.

The server gives up on any call after five seconds (reference 5.5).  Denying people or taking them off a channel writes
a conversation of each, one after the other: on three real nodes that took 0.27 s a uid, so that 200 at once never came
through, while a single node took them in 0.1 s.  So pieces start small and grow while it is quick.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from imadmin.gateway.errors import GatewayError, TimedOut, Uncertain

FIRST, LEAST, MOST = 10, 5, 200
QUICK_SECONDS, SLOW_SECONDS = 0.5, 1.5
PAUSE_SECONDS = 0.1  # between two pieces: bursts wedge slots for good


@dataclass(frozen=True, slots=True)
class Sent:
    """failure: the last thing that went wrong, also when the rest went well after it.  unsent: never left us.

    is_stopped: nothing failed, we were told to end.
    """

    failure: GatewayError | None = None
    unsent: tuple[str, ...] = ()
    is_stopped: bool = False


def send(
    write: Callable[[Sequence[str]], None],
    uids: Sequence[str],
    missing: Callable[[Sequence[str]], Sequence[str] | None],
    told: Callable[[int], None] = lambda count: None,
    is_stopping: Callable[[], bool] = lambda: False,
) -> Sent:
    """Write all uids, piece by piece.  told: hears how many are behind us.  is_stopping: asked before each piece.

    missing: which of these are not yet as wanted, read from the cluster; None when it can't be read.  A piece that the
    cluster gave up on is looked at: where some of it is written the cluster is slow and gets smaller pieces, where
    nothing is it takes no writes, and the rest is not sent.
    """
    left, size, failure = list(uids), FIRST, None
    while left:
        if is_stopping():
            return Sent(failure, tuple(left), is_stopped=True)
        piece, rest = left[:size], left[size:]
        began = time.monotonic()
        try:
            write(piece)
        except GatewayError as error:
            failure = error
            again = missing(piece) if isinstance(error, (Uncertain, TimedOut)) else None
            if again is None or len(again) == len(piece):
                return Sent(failure, tuple(rest))
            size, left = max(LEAST, size // 4), [*again, *rest]
        else:
            size, left = _next_size(size, time.monotonic() - began), rest
        told(len(uids) - len(left))
        if left:
            time.sleep(PAUSE_SECONDS)
    return Sent(failure)


def _next_size(size: int, seconds: float) -> int:
    if seconds < QUICK_SECONDS:
        return min(MOST, size * 2)
    return max(LEAST, size // 2) if seconds > SLOW_SECONDS else size
