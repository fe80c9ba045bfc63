"""When each of many targets is due: on an absolute clock, so that what each takes doesn't add up to a drift.

Being late is caught up with at a slightly higher pace; after a long halt the schedule starts anew, so that nothing is
made up for in a burst.
"""

import time
from collections.abc import Callable, Hashable

SLACK = 30.0  # seconds of being late that are caught up with
HASTE = 1.25  # how much quicker than the pace, at most


class Pace:
    """gap: seconds between two targets that share a key, whatever the pace."""

    def __init__(self, per_second: float, *, gap: float = 0.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._step, self._gap, self._clock = 1.0 / per_second, gap, clock
        self._ideal = self._last = float("-inf")
        self._free_at: dict[Hashable, float] = {}

    def due(self, key: Hashable = None) -> float:
        """The moment, by the clock, at which the next target is to be sent: never in the past.  Takes that place."""
        now = self._clock()
        self._ideal = self._next(now)
        moment = max(self._ideal, self._last + self._step / HASTE, now)
        if self._gap and key is not None:
            moment = max(moment, self._free_at.get(key, moment))
            self._free_at[key] = moment + self._gap
        self._last = moment
        return moment

    def next_at(self) -> float:
        """About when the next one will be due."""
        return self._next(self._clock())

    def _next(self, now: float) -> float:
        following = self._ideal + self._step
        return following if following >= now - SLACK else now


def spread(items: list[Hashable]) -> list[int]:
    """The order that keeps equal items far apart: first one of each, then the second of each, and so on."""
    seen: dict[Hashable, int] = {}
    rounds = []
    for position, item in enumerate(items):
        rounds.append((seen.get(item, 0), position))
        seen[item] = seen.get(item, 0) + 1
    return [position for _, position in sorted(rounds)]
