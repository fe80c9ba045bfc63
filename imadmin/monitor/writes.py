"""How much is written to each slot: the difference of its leader's log positions between two looks (5.9).

A few looks of the last minutes are remembered beside the state, in Django's cache, so that all processes share them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.core.cache import cache

from imadmin.monitor.health_types import ClusterState

GAP = timedelta(seconds=15)  # a reading is kept when the last one is older
WINDOW = timedelta(minutes=10)
SHORTEST = timedelta(seconds=2)

Reading = tuple[datetime, dict[int, int]]


@dataclass(frozen=True, slots=True)
class Writes:
    """Entries a minute by slot, over `seconds`; a slot is missing where nobody can tell.  seconds 0: one look only."""

    seconds: float = 0.0
    per_minute: dict[int, float] = field(default_factory=dict)

    @property
    def is_known(self) -> bool:
        return self.seconds > 0


def note(cluster_pk: int, state: ClusterState) -> None:
    """Remember where the logs stand.  Cheap to call on every look."""
    readings = _readings(cluster_pk)
    if readings and state.as_of - readings[-1][0] < GAP:
        return
    now = {slot.id: slot.log_index for slot in state.slots if slot.log_index is not None}
    if not now:
        return
    kept = [reading for reading in readings if state.as_of - reading[0] <= WINDOW]
    cache.set(_key(cluster_pk), [*kept, (state.as_of, now)], timeout=WINDOW.total_seconds())


def writes(cluster_pk: int, state: ClusterState) -> Writes:
    """Against the oldest look of the last minutes.  A log that got shorter says nothing."""
    fitting = [one for one in _readings(cluster_pk) if SHORTEST <= state.as_of - one[0] <= WINDOW]
    if not fitting:
        return Writes()
    at, before = fitting[0]
    seconds = (state.as_of - at).total_seconds()
    grown = {
        slot.id: (slot.log_index - before[slot.id]) * 60 / seconds
        for slot in state.slots
        if slot.log_index is not None and slot.id in before and slot.log_index >= before[slot.id]
    }
    return Writes(seconds, grown)


def _readings(cluster_pk: int) -> list[Reading]:
    found: list[Reading] = cache.get(_key(cluster_pk)) or []
    return found


def _key(cluster_pk: int) -> str:
    return f"slot-logs:{cluster_pk}"
