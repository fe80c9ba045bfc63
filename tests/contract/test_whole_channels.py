"""Channels closed, lists replaced and emptied, copies looked at and moved, on every target."""

from __future__ import annotations

import pytest

from imadmin.gateway.enums import ReplicaRole
from imadmin.gateway.errors import NoSuch
from imadmin.gateway.kinds.wukongim2.client import WuKongIM2
from imadmin.gateway.types import ChannelFlags, ChannelRef
from tests.contract.conftest import Target, eventually
from tests.contract.whole import BAD_UIDS, NOBODY, Unique, allowed, living, refused, said, unless

PAIR = ChannelRef.person("anna", "ben")


async def test_a_disbanded_channel_keeps_everything_and_can_be_opened_again(gateway: WuKongIM2, group: ChannelRef):
    await gateway.add_subscribers(group, ["anna"])
    await said(gateway, group, "anna", "kept")
    await gateway.disband_channel(group)
    record = await gateway.channel(group)
    assert record is not None and record.disband and not record.ban
    assert await gateway.subscribers(group) == ["anna"]
    assert len((await gateway.read_channel(group)).messages) == 1
    await gateway.set_flags(group, ChannelFlags())
    record = await gateway.channel(group)
    assert record is not None and not record.disband


async def test_an_unknown_channel_is_disbanded_without_complaint(gateway: WuKongIM2, unique: Unique):
    unknown = ChannelRef(unique("never"), 2)
    await gateway.disband_channel(unknown)
    assert await gateway.subscribers(unknown) == []


async def test_members_are_replaced_and_emptied(gateway: WuKongIM2, group: ChannelRef):
    await gateway.add_subscribers(group, ["anna", "ben"])
    await gateway.set_subscribers(group, ["cara", "cara", " dan "])
    assert sorted(await gateway.subscribers(group)) == ["cara", "dan"]
    await gateway.set_subscribers(group, [])
    assert await gateway.subscribers(group) == []
    await gateway.add_subscribers(group, ["anna"])
    await gateway.remove_all_subscribers(group)
    assert await gateway.subscribers(group) == []


async def test_more_members_than_one_piece_holds_replace_all(gateway: WuKongIM2, group: ChannelRef):
    await gateway.add_subscribers(group, ["old"])
    wanted = [f"m{number:03}" for number in range(250)]
    await gateway.set_subscribers(group, wanted)
    assert sorted(await gateway.subscribers(group)) == wanted


async def test_the_denylist_is_replaced_and_emptied(gateway: WuKongIM2, group: ChannelRef, unique: Unique):
    for channel in (group, ChannelRef.inbox(unique("anna"))):
        await gateway.set_denylist(channel, ["ben", "cara"])
        await gateway.set_denylist(channel, ["dan"])
        assert await gateway.denylist(channel) == ["dan"]
        await gateway.set_denylist(channel, [])
        assert await gateway.denylist(channel) == []
        await gateway.add_to_denylist(channel, ["ben"])
        await gateway.clear_denylist(channel)
        assert await gateway.denylist(channel) == []


async def test_the_allowlist_is_shortened_but_not_to_nothing(gateway: WuKongIM2, group: ChannelRef):
    await gateway.add_to_allowlist(group, ["anna", "ben"])
    entries = await gateway.allowlist_entries(group)
    assert sorted(entry.uid for entry in entries) == ["anna", "ben"]
    assert all(entry.id and entry.created_at and entry.created_at.tzinfo for entry in entries)
    await gateway.remove_from_allowlist(group, ["ben", "nobody"])
    assert await gateway.allowlist(group) == ["anna"]
    await refused(gateway.remove_from_allowlist(group, ["anna"]), "uids")
    assert await gateway.allowlist(group) == ["anna"]
    await gateway.clear_allowlist(group)
    assert await gateway.allowlist(group) == [] and await gateway.allowlist_entries(group) == ()


async def test_what_an_unknown_channel_has_is_emptied_without_complaint(gateway: WuKongIM2, unique: Unique):
    unknown = ChannelRef(unique("never"), 2)
    await gateway.remove_all_subscribers(unknown)
    await gateway.clear_denylist(unknown)
    await gateway.clear_allowlist(unknown)
    await gateway.remove_from_allowlist(unknown, ["anna"])
    assert await gateway.allowlist_entries(unknown) == ()
    assert await gateway.channel(unknown) is None


@pytest.mark.parametrize("uid", BAD_UIDS)
async def test_lists_with_a_bad_uid_are_refused_whole(gateway: WuKongIM2, group: ChannelRef, uid: str):
    await gateway.add_subscribers(group, ["anna"])
    await refused(gateway.set_subscribers(group, ["ben", uid]), "subscribers")
    for change in (gateway.set_denylist, gateway.remove_from_allowlist):
        await refused(change(group, ["ben", uid]), "uids")
    await refused(gateway.set_temp_subscribers("tmp", ["ben", uid]), "uids")
    assert await gateway.subscribers(group) == ["anna"]


async def test_channels_that_have_no_such_list_are_refused(gateway: WuKongIM2):
    for change in (gateway.disband_channel, gateway.remove_all_subscribers):
        await refused(change(ChannelRef.inbox("anna")), "channel")
        await refused(change(ChannelRef("a@b", 2)), "channel")
    await refused(gateway.set_subscribers(PAIR, ["cara"]), "channel")
    for clear in (gateway.clear_denylist, gateway.clear_allowlist):
        await refused(clear(PAIR), "channel")
    await refused(gateway.set_denylist(PAIR, ["cara"]), "channel")
    await refused(gateway.allowlist_entries(ChannelRef("", 2)), "channel")


