"""Walks through all channels, messages, users: each exactly once, and told when it isn't all; on every target."""

from __future__ import annotations

import pytest

from imadmin.gateway.kinds.wukongim2 import backfill
from imadmin.gateway.kinds.wukongim2.client import WuKongIM2
from imadmin.gateway.types import ChannelFlags, ChannelRef
from imadmin.gateway.walks import AT_BOUND, AT_DEADLINE, RECORDS_ONLY
from tests.contract.conftest import eventually
from tests.contract.whole import Unique, refused, said, texts


async def test_every_channel_ever_used_is_walked_once(gateway: WuKongIM2, unique: Unique):
    anna = unique("anna")
    groups = [ChannelRef(unique(f"g{number}"), 2) for number in range(4)]
    chat = ChannelRef.person(anna, unique("ben"))
    for channel in (*groups, chat):
        await said(gateway, channel, anna, "hello")
    await said(gateway, groups[0], anna, "do", as_command=True)
    walk = gateway.iter_channels(seconds=120)
    found = [row.channel async for row in walk]
    assert walk.is_over and walk.is_complete, (walk.failed, walk.limits)
    assert len(found) == len(set(found)) == walk.count
    assert {*groups, chat, ChannelRef(f"{groups[0].id}____cmd", 2)} <= set(found)


async def test_every_message_of_a_channel_is_walked_once_and_in_order(gateway: WuKongIM2, group, monkeypatch):
    monkeypatch.setattr(backfill, "PAGE", 3)
    await said(gateway, group, "anna", *(f"m{number}" for number in range(1, 9)), red_dot=True)
    walk = gateway.iter_all_messages(group)
    found = [message async for message in walk]
    assert texts(found) == [f"m{number}" for number in range(1, 9)]
    assert [message.seq for message in found] == list(range(1, 9)) and walk.is_complete
    assert all(message.has_red_dot for message in found[1:]), "also of the first of each page"
    assert texts([message async for message in gateway.iter_all_messages(group, from_seq=7)]) == ["m7", "m8"]
    assert [message async for message in gateway.iter_all_messages(group, from_seq=9)] == []


async def test_a_page_that_fits_exactly_ends_the_walk_all_the_same(gateway: WuKongIM2, group, monkeypatch):
    monkeypatch.setattr(backfill, "PAGE", 2)
    await said(gateway, group, "anna", "a", "b", "c", "d")
    assert texts([message async for message in gateway.iter_all_messages(group)]) == ["a", "b", "c", "d"]


@pytest.mark.usefixtures("healthy")
async def test_commands_between_two_people_are_walked_too(gateway: WuKongIM2, unique: Unique, monkeypatch):
    monkeypatch.setattr(backfill, "PAGE", 2)
    anna = unique("anna")
    chat = ChannelRef.person(anna, unique("ben"))
    await said(gateway, chat, anna, "one", "two", "three", "four", "five", as_command=True)
    commands = ChannelRef(f"{chat.id}____cmd", 1)
    walk = gateway.iter_all_messages(commands)
    assert texts([message async for message in walk]) == ["one", "two", "three", "four", "five"]
    assert walk.is_complete


async def test_a_never_used_channel_is_walked_and_stays_never_used(gateway: WuKongIM2, unique: Unique):
    unknown = ChannelRef(unique("never"), 2)
    walk = gateway.iter_all_messages(unknown)
    assert [message async for message in walk] == [] and walk.is_complete
    assert await gateway.runtime_channel(unknown) is None


async def test_bound_and_deadline_are_told(gateway: WuKongIM2, group: ChannelRef):
    await said(gateway, group, "anna", "a", "b", "c")
    walk = gateway.iter_all_messages(group, most=2)
    assert texts([message async for message in walk]) == ["a", "b"]
    assert walk.limits == [AT_BOUND] and not walk.is_complete
    walk = gateway.iter_all_messages(group, seconds=0)
    assert [message async for message in walk] == []
    assert walk.limits == [AT_DEADLINE] and not walk.is_over
    exact = gateway.iter_all_messages(group, most=3)
    assert len([message async for message in exact]) == 3 and exact.is_complete


@pytest.mark.usefixtures("healthy")
async def test_records_users_and_devices_are_walked_once(gateway: WuKongIM2, unique: Unique):
    channel, uid = ChannelRef(unique("record"), 2), unique("anna")
    await gateway.create_channel(channel, ChannelFlags())
    await gateway.set_token(uid, "secret", flag=1)
    await eventually(lambda: gateway.user(uid))
    records = gateway.iter_records(seconds=120)
    found = [record.channel async for record in records]
    assert found.count(channel) == 1 and len(found) == len(set(found))
    assert records.is_over and records.limits == [RECORDS_ONLY], "the server lists no others"
    users = gateway.iter_users(seconds=120)
    names = [user.uid async for user in users]
    assert names.count(uid) == 1 and len(names) == len(set(names)) and users.is_complete
    devices = gateway.iter_devices(seconds=120)
    keys = [(device.uid, device.flag) async for device in devices]
    assert keys.count((uid, 1)) == 1 and len(keys) == len(set(keys)) and devices.is_complete


async def test_the_newest_messages_of_all_are_walked(gateway: WuKongIM2, group: ChannelRef):
    sent = await said(gateway, group, "anna", "x", "y")
    walk = gateway.iter_latest_messages(most=150)
    ids = [message.id async for message in walk]
    assert ids == sorted(set(ids), reverse=True) and {one.id for one in sent} <= set(ids)


async def test_bad_starts_are_refused(gateway: WuKongIM2, group: ChannelRef):
    async def walk(channel: ChannelRef, **options) -> None:
        gateway.iter_all_messages(channel, **options)

    await refused(walk(group, from_seq=0), "from_seq")
    await refused(walk(ChannelRef("", 2)), "channel")
