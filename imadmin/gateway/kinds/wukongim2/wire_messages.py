"""Replies about messages, streams and conversations turned into our types.  No call is made here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from imadmin.gateway.kinds.wukongim2 import wire
from imadmin.gateway.kinds.wukongim2.guards import SYSTEM_UID
from imadmin.gateway.kinds.wukongim2.shapes import Row, WrongShape, flag, from_seconds, number, rows, text, whole
from imadmin.gateway.message_types import (
    BatchSent,
    ChannelSpan,
    Conversation,
    EventPage,
    EventState,
    EventTaken,
    SentMessage,
)  # fmt: skip
from imadmin.gateway.types import ChannelRef, ChannelType, Message

Refer = Callable[[Row], ChannelRef]


def sent(answer: Any) -> SentMessage:
    data = whole(whole(answer).get("data"))
    return SentMessage(number(data, "message_id", None), text(data, "client_msg_no"))


def batch_sent(answer: Any) -> BatchSent:
    """Two lists of the same length."""
    found = whole(answer)
    uids, reasons = wire.uids(found.get("fail_uids")), wire.uids(found.get("reason"))
    if len(uids) != len(reasons):
        raise WrongShape("fail_uids")
    return BatchSent(dict(zip(uids, reasons, strict=True)))


def event_taken(answer: Any) -> EventTaken:
    data = whole(whole(answer).get("data"))
    return EventTaken(
        client_msg_no=text(data, "client_msg_no"),
        key=text(data, "event_key"),
        event_seq=number(data, "msg_event_seq"),
        status=text(data, "stream_status"),
    )


def event_page(answer: Any) -> EventPage:
    data = whole(whole(answer).get("data"))
    return EventPage(
        events=tuple(
            EventState(
                event_seq=number(row, "msg_event_seq"),
                id=text(row, "event_id"),
                key=text(row, "event_key"),
                type=text(row, "event_type"),
                visibility=text(row, "visibility"),
                occurred_at=number(row, "occurred_at"),
                payload=row.get("payload"),
            )
            for row in rows(data.get("events"))
        ),
        next_seq=number(data, "next_msg_event_seq"),
        has_more=flag(data, "more"),
    )


def one_message(answer: Any, channel: ChannelRef) -> Message:
    """A single lookup: its header is always blank there (2.1)."""
    return wire.synced_message(whole(answer), channel, is_first=True)


def looked_up(answer: Any, channel: ChannelRef) -> tuple[Message, ...]:
    """In the server's order: by seq, then by id, then by client number, as asked."""
    return tuple(
        wire.synced_message(row, channel, is_first=not index)
        for index, row in enumerate(rows(whole(answer).get("messages")))
    )


def span(answer: Any, channel: ChannelRef) -> ChannelSpan:
    return ChannelSpan(tuple(wire.synced_messages(answer, channel)), flag(whole(answer), "more"))


def commands(answer: Any) -> tuple[Message, ...]:
    """A bare array; each names its channel as the receiver sees it."""
    return tuple(
        wire.synced_message(row, ChannelRef(text(row, "channel_id"), number(row, "channel_type")), is_first=not index)
        for index, row in enumerate(rows(answer))
    )


def conversations(answer: Any, uid: str) -> tuple[Conversation, ...]:
    """Rows name person chats by the other uid; ours are stored ids."""
    return tuple(_conversation(row, _stored(row, uid)) for row in rows(answer))


def channels(answer: Any) -> tuple[ChannelRef, ...]:
    return tuple(ChannelRef(text(row, "channel_id"), number(row, "channel_type")) for row in rows(answer))


def _stored(row: Row, uid: str) -> ChannelRef:
    channel = ChannelRef(text(row, "channel_id"), number(row, "channel_type"))
    if channel.type != ChannelType.PERSON or "@" in channel.id:
        return channel
    return ChannelRef.person(uid, channel.id or SYSTEM_UID)


def _conversation(row: Row, channel: ChannelRef) -> Conversation:
    recents = rows(row.get("recents"))
    return Conversation(
        channel=channel,
        unread=number(row, "unread"),
        last_seq=number(row, "last_msg_seq"),
        read_to_seq=number(row, "readed_to_msg_seq"),
        version=number(row, "version"),
        updated_at=from_seconds(number(row, "timestamp")),
        last_client_msg_no=text(row, "last_client_msg_no"),
        recents=tuple(
            wire.synced_message(each, channel, is_first=index == len(recents) - 1) for index, each in enumerate(recents)
        ),
    )
