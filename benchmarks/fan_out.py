"""Asking ten nodes at once against asking the slowest of them alone."""

import asyncio
import time
import urllib.request

import httpx

from benchmarks import stage
from benchmarks.measure import Figure

ROUNDS = 15
SLOW = 0.2


def run() -> Figure:
    from imadmin.gateway.contract import Connection
    from imadmin.gateway.registry import open_gateway

    with stage.simulated(["--nodes", "10", "--world", "empty"]) as sim:
        slow_api = sim.apis[-1]
        urllib.request.urlopen(
            urllib.request.Request(f"{sim.control}/slow/1010?seconds={SLOW}", method="POST"), timeout=5
        )
        connection = Connection(api_url=sim.apis[0], manager_url=sim.manager, token=stage.TOKEN)

        async def measure() -> tuple[float, float]:
            gateway = open_gateway("wukongim2", connection)
            ours, slowest = [], []
            async with httpx.AsyncClient(headers={"token": stage.TOKEN}, timeout=10) as bare:
                for _ in range(ROUNDS):
                    started = time.perf_counter()
                    answer = await gateway.nodes()
                    ours.append(time.perf_counter() - started)
                    assert len(answer.value) == 10 and not answer.failed, answer
                    started = time.perf_counter()
                    await asyncio.gather(bare.get(f"{slow_api}/cluster/node"), bare.get(f"{slow_api}/varz"))
                    slowest.append(time.perf_counter() - started)
            await gateway.aclose()
            return sorted(ours)[ROUNDS // 2], sorted(slowest)[ROUNDS // 2]

        measured, baseline = asyncio.run(measure())
    return Figure(
        "fan-out over 10 nodes vs the slowest node", measured, baseline, 1.2, 0, ROUNDS,
        note=f"the slowest node answers after {SLOW} s; ten simulated nodes share one process",
    )  # fmt: skip
