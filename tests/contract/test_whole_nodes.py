"""Nodes as servers, and the cluster as the server itself puts it together, on every target."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from imadmin.gateway.enums import ConnectionSort, NodeRole, NodeStage, ReplicaRole
from imadmin.gateway.errors import NoSuch, Unauthorised
from imadmin.gateway.kinds.wukongim2.client import WuKongIM2
from imadmin.gateway.types import ChannelRef
from tests.contract.conftest import Connect, Target, eventually
from tests.contract.whole import BAD_UIDS, NOBODY, Unique, living, refused


@pytest.fixture
async def node(gateway: WuKongIM2) -> int:
    return (await living(gateway))[-1]


async def test_a_node_tells_health_figures_and_settings(gateway: WuKongIM2, target: Target):
    for node in await living(gateway):
        health = await gateway.health(node)
        assert health.is_ok and health.reason == ""
        figures = await gateway.variables(node)
        assert figures.node == node and figures.memory > 10**6 and figures.goroutines > 0
        assert figures.is_manager_token_on == bool(target.connection.token) and figures.busiest == ()
        assert figures.uptime is not None and figures.api_url.startswith("http")
        settings = await gateway.server_settings(node)
        assert not settings.is_stress_on


async def test_the_busiest_connections_come_with_the_figures(gateway: WuKongIM2, live_client: Connect, unique: Unique):
    client = await live_client(unique("anna"), node=0)
    await eventually(lambda: _rows(gateway, client.uid))
    found = [row.uid for node in await living(gateway) for row in (await gateway.variables(node, busiest=20)).busiest]
    assert len(found) <= 60 and all(found)


async def _rows(gateway: WuKongIM2, uid: str) -> tuple:
    return (await gateway.sessions(uid)).value


async def test_what_an_unknown_node_says_is_not_asked_for(gateway: WuKongIM2):
    slots = [0]
    for question in (
        gateway.health(NOBODY), gateway.variables(NOBODY), gateway.server_settings(NOBODY), gateway.addresses(NOBODY),
        gateway.connections_at(NOBODY), gateway.node_row(NOBODY), gateway.simple_node_rows(NOBODY),
        gateway.slots_at(NOBODY, slots), gateway.slot_config(0, NOBODY), gateway.slot_log(NOBODY, 0),
        gateway.config_log(NOBODY), gateway.app_series(node=NOBODY),
    ):  # fmt: skip
        with pytest.raises(NoSuch):
            await question


async def test_the_import_from_v1_has_a_state(gateway: WuKongIM2):
    result = await gateway.migrate_result()
    assert result.status in ("running", "completed", "migrated") and result.tries >= 0


async def test_clients_are_told_where_to_connect(gateway: WuKongIM2, node: int):
    found = await gateway.addresses(node)
    assert found.tcp.count(":") >= 1 and found.websocket.startswith("ws")
    inner = await gateway.addresses(node, intranet=True)
    assert inner.websocket == ""
    (batch,) = await gateway.addresses_for(["anna", "ben", "anna"])
    assert batch.uids == ("anna", "ben") and batch.tcp


@pytest.mark.parametrize("uid", BAD_UIDS)
async def test_addresses_for_bad_uids_are_refused(gateway: WuKongIM2, uid: str):
    await refused(gateway.addresses_for(["anna", uid]), "uids")
    await refused(gateway.addresses_for([]), "uids")


async def test_a_login_tells_rights_and_keeps_its_token_out_of_sight(gateway: WuKongIM2, target: Target):
    connection = target.connection
    found = await gateway.login(connection.jwt_user, connection.jwt_password)
    assert found.user == connection.jwt_user and ":" in found.permissions
    assert found.expires_at > datetime.now(UTC) and found.token.count(".") == 2
    assert found.token not in repr(found) and found.token not in str(found)


async def test_wrong_logins_are_told_without_the_password(gateway: WuKongIM2, target: Target):
    for user, password in ((target.connection.jwt_user, "wr0ng"), ("nobody", "wr0ng")):
        with pytest.raises(Unauthorised) as raised:
            await gateway.login(user, password)
        assert "wr0ng" not in str(raised.value)
    await refused(gateway.login("", ""), "user")


# -- one node's list of connections ------------------------------------------------------------------------------------


@pytest.mark.parametrize("sort", list(ConnectionSort))
async def test_connections_are_sorted_by_everything_both_ways(
    gateway: WuKongIM2, live_client: Connect, unique: Unique, sort: ConnectionSort
):
    uid = unique("sorted")
    for number in range(3):
        client = await live_client(f"{uid}-{number}", node=0)
        for _ in range(number):
            await client.send(unique("friend"), "x")
    home = next(iter((await gateway.sessions(f"{uid}-0")).nodes))
    for order in (str(sort), sort.descending):
        nodes = [await gateway.connections_at(node, uid=uid, sort=order) for node in await living(gateway)]
        rows = [row for page in nodes for row in page.rows]
        assert {row.uid for row in rows} == {f"{uid}-{number}" for number in range(3)}
    if sort is ConnectionSort.ID:
        page = max(nodes, key=lambda page: len(page.rows))
        mine = [row.id for row in page.rows if row.node_id == page.rows[0].node_id]
        assert mine == sorted(mine, reverse=True), home


async def test_connections_are_paged_by_offset(gateway: WuKongIM2, live_client: Connect, unique: Unique):
    uid = unique("paged")
    for number in range(3):
        await live_client(f"{uid}-{number}", node=0)
    await eventually(lambda: _rows(gateway, f"{uid}-2"))
    pages = {node: await gateway.connections_at(node, uid=uid, limit=50) for node in await living(gateway)}
    node, whole = max(pages.items(), key=lambda item: len(item[1].rows))
    assert len(whole.rows) == 3 and not whole.has_more
    rows = []
    for offset in range(3):
        page = await gateway.connections_at(node, uid=uid, offset=offset, limit=1)
        assert page.has_more and page.offset == offset
        rows += page.rows
    assert {row.uid for row in rows} == {row.uid for row in whole.rows}
    assert (await gateway.connections_at(node, uid=uid, offset=3, limit=1)).rows == ()
    assert (await gateway.connections_at(node, uid=unique("nobody"))).rows == ()


async def test_bad_lists_of_connections_are_refused(gateway: WuKongIM2, node: int):
    await refused(gateway.connections_at(node, offset=-1), "offset")
    await refused(gateway.connections_at(node, limit=0), "limit")
    await refused(gateway.connections_at(node, sort="subs"), "sort")


# -- configuration -----------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("healthy")
async def test_the_configuration_is_told_whole(gateway: WuKongIM2, target: Target):
    found = await gateway.cluster_info()
    assert len(found.nodes) == len(target.websockets) and len(found.slots) == found.slot_count
    assert [slot.id for slot in found.slots] == list(range(found.slot_count)), "slot 0 comes without its id"
    assert all(node.stage is NodeStage.JOINED and node.role is NodeRole.REPLICA for node in found.nodes)
    assert all(node.is_online and node.may_vote and node.created_at for node in found.nodes)
    assert all(slot.leader in slot.replicas for slot in found.slots) and found.version > 0


@pytest.mark.usefixtures("healthy")
async def test_nodes_are_told_in_each_of_the_servers_ways(gateway: WuKongIM2, node: int):
    rows = await gateway.node_rows()
    assert [row.id for row in rows] == list(await gateway.node_ids())
    assert all(row.config_version and row.term and row.uptime is not None for row in rows)
    own = await gateway.node_row(node)
    assert own.id == node and own.is_online and own.stage is NodeStage.JOINED
    simple = await gateway.simple_node_rows(node)
    assert [row.id for row in simple] == [row.id for row in rows]
    assert all(row.uptime is None and row.config_version is None for row in simple)


async def test_slots_are_told_in_each_of_the_servers_ways(gateway: WuKongIM2, node: int):
    every = await gateway.all_slots()
    assert every.is_whole and [slot.id for slot in every.slots] == list(range(every.total))
    first, last = await gateway.slots_at(node, [0, every.total - 1])
    assert (first.id, last.id) == (0, every.total - 1) and first.leader and first.replicas
    config = await gateway.slot_config(last.id, node)
    assert (config.id, config.replicas) == (last.id, last.replicas)
    assert config.leader_last_index >= config.applied_index or config.last_index >= 0
    roles = await gateway.slot_roles(0)
    assert [copy.role for copy in roles].count(ReplicaRole.LEADER) == 1 and roles[0].leader == roles[0].node
    (copy,) = await gateway.slot_replicas(0, [node])
    assert copy.answers and copy.node == node


async def test_a_slot_that_is_none_is_not_asked_for(gateway: WuKongIM2, node: int):
    for question in (
        gateway.slot_config(9999, node), gateway.slot_roles(9999), gateway.slots_at(node, [0, 9999]),
        gateway.slot_log(node, 9999), gateway.slot_replicas(-1, [node]),
    ):  # fmt: skip
        with pytest.raises(NoSuch):
            await question
    await refused(gateway.slots_at(node, []), "slots")


async def test_moves_and_elections_that_would_hang_are_refused(gateway: WuKongIM2, target: Target):
    slot = (await gateway.all_slots()).slots[0]
    await refused(gateway.move_slot(0, slot.leader, slot.leader), "slot")
    await refused(gateway.move_slot(0, slot.leader, NOBODY), "slot")
    await refused(gateway.move_slot(9999, slot.leader, slot.leader), "slot")
    await refused(gateway.elect_slot(9999), "slot")
    if len(target.websockets) == 1:
        await refused(gateway.elect_slot(0), "slot")


async def test_the_log_of_the_configuration_is_paged_to_its_first_entry(gateway: WuKongIM2, node: int):
    seen, before = [], 0
    for _ in range(200):
        page = await gateway.config_log(node, before=before, limit=50)
        seen += [entry.index for entry in page.entries]
        before = page.next
        if not before:
            break
    assert seen == sorted(set(seen), reverse=True) and seen[-1] == 1


async def test_the_log_of_a_slot_tells_no_token(gateway: WuKongIM2, unique: Unique):
    uid = unique("logged")
    await gateway.set_token(uid, "plain-text-token", flag=1)
    leader = await gateway.roster.slot_leader(uid)
    count = await gateway.roster.slot_count()
    assert leader and count
    from imadmin.gateway.kinds.wukongim2.roster import slot_of

    page = await gateway.slot_log(leader.id, slot_of(uid, count), limit=20)
    commands = [entry.command for entry in page.entries]
    assert "CMDAddDevice" in commands
    assert "plain-text-token" not in repr(page) and "******" in repr(page)
    older = await gateway.slot_log(leader.id, slot_of(uid, count), before=page.entries[0].index, limit=1)
    assert all(entry.index < page.entries[0].index for entry in older.entries)
    newer = await gateway.slot_log(leader.id, slot_of(uid, count), after=page.entries[0].index)
    assert all(entry.index > page.entries[0].index for entry in newer.entries)


# -- series ------------------------------------------------------------------------------------------------------------


async def test_without_prometheus_the_series_are_empty(gateway: WuKongIM2, node: int):
    for question in (gateway.app_series, gateway.cluster_series, gateway.system_series):
        assert await question() == () == await question(seconds=3600, node=node)
        await refused(question(seconds=0), "seconds")
        await refused(question(seconds=10**9), "seconds")


async def test_runtime_rows_of_a_channel_are_found_by_node(gateway: WuKongIM2, unique: Unique):
    with pytest.raises(NoSuch):
        await gateway.node_channels(NOBODY)
    assert await gateway.runtime_channel(ChannelRef(unique("never"), 2)) is None


async def test_who_is_connected_is_counted_by_their_own_node(gateway: WuKongIM2, live_client: Connect, unique: Unique):
    client = await live_client(unique("anna"), node=0)
    (session,) = await eventually(lambda: _rows(gateway, client.uid))
    told = {one.node: one for one in await gateway.people(await living(gateway))}
    assert [node for node, one in told.items() if one.uids and client.uid in one.uids] == [session.node_id]
    assert all(one.rows is not None and one.rows >= len(one.uids or ()) for one in told.values())
    assert await gateway.people([NOBODY]) == ()


@pytest.mark.usefixtures("healthy")
async def test_the_counters_of_every_node_are_read(gateway: WuKongIM2):
    found = await gateway.metrics()
    assert [one.node for one in found] == list(await gateway.node_ids())
    for one in found:
        assert one.answers and not one.error and one.open_sockets is not None and one.goroutines
        assert one.started_at is not None and one.sends_total is not None


# -- slots change hands ------------------------------------------------------------------------------------------------


async def handed_over(gateway: WuKongIM2, slot: int, before: int) -> bool:
    views = await gateway.node_views()
    leaders = {one.leader for view in views for one in view.slots if one.id == slot}
    return len(leaders) == 1 and before not in leaders


async def test_the_lead_of_a_slot_is_handed_over(gateway: WuKongIM2, target: Target):
    found, nodes = (await gateway.all_slots()).slots[-1], await living(gateway)
    other = next((node for node in found.replicas if node != found.leader and node in nodes), 0)
    if len(target.websockets) == 1:
        await refused(gateway.move_slot(found.id, found.leader, NOBODY), "slot")
        return
    await gateway.move_slot(found.id, found.leader, other)
    await eventually(lambda: handed_over(gateway, found.id, found.leader), tries=100)


async def test_an_election_gives_a_slot_another_leader(gateway: WuKongIM2, target: Target):
    found = (await gateway.all_slots()).slots[-2]
    if len(target.websockets) == 1:
        await refused(gateway.elect_slot(found.id), "slot")
        return
    await gateway.elect_slot(found.id)
    await eventually(lambda: handed_over(gateway, found.id, found.leader), tries=100)
