"""The webhook's bodies turned into our types (reference 2.15).  Nothing here is trusted: anybody may call the door.

A call's messages are read one by one, so that one that can't be read costs the others nothing.  Thousands a second
come through here: a call in which all is as it should be is read in one go by a schema, every other one by hand.
"""

from __future__ import annotations

import json
from binascii import a2b_base64
from typing import Annotated, Any

from msgspec import Meta, MsgspecError, Struct
from msgspec.json import Decoder

from imadmin.gateway.hook_types import (
    MESSAGES,
    OFFLINE,
    ONLINE_STATUS,
    BrokenHook,
    BrokenPart,
    HookBatch,
    OnlineChange,
    ToldMessage,
)  # fmt: skip
from imadmin.gateway.kinds.wukongim2.guards import SYSTEM_UID
from imadmin.gateway.kinds.wukongim2.shapes import WrongShape
from imadmin.gateway.payload import clean_text

ITEMS_MAX = 50_000
UID_MAX = 200
PARTS = 5  # of an online status, after the uid
NUMBER_MAX = 2**63 - 1
SECONDS_MAX = 2**32  # the server's are 32 bits
ID_CHARACTERS = 1000  # of a uid, channel or client number: longer ones fit into no index
RAW_MAX = 64 * 1024  # bytes kept of what can't be read
STREAM = 0x02

_Words = Annotated[str, Meta(max_length=ID_CHARACTERS)]


class _Header(Struct):
    no_persist: Any = None
    sync_once: Any = None
    red_dot: Any = None


class _Row(Struct):
    """A message as the server writes it.  What isn't like this may still be readable by hand."""

    message_id: Annotated[int, Meta(ge=1, le=NUMBER_MAX)]
    channel_type: Annotated[int, Meta(ge=0, le=255)]
    header: _Header | None = None
    payload: bytes | None = None
    message_seq: Annotated[int, Meta(ge=0, le=NUMBER_MAX)] = 0
    client_msg_no: _Words = ""
    from_uid: _Words = ""
    channel_id: _Words = ""
    timestamp: Annotated[int, Meta(ge=-SECONDS_MAX, le=SECONDS_MAX)] = 0
    expire: Annotated[int, Meta(ge=0, le=SECONDS_MAX)] = 0
    topic: _Words | None = None
    setting: Annotated[int, Meta(ge=0, le=255)] = 0
    to_uids: list[str] | None = None


_ROWS = Decoder(list[_Row])


def batch(event: str, body: bytes) -> HookBatch:
    """One call of the server.  Raises BrokenHook for what it never sends; events we don't know are only counted."""
    if event == MESSAGES and (found := _as_it_should_be(body)) is not None:
        return found
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        raise BrokenHook("no JSON") from None
    try:
        return _read(event, said)
    except WrongShape as error:
        raise BrokenHook(str(error)) from None


def _read(event: str, said: Any) -> HookBatch:
    if event == OFFLINE:
        return HookBatch(event, 1, messages=(_message(said),))
    if event == MESSAGES:
        return _messages(said)
    if event == ONLINE_STATUS:
        if not isinstance(said, list) or len(said) > ITEMS_MAX:
            raise WrongShape("no list")
        return HookBatch(event, len(said), online=tuple(one for one in map(_online, said) if _is_kept(one.uid)))
    if not isinstance(said, (dict, list)):
        raise WrongShape("no object")
    return HookBatch(event, len(said) if isinstance(said, list) else 1)


def _online(said: Any) -> OnlineChange:
    """`uid-flag-online-connection-deviceCount-totalCount`, split from the right: a uid may hold dashes."""
    parts = said.rsplit("-", PARTS) if isinstance(said, str) else []
    numbers = parts[1:]
    if len(numbers) != PARTS or not all(part.isascii() and part.isdecimal() for part in numbers):
        raise WrongShape("online status")
    uid = parts[0]
    device, is_online, connection, of_device, of_user = map(int, numbers)
    if not uid or device > 255 or is_online > 1 or connection > NUMBER_MAX:
        raise WrongShape("online status")
    if max(of_device, of_user) > 2**31 - 1:
        raise WrongShape("online status")
    return OnlineChange(uid, device, bool(is_online), connection, of_device, of_user)


