"""Clusters for the simulator's own tests; starting one costs about twenty milliseconds, so every test has its own."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from imadmin.simulator import SimulatedCluster, Timings


@pytest.fixture(autouse=True)
def _closed_gateways() -> None:
    """The simulator stands alone: its tests open no gateway and need none."""


StartCluster = Callable[..., SimulatedCluster]


@pytest.fixture
def start_cluster() -> Iterator[StartCluster]:
    running: list[SimulatedCluster] = []

    def start(**options: Any) -> SimulatedCluster:
        options = {"world": "empty", "timings": quick_timings(), **options}
        running.append(SimulatedCluster(**options).start())
        return running[-1]

    yield start
    for cluster in running:
        cluster.stop()


def quick_timings() -> Timings:
    """The order of things as on the real server, at a tenth of its pace."""
    return Timings(
        offline_after=0.4,
        propose_timeout=0.2,
        detach_after=0.2,
        token_detach_after=0.4,
        close_window=0.02,
        replica_lag=0.0,
        connect_within=0.3,
        refuse_after=0.2,
        store_after=0.005,
    )


@pytest.fixture
def cluster(start_cluster: StartCluster) -> SimulatedCluster:
    return start_cluster()


@pytest.fixture
def single(start_cluster: StartCluster) -> SimulatedCluster:
    return start_cluster(nodes=1)


class Api:
    """The main API of one node in one word a call."""

    def __init__(self, cluster: SimulatedCluster, node: int = 0, **headers: str) -> None:
        self._client = httpx.Client(base_url=cluster.nodes[node].api_url, headers=headers, timeout=5, verify=False)

    def get(self, path: str, **query: Any) -> httpx.Response:
        return self._client.get(path, params=query)

    def post(self, path: str, body: Any = None, **fields: Any) -> httpx.Response:
        return self._client.post(path, json=fields if body is None else body)

    def json(self, path: str, **query: Any) -> Any:
        return self.get(path, **query).json()


@pytest.fixture
def api(cluster: SimulatedCluster) -> Api:
    return Api(cluster)


@pytest.fixture
def apis(cluster: SimulatedCluster) -> list[Api]:
    return [Api(cluster, node) for node in range(len(cluster.nodes))]


def eventually(check: Callable[[], Any]) -> Any:
    """Ask again until it is so; how long it takes is nobody's business."""
    for _ in range(200):
        if result := check():
            return result
        time.sleep(0.02)
    raise AssertionError("it never came true")
