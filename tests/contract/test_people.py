"""Users, devices, connections: what is seen, and what really stops somebody, on every target."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from imadmin.gateway.contract import Gateway
from imadmin.gateway.types import ChannelFlags, ChannelRef, OnlineDevice, Reason, Session
from tests.contract.clients import LoginRefused
from tests.contract.conftest import Connect, Target, eventually

Unique = Callable[[str], str]


async def sessions_of(gateway: Gateway, uid: str, count: int) -> tuple[Session, ...]:
    async def as_many() -> tuple[Session, ...] | None:
        found = (await gateway.sessions(uid)).value
        return (found or (None,)) if len(found) == count else None  # type: ignore[return-value]

    found = await eventually(as_many)
    return tuple(session for session in found if session)


async def test_a_uid_that_never_got_a_token_has_no_record(gateway: Gateway, unique: Unique):
    assert await gateway.user(unique("nobody")) is None
    assert await gateway.devices(unique("nobody")) == ()
    assert await gateway.conversations(unique("nobody")) == ()


async def test_a_user_and_its_devices_are_found_without_tokens(target: Target, gateway: Gateway, unique: Unique):
    uid = unique("anna")
    await target.give_token(uid, "top-secret", flag=0, level=1)
    await target.give_token(uid, "top-secret", flag=1)
    user = await eventually(lambda: gateway.user(uid))
    assert user.uid == uid
    assert user.created_at.tzinfo is not None
    devices = await gateway.devices(uid)
    assert [(device.flag, device.level, device.has_token) for device in devices] == [(0, 1, True), (1, 0, True)]
    assert "top-secret" not in repr(devices)


@pytest.mark.usefixtures("healthy")
async def test_a_connection_is_listed_once_with_who_and_where(gateway: Gateway, live_client: Connect, unique: Unique):
    uid = unique("anna")
    await live_client(uid, node=1, flag=1)
    await live_client(f"{uid}-longer", node=1)
    (session,) = await sessions_of(gateway, uid, 1)
    assert (session.uid, session.device_flag, session.device_level) == (uid, 1, "slave")
    assert session.device_id == f"d-{uid}-1"
    assert session.address == "127.0.0.1"
    assert session.leader_id > 0
    assert not (await gateway.sessions(uid)).is_partial


async def test_connections_to_several_nodes_are_all_seen(
    gateway: Gateway, live_client: Connect, target: Target, unique: Unique
):
    uid = unique("anna")
    for node in range(3):
        await live_client(uid, node=node, device=f"device-{node}")
    found = await sessions_of(gateway, uid, 3)
    assert len({session.node_id for session in found}) == len(target.websockets)
    assert len({session.leader_id for session in found}) == 1
    online = await gateway.online_devices([uid, unique("nobody")])
    assert online.value == (OnlineDevice(uid, 1),)
    assert not online.is_partial


async def test_online_devices_of_many_nodes_users(gateway: Gateway, live_client: Connect, unique: Unique):
    uids = [unique(f"u{number}") for number in range(6)]
    for number, uid in enumerate(uids):
        await live_client(uid, node=number)
    online = await gateway.online_devices([*uids, unique("nobody")])
    assert {device.uid for device in online.value} == set(uids)
    assert (await gateway.online_devices([])).value == ()


async def test_a_denied_sender_gets_reason_4(gateway: Gateway, group: ChannelRef, live_client: Connect):
    client = await live_client()
    await gateway.add_subscribers(group, [client.uid])
    assert (await client.send(group, "before")).reason == Reason.SUCCESS
    await gateway.add_to_denylist(group, [client.uid])
    assert (await client.send(group, "denied")).reason == Reason.IN_DENYLIST
    await gateway.remove_from_denylist(group, [client.uid])
    assert (await client.send(group, "after")).reason == Reason.SUCCESS


async def test_a_sender_denied_by_a_person_gets_reason_4(gateway: Gateway, live_client: Connect):
    anna, ben = await live_client(), await live_client()
    await gateway.add_to_denylist(ChannelRef.inbox(ben.uid), [anna.uid])
    assert (await anna.send(ben.uid, "hi")).reason == Reason.IN_DENYLIST
    assert (await ben.send(anna.uid, "hi")).reason == Reason.SUCCESS


async def test_who_is_no_member_gets_reason_3(gateway: Gateway, group: ChannelRef, live_client: Connect):
    client = await live_client()
    await gateway.add_subscribers(group, [client.uid])
    await gateway.remove_subscribers(group, [client.uid])
    assert (await client.send(group, "hi")).reason == Reason.NOT_SUBSCRIBER


async def test_who_is_not_on_the_allowlist_gets_reason_13(gateway: Gateway, group: ChannelRef, live_client: Connect):
    client = await live_client()
    await gateway.add_subscribers(group, [client.uid])
    await gateway.set_allowlist(group, ["somebody-else"])
    assert (await client.send(group, "hi")).reason == Reason.NOT_IN_ALLOWLIST
    await gateway.set_allowlist(group, [])
    assert (await client.send(group, "hi")).reason == Reason.SUCCESS


async def test_flags_of_a_group_stop_its_senders(gateway: Gateway, group: ChannelRef, live_client: Connect):
    client = await live_client()
    await gateway.add_subscribers(group, [client.uid])
    for flags, reason in (
        (ChannelFlags(ban=True), Reason.BAN),
        (ChannelFlags(disband=True), Reason.DISBANDED),
        (ChannelFlags(), Reason.SUCCESS),
    ):
        await gateway.set_flags(group, flags)
        assert (await client.send(group, "hi")).reason == reason


async def test_a_banned_pair_is_stopped_both_ways(gateway: Gateway, live_client: Connect):
    anna, ben = await live_client(), await live_client()
    await gateway.set_flags(ChannelRef.person(anna.uid, ben.uid), ChannelFlags(ban=True))
    assert (await anna.send(ben.uid, "hi")).reason == Reason.BAN
    assert (await ben.send(anna.uid, "hi")).reason == Reason.BAN


async def test_a_send_ban_is_reason_25_everywhere(gateway: Gateway, group, live_client: Connect, unique: Unique):
    client = await live_client()
    await gateway.add_subscribers(group, [client.uid])
    await gateway.set_flags(ChannelRef.inbox(client.uid), ChannelFlags(send_ban=True))
    assert (await client.send(group, "hi")).reason == Reason.SEND_BANNED
    assert (await client.send(unique("friend"), "hi")).reason == Reason.SEND_BANNED
    await gateway.set_flags(ChannelRef.inbox(client.uid), ChannelFlags())
    assert (await client.send(group, "hi")).reason == Reason.SUCCESS


async def test_a_banned_user_cannot_log_in_again(gateway: Gateway, live_client: Connect):
    client = await live_client()
    await gateway.set_flags(ChannelRef.inbox(client.uid), ChannelFlags(ban=True))
    assert (await client.send("somebody", "still here")).reason == Reason.SUCCESS
    await client.close()
    with pytest.raises(LoginRefused):
        await live_client(client.uid, device="another")
    await gateway.set_flags(ChannelRef.inbox(client.uid), ChannelFlags())
    await live_client(client.uid, device="a-third")


@pytest.mark.parametrize("node", [0, 1, 2])
async def test_a_kicked_connection_is_told_and_leaves_the_list(gateway: Gateway, live_client: Connect, node: int):
    client = await live_client(node=node)
    (session,) = await sessions_of(gateway, client.uid, 1)
    await gateway.kick_session(session)
    assert (await client.disconnected())["reasonCode"] == Reason.KICKED
    await sessions_of(gateway, client.uid, 0)
    online = (await gateway.online_devices([client.uid])).value
    assert online == ()


async def test_quitting_a_device_and_kicking_the_rest_ends_every_connection(
    target: Target, gateway: Gateway, live_client: Connect, unique: Unique
):
    uid = unique("anna")
    await target.give_token(uid, "secret", flag=1)
    clients = [await live_client(uid, node=node, device=f"device-{node}", token="secret") for node in range(3)]
    await sessions_of(gateway, uid, 3)
    await gateway.quit_device(uid, -1)
    for client in clients:
        assert (await client.disconnected())["reasonCode"] == Reason.KICKED
    (device,) = await gateway.devices(uid)
    assert not device.has_token

    async def nobody_left() -> bool:
        left = (await gateway.sessions(uid)).value
        for session in left:
            await gateway.kick_session(session)
        return not left

    await eventually(nobody_left, tries=40, pause=0.5)
    await eventually(lambda: _is_offline(gateway, uid))


async def _is_offline(gateway: Gateway, uid: str) -> bool:
    return not (await gateway.online_devices([uid])).value


async def test_a_conversation_appears_for_who_was_added(gateway: Gateway, group: ChannelRef, unique: Unique):
    uid = unique("anna")
    await gateway.add_subscribers(group, [uid])

    async def listed() -> bool:
        return any(row.channel == group for row in await gateway.conversations(uid))

    await eventually(listed, tries=100)


async def test_system_users_are_a_list(gateway: Gateway):
    assert isinstance(await gateway.system_users(), tuple)
