"""Commands that take messages back or change them: the message that is named gets its mark, what it said is kept.

Only its own sender or the server's system account can do that here: anybody may write a command, and one that is
believed hides what a moderator looks for.  An order is kept as a note until all messages that it names are there.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from imadmin.archive import grams
from imadmin.archive.engines.base import Engine
from imadmin.archive.rows import Incoming, Revision, Stored, Trait
from imadmin.gateway import payload
from imadmin.gateway.types import ChannelRef, ContentKind

SYSTEM_UID = "____system"
PREFIX, EDITED_BY = "order/", "edit/"
KEPT_SECONDS = 7 * 24 * 3600  # a named message that hasn't come by then doesn't come
KEPT_MOST = 5000
NAMED_MOST = 200
PAYLOAD_MOST = 256 * 1024
SAME_NUMBER_MOST = 20

_JOINTS = re.compile(r"[\s_.:-]+")
_REVOKE = re.compile("(?:message|msg)?(?:revoke|recall|withdraw|delete)(?:e?d)?(?:messages?|msgs?)?")
_EDIT = re.compile("(?:message|msg)?(?:edit|modify|update)(?:e?d)?(?:messages?|msgs?)?")
_CONTENT = ("content", "new_content", "content_edit", "text", "payload")


@dataclass(frozen=True, slots=True)
class Order:
    """id: of the command; a later edit has a higher one.  by: who sent it.  ids, numbers: messages not yet found."""

    id: int
    by: str
    what: Literal["revoke", "edit"]
    channel_id: str
    channel_type: int
    ids: tuple[int, ...] = ()
    numbers: tuple[str, ...] = ()
    said: str | None = None
    kept_at: int = 0


def among(incoming: Iterable[Incoming]) -> list[Order]:
    """The orders among these messages."""
    return [order for one in incoming if b'"cmd"' in one.payload and (order := read(one))]


def read(one: Incoming) -> Order | None:
    """What a message asks for, None when it is no command of that kind."""
    if len(one.payload) > PAYLOAD_MOST:
        return None
    content = payload.decode(one.payload)
    if content.kind is not ContentKind.COMMAND and not one.channel.is_command:
        return None
    word = content.fields.get("cmd")
    what = _meaning(word) if isinstance(word, str) else None
    param = _param(content.fields)
    ids = tuple(dict.fromkeys(_ids(param)))[:NAMED_MOST]
    numbers = tuple(dict.fromkeys(_texts(param, "client_msg_no", "client_msg_nos")))[:NAMED_MOST]
    if what is None or (not ids and not numbers):
        return None
    channel = _channel(one, param)
    said = _new_text(param) if what == "edit" else None
    return Order(one.id, one.from_uid, what, channel.id, channel.type, ids, () if ids else numbers, said)


def keep(engine: Engine, orders: Iterable[Order], at: int) -> None:
    """Before the command itself is stored: what dies in between is carried out by the next sweep."""
    for order in orders:
        engine.note(f"{PREFIX}{order.id}", json.dumps(asdict(replace(order, kept_at=at)), ensure_ascii=False))


def carry_out(engine: Engine, orders: Sequence[Order], at: int) -> int:
    """Mark the messages that are there; what is missing stays an order.  Returns how many were changed."""
    stored = engine.by_ids([each for order in orders for each in order.ids])
    changed = 0
    for order in sorted(orders, key=lambda one: one.id):
        named = [stored[each] for each in order.ids if each in stored]
        by_number = {number: _by_number(engine, order, number) for number in order.numbers}
        named += [one for found in by_number.values() for one in found]
        revisions = [each for one in named if (each := _revision(engine, order, one))]
        changed += engine.revise(revisions) if revisions else 0
        if order.what == "edit":
            for each in revisions:
                engine.note(f"{EDITED_BY}{each.id}", str(order.id))
        left = replace(
            order,
            ids=tuple(each for each in order.ids if each not in stored),
            numbers=tuple(number for number, found in by_number.items() if not found),
        )
        is_old = 0 < order.kept_at < at - KEPT_SECONDS
        if is_old or not (left.ids or left.numbers):
            engine.note(f"{PREFIX}{order.id}", "")
        elif left != order:
            keep(engine, [left], order.kept_at or at)
    return changed


def sweep(engine: Engine, at: int) -> int:
    """Carry out what waits for messages that came later; the oldest go when there are too many."""
    waiting = [order for written in engine.notes(PREFIX).values() if (order := _written(written))]
    if not waiting:
        return 0
    waiting.sort(key=lambda order: order.id)
    for order in waiting[:-KEPT_MOST]:
        engine.note(f"{PREFIX}{order.id}", "")
    return carry_out(engine, waiting[-KEPT_MOST:], at)


def _revision(engine: Engine, order: Order, one: Stored) -> Revision | None:
    if order.by not in (one.from_uid, SYSTEM_UID):
        return None
    if order.what == "revoke":
        return None if one.traits & Trait.REVOKED else Revision(one.id, set=Trait.REVOKED)
    last = engine.note(f"{EDITED_BY}{one.id}")
    if last.isdecimal() and int(last) >= order.id:
        return None
    return Revision(one.id, set=Trait.EDITED, said=order.said)


def _by_number(engine: Engine, order: Order, number: str) -> list[Stored]:
    """Clients number their own messages: only those of this channel, whoever else uses the same number."""
    found = engine.scan(grams.client_token(number), most=SAME_NUMBER_MOST)
    channel = ChannelRef(order.channel_id, order.channel_type)
    return [one for one in found if one.client_msg_no == number and one.channel == channel]


def _meaning(word: str) -> Literal["revoke", "edit"] | None:
    plain = _JOINTS.sub("", word).lower()
    if _REVOKE.fullmatch(plain):
        return "revoke"
    return "edit" if _EDIT.fullmatch(plain) else None


def _param(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """Beside the word, or in an object of its own, which some write as text."""
    for name in ("param", "params", "data"):
        found = fields.get(name)
        if isinstance(found, str):
            try:
                found = json.loads(found)
            except (ValueError, RecursionError):
                continue
        if isinstance(found, dict):
            return found
    return fields


def _ids(param: Mapping[str, Any]) -> Iterable[int]:
    for name in ("message_id", "message_ids", "messageId", "messageIds"):
        value = param.get(name)
        for each in value if isinstance(value, list) else (value,):
            if isinstance(each, str) and each.isascii() and each.isdecimal() and len(each) < 20:
                each = int(each)
            if type(each) is int and 0 < each < 2**63:
                yield each


def _texts(param: Mapping[str, Any], *names: str) -> Iterable[str]:
    for name in names:
        value = param.get(name)
        yield from (each for each in (value if isinstance(value, list) else (value,)) if isinstance(each, str) and each)


def _channel(one: Incoming, param: Mapping[str, Any]) -> ChannelRef:
    """Where the named message is: the channel of the command, unless it names another."""
    told, kind = param.get("channel_id"), param.get("channel_type")
    if not isinstance(told, str) or not told or type(kind) is not int or not 0 <= kind < 256:
        return one.channel.base
    found = ChannelRef(told, kind)
    if not found.is_person or "@" in told:
        return found
    return one.channel.base if one.from_uid == SYSTEM_UID else ChannelRef.person(one.from_uid, told)


def _new_text(param: Mapping[str, Any]) -> str | None:
    """The words of the new content, whether it is told as words or as a whole body."""
    for name in _CONTENT:
        value = param.get(name)
        if isinstance(value, dict):
            return payload.decode(json.dumps(value).encode()).text
        if isinstance(value, str) and value:
            return payload.decode(value.encode("utf-8", "replace")).text or payload.clean_text(value)
    return None


def _written(text: str) -> Order | None:
    try:
        found = json.loads(text)
        return Order(**found | {"ids": tuple(found["ids"]), "numbers": tuple(found["numbers"])})
    except (ValueError, TypeError, KeyError):
        return None
