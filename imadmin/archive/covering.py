"""From a query to what an index can answer of it: never less than its matches, as little more as can be known."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from imadmin.archive import grams
from imadmin.archive.cover import AllOf, AnyOf, Cover, Token, Without
from imadmin.archive.engines.base import RID_MAX, above_of, below_of
from imadmin.archive.norm import norm
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
from imadmin.gateway.types import ChannelRef

Channels = Callable[[Where], Sequence[ChannelRef] | None]
"""The channels a leaf (InKind, Named, LedBy) names, all of them; None = too many, or nobody knows."""

_NOTHING = grams.channel_token(ChannelRef("", 0))  # no message is in a channel without an id and a type


@dataclass(frozen=True, slots=True)
class Covered:
    """cover: None = every message.  Candidates have above < rid < below."""

    cover: Cover | None
    above: int = -1
    below: int = RID_MAX


def cover_of(where: Where, *, channels: Channels = lambda leaf: None, spill: int = 0) -> Covered:
    """spill: seconds by which an engine may place a message later than it was sent."""
    first, last = times_of(where)
    return Covered(
        _cover(where, channels),
        above=-1 if first is None else above_of(first),
        below=RID_MAX if last is None else below_of(last, spill),
    )


def times_of(where: Where) -> tuple[int | None, int | None]:
    """Seconds that every match lies between: first <= sent_at < last."""
    match where:
        case Sent(first, last):
            return first, last
        case All(parts):
            known = [times_of(part) for part in parts]
            firsts = [first for first, _ in known if first is not None]
            lasts = [last for _, last in known if last is not None]
            return max(firsts, default=None), min(lasts, default=None)
        case Any(parts):
            known = [times_of(part) for part in parts]
            is_open = any(first is None for first, _ in known), any(last is None for _, last in known)
            return (
                None if is_open[0] else min(first for first, _ in known if first is not None),
                None if is_open[1] else max(last for _, last in known if last is not None),
            )
        case Not(Sent(first, None)) if first is not None:
            return None, first
        case Not(Sent(None, last)) if last is not None:
            return last, None
    return None, None


def ids_of(where: Where) -> frozenset[int] | None:
    """The ids that every match is one of; None = any."""
    match where:
        case Id(number):
            return frozenset({number})
        case All(parts):
            known = [ids for part in parts if (ids := ids_of(part)) is not None]
            return frozenset.intersection(*known) if known else None
        case Any(parts):
            each = [ids_of(part) for part in parts]
            return None if None in each else frozenset().union(*(ids for ids in each if ids is not None))
    return None


def range_of(where: Where) -> tuple[ChannelRef, int, int] | None:
    """The one channel and the closed range of sequence numbers that every match lies in."""
    parts = where.parts if isinstance(where, All) else (where,)
    channel = next((part.channel for part in parts if isinstance(part, In)), None)
    firsts = [part.first for part in parts if isinstance(part, Seq) and part.first is not None]
    lasts = [part.last for part in parts if isinstance(part, Seq) and part.last is not None]
    if channel is None or not lasts:
        return None
    return channel, max(firsts, default=1), min(lasts)


def _cover(where: Where, channels: Channels) -> Cover | None:
    match where:
        case All(parts):
            return _all(parts, channels)
        case Any(parts):
            covers = [_cover(part, channels) for part in parts]
            known = [cover for cover in covers if cover is not None]
            return _any(known) if len(known) == len(covers) else None
        case Not(Not(part)):
            return _cover(part, channels)
        case Not(Any(parts)):
            return _all([Not(part) for part in parts], channels)
        case Not(All(parts)):
            return _cover(Any(tuple(Not(part) for part in parts)), channels)
        case Says(text):
            return grams.word_cover(norm(text))
        case InKind(kind, prefix):
            found = channels(where) if prefix else None
            if found is not None:
                return _any([grams.channel_token(channel) for channel in found])
            return None if kind is None else grams.kind_of_channel_token(kind)
        case Named() | LedBy():
            found = channels(where)
            return None if found is None else _any([grams.channel_token(channel) for channel in found])
    return _token(where)


def _token(where: Where) -> Token | None:
    """The mark that all matches carry and, but for a type number, nothing else does."""
    match where:
        case From(uid):
            return grams.sender_token(uid)
        case In(channel):
            return grams.channel_token(channel)
        case InKind(kind, "") if kind is not None:
            return grams.kind_of_channel_token(kind)
        case OfKind(kind, number):
            return grams.kind_token(kind if kind is not None else kind_of_number(number or 0))
        case Has(trait):
            return grams.trait_token(trait)
        case Client(number) if number:
            return grams.client_token(number)
    return None


def _all(parts: Iterable[Where], channels: Channels) -> Cover | None:
    """What is known of each part; what must not be there is taken away from what must."""
    covers: list[Cover] = []
    unwanted: list[Token] = []
    for part in _flat(parts):
        if isinstance(part, Not) and (token := _taken_away(part.part)) is not None:
            unwanted.append(token)
        elif (cover := _cover(part, channels)) is not None:
            covers.append(cover)
    if not covers:
        return None
    whole = covers[0] if len(covers) == 1 else AllOf(tuple(covers))
    return Without(whole, tuple(dict.fromkeys(unwanted))) if unwanted else whole


def _flat(parts: Iterable[Where]) -> Iterable[Where]:
    for part in parts:
        match part:
            case All(inner):
                yield from _flat(inner)
            case Not(Any(inner)):
                yield from _flat([Not(each) for each in inner])
            case _:
                yield part


def _taken_away(where: Where) -> Token | None:
    """A mark that only matches carry, so that all who carry it can be left out."""
    return None if isinstance(where, OfKind) and where.kind is None else _token(where)


def _any(covers: Sequence[Cover]) -> Cover:
    if not covers:
        return _NOTHING
    return covers[0] if len(covers) == 1 else AnyOf(tuple(covers))
