"""Replies of WuKongIM v2 turned into our types.  No call is made here.

Parsers take decoded JSON and raise WrongShape on what this server never says; link.py names node and operation then.
Rows are read by hand, not validated by schema: a list of connections has thousands of them.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Generic, TypeVar

from imadmin.gateway import payload
from imadmin.gateway.kinds.wukongim2.guards import SYSTEM_UID
from imadmin.gateway.kinds.wukongim2.shapes import (
    Row,
    WrongShape,
    duration,
    flag,
    from_nanoseconds,
    from_seconds,
    number,
    rows,
    text,
    whole,
)  # fmt: skip
from imadmin.gateway.types import (
    ChannelFlags,
    ChannelRecord,
    ChannelRef,
    ConversationRow,
    Device,
    DeviceFlag,
    Message,
    OnlineDevice,
    RuntimeChannel,
    Session,
    StreamText,
    UserRecord,
)  # fmt: skip

T = TypeVar("T")


# -- nodes -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MemberRow:
    """A row of /cluster/simpleNodes."""

    id: int
    api_url: str
    cluster_address: str
    is_online: bool
    is_leader: bool
    role: int
    status: int
    slots_led: int
    slots_held: int


@dataclass(frozen=True, slots=True)
class NodeSelf:
    """What a node says of itself: /cluster/node."""

    id: int
    config_version: int
    slots_led: int
    version: str
    uptime: float | None


@dataclass(frozen=True, slots=True)
class Varz:
    connections: int
    memory: int
    goroutines: int
    uptime: float | None
    version: str


def members(answer: Any) -> list[MemberRow]:
    return [
        MemberRow(
            id=number(row, "id", None),
            api_url=text(row, "api_server_addr"),
            cluster_address=text(row, "cluster_addr"),
            is_online=flag(row, "online"),
            is_leader=flag(row, "is_leader"),
            role=number(row, "role"),
            status=number(row, "status"),
            slots_led=number(row, "slot_leader_count"),
            slots_held=number(row, "slot_count"),
        )
        for row in rows(answer)
    ]


def node_self(answer: Any) -> NodeSelf:
    row = whole(answer)
    return NodeSelf(
        id=number(row, "id", None),
        config_version=number(row, "config_version"),
        slots_led=number(row, "slot_leader_count"),
        version=text(row, "app_version"),
        uptime=duration(text(row, "uptime")),
    )


def varz(answer: Any) -> Varz:
    row = whole(answer)
    return Varz(
        connections=number(row, "connections", None),
        memory=number(row, "mem", None),
        goroutines=number(row, "goroutine", None),
        uptime=duration(text(row, "uptime")),
        version=text(row, "version"),
    )


def slot_leaders(answer: Any) -> dict[int, int]:
    return {number(row, "id", None): number(row, "leader_id") for row in rows(answer)}


# -- messages ----------------------------------------------------------------------------------------------------------


def found_messages(answer: Any) -> list[Message]:
    """Rows of /cluster/messages: stored ids, ids as text."""
    return [_found(row) for row in rows(whole(answer))]


def _found(row: Row) -> Message:
    body = body_of(row, "payload")
    return Message(
        id=_id(row.get("message_id")),
        seq=number(row, "message_seq", None),
        client_msg_no=text(row, "client_msg_no"),
        from_uid=text(row, "from_uid"),
        channel=ChannelRef(text(row, "channel_id", None), number(row, "channel_type", None)),
        sent_at=sent_at_of(row),
        payload=body,
        content=payload.decode(body),
        expire=number(row, "expire"),
        topic=text(row, "topic"),
        term=number(row, "term"),
        is_stream=flag(row, "is_stream"),
    )


def max_seq(answer: Any) -> int:
    return number(whole(answer), "message_seq", None)


def synced_messages(answer: Any, channel: ChannelRef) -> list[Message]:
    """Messages of /channel/messagesync, ascending: their channel_id depends on the sender, so ours is put in (2.1).

    The first one's header is always blank there, so its red_dot is unknown.
    """
    found = whole(answer).get("messages")
    synced = [synced_message(row, channel, is_first=not index) for index, row in enumerate(rows(found))]
    return sorted(synced, key=lambda message: (message.seq, message.id))


def synced_message(row: Row, channel: ChannelRef, *, is_first: bool) -> Message:
    """One message object (2.1).  is_first: its header is blank whatever it was."""
    body = body_of(row, "payload")
    is_stream = bool(number(row, "setting") & 0x02)
    return Message(
        id=number(row, "message_id", None),
        seq=number(row, "message_seq", None),
        client_msg_no=text(row, "client_msg_no"),
        from_uid=text(row, "from_uid") or SYSTEM_UID,
        channel=channel,
        sent_at=sent_at_of(row),
        payload=body,
        content=payload.decode(body),
        expire=number(row, "expire"),
        topic=text(row, "topic"),
        is_stream=is_stream,
        has_red_dot=None if is_first else flag(whole(row.get("header", {})), "red_dot"),
        stream=_stream(row) if is_stream and row.get("event_meta") else None,
    )


def _stream(row: Row) -> StreamText:
    """Pages of a channel alone tell the events, also of streams that are still open (2.1, 2.2)."""
    meta = whole(row.get("event_meta"))
    is_open = number(meta, "open_event_count") > 0 or not (meta.get("completed") is True or flag(row, "end"))
    return StreamText(payload.clean_text(body_of(row, "stream_data").decode("utf-8", "replace")), is_open)


def sent_at_of(row: Row) -> datetime:
    return from_seconds(number(row, "timestamp")) or datetime.fromtimestamp(0, UTC)


def _id(value: Any) -> int:
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 21:
        return int(value)
    raise WrongShape("message_id")


def body_of(row: Row, name: str) -> bytes:
    try:
        return base64.b64decode(row.get(name) or "", validate=True)
    except (TypeError, ValueError, binascii.Error):
        raise WrongShape(name) from None


# -- channels ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Listed(Generic[T]):
    """A page of a cursor list: each row with its instant (ns), None where it stands for nothing; and if more follow."""

    items: tuple[tuple[int, T | None], ...]
    has_more: bool


def channel_page(answer: Any) -> Listed[ChannelRecord]:
    """Rows of the /cluster/channels list with their created_at; a row with an empty id stands for nothing (None)."""
    found = whole(answer)
    return Listed(
        tuple((number(row, "created_at"), _record(row, is_listed=True)) for row in rows(found)), flag(found, "more")
    )


def exact_channel(answer: Any) -> list[ChannelRecord]:
    """Rows of an exact lookup: counts and last_* aren't computed there, created_at is that of the last change (2.9)."""
    return [record for record in (_record(row, is_listed=False) for row in rows(answer)) if record]


