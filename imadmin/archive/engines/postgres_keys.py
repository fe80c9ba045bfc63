"""Grams and tokens as numbers: what stands in an `int4[]` column and its index.

The first two letters of three and the first character of two stand there too, so that a text shorter than a gram is one
exact number like any other; a single letter is any of the pairs that begin with it, or the last of its run.
Two grams may share a number (a candidate more); two kinds or traits never do, so that those can be excluded.
"""

from collections.abc import Iterable
from itertools import chain
from zlib import crc32

from imadmin.archive import grams
from imadmin.archive.cover import Token

_MOST_KNOWN = 300_000
_EXACT = 1 << 24  # the numbers from -1 down to here are tokens of which a cluster has few
_FEW = frozenset("tfyx")  # their first letters: kind, trait, type of channel, too long for grams
_LETTERS = "0123456789abcdefghijklmnopqrstuvwxyz_"
_REST = (1 << 31) - _EXACT - 1


class _Known(dict[str, tuple[int, ...]]):
    """The numbers of each gram, worked out when it is first met."""

    def __missing__(self, gram: str) -> tuple[int, ...]:
        if len(self) >= _MOST_KNOWN:
            self.clear()
        whole = gram_key(gram)
        start = gram[: 2 if gram.isascii() else 1]
        self[gram] = made = (whole,) if whole == CAPPED or start == gram else (whole, gram_key(start))
        return made


_known = _Known()


def gram_key(gram: str) -> int:
    if gram == grams.CAPPED.text:
        return CAPPED
    return crc32(gram.encode("utf-8", "surrogatepass")) & 0x7FFFFFFF


def token_key(text: str) -> int:
    number = crc32(text.encode())
    return -1 - number % _EXACT if text[1] in _FEW else -1 - _EXACT - number % _REST


CAPPED = token_key(grams.CAPPED.text)


def start_keys(prefix: str) -> list[int]:
    """A message that holds this, which is shorter than a gram, has one of these."""
    ends = _LETTERS if len(prefix) == 1 and prefix.isascii() else ()
    return [gram_key(prefix), *(gram_key(prefix + end) for end in ends)]


def is_exact(token: Token) -> bool:
    """Whether a row that has this number has this token."""
    return token.text[1] in _FEW


def keys(found: Iterable[str], tokens: Iterable[str]) -> list[int]:
    """What is stored with a message that has these grams and tokens."""
    made = set(chain.from_iterable(map(_known.__getitem__, found)))
    made.update(map(token_key, tokens))
    return list(made)
