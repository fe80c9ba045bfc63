"""Where the words of a search stand in a text, shown harmlessly: the place is found in what was written, by its normal
form, so that a hit written full-width or with invisible characters in it is marked too.

Positions are carried through every change that makes a text harmless to look at.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from difflib import SequenceMatcher

from imadmin.archive.harmless import SNIPPET, STEPS, Piece, Step
from imadmin.archive.norm import norm, places

CHUNK = 6_000  # characters looked at in one go
OVERLAP = 400
MOST_CHUNKS = 200  # a text of a megabyte

_LINE: Step = (re.compile(r"\s+"), lambda _hit: " ")


def snippet(text: str, terms: Sequence[str], *, limit: int = SNIPPET) -> tuple[Piece, ...]:
    """One line of harmless text around the first hit, with every hit in it marked."""
    first, part = _part_with_hit(text, terms)
    shown, is_hit = _traced(part, terms, (*STEPS, _LINE))
    start = max(0, min(is_hit.index(True) - limit // 3, len(shown) - limit)) if True in is_hit else 0
    end = start + limit
    before = "…" if start or first else ""
    after = "…" if end < len(shown) or first + len(part) < len(text) else ""
    inside = _pieces(shown[start:end], is_hit[start:end])
    return tuple(piece for piece in (Piece(before), *inside, Piece(after)) if piece.text)


def whole(text: str, terms: Sequence[str]) -> tuple[Piece, ...]:
    """The harmless text with its line breaks, every hit marked."""
    return _pieces(*_traced(text, terms, STEPS))


def _part_with_hit(text: str, terms: Sequence[str]) -> tuple[int, str]:
    """The first part of a long text that holds one of the words, and where it begins; its start when none does."""
    if len(text) <= CHUNK:
        return 0, text
    wanted = [normal for term in terms if (normal := norm(term))]
    if wanted:
        for start in range(0, min(len(text), CHUNK * MOST_CHUNKS), CHUNK - OVERLAP):
            normal = norm(text[start : start + CHUNK])
            if any(term in normal for term in wanted):
                return start, text[start : start + CHUNK]
    return 0, text[:CHUNK]


def _traced(text: str, terms: Sequence[str], steps: Iterable[Step]) -> tuple[str, list[bool]]:
    """The text after all steps, and for each of its characters whether it belongs to a hit."""
    is_hit = [False] * len(text)
    for term in terms:
        for start, end in places(text, term):
            is_hit[start:end] = [True] * (end - start)
    for pattern, become in steps:
        text, is_hit = _changed(text, is_hit, pattern, become)
    return text, is_hit


def _changed(
    text: str, is_hit: list[bool], pattern: re.Pattern[str], become: Callable[[re.Match[str]], str]
) -> tuple[str, list[bool]]:
    parts: list[str] = []
    marks: list[bool] = []
    last = 0
    for found in pattern.finditer(text):
        start, end = found.span()
        new = become(found)
        parts += (text[last:start], new)
        marks += is_hit[last:start]
        marks += _aligned(found.group(), new, is_hit[start:end])
        last = end
    if not parts:
        return text, is_hit
    return "".join((*parts, text[last:])), marks + is_hit[last:]


def _aligned(old: str, new: str, is_hit: list[bool]) -> list[bool]:
    """The marks of what a piece became: characters keep theirs, those put in between take their neighbour's."""
    if all(is_hit) or not any(is_hit):
        return [bool(is_hit) and is_hit[0]] * len(new)
    marks: list[bool] = []
    for kind, start, end, new_start, new_end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if end - start == new_end - new_start:
            marks += is_hit[start:end]
        elif kind != "delete":
            near = (
                any(is_hit[start:end]) if end > start else bool(marks) and marks[-1] and is_hit[min(end, len(old) - 1)]
            )
            marks += [near] * (new_end - new_start)
    return marks


def _pieces(text: str, is_hit: Sequence[bool]) -> tuple[Piece, ...]:
    found, start = [], 0
    for index in range(1, len(text) + 1):
        if index == len(text) or is_hit[index] != is_hit[start]:
            found.append(Piece(text[start:index], is_hit=is_hit[start]))
            start = index
    return tuple(found)
