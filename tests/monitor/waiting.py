"""Waiting for a condition, never for a time."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(ask: Callable[[], T], is_so: Callable[[T], bool], *, seconds: float = 15.0) -> T:
    """The first answer for which `is_so`; fails with the last one."""
    end = time.monotonic() + seconds
    while True:
        found = ask()
        if is_so(found):
            return found
        assert time.monotonic() < end, f"not within {seconds} s: {found!r:.500}"
        time.sleep(0.05)
