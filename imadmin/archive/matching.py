"""Whether a stored message is what a query asks for: exact, one message at a time, the same for every engine."""

import re
from collections.abc import Callable

from imadmin.archive.norm import norm
from imadmin.archive.rows import Stored
from imadmin.archive.texts import normal_of
from imadmin.archive.values import kind_of_number
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
from imadmin.gateway.payload import decode
from imadmin.gateway.types import ChannelRef

LeaderOf = Callable[[ChannelRef], int | None]
# Characters of a normal text that stand in a text's normal form wherever they stand in the text: none is dropped or
# becomes another, and none composes with what is before it.  A letter may with a mark behind it.
_STEADY = re.compile(r"[0-9a-z_\u4e00-\u9fff]+")
_NO_MARK = r"(?=[ -~\u4e00-\u9fff]|\Z)"


class _Looked:
    """A message under the glass; its normal text is made when it is first asked for, and once."""

    __slots__ = ("_normal", "stored")

    def __init__(self, stored: Stored) -> None:
        self.stored = stored
        self._normal: str | None = None

    @property
    def normal(self) -> str:
        if self._normal is None:
            self._normal = normal_of(self.stored)
        return self._normal


_Test = Callable[[_Looked], bool]


def matcher(where: Where, *, leader_of: LeaderOf = lambda channel: None) -> Callable[[Stored], bool]:
    """leader_of: the node that led a channel when the server's channels were last listed; None = not known."""
    test = _test(where, leader_of)
    return lambda stored: test(_Looked(stored))


def _test(where: Where, leader_of: LeaderOf) -> _Test:
    match where:
        case All(parts):
            tests = [_test(part, leader_of) for part in sorted(parts, key=_cost)]
            return lambda one: all(test(one) for test in tests)
        case Any(parts):
            tests = [_test(part, leader_of) for part in sorted(parts, key=_cost)]
            return lambda one: any(test(one) for test in tests)
        case Not(part):
            test = _test(part, leader_of)
            return lambda one: not test(one)
        case Says(text):
            return _says(norm(text))
        case OfKind(None, number):
            return lambda one: _has_number(one.stored, number)
        case LedBy(node):
            return lambda one: leader_of(one.stored.channel) == node
    return _field(where)


def _says(wanted: str) -> _Test:
    """Mostly the text holds the word as it is wanted: that is known without making its normal form."""
    if not _STEADY.fullmatch(wanted):
        return lambda one: wanted in one.normal
    if wanted[-1] > "\x7f":
        return lambda one: wanted in one.stored.text or wanted in one.normal
    is_there = re.compile(wanted + _NO_MARK).search
    return lambda one: is_there(one.stored.text) is not None or wanted in one.normal


def _field(where: Where) -> _Test:
    """A test of one field."""
    match where:
        case From(uid):
            return lambda one: one.stored.from_uid == uid
        case In(channel):
            return lambda one: one.stored.channel == channel
        case InKind(kind, prefix):
            return lambda one: kind in (None, one.stored.channel.type) and one.stored.channel.id.startswith(prefix)
        case Named(channel_id):
            return lambda one: one.stored.channel.id == channel_id
        case OfKind(kind):
            return lambda one: one.stored.kind is kind
        case Sent(first, last):
            return lambda one: _is_between(one.stored.sent_at, first, None if last is None else last - 1)
        case Seq(first, last):  # a message whose number is unknown has 0
            return lambda one: _is_between(one.stored.seq, 1 if first is None else first, last)
        case Id(number):
            return lambda one: one.stored.id == number
        case Client(number):
            return lambda one: one.stored.client_msg_no == number
        case Has(trait):
            return lambda one: trait in one.stored.traits
    raise TypeError(where)


def _has_number(stored: Stored, number: int | None) -> bool:
    return stored.kind is kind_of_number(number or 0) and decode(stored.payload).type_number == number


def _is_between(value: int, first: int | None, last: int | None) -> bool:
    return (first is None or value >= first) and (last is None or value <= last)


def _cost(where: Where) -> int:
    """Cheap tests first: a field, then a text, then a payload."""
    match where:
        case All(parts) | Any(parts):
            return max(map(_cost, parts), default=0)
        case Not(part):
            return _cost(part)
        case Says():
            return 1
        case OfKind(None):
            return 2
    return 0
