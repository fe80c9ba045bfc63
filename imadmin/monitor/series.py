"""Figures over time, out of our own samples: gaps stay gaps, and every point says how much of it is known."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from imadmin.clusters.models import Cluster
from imadmin.monitor.sample_models import FIGURES, WHOLE, Minute


@dataclass(frozen=True, slots=True)
class Series:
    """One figure at equal steps from `start`; None where it wasn't sampled or not known.  step: seconds."""

    figure: str
    node: int
    start: datetime
    step: int
    values: tuple[int | None, ...]

    @property
    def newest(self) -> int | None:
        """The last value that is known; None when none is."""
        return next((value for value in reversed(self.values) if value is not None), None)

    @property
    def is_empty(self) -> bool:
        return all(value is None for value in self.values)


def recent(
    cluster: Cluster | int, figure: str, minutes: int = 60, *, node: int = WHOLE, now: datetime | None = None
) -> Series:
    """The last minutes of one figure (a word of FIGURES), oldest first; of the whole cluster unless a node is named."""
    return recent_all(cluster, (figure,), minutes, node=node, now=now)[figure]


def recent_all(
    cluster: Cluster | int, figures: Sequence[str], minutes: int = 60, *, node: int = WHOLE, now: datetime | None = None
) -> dict[str, Series]:
    """Several figures by one query: a page with eight sparklines asks once."""
    if unknown := set(figures) - set(FIGURES):
        raise ValueError(f"no such figure: {', '.join(sorted(unknown))}")
    end = int((now or datetime.now(UTC)).timestamp() // 60)
    first = end - minutes + 1
    rows = Minute.objects.filter(cluster=cluster, node=node, minute__gte=first, minute__lte=end)
    found = {row[0]: row[1:] for row in rows.values_list("minute", *figures)}
    blank = (None,) * len(figures)
    columns = [found.get(minute, blank) for minute in range(first, end + 1)]
    start = datetime.fromtimestamp(first * 60, UTC)
    return {
        figure: Series(figure, node, start, 60, tuple(column[place] for column in columns))
        for place, figure in enumerate(figures)
    }
