"""Which times of messages can be.  A server stamps what it stores, and its clock may be wrong by years."""

import time
from datetime import UTC, datetime

FIRST = 1_262_304_000  # 2010-01-01: no server of this kind is older
AHEAD_CAN_BE = 86_400  # seconds ahead of our clock: more is no time at all
AHEAD_MARKED = 600  # more than this is said of a message, and no feed's lag


def bounds() -> tuple[int, int]:
    """The first second that can be, and the first that can't any more."""
    return FIRST, int(time.time()) + AHEAD_CAN_BE


def can_be(sent_at: int) -> bool:
    first, end = bounds()
    return first <= sent_at < end


def is_ahead(sent_at: float) -> bool:
    return sent_at > time.time() + AHEAD_MARKED


def moment(seconds: int | None) -> datetime | None:
    """None also for what no calendar has."""
    if seconds is None:
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None
