"""When two texts are nearly the same: what is left after the usual disguises, a hash of it, and a look at its pieces.

Pure functions on normal texts (archive.norm).  Digits, links, spaces, signs and pictures don't count: they are what a
sender of the same text changes between two copies.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from itertools import combinations

from imadmin.archive.cover import AllOf, AnyOf, Cover, Word
from imadmin.archive.grams import word_cover

LONGEST = 4000  # normal characters that are compared
LEAST = 4.0  # weight below which a text is only compared whole
BITS = 64
NEAR_BITS = 22  # most bits in which the hashes of two near texts differ (measured: docs/archive.md, Spread)
NEAR_SHARE = 0.5  # least share of pieces in common
SHORT, SHORT_SHARE = 8.0, 0.6  # a short text has few pieces: more of them must be the same
GRAMS_MOST = 48  # of one word asked of the index
PIECE = 5.0  # weight of a piece that a near copy should keep whole
PIECES_LEAST, PIECES_MOST = 2, 8
WORD_LEAST, WORDS_MOST = 4, 7
LONE_GROUP = 4
LONE_MOST = 8

_LINK = re.compile(
    r"(?:https?://|www\.)[!-~]{1,2000}|(?<![a-z0-9@._-])(?:[a-z0-9-]{1,63}\.){1,4}[a-z]{2,12}(?![a-z0-9])(?:[:/][!-~]{0,2000})?"
)
# Characters that every second text holds: useless for finding one.
_COMMON = frozenset(
    "的一是不了我你在有他这个们来到时大地为子中上说生国年着就那和要她出也得里后自以会家可下而过天去能对小多然于心学么之都好看起发当没成只如事把还用第样道想作种开美"
)


@dataclass(frozen=True, slots=True)
class Likeness:
    """bare: the letters alone.  pieces: its overlapping pairs and triples.  hash: 64 bits, near for near texts."""

    bare: str
    weight: float
    pieces: frozenset[str]
    hash: int

    def share(self, other: "Likeness") -> float:
        """How many of the pieces of both are in both: 0 to 1."""
        both = len(self.pieces & other.pieces)
        return both / ((len(self.pieces) + len(other.pieces) - both) or 1)

    def is_near(self, other: "Likeness") -> bool:
        if min(self.weight, other.weight) < LEAST:
            return False
        if self.bare == other.bare:
            return True
        least = SHORT_SHARE if min(self.weight, other.weight) < SHORT else NEAR_SHARE
        return self.share(other) >= least and (self.hash ^ other.hash).bit_count() <= NEAR_BITS


def likeness(normal: str) -> Likeness:
    left = bare(normal)
    pieces = frozenset(_pieces(left))
    return Likeness(left, weight(left), pieces, _hash(pieces))


def bare(normal: str) -> str:
    """The letters of a normal text without its links, so that what a sender varies is gone."""
    return "".join(filter(str.isalpha, _LINK.sub(" ", normal[:LONGEST])))


def weight(letters: str) -> float:
    """How much a text says, in Chinese characters; a latin letter says less."""
    latin = sum(map(str.isascii, letters))
    return len(letters) - latin * 0.6


def exact_cover(normal: str) -> Cover | None:
    """What every message with this very normal text matches; None: the index can't tell (no letters at all)."""
    word = word_cover(normal[:LONGEST])
    return _thinned(word) if word else None


def near_cover(normal: str) -> Cover | None:
    """What a near copy most likely matches: one of the text's parts whole, or its rare characters wherever they are."""
    kept = " ".join(_words(normal))
    left = bare(normal)
    parts = [*_cut(kept), *(_cut(left) if left != kept else ())]
    words = [word for part in dict.fromkeys(parts) if (word := _whole_grams(part))]
    ways: list[Cover] = [*dict.fromkeys(words), *_pairs_of_words(kept), *_lone_characters(left)]
    return AnyOf(tuple(ways)) if len(ways) > 1 else ways[0] if ways else None


def _whole_grams(part: str) -> Word | None:
    """Without the short ends of runs: in a copy the run may go on, with a digit or a sign."""
    word = word_cover(part)
    grams = tuple(gram for gram in word.grams if len(gram) >= (3 if gram.isascii() else 2)) if word else ()
    return _thinned(Word(part, grams)) if grams else None


def _words(normal: str) -> Iterator[str]:
    """Runs of letters."""
    run = ""
    for character in f"{_LINK.sub(' ', normal[:LONGEST])} ":
        if character.isalpha():
            run += character
        elif run:
            yield run
            run = ""


def _cut(text: str) -> list[str]:
    """The text in parts of about the same weight; none of them so small that every second message holds it."""
    whole = weight(text.replace(" ", ""))
    count = max(PIECES_LEAST, min(PIECES_MOST, int(whole / PIECE)))
    if whole / count < 2:
        return [text] if whole else []
    parts: list[str] = []
    part = ""
    for character in text:
        part += character
        if weight(part.replace(" ", "")) >= whole / count and len(parts) < count - 1:
            parts.append(part.strip())
            part = ""
    return [found for found in (*parts, part.strip()) if weight(found.replace(" ", "")) >= 1.5]


def _pairs_of_words(kept: str) -> list[Cover]:
    """Signs inside some of the words: any two of the long ones are still whole."""
    long = sorted({word for word in kept.split() if word.isascii() and len(word) >= WORD_LEAST}, key=len)[-WORDS_MOST:]
    words = [word for each in long if (word := _whole_grams(each))]
    return [AllOf(pair) for pair in combinations(words, 2)]


def _lone_characters(left: str) -> list[Cover]:
    """Signs between all characters leave no pair of them whole; the rare characters themselves are still there."""
    rare = list(dict.fromkeys(each for each in left if not each.isascii() and each not in _COMMON))
    step = max(1, len(rare) // LONE_MOST)
    chosen = rare[::step][:LONE_MOST]
    if len(chosen) < LONE_GROUP:
        return []
    halves = [chosen] if len(chosen) < 2 * LONE_GROUP else [chosen[::2], chosen[1::2]]
    found: list[Cover] = []
    for half in halves:
        words = [word for each in half if (word := word_cover(each))]
        if len(words) == len(half):
            found.append(AllOf(tuple(words)))
    return found


def _thinned(word: Word) -> Word:
    """Fewer grams of a long text: each more one asks, the more the index works for the same answer."""
    if len(word.grams) <= GRAMS_MOST:
        return word
    step = len(word.grams) / GRAMS_MOST
    return Word(word.text, tuple(word.grams[int(place * step)] for place in range(GRAMS_MOST)), word.prefix)


def _pieces(left: str) -> Iterator[str]:
    for place, character in enumerate(left):
        yield left[place : place + (3 if character.isascii() else 2)]


def _hash(pieces: frozenset[str]) -> int:
    """Each piece votes on each bit.  The votes are counted in lanes of 16 bits of one long number."""
    votes = 0
    for piece in pieces:
        votes += _lanes(piece)
    half = len(pieces) / 2
    found = 0
    for place in range(BITS):
        if (votes >> (16 * place)) & 0xFFFF > half:
            found |= 1 << place
    return found


@lru_cache(1 << 16)
def _lanes(piece: str) -> int:
    digest = int.from_bytes(blake2b(piece.encode("utf-8", "replace"), digest_size=BITS // 8).digest())
    return sum(((digest >> place) & 1) << (16 * place) for place in range(BITS))
