"""What stands in an index: short pieces of normal texts, and marks of what a message is.

Beyond ASCII: each two neighbours, and the last character of a run.  Letters, digits and _: each three neighbours, and
the last one and two of a run, so that whatever is shorter than a gram is the beginning of one.
"""

import re
from functools import lru_cache
from hashlib import blake2b
from operator import add

from imadmin.archive.cover import Token, Word
from imadmin.archive.rows import Trait
from imadmin.gateway.payload import clean_text
from imadmin.gateway.types import ChannelRef, ContentKind

MARK = "\u00b6"  # a token is this and ASCII; no gram is, because grams never mix the two
KNOWN_LENGTH = 12
MOST_GRAMS = 20_000  # of one message; one with more has CAPPED in their place, which every engine adds to each Word
CAPPED = Token(f"{MARK}x")
_KIND_TEXTS = {kind: f"{MARK}t{kind.value}" for kind in ContentKind}
_RUNS = re.compile(r"[^\x00-\x7f]+|[0-9a-z_]+")


def grams(normal: str) -> list[str]:
    """The grams of a normal text, each once; [CAPPED] when there are too many."""
    found: set[str] = set()
    for run in _RUNS.findall(normal):
        if run[0] > "\x7f":
            found.add(run[-1])
            found.update(map(add, run, run[1:]))
        else:
            found.update(_of_known_word(run) if len(run) <= KNOWN_LENGTH else _of_word(run))
    return list(found) if len(found) <= MOST_GRAMS else [CAPPED.text]


def _of_word(run: str) -> tuple[str, ...]:
    return run[-1], run[-2:], *[run[at : at + 3] for at in range(len(run) - 2)]


@lru_cache(maxsize=16_384)
def _of_known_word(run: str) -> tuple[str, ...]:
    """Most words of a conversation were just used."""
    return _of_word(run)


def word_cover(normal: str) -> Word | None:
    """What a row that holds this normal text must have; None where no gram tells (punctuation alone)."""
    found: dict[str, None] = {}
    prefix = ""
    runs = list(_RUNS.finditer(normal))
    for run in runs:
        whole, size = run.group(), 2 if run.group() > "\x7f" else 3
        if len(whole) >= size:
            found.update(dict.fromkeys(whole[at : at + size] for at in range(len(whole) - size + 1)))
        elif run.end() < len(normal):
            found[whole] = None  # the run ends here in the row as well: this is one of its last pieces
        else:
            prefix = whole
    if found:
        return Word(normal, grams=tuple(found))
    return Word(normal, prefix=prefix) if prefix not in ("", MARK) else None


def tokens(channel: ChannelRef, from_uid: str, kind: ContentKind, traits: Trait, client_msg_no: str = "") -> list[str]:
    """The marks of one message."""
    found = [*_channel_texts(channel), _sender_text(from_uid), _KIND_TEXTS[kind]]
    if traits:
        found += [f"{MARK}f{trait.value}" for trait in Trait if trait & traits]
    if client_msg_no:
        found.append(_client_text(client_msg_no))
    return found


def channel_token(channel: ChannelRef) -> Token:
    return Token(_channel_texts(channel)[0])


def kind_of_channel_token(channel_type: int) -> Token:
    return Token(f"{MARK}y{_number(channel_type)}")


def sender_token(uid: str) -> Token:
    return Token(_sender_text(uid))


def kind_token(kind: ContentKind) -> Token:
    return Token(_KIND_TEXTS[kind])


def trait_token(trait: Trait) -> Token:
    """Of one trait."""
    return Token(f"{MARK}f{trait.value}")


def client_token(client_msg_no: str) -> Token:
    return Token(_client_text(client_msg_no))


def _client_text(client_msg_no: str) -> str:
    """One a message: short, so that the index stays small."""
    return f"{MARK}k{_short(client_msg_no)[:6]}"


@lru_cache(maxsize=50_000)
def _channel_texts(channel: ChannelRef) -> tuple[str, str]:
    return f"{MARK}c{_short(f'{channel.type}/{channel.id}')}", f"{MARK}y{_number(channel.type)}"


@lru_cache(maxsize=100_000)
def _sender_text(uid: str) -> str:
    return f"{MARK}u{_short(uid)}"


def _number(channel_type: int) -> str:
    return str(channel_type).replace("-", "n")


def _short(text: str) -> str:
    """Forty bits of it: two that share them are told apart when a candidate is looked at."""
    return blake2b(clean_text(text).encode(), digest_size=5).hexdigest()  # of ids as they are stored
