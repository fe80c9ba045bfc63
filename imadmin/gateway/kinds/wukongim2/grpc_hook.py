"""The message of the gRPC webhook, read and answered without a gRPC library; its transport, HTTP/2, is not here (2.15).

`SendWebhook(EventReq{event=1 string, data=2 bytes}) returns EventResp{status=1 enum, data=2 bytes}` of
/wkhook.WebhookService; the data are the same JSON as by HTTP.
"""

from __future__ import annotations

from collections.abc import Iterator

from imadmin.gateway.hook_types import BrokenHook, HookBatch
from imadmin.gateway.kinds.wukongim2 import webhook

METHOD = "/wkhook.WebhookService/SendWebhook"
MESSAGE_MOST = 16 * 1024 * 1024
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def batch(frame: bytes) -> HookBatch:
    """One framed request, as it stands in the body of the HTTP/2 call.  Raises BrokenHook."""
    event, data = event_request(unframed(frame))
    return webhook.batch(event, data)


def unframed(frame: bytes) -> bytes:
    """The one message in a gRPC body: a byte for compression, four for the length, the message."""
    if len(frame) < 5 or frame[0] != 0:
        raise BrokenHook("no plain gRPC message")
    length = int.from_bytes(frame[1:5])
    if length != len(frame) - 5 or length > MESSAGE_MOST:
        raise BrokenHook("cut off")
    return frame[5:]


def framed(message: bytes) -> bytes:
    return b"\0" + len(message).to_bytes(4) + message


def event_request(message: bytes) -> tuple[str, bytes]:
    """Event and data of an EventReq; fields that we don't know are passed over, the last of each counts."""
    event, data = b"", b""
    for number, value in _fields(message):
        if number == 1 and isinstance(value, bytes):
            event = value
        elif number == 2 and isinstance(value, bytes):
            data = value
    try:
        return event.decode(), data
    except UnicodeDecodeError:
        raise BrokenHook("event") from None


def event_response(*, is_success: bool) -> bytes:
    """A framed EventResp: anything but success makes the server send it again."""
    return framed(b"\x08\x01" if is_success else b"")


def _fields(message: bytes) -> Iterator[tuple[int, bytes | int]]:
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        number, kind = key >> 3, key & 7
        if not number:
            raise BrokenHook("field 0")
        if kind == _VARINT:
            value, at = _varint(message, at)
            yield number, value
            continue
        if kind == _BYTES:
            size, at = _varint(message, at)
        elif kind in (_FIXED64, _FIXED32):
            size = 8 if kind == _FIXED64 else 4
        else:
            raise BrokenHook("wire type")
        if at + size > len(message):
            raise BrokenHook("cut off")
        yield number, message[at : at + size]
        at += size


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(message):
            raise BrokenHook("cut off")
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise BrokenHook("number")
