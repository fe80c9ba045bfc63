"""Finding candidates: a walk from the newest message on where many fit, the index month by month where few do."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

from psycopg import Cursor

from imadmin.archive.cover import Cover
from imadmin.archive.engines.base import OutOfTime
from imadmin.archive.engines.postgres_covers import Condition, IndexKind, Sample, condition
from imadmin.archive.engines.postgres_rows import Labels, read_note, select
from imadmin.archive.engines.postgres_schema import Month, months
from imadmin.archive.norm import NORM_VERSION
from imadmin.archive.rows import Stored

SAMPLED = 2000
_FEWEST = 3  # messages of the sample that make a number worth remembering
_WALK_FACTOR = 3  # how much further a walk goes than the sample promises
_NEWEST = "(SELECT * FROM msg WHERE rid < %s AND rid > %s ORDER BY rid DESC LIMIT %s)"
_INDEX_COST = 2.0  # of one row found by the index, in rows walked by


@dataclass(frozen=True, slots=True)
class Known:
    """What a search should know of the archive before it begins; a little old is good enough.

    is_usable: the index was made with today's grams; else every message is a candidate.
    """

    months: tuple[Month, ...]
    messages: int
    sample: Sample
    is_usable: bool


def known(cursor: Cursor[Any], kind: IndexKind) -> Known:
    row = cursor.execute("SELECT coalesce(sum(messages), 0)::int8 FROM chan").fetchone()
    return Known(
        months=tuple(months(cursor)),
        messages=row[0] if row else 0,
        sample=_sample(cursor, kind),
        is_usable=read_note(cursor, "norm_version") == str(NORM_VERSION),
    )


@dataclass(frozen=True, slots=True)
class Search:
    """Candidates for one cover, newest first, above < rid < below.  until: by our clock; each statement ends in time
    by itself (Pool.read), so it is looked at between two."""

    cursor: Cursor[Any]
    labels: Labels
    kind: IndexKind
    told: Known
    below: int
    above: int
    until: float | None = None

    def scan(self, cover: Cover | None, most: int) -> list[Stored]:
        if cover is None or not self.told.is_usable:
            return select(
                self.cursor, self.labels, f"FROM {_NEWEST} w ORDER BY rid DESC", (self.below, self.above, most)
            )
        wanted = condition(cover, self.kind, self.told.sample)
        steps = _to_walk(wanted, self.told, most)
        found = self._walked(wanted, steps, most) if steps else []
        below = self._floor(steps) if steps and len(found) < most else self.below
        if below is None or len(found) >= most:
            return found
        seen = {row.rid for row in found}  # a message that came late may have moved the floor
        for start, end in _groups(self.told.months, below, self.above):
            if self.until is not None and time.monotonic() > self.until:
                raise OutOfTime
            rows = self._looked_up(wanted, end, start, most - len(found))
            found += [row for row in rows if row.rid not in seen]
            if len(found) >= most:
                break
        return found

    def _walked(self, wanted: Condition, steps: int, most: int) -> list[Stored]:
        rest = f"FROM {_NEWEST} w WHERE {wanted.sql} ORDER BY rid DESC LIMIT %s"
        return select(self.cursor, self.labels, rest, (self.below, self.above, steps, *wanted.values, most))

    def _floor(self, steps: int) -> int | None:
        """The last message that a walk of so many steps looked at; None: it looked at all."""
        query = "SELECT rid FROM msg WHERE rid < %s AND rid > %s ORDER BY rid DESC OFFSET %s LIMIT 1"
        row = self.cursor.execute(query, (self.below, self.above, steps - 1)).fetchone()
        return row[0] if row else None

    def _looked_up(self, wanted: Condition, below: int, above: int, most: int) -> list[Stored]:
        # OFFSET 0: the planner must not see the LIMIT, which would tempt it to walk.
        rest = f"""FROM (SELECT * FROM msg WHERE {wanted.sql} AND rid < %s AND rid > %s OFFSET 0) i
            ORDER BY rid DESC LIMIT %s"""  # noqa: S608
        return select(self.cursor, self.labels, rest, (*wanted.values, below, above, most))


def _to_walk(wanted: Condition, told: Known, most: int) -> int:
    """How many messages to walk by: 0 where the index is quicker.

    To find `most` takes most/share steps; the index finds the month's share of all and sorts them.
    """
    if told.messages <= SAMPLED:
        return SAMPLED
    month = told.messages / max(1, len(told.months) - 2)  # two stand at the ends, empty
    if wanted.share < sqrt(most / (_INDEX_COST * month)):
        return 0
    return max(SAMPLED, int(_WALK_FACTOR * most / wanted.share))


def _groups(found: Sequence[Month], below: int, above: int) -> Iterator[tuple[int, int]]:
    """(above, below) of one month, then of two, of four ...: all of the axis, also months not known yet."""
    size, end = 1, below
    borders = [month.low for month in found if above < month.low < below]
    while borders:
        start = borders[:size][-1]
        yield start - 1, end
        borders, end, size = borders[size:], start, size * 2
    yield above, end


def _sample(cursor: Cursor[Any], kind: IndexKind) -> Sample:
    """Of the newest messages: how often each number stands in them, and their texts."""
    newest = "SELECT grams, normal FROM msg ORDER BY rid DESC LIMIT %s"
    joined = f"SELECT count(*), string_agg(normal, E'\\n') FROM ({newest}) s"  # noqa: S608
    row = cursor.execute(joined, (SAMPLED,)).fetchone()
    rows, texts = row or (0, None)
    counts = cursor.execute(
        f"SELECT g, count(*) FROM ({newest}) s, unnest(grams) g GROUP BY g HAVING count(*) >= %s",  # noqa: S608
        (SAMPLED, _FEWEST),
    )
    shares = {key: times / rows for key, times in counts} if rows else {}
    return Sample(rows, shares, texts or "" if kind is IndexKind.BIGM else "")
