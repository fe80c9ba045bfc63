"""Which channels a search is bound to: what is said of how complete its answer is concerns these alone."""

from collections.abc import Iterable
from dataclasses import dataclass

from imadmin.archive.engines.base import Engine
from imadmin.archive.where import All, Any, In, InKind, Named, Where
from imadmin.gateway.types import ChannelRef

MOST = 100  # channels looked at one by one; a search in more is told of as one in all
TYPES = 300  # a type is a byte


@dataclass(frozen=True, slots=True)
class Bound:
    """channels: it finds messages in no others; None = in any.  unknown: named ones that the archive hasn't.

    is_wide: it is bound to more channels than are looked at one by one.
    """

    channels: tuple[ChannelRef, ...] | None = None
    unknown: int = 0
    is_wide: bool = False


def bound_of(engine: Engine, where: Where) -> Bound:
    match where:
        case In(channel):
            return Bound((channel,))
        case Named(name):
            like = engine.channels_like(name, most=TYPES)  # itself comes first, of each type
            found = tuple(channel for channel in like if channel.id == name)
            return Bound(found, unknown=int(not found))
        case InKind(kind, prefix) if kind is not None or prefix:
            found = tuple(engine.channels_like(prefix, kind=kind, most=MOST + 1))
            return _within(found, unknown=int(bool(prefix) and not found))
        case All(parts):
            return _narrowest([bound_of(engine, part) for part in parts])
        case Any(parts):
            return _together([bound_of(engine, part) for part in parts])
    return Bound()


def _narrowest(bounds: Iterable[Bound]) -> Bound:
    """What matches is within each of them, so any one will do."""
    known = list(bounds)
    narrow = [bound for bound in known if bound.channels is not None]
    if narrow:
        return min(narrow, key=lambda bound: len(bound.channels or ()))
    return Bound(is_wide=any(bound.is_wide for bound in known))


def _together(bounds: Iterable[Bound]) -> Bound:
    known = list(bounds)
    if any(bound.channels is None for bound in known):
        return Bound(is_wide=all(bound.channels is not None or bound.is_wide for bound in known))
    found = dict.fromkeys(channel for bound in known for channel in bound.channels or ())
    return _within(tuple(found), unknown=sum(bound.unknown for bound in known))


def _within(channels: tuple[ChannelRef, ...], *, unknown: int) -> Bound:
    return Bound(channels, unknown) if len(channels) <= MOST else Bound(is_wide=True)
