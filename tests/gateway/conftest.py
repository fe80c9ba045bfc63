"""Gateways to simulated clusters that may be broken at will; nothing of Django."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from imadmin.gateway.contract import Connection
from imadmin.gateway.http import Http
from imadmin.gateway.kinds.wukongim2.client import WuKongIM2
from imadmin.gateway.types import ChannelRef
from imadmin.simulator import SimulatedCluster, Timings
from tests.gateway.django_free import _closed_gateways, _fast_passwords, pytest_addoption

__all__ = ["_closed_gateways", "_fast_passwords", "pytest_addoption"]

TOKEN = "gateway-token"
GROUP = ChannelRef("group", 2)


@pytest.fixture
def cluster() -> Iterator[SimulatedCluster]:
    """Three nodes, empty, behind a manager token; nobody is declared offline before a test says so."""
    timings = Timings(offline_after=60.0, propose_timeout=0.2, detach_after=0.2, store_after=0.005)
    with SimulatedCluster(nodes=3, seed=3, world="empty", manager_token=TOKEN, timings=timings) as running:
        yield running


def connection_to(cluster: SimulatedCluster, node: int = 0, **changes: Any) -> Connection:
    target = cluster.nodes[node]
    options = {"token": TOKEN, "jwt_user": "admin", "jwt_password": "pwd", **changes}
    return Connection(target.api_url, target.manager_url, **options)


Open = Callable[..., WuKongIM2]


@pytest.fixture
async def open_to() -> AsyncIterator[Open]:
    """Opens gateways without pauses between pieces; closes them at the end."""
    opened: list[WuKongIM2] = []

    def to(connection: Connection, *, list_pause: float = 0.0, **options: Any) -> WuKongIM2:
        http = Http(networks=connection.networks, **options)
        opened.append(WuKongIM2(connection, http=http, list_pause=list_pause))
        return opened[-1]

    yield to
    for gateway in opened:
        await gateway.aclose()


@pytest.fixture
def gateway(cluster: SimulatedCluster, open_to: Open) -> WuKongIM2:
    return open_to(connection_to(cluster))


class Sent:
    """What reached a cluster from outside, in order."""

    def __init__(self, cluster: SimulatedCluster) -> None:
        self._cluster = cluster
        self._start = len(cluster.requests)

    def __call__(self, path: str = "") -> list[tuple[int, dict[str, str], Any]]:
        """(node id, query, body) of calls to this path."""
        found = []
        for node, _, _, called, query, body in list(self._cluster.requests)[self._start :]:
            if not path or called == path or (path.endswith("*") and called.startswith(path[:-1])):
                asked = {name: values[0] for name, values in parse_qs(query).items()}
                found.append((node, asked, json.loads(body) if body else None))
        return found

    @property
    def nothing(self) -> bool:
        return len(self._cluster.requests) == self._start


@pytest.fixture
def sent(cluster: SimulatedCluster) -> Sent:
    return Sent(cluster)


class Script:
    """A server that answers as told: path -> (status, body) or a function of the request."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.requests: list[httpx.Request] = []

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.get(request.url.path, (404, "404 page not found"))
        if callable(answer):
            answer = answer(request)
            if hasattr(answer, "__await__"):
                answer = await answer
        if isinstance(answer, BaseException):
            raise answer
        if isinstance(answer, httpx.Response):
            return answer
        status, body = answer
        return streamed(status, body if isinstance(body, (bytes, str)) else json.dumps(body, ensure_ascii=False))

    def called(self, path: str) -> int:
        return sum(request.url.path == path for request in self.requests)


def streamed(status: int, body: bytes | str, **headers: str) -> httpx.Response:
    """An answer that still has to be read, as from a socket."""

    async def pieces() -> AsyncIterator[bytes]:
        raw = body.encode() if isinstance(body, str) else body
        for start in range(0, len(raw), 65536):
            yield raw[start : start + 65536]

    return httpx.Response(status, content=pieces(), headers=headers)


ALONE = {
    "id": 1, "is_leader": 1, "role": 0, "cluster_addr": "10.0.0.1:11110", "api_server_addr": "http://node-1:5001",
    "online": 1, "allow_vote": 1, "slot_count": 64, "slot_leader_count": 64, "status": 3,
}  # fmt: skip


@pytest.fixture
def script() -> Script:
    """One node, alone, with 64 slots."""
    told = Script()
    told.answers |= {
        "/cluster/simpleNodes": (200, {"total": 1, "data": [ALONE]}),
        "/cluster/node": (200, ALONE | {"config_version": 3, "uptime": "1m2s"}),
        "/cluster/info": (200, {"slotCount": 64}),
        "/cluster/slots": lambda request: (200, [
            {"id": int(slot), "leader_id": 1} for slot in request.url.params["ids"].split(",")
        ]),
    }  # fmt: skip
    return told


@pytest.fixture
def scripted(script: Script, open_to: Open) -> WuKongIM2:
    """A gateway to that one node."""
    return open_to(Connection("http://main:5001", "http://manager:5300"), transport=httpx.MockTransport(script))
