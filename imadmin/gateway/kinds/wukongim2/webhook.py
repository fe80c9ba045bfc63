"""The webhook's bodies turned into our types (reference 2.15).  Nothing here is trusted: anybody may call the door."""

from __future__ import annotations

import json
from typing import Any

from imadmin.gateway.hook_types import (
    MESSAGES,
    OFFLINE,
    ONLINE_STATUS,
    BrokenHook,
    HookBatch,
    OnlineChange,
    ToldMessage,
)  # fmt: skip
from imadmin.gateway.kinds.wukongim2.guards import SYSTEM_UID
from imadmin.gateway.kinds.wukongim2.shapes import Row, WrongShape, flag, number, rows, text, whole
from imadmin.gateway.kinds.wukongim2.wire import body_of, sent_at_of

ITEMS_MAX = 50_000
UID_MAX = 200
PARTS = 5  # of an online status, after the uid
NUMBER_MAX = 2**63 - 1


def batch(event: str, body: bytes) -> HookBatch:
    """One call of the server.  Raises BrokenHook for what it never sends; events we don't know are only counted."""
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
        return HookBatch(event, 1, messages=(_message(whole(said)),))
    if event == MESSAGES:
        found = rows(said)
        return HookBatch(event, len(found), messages=tuple(map(_message, found)))
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


def _message(row: Row) -> ToldMessage:
    header = whole(row.get("header") or {})
    to_uids = row.get("to_uids") or []
    if not isinstance(to_uids, list) or not all(isinstance(uid, str) for uid in to_uids):
        raise WrongShape("to_uids")
    return ToldMessage(
        id=number(row, "message_id", None),
        seq=number(row, "message_seq"),
        client_msg_no=text(row, "client_msg_no"),
        from_uid=text(row, "from_uid") or SYSTEM_UID,
        target=text(row, "channel_id"),
        channel_type=number(row, "channel_type", None),
        sent_at=sent_at_of(row),
        payload=body_of(row, "payload"),
        expire=number(row, "expire"),
        topic=text(row, "topic"),
        is_stored=not flag(header, "no_persist"),
        is_command=flag(header, "sync_once"),
        has_red_dot=flag(header, "red_dot"),
        to_uids=tuple(to_uids),
    )
