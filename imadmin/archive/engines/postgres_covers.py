"""A cover as an SQL condition, for either kind of index, and a guess of how many messages it lets through."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from imadmin.archive.cover import AllOf, AnyOf, Cover, Token, Without, Word
from imadmin.archive.engines.postgres_keys import CAPPED, gram_key, is_exact, start_keys, token_key

_DEEPEST = 40
_MOST_KEYS = 48  # of one word: more make the index look longer and tell it nothing


class IndexKind(StrEnum):
    """BIGM: pg_bigm over normal texts, tokens as numbers.  GRAMS: all as numbers, without any extension."""

    BIGM = "bigm"
    GRAMS = "grams"


@dataclass(frozen=True, slots=True)
class Condition:
    """sql with %s for each of values.  share: about how many messages fulfil it at most, 0.0 to 1.0."""

    sql: str
    values: tuple[Any, ...]
    share: float


@dataclass(frozen=True, slots=True)
class Sample:
    """What the newest messages hold.  shares: of each number that several of them have; texts: theirs, for BIGM."""

    rows: int = 0
    shares: dict[int, float] = field(default_factory=dict)
    texts: str = ""

    def of_key(self, key: int) -> float:
        return self.shares.get(key, self._least if self.rows else 1.0)

    def of_text(self, text: str) -> float:
        return max(self.texts.count(text) / self.rows, self._least) if self.rows else 1.0

    @property
    def _least(self) -> float:
        return 1.0 / self.rows


def condition(cover: Cover, kind: IndexKind, sample: Sample, depth: int = 0) -> Condition:
    """What a row must fulfil to be a candidate; what lies too deep restricts nothing."""
    if depth > _DEEPEST:
        return Condition("TRUE", (), 1.0)
    if isinstance(cover, Without):
        return _without(cover, kind, sample, depth)
    if isinstance(cover, AnyOf):
        marks = [part for part in cover.parts if isinstance(part, Token)]
        parts = [condition(part, kind, sample, depth + 1) for part in cover.parts if not isinstance(part, Token)]
        return _any_of([*parts, *([_any_token(marks, sample)] if marks else [])])
    leaves, others = _parts(cover, depth)
    made = [condition(part, kind, sample, depth + 1) for part in others]
    words = [leaf for leaf in leaves if isinstance(leaf, Word)]
    tokens = [token_key(leaf.text) for leaf in leaves if isinstance(leaf, Token)]
    if kind is IndexKind.BIGM:
        made += [_like(word, sample) for word in words if word.text]
        words = []
    made += [_begins(word, sample) for word in words if word.prefix]
    words = [word for word in words if word.grams]
    if words or tokens:
        made.append(_holds(words, tokens, sample))
    return _all_of(made)


def _parts(cover: Cover, depth: int) -> tuple[list[Word | Token], list[Cover]]:
    """The words and tokens that must all be there, those of nested ANDs too; and whatever else must hold."""
    if isinstance(cover, (Word, Token)):
        return [cover], []
    if not isinstance(cover, AllOf):
        return [], [cover]
    if depth > _DEEPEST:
        return [], []
    leaves: list[Word | Token] = []
    others: list[Cover] = []
    for part in cover.parts:
        more, rest = _parts(part, depth + 1)
        leaves += more
        others += rest
    return leaves, others


def _holds(words: list[Word], tokens: list[int], sample: Sample) -> Condition:
    """One look at the index for all of them: it begins with the rarest."""
    wanted = dict.fromkeys(tokens)
    for word in words:
        made = dict.fromkeys(gram_key(gram) for gram in word.grams)
        rare_first = sorted(made, key=sample.of_key)[:_MOST_KEYS]
        wanted |= dict.fromkeys(rare_first)
    share = min((sample.of_key(key) for key in wanted), default=1.0)
    if not words:
        return Condition("grams @> %s::int4[]", (list(wanted),), share)
    # A message with too many grams has one number in their place.
    return Condition(
        "(grams @> %s::int4[] OR grams @> %s::int4[])",
        (list(wanted), [CAPPED, *tokens]),
        min(1.0, share + sample.of_key(CAPPED)),
    )


def _begins(word: Word, sample: Sample) -> Condition:
    """A text shorter than a gram."""
    found = start_keys(word.prefix)
    share = min(1.0, sum(map(sample.of_key, found)))
    return Condition("grams && %s::int4[]", ([*found, CAPPED],), share)


def _like(word: Word, sample: Sample) -> Condition:
    text = storable(word.text)
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return Condition("normal LIKE %s", (f"%{escaped}%",), sample.of_text(text))


def _without(cover: Without, kind: IndexKind, sample: Sample, depth: int) -> Condition:
    """Only what is exact may exclude: of others a number may mean two things."""
    inner = condition(cover.part, kind, sample, depth + 1)
    exact = [token_key(token.text) for token in cover.tokens if is_exact(token)]
    if not exact:
        return inner
    return Condition(f"({inner.sql} AND NOT grams && %s::int4[])", (*inner.values, exact), inner.share)


def _any_token(tokens: list[Token], sample: Sample) -> Condition:
    """One look for any of them: the channels that begin alike may be many."""
    found = [token_key(token.text) for token in tokens]
    return Condition("grams && %s::int4[]", (found,), min(1.0, sum(map(sample.of_key, found))))


def _any_of(parts: list[Condition]) -> Condition:
    if not parts:
        return Condition("FALSE", (), 0.0)
    return Condition(
        "(" + " OR ".join(part.sql for part in parts) + ")",
        tuple(value for part in parts for value in part.values),
        min(1.0, sum(part.share for part in parts)),
    )


def _all_of(parts: list[Condition]) -> Condition:
    if not parts:
        return Condition("TRUE", (), 1.0)
    return Condition(
        "(" + " AND ".join(part.sql for part in parts) + ")",
        tuple(value for part in parts for value in part.values),
        min(part.share for part in parts),
    )


def storable(normal: str) -> str:
    """A text as PostgreSQL can keep one: without what isn't a character.  The same for what is stored and sought."""
    if normal.isascii():
        return normal.replace("\x00", "\ufffd") if "\x00" in normal else normal
    return normal.replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")
