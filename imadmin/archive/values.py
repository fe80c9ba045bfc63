"""What stands behind an operator's colon, read: each reader turns it into a leaf of the query or says what is wrong."""

import difflib
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from imadmin.archive import moments
from imadmin.archive.lexemes import Value
from imadmin.archive.rows import Trait
from imadmin.archive.where import Client, From, Has, Id, In, InKind, LedBy, Named, OfKind, Sent, Seq, Where
from imadmin.core.errors import gettext_noop
from imadmin.gateway.payload import KINDS, SYSTEM_TYPES
from imadmin.gateway.types import ChannelRef, ChannelType, ContentKind

CHANNEL_KINDS: Mapping[str, int] = {kind.name.lower(): kind.value for kind in ChannelType}
CONTENT_KINDS: Mapping[str, ContentKind] = {kind.value: kind for kind in ContentKind} | {"unknown": ContentKind.BROKEN}
OF_TEXT: Mapping[str, Trait] = {
    "link": Trait.LINK,
    "image": Trait.IMAGE,
    "file": Trait.FILE,
    "phone": Trait.PHONE,
    "qr": Trait.QR,
}
OF_MESSAGE: Mapping[str, Trait] = {
    "system": Trait.SYSTEM,
    "stream": Trait.STREAM,
    "command": Trait.COMMAND,
    "edited": Trait.EDITED,
    "revoked": Trait.REVOKED,
    "doubled": Trait.DOUBLED,
    "unfinished": Trait.UNFINISHED,
}
NUMBER_MAX = 2**63 - 1
TYPE_MAX = 255
_DIGITS = re.compile(r"(?a)\d{1,19}")
_TYPE_NUMBER = re.compile(r"(?a)-?\d{1,18}")
_SEQ = re.compile(r"(?a)(>=|<=|>|<)?(\d{1,19})")

WHOLE_UID = gettext_noop("A sender is named by the whole uid. Quote it when the uid itself ends in *.")
TWO_UIDS = gettext_noop("A person chat has two people: write in:person:u1,u2. For all that one wrote: from:u1.")
TWO_OF_THEM = gettext_noop("Write two uids with a comma between them and no space, such as between:u1,u2.")
BAD_PEER = gettext_noop("Uids of a person chat can't hold @, # or &.")
NO_ID = gettext_noop("The channel's id is missing after the last colon.")
NO_SUCH_KIND = gettext_noop("There is no kind of channel “%(value)s”. Did you mean %(near)s?")
KIND_RANGE = gettext_noop("Channel types are numbers from 1 to 255.")
STAR_LAST = gettext_noop("A * stands at the end of an id only. Quote it when it is part of the id.")
NO_SUCH_TYPE = gettext_noop("“%(value)s” is no content type. Write one of %(values)s, or the payload's type number.")
NO_SUCH_VALUE = gettext_noop("“%(value)s” can't stand here. Write one of %(values)s.")
REVERSED_TIME = gettext_noop("This ends before it begins.")
REVERSED_SEQ = gettext_noop("The first number is greater than the last.")
BAD_SEQ = gettext_noop("Sequence numbers are written 5, 5..9, >5, >=5, <9 or <=9, and begin at 1.")
BAD_ID = gettext_noop("A message id is a whole number of at most 19 digits. A client's number goes into client:.")
BAD_NODE = gettext_noop("A node is named by its number.")


class BadValue(Exception):
    def __init__(self, template: str, params: Mapping[str, Any] | None = None) -> None:
        self.template, self.params = template, dict(params or {})
        super().__init__(template)


@dataclass(frozen=True, slots=True)
class Here:
    """Where and when the query is read."""

    zone: tzinfo
    now: datetime


def plain(value: Value) -> str:
    """For numbers, dates and words of our own: full-width forms as the usual ones."""
    return unicodedata.normalize("NFKC", value.text).strip()


def sender(value: Value, here: Here) -> Where:
    if value.marks.endswith("*"):
        raise BadValue(WHOLE_UID)
    return From(value.text)


def between(value: Value, here: Here) -> Where:
    return In(_person_chat(value, TWO_OF_THEM))


def channel(value: Value, here: Here) -> Where:
    """A kind, a channel of a kind, a channel of any kind, or how ids begin (…*)."""
    head, rest = value.split(":")
    kind = _kind_of(head)
    if rest is None:
        return InKind(kind) if kind is not None else _named(value, None)
    if kind is None and (wrong := _kind_meant(head)):
        raise BadValue(NO_SUCH_KIND, {"value": head.text, "near": wrong})
    if kind is None:
        kind = _type_number(head)
    if kind is None:
        return _named(value, None)
    return _named(rest, kind)


def content(value: Value, here: Here) -> Where:
    word = plain(value).lower().replace("-", "_")
    if kind := CONTENT_KINDS.get(word) or (ContentKind.RICH_TEXT if word == "richtext" else None):
        return OfKind(kind)
    if _TYPE_NUMBER.fullmatch(plain(value)):
        return OfKind(type_number=int(plain(value)))
    raise BadValue(NO_SUCH_TYPE, {"value": value.text, "values": ", ".join(CONTENT_KINDS)})


def has(value: Value, here: Here) -> Where:
    return Has(_one_of(value, OF_TEXT))


def is_(value: Value, here: Here) -> Where:
    return Has(_one_of(value, OF_MESSAGE))


