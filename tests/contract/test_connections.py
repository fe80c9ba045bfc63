"""All connections of a cluster, on every target: seen once, by their own node; kicked ones linger as open sockets."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from imadmin.gateway.connection_types import ConnectionRow
from imadmin.gateway.contract import Gateway
from tests.contract.conftest import Connect, Target, eventually

Unique = Callable[[str], str]


async def rows_of(gateway: Gateway, uid: str) -> list[ConnectionRow]:
    found = await gateway.connections()
    assert not found.failed
    return [row for row in found.rows if row.uid == uid]


@pytest.mark.usefixtures("healthy")
async def test_a_connection_to_each_node_is_listed_once_by_that_node(
    gateway: Gateway, live_client: Connect, target: Target, unique: Unique
):
    uid = unique("anna")
    for node in range(len(target.websockets)):
        await live_client(uid, node=node, flag=node % 3, device=f"device-{node}")

    async def all_there() -> bool:
        return len(await rows_of(gateway, uid)) == len(target.websockets)

    await eventually(all_there)
    rows = await rows_of(gateway, uid)
    assert len({row.node_id for row in rows}) == len(target.websockets)
    for row in rows:
        assert row.address == "127.0.0.1" and row.port > 0 and row.id > 0 and row.leader_id > 0
        assert row.device_id == f"device-{row.device_flag}" and row.device_level in ("master", "slave")
        assert 0 <= row.idle <= row.uptime + 1 < 60
        assert row.protocol_version > 0


@pytest.mark.usefixtures("healthy")
async def test_every_node_counts_its_sockets_and_lists_its_rows(gateway: Gateway, live_client: Connect, target: Target):
    await live_client(node=0)
    found = await gateway.connections()
    assert len(found.nodes) == len(target.websockets)
    assert all(node.answers and node.total is not None and node.listed is not None for node in found.nodes)
    assert sum(node.listed or 0 for node in found.nodes) == len(found.rows) >= 1
    assert len({row.key for row in found.rows}) == len(found.rows)


@pytest.mark.usefixtures("healthy")
async def test_a_kicked_connection_leaves_the_list_and_its_socket_stays_open(
    gateway: Gateway, live_client: Connect, unique: Unique
):
    uid = unique("ghost")
    client = await live_client(uid, node=0)

    async def listed() -> list[ConnectionRow]:
        return await rows_of(gateway, uid)

    (row,) = await eventually(listed)
    await gateway.kick_session(row.session())
    await client.disconnected()

    async def gone() -> bool:
        return not await rows_of(gateway, uid)

    await eventually(gone)

    async def left_open() -> bool:
        """Open sockets in the metrics beyond those that the node still counts."""
        total = {node.id: node.total for node in (await gateway.connections()).nodes}[row.node_id]
        metrics = {one.node: one.open_sockets for one in await gateway.metrics()}[row.node_id]
        return (metrics or 0) > (total or 0)

    await eventually(left_open)
