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
        self._trial: object | None = None

    @property
    def is_open(self) -> bool:
        """Whether a call made now would be refused."""
        if self._opened_at is None:
            return False
        return self._trial is not None or self._clock() - self._opened_at < self._seconds

    @property
    def is_suspect(self) -> bool:
        return self._failed > 0

    def admit(self) -> object | None:
        """Take part in the traffic; None while open.  Give the ticket to `left` afterwards, whatever came of it."""
        if self.is_open:
            return None
        ticket = object()
        if self._opened_at is not None:
            self._trial = ticket
        return ticket

    def left(self, ticket: object) -> None:
        """A call from before the breaker opened may leave while another one tries: only that one makes room."""
        if ticket is self._trial:
            self._trial = None

    def failed(self) -> None:
        self._failed += 1
        if self._failed >= self._limit:
            self._opened_at = self._clock()

    def succeeded(self) -> None:
        self._failed = 0
        self._opened_at = None
