"""Every connection of a cluster: put together from all nodes, each once, whole under change, missing where silent."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imadmin.gateway.errors import BadReply, GatewayError, Unreachable
from imadmin.gateway.kinds.wukongim2 import connections as part
from imadmin.gateway.kinds.wukongim2 import wire_connections as wire
from imadmin.gateway.kinds.wukongim2.client import WuKongIM2
from imadmin.simulator import SimulatedCluster
from tests.gateway.conftest import Script, connection_to


def crowd(cluster: SimulatedCluster, count: int) -> None:
    nodes = [node.id for node in cluster.nodes]
    cluster.call(
        lambda state: [
            state.add_connection(f"u{number}", nodes[number % len(nodes)], ip=f"203.0.113.{number % 250}")
            for number in range(count)
        ]
    )


async def test_each_connection_is_told_once_by_the_node_that_holds_it(cluster: SimulatedCluster, gateway: WuKongIM2):
    crowd(cluster, 60)
    found = await gateway.connections()
    assert len(found.rows) == 60 and found.remembered == () and found.failed == ()
    assert [row.key for row in found.rows] == sorted({row.key for row in found.rows})
    assert {row.uid for row in found.rows} == {f"u{number}" for number in range(60)}
    assert all(row.address.startswith("203.0.113.") for row in found.rows), "the peer's own address isn't the client's"
    assert [(node.answers, node.listed, node.total) for node in found.nodes] == [(True, 20, 20)] * 3


async def test_a_list_of_many_pages_is_whole(
    cluster: SimulatedCluster, gateway: WuKongIM2, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(part, "PAGE", 7)
    monkeypatch.setattr(part, "OVERLAP", 4)
    crowd(cluster, 100)
    found = await gateway.connections()
    assert len(found.rows) == 100 and found.failed == ()


async def test_a_dead_node_is_missing_and_what_others_remember_of_it_is_no_row(
    cluster: SimulatedCluster, gateway: WuKongIM2
):
    crowd(cluster, 60)
    await gateway.connections()
    dead = cluster.nodes[2].id
    cluster.kill(dead)
    found = await gateway.connections()
    assert {row.node_id for row in found.rows} == {cluster.nodes[0].id, cluster.nodes[1].id}
    assert [failure.node for failure in found.failed] == [str(dead)]
    (missing,) = [node for node in found.nodes if node.id == dead]
    assert (missing.answers, missing.total, missing.listed) == (False, None, None)
    assert {row.node_id for row in found.remembered} == {dead}
    assert missing.remembered == len(found.remembered) > 0


async def test_nobody_answering_is_an_error(cluster: SimulatedCluster, gateway: WuKongIM2):
    await gateway.connections()
    for node in cluster.nodes:
        cluster.kill(node.id)
    with pytest.raises(GatewayError):
        await gateway.connections()


async def test_nonsense_from_one_node_leaves_the_others(cluster: SimulatedCluster, open_to: Any):
    gateway = open_to(connection_to(cluster, jwt_user=""))
    crowd(cluster, 30)
    await gateway.connections()
    cluster.break_node(cluster.nodes[1].id, "garbage")
    found = await gateway.connections()
    assert len(found.rows) == 20
    assert [(failure.node, failure.code) for failure in found.failed] == [(str(cluster.nodes[1].id), BadReply.code)]


# -- one node, told by a script ----------------------------------------------------------------------------------------


def row(id: int, node: int = 1, **more: Any) -> dict[str, Any]:
    """As the server writes it: all fields, in its order."""
    return {
        "id": id, "uid": f"u{id}", "ip": "192.0.2.1", "port": 1, "last_activity": "2026-01-31T08:00:00Z",
        "uptime": "1h2m3s", "idle": "5s", "pending_bytes": 0, "in_msgs": 1, "out_msgs": 2, "in_msg_bytes": 8,
        "out_msg_bytes": 9, "in_packets": 6, "out_packets": 7, "in_packet_bytes": 3, "out_packet_bytes": 4,
        "device": "App(主)", "device_id": "d", "version": 5, "proxy_type_format": "本地连接", "leader_id": 1,
        "node_id": node,
    } | more  # fmt: skip


Pages = Callable[[httpx.Request], Any]


def listing(ids_at: Callable[[int], list[int]]) -> Pages:
    """Answers /connz from the ids that there are at the n-th question."""
    asked = [0]

    def answer(request: httpx.Request) -> tuple[int, dict[str, Any]]:
        ids = ids_at(asked[0])
        asked[0] += 1
        offset, limit = int(request.url.params["offset"]), int(request.url.params["limit"])
        return 200, {"connections": [row(id) for id in ids[offset : offset + limit]], "total": len(ids)}

    return answer


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(part, "PAGE", 10)
    monkeypatch.setattr(part, "OVERLAP", 3)


@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize("gone", [2, 3, 5, 9])
async def test_rows_that_leave_while_we_read_hide_no_others(script: Script, scripted: WuKongIM2, gone: int):
    script.answers["/connz"] = listing(lambda n: list(range(1, 41))[0 if n == 0 else gone :])
    found = await scripted.connections()
    assert {row.id for row in found.rows} >= set(range(gone + 1, 41)), "those that stayed are all there"
    assert found.failed == ()


@pytest.mark.usefixtures("small_pages")
async def test_rows_that_come_while_we_read_come_once(script: Script, scripted: WuKongIM2):
    script.answers["/connz"] = listing(lambda n: list(range(100 - 3 * n, 141)))
    found = await scripted.connections()
    assert len({row.id for row in found.rows}) == len(found.rows)
    assert {row.id for row in found.rows} >= set(range(100, 141))


@pytest.mark.usefixtures("small_pages")
async def test_a_list_that_never_holds_still_says_that_it_may_lack_some(script: Script, scripted: WuKongIM2):
    script.answers["/connz"] = listing(lambda n: list(range(100 * n + 1, 100 * n + 41)))
    found = await scripted.connections()
    assert [failure.reason for failure in found.failed] == [part.RESTLESS]
    assert found.rows, "what was read is shown all the same"


@pytest.mark.usefixtures("small_pages")
async def test_a_node_that_dies_between_two_pages_is_missing_as_a_whole(script: Script, scripted: WuKongIM2):
    pages = listing(lambda n: list(range(1, 41)))

    def answer(request: httpx.Request) -> Any:
        return pages(request) if request.url.params["offset"] == "0" else httpx.ReadError("gone")

    script.answers["/connz"] = answer
    with pytest.raises(Unreachable):
        await scripted.connections()  # it is the only one; a half list would pass for the whole


async def test_zero_values_that_are_left_out_are_zeros(script: Script, scripted: WuKongIM2):
    told = {name: value for name, value in row(7).items() if name not in ("in_msgs", "port", "device_id")}
    script.answers["/connz"] = (200, {"connections": [told], "total": 1})
    (found,) = (await scripted.connections()).rows
    assert (found.id, found.in_msgs, found.port, found.device_id, found.uptime) == (7, 0, 0, "", 3723)


@pytest.mark.parametrize("connections", [None, []])
async def test_no_connection_is_an_empty_list(script: Script, scripted: WuKongIM2, connections: Any):
    script.answers["/connz"] = (200, {"connections": connections, "total": 3})
    found = await scripted.connections()
    assert found.rows == () and (found.nodes[0].total, found.nodes[0].listed) == (3, 0)


# -- reading a page ----------------------------------------------------------------------------------------------------

hostile = st.one_of(
    st.text(max_size=40),
    st.sampled_from(['},{', '"},{"id":9,"node_id":2', '}],"total":9}', '","node_id":1', "},{\"id\":1", "\x00", "\\u0000", "主"]),
)  # fmt: skip


@given(texts=st.lists(st.tuples(hostile, hostile, st.integers(1, 3)), max_size=5))
def test_whatever_clients_call_themselves_both_ways_of_reading_agree(texts: list[tuple[str, str, int]]):
    rows = [row(id, node, uid=uid, device_id=device) for id, (uid, device, node) in enumerate(texts, start=1)]
    body = json.dumps({"connections": rows, "total": 5}, ensure_ascii=False, separators=(",", ":")).encode(
        "utf-8", "surrogatepass"
    )
    careful = wire.careful_reader(1)(json.loads(body))
    quick = wire.page_reader(1)(body)
    if quick is not None:
        assert (quick.first, quick.count, quick.total) == (careful.first, careful.count, careful.total)
        assert wire.made(list(quick.own.values())) == list(careful.own.values())
        assert wire.made(list(quick.others.values())) == list(careful.others.values())


def test_the_usual_page_is_read_the_quick_way():
    told = {"connections": [row(1), row(2, 2)], "total": 1}
    body = json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()
    page = wire.page_reader(1)(body)
    assert page is not None and list(page.own) == [(1, 1)] and list(page.others) == [(2, 2)] and page.total == 1
    (found,) = wire.made(list(page.own.values()))
    assert (found.uptime, found.in_bytes, found.out_msgs, found.device_level) == (3723, 3, 2, "master")


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("5s", 5), ("1m0s", 60), ("2h3m4s", 7384), ("1d0h0m1s", 86_401), ("1y2d3h4m5s", 31_719_845), ("", 0), ("soon", 0)],
)
def test_durations_are_seconds(written: str, seconds: int):
    assert wire.seconds(written) == wire._long(written.encode()) == wire._short(written.encode()) == seconds
