"""What users are given, and the tables of all of them, on every target."""

from __future__ import annotations

import pytest

from imadmin.gateway.enums import DeviceLevel
from imadmin.gateway.errors import GatewayError, NoSuch, Rejected
from imadmin.gateway.kinds.wukongim2.client import WuKongIM2
from imadmin.gateway.types import ChannelFlags, ChannelRef, Reason
from tests.contract.conftest import Connect, eventually
from tests.contract.whole import BAD_UIDS, BLANKS, NOBODY, Unique, living, refused


async def test_a_token_makes_the_rows_of_user_and_device(gateway: WuKongIM2, unique: Unique):
    uid = unique("anna")
    await gateway.set_token(uid, "first", flag=1)
    await gateway.set_token(uid, "second", flag=0, level=DeviceLevel.MASTER)
    assert (await eventually(lambda: gateway.user(uid))).uid == uid
    devices = await gateway.devices(uid)
    assert [(device.flag, device.level, device.has_token) for device in devices] == [(0, 1, True), (1, 0, True)]
    assert "second" not in repr(devices)


async def test_a_new_token_for_a_master_ends_its_connections(gateway: WuKongIM2, live_client: Connect, unique: Unique):
    client = await live_client(unique("anna"), flag=1)
    await gateway.set_token(client.uid, "new", flag=1, level=DeviceLevel.MASTER)
    assert (await client.disconnected())["reasonCode"] == Reason.KICKED


async def test_a_banned_user_gets_no_token(gateway: WuKongIM2, unique: Unique):
    uid = unique("banned")
    await gateway.set_flags(ChannelRef.inbox(uid), ChannelFlags(ban=True))
    with pytest.raises(Rejected) as raised:
        await gateway.set_token(uid, "top-secret")
    assert "top-secret" not in str(raised.value)
    assert await gateway.user(uid) is None


@pytest.mark.parametrize("uid", [*BAD_UIDS, "____system"])
async def test_tokens_for_bad_uids_are_refused(gateway: WuKongIM2, uid: str):
    await refused(gateway.set_token(uid, "t"), "uid")


async def test_bad_tokens_are_refused(gateway: WuKongIM2, unique: Unique):
    uid = unique("anna")
    await refused(gateway.set_token(uid, " "), "token")
    await refused(gateway.set_token(uid, "t", flag=256), "flag")
    await refused(gateway.set_token(uid, "t", flag=-1), "flag")
    await refused(gateway.set_token(uid, "t", level=9), "level")
    assert await gateway.user(uid) is None


async def test_quitting_a_device_that_has_no_row_is_answered_and_does_nothing(
    gateway: WuKongIM2, live_client: Connect, unique: Unique
):
    client = await live_client(unique("anna"), flag=1)
    await eventually(lambda: _sessions(gateway, client.uid))
    await gateway.quit_device(client.uid, 1)
    assert len(await _sessions(gateway, client.uid)) == 1 and not client.disconnects


async def _sessions(gateway: WuKongIM2, uid: str) -> tuple:
    return (await gateway.sessions(uid)).value


async def test_a_removed_connection_leaves_the_list_without_a_word(
    gateway: WuKongIM2, live_client: Connect, unique: Unique
):
    client = await live_client(unique("anna"), node=1)
    (session,) = await eventually(lambda: _sessions(gateway, client.uid))
    await gateway.remove_connection(session)

    async def gone() -> bool:
        return not await _sessions(gateway, client.uid)

    await eventually(gone)
    assert not client.disconnects
    await gateway.remove_connection(session)  # answered the same when there is none
    await gateway.kick_session(session)


async def test_connections_that_are_none_are_refused(gateway: WuKongIM2, live_client: Connect, unique: Unique):
    from dataclasses import replace

    client = await live_client(unique("anna"))
    (session,) = await eventually(lambda: _sessions(gateway, client.uid))
    for wrong in (replace(session, id=0), replace(session, node_id=0)):
        await refused(gateway.remove_connection(wrong), "session")
        await refused(gateway.kick_session(wrong), "session")
    await refused(gateway.remove_connection(replace(session, uid=" ")), "uid")


# -- system users ------------------------------------------------------------------------------------------------------


async def test_system_users_come_and_go_and_pass_the_lists_everywhere(
    gateway: WuKongIM2, group: ChannelRef, live_client: Connect, unique: Unique
):
    """Behind a manager token the server fails to tell its other nodes; we do then."""
    uid = unique("robot")
    clients = [await live_client(uid, node=node, device=f"d{node}") for node in range(3)]
    await gateway.add_system_users([uid])
    try:
        assert uid in await gateway.system_users()
        for client in clients:
            assert (await client.send(group, "no member, and yet")).reason == Reason.SUCCESS
    finally:
        await gateway.remove_system_users([uid])
    assert uid not in await gateway.system_users()
    for client in clients:
        assert (await client.send(group, "no more")).reason == Reason.NOT_SUBSCRIBER


