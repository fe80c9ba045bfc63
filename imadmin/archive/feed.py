"""What the webhook tells, on its way into the archive; the one way in for everything that has commands in it.

A message that takes another back or changes it is a message of its own: what it asks for is kept as an order until
the message that it names is there (archive.orders), so the two may come in any order, and the process may die between.
"""

import time
from collections.abc import Iterable, Sequence

from imadmin.archive import orders, writer
from imadmin.archive.rows import BrokenCall, Incoming, Taken
from imadmin.archive.stores import engine_of
from imadmin.gateway.hook_types import BrokenPart, ToldMessage
from imadmin.gateway.types import COMMAND_SUFFIX, ChannelRef, ChannelType

RAW_MAX = 64 * 1024


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
    channel, seq = _place(one)
    return Incoming(
        one.id,
        seq,
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


def _place(one: ToldMessage) -> tuple[ChannelRef, int]:
    """The stored id of its channel, and its number there; 0 where the receiver isn't told.

    The server names one half of a person channel: the last one that isn't the sender.  That is the other person, but
    for messages of a system account and for commands it may be the sender's own half.  Such a message is kept under
    what was told, without a number, until a reading of its channel tells where it belongs.
    """
    target = one.target
    if one.channel_type != ChannelType.PERSON or "@" in target:
        return ChannelRef(target, one.channel_type), one.seq
    peer = target.removesuffix(COMMAND_SUFFIX)
    if not peer or peer == one.from_uid:
        return ChannelRef(target or one.from_uid, ChannelType.PERSON), 0
    suffix = target[len(peer) :]
    pair = ChannelRef.person(one.from_uid, peer)
    return (ChannelRef(pair.id + suffix, ChannelType.PERSON) if suffix else pair), one.seq


def broken_calls(event: str, parts: Iterable[BrokenPart], at: int) -> list[BrokenCall]:
    return [BrokenCall(0, at, event, part.why, part.raw[:RAW_MAX]) for part in parts]
