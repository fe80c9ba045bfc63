"""A node that failed repeatedly is left alone for some seconds; then one call may try."""

from __future__ import annotations

import time
from collections.abc import Callable

FAILURES = 5
REST_SECONDS = 3.0


class Breaker:
    """Opens after `failures` calls in a row that didn't get through; half-open after `seconds`: one call tries."""

    def __init__(
        self, *, failures: int = FAILURES, seconds: float = REST_SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._limit = failures
        self._seconds = seconds
        self._clock = clock
        self._failed = 0
        self._opened_at: float | None = None
        self._is_trying = False

    @property
    def is_open(self) -> bool:
        """Whether a call made now would be refused."""
        if self._opened_at is None:
            return False
        return self._is_trying or self._clock() - self._opened_at < self._seconds

    @property
    def is_suspect(self) -> bool:
        return self._failed > 0

    def admit(self) -> bool:
        """Take part in the traffic; False while open.  Call `left` afterwards, whatever came of it."""
        if self.is_open:
            return False
        self._is_trying = self._opened_at is not None
        return True

    def left(self) -> None:
        self._is_trying = False

    def failed(self) -> None:
        self._failed += 1
        if self._failed >= self._limit:
            self._opened_at = self._clock()

    def succeeded(self) -> None:
        self._failed = 0
        self._opened_at = None
