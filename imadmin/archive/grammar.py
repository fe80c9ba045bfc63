"""The language of the search box: text to a tree, the tree back to text, and what is wrong with it and where.

    退款 from:u1 in:group:g42 after:2026-11-01 -type:image "红包 返现"

Words side by side must all hold; OR binds weaker than that; a minus takes away; parentheses group.  Reading takes
linear time, evaluates nothing, and finds every fault of a query at once.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any as Anything

from imadmin.archive import moments
from imadmin.archive.lexemes import Lexeme, Sort, lex
from imadmin.archive.norm import norm
from imadmin.archive.operators import BY_NAME, channel_value, quoted
from imadmin.archive.values import CHANNEL_KINDS, OF_MESSAGE, OF_TEXT, BadValue, Here, nearest
from imadmin.archive.where import (
    All,
    Any,
    Client,
    From,
    Has,
    Id,
    In,
    InKind,
    LedBy,
    Named,
    Not,
    OfKind,
    Says,
    Sent,
    Seq,
    Where,
)
from imadmin.core.errors import InvalidInput, gettext_noop

LONGEST = 2000  # characters
MOST_LEAVES = 64
DEEPEST = 12
_PLAIN_NAME = re.compile(r"[a-z]{2,10}")
_TERMS = (Sort.WORD, Sort.PHRASE, Sort.OPEN)

TOO_LONG = gettext_noop("A query has at most %(most)s characters.")
TOO_MANY = gettext_noop("A query has at most %(most)s words and operators.")
TOO_DEEP = gettext_noop("Parentheses stand at most %(most)s deep.")
UNOPENED = gettext_noop("No parenthesis was opened before this one. Quote it to search for it.")
UNCLOSED = gettext_noop("This parenthesis is never closed. Quote it to search for it.")
EMPTY_GROUP = gettext_noop("There is nothing between these parentheses.")
UNCLOSED_QUOTE = gettext_noop("This quote is never closed.")
EMPTY_QUOTE = gettext_noop("There is nothing to search for between these quotes.")
INVISIBLE = gettext_noop("Nothing of this can be seen, so it can't be searched for.")
NOTHING_BEFORE = gettext_noop("Nothing stands before this %(word)s. Quote it to search for the word.")
NOTHING_AFTER = gettext_noop("Nothing stands after this %(word)s. Quote it to search for the word.")
NO_VALUE = gettext_noop("Write right after the colon what %(name)s: should be, such as %(example)s.")
UNKNOWN_NEAR = gettext_noop("There is no %(name)s: here. Did you mean %(near)s:? Quote it to search for it as text.")
UNKNOWN = gettext_noop("There is no %(name)s: here. Quote it to search for it as text.")


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with the characters from start to end."""

    start: int
    end: int
    msgid: str
    params: Mapping[str, Anything] = field(default_factory=dict)

    def text(self, translate: Anything = gettext_noop) -> str:
        template = str(translate(self.msgid))
        return template % self.params if self.params else template


class QueryError(InvalidInput):
    """The query can't be read; faults in the order of the text, at least one."""

    code = "bad_query"
    title = gettext_noop("The query can't be read; nothing was searched")

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(sorted(faults, key=lambda fault: (fault.start, fault.end)))
        params: dict[str, Anything] = {}
        sentences = []
        for fault in self.faults:  # the sentences of a field share their params, so those that would clash stay away
            if all(params.get(name, value) == value for name, value in fault.params.items()):
                params.update(fault.params)
                sentences.append(fault.msgid)
        super().__init__({"q": list(dict.fromkeys(sentences))}, params=params)


@dataclass(frozen=True, slots=True)
class QueryWord:
    """A piece of a query as typed.  kind: word, phrase, operator, unknown (a name nobody knows), or and not ( ).

    name: an operator's own name, also where an alias was typed; value: without quotes.
    """

    start: int
    end: int
    kind: str
    name: str = ""
    value: str = ""
    is_negated: bool = False


def parse(text: str, *, zone: tzinfo = UTC, now: datetime | None = None) -> Where:
    """The tree of a query; All() for one that asks for nothing, which every message matches.  Raises QueryError."""
    if len(text) > LONGEST:
        raise QueryError([Fault(LONGEST, len(text), TOO_LONG, {"most": LONGEST})])
    reader = _Reader(lex(text), Here(zone, now or datetime.now(UTC)))
    where = reader.either(0)
    if reader.faults:
        raise QueryError(reader.faults)
    return where or All()


def words(text: str) -> tuple[QueryWord, ...]:
    """The pieces of a query, for chips; also of one with faults."""
    return tuple(_query_word(lexeme) for lexeme in lex(text[:LONGEST]))


