"""Paired timing: the thing and its baseline take turns, so that whatever else the machine does hits both."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """Medians in seconds. limit: what the ratio may be; slack: seconds that are free."""

    name: str
    measured: float
    baseline: float
    limit: float
    slack: float = 0.0
    rounds: int = 0
    note: str = ""

    @property
    def ratio(self) -> float:
        return self.measured / self.baseline

    @property
    def holds(self) -> bool:
        return self.measured <= self.baseline * self.limit + self.slack

    def line(self) -> str:
        allowed = f"<= {self.limit:g}x" + (f" + {self.slack * 1000:g} ms" if self.slack else "")
        verdict = "holds" if self.holds else "MISSED"
        text = (
            f"{self.name:<44} {self.measured * 1000:9.2f} ms  baseline {self.baseline * 1000:9.2f} ms  "
            f"{self.ratio:5.2f}x  ({allowed}; {verdict}; median of {self.rounds})"
        )
        return f"{text}\n{'':<44} {self.note}" if self.note else text


def paired(
    thing: Callable[[], object], baseline: Callable[[], object], *, rounds: int, warm_up: int = 3
) -> tuple[float, float]:
    """Median seconds of both, measured alternately."""
    for _ in range(warm_up):
        thing()
        baseline()
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(rounds):
        ours.append(_seconds(thing))
        theirs.append(_seconds(baseline))
    return statistics.median(ours), statistics.median(theirs)


def _seconds(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started
