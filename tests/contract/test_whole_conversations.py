"""Conversations as their owner sees them, on every target."""

from __future__ import annotations

import pytest

from imadmin.gateway.errors import GatewayError
from imadmin.gateway.kinds.wukongim2.client import WuKongIM2
from imadmin.gateway.message_types import Conversation
from imadmin.gateway.types import ChannelRef
from tests.contract.conftest import Target, eventually
from tests.contract.whole import BAD_UIDS, NOBODY, Unique, group_led, living, refused, said, texts


async def in_group(gateway: WuKongIM2, unique: Unique) -> tuple[str, ChannelRef]:
    """A user and a group led by the same node, so that no node has to ask another for its messages."""
    uid = unique("anna")
    group = await group_led(gateway, unique, uid, together=True)
    assert group is not None
    await gateway.add_subscribers(group, [uid])
    await said(gateway, group, "ben", "second", "third")
    return uid, group


async def conversation(gateway: WuKongIM2, uid: str, channel: ChannelRef, **options) -> Conversation | None:
    found = await gateway.sync_conversations(uid, **options)
    return next((one for one in found if one.channel == channel), None)


async def test_a_conversation_is_synced_with_its_newest_messages(gateway: WuKongIM2, unique: Unique):
    uid, group = await in_group(gateway, unique)
    found = await eventually(lambda: conversation(gateway, uid, group, recents=2))
    assert (found.last_seq, texts(found.recents)) == (3, ["third", "second"])
    assert found.unread >= 2 and found.version > 0 and found.updated_at is not None
    assert await conversation(gateway, uid, group, page=50) is None
    (named,) = await gateway.conversations_with(uid, [group])
    assert (named.channel, named.last_seq) == (group, 3)


async def test_a_chat_of_two_comes_by_its_stored_id(gateway: WuKongIM2, target: Target, unique: Unique):
    anna, ben = unique("anna"), unique("ben")
    chat = ChannelRef.person(anna, ben)
    await said(gateway, chat, ben, "hi anna")
    try:
        found = await eventually(lambda: conversation(gateway, anna, chat))
    except GatewayError:
        assert len(target.websockets) > 1
        return
    assert (found.channel, found.last_seq) == (chat, 1)


async def test_marks_move_forward_only(gateway: WuKongIM2, unique: Unique):
    uid, group = await in_group(gateway, unique)
    await eventually(lambda: conversation(gateway, uid, group))
    await gateway.clear_unread(uid, group)
    cleared = await conversation(gateway, uid, group)
    assert cleared is not None and cleared.unread == 0 and cleared.read_to_seq == 3
    await gateway.set_unread(uid, group, 2)
    again = await conversation(gateway, uid, group)
    assert again is not None and again.unread == 0, "it can't be made unread again"


async def test_unread_is_set_to_what_is_left(gateway: WuKongIM2, unique: Unique):
    uid, group = await in_group(gateway, unique)
    await eventually(lambda: conversation(gateway, uid, group))
    await gateway.set_unread(uid, group, 1)
    found = await conversation(gateway, uid, group)
    assert found is not None and found.unread == 1
    assert await conversation(gateway, uid, group, only_unread=True) is not None


async def test_a_deleted_conversation_is_hidden_and_comes_back(gateway: WuKongIM2, unique: Unique):
    uid, group = await in_group(gateway, unique)
    await eventually(lambda: conversation(gateway, uid, group))
    await gateway.delete_conversation(uid, group)
    assert await conversation(gateway, uid, group) is None
    assert group in await gateway.conversation_channels(uid), "hidden, not gone"
    await said(gateway, group, "ben", "back")
    await eventually(lambda: conversation(gateway, uid, group))


async def test_of_nobody_there_is_nothing_and_marks_are_answered_all_the_same(gateway: WuKongIM2, unique: Unique):
    nobody, unknown = unique("nobody"), ChannelRef(unique("never"), 2)
    assert await gateway.sync_conversations(nobody) == ()
    assert await gateway.conversation_channels(nobody) == ()
    await gateway.delete_conversation(nobody, unknown)
    await gateway.set_unread(nobody, unknown, 0)
    assert await gateway.sync_conversations(nobody) == ()


async def test_a_channel_led_elsewhere_makes_the_sync_fail_behind_a_manager_token(
    gateway: WuKongIM2, target: Target, unique: Unique
):
    """The servers ask each other without the token; one such channel spoils the whole answer."""
    uid = unique("anna")
    far = await group_led(gateway, unique, uid, together=False)
    if len(target.websockets) == 1 or not target.connection.token:
        assert far is None or len(target.websockets) > 1
        return
    assert far is not None
    await gateway.add_subscribers(far, [uid])
    for question in (gateway.sync_conversations(uid), gateway.conversations_with(uid, [far])):
        with pytest.raises(GatewayError):
            await question


async def test_messages_beyond_what_a_user_has_are_told_by_who_leads_them(gateway: WuKongIM2, unique: Unique):
    uid, group = await in_group(gateway, unique)
    config = await gateway.channel_config(group)
    assert config is not None
    (found,) = await gateway.channel_messages(uid, {group: 1}, config.leader)
    assert found.channel == group and set(texts(found.messages)) <= {"first", "second", "third"}
    assert texts(found.messages)[:1] == ["third"]


@pytest.mark.parametrize("uid", BAD_UIDS)
async def test_bad_uids_are_refused(gateway: WuKongIM2, group: ChannelRef, uid: str):
    for question in (
        gateway.sync_conversations(uid), gateway.conversations_with(uid, [group]), gateway.conversation_channels(uid),
        gateway.delete_conversation(uid, group), gateway.clear_unread(uid, group), gateway.set_unread(uid, group, 0),
    ):  # fmt: skip
        await refused(question, "uid")


async def test_bad_questions_are_refused(gateway: WuKongIM2, group: ChannelRef, unique: Unique):
    await refused(gateway.sync_conversations("anna", recents=0), "recents")
    await refused(gateway.sync_conversations("anna", page_size=0), "limit")
    await refused(gateway.conversations_with("anna", []), "channels")
    await refused(gateway.set_unread("anna", group, -1), "unread")
    await refused(gateway.set_unread(unique("nobody"), group, 1), "channel")
    await refused(gateway.clear_unread("cara", ChannelRef.person("anna", "ben")), "channel")
    await refused(gateway.channel_messages("anna", {}, (await living(gateway))[0]), "channels")
    with pytest.raises(GatewayError):
        await gateway.channel_messages("anna", {group: 0}, NOBODY)
