"""What the tests of the whole contract share: bodies, waiting, who leads what, and which rights we have there."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest

from imadmin.gateway.errors import NotAllowed, RefusedLocally
from imadmin.gateway.kinds.wukongim2.client import WuKongIM2
from imadmin.gateway.message_types import SentMessage
from imadmin.gateway.types import ChannelFlags, ChannelRef, ChannelType, Message
from tests.contract.conftest import Target, eventually

Unique = Callable[[str], str]
BLANKS = ("", "  ")
BAD_UIDS = (*BLANKS, "a@b", "a#b", "a&b", "a\nb")
NOBODY = 987_654_321  # no node has this id


def body(text: str) -> bytes:
    return json.dumps({"type": 1, "content": text}, ensure_ascii=False).encode()


async def said(gateway: WuKongIM2, channel: ChannelRef, sender: str, *texts: str, **options: Any) -> list[SentMessage]:
    """Send these, one after the other, and wait until each is stored."""
    sent = []
    for text in texts:
        one = await gateway.send_message(channel, body(text), from_uid=sender, **options)
        await eventually(lambda wanted=one.id: gateway.message(wanted))
        sent.append(one)
    return sent


async def living(gateway: WuKongIM2) -> tuple[int, ...]:
    """The ids of the nodes that answer; of all where nobody was killed."""
    return tuple(node.id for node in (await gateway.nodes()).value if node.answers)


async def refused(question: Awaitable[Any], field: str) -> None:
    """Before anything was sent, naming the field."""
    with pytest.raises(RefusedLocally) as raised:
        await question
    assert field in raised.value.fields, raised.value.fields


async def allowed(gateway: WuKongIM2, target: Target, resource: str) -> bool:
    """Whether the account that the target gives us may change this kind of thing."""
    connection = target.connection
    return (await gateway.login(connection.jwt_user, connection.jwt_password)).may_write(resource)


def unless(is_allowed: bool) -> AbstractContextManager[Any]:
    """The server says no to who may not; with the right nothing is raised."""
    return nullcontext() if is_allowed else pytest.raises(NotAllowed)


async def group_led(gateway: WuKongIM2, unique: Unique, uid: str, *, together: bool) -> ChannelRef | None:
    """A used group whose messages are (not) led by the node that leads this uid; None where all are led by one."""
    home = await gateway.roster.slot_leader(uid)
    for number in range(40):
        channel = ChannelRef(unique(f"led-{number}"), ChannelType.GROUP)
        leader = await gateway.roster.slot_leader(channel.id)
        if leader is None or home is None or (leader.id == home.id) != together:
            continue
        await gateway.create_channel(channel, ChannelFlags())
        await said(gateway, channel, uid, "first")
        config = await gateway.channel_config(channel)
        if config is not None and (config.leader == home.id) == together:
            return channel
    return None


def texts(messages: tuple[Message, ...] | list[Message]) -> list[str]:
    return [message.content.text for message in messages]
