"""Messages on their way in, streams, and conversations as their owner sees them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from imadmin.gateway.types import ChannelRef, Message, NodeFailure


@dataclass(frozen=True, slots=True)
class SentMessage:
    """The server queued it: stored and delivered only later, or never.  id: 64 bits; it has no seq yet."""

    id: int
    client_msg_no: str


@dataclass(frozen=True, slots=True)
class BatchSent:
    """failed: uid -> the server's reason; the others were queued."""

    failed: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """One event of a stream message. type: stream.delta | stream.close | stream.error | stream.cancel | stream.finish |
    stream.snapshot, or a word of your own.  key: which of several streams in one message.  payload: any JSON.
    """

    id: str
    type: str
    key: str = "main"
    payload: Any = None
    visibility: str = "public"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EventTaken:
    """event_seq: rises with each event of the message.  status: open | closed | error | cancelled."""

    client_msg_no: str
    key: str
    event_seq: int
    status: str


@dataclass(frozen=True, slots=True)
class EventState:
    """The latest state of one key; events that are still open are not told here, only by reading the channel."""

    event_seq: int
    id: str
    key: str
    type: str
    visibility: str
    occurred_at: int
    payload: Any


@dataclass(frozen=True, slots=True)
class EventPage:
    """next_seq: ask from here for the rest, when has_more."""

    events: tuple[EventState, ...]
    next_seq: int
    has_more: bool


@dataclass(frozen=True, slots=True)
class ChannelSpan:
    """Messages of one channel, ascending.  is_full: as many as were asked for, so there may be more."""

    messages: tuple[Message, ...]
    is_full: bool


@dataclass(frozen=True, slots=True)
class Stretch:
    """A piece of one channel, by rising (seq, id).  next_seq: where to go on, None = the range was read to its end.

    failed: nodes that didn't tell what they have; then a missing number proves nothing.
    """

    messages: tuple[Message, ...]
    next_seq: int | None
    failed: tuple[NodeFailure, ...] = ()


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation as its owner's client gets it.  version: nanoseconds of its last change.

    channel: by its stored id.  recents: the newest messages, newest first.
    """

    channel: ChannelRef
    unread: int
    last_seq: int
    read_to_seq: int
    version: int
    updated_at: datetime | None
    last_client_msg_no: str
    recents: tuple[Message, ...] = ()
