"""The gateway against the barest way of doing the same: one call, fifty thousand rows, a sick cluster, many readers."""

import asyncio
import json
import time
import urllib.request
from collections.abc import Awaitable, Callable
from contextlib import suppress
from statistics import median
from typing import Any

import httpx

from benchmarks import stage
from benchmarks.crowd import make_rows
from benchmarks.measure import Figure, paired

CALLS, ROWS, PAGE, PARSES, FAULTS, READERS, READS = 300, 50_000, 2000, 7, 3, 200, 15
MEMBERS = 1000

Ask = Callable[[], Awaitable[Any]]


def run() -> tuple[Figure, ...]:
    with stage.simulated(["--nodes", "4", "--world", "empty"]) as sim:
        calls = asyncio.run(_calls(sim))
        readers = asyncio.run(_readers(sim))
        sick = asyncio.run(_sick(sim))
    return (*calls, _parsing(), *sick, readers)


def _gateway(sim: stage.Simulated) -> Any:
    from imadmin.gateway.contract import Connection
    from imadmin.gateway.registry import open_gateway

    return open_gateway("wukongim2", Connection(api_url=sim.apis[0], manager_url=sim.manager, token=stage.TOKEN))


async def _calls(sim: stage.Simulated) -> tuple[Figure, ...]:
    from imadmin.gateway.types import ChannelFlags, ChannelRef

    gateway, group = _gateway(sim), ChannelRef("bench", 2)
    await gateway.create_channel(group, ChannelFlags(), [f"member-{number}" for number in range(MEMBERS)])
    async with httpx.AsyncClient(base_url=sim.apis[0], headers={"token": stage.TOKEN}, timeout=10) as client:

        async def bare(path: str) -> Any:
            return (await client.get(path)).json()

        small = await _turns(gateway.system_users, lambda: bare("/user/systemuids"))
        assert len(await gateway.subscribers(group)) == MEMBERS
        big = await _turns(lambda: gateway.subscribers(group), lambda: bare("/cluster/channels/bench/2/subscribers"))
    await gateway.aclose()
    return (
        Figure("a gateway call vs bare httpx", *small, 1.25, 0, CALLS, note="system users: an empty list"),
        Figure("the same, 1000 members", *big, 1.25, 0, CALLS, note="read, checked and cleaned one by one"),
    )


async def _turns(ours: Ask, theirs: Ask) -> tuple[float, float]:
    """Medians of both, one call of each in turn."""
    times: tuple[list[float], list[float]] = ([], [])
    for round in range(CALLS + 20):
        for ask, taken in zip((ours, theirs), times, strict=True):
            started = time.perf_counter()
            await ask()
            if round >= 20:
                taken.append(time.perf_counter() - started)
    return median(times[0]), median(times[1])


def _parsing() -> Figure:
    from imadmin.gateway.kinds.wukongim2.wire_connections import made, page_reader

    (rows,), (held,) = make_rows(ROWS, 1)
    rest = json.dumps({"total": held, "offset": 0, "limit": PAGE})[1:].encode()
    pages = [
        b'{"connections":[' + b",".join(rows[start : start + PAGE]) + b"]," + rest for start in range(0, ROWS, PAGE)
    ]

    def ours() -> None:
        read = page_reader(1)
        found = [page for page in map(read, pages) if page is not None]
        assert sum(len(made(list(page.own.values()))) for page in found) == ROWS

    def bare() -> None:
        for page in pages:
            json.loads(page)

    measured, baseline = paired(ours, bare, rounds=PARSES, warm_up=1)
    return Figure(
        "connections parsed: 50 000 rows vs json.loads", measured, baseline, 2.0, 0, PARSES,
        note=f"{ROWS / measured / 1000:.0f} against {ROWS / baseline / 1000:.0f} thousand rows a second "
        f"({baseline / measured:.2f}x; at least 0.5x)",
    )  # fmt: skip


async def _sick(sim: stage.Simulated) -> tuple[Figure, ...]:
    """One node dead, one hanging; the baseline is what waiting for the hanging one alone takes."""
    nodes = await _warm_nodes(sim)
    _control(sim, "kill", nodes[2])
    views: list[float] = []
    connections: list[float] = []
    for _ in range(FAULTS):
        for taken, name, count in ((views, "node_views", 4), (connections, "connections", None)):
            gateway = _gateway(sim)
            await gateway.node_views()
            _control(sim, "hang", nodes[3])
            started = time.perf_counter()
            answer = await getattr(gateway, name)()
            taken.append(time.perf_counter() - started)
            _control(sim, "resume", nodes[3])
            assert count is None or sum(view.answers for view in answer) == 2
            assert count is not None or {failed.node for failed in answer.failed} == {str(node) for node in nodes[2:]}
            await gateway.aclose()
    from imadmin.gateway.http import WATCHING
    from imadmin.gateway.kinds.wukongim2.connections import READING

    return tuple(
        Figure(
            f"a dead and a hanging node: {name}", median(taken), limit, 1.1, 0.25, FAULTS,
            note=f"the time-out of one node is {limit} s; the sum would be twice that and more",
        )
        for name, taken, limit in (
            ("the look", views, WATCHING.read), ("connections", connections, READING.read),
        )
    )  # fmt: skip


async def _warm_nodes(sim: stage.Simulated) -> list[int]:
    gateway = _gateway(sim)
    nodes = list(await gateway.node_ids())
    await gateway.aclose()
    return nodes


def _control(sim: stage.Simulated, verb: str, node: int) -> None:
    urllib.request.urlopen(urllib.request.Request(f"{sim.control}/{verb}/{node}", method="POST"), timeout=5)


async def _readers(sim: stage.Simulated) -> Figure:
    """As many upstream calls as there are answers on the wire: a proxy in between counts them."""
    port, calls = await _counting_proxy(sim.apis[0])
    counted = stage.Simulated([f"http://127.0.0.1:{port}", *sim.apis[1:]], sim.manager, sim.control)
    gateway, many, alone = _gateway(counted), [], []
    await gateway.system_users()
    for _ in range(READS):
        calls.clear()
        started = time.perf_counter()
        await asyncio.gather(*(gateway.system_users() for _ in range(READERS)))
        many.append(time.perf_counter() - started)
        assert len(calls) == 1, f"{len(calls)} upstream calls"
        started = time.perf_counter()
        await gateway.system_users()
        alone.append(time.perf_counter() - started)
    await gateway.aclose()
    return Figure(
        f"{READERS} readers of one question vs one reader", median(many), median(alone), 2.0, 0.02, READS,
        note="1 upstream call, each time",
    )  # fmt: skip


async def _counting_proxy(api: str) -> tuple[int, list[bytes]]:
    host, _, port = api.removeprefix("http://").partition(":")
    calls: list[bytes] = []

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seen: list[bytes] | None) -> None:
        while data := await reader.read(65536):
            if seen is not None and b"/user/systemuids" in data:
                seen.append(data[:60])
            writer.write(data)
            await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection(host, int(port))
        with suppress(asyncio.CancelledError):  # when the loop ends
            await asyncio.gather(pump(reader, up_writer, calls), pump(up_reader, writer, None), return_exceptions=True)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    return int(server.sockets[0].getsockname()[1]), calls
