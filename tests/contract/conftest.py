"""Targets of the contract: the simulator always, a real server when IMADMIN_TEST_WUKONGIM_* names one.

All names are unique per run, so that a server that was used before passes again.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from imadmin.gateway.contract import Connection, Gateway
from imadmin.gateway.registry import open_gateway
from imadmin.gateway.types import ChannelFlags, ChannelRef, ChannelType
from imadmin.simulator import SimulatedCluster, Timings
from tests.contract.clients import LiveClient
from tests.gateway.django_free import _closed_gateways, _fast_passwords, pytest_addoption

__all__ = ["_closed_gateways", "_fast_passwords", "pytest_addoption"]

PREFIX = "IMADMIN_TEST_WUKONGIM_"
RUN = uuid.uuid4().hex[:8]


@dataclass(frozen=True)
class Target:
    """A server to hold the contract against.  Its raw calls are for setting the stage, not for checking.

    websockets: of the nodes that live.  killed: how many of its nodes were killed before.
    """

    name: str
    connection: Connection
    websockets: tuple[str, ...]
    killed: int = 0

    async def post(self, path: str, body: Any) -> Any:
        headers = {"token": self.connection.token} if self.connection.token else {}
        async with httpx.AsyncClient(base_url=self.connection.api_url, headers=headers, timeout=15) as client:
            reply = await client.post(path, json=body)
            assert reply.status_code == 200, reply.text
            return reply.json()

    async def say(self, channel: ChannelRef, sender: str, text: str, **fields: Any) -> int:
        """A message sent by the API; its id."""
        payload = json.dumps({"type": 1, "content": text, **fields.pop("extra", {})}, ensure_ascii=False).encode()
        peers = channel.peers
        to = next(uid for uid in peers if uid != sender) if peers else channel.id
        answer = await self.post("/message/send", {
            "from_uid": sender, "channel_id": to, "channel_type": int(channel.type),
            "payload": base64.b64encode(fields.pop("payload", payload)).decode(), **fields})  # fmt: skip
        return int(answer["data"]["message_id"])

    async def give_token(self, uid: str, token: str = "secret-token", flag: int = 1, level: int = 0) -> None:
        await self.post("/user/token", {"uid": uid, "token": token, "device_flag": flag, "device_level": level})


@pytest.fixture(scope="session")
def _simulated() -> Iterator[SimulatedCluster]:
    timings = Timings(offline_after=0.5, detach_after=0.3, token_detach_after=0.5, connect_within=1.0, refuse_after=0.3)
    with SimulatedCluster(nodes=3, seed=5, world="empty", manager_token="contract-token", timings=timings) as cluster:
        yield cluster


@pytest.fixture(params=["simulator", pytest.param("real", marks=pytest.mark.real)])
def target(request: pytest.FixtureRequest) -> Target:
    if request.param == "simulator":
        cluster: SimulatedCluster = request.getfixturevalue("_simulated")
        first = cluster.nodes[0]
        connection = Connection(
            first.api_url, first.manager_url, token="contract-token", jwt_user="admin", jwt_password="pwd"
        )
        return Target("simulator", connection, tuple(node.ws_url for node in cluster.nodes))
    if not os.environ.get(f"{PREFIX}API"):
        pytest.skip(f"{PREFIX}API names no server")
    names = ("API", "MANAGER", "TOKEN", "JWT_USER", "JWT_PASSWORD", "NODE_APIS", "NODE_WS")
    found = {name: os.environ.get(f"{PREFIX}{name}", "") for name in names}
    return Target(
        "real",
        Connection(
            found["API"], found["MANAGER"], token=found["TOKEN"], jwt_user=found["JWT_USER"],
            jwt_password=found["JWT_PASSWORD"], node_apis=tuple(filter(None, found["NODE_APIS"].split(","))),
        ),
        tuple(filter(None, found["NODE_WS"].split(","))) or (os.environ[f"{PREFIX}WS"],),
        int(os.environ.get(f"{PREFIX}KILLED") or 0),
    )  # fmt: skip


@pytest.fixture
def healthy(target: Target) -> None:
    """For what is said only of clusters whose nodes all live."""
    if target.killed:
        pytest.skip("speaks of a cluster whose nodes all live")


@pytest.fixture
async def gateway(target: Target) -> AsyncIterator[Gateway]:
    opened = open_gateway("wukongim2", target.connection)
    yield opened
    await opened.aclose()


@pytest.fixture
def unique() -> Callable[[str], str]:
    """A name that nobody used before, on whatever server."""
    return lambda name: f"ct{RUN}-{name}-{uuid.uuid4().hex[:6]}"


@pytest.fixture
async def group(gateway: Gateway, unique: Callable[[str], str]) -> ChannelRef:
    """A group with a record and no members yet."""
    channel = ChannelRef(unique("group"), ChannelType.GROUP)
    await gateway.create_channel(channel, ChannelFlags())
    return channel


Connect = Callable[..., Awaitable[LiveClient]]


@pytest.fixture
async def live_client(target: Target, unique: Callable[[str], str]) -> AsyncIterator[Connect]:
    """Connects clients, each to the node of that number; closes them at the end."""
    clients: list[LiveClient] = []

    async def connect(uid: str = "", *, node: int = 0, **options: Any) -> LiveClient:
        url = target.websockets[node % len(target.websockets)]
        client = LiveClient(url, uid or unique("client"), **options)
        clients.append(client)
        return await client.open()

    yield connect
    for client in clients:
        await client.close()


async def eventually(ask: Callable[[], Awaitable[Any]], *, tries: int = 60, pause: float = 0.1) -> Any:
    """Ask again until the answer is true; how long it takes is nobody's business."""
    answer: Any = None
    for _ in range(tries):
        answer = await ask()
        if answer:
            return answer
        await asyncio.sleep(pause)
    raise AssertionError(f"it never came true: {answer!r}")
