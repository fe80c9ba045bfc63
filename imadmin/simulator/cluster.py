"""`SimulatedCluster`: starts the nodes on loopback in a thread of their own and offers the knobs.

Everything here may be called from any thread; the work is done on the simulator's event loop.
"""

import asyncio
import inspect
import threading
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeVar

from .app import NodeApp
from .clients import ClientApp
from .control import ControlApp
from .knobs import DOORS, Knob, Knobs, later, one_of, over_http
from .listen import App, Listener, bind
from .state import Address, Death, Settings, SimState
from .topology import Timings
from .traffic import Traffic
from .world import WORLDS, WorldSpec, build_world

HOST = "127.0.0.1"
FIRST_NODE = 1001
DEFAULT_USERS = {"admin": ("pwd", "*:*"), "viewer": ("pwd", "*:r")}
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SimulatedNode:
    id: int
    api_url: str
    manager_url: str
    ws_url: str


class SimulatedCluster(Knobs):
    """A WuKongIM-v2-compatible cluster for demos, tests and benchmarks.

    ports: None for free ones, or the first: each node takes +0 API, +1 manager, +2 websocket, the next node +10,
    the control port is the first +9.  world: one of WORLDS or a WorldSpec.
    restless: now and then a slot's leader moves by itself, as when somebody works on the cluster.
    """

    def __init__(
        self,
        nodes: int = 3,
        seed: int = 1,
        ports: int | None = None,
        world: "str | WorldSpec" = "demo",
        *,
        manager_token: str = "",
        users: dict[str, tuple[str, str]] | None = None,
        jwt_secret: str = "simulated-cluster-secret",  # noqa: S107 - of a demo on loopback
        token_auth: bool = False,
        offline_after: float = 6.0,
        version: str = "v2.2.5-20260422",
        timings: Timings | None = None,
        allowlist_off_for_person: bool = True,
        clinging: float = 0.25,
        deaf_share: float = 0.75,
        restless: bool = False,
        first_node: int = FIRST_NODE,
    ) -> None:
        self.seed = seed
        self.world = WORLDS[world] if isinstance(world, str) else world
        self._node_count = nodes
        self._first_port = ports
        self._restless = restless
        self._first_node = first_node
        self._timings = timings or Timings(offline_after=offline_after)
        self._settings = Settings(
            manager_token=manager_token,
            users=DEFAULT_USERS if users is None else users,
            jwt_secret=jwt_secret,
            token_auth=token_auth,
            version=version,
            slot_count=self.world.slot_count,
            replica_count=self.world.replica_count,
            allowlist_off_for_person=allowlist_off_for_person,
            clinging=clinging,
            deaf_share=deaf_share,
        )
        self._thread: threading.Thread | None = None
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._finish: asyncio.Event | None = None
        self._state: SimState | None = None
        self._doors: dict[int, list[Listener]] = {}
        self._pending: set[asyncio.Future[None]] = set()
        self.nodes: list[SimulatedNode] = []
        self.control_url = ""

    # -- life ----------------------------------------------------------------------------------------------------

    def start(self) -> Self:
        """Returns when all ports answer."""
        if self._thread is not None:
            return self
        self._ready.clear()
        self._failure = None
        self._thread = threading.Thread(target=self._run, name="simulated-cluster", daemon=True)
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            self._thread.join()
            self._thread = None
            raise self._failure
        return self

    def stop(self) -> None:
        thread, loop, finish = self._thread, self._loop, self._finish
        if thread is None or loop is None or finish is None:
            return
        loop.call_soon_threadsafe(finish.set)
        thread.join(timeout=5)
        self._thread = self._loop = self._finish = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # the starting thread must hear of a port that is taken
            self._failure = error
            self._ready.set()

    async def _serve(self) -> None:
        self._loop, self._finish = asyncio.get_running_loop(), asyncio.Event()
        addresses, doors, control = self._bind()
        state = SimState(addresses, self._settings, self._timings, self.seed)
        state.close_ports = self._close_doors
        build_world(state, self.world)
        self._state = state
        self._doors = {node: self._listeners(state, node, socks) for node, socks in doors.items()}
        control_door = Listener(ControlApp(self._knobs(), self._status), control)
        everything = [door for doors_of in self._doors.values() for door in doors_of] + [control_door]
        for door in everything:
            await door.open()
        traffic = (
            asyncio.create_task(Traffic(state, self.world, restless=self._restless).run())
            if self.world.is_alive
            else None
        )
        self._ready.set()
        try:
            await self._finish.wait()
        finally:
            if traffic is not None:
                traffic.cancel()
            state.hooks.close()
            for door in [control_door, *(one for doors in self._doors.values() for one in doors)]:
                door.close(for_good=True)

    def _bind(self) -> tuple[list[Address], dict[int, list[Any]], Any]:
        first = self._first_port
        addresses, doors, self.nodes = [], {}, []
        for index in range(self._node_count):
            address, socks = self._bind_node(index)
            addresses.append(address)
            doors[address.node_id] = socks
        control = bind(HOST, first + 9 if first else 0)
        self.control_url = f"http://{HOST}:{control.getsockname()[1]}"
        return addresses, doors, control

    def _bind_node(self, index: int) -> tuple[Address, list[Any]]:
        node_id, first = self._first_node + index, self._first_port
        socks = [bind(HOST, first + index * 10 + offset if first else 0) for offset in range(3)]
        api, manager, websocket = (sock.getsockname()[1] for sock in socks)
        self.nodes.append(
            SimulatedNode(node_id, f"http://{HOST}:{api}", f"http://{HOST}:{manager}", f"ws://{HOST}:{websocket}")
        )
        return Address(node_id, HOST, api, manager, websocket), socks

    @staticmethod
    def _listeners(state: SimState, node_id: int, socks: list[Any]) -> list[Listener]:
        """In the order of DOORS."""
        apps: tuple[App, ...] = (
            NodeApp(state, node_id, "main"),
            NodeApp(state, node_id, "manager"),
            ClientApp(state, node_id),
        )
        return [Listener(app, sock) for app, sock in zip(apps, socks, strict=True)]

    def _close_doors(self, node_id: int) -> None:
        for door in self._doors[node_id]:
            door.close()

    # -- reading and changing state ------------------------------------------------------------------------------

    def call(self, fn: Callable[..., T], *args: Any) -> T:
        """Run fn(state, *args) on the simulator's loop and give back what it returns (awaited if need be)."""
        result: T = self._on_loop(self._call(fn, *args))
        return result

    async def _call(self, fn: Callable[..., Any], *args: Any) -> Any:
        result = fn(self._state, *args)
        return await result if inspect.isawaitable(result) else result

    def _on_loop(self, work: Coroutine[Any, Any, T]) -> T:
        if self._loop is None:
            work.close()
            raise RuntimeError("the simulated cluster is not running")
        if threading.current_thread() is self._thread:
            work.close()
            raise RuntimeError("already on the simulator's loop: use the state itself")
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=30)

    @property
    def state(self) -> SimState:
        """For reading; change it through `call`."""
        if self._state is None:
            raise RuntimeError("the simulated cluster was never started")
        return self._state

    @property
    def deaths(self) -> list[Death]:
        return self.state.deaths

    @property
    def requests(self) -> deque[tuple[int, str, str, str, str, bytes]]:
        """(node_id, server, method, path, query, body) of every call from outside, newest last."""
        return self.state.requests

    # -- knobs that touch the ports; the others are in `knobs` ---------------------------------------------------

    def revive(self, node_id: int) -> None:
        self._on_loop(self._revive(self.state, node_id))

    async def _revive(self, state: SimState, node_id: int) -> None:
        if state.topology.live[node_id].alive:
            return
        state.online.restart(node_id)
        state.counters[node_id] = {}
        state.failover.came_back(node_id, restarted=True)
        state.hooks.node_returned(node_id)
        state.faults[node_id].closed.clear()
        for door in self._doors[node_id]:
            await door.open()

    def join(self, *, stuck: bool = False) -> int:
        """One more node joins, step by step; its id. stuck: half way, until it is killed and revived."""
        return self._on_loop(self._join(stuck))

    async def _join(self, stuck: bool) -> int:
        state = self.state
        address, socks = self._bind_node(len(self.nodes))
        self._doors[address.node_id] = self._listeners(state, address.node_id, socks)
        state.add_node(address, stuck=stuck)
        for door in self._doors[address.node_id]:
            await door.open()
        return address.node_id

    def close_door(self, node_id: int, door: str = "manager") -> None:
        """One of the node's ports (main, manager, ws) refuses while the node lives on."""
        self.call(self._close_one, node_id, one_of(door, DOORS))

    def open_door(self, node_id: int, door: str = "manager") -> None:
        self._on_loop(self._open_one(node_id, one_of(door, DOORS)))

    def _close_one(self, state: SimState, node_id: int, door: str) -> None:
        state.faults[node_id].closed.add(door)
        self._doors[node_id][DOORS.index(door)].close()

    async def _open_one(self, node_id: int, door: str) -> None:
        self.state.faults[node_id].closed.discard(door)
        await self._doors[node_id][DOORS.index(door)].open()

    def _knobs(self) -> dict[str, Knob]:
        """For the control port, which already runs on the loop."""
        state = self.state
        return {
            **over_http(state),
            "revive": lambda node, options: later(self._pending, self._revive(state, node)),
            "join": lambda stuck, options: later(self._pending, self._join(bool(stuck))),
            "close": lambda node, options: self._close_one(state, node, one_of(options.get("door", "manager"), DOORS)),
            "open": lambda node, options: later(
                self._pending, self._open_one(node, one_of(options.get("door", "manager"), DOORS))
            ),
        }

    def _status(self) -> dict[str, Any]:
        state = self.state
        return {
            "nodes": [
                {
                    "id": node,
                    "alive": state.topology.live[node].alive,
                    "hung": state.topology.live[node].hung,
                    "slow": state.faults[node].delay,
                    "broken": state.faults[node].broken,
                }
                for node in state.node_ids
            ],
            "deaths": [{"node_id": death.node_id, "cause": death.cause} for death in state.deaths],
            "wedged_slots": sorted(state.wedged),
            "messages": len(state.archive),
        }
