"""Every way of sending, on every target: queued, refused, and answered without anything having happened."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from imadmin.gateway.contract import Connection
from imadmin.gateway.errors import GatewayError
from imadmin.gateway.kinds.wukongim2.client import WuKongIM2
from imadmin.gateway.kinds.wukongim2.sending import PAYLOAD_MOST
from imadmin.gateway.message_types import StreamEvent
from imadmin.gateway.types import ChannelFlags, ChannelRef
from imadmin.simulator import SimulatedCluster
from tests.contract.conftest import Connect, Target, eventually
from tests.contract.whole import BAD_UIDS, Unique, body, living, refused, said, texts

CLOSE = StreamEvent("e2", "stream.close", payload={"kind": "text", "text": "hello world"})


async def test_a_message_is_queued_and_found_by_its_client_number(gateway: WuKongIM2, group, unique: Unique):
    number = unique("no")
    sent = await gateway.send_message(group, body("你好"), from_uid="anna", client_msg_no=number, expire=60)
    assert sent.id > 2**53 and sent.client_msg_no == number
    found = await eventually(lambda: gateway.message_by_client_number(group, number))
    assert (found.id, found.from_uid, found.content.text, found.expire) == (sent.id, "anna", "你好", 60)


async def test_a_message_of_one_person_to_another_is_in_their_chat(gateway: WuKongIM2, unique: Unique):
    anna, ben = unique("anna"), unique("ben")
    chat = ChannelRef.person(anna, ben)
    (sent,) = await said(gateway, chat, anna, "hi ben")
    (message,) = (await gateway.read_channel(chat)).messages
    assert (message.id, message.channel, message.from_uid) == (sent.id, chat, anna)


async def test_sends_to_a_banned_channel_are_answered_and_vanish(gateway: WuKongIM2, group: ChannelRef):
    await said(gateway, group, "anna", "before")
    await gateway.set_flags(group, ChannelFlags(ban=True))
    lost = await gateway.send_message(group, body("into the void"), from_uid="anna")
    await asyncio.sleep(0.5)  # the ban is looked at later than the answer is given
    await gateway.set_flags(group, ChannelFlags())
    await said(gateway, group, "anna", "after")
    assert lost.id and await gateway.message(lost.id) is None
    assert texts((await gateway.read_channel(group)).messages) == ["before", "after"]


async def test_the_same_client_number_twice_is_stored_twice(gateway: WuKongIM2, group: ChannelRef, unique: Unique):
    number = unique("twice")
    sent = [await said(gateway, group, "anna", "x", client_msg_no=number) for _ in range(2)]
    assert sent[0][0].id != sent[1][0].id
    assert texts((await gateway.read_channel(group)).messages) == ["x", "x"]


async def test_a_message_not_to_be_kept_is_not(gateway: WuKongIM2, group: ChannelRef):
    await said(gateway, group, "anna", "kept")
    fleeting = await gateway.send_message(group, body("fleeting"), from_uid="anna", no_persist=True)
    await said(gateway, group, "anna", "kept too")
    assert await gateway.message(fleeting.id) is None


async def test_a_red_dot_and_a_command_arrive_as_such(gateway: WuKongIM2, group: ChannelRef):
    await said(gateway, group, "anna", "first", "dotted", red_dot=True)
    assert (await gateway.messages_around(group, 2))[-1].has_red_dot
    (sent,) = await said(gateway, group, "anna", "do it", as_command=True)
    command = await gateway.message(sent.id)
    assert command is not None and command.is_command and command.channel.base == group


async def test_bad_messages_are_refused(gateway: WuKongIM2, group: ChannelRef):
    await refused(gateway.send_message(group, b""), "payload")
    await refused(gateway.send_message(group, b"x" * (PAYLOAD_MOST + 1)), "payload")
    await refused(gateway.send_message(ChannelRef("", 2), b"x"), "channel")
    await refused(gateway.send_message(ChannelRef("g", 0), b"x"), "channel")
    await refused(gateway.send_message(ChannelRef("g#1", 2), b"x"), "channel")
    await refused(gateway.send_message(ChannelRef.person("anna", "ben"), b"x", from_uid="cara"), "from_uid")
    await refused(gateway.send_message(group, b"x", from_uid="a@b"), "from_uid")


async def test_a_command_to_some_users_reaches_those_who_are_there(
    gateway: WuKongIM2, target: Target, live_client: Connect, unique: Unique
):
    client = await live_client(unique("anna"))
    try:
        await gateway.send_command([client.uid], body("ping"), from_uid="boss")
    except GatewayError:
        assert len(target.websockets) > 1, "between nodes of a cluster the manager token gets lost (1.5)"
        return
    await eventually(lambda: _frames(client))


async def _frames(client) -> bool:
    return bool(client.received)


@pytest.mark.parametrize("uid", BAD_UIDS)
async def test_commands_and_batches_to_bad_uids_are_refused(gateway: WuKongIM2, uid: str):
    await refused(gateway.send_command(["anna", uid], b"x"), "uids")
    await refused(gateway.send_batch(["anna", uid], b"x", from_uid="boss"), "uids")


async def test_commands_and_batches_to_nobody_are_refused(gateway: WuKongIM2):
    await refused(gateway.send_command([], b"x"), "uids")
    await refused(gateway.send_batch([], b"x", from_uid="boss"), "uids")
    await refused(gateway.send_batch(["anna"], b"x", from_uid=" "), "from_uid")
    await refused(gateway.send_batch(["anna"], b"", from_uid="boss"), "payload")


async def test_a_batch_makes_a_chat_with_each(gateway: WuKongIM2, unique: Unique):
    boss, uids = unique("boss"), [unique("anna"), unique("ben")]
    told = await gateway.send_batch(uids, body("to all"), from_uid=boss)
    assert dict(told.failed) == {}
    for uid in uids:
        found = await eventually(lambda wanted=uid: gateway.last_message(ChannelRef.person(boss, wanted)))
        assert (found.from_uid, found.content.text) == (boss, "to all")


# -- streams -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def _alone():
    with SimulatedCluster(nodes=1, seed=6, world="empty", manager_token="alone-token") as cluster:
        yield cluster


@pytest.fixture
async def alone(_alone: SimulatedCluster) -> AsyncIterator[WuKongIM2]:
    node = _alone.nodes[0]
    gateway = WuKongIM2(Connection(node.api_url, node.manager_url, token="alone-token"))
    yield gateway
    await gateway.aclose()


async def streamed(gateway: WuKongIM2, group: ChannelRef, number: str) -> None:
    await said(gateway, group, "anna", "", is_stream=True, client_msg_no=number)
    taken = await gateway.send_event(
        group, number, StreamEvent("e1", "stream.delta", payload={"kind": "text", "delta": "he"})
    )
    assert (taken.client_msg_no, taken.key, taken.status) == (number, "main", "open")
    assert (await gateway.event_states(group, number)).events == (), "what is open is not told"
    closed = await gateway.send_event(group, number, CLOSE)
    assert closed.status == "closed" and closed.event_seq > 0
    for through in (False, True):
        (state,) = (await gateway.event_states(group, number, through_cluster=through)).events
        assert (state.id, state.key, state.type, state.event_seq) == ("e2", "main", "stream.close", closed.event_seq)
        assert json.dumps(state.payload)
    assert (await gateway.event_states(group, number, after=closed.event_seq)).events == ()


async def test_a_stream_message_ends_with_its_last_state(alone: WuKongIM2, unique: Unique):
    group = ChannelRef(unique("stream"), 2)
    await alone.create_channel(group, ChannelFlags())
    await streamed(alone, group, unique("st"))


async def test_streams_on_every_target(gateway: WuKongIM2, target: Target, group: ChannelRef, unique: Unique):
    """With more than one node a stream message ends the server, so there it is refused."""
    if len(target.websockets) == 1:
        await streamed(gateway, group, unique("st"))
        return
    await refused(gateway.send_message(group, b"{}", from_uid="anna", is_stream=True), "is_stream")
    health = [await gateway.health(node) for node in await living(gateway)]
    assert all(one.is_ok for one in health)


async def test_events_of_a_message_that_is_no_stream_are_taken_all_the_same(gateway: WuKongIM2, group, unique: Unique):
    number = unique("plain")
    await said(gateway, group, "anna", "plain", client_msg_no=number)
    taken = await gateway.send_event(group, number, StreamEvent("e1", "custom.done", key="k", payload={"note": "x"}))
    assert taken.key == "k" and taken.event_seq > 0
    (state,) = (await gateway.event_states(group, number, key="k")).events
    assert state.type == "custom.done" and "note" not in state.payload, "what is kept of it is its state, not itself"


async def test_events_of_nothing_are_no_events(gateway: WuKongIM2, group: ChannelRef, unique: Unique):
    page = await gateway.event_states(group, unique("never"))
    assert page.events == () and not page.has_more


async def test_bad_events_are_refused(gateway: WuKongIM2, group: ChannelRef):
    await refused(gateway.send_event(group, " ", CLOSE), "client_msg_no")
    await refused(gateway.send_event(group, "no", StreamEvent("", "stream.close")), "event")
    await refused(gateway.send_event(ChannelRef("a@b", 2), "no", CLOSE), "channel")
    await refused(gateway.event_states(group, ""), "client_msg_no")
    await refused(gateway.event_states(group, "no", limit=0), "limit")