def after(value: Value, here: Here) -> Where:
    return Sent(first=_period(plain(value), here)[0])


def before(value: Value, here: Here) -> Where:
    return Sent(last=_period(plain(value), here)[0])


def during(value: Value, here: Here) -> Where:
    """A day, month, year, minute …; two of them with .. between, both ends included; a relative time: since then."""
    begin, dots, end = plain(value).partition("..")
    if not dots:
        return Sent(*_period(begin, here))
    if not begin and not end:
        raise BadValue(moments.FORMS, {"value": value.text})
    first = _period(begin, here)[0] if begin else None
    last: int | None = None
    if end:
        starts, ends = _period(end, here)
        last = starts if ends is None else ends
    if first is not None and last is not None and first >= last:
        raise BadValue(REVERSED_TIME)
    return Sent(first, last)


def seq(value: Value, here: Here) -> Where:
    text = plain(value)
    begin, dots, end = text.partition("..")
    if dots:
        first, last = _seq_number(begin), _seq_number(end)
        if first is None and last is None:
            raise BadValue(BAD_SEQ)
    else:
        found = _SEQ.fullmatch(text)
        if found is None:
            raise BadValue(BAD_SEQ)
        number = _seq_number(found[2]) or 0
        first, last = {
            ">": (number + 1, None),
            ">=": (number, None),
            "<": (None, number - 1),
            "<=": (None, number),
        }.get(found[1], (number, number))
    if (last is not None and last < 1) or (first or 1) > NUMBER_MAX:
        raise BadValue(BAD_SEQ)
    if first is not None and last is not None and first > last:
        raise BadValue(REVERSED_SEQ)
    return Seq(first, last)


def message_id(value: Value, here: Here) -> Where:
    text = plain(value)
    if not (_DIGITS.fullmatch(text) and 0 < int(text) <= NUMBER_MAX):
        raise BadValue(BAD_ID)
    return Id(int(text))


def client(value: Value, here: Here) -> Where:
    return Client(value.text)


def node(value: Value, here: Here) -> Where:
    text = plain(value)
    if not (_DIGITS.fullmatch(text) and 0 < int(text) <= NUMBER_MAX):
        raise BadValue(BAD_NODE)
    return LedBy(int(text))


def kind_of_number(number: int) -> ContentKind:
    """What a payload with this type number is read as."""
    return ContentKind.SYSTEM if number in SYSTEM_TYPES else KINDS.get(number, ContentKind.CUSTOM)


def nearest(word: str, words: Mapping[str, Any] | list[str] | tuple[str, ...]) -> str:
    """The known word that this one is a slip of, or ""."""
    return next(iter(difflib.get_close_matches(word[:32], list(words), n=1, cutoff=0.72)), "")


def _kind_of(head: Value) -> int | None:
    """The channel type this names, by word or by number; a number beyond those with a name may well be an id."""
    if head.is_quoted:
        return None
    word = plain(head).lower().replace("-", "_")
    if word in CHANNEL_KINDS:
        return CHANNEL_KINDS[word]
    number = int(word) if _DIGITS.fullmatch(word) else 0
    return number if number in CHANNEL_KINDS.values() and str(number) == word else None


def _type_number(head: Value) -> int | None:
    """Before a colon any number is a type."""
    text = plain(head)
    if head.is_quoted or not _DIGITS.fullmatch(text):
        return None
    if not 1 <= int(text) <= TYPE_MAX:
        raise BadValue(KIND_RANGE)
    return int(text)


def _kind_meant(head: Value) -> str:
    return "" if head.is_quoted else nearest(plain(head).lower().replace("-", "_"), CHANNEL_KINDS)


def _named(value: Value, kind: int | None) -> Where:
    """A channel by its id, or those whose ids begin so."""
    if not value.text:
        raise BadValue(NO_ID)
    star = value.marks.find("*")
    if star >= 0:
        if star != len(value.marks) - 1:
            raise BadValue(STAR_LAST)
        return InKind(kind, value.text[:-1])
    if kind is None:
        return Named(value.text)
    if kind == ChannelType.PERSON and "@" not in value.text and ("," in value.marks or not value.is_quoted):
        return In(_person_chat(value, TWO_UIDS))
    return In(ChannelRef(value.text, kind))


def _person_chat(value: Value, wrong: str) -> ChannelRef:
    one, other = value.split(",")
    if other is None or not one.text or not other.text or "," in other.marks:
        raise BadValue(wrong)
    if any(sign in one.text + other.text for sign in "@#&"):
        raise BadValue(BAD_PEER)
    return ChannelRef.person(one.text, other.text)


def _one_of(value: Value, traits: Mapping[str, Trait]) -> Trait:
    word = plain(value).lower()
    if word not in traits:
        raise BadValue(NO_SUCH_VALUE, {"value": value.text, "values": ", ".join(traits)})
    return traits[word]


def _period(text: str, here: Here) -> tuple[int, int | None]:
    try:
        return moments.period(text, zone=here.zone, now=here.now)
    except moments.BadMoment as bad:
        raise BadValue(bad.template, {"value": bad.value}) from None


def _seq_number(text: str) -> int | None:
    if not text:
        return None
    if not _DIGITS.fullmatch(text) or not 1 <= int(text) <= NUMBER_MAX:
        raise BadValue(BAD_SEQ)
    return int(text)
