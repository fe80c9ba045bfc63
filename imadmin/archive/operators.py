"""The operators of a query in one table: the grammar reads by it, help and completion are made of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from imadmin.archive import values
from imadmin.archive.lexemes import Lexeme, Sort, Value, lex
from imadmin.archive.values import CHANNEL_KINDS, CONTENT_KINDS, OF_MESSAGE, OF_TEXT, Here
from imadmin.archive.where import Where
from imadmin.core.errors import gettext_noop
from imadmin.gateway.types import ChannelRef

MOST_SUGGESTED = 12
_DATES = ("today", "yesterday", "-1h", "-24h", "-7d", "-30d")


@dataclass(frozen=True, slots=True)
class Operator:
    """takes, help: msgids.  values: what can be offered without looking anything up; () = anything."""

    name: str
    read: Callable[[Value, Here], Where]
    takes: str
    help: str
    examples: tuple[str, str]
    values: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()


_WHEN = gettext_noop("a date, a time, or how long ago")

OPERATORS: tuple[Operator, ...] = (
    Operator(
        "from",
        values.sender,
        gettext_noop("a uid"),
        gettext_noop("Who sent it"),
        ("from:u1", 'from:"odd uid"'),
        aliases=("uid", "sender"),
    ),
    Operator(
        "in",
        values.channel,
        gettext_noop("a channel, a kind of channel, or how ids begin"),
        gettext_noop("Where it was sent"),
        ("in:group:g42", "in:vip-*"),
        tuple(CHANNEL_KINDS),
        ("channel",),
    ),
    Operator(
        "between",
        values.between,
        gettext_noop("two uids"),
        gettext_noop("The chat of two people, in either order"),
        ("between:u1,u2", "in:person:u1,u2"),
    ),
    Operator(
        "type",
        values.content,
        gettext_noop("a content type"),
        gettext_noop("What kind of message it is"),
        ("type:image", "-type:system"),
        tuple(CONTENT_KINDS),
        ("kind",),
    ),
    Operator(
        "after",
        values.after,
        _WHEN,
        gettext_noop("Sent then or later"),
        ("after:2026-11-01", "after:-2h"),
        _DATES,
        ("since",),
    ),
    Operator(
        "before",
        values.before,
        _WHEN,
        gettext_noop("Sent earlier than that"),
        ("before:2026-11-01T10:00", "before:-7d"),
        _DATES,
        ("until",),
    ),
    Operator(
        "on",
        values.during,
        gettext_noop("a day, month or year"),
        gettext_noop("Sent within it"),
        ("on:2026-11-01", "on:today"),
        ("today", "yesterday"),
    ),
    Operator(
        "during",
        values.during,
        gettext_noop("two dates with .. between, or one"),
        gettext_noop("Sent within it, the last day included"),
        ("during:2026-11-01..2026-11-05", "during:2026-11"),
        ("today", "yesterday", "-7d"),
    ),
    Operator(
        "seq",
        values.seq,
        gettext_noop("a number or a range"),
        gettext_noop("Its sequence number in its channel"),
        ("seq:48200..48300", "seq:>100"),
    ),
    Operator(
        "id",
        values.message_id,
        gettext_noop("a message id"),
        gettext_noop("The message of this id"),
        ("id:1991377204518416384", "-id:1991377204518416384"),
    ),
    Operator(
        "client",
        values.client,
        gettext_noop("a client's number"),
        gettext_noop("The number its sender's app gave it"),
        ("client:7f3a9c", 'client:"a b"'),
        aliases=("client_msg_no",),
    ),
    Operator(
        "has",
        values.has,
        gettext_noop("link, image, file, phone or qr"),
        gettext_noop("What it carries"),
        ("has:link", "-has:phone"),
        tuple(OF_TEXT),
    ),
    Operator(
        "is",
        values.is_,
        gettext_noop("what it is or what became of it"),
        gettext_noop("Edited, revoked, a command, …"),
        ("is:revoked", "-is:command"),
        tuple(OF_MESSAGE),
    ),
    Operator(
        "node",
        values.node,
        gettext_noop("a node's number"),
        gettext_noop("In a channel that this node leads"),
        ("node:1001", "-node:1003"),
    ),
)
BY_NAME: Mapping[str, Operator] = {
    name: operator for operator in OPERATORS for name in (operator.name, *operator.aliases)
}


class Lookups(Protocol):
    """What completion asks the archive; an engine is one."""

    def channels_like(self, prefix: str, *, kind: int | None = None, most: int = 20) -> Sequence[ChannelRef]: ...

    def senders_like(self, prefix: str, *, most: int = 20) -> Sequence[str]: ...

    def leaders(self) -> Sequence[int]: ...


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Put `text` in place of the characters from start to end.  help: a msgid or ""; is_open: more is to be typed."""

    start: int
    end: int
    text: str
    help: str = ""
    example: str = ""
    is_open: bool = False


