"""How texts are compared: two texts are the same for a search when their normal forms are.

NFKC, case folded, invisible characters dropped, traditional characters as simplified ones (fold.txt), a run of
whitespace as one space, and none between two characters beyond ASCII.  The original is what is stored and shown.
"""

import re
import unicodedata
from functools import cache
from pathlib import Path

# Of norm, grams, tokens and texts together: an index made by another version is not used until it is built anew.
NORM_VERSION = 1

_FOLD = Path(__file__).with_name("fold.txt")
_SPACE = " "
_BLANKS = "\u2800"  # a braille pattern without dots: drawn as a space
# Seen by nobody, but neither of category Cf nor of Cc: fillers, joiners and variation selectors.
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2060-\u206f\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e0fff]"
)
_DIACRITIC = re.compile(" [^\x00-\x7f]")
_NEEDLESS = re.compile(r"(?<=[^\x00-\x7f]) (?=[^\x00-\x7f])")


class _Table(dict[int, str]):
    """What each character becomes, worked out when it is first met."""

    def __missing__(self, code: int) -> str:
        self[code] = made = _become(chr(code))
        return made


def norm(text: str) -> str:
    """The normal form; of a normal form, itself."""
    text = _changing().sub(_changed, text.lower())
    if "  " in text or text[:1] == _SPACE or text[-1:] == _SPACE:
        text = _SPACE.join(text.split())
    if text.isascii():
        return text
    if _SPACE in text:
        text = _NEEDLESS.sub("", text)
    if unicodedata.is_normalized("NFC", text):
        return text
    return norm(unicodedata.normalize("NFC", text))  # what was composed may fold on


def places(text: str, term: str) -> list[tuple[int, int]]:
    """Where the term stands in the original text, from the left, without overlaps: (start, end) each."""
    wanted = norm(term)
    if not wanted:
        return []
    normal, spans = _traced(text)
    if normal != norm(text):
        return []  # marks that stand alone and compose across a dropped space: nothing is marked rather than the wrong
    found, start = [], normal.find(wanted)
    while start >= 0:
        end = start + len(wanted)
        found.append((spans[start][0], spans[end - 1][1]))
        start = normal.find(wanted, end)
    return found


def _changed(hit: re.Match[str]) -> str:
    return _table[ord(hit.group())]


@cache
def _changing() -> re.Pattern[str]:
    """Characters that may become others.  Most of a text are not, and a search for these few is fast."""
    kept = "".join(chr(code) for code in range(0x4E00, 0xA000) if chr(code) not in _folds())
    return re.compile(rf"[^ -@\[-~\u3001\u3002\u300a-\u3011\u3041-\u3096\u30a1-\u30fa{kept}]")


def _become(one: str) -> str:
    """One character's normal form, before its neighbours are looked at."""
    if _DIACRITIC.match(unicodedata.normalize("NFKC", one)):
        return one  # NFKC would make it a space with the mark on it
    before = ""
    while one != before:
        before = one
        one = unicodedata.normalize("NFKC", "".join(map(_seen, one)).casefold())
        one = "".join(_folds().get(part, part) for part in one)
    return one


def _seen(one: str) -> str:
    if one.isspace() or one in _BLANKS:
        return _SPACE
    is_hidden = unicodedata.category(one) in ("Cf", "Cc") or _INVISIBLE.match(one)
    return "" if is_hidden else one


@cache
def _folds() -> dict[str, str]:
    lines = _FOLD.read_text(encoding="utf-8").splitlines()
    return {line[0]: line[1] for line in lines if not line.startswith("#")}


_table = _Table()


def _traced(text: str) -> tuple[str, list[tuple[int, int]]]:
    """The normal form, and for each of its characters which part of the text it came from."""
    normal: list[str] = []
    spans: list[tuple[int, int]] = []
    for start, end, piece in _clusters(text):
        normal.extend(piece)
        spans.extend([(start, end)] * len(piece))
    kept = [index for index in range(len(normal)) if not _is_needless(normal, index)]
    return "".join(normal[index] for index in kept), [spans[index] for index in kept]


def _clusters(text: str) -> list[tuple[int, int, str]]:
    """The text in parts that compose with nothing beside them, each with its normal form."""
    found: list[tuple[int, int, str]] = []
    for index, one in enumerate(text):
        piece = _table[ord(one)]
        if found and not piece.isascii():
            start, _, before = found[-1]
            both = before + piece
            if unicodedata.combining(piece[0]) or unicodedata.normalize("NFC", both) != both:
                found[-1] = (start, index + 1, norm(both) or both)
                continue
        if piece:
            found.append((index, index + 1, piece))
    return found


def _is_needless(normal: list[str], index: int) -> bool:
    """A space that `norm` drops: at an end, after another, or between two characters beyond ASCII."""
    if normal[index] != _SPACE:
        return False
    before = normal[index - 1] if index else _SPACE
    after = index + 1
    while after < len(normal) and normal[after] == _SPACE:
        after += 1
    return before == _SPACE or after == len(normal) or not (before.isascii() or normal[after].isascii())
