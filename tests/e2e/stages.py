"""Where a journey plays: a simulated cluster always, the real one when the environment names it; seeded the same way."""

import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx

from imadmin.gateway.types import ChannelRef
from tests.e2e.live import LiveClient, NotLetIn
from tests.product import Product

NAMES = ("ann", "ben", "chen")
TRIES = 4


def _new_run() -> str:
    return uuid.uuid4().hex[:8]


@dataclass
class Stage:
    """A cluster and, within a scene, a group of three members. Names are unique, so a used server serves again."""

    slug: str
    apis: list[str]
    manager: str
    sockets: list[str]
    token: str
    account: tuple[str, str]
    run: str = field(default_factory=_new_run)
    clients: list[LiveClient] = field(default_factory=list)

    @contextmanager
    def scene(self) -> Iterator["Stage"]:
        """The same cluster with names of its own; its clients are closed at the end."""
        scene = replace(self, run=_new_run(), clients=[])
        scene.seed()
        try:
            yield scene
        finally:
            for client in scene.clients:
                client.close()

    @property
    def group(self) -> ChannelRef:
        return ChannelRef(f"g-{self.run}", 2)

    def uid(self, name: str) -> str:
        return f"{name}-{self.run}"

    def page(self, path: str = "") -> str:
        return f"/c/{self.slug}/{path}"

    def post(self, path: str, **body: Any) -> Any:
        reply = httpx.post(f"{self.apis[0]}{path}", json=body, headers={"token": self.token}, timeout=15)
        assert reply.status_code == 200, reply.text
        return reply.json()

    def client(self, name: str, *, node: int = 0, device_flag: int = 1, token: str = "") -> LiveClient:
        """A connected user of this scene."""
        made = self._connect(name, node=node, device_flag=device_flag, token=token)
        assert made, f"{self.uid(name)} was not let in"
        return made

    def is_let_in(self, name: str, *, node: int = 0, device_flag: int = 1, token: str = "") -> bool:
        return self._connect(name, node=node, device_flag=device_flag, token=token) is not None

    def seed(self) -> None:
        members = [self.uid(name) for name in NAMES]
        self.post("/channel", channel_id=self.group.id, channel_type=2, subscribers=members)

    def _connect(self, name: str, *, node: int, device_flag: int, token: str) -> LiveClient | None:
        """None when the server refuses the user. Now and then it drops a new socket after another one's drop
        (reference 4.5): that is tried again."""
        for attempt in range(TRIES):
            try:
                made = LiveClient(
                    self.sockets[node % len(self.sockets)], self.uid(name), device_flag=device_flag, token=token
                )
            except NotLetIn:
                return None
            except (OSError, EOFError):
                if attempt == TRIES - 1:
                    raise
                time.sleep(0.5)
                continue
            self.clients.append(made)
            return made
        return None


def add_to(product: Product, stage: Stage, folder: Path) -> None:
    """Add the cluster by the command line, as its owner would."""
    words = ["cluster", "add", stage.slug, "--api", stage.apis[0], "--manager", stage.manager]
    for address in stage.apis[1:]:
        words += ["--node-api", address]
    if stage.token:
        (folder / "token").write_text(stage.token)
        words += ["--token-file", str(folder / "token")]
    user, password = stage.account
    (folder / "password").write_text(password)
    product.manage(*words, "--jwt-user", user, "--jwt-password-file", str(folder / "password"))


@contextmanager
def simulated() -> Iterator[Stage]:
    from imadmin.simulator import SimulatedCluster

    with SimulatedCluster(nodes=3, seed=11, world="empty", manager_token="sim-manager-token") as running:
        yield Stage(
            slug="journey-sim",
            apis=[node.api_url for node in running.nodes],
            manager=running.nodes[0].manager_url,
            sockets=[node.ws_url for node in running.nodes],
            token="sim-manager-token",
            account=("admin", "pwd"),
        )


def real() -> Stage | None:
    """None when the environment names no real server."""
    env = os.environ
    if not env.get("IMADMIN_TEST_WUKONGIM_API"):
        return None
    return Stage(
        slug="journey-real",
        apis=(env.get("IMADMIN_TEST_WUKONGIM_NODE_APIS") or env["IMADMIN_TEST_WUKONGIM_API"]).split(","),
        manager=env["IMADMIN_TEST_WUKONGIM_MANAGER"],
        sockets=(env.get("IMADMIN_TEST_WUKONGIM_NODE_WS") or env["IMADMIN_TEST_WUKONGIM_WS"]).split(","),
        token=env.get("IMADMIN_TEST_WUKONGIM_TOKEN", ""),
        account=(
            env.get("IMADMIN_TEST_WUKONGIM_JWT_USER", "guest"),
            env.get("IMADMIN_TEST_WUKONGIM_JWT_PASSWORD", "guest"),
        ),
    )
