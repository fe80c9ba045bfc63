"""Messages by every key and in stretches, on every target."""

from __future__ import annotations

import pytest

from imadmin.gateway.errors import GatewayError
from imadmin.gateway.kinds.wukongim2.client import WuKongIM2
from imadmin.gateway.types import ChannelRef
from tests.contract.conftest import Target, eventually
from tests.contract.whole import BAD_UIDS, Unique, body, refused, said, texts


async def test_messages_are_looked_up_by_seq_id_and_client_number_in_that_order(
    gateway: WuKongIM2, group: ChannelRef, unique: Unique
):
    number = unique("no")
    sent = await said(gateway, group, "anna", "one", "two")
    sent += await said(gateway, group, "anna", "three", client_msg_no=number)
    found = await gateway.lookup_messages(group, seqs=[2, 99], ids=[sent[0].id, 1], client_msg_nos=[number, "never"])
    assert texts(found) == ["two", "one", "three"]
    assert {message.channel for message in found} == {group}


async def test_of_one_client_number_both_ends_are_found(gateway: WuKongIM2, group: ChannelRef, unique: Unique):
    number = unique("twice")
    await said(gateway, group, "anna", "old", client_msg_no=number)
    await said(gateway, group, "anna", "new", client_msg_no=number)
    assert texts(await gateway.lookup_messages(group, client_msg_nos=[number])) == ["new"]
    oldest = await gateway.message_by_client_number(group, number)
    assert oldest is not None and oldest.content.text == "old"


async def test_one_message_is_looked_up_in_a_group_and_between_two(gateway: WuKongIM2, group, unique: Unique):
    for channel in (group, ChannelRef.person(unique("anna"), unique("ben"))):
        sender = channel.peers[0] if channel.peers else "anna"
        number = unique("no")
        (sent,) = await said(gateway, channel, sender, "here", client_msg_no=number)
        found = await gateway.lookup_message(channel, sent.id)
        assert found is not None and (found.id, found.seq, found.content.text) == (sent.id, 1, "here")
        by_number = await gateway.message_by_client_number(channel, number)
        assert by_number is not None and by_number.id == sent.id
        last = await gateway.last_message(channel)
        assert last is not None and last.id == sent.id


async def test_what_is_not_there_is_nothing(gateway: WuKongIM2, group: ChannelRef, unique: Unique):
    unknown = ChannelRef(unique("never"), 2)
    assert await gateway.lookup_messages(group, seqs=[7]) == ()
    assert await gateway.lookup_message(group, 2**60 + 3) is None
    assert await gateway.message_by_client_number(group, unique("never")) is None
    assert await gateway.last_message(unknown) is None
    assert (await gateway.read_channel(unknown)).messages == ()
    assert await gateway.runtime_channel(unknown) is None, "asking leaves nothing behind"


async def test_a_channel_is_read_in_both_directions(gateway: WuKongIM2, group: ChannelRef):
    await said(gateway, group, "anna", *(f"m{number}" for number in range(1, 7)))

    async def seqs(**span) -> list[int]:
        return [message.seq for message in (await gateway.read_channel(group, **span)).messages]

    assert await seqs() == [1, 2, 3, 4, 5, 6]
    assert await seqs(limit=2) == [5, 6], "the newest"
    assert await seqs(start=4, limit=2) == [3, 4], "down from a number"
    assert await seqs(start=4, end=2) == [3, 4], "not as far as the other end"
    assert await seqs(start=3, newer=True, limit=2) == [3, 4]
    assert await seqs(start=3, end=5, newer=True) == [3, 4]
    assert (await gateway.read_channel(group, limit=2)).is_full
    assert not (await gateway.read_channel(group, limit=10)).is_full


async def test_bad_keys_are_refused(gateway: WuKongIM2, group: ChannelRef):
    await refused(gateway.lookup_messages(group), "keys")
    await refused(gateway.lookup_messages(group, seqs=range(1, 202)), "keys")
    await refused(gateway.lookup_messages(group, seqs=[2**32]), "keys")
    await refused(gateway.lookup_messages(group, ids=[0]), "keys")
    await refused(gateway.lookup_message(group, 2**63), "message_id")
    await refused(gateway.message_by_client_number(group, " "), "client_msg_no")
    await refused(gateway.read_channel(group, start=3, end=9), "start")
    await refused(gateway.read_channel(group, start=-1), "start")
    await refused(gateway.read_channel(group, limit=0), "limit")
    await refused(gateway.last_message(ChannelRef("", 2)), "channel")


async def test_commands_wait_for_who_is_away_and_are_given_once(gateway: WuKongIM2, target: Target, unique: Unique):
    uid = unique("away")
    chat = ChannelRef.person(uid, unique("boss"))
    sender = next(peer for peer in chat.peers or () if peer != uid)
    await gateway.send_message(chat, body("do it"), from_uid=sender, as_command=True)

    async def waiting() -> tuple:
        return await gateway.offline_commands(uid)

    try:
        (command,) = await eventually(waiting)
    except GatewayError:
        assert len(target.websockets) > 1, "between nodes of a cluster the manager token gets lost (1.5)"
        return
    assert command.content.text == "do it" and command.from_uid == sender
    await gateway.acknowledge_commands(uid, command.seq)
    assert await gateway.offline_commands(unique("nobody")) == ()


@pytest.mark.parametrize("uid", BAD_UIDS)
async def test_commands_of_bad_uids_are_refused(gateway: WuKongIM2, uid: str):
    await refused(gateway.offline_commands(uid), "uid")
    await refused(gateway.acknowledge_commands(uid, 1), "uid")