async def test_temporary_receivers_are_taken_and_told_nowhere(gateway: WuKongIM2, unique: Unique):
    name = unique("tmp")
    await gateway.set_temp_subscribers(name, ["anna"])
    assert await gateway.channel(ChannelRef(name, 8)) is None
    await refused(gateway.set_temp_subscribers(name, []), "uids")
    await refused(gateway.set_temp_subscribers("a@b", ["anna"]), "channel_id")


# -- copies ------------------------------------------------------------------------------------------------------------


async def test_a_used_channel_tells_its_copies(gateway: WuKongIM2, target: Target, group: ChannelRef):
    await said(gateway, group, "anna", "one", "two")
    config = await gateway.channel_config(group)
    assert config is not None and config.channel == group
    assert config.leader in config.replicas and len(config.replicas) <= len(target.websockets) + target.killed
    assert (config.move_from, config.move_to, config.learners) == (0, 0, ())
    nodes = await living(gateway)

    async def caught_up() -> bool:
        copies = await gateway.channel_replicas(group)
        return {copy.node for copy in copies} == set(config.replicas) & set(nodes) and {
            copy.last_seq for copy in copies
        } == {2}

    await eventually(caught_up)
    copies = {copy.node: copy for copy in await gateway.channel_replicas(group)}
    assert copies[config.leader].role == ReplicaRole.LEADER and copies[config.leader].is_running
    own = await gateway.channel_copy(group, config.leader)
    assert (own.last_seq, own.role, own.is_running) == (2, None, True)
    assert own.last_at is not None and own.last_at.tzinfo is not None


async def test_a_never_used_channel_has_no_copies(gateway: WuKongIM2, unique: Unique):
    unknown = ChannelRef(unique("never"), 2)
    node = (await living(gateway))[0]
    assert await gateway.channel_config(unknown) is None
    assert await gateway.channel_replicas(unknown) == ()
    own = await gateway.channel_copy(unknown, node)
    assert (own.is_running, own.last_seq, own.last_at) == (False, 0, None)
    for change in (gateway.start_channel, gateway.stop_channel):
        with pytest.raises(NoSuch):
            await change(unknown)
    with pytest.raises(NoSuch):
        await gateway.move_channel(unknown, node, NOBODY)


async def test_a_channel_is_stopped_and_started(gateway: WuKongIM2, target: Target, group: ChannelRef, unique: Unique):
    await said(gateway, group, "anna", "one")
    config = await gateway.channel_config(group)
    assert config is not None

    async def is_running() -> bool:
        unknown = ChannelRef(unique("never"), 2)
        mine, other = await gateway.channels_running([group, unknown], config.leader)
        assert (mine.channel, other.channel, other.is_running, other.last_seq) == (group, unknown, False, 0)
        return mine.is_running

    assert await is_running()
    may_stop = await allowed(gateway, target, "clusterchannelStop")
    with unless(may_stop):
        await gateway.stop_channel(group)
    if not may_stop:
        with unless(await allowed(gateway, target, "clusterchannelStart")):
            await gateway.start_channel(group)
        return
    assert not await is_running()
    await gateway.start_channel(group)
    assert await is_running()
    await said(gateway, group, "anna", "two")


async def test_the_lead_of_a_channel_is_handed_over(gateway: WuKongIM2, group: ChannelRef):
    await said(gateway, group, "anna", "one")
    config = await gateway.channel_config(group)
    assert config is not None
    nodes = await living(gateway)
    follower = next((node for node in config.replicas if node != config.leader and node in nodes), None)
    if follower is None:
        await refused(gateway.move_channel(group, config.leader, NOBODY), "target")
        return
    await gateway.move_channel(group, config.leader, follower)

    async def led_by_it() -> bool:
        now = await gateway.channel_config(group)
        return now is not None and (now.leader, now.move_to) == (follower, 0)

    await eventually(led_by_it)


async def test_moves_that_would_hang_for_ever_are_refused(gateway: WuKongIM2, group: ChannelRef):
    await said(gateway, group, "anna", "one")
    config = await gateway.channel_config(group)
    assert config is not None
    await refused(gateway.move_channel(group, config.leader, config.leader), "target")
    for target in (0, -1, NOBODY):
        await refused(gateway.move_channel(group, config.leader, target), "target")
    nodes = await living(gateway)
    if len(config.replicas) > 2:
        await refused(gateway.move_channel(group, NOBODY, config.leader), "source")
        followers = [node for node in config.replicas if node != config.leader]
        await refused(gateway.move_channel(group, *followers[:2]), "source" if followers[1] in nodes else "target")
    after = await gateway.channel_config(group)
    assert after is not None and (after.leader, after.move_to, after.learners) == (config.leader, 0, ())


async def test_bad_questions_about_copies_are_refused(gateway: WuKongIM2, group: ChannelRef):
    node = (await living(gateway))[0]
    for question in (gateway.channel_config, gateway.channel_replicas, gateway.start_channel, gateway.stop_channel):
        await refused(question(ChannelRef("a/b", 2)), "channel")
    await refused(gateway.channels_running([], node), "channels")
    await refused(gateway.channels_running([ChannelRef("g", 0)], node), "channel")
    with pytest.raises(NoSuch):
        await gateway.channel_copy(group, NOBODY)
    with pytest.raises(NoSuch):
        await gateway.channels_running([group], NOBODY)