def _is_kept(uid: str) -> bool:
    """A client may choose any uid: one that no table takes must not cost everybody else in the call theirs."""
    return len(uid) <= UID_MAX and "\0" not in uid and not any("\ud800" <= sign <= "\udfff" for sign in uid)


def _messages(said: Any) -> HookBatch:
    """All that can be read, and what is wrong with each of the others."""
    found = [] if said is None else said
    if not isinstance(found, list) or len(found) > ITEMS_MAX:
        raise WrongShape("no list")
    messages, broken = [], []
    for row in found:
        try:
            messages.append(_message(row))
        except WrongShape as error:
            broken.append(BrokenPart(str(error), _written(row)))
    return HookBatch(MESSAGES, len(found), messages=tuple(messages), broken=tuple(broken))


def _as_it_should_be(body: bytes) -> HookBatch | None:
    """The same as by hand, several times faster; None when anything in it that is read is unusual."""
    try:
        rows = _ROWS.decode(body)
    except (MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return HookBatch(MESSAGES, len(rows), messages=tuple(map(_told, rows))) if len(rows) <= ITEMS_MAX else None


def _told(row: _Row) -> ToldMessage:
    header = row.header
    client_msg_no, from_uid, channel_id, topic = row.client_msg_no, row.from_uid, row.channel_id, row.topic or ""
    return ToldMessage(
        row.message_id,
        row.message_seq,
        clean_text(client_msg_no),
        clean_text(from_uid) or SYSTEM_UID,
        clean_text(channel_id),
        row.channel_type,
        row.timestamp,
        row.payload or b"",
        row.expire,
        clean_text(topic),
        header is None or header.no_persist != 1,
        header is not None and header.sync_once == 1,
        header is not None and header.red_dot == 1,
        row.setting & STREAM != 0,
        tuple(row.to_uids or ()),
    )


def _written(row: Any) -> bytes:
    try:
        return json.dumps(row, ensure_ascii=False).encode("utf-8", "backslashreplace")[:RAW_MAX]
    except RecursionError:  # nested deeper than can be written
        return b""


def _message(row: Any) -> ToldMessage:
    if not isinstance(row, dict):
        raise WrongShape("no object")
    get = row.get
    header = get("header") or {}
    to_uids = get("to_uids") or ()
    if not isinstance(header, dict):
        raise WrongShape("header")
    if to_uids and not (isinstance(to_uids, list) and all(isinstance(uid, str) for uid in to_uids)):
        raise WrongShape("to_uids")
    try:
        payload = a2b_base64(get("payload") or b"", strict_mode=True)
    except (TypeError, ValueError):
        raise WrongShape("payload") from None
    return ToldMessage(
        _number(get("message_id"), "message_id", 1, NUMBER_MAX),
        _number(get("message_seq", 0), "message_seq", 0, NUMBER_MAX),
        _text(get("client_msg_no", ""), "client_msg_no"),
        _text(get("from_uid", ""), "from_uid") or SYSTEM_UID,
        _text(get("channel_id", ""), "channel_id"),
        _number(get("channel_type"), "channel_type", 0, 255),
        _number(get("timestamp", 0), "timestamp", -SECONDS_MAX, SECONDS_MAX),
        payload,
        _number(get("expire", 0), "expire", 0, SECONDS_MAX),
        _text(topic, "topic") if (topic := get("topic")) else "",
        header.get("no_persist") != 1,
        header.get("sync_once") == 1,
        header.get("red_dot") == 1,
        bool(_number(get("setting", 0), "setting", 0, 255) & STREAM),
        tuple(to_uids),
    )


def _number(value: Any, name: str, least: int, most: int) -> int:
    if type(value) is not int or not least <= value <= most:
        raise WrongShape(name)
    return value


def _text(value: Any, name: str) -> str:
    if type(value) is not str or len(value) > ID_CHARACTERS:
        raise WrongShape(name)
    return value if value.isascii() and "\x00" not in value else clean_text(value)