def complete(text: str, caret: int, *, lookups: Lookups | None = None) -> tuple[Suggestion, ...]:
    """What may stand at the caret: operators by how their names begin, then the values of one.  Never raises."""
    caret = max(0, min(caret, len(text)))
    under = next((found for found in lex(text) if found.start < caret <= found.end), None)
    if under is None or under.sort in (Sort.OPEN, Sort.CLOSE, Sort.OR):
        return _names("", caret, caret)
    if under.sort is Sort.PHRASE:
        return ()
    start = under.start + under.is_negated
    operator = BY_NAME.get(under.name.lower())
    if operator is None:
        return () if under.name else _names(text[start:caret].lower(), start, under.end)
    if caret < under.value_start:
        return _names(text[start:caret].lower(), start, under.value_start)
    typed = lex(text[start:caret])[0].value
    found = dict.fromkeys(_values(operator, typed, lookups))
    return tuple(
        Suggestion(start, under.end, f"{operator.name}:{value}", is_open=value.endswith(":"))
        for value in list(found)[:MOST_SUGGESTED]
    )


def _names(prefix: str, start: int, end: int) -> tuple[Suggestion, ...]:
    return tuple(
        Suggestion(start, end, f"{operator.name}:", operator.help, operator.examples[0], is_open=True)
        for operator in OPERATORS
        if any(name.startswith(prefix) for name in (operator.name, *operator.aliases))
    )


def _values(operator: Operator, typed: Value, lookups: Lookups | None) -> list[str]:
    if operator.name == "from":
        senders = lookups.senders_like(typed.text, most=MOST_SUGGESTED) if lookups else ()
        return [quoted(uid) for uid in senders]
    if operator.name == "in":
        return _channels(typed, lookups)
    if operator.name == "node":
        nodes = map(str, lookups.leaders()) if lookups else ()
        return [node for node in nodes if node.startswith(typed.text)]
    return [value for value in operator.values if value.startswith(typed.text.lower())]


def _channels(typed: Value, lookups: Lookups | None) -> list[str]:
    """Kinds, then channels: of the kind that is already typed, or of any."""
    head, rest = typed.split(":")
    kind = CHANNEL_KINDS.get(head.text.lower()) if rest is not None else None
    prefix = rest.text if kind is not None and rest is not None else typed.text
    kinds = [name for name in CHANNEL_KINDS if rest is None and name.startswith(typed.text.lower())]
    found = lookups.channels_like(prefix.rstrip("*"), kind=kind, most=MOST_SUGGESTED) if lookups else ()
    if not typed.text:
        return kinds
    return [*kinds[:4], *(channel_value(channel) for channel in found)]


def channel_value(channel: ChannelRef) -> str:
    """group:g42; types without a name by their number."""
    kind = next((name for name, number in CHANNEL_KINDS.items() if number == channel.type), str(channel.type))
    is_inbox = channel.is_person and "@" not in channel.id
    return f"{kind}:{quoted(channel.id, always=is_inbox)}"


def quoted(text: str, *, always: bool = False) -> str:
    """A value as it is written after a colon: bare when nothing in it is a sign."""
    if not always and text and is_bare(text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("＂", "\\＂")
    return f'"{escaped}"'


def is_bare(text: str) -> bool:
    found: tuple[Lexeme, ...] = lex(f"x:{text}")
    return len(found) == 1 and found[0].value.text == text and not any(sign in found[0].value.marks for sign in "\0*,:")