def all_of(parts: Iterable[Where]) -> Where:
    """What holds when all of these do, in the one shape that `parse` gives too."""
    flat = [leaf for part in parts for leaf in (part.parts if isinstance(part, All) else (part,))]
    return flat[0] if len(flat) == 1 else All(tuple(flat))


def any_of(parts: Iterable[Where]) -> Where:
    flat = [leaf for part in parts for leaf in (part.parts if isinstance(part, Any) else (part,))]
    return flat[0] if len(flat) == 1 else Any(tuple(flat))


def none_of(part: Where) -> Where:
    return part.part if isinstance(part, Not) else Not(part)


def told(where: Where, *, zone: tzinfo = UTC) -> str:
    """The query as text that `parse` reads as this same tree in the same zone."""
    match where:
        case All(parts):
            return " ".join(_side(part, Any, zone) for part in parts)
        case Any(parts):
            return " OR ".join(_side(part, All, zone) for part in parts)
        case Not(part):
            return f"-{_side(part, (All, Any), zone)}"
        case Says(text):
            return text if _is_bare_text(text) else quoted(text, always=True)
        case _:
            return _told_leaf(where, zone)


def _side(part: Where, grouped: type | tuple[type, ...], zone: tzinfo) -> str:
    text = told(part, zone=zone)
    return f"({text})" if isinstance(part, grouped) else text


def _told_leaf(where: Where, zone: tzinfo) -> str:
    match where:
        case From(uid):
            return f"from:{quoted(uid)}"
        case In(channel):
            return f"in:{channel_value(channel)}"
        case InKind(kind, prefix):
            return f"in:{_told_kind(kind, prefix)}"
        case Named(id):
            return f"in:{quoted(id, always=id.lower() in CHANNEL_KINDS or id.isdigit() or '-' in id)}"
        case OfKind(kind, number):
            return f"type:{kind.value if kind else number}"
        case Sent(first, last):
            return _told_time(first, last, zone)
        case Seq(first, last):
            return f"seq:{first if first == last else f'{_number(first)}..{_number(last)}'}"
        case Id(number):
            return f"id:{number}"
        case Client(text):
            return f"client:{quoted(text)}"
        case Has(trait):
            name = next((name for name, each in OF_TEXT.items() if each == trait), "")
            return f"has:{name}" if name else f"is:{next(name for name, each in OF_MESSAGE.items() if each == trait)}"
        case LedBy(node):
            return f"node:{node}"
    raise TypeError(where)


def _told_kind(kind: int | None, prefix: str) -> str:
    name = next((name for name, number in CHANNEL_KINDS.items() if number == kind), str(kind))
    ids = f"{quoted(prefix) if prefix else ''}*"
    if kind is None:
        return ids
    return name if not prefix and kind in CHANNEL_KINDS.values() else f"{name}:{ids}"


def _told_time(first: int | None, last: int | None, zone: tzinfo) -> str:
    if last is None:
        return f"after:{moments.written(first or 0, zone)}"
    if first is None:
        return f"before:{moments.written(last, zone)}"
    begin, end = moments.written(first, zone), moments.written_end(last, zone)
    return f"on:{begin}" if begin == end else f"during:{begin}..{end}"


def _number(value: int | None) -> str:
    return "" if value is None else str(value)


def _is_bare_text(text: str) -> bool:
    found = lex(text)
    if len(found) != 1 or found[0].sort is not Sort.WORD or found[0].is_negated:
        return False
    return found[0].whole == text and _query_word(found[0]).kind == "word"


def _query_word(lexeme: Lexeme) -> QueryWord:
    operator = BY_NAME.get(lexeme.name.lower()) if lexeme.name else None
    if operator:
        kind, name, value = "operator", operator.name, lexeme.value.text
    elif lexeme.sort is Sort.WORD and _mistaken(lexeme):
        kind, name, value = "unknown", lexeme.name, lexeme.value.text
    else:
        kind, name, value = lexeme.sort.value, "", lexeme.whole
    return QueryWord(lexeme.start, lexeme.end, kind, name, value, lexeme.is_negated)


def _mistaken(lexeme: Lexeme) -> Fault | None:
    """A word that was meant as an operator, as far as one can tell; http://x, 12:30 and Re:x are text."""
    value = lexeme.value
    if not lexeme.name or value.marks.startswith("/"):
        return None
    start = lexeme.value_start - len(lexeme.name) - 1
    end = lexeme.value_start
    if near := nearest(lexeme.name.lower(), tuple(BY_NAME)):
        return Fault(start, end, UNKNOWN_NEAR, {"name": lexeme.name, "near": near})
    if value.marks and _PLAIN_NAME.fullmatch(lexeme.name):
        return Fault(start, end, UNKNOWN, {"name": lexeme.name})
    return None