def _record(row: Row, *, is_listed: bool) -> ChannelRecord | None:
    if not text(row, "channel_id"):
        return None
    return ChannelRecord(
        channel=ChannelRef(text(row, "channel_id"), number(row, "channel_type")),
        ban=flag(row, "ban"),
        disband=flag(row, "disband"),
        subscriber_count=number(row, "subscriber_count") if is_listed else None,
        denylist_count=number(row, "denylist_count") if is_listed else None,
        allowlist_count=number(row, "allowlist_count") if is_listed else None,
        last_seq=number(row, "last_msg_seq") if is_listed else None,
        last_message_at=from_nanoseconds(number(row, "last_msg_time")) if is_listed else None,
        slot=number(row, "slot"),
        created_at=from_nanoseconds(number(row, "created_at")) if is_listed else None,
        updated_at=from_nanoseconds(number(row, "updated_at")),
    )


def runtime_page(answer: Any) -> Listed[RuntimeChannel]:
    found = whole(answer)
    return Listed(tuple((number(row, "created_at"), _runtime(row)) for row in rows(found)), flag(found, "more"))


def _runtime(row: Row) -> RuntimeChannel | None:
    if not text(row, "channel_id"):
        return None
    replicas = row.get("replicas") or []
    if not isinstance(replicas, list) or not all(isinstance(node, int) for node in replicas):
        raise WrongShape("replicas")
    return RuntimeChannel(
        channel=ChannelRef(text(row, "channel_id"), number(row, "channel_type")),
        last_seq=number(row, "last_message_seq"),
        leader_id=number(row, "leader_id"),
        replicas=tuple(replicas),
        slot=number(row, "slot_id"),
        slot_leader_id=number(row, "slot_leader_id"),
        is_active=flag(row, "active"),
        created_at=from_nanoseconds(number(row, "created_at")),
    )


