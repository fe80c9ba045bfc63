"""What the webhook tells, on its way into the archive; the one way in for everything that has commands in it.

A message that takes another back or changes it is a message of its own: what it asks for is kept as an order until
the message that it names is there (archive.orders), so the two may come in any order, and the process may die between.
"""

import time
from collections.abc import Iterable, Sequence
from functools import lru_cache

from imadmin.archive import orders, writer
from imadmin.archive.rows import BrokenCall, Incoming, Taken
from imadmin.archive.stores import engine_of
from imadmin.gateway.hook_types import BrokenPart, ToldMessage
from imadmin.gateway.types import COMMAND_SUFFIX, ChannelRef, ChannelType

RAW_MAX = 64 * 1024
PERSON = int(ChannelType.PERSON)


def take(cluster_pk: int, incoming: Sequence[Incoming], broken: Sequence[BrokenCall] = ()) -> Taken:
    """Store these, and carry out what they say about other messages.  Committed when it returns.

    Raises StoreUnavailable: then nothing was stored; call it again with the same.
    """
    found = orders.among(incoming)
    if found:
        engine, at = engine_of(cluster_pk), int(time.time())
        orders.keep(engine, found, at)
        taken = writer.write(cluster_pk, incoming, broken)
        orders.carry_out(engine, found, at)
        return taken
    return writer.write(cluster_pk, incoming, broken)


def told(messages: Iterable[ToldMessage]) -> list[Incoming]:
    """Those that the server stores; the others it forgets as well."""
    return [incoming_of(one) for one in messages if one.is_stored and one.seq]


def incoming_of(one: ToldMessage) -> Incoming:
    channel, is_whole = place(one.target, one.channel_type, one.from_uid if one.channel_type == PERSON else "")
    return Incoming(
        one.id,
        one.seq if is_whole else 0,
        channel,
        one.from_uid,
        max(0, one.timestamp),
        one.payload,
        one.client_msg_no,
        one.expire,
        one.topic,
        one.is_stream,
        not one.is_stream,
    )


@lru_cache(maxsize=50_000)
def place(target: str, channel_type: int, from_uid: str) -> tuple[ChannelRef, bool]:
    """The stored id of a message's channel, and whether that is the whole of it.

    The server names one half of a person channel: the last one that isn't the sender.  That is the other person, but
    for messages of the system account and for commands it may be the sender's own half.  Such a message is kept under
    what was told, without a number, until a reading of its channel tells where it belongs.
    """
    if channel_type != PERSON or "@" in target:
        return ChannelRef(target, channel_type), True
    peer = target.removesuffix(COMMAND_SUFFIX)
    if not peer or peer == from_uid:
        return ChannelRef(target or from_uid, PERSON), False
    return ChannelRef(ChannelRef.person(from_uid, peer).id + target[len(peer) :], PERSON), True


def broken_calls(event: str, parts: Iterable[BrokenPart], at: int) -> list[BrokenCall]:
    return [BrokenCall(0, at, event, part.why, part.raw[:RAW_MAX]) for part in parts]
