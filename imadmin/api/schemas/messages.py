"""Messages as JSON: masked bodies are null with `masked: true`, 64-bit ids are strings."""

import base64
from datetime import datetime
from typing import Any

from django.utils.translation import gettext
from pydantic import Field

from imadmin.api.schemas.common import In, Out, PartialOut
from imadmin.archive.masking import ShownMessage
from imadmin.archive.payloads import MOST
from imadmin.archive.queries import Context
from imadmin.archive.wanted import SearchFields
from imadmin.gateway.types import ChannelRef

LIST_TEXT = 2000  # characters of a text in lists


class MessageSearchIn(In):
    """Fields that aren't given don't filter."""

    channel_type: int | None = Field(None, description="with channel_id: 1 person, 2 group, …, 255")
    channel_id: str = Field("", description="the stored id; a person chat is a@b")
    uid_one: str = Field("", description="with uid_two: a person chat, in either order")
    uid_two: str = ""
    sender: str = ""
    message_id: str = Field("", description="looked up alone")
    client_msg_no: str = ""
    text: str = Field("", description="case-sensitive; only inside one channel, and only with a right to bodies")

    def wanted(self) -> SearchFields:
        return SearchFields(**self.model_dump(include=set(SearchFields.__dataclass_fields__)))


class ChannelRefOut(Out):
    type: int
    id: str

    @classmethod
    def of(cls, channel: ChannelRef) -> "ChannelRefOut":
        return cls(type=int(channel.type), id=channel.id)


class MessageOut(Out):
    """kind: text, image, …, custom, broken.  size: bytes.  length: characters of a text.

    text: cut in lists (`text_cut`), null when masked.  doubled: another message has the same channel and seq.
    """

    message_id: str
    channel: ChannelRefOut
    seq: str
    from_uid: str
    client_msg_no: str
    sent_at: datetime
    kind: str
    type: int | None
    size: int
    length: int | None
    masked: bool
    text: str | None
    text_cut: bool
    expire: int
    topic: str
    term: str | None
    is_stream: bool
    is_command: bool
    doubled: bool

    @classmethod
    def of(cls, message: ShownMessage) -> "MessageOut":
        return cls(**common(message, LIST_TEXT))


class MessageDetailOut(MessageOut):
    """fields: the decoded JSON object.  payload: base64 of the bytes, cut at 1 MB (`payload_cut`); null when masked."""

    fields: dict[str, Any] | None
    payload: str | None
    payload_cut: bool

    @classmethod
    def of(cls, message: ShownMessage) -> "MessageDetailOut":
        payload = message.payload
        return cls(
            **common(message, MOST),
            fields=None if message.fields is None else dict(message.fields),
            payload=None if payload is None else base64.b64encode(payload[:MOST]).decode(),
            payload_cut=payload is not None and len(payload) > MOST,
        )


class MessagesOut(Out):
    """limits: codes of what the server's search can't promise.  scanned: rows it read, null = it doesn't tell."""

    items: list[MessageOut]
    next_cursor: str
    partial: list[PartialOut]
    as_of: datetime
    limits: list[str]
    scanned: int | None


class ContextOut(Out):
    """Oldest first.  newest_seq: the channel's, null = unknown.  problem: why only the message itself is here."""

    items: list[MessageOut]
    hit: str
    newest_seq: str | None
    next_cursor: str = ""
    partial: list[PartialOut] = []
    as_of: datetime
    problem: str = ""

    @classmethod
    def of(cls, context: Context) -> "ContextOut":
        return cls(
            items=[MessageOut.of(item) for item in context.items],
            hit=str(context.hit_id),
            newest_seq=None if context.newest_seq is None else str(context.newest_seq),
            as_of=context.as_of,
            problem=context.failure.text(gettext) if context.failure else "",
        )


def common(message: ShownMessage, text_most: int) -> dict[str, Any]:
    text = message.text
    return {
        "message_id": str(message.id),
        "channel": ChannelRefOut.of(message.channel),
        "seq": str(message.seq),
        "from_uid": message.from_uid,
        "client_msg_no": message.client_msg_no,
        "sent_at": message.sent_at,
        "kind": message.kind.value,
        "type": message.type_number,
        "size": message.size,
        "length": message.length,
        "masked": message.is_masked,
        "text": None if text is None else text[:text_most],
        "text_cut": text is not None and len(text) > text_most,
        "expire": message.expire,
        "topic": message.topic,
        "term": None if message.term is None else str(message.term),
        "is_stream": message.is_stream,
        "is_command": message.is_command,
        "doubled": message.is_doubled,
    }