async def test_a_cached_system_user_is_not_stored(gateway: WuKongIM2, unique: Unique):
    uid = unique("cached")
    for node in await living(gateway):
        await gateway.cache_system_users(node, [uid])
        await gateway.uncache_system_users(node, [uid])
    assert uid not in await gateway.system_users()


async def test_removing_who_is_none_is_answered_the_same(gateway: WuKongIM2, unique: Unique):
    before = await gateway.system_users()
    await gateway.remove_system_users([unique("nobody")])
    assert await gateway.system_users() == before


@pytest.mark.parametrize("uid", BAD_UIDS)
async def test_bad_system_users_are_refused(gateway: WuKongIM2, uid: str):
    node = (await living(gateway))[0]
    for change in (gateway.add_system_users, gateway.remove_system_users):
        await refused(change([uid]), "uids")
        await refused(change([]), "uids")
    await refused(gateway.cache_system_users(node, [uid]), "uids")
    await refused(gateway.uncache_system_users(node, []), "uids")


async def test_an_unknown_node_has_no_cache(gateway: WuKongIM2):
    for change in (gateway.cache_system_users, gateway.uncache_system_users):
        with pytest.raises(NoSuch):
            await change(NOBODY, ["robot"])


# -- tables ------------------------------------------------------------------------------------------------------------


async def test_users_and_devices_are_paged_each_once(gateway: WuKongIM2, unique: Unique):
    mine = {unique(f"u{number}") for number in range(5)}
    for uid in mine:
        await gateway.set_token(uid, "very-secret", flag=1)
        await eventually(lambda wanted=uid: gateway.user(wanted))
    for table in (gateway.users, gateway.all_devices):
        seen, cursor = [], ""
        for _ in range(60):
            page = await table(cursor=cursor, limit=2)
            assert len(page.items) <= 2 and "very-secret" not in repr(page)
            seen += [row.uid for row in page.items]
            cursor = page.next_cursor
            if not cursor or mine <= set(seen):
                break
        assert mine <= set(seen)
        assert all(seen.count(uid) == 1 for uid in mine)


async def test_conversations_of_everybody_come_by_page(gateway: WuKongIM2, group: ChannelRef, unique: Unique):
    await gateway.add_subscribers(group, [unique("anna")])
    page = await gateway.all_conversations(limit=5)
    assert page.items and page.limits == ("node-by-node",)
    assert all(row.uid and row.channel.id for row in page.items)
    beyond = await gateway.all_conversations(page=100_000, limit=5)
    assert beyond.items == () and beyond.next_cursor == ""


async def test_bad_pages_are_refused(gateway: WuKongIM2):
    for table in (gateway.users, gateway.all_devices):
        await refused(table(limit=0), "limit")
        await refused(table(cursor="nonsense"), "cursor")
    users = await gateway.users(limit=1)
    if users.next_cursor:
        await refused(gateway.all_devices(cursor=users.next_cursor), "cursor")
    await refused(gateway.all_conversations(page=0), "page")
    await refused(gateway.all_conversations(limit=0), "limit")


async def test_giant_limits_are_cut_to_what_the_server_survives(gateway: WuKongIM2):
    for question in (gateway.users(limit=10**12), gateway.all_devices(limit=10**12), gateway.channels(limit=10**12)):
        assert len((await question).items) <= 100
    await gateway.all_conversations(limit=10**12)


# -- a user's plugin ---------------------------------------------------------------------------------------------------


async def test_a_user_is_bound_to_a_plugin_that_nobody_has(gateway: WuKongIM2, unique: Unique):
    uid, plugin = unique("anna"), unique("plugin")
    await gateway.set_user_plugin(uid, plugin)

    async def bound() -> list[str]:
        return [binding.no for binding in (await gateway.plugin_bindings(uid=uid)).value]

    assert await eventually(bound) == [plugin]
    for blank in BLANKS:
        await refused(gateway.set_user_plugin(uid, blank), "plugin_no")
    await refused(gateway.set_user_plugin("a@b", plugin), "uid")


async def test_errors_tell_who_and_what(gateway: WuKongIM2, unique: Unique):
    with pytest.raises(GatewayError) as raised:
        await gateway.cache_system_users(NOBODY, ["x"])
    assert (raised.value.node, raised.value.retryable) == (str(NOBODY), False)
