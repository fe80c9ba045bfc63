"""50 000 connections of ten nodes: from nothing to a page, and a page when the list is at hand.

The cold figure reads the list from a stub that lists every connection twice, as a cluster does (see crowd.py), and
stands against the simplest reading: the same pages fetched at the same time, given to a JSON parser, thrown away.  The
warm one stands against going once over the rows by the simplest Python that finds and sorts them, without any facet.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from types import SimpleNamespace
from typing import Any

import httpx

from benchmarks.measure import Figure, paired
from benchmarks.stage import ROOT

ROWS, NODES, ROUNDS = 50_000, 10, 5
QUESTIONS = (
    ("", "node"), ("idle:>=5m", "idle"), ("u60 -device:pc", "rate"), ("ip:203.0.113.0/24 age:>1h", "uid"),
    ("device:app level:master idle:1m-10m", "out"),
)  # fmt: skip
COLD_SECONDS, WARM_SECONDS = 1.0, 0.05


def run() -> tuple[Figure, Figure]:
    from imadmin.core import aio
    from imadmin.gateway.contract import Connection
    from imadmin.gateway.registry import open_gateway

    with crowd() as apis:
        gateway = open_gateway("wukongim2", Connection(api_url=apis[0], manager_url=apis[0]))
        scope: Any = SimpleNamespace(gateway=gateway, require=lambda *_: None)
        cold, simple, processor = _cold(scope, apis)
        warm, plain = _warm(scope)
        aio.run(gateway.aclose())
    return (
        Figure("50 000 connections, cold: read, filter, sort", cold, simple, 1.5, 0, ROUNDS,
               note=f"{ROWS * 2 - ROWS // NODES} rows listed by {NODES} nodes; {processor * 1000:.0f} ms of processor; "
                    f"{_aim(cold, COLD_SECONDS)}"),
        Figure("50 000 connections, warm: filter, facets, sort", warm, plain, 3, 0.02, ROUNDS * 9,
               note=f"the slowest of {len(QUESTIONS)} questions; {_aim(warm, WARM_SECONDS)}"),
    )  # fmt: skip


def _aim(measured: float, seconds: float) -> str:
    return f"the aim of {seconds * 1000:g} ms is {'met' if measured <= seconds else 'not met'} on this machine now"


def _cold(scope: Any, apis: list[str]) -> tuple[float, float, float]:
    """Medians: the page, the simplest reading, and the processor time of the page."""
    from imadmin.monitor import connections

    times, simply, processor = [], [], []
    for number in range(ROUNDS + 1):
        query, sort = QUESTIONS[number % len(QUESTIONS)]
        started, used = time.perf_counter(), time.process_time()
        page = connections.listing(scope, connections.read_query(query), sort=sort, max_age=0)
        times.append(time.perf_counter() - started)
        processor.append(time.process_time() - used)
        assert page.of == ROWS and not page.failed, page.failed
        simply.append(asyncio.run(_fetched(apis)))
    return median(times[1:]), median(simply[1:]), median(processor[1:])


async def _fetched(apis: list[str]) -> float:
    async def of(client: httpx.AsyncClient, api: str) -> None:
        for offset in range(0, ROWS, 2000):
            reply = await client.get(f"{api}/connz", params={"offset": offset, "limit": 2000})
            if len(json.loads(reply.content)["connections"]) < 2000:
                return

    async with httpx.AsyncClient(timeout=10) as client:
        started = time.perf_counter()
        await asyncio.gather(*(of(client, api) for api in apis))
        return time.perf_counter() - started


def _warm(scope: Any) -> tuple[float, float]:
    from imadmin.monitor import connections

    rows = connections.snapshot(scope, max_age=3600).listing.rows

    def plain() -> None:
        sorted((row for row in rows if row.idle >= 300), key=lambda row: row.idle)

    worst, beside = 0.0, 0.0
    for query, sort in QUESTIONS:
        wanted = connections.read_query(query)

        def ours() -> None:
            connections.listing(scope, wanted, sort=sort, descending=True, max_age=3600)  # noqa: B023

        measured, baseline = paired(ours, plain, rounds=ROUNDS * 9, warm_up=2)
        if measured > worst:
            worst, beside = measured, baseline
    return worst, beside


@contextmanager
def crowd() -> Iterator[list[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.crowd", str(ROWS), str(NODES)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        apis: list[str] = []
        while address := process.stdout.readline().strip():  # type: ignore[union-attr]
            apis.append(address)
        yield apis
    finally:
        process.terminate()
        process.wait(10)
