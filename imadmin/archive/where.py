"""A query as a tree: what a message must be.  Pure data; `search` runs it, `matching` decides it exactly."""

from __future__ import annotations

from dataclasses import dataclass

from imadmin.archive.rows import Trait
from imadmin.gateway.types import ChannelRef, ContentKind


@dataclass(frozen=True, slots=True)
class Says:
    """text: as typed; it matches when its normal form stands somewhere in the normal form of a message's text."""

    text: str


@dataclass(frozen=True, slots=True)
class From:
    uid: str


@dataclass(frozen=True, slots=True)
class In:
    channel: ChannelRef


@dataclass(frozen=True, slots=True)
class InKind:
    """Channels of one type whose id begins so; type None = of any type, prefix "" = all of the type."""

    type: int | None
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class Named:
    """In a channel of this id, of whatever type."""

    id: str


@dataclass(frozen=True, slots=True)
class OfKind:
    """type_number: the number in the payload, for kinds without a word."""

    kind: ContentKind | None = None
    type_number: int | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """first <= sent_at < last, seconds since 1970; None = open."""

    first: int | None = None
    last: int | None = None


@dataclass(frozen=True, slots=True)
class Seq:
    """first <= seq <= last; None = open."""

    first: int | None = None
    last: int | None = None


@dataclass(frozen=True, slots=True)
class Id:
    id: int


@dataclass(frozen=True, slots=True)
class Client:
    client_msg_no: str


@dataclass(frozen=True, slots=True)
class Has:
    trait: Trait


@dataclass(frozen=True, slots=True)
class LedBy:
    """In a channel that this node led when the server's channels were last listed."""

    node: int


@dataclass(frozen=True, slots=True)
class All:
    parts: tuple[Where, ...] = ()


@dataclass(frozen=True, slots=True)
class Any:
    parts: tuple[Where, ...]


@dataclass(frozen=True, slots=True)
class Not:
    part: Where


Where = Says | From | In | InKind | Named | OfKind | Sent | Seq | Id | Client | Has | LedBy | All | Any | Not
