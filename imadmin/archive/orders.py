"""Commands that take messages back or change them: the message that is named gets its mark, what it said is kept.

Only its own sender or the server's system account can do that here: anybody may write a command, and one that is
believed hides what a moderator looks for.  An order is kept as a note until all messages that it names are there.  As
anybody may write as many as they like, of messages that never were, they are looked at a few at a time.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from hashlib import blake2b
from typing import Any, Literal

from imadmin.archive import grams
from imadmin.archive.engines.base import Engine
from imadmin.archive.rows import Incoming, Revision, Stored, Trait
from imadmin.gateway import payload
from imadmin.gateway.enums import SYSTEM_UID
from imadmin.gateway.types import ChannelRef, ContentKind

PREFIX, EDITED_BY = "order/", "edit/"
KEPT_SECONDS = 7 * 24 * 3600  # a named message that hasn't come by then doesn't come
KEPT_MOST, KEPT_SIZE = 5000, 32_000_000  # orders that wait, and the characters of all
SENDER_MOST, SENDER_SIZE = 200, 1_000_000  # the same of one sender
NAMED_MOST = 200
NUMBERS_MOST = 20  # each of these costs a search, the ids of all orders a single one
PAYLOAD_MOST = 256 * 1024
SAME_NUMBER_MOST = 20

# What one sweep looks at, page by page: the first bound that is reached ends it.
PAGE = 20
SLICE, SLICE_NUMBERS, SLICE_SIZE = 500, 200, 4_000_000
TURN = "orders.turn"  # the note of where the next sweep begins
REST_MOST = 30  # seconds between two rounds that find nothing

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
    numbers = tuple(dict.fromkeys(_texts(param, "client_msg_no", "client_msg_nos")))[:NUMBERS_MOST]
    if what is None or (not ids and not numbers):
        return None
    channel = _channel(one, param)
    said = _new_text(param) if what == "edit" else None
    return Order(one.id, one.from_uid, what, channel.id, channel.type, ids, () if ids else numbers, said)


def keep(engine: Engine, orders: Iterable[Order], at: int) -> None:
    """Before the command itself is stored: what dies in between is carried out by the next sweep."""
    for order in orders:
        engine.note(_name(order), json.dumps(asdict(replace(order, kept_at=at)), ensure_ascii=False))


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
            engine.note(_name(order), "")
        elif left != order:
            keep(engine, [left], order.kept_at or at)
    return changed


def sweep(engine: Engine, at: int, *, is_filling: bool = False) -> int:
    """Carry out a few of those that wait for messages that came later, each time the next ones.  How many changed.

    Where too many wait, the oldest of a sender go once they were tried; none while the archive is being filled
    (is_filling), as what they are about is yet to be read.
    """
    turn = _turn(engine)
    if 0 < turn.rests_until - at <= REST_MOST:
        return 0
    found, after = _slice(engine, turn.after)
    if not found and turn == _Turn():
        return 0
    changed = carry_out(engine, [order for order in found.values() if order], at)
    _tidy(engine, found)
    if not is_filling:
        _drop(engine, found)
    is_idle = turn.is_idle and not changed
    if after:
        now = replace(turn, after=after, is_idle=is_idle)
    else:
        rest = min(max(5, 2 * turn.rest), REST_MOST) if is_idle else 0
        now = _Turn("", True, rest, at + rest)
    engine.note(TURN, json.dumps(asdict(now)) if found or turn.after else "")
    return changed


@dataclass(frozen=True, slots=True)
class _Turn:
    """after: the last order looked at.  is_idle: nothing found in this round.  rest: seconds after the last round."""

    after: str = ""
    is_idle: bool = True
    rest: int = 0
    rests_until: int = 0


def _turn(engine: Engine) -> _Turn:
    try:
        return _Turn(**json.loads(engine.note(TURN) or "{}"))
    except (ValueError, TypeError):
        return _Turn()


def _slice(engine: Engine, after: str) -> tuple[dict[str, Order | None], str]:
    """The next orders by the names of their notes, and the last of these; "" when there are no more."""
    found: dict[str, Order | None] = {}
    numbers = size = 0
    while len(found) < SLICE and numbers < SLICE_NUMBERS and size < SLICE_SIZE:
        page = engine.notes(PREFIX, after=after, most=PAGE)
        for after, text in page.items():
            found[after] = order = _written(text)
            numbers += len(order.numbers) if order else 0
            size += len(text)
        if len(page) < PAGE:
            return found, ""
    return found, after


def _tidy(engine: Engine, found: Mapping[str, Order | None]) -> None:
    """Notes that can't be read, or that have another name than they are looked for by."""
    for name, order in found.items():
        if order is None or name != _name(order):
            text = engine.note(name)
            engine.note(name, "")
            if order is not None and text:
                engine.note(_name(order), text)


def _drop(engine: Engine, found: Mapping[str, Order | None]) -> None:
    """Of those just tried, as many as are too many; they stand by sender, the oldest first."""
    count, size = engine.notes_size(PREFIX)
    senders: dict[str, tuple[int, int]] = {}
    for name, order in found.items():
        if order is None or (count <= min(KEPT_MOST, SENDER_MOST) and size <= SENDER_SIZE):
            continue
        own = _sender_prefix(order.by)
        mine, mine_size = senders[own] if own in senders else engine.notes_size(own)
        is_much = order.by != SYSTEM_UID and (mine > SENDER_MOST or mine_size > SENDER_SIZE)
        text = engine.note(name) if is_much or count > KEPT_MOST or size > KEPT_SIZE else ""
        if text:
            engine.note(name, "")
            count, size, mine, mine_size = count - 1, size - len(text), mine - 1, mine_size - len(text)
        senders[own] = (mine, mine_size)


def _name(order: Order) -> str:
    return f"{_sender_prefix(order.by)}{order.id:020}"


def _sender_prefix(uid: str) -> str:
    """Short, as a name may be long; two senders that share it share their room."""
    return f"{PREFIX}{blake2b(uid.encode('utf-8', 'replace'), digest_size=8).hexdigest()}/"


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
