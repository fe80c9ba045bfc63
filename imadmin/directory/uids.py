"""Lists of uids as people paste them and scripts send them: split, checked and named by line before anything is sent.

The server stores nonsense uids without a word and dies of a blank one (reference 2.4, 5.6), so nothing doubtful passes.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext

from imadmin.core.errors import InvalidInput, gettext_noop

UID_MAX = 200
LIST_MAX = 5000
NAMED_MAX = 5  # bad entries written out in a sentence; a preview shows all of them

BLANK = gettext_noop("it is empty")
FORBIDDEN_SIGN = gettext_noop("@, # and & can't be in a uid")
CONTROL_SIGN = gettext_noop("it holds a control character")
TOO_LONG = gettext_noop("it is longer than 200 characters")
NOT_TEXT = gettext_noop("it isn't readable text")

_QUOTED = r'"(?:[^"]|"")*"'
# Line breaks are split off before, so that a quote left open never swallows the lines after it.
_TOKEN = re.compile(rf"{_QUOTED}|[^\s,;，；、]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# What copying from chats and spreadsheets leaves around a uid without anybody seeing it.
_UNSEEN = "\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"


@dataclass(frozen=True, slots=True)
class BadUid:
    """An entry that can't be used. line: from 1.  why: English template, translated where shown."""

    text: str
    line: int
    why: str


@dataclass(frozen=True, slots=True)
class UidList:
    """uids: usable ones, each once, in order.  duplicates: how many entries were repeated."""

    uids: tuple[str, ...]
    bad: tuple[BadUid, ...] = ()
    duplicates: int = 0


def parse_uids(text: str) -> UidList:
    """Uids out of pasted text: one a line, or separated by commas, semicolons or spaces; a uid with a space in quotes.

    Raises InvalidInput (uids) when there are more than can be changed at once.  Bad entries are returned, not raised.
    """
    entries = []
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), start=1):
        tokens = (_unquoted(token.strip(_UNSEEN)) for token in _TOKEN.findall(line))
        entries += [(token, number) for token in tokens if token or '""' in line]
    return _sorted_out(entries)


def read_uids(uids: Iterable[str]) -> UidList:
    """Uids that already come as a list (the API, a selection): positions stand for lines, blanks are bad."""
    return _sorted_out([(uid.strip(), number) for number, uid in enumerate(uids, start=1)])


def clean_uids(uids: str | Sequence[str], *, field: str = "uids") -> tuple[str, ...]:
    """Usable uids, each once, in order; a text is parsed as pasted.

    Raises InvalidInput naming every bad entry (or that there are none, or too many); then nothing may be changed.
    """
    found = parse_uids(uids) if isinstance(uids, str) else read_uids(uids)
    if found.bad:
        raise InvalidInput({field: complaints(found)})
    if not found.uids:
        raise InvalidInput({field: [gettext_noop("Give at least one uid.")]})
    return found.uids


def complaints(found: UidList) -> list[str]:
    """Sentences about the bad entries, for beside the field; the first few by name."""
    named = [
        gettext("Line %(line)s, “%(uid)s”: %(why)s.")
        % {"line": bad.line, "uid": _short(bad.text), "why": gettext(bad.why)}
        for bad in found.bad[:NAMED_MAX]
    ]
    if len(found.bad) > NAMED_MAX:
        named.append(gettext("And %(count)s more.") % {"count": len(found.bad) - NAMED_MAX})
    return named


def why_bad(uid: str) -> str:
    """What is wrong with a uid, or ""."""
    if not uid.strip():
        return BLANK
    if any(sign in uid for sign in "@#&"):
        return FORBIDDEN_SIGN
    if _CONTROL.search(uid):
        return CONTROL_SIGN
    if any(0xD800 <= ord(character) <= 0xDFFF for character in uid):
        return NOT_TEXT
    return TOO_LONG if len(uid) > UID_MAX else ""


def _sorted_out(entries: list[tuple[str, int]]) -> UidList:
    good: dict[str, None] = {}
    bad, duplicates = [], 0
    for uid, line in entries:
        why = why_bad(uid)
        if why:
            bad.append(BadUid(uid[: UID_MAX + 1], line, why))
        elif uid in good:
            duplicates += 1
        else:
            good[uid] = None
    if len(good) > LIST_MAX:
        raise InvalidInput(
            {"uids": [gettext_noop("These are more than 5000 uids; change them in several parts.")]},
        )
    return UidList(tuple(good), tuple(bad), duplicates)


def _unquoted(token: str) -> str:
    if len(token) > 1 and token.startswith('"') and token.endswith('"'):
        return token[1:-1].replace('""', '"').strip()
    return token


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:39]}…"
