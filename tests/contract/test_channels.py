"""Channels, their members and lists, on every target."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from imadmin.gateway.contract import Gateway
from imadmin.gateway.errors import RefusedLocally
from imadmin.gateway.types import ChannelFlags, ChannelRef, ChannelType
from tests.contract.conftest import Target, eventually

Unique = Callable[[str], str]


async def test_a_created_channel_has_a_record(gateway: Gateway, unique: Unique):
    channel = ChannelRef(unique("group"), 2)
    assert await gateway.channel(channel) is None
    await gateway.create_channel(channel, ChannelFlags(ban=True), ["anna", " ben "])
    record = await gateway.channel(channel)
    assert record is not None
    assert (record.channel, record.ban, record.disband) == (channel, True, False)
    assert record.subscriber_count is None, "an exact lookup doesn't count"
    assert sorted(await gateway.subscribers(channel)) == ["anna", "ben"]


async def test_the_list_of_channels_is_paged_each_once(gateway: Gateway, unique: Unique):
    mine = [ChannelRef(unique(f"g{number}"), 2) for number in range(5)]
    for channel in mine:
        await gateway.create_channel(channel, ChannelFlags(), ["anna", "ben"])
    seen = []
    cursor = ""
    for _ in range(400):
        page = await gateway.channels(type=2, cursor=cursor, limit=2)
        seen += page.items
        cursor = page.next_cursor
        if not cursor or set(mine) <= {record.channel for record in seen}:
            break
    found = [record.channel for record in seen]
    assert set(mine) <= set(found)
    assert len(found) == len(set(found))
    assert all(record.channel.id for record in seen)
    assert {record.subscriber_count for record in seen if record.channel in mine} == {2}


async def test_all_flags_are_written_together(gateway: Gateway, group: ChannelRef):
    await gateway.set_flags(group, ChannelFlags(ban=True, disband=True))
    record = await gateway.channel(group)
    assert record and record.ban and record.disband
    await gateway.set_flags(group, ChannelFlags(disband=True))
    record = await gateway.channel(group)
    assert record and not record.ban and record.disband


async def test_a_persons_own_entry_and_a_pair_carry_flags(gateway: Gateway, unique: Unique):
    for channel in (ChannelRef.inbox(unique("anna")), ChannelRef.person(unique("anna"), unique("ben"))):
        await gateway.set_flags(channel, ChannelFlags(ban=True))
        record = await gateway.channel(channel)
        assert record and record.ban
        await gateway.set_flags(channel, ChannelFlags())
        record = await gateway.channel(channel)
        assert record and not record.ban


async def test_members_come_and_go(gateway: Gateway, group: ChannelRef):
    await gateway.add_subscribers(group, ["anna", "ben", "ben", "cara"])
    assert sorted(await gateway.subscribers(group)) == ["anna", "ben", "cara"]
    await gateway.remove_subscribers(group, ["ben", "nobody"])
    assert sorted(await gateway.subscribers(group)) == ["anna", "cara"]


async def test_a_long_list_arrives_whole(gateway: Gateway, group: ChannelRef):
    uids = [f"member-{number:03}" for number in range(450)]
    await gateway.add_subscribers(group, uids)
    assert sorted(await gateway.subscribers(group)) == uids
    await gateway.set_allowlist(group, uids)
    assert sorted(await gateway.allowlist(group)) == uids


async def test_the_denylist_comes_and_goes(gateway: Gateway, group: ChannelRef, unique: Unique):
    for channel in (group, ChannelRef.inbox(unique("anna"))):
        assert await gateway.denylist(channel) == []
        await gateway.add_to_denylist(channel, ["ben", "cara"])
        assert sorted(await gateway.denylist(channel)) == ["ben", "cara"]
        await gateway.remove_from_denylist(channel, ["cara", "nobody"])
        assert await gateway.denylist(channel) == ["ben"]


async def test_the_allowlist_is_replaced_and_emptied(gateway: Gateway, group: ChannelRef):
    await gateway.set_allowlist(group, ["anna", "ben"])
    await gateway.set_allowlist(group, ["ben", "cara"])
    assert sorted(await gateway.allowlist(group)) == ["ben", "cara"]
    await gateway.set_allowlist(group, [])
    assert await gateway.allowlist(group) == []


@pytest.mark.parametrize("name", ["space in it", 'a "quoted" one', "中文群", "plus+sign", "semi;colon=1", "emoji🙂"])
async def test_ids_with_odd_characters_arrive_whole(gateway: Gateway, unique: Unique, name: str):
    channel = ChannelRef(f"{unique('odd')} {name}", 2)
    await gateway.create_channel(channel, ChannelFlags(), ["anna"])
    assert await gateway.subscribers(channel) == ["anna"]
    record = await gateway.channel(channel)
    assert record and record.channel == channel


@pytest.mark.parametrize("name", ["a/b", "a?b", "a%20b", "a\\b", "line\nbreak"])
async def test_ids_that_cannot_stand_in_a_path_are_refused(gateway: Gateway, unique: Unique, name: str):
    with pytest.raises(RefusedLocally):
        await gateway.subscribers(ChannelRef(unique(name), 2))


@pytest.mark.parametrize("channel", [ChannelRef("", 2), ChannelRef("  ", 2), ChannelRef("g", 0), ChannelRef("a@b", 2)])
async def test_ids_the_server_would_store_as_junk_are_refused(gateway: Gateway, channel: ChannelRef):
    with pytest.raises(RefusedLocally):
        await gateway.set_flags(channel, ChannelFlags())
    with pytest.raises(RefusedLocally):
        await gateway.add_subscribers(channel, ["anna"])


async def test_a_person_channel_has_no_members_and_a_pair_no_lists(gateway: Gateway):
    with pytest.raises(RefusedLocally):
        await gateway.add_subscribers(ChannelRef.inbox("anna"), ["ben"])
    with pytest.raises(RefusedLocally):
        await gateway.add_to_denylist(ChannelRef.person("anna", "ben"), ["ben"])
    wrong_way = ChannelRef("@".join(reversed(ChannelRef.person("anna", "ben").id.split("@"))), ChannelType.PERSON)
    with pytest.raises(RefusedLocally):
        await gateway.set_flags(wrong_way, ChannelFlags(ban=True))


@pytest.mark.usefixtures("healthy")
async def test_a_used_channel_stands_under_exactly_one_node(target: Target, gateway: Gateway, group: ChannelRef):
    sent = await target.say(group, "anna", "hello")
    await eventually(lambda: gateway.message(sent))
    runtime = await gateway.runtime_channel(group)
    assert runtime is not None
    assert (runtime.channel, runtime.last_seq) == (group, 1)
    assert runtime.leader_id in runtime.replicas
    nodes = await gateway.nodes()
    under = []
    for node in nodes.value:
        cursor = ""
        for _ in range(100):
            page = await gateway.node_channels(node.id, cursor=cursor)
            under += [node.id for found in page.items if found.channel == group]
            cursor = page.next_cursor
            if not cursor or under:
                break
    assert under == [runtime.slot_leader_id]
