"""The truth by brute force: what a query finds, told over the plain list of what was sent.

Its own reading of every leaf; of the product it takes `norm`, the decoder of payloads and the reader of traits.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from imadmin.archive.norm import norm
from imadmin.archive.rows import Incoming, Revision, SeenChannel, Trait
from imadmin.archive.texts import OF_TEXT, read
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
from imadmin.gateway.payload import clean_text, decode
from imadmin.gateway.types import ChannelRef


@dataclass
class Kept:
    incoming: Incoming
    traits: Trait

    @property
    def has_before(self) -> bool:
        """An edit put its words in place of those that were sent; both are searched."""
        return self.incoming.said is not None and Trait.EDITED in self.traits


class Oracle:
    """Everything that was sent, each id once: the first one counts."""

    def __init__(self) -> None:
        self.kept: dict[int, Kept] = {}
        self.leaders: dict[ChannelRef, int | None] = {}

    def ingest(self, incoming: Iterable[Incoming]) -> None:
        for one in incoming:
            if one.id not in self.kept:
                self.kept[one.id] = Kept(one, read(one).traits)
        places: dict[tuple[ChannelRef, int], list[Kept]] = {}
        for kept in self.kept.values():
            if kept.incoming.seq:
                places.setdefault((kept.incoming.channel, kept.incoming.seq), []).append(kept)
        for twins in places.values():
            if len(twins) > 1:
                for twin in twins:
                    twin.traits |= Trait.DOUBLED

    def revise(self, revisions: Iterable[Revision]) -> None:
        """What an edit says decides the traits of a text anew, but for those that were set or cleared by name."""
        grouped: dict[int, list[Revision]] = {}
        for revision in revisions:
            grouped.setdefault(revision.id, []).append(revision)
        for id, each in grouped.items():
            kept = self.kept.get(id)
            if kept is None:
                continue
            said, named = kept.incoming.said, Trait(0)
            for revision in each:
                said = said if revision.said is None else clean_text(revision.said)
                kept.traits = (kept.traits | revision.set) & ~revision.clear
                named = named | revision.set | revision.clear
            if said != kept.incoming.said:
                kept.incoming = kept.incoming._replace(said=said)
                following = read(kept.incoming).traits
                if kept.has_before:
                    following |= read(kept.incoming._replace(said=None)).traits
                following &= OF_TEXT & ~named
                kept.traits = (kept.traits & ~(OF_TEXT & ~named)) | following

    def note_channels(self, seen: Iterable[SeenChannel]) -> None:
        self.leaders.update({one.channel: one.leader for one in seen})

    def find(self, where: Where) -> set[int]:
        """The ids of all matches."""
        return {id for id, kept in self.kept.items() if is_match(where, kept, self.leaders)}


@lru_cache(maxsize=10_000)
def _normal(one: Incoming) -> str:
    return norm(read(one).text)


def is_match(where: Where, kept: Kept, leaders: Mapping[ChannelRef, int | None]) -> bool:
    one = kept.incoming
    match where:
        case All(parts):
            return all(is_match(part, kept, leaders) for part in parts)
        case Any(parts):
            return any(is_match(part, kept, leaders) for part in parts)
        case Not(part):
            return not is_match(part, kept, leaders)
        case Says(text):
            said = [one, one._replace(said=None)] if kept.has_before else [one]
            return any(norm(text) in _normal(each) for each in said)
        case From(uid):
            return one.from_uid == uid
        case In(channel):
            return (one.channel.type, one.channel.id) == (channel.type, channel.id)
        case InKind(kind, prefix):
            return (kind is None or one.channel.type == kind) and one.channel.id[: len(prefix)] == prefix
        case Named(channel_id):
            return one.channel.id == channel_id
        case OfKind(None, number):
            return decode(one.payload).type_number == number
        case OfKind(kind):
            return read(one).kind == kind
        case Sent(first, last):
            return not (first is not None and one.sent_at < first) and not (last is not None and one.sent_at >= last)
        case Seq(first, last):
            return one.seq > 0 and (first is None or first <= one.seq) and (last is None or one.seq <= last)
        case Id(number):
            return one.id == number
        case Client(number):
            return one.client_msg_no == number
        case Has(trait):
            return bool(kept.traits & trait)
        case LedBy(node):
            return leaders.get(one.channel) == node
    raise TypeError(where)
