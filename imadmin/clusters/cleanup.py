"""What a cleanup looks at and finds, in one shape for all that clean up: members, connections, our own rows.

A cleanup looks first and touches nothing; what it found is what a simulation shows and what a run then works through.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from imadmin.gateway.types import ChannelRef

Ask = Callable[[], bool]
Tell = Callable[[int], None]  # how many are behind us


class Target(Protocol):
    """One thing that would be touched, so that holds and lists can name it."""

    @property
    def uid(self) -> str: ...
    @property
    def channel(self) -> ChannelRef | None: ...
    @property
    def label(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Finding:
    """looked_at: how many things were weighed.  targets: what it would touch; rows: so many of our own, not named.

    is_complete: False when a part could not be read; notes: msgids on which.
    """

    looked_at: int
    targets: tuple[Target, ...] = ()
    rows: int = 0
    is_complete: bool = True
    notes: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        return len(self.targets) or self.rows


def untold(reached: int) -> None:
    """For callers that show no progress."""
