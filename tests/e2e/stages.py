"""Where a journey plays: a simulated cluster always, the real one when the environment names it; seeded the same way."""

import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from imadmin.gateway.types import ChannelRef
from tests.e2e.live import LiveClient
from tests.product import Product


@dataclass
class Stage:
    """A group with members who are connected and have talked. Names are unique, so a used server serves again."""

    slug: str
    apis: list[str]
    manager: str
    sockets: list[str]
    token: str
    run: str = field(default_factory=lambda: uuid.uuid4().hex[:8])
    clients: list[LiveClient] = field(default_factory=list)

    @property
    def group(self) -> ChannelRef:
        return ChannelRef(f"g-{self.run}", 2)

    def uid(self, name: str) -> str:
        return f"{name}-{self.run}"

    def post(self, path: str, **body: Any) -> Any:
        reply = httpx.post(f"{self.apis[0]}{path}", json=body, headers={"token": self.token}, timeout=15)
        assert reply.status_code == 200, reply.text
        return reply.json()

    def client(self, name: str, *, node: int = 0, device_flag: int = 1) -> LiveClient:
        """Now and then the server drops the first handshake after another client's drop: try again (reference 4.5)."""
        for attempt in range(3):
            try:
                made = LiveClient(self.sockets[node % len(self.sockets)], self.uid(name), device_flag=device_flag)
            except (OSError, EOFError, TimeoutError):
                if attempt == 2:
                    raise
                time.sleep(0.5)
                continue
            self.clients.append(made)
            return made
        raise AssertionError

    def seed(self) -> None:
        names = [self.uid(name) for name in ("ann", "ben", "chen")]
        self.post("/channel", channel_id=self.group.id, channel_type=2, subscribers=names)


def add_to(product: Product, stage: Stage, folder: Path, *, user: str, password: str) -> None:
    """Add the cluster by the command line, as its owner would."""
    (folder / "token").write_text(stage.token)
    (folder / "password").write_text(password)
    words = ["cluster", "add", stage.slug, "--api", stage.apis[0], "--manager", stage.manager]
    for address in stage.apis[1:]:
        words += ["--node-api", address]
    if stage.token:
        words += ["--token-file", str(folder / "token")]
    product.manage(*words, "--jwt-user", user, "--jwt-password-file", str(folder / "password"))


@contextmanager
def simulated() -> Iterator[Stage]:
    from imadmin.simulator import SimulatedCluster

    with SimulatedCluster(nodes=3, seed=11, world="empty", manager_token="sim-token") as running:
        yield Stage(
            slug="journey-sim",
            apis=[node.api_url for node in running.nodes],
            manager=running.nodes[0].manager_url,
            sockets=[node.ws_url for node in running.nodes],
            token="sim-token",
        )


def real() -> Stage | None:
    env = os.environ
    if not env.get("IMADMIN_TEST_WUKONGIM_API"):
        return None
    return Stage(
        slug="journey-real",
        apis=(env.get("IMADMIN_TEST_WUKONGIM_NODE_APIS") or env["IMADMIN_TEST_WUKONGIM_API"]).split(","),
        manager=env["IMADMIN_TEST_WUKONGIM_MANAGER"],
        sockets=(env.get("IMADMIN_TEST_WUKONGIM_NODE_WS") or env["IMADMIN_TEST_WUKONGIM_WS"]).split(","),
        token=env.get("IMADMIN_TEST_WUKONGIM_TOKEN", ""),
    )
