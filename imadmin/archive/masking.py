"""Who sees which body.  A message leaves this app only as a ShownMessage, so what is masked isn't there to leak."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from imadmin.accounts.permissions import Permission
from imadmin.archive import clocks
from imadmin.archive.rows import NO_TRAIT, Stored, Trait
from imadmin.clusters.access import SiteScope
from imadmin.gateway.payload import decode
from imadmin.gateway.types import ChannelRef, ContentKind, Message

# What a text holds is as much a secret as the text: not told of a masked message, and no way of asking for it.
OF_WORDS = Trait.LINK | Trait.PHONE | Trait.QR


class BodyAccess(StrEnum):
    OPEN = "open"  # bodies stand in lists
    ONE_BY_ONE = "one-by-one"  # masked; one message at a time, with a reason
    CLOSED = "closed"


def body_access(scope: SiteScope) -> BodyAccess:
    if scope.can(Permission.READ_BODIES):
        return BodyAccess.OPEN
    return BodyAccess.ONE_BY_ONE if scope.can(Permission.REVEAL_BODIES) else BodyAccess.CLOSED


@dataclass(frozen=True, slots=True)
class ShownMessage:
    """A message as this person may see it: text, fields and payload are None when it is masked.

    length: characters of a text, None for other kinds.  size: bytes of the payload.
    is_doubled: another message has the same channel and sequence number.  traits: what the archive knows of it, without
    OF_WORDS when it is masked; rid: its place there, None when it came from the server.
    before: what an edited one of the archive said at first.
    """

    id: int
    seq: int
    client_msg_no: str
    from_uid: str
    channel: ChannelRef
    sent_at: datetime
    kind: ContentKind
    type_number: int | None
    size: int
    length: int | None
    is_masked: bool
    text: str | None
    fields: Mapping[str, Any] | None
    payload: bytes | None
    expire: int
    topic: str
    term: int | None
    is_stream: bool
    is_command: bool
    is_doubled: bool = False
    traits: Trait = NO_TRAIT
    rid: int | None = None
    before: str | None = None

    @property
    def is_archived(self) -> bool:
        return self.rid is not None

    @property
    def is_revoked(self) -> bool:
        return Trait.REVOKED in self.traits

    @property
    def is_edited(self) -> bool:
        return Trait.EDITED in self.traits

    @property
    def is_unfinished(self) -> bool:
        """A stream whose text was still coming when it was last read."""
        return Trait.UNFINISHED in self.traits

    @property
    def is_expired(self) -> bool:
        """Past the time that its sender gave it; whether the server still has it is another matter."""
        return bool(self.expire) and self.sent_at.timestamp() + self.expire < time.time()

    @property
    def is_ahead(self) -> bool:
        """Of a time that has not come yet: the server's clock was wrong."""
        return clocks.is_ahead(self.sent_at.timestamp())


def show(message: Message, *, is_open: bool, is_doubled: bool = False) -> ShownMessage:
    content = message.content
    return ShownMessage(
        id=message.id,
        seq=message.seq,
        client_msg_no=message.client_msg_no,
        from_uid=message.from_uid,
        channel=message.channel,
        sent_at=message.sent_at,
        kind=content.kind,
        type_number=content.type_number,
        size=len(message.payload),
        length=len(content.text) if content.kind is ContentKind.TEXT else None,
        is_masked=not is_open,
        text=content.text if is_open else None,
        fields=content.fields if is_open else None,
        payload=message.payload if is_open else None,
        expire=message.expire,
        topic=message.topic,
        term=message.term,
        is_stream=message.is_stream,
        is_command=message.is_command,
        is_doubled=is_doubled,
    )


def show_stored(stored: Stored, *, is_open: bool) -> ShownMessage:
    """A message of the archive as this person may see it: the text as it was written, never its normal form."""
    content = decode(stored.payload)
    return ShownMessage(
        id=stored.id,
        seq=stored.seq,
        client_msg_no=stored.client_msg_no,
        from_uid=stored.from_uid,
        channel=stored.channel,
        sent_at=stored.at,
        kind=stored.kind,
        type_number=content.type_number,
        size=len(stored.payload),
        length=len(stored.text) if stored.kind is ContentKind.TEXT else None,
        is_masked=not is_open,
        text=stored.text if is_open else None,
        fields=content.fields if is_open else None,
        payload=stored.payload if is_open else None,
        expire=stored.expire,
        topic=stored.topic,
        term=None,
        is_stream=Trait.STREAM in stored.traits,
        is_command=stored.channel.is_command,
        is_doubled=Trait.DOUBLED in stored.traits,
        traits=told_traits(stored, is_open=is_open),
        rid=stored.rid,
        before=stored.before if is_open else None,
    )


def told_traits(stored: Stored, *, is_open: bool) -> Trait:
    return stored.traits if is_open else stored.traits & ~OF_WORDS


def show_all(messages: Iterable[Message], *, is_open: bool) -> tuple[ShownMessage, ...]:
    """Each message once (by its id), and those marked whose place is taken twice."""
    unique = {message.id: message for message in messages}.values()
    places: dict[tuple[ChannelRef, int], int] = {}
    for message in unique:
        place = (message.channel, message.seq)
        places[place] = places.get(place, 0) + 1
    return tuple(
        show(message, is_open=is_open, is_doubled=places[message.channel, message.seq] > 1) for message in unique
    )
