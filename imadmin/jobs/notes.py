"""What a run says in its text columns: its log, a few lines with their times, and why it failed."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext

from imadmin.core.errors import AppError
from imadmin.monitor import fates

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


def error_of(failure: AppError) -> str:
    """A failure as a run's row keeps it: with its figures beside it, so that it can be said in another language."""
    return fates.keep((failure.message, failure.params)) if failure.params else failure.text()


def read_error(kept: str) -> str:
    """Why it failed, in the reader's language."""
    if kept.startswith("[["):
        return fates.read(kept)
    return gettext(kept) if kept else ""