def uids(answer: Any) -> list[str]:
    """A bare array of uids, or null for none."""
    if answer is None:
        return []
    if not isinstance(answer, list) or not all(isinstance(uid, str) for uid in answer):
        raise WrongShape("uids")
    return [payload.clean_text(uid) for uid in answer]


# -- users -------------------------------------------------------------------------------------------------------------


def users(answer: Any) -> list[UserRecord]:
    return [
        UserRecord(
            uid=text(row, "uid", None),
            created_at=from_nanoseconds(number(row, "created_at")),
            updated_at=from_nanoseconds(number(row, "updated_at")),
            slot=number(row, "slot"),
        )
        for row in rows(whole(answer))
    ]


def devices(answer: Any) -> list[Device]:
    """Device rows; the plain-text token in them is looked at for being there, and goes no further."""
    return [
        Device(
            uid=text(row, "uid", None),
            flag=number(row, "device_flag"),
            level=number(row, "device_level"),
            has_token=bool(text(row, "token")),
            created_at=from_nanoseconds(number(row, "created_at")),
            updated_at=from_nanoseconds(number(row, "updated_at")),
        )
        for row in rows(whole(answer))
    ]


def conversations(answer: Any) -> list[ConversationRow]:
    return [
        ConversationRow(
            uid=text(row, "uid"),
            channel=ChannelRef(text(row, "channel_id"), number(row, "channel_type")),
            unread=number(row, "unread_count"),
            last_seq=number(row, "last_msg_seq"),
            read_to_seq=number(row, "readed_to_msg_seq"),
            updated_at=from_seconds(number(row, "updated_at")),
        )
        for row in rows(whole(answer))
    ]


def online_devices(answer: Any) -> list[OnlineDevice]:
    """Rows of who is online; an object instead of an array means that nobody was asked about."""
    if isinstance(answer, dict):
        return []
    return [
        OnlineDevice(text(row, "uid", None), number(row, "device_flag")) for row in rows(answer) if flag(row, "online")
    ]


_FLAGS = {"App": DeviceFlag.APP, "Web": DeviceFlag.WEB, "PC": DeviceFlag.PC}
_LEVELS = {"主": "master", "从": "slave"}


def sessions(answer: Any, uid: str) -> Iterator[Session]:
    """Connections of exactly this uid; the server's filter is a substring (2.8)."""
    for row in rows(whole(answer).get("connections")):
        if row.get("uid") == uid:
            yield session(row)


def connection_count(answer: Any) -> int:
    return len(rows(whole(answer).get("connections")))


@lru_cache(256)
def device_of(written: str) -> tuple[DeviceFlag | None, str]:
    """Kind and level of a device as the server writes them: App(主), 未知(77)(从)."""
    device, _, level = written.rpartition("(")
    return _FLAGS.get(device), _LEVELS.get(level.rstrip(")"), "")


def session(row: Row) -> Session:
    device, level = device_of(text(row, "device"))
    return Session(
        id=number(row, "id", None),
        node_id=number(row, "node_id", None),
        leader_id=number(row, "leader_id"),
        uid=text(row, "uid", None),
        device_flag=device,
        device_level=level,
        device_id=text(row, "device_id"),
        address=text(row, "ip"),
        port=number(row, "port"),
        uptime=duration(text(row, "uptime")) or 0.0,
        idle=duration(text(row, "idle")) or 0.0,
        in_msgs=number(row, "in_msgs"),
        out_msgs=number(row, "out_msgs"),
        protocol_version=number(row, "version"),
    )


# -- what we send ------------------------------------------------------------------------------------------------------


def channel_key(channel: ChannelRef) -> dict[str, Any]:
    return {"channel_id": channel.id, "channel_type": int(channel.type)}


def flags(wanted: ChannelFlags) -> dict[str, int]:
    """All five: one left out is overwritten with 0 (2.3)."""
    return {
        "ban": int(wanted.ban),
        "disband": int(wanted.disband),
        "send_ban": int(wanted.send_ban),
        "allow_stranger": int(wanted.allow_stranger),
        "large": int(wanted.large),
    }
