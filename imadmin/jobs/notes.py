"""The log of a run: a few lines with their times, in one text column."""

from dataclasses import dataclass
from datetime import datetime

MOST_LINES = 100
MOST_CHARACTERS = 500


@dataclass(frozen=True, slots=True)
class Note:
    at: datetime | None
    text: str


def add_note(log: str, text: str, at: datetime) -> str:
    """The log with one more line; the oldest go, a line that says the same as the last is not repeated."""
    text = " ".join(text.split())[:MOST_CHARACTERS]
    lines = log.split("\n") if log else []
    if lines and lines[-1].partition("\t")[2] == text:
        return log
    return "\n".join([*lines, f"{at.isoformat(timespec='seconds')}\t{text}"][-MOST_LINES:])


def read_notes(log: str) -> tuple[Note, ...]:
    """Oldest first; a line without a readable time keeps its text."""
    found = []
    for line in filter(None, log.split("\n")):
        stamp, tab, text = line.partition("\t")
        try:
            found.append(Note(datetime.fromisoformat(stamp), text) if tab else Note(None, line))
        except ValueError:
            found.append(Note(None, line))
    return tuple(found)
