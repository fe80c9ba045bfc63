"""What engines have in common: numbers as a database keeps them, places by time, what a revision makes of a message."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from imadmin.archive import texts
from imadmin.archive.engines.base import RID_SHIFT, second_of
from imadmin.archive.rows import NO_TRAIT, Revision, Stored, Trait
from imadmin.gateway import payload
from imadmin.gateway.payload import clean_text
from imadmin.gateway.types import ContentKind

MOST_BROKEN = 1000
RAW_CUT = 64 * 1024
CHUNK = 500

# Their places are what is stored: only add, at the end.
KINDS: tuple[ContentKind, ...] = (
    ContentKind.BROKEN,
    ContentKind.TEXT,
    ContentKind.IMAGE,
    ContentKind.GIF,
    ContentKind.VOICE,
    ContentKind.VIDEO,
    ContentKind.LOCATION,
    ContentKind.CARD,
    ContentKind.FILE,
    ContentKind.RICH_TEXT,
    ContentKind.FORWARD,
    ContentKind.COMMAND,
    ContentKind.SYSTEM,
    ContentKind.CUSTOM,
)
KIND_NUMBERS = {kind: number for number, kind in enumerate(KINDS)}

Range = tuple[int, int]
_T = TypeVar("_T")
_ALL_BITS = 2**64
_MOST = 2**63 - 1
FULL = 1 << RID_SHIFT  # messages of one second


@dataclass(frozen=True, slots=True)
class Revised:
    """A message as it is from now on."""

    said: str | None
    traits: Trait
    kind: ContentKind
    text: str

    def applied_to(self, row: Stored) -> Stored:
        return row._replace(said=self.said, traits=self.traits, kind=self.kind, text=self.text)


def mid_of(message_id: int) -> int:
    """As a database keeps it: signed."""
    return (message_id + 2**63) % _ALL_BITS - 2**63


def id_of(mid: int) -> int:
    """As the server gave it: unsigned."""
    return mid % _ALL_BITS


def number(value: int) -> int:
    """A number that a database can keep."""
    return value if -_MOST <= value <= _MOST else max(-_MOST, min(value, _MOST))


def chunks(values: Iterable[_T], size: int = CHUNK) -> Iterator[list[_T]]:
    rest = iter(values)
    while chunk := list(islice(rest, size)):
        yield chunk


def runs(numbers: Iterable[int]) -> list[Range]:
    """Consecutive numbers as ranges, ascending."""
    found: list[Range] = []
    for one in sorted(set(numbers)):
        if found and one == found[-1][1] + 1:
            found[-1] = (found[-1][0], one)
        else:
            found.append((one, one))
    return found


def places(times: Iterable[int], first_free: Callable[[int], int]) -> tuple[list[int], int]:
    """A free row number for each time: in its second, or in the next one that has room; and the furthest one moved.

    first_free: of a second, the number after the last one taken.
    """
    found = []
    after: dict[int, int] = {}  # the next free number of a second
    moved: dict[int, int] = {}  # where the messages of a full second go
    for sent_at in times:
        home = second_of(sent_at)
        second = moved.get(home, home)
        while (free := after[second] if second in after else first_free(second)) >= FULL:
            second += 1
        moved[home] = second
        after[second] = free + 1
        found.append((second << RID_SHIFT) | free)
    return found, max((second - home for home, second in moved.items()), default=0)


def revised(row: Stored, revisions: Sequence[Revision]) -> Revised | None:
    """What these make of a message; None when it stays as it is."""
    said, traits = row.said, row.traits
    asked: Trait = NO_TRAIT
    for revision in revisions:
        said = said if revision.said is None else clean_text(revision.said)
        traits = (traits | revision.set) & ~revision.clear
        asked = asked | revision.set | revision.clear
    content = payload.decode(row.payload)
    kind, text = texts.kind_of(content, row.payload, said), texts.text_of(content, said)
    if said != row.said:
        follows = texts.traits_of(kind, text, content)
        if said is not None and Trait.EDITED in traits:  # what is searched is both
            follows |= texts.traits_of(content.kind, content.text, content)
        traits = (traits & (~texts.OF_TEXT | asked)) | (follows & ~asked)
    return None if (said, traits, kind) == (row.said, row.traits, row.kind) else Revised(said, traits, kind, text)
