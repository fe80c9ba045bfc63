"""A query's text in pieces, each knowing where it stands.  One pass, and it never fails: faults are the grammar's.

Signs of a Chinese keyboard outside quotes are read as their ASCII twins.  Inside quotes every character is itself.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

SIGNS = str.maketrans("（）：“”＂－｜，", '():"""-|,')
QUOTED = "\0"  # the mark of a character that stood between quotes: no sign
_NAME = re.compile(r"[A-Za-z_]{1,20}")
_STRAIGHT, _CURLY = '"＂', "“”"
_ESCAPABLE = f"\\{_STRAIGHT}{_CURLY}"
_CONNECTIVES = {"OR", "AND", "NOT"}


class Sort(StrEnum):
    WORD = "word"
    PHRASE = "phrase"
    OPEN = "("
    CLOSE = ")"
    OR = "or"
    AND = "and"
    NOT = "not"


@dataclass(frozen=True, slots=True)
class Value:
    """What was written, without quotes and escapes.  marks: character by character the sign it is, or QUOTED."""

    text: str
    marks: str

    def split(self, sign: str) -> tuple["Value", "Value | None"]:
        """Before and after the first such sign outside quotes; None = there is none."""
        at = self.marks.find(sign)
        if at < 0:
            return self, None
        after = at + len(sign)
        return Value(self.text[:at], self.marks[:at]), Value(self.text[after:], self.marks[after:])

    @property
    def is_quoted(self) -> bool:
        return QUOTED in self.marks


@dataclass(frozen=True, slots=True)
class Lexeme:
    """start, end: in the query, the minus and quotes included.  name: what stands before a colon, as typed, or "".

    value: after that colon, or the whole word or phrase.  value_start: where it begins.  is_closed: has its last quote.
    """

    sort: Sort
    start: int
    end: int
    is_negated: bool = False
    name: str = ""
    value: Value = Value("", "")
    value_start: int = 0
    is_closed: bool = True

    @property
    def whole(self) -> str:
        """The word as text, its name included."""
        return f"{self.name}:{self.value.text}" if self.name else self.value.text


def lex(text: str) -> tuple[Lexeme, ...]:
    return tuple(_lexemes(text, text.translate(SIGNS)))


def _lexemes(text: str, signs: str) -> Iterator[Lexeme]:
    at, end = 0, len(text)
    while at < end:
        sign = signs[at]
        if sign.isspace():
            at += 1
            continue
        start, is_negated = at, sign == "-" and _negates(signs, at)
        if is_negated:
            at += 1
            sign = signs[at]
        if sign == "(":
            found = Lexeme(Sort.OPEN, start, at + 1, is_negated)
        elif sign == ")":
            found = Lexeme(Sort.CLOSE, start, at + 1)
        elif sign == "|":
            while at + 1 < end and signs[at + 1] == "|":
                at += 1
            found = Lexeme(Sort.OR, start, at + 1)
        elif sign == '"':
            value, after, is_closed = _phrase(text, at)
            found = Lexeme(Sort.PHRASE, start, after, is_negated, value=value, value_start=at, is_closed=is_closed)
        else:
            found = _word(text, signs, start, at, is_negated)
        yield found
        at = found.end


def _negates(signs: str, at: int) -> bool:
    """A minus right before what it takes away; `a - b` and `--force` are text."""
    following = signs[at + 1 : at + 2]
    return bool(following) and not following.isspace() and following not in ")|-"


def _phrase(text: str, start: int) -> tuple[Value, int, bool]:
    closing = _CURLY if text[start] in _CURLY else _STRAIGHT
    kept: list[str] = []
    at = start + 1
    while at < len(text):
        char = text[at]
        if char in closing:
            return _quoted(kept), at + 1, True
        if char == "\\" and at + 1 < len(text) and text[at + 1] in _ESCAPABLE:
            at += 1
            char = text[at]
        kept.append(char)
        at += 1
    return _quoted(kept), at, False


def _quoted(kept: list[str]) -> Value:
    return Value("".join(kept), QUOTED * len(kept))


def _word(text: str, signs: str, start: int, first: int, is_negated: bool) -> Lexeme:
    """Up to a space, a parenthesis or a bar.  After `name:` quotes are part of it, else they begin a phrase."""
    at, name, is_closed = first, "", True
    parts: list[Value] = []
    run = first  # where what isn't in parts yet begins
    while at < len(text) and not (sign := signs[at]).isspace() and sign not in "()|":
        if sign == '"':
            if not name:
                break
            quoted, after, is_closed = _phrase(text, at)
            parts += [Value(text[run:at], signs[run:at]), quoted]
            run = at = after
            continue
        if sign == ":" and not name and not parts and _NAME.fullmatch(text, first, at):
            name, run = text[first:at], at + 1
        at += 1
    parts.append(Value(text[run:at], signs[run:at]))
    value = Value("".join(part.text for part in parts), "".join(part.marks for part in parts))
    sort = Sort.WORD
    if not name and not is_negated and value.text in _CONNECTIVES:
        sort = Sort(value.text.lower())
    value_start = first + len(name) + 1 if name else first
    return Lexeme(sort, start, at, is_negated, name, value, value_start, is_closed)
