"""What goes into the archive and what comes out of it, the same for every engine."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import IntFlag
from typing import NamedTuple

from imadmin.gateway import payload
from imadmin.gateway.types import ChannelRef, ContentKind


class Trait(IntFlag):
    """What a search can ask for besides words: `is:` (of the message), `has:` (of its text).  Never renumber."""

    SYSTEM = 1
    STREAM = 2
    COMMAND = 4
    EDITED = 8
    REVOKED = 16
    LINK = 32
    IMAGE = 64
    FILE = 128
    PHONE = 256
    QR = 512
    DOUBLED = 1024  # another message has the same channel and sequence number
    UNFINISHED = 2048  # a stream whose text was still coming when it was last read


NO_TRAIT = Trait(0)


class Incoming(NamedTuple):  # made ten thousand times a second: a frozen dataclass takes four times as long
    """A message on its way into the archive.  sent_at: seconds since 1970, the server's clock; seq: 0 when unknown.

    payload: the bytes as they came, never changed.  said: the text where it isn't in the payload (streams, edits).
    """

    id: int
    seq: int
    channel: ChannelRef
    from_uid: str
    sent_at: int
    payload: bytes
    client_msg_no: str = ""
    expire: int = 0
    topic: str = ""
    is_stream: bool = False
    is_finished: bool = True
    said: str | None = None


class Stored(NamedTuple):  # likewise: fifty and more for each page of hits
    """A message in the archive.  rid: its place in the archive, rising with its time; newest first is falling rid.

    text: what is searched and shown: `said` when there is one, else what the payload says.
    """

    rid: int
    id: int
    seq: int
    channel: ChannelRef
    from_uid: str
    sent_at: int
    kind: ContentKind
    traits: Trait
    payload: bytes
    client_msg_no: str
    expire: int
    topic: str
    said: str | None
    text: str

    @property
    def at(self) -> datetime:
        return datetime.fromtimestamp(self.sent_at, UTC)

    @property
    def before(self) -> str | None:
        """What it said before it was edited.  A search looks at both: an edit must not hide what others have read."""
        is_edited = self.said is not None and Trait.EDITED in self.traits
        return payload.text_of(self.payload) if is_edited else None


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a batch: added are new, known were there already (their id), doubled share a seq with another.

    channels, ids: of those added.
    """

    added: int
    known: int
    doubled: int = 0
    channels: frozenset[ChannelRef] = frozenset()
    ids: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Revision:
    """A stored message that has changed: the traits to set and clear, and what it says now (None: as before)."""

    id: int
    set: Trait = NO_TRAIT
    clear: Trait = NO_TRAIT
    said: str | None = None


@dataclass(frozen=True, slots=True)
class SeenChannel:
    """A channel as the server lists it.  last_seq: its newest sequence number; leader: the node that leads it now."""

    channel: ChannelRef
    last_seq: int
    leader: int | None = None


@dataclass(frozen=True, slots=True)
class ChannelHold:
    """What the archive holds of one channel.  spans: ranges of sequence numbers held, ascending, (first, last) each.

    server_seq: the newest number the server told of, None = never asked; seen_at: when it was asked (seconds).
    first_at, last_at: seconds, by the server's clock, however wrong that was.
    """

    channel: ChannelRef
    messages: int
    spans: tuple[tuple[int, int], ...]
    server_seq: int | None
    seen_at: int | None
    first_at: int | None
    last_at: int | None
    leader: int | None = None
    gone: tuple[tuple[int, int], ...] = ()  # ranges the server was asked for and has nothing in

    @property
    def gaps(self) -> tuple[tuple[int, int], ...]:
        """Ranges from 1 to the newest known number that are neither held nor known to be empty."""
        newest = max(self.server_seq or 0, self.spans[-1][1] if self.spans else 0)
        gaps, wanted = [], 1
        for first, last in sorted((*self.spans, *self.gone)):
            if first > wanted:
                gaps.append((wanted, first - 1))
            wanted = max(wanted, last + 1)
        if wanted <= newest:
            gaps.append((wanted, newest))
        return tuple(gaps)

    @property
    def missing(self) -> int:
        return sum(last - first + 1 for first, last in self.gaps)

    @property
    def is_unlisted(self) -> bool:
        """Messages are missing, and the server, asked for the channel, has nothing of it: they can't be read."""
        return self.server_seq == 0 and self.missing > 0


@dataclass(frozen=True, slots=True)
class Coverage:
    """All channels of an archive in figures.  told: channels whose newest number the server told.

    expected: the newest known numbers of all channels, added up; missing: how many of those are in gaps.
    unlisted: channels with gaps that the server, asked for them, has nothing of; missing_unlisted: in their gaps.
    """

    channels: int
    told: int
    unread: int  # channels that the server has messages of, none of which is held
    with_gaps: int  # those included
    expected: int
    missing: int
    unlisted: int = 0
    missing_unlisted: int = 0


@dataclass(frozen=True, slots=True)
class BrokenCall:
    """A part of a webhook's call that could not be understood, kept for a look.  raw: cut at 64 KB."""

    number: int
    at: int
    event: str
    why: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class Totals:
    """messages, channels: counts.  bytes: on disk, index included.

    first_at, last_at: seconds; of messages whose time can be (see clocks), None without any.
    """

    messages: int
    channels: int
    bytes: int
    index_bytes: int
    first_at: int | None
    last_at: int | None
    broken: int = 0
    norm_version: int = 0


@dataclass(frozen=True, slots=True)
class Fault:
    """Something a verification found.  what: a msgid; count: how many; examples: ids or channels."""

    what: str
    count: int
    examples: Sequence[str] = field(default=())