class _Reader:
    """Recursive descent over the pieces; it goes on after a fault, to find the others."""

    def __init__(self, lexemes: Sequence[Lexeme], here: Here) -> None:
        self.lexemes = lexemes
        self.here = here
        self.at = 0
        self.leaves = 0
        self.faults: list[Fault] = []

    @property
    def next(self) -> Lexeme | None:
        return self.lexemes[self.at] if self.at < len(self.lexemes) else None

    def either(self, depth: int) -> Where | None:
        """Up to the closing parenthesis of this depth, which stays, or to the end."""
        choices: list[Where] = []
        waiting: Lexeme | None = None  # an OR that has nothing behind it yet
        while True:
            start = self.at
            part = self.both(depth)
            if part is not None:
                choices.append(part)
            is_blank = self.at == start
            following = self.next
            if following is not None and following.sort is Sort.OR:
                if is_blank:
                    self.say(following, NOTHING_BEFORE, word="OR")
                waiting = following
                self.at += 1
                continue
            if is_blank and waiting is not None:
                self.say(waiting, NOTHING_AFTER, word="OR")
            return any_of(choices) if choices else None

    def both(self, depth: int) -> Where | None:
        """Terms side by side, up to an OR."""
        parts: list[Where] = []
        start = self.at
        while (lexeme := self.next) is not None and lexeme.sort is not Sort.OR:
            if lexeme.sort is Sort.CLOSE:
                if depth:
                    break
                self.say(lexeme, UNOPENED)
                self.at += 1
            elif lexeme.sort is Sort.AND:
                if self.at == start:
                    self.say(lexeme, NOTHING_BEFORE, word="AND")
                self.at += 1
                if self.next is None or self.next.sort not in (*_TERMS, Sort.NOT):
                    self.say(lexeme, NOTHING_AFTER, word="AND")
            elif (part := self.term(lexeme, depth)) is not None:
                parts.append(part)
        return all_of(parts) if parts else None

    def term(self, lexeme: Lexeme, depth: int) -> Where | None:
        is_negated = False
        while lexeme.sort is Sort.NOT:
            is_negated = not is_negated
            self.at += 1
            following = self.next
            if following is None or following.sort not in (*_TERMS, Sort.NOT):
                self.say(lexeme, NOTHING_AFTER, word="NOT")
                return None
            lexeme = following
        self.at += 1
        part = self.group(lexeme, depth) if lexeme.sort is Sort.OPEN else self.leaf(lexeme)
        return none_of(part) if part is not None and is_negated != lexeme.is_negated else part

    def group(self, opened: Lexeme, depth: int) -> Where | None:
        if depth == DEEPEST:
            self.say(opened, TOO_DEEP, most=DEEPEST)
            self.skip_group()
            return None
        start = self.at
        part = self.either(depth + 1)
        closing = self.next
        if closing is None:
            self.say(opened, UNCLOSED)
        elif self.at == start:
            self.say(opened, EMPTY_GROUP)
        self.at += 1
        return part

    def skip_group(self) -> None:
        depth = 1
        while depth and (lexeme := self.next) is not None:
            depth += (lexeme.sort is Sort.OPEN) - (lexeme.sort is Sort.CLOSE)
            self.at += 1

    def leaf(self, lexeme: Lexeme) -> Where | None:
        self.leaves += 1
        if self.leaves > MOST_LEAVES:
            if self.leaves == MOST_LEAVES + 1:
                self.say(lexeme, TOO_MANY, most=MOST_LEAVES)
            return None
        if not lexeme.is_closed:
            self.faults.append(Fault(lexeme.value_start, lexeme.end, UNCLOSED_QUOTE))
            return None
        operator = BY_NAME.get(lexeme.name.lower()) if lexeme.name else None
        if operator is None:
            return self.text(lexeme)
        if not lexeme.value.text.strip():
            self.say(lexeme, NO_VALUE, name=operator.name, example=operator.examples[0])
            return None
        try:
            return operator.read(lexeme.value, self.here)
        except BadValue as bad:
            self.faults.append(Fault(lexeme.value_start, lexeme.end, bad.template, bad.params))
            return None

    def text(self, lexeme: Lexeme) -> Where | None:
        if lexeme.sort is Sort.WORD and (fault := _mistaken(lexeme)):
            self.faults.append(fault)
            return None
        if not norm(lexeme.whole).strip():
            self.say(lexeme, EMPTY_QUOTE if not lexeme.whole.strip() else INVISIBLE)
            return None
        return Says(lexeme.whole)

    def say(self, lexeme: Lexeme, msgid: str, **params: Anything) -> None:
        self.faults.append(Fault(lexeme.start, lexeme.end, msgid, params))
