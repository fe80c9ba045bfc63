"""What a cleanup finds and how it works through it: shared by the cleanups of this app (actions/cleanup.py).

A cleanup looks first and touches nothing; what it found is what is shown by a simulation.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from imadmin.gateway.types import ChannelRef

Ask = Callable[[], bool]
Tell = Callable[[int], None]  # how many are behind us


@dataclass(frozen=True, slots=True)
class Target:
    """One thing that a cleanup would touch.  why: msgid with params saying what makes it a target."""

    uid: str = ""
    channel: ChannelRef | None = None
    label: str = ""
    seq: int = 0


@dataclass(frozen=True, slots=True)
class Found:
    """looked_at: how many things were weighed.  is_complete: False when a part could not be read (notes say which)."""

    targets: tuple[Target, ...]
    looked_at: int
    is_complete: bool = True
    notes: tuple[str, ...] = field(default=())


def untold(reached: int) -> None:
    """For callers that show no progress."""
