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
from .faults import BREAK_MODES, Wedge
from .listen import Listener, bind
from .state import Address, Death, Settings, SimState
from .topology import Timings
from .traffic import Traffic
from .world import DEMO, EMPTY, WorldSpec, build_world

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


class SimulatedCluster:
    """A WuKongIM-v2-compatible cluster for demos, tests and benchmarks.

    ports: None for free ones, or the first: each node takes +0 API, +1 manager, +2 websocket, the next node +10,
    the control port is the first +9.  world: "demo", "empty" or a WorldSpec.
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
    ) -> None:
        self.seed = seed
        self.world = {"demo": DEMO, "empty": EMPTY}[world] if isinstance(world, str) else world
        self._node_count = nodes
        self._first_port = ports
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
        self._doors = {
            node: [
                Listener(NodeApp(state, node, "main"), socks[0]),
                Listener(NodeApp(state, node, "manager"), socks[1]),
                Listener(ClientApp(state, node), socks[2]),
            ]
            for node, socks in doors.items()
        }
        control_door = Listener(ControlApp(self._knobs(), self._status), control)
        everything = [door for doors_of in self._doors.values() for door in doors_of] + [control_door]
        for door in everything:
            await door.open()
        traffic = asyncio.create_task(Traffic(state, self.world).run()) if self.world.is_alive else None
        self._ready.set()
        try:
            await self._finish.wait()
        finally:
            if traffic is not None:
                traffic.cancel()
            for door in everything:
                door.close(for_good=True)

    def _bind(self) -> tuple[list[Address], dict[int, list[Any]], Any]:
        first = self._first_port
        addresses, doors, self.nodes = [], {}, []
        for index in range(self._node_count):
            node_id = FIRST_NODE + index
            ports = [first + index * 10 + offset if first else 0 for offset in range(3)]
            doors[node_id] = [bind(HOST, port) for port in ports]
            api, manager, websocket = (sock.getsockname()[1] for sock in doors[node_id])
            addresses.append(Address(node_id, HOST, api, manager, websocket))
            self.nodes.append(
                SimulatedNode(node_id, f"http://{HOST}:{api}", f"http://{HOST}:{manager}", f"ws://{HOST}:{websocket}")
            )
        control = bind(HOST, first + 9 if first else 0)
        self.control_url = f"http://{HOST}:{control.getsockname()[1]}"
        return addresses, doors, control

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

    # -- knobs ---------------------------------------------------------------------------------------------------

    def kill(self, node_id: int) -> None:
        """The node's process ends: its ports refuse, its clients are cut off."""
        self.call(SimState.kill, node_id)

    def revive(self, node_id: int) -> None:
        self._on_loop(self._revive(self.state, node_id))

    async def _revive(self, state: SimState, node_id: int) -> None:
        if state.topology.live[node_id].alive:
            return
        state.online.restart(node_id)
        state.failover.came_back(node_id, restarted=True)
        for door in self._doors[node_id]:
            await door.open()

    def hang(self, node_id: int) -> None:
        """The node takes connections and requests but answers nothing, until `resume`."""
        self.call(_hang, node_id)

    def resume(self, node_id: int) -> None:
        self.call(_resume, node_id)

    def slow(self, node_id: int, seconds: float) -> None:
        """Every answer of the node takes that much longer; 0 ends it."""
        self.call(lambda state: setattr(state.faults[node_id], "delay", seconds))

    def break_node(self, node_id: int, mode: str) -> None:
        """Every HTTP answer of the node is broken in one of the BREAK_MODES."""
        if mode not in BREAK_MODES:
            raise ValueError(f"mode must be one of {', '.join(BREAK_MODES)}")
        self.call(lambda state: setattr(state.faults[node_id], "broken", mode))

    def heal(self, node_id: int) -> None:
        """Ends slow, break and clock skew; revives and resumes nothing."""
        self.call(_heal, node_id)

    def clock_skew(self, node_id: int, seconds: float) -> None:
        self.call(lambda state: setattr(state.faults[node_id], "clock_skew", seconds))

    def wedge_slot(self, slot: int, *, written: bool = False, seconds: float = 5.0) -> None:
        """Every write to the slot ends after `seconds` with 400 "context deadline exceeded", written or not."""
        self.call(lambda state: state.wedged.update({slot: Wedge(seconds, written)}))

    def heal_slot(self, slot: int) -> None:
        self.call(lambda state: state.wedged.pop(slot, None))

    def lag(self, node_id: int, slot: int | None = None) -> None:
        """The node's copy of a slot's log (of every slot, without one) stops growing until `unlag`."""
        self.call(_lag, node_id, slot)

    def unlag(self, node_id: int) -> None:
        self.call(_unlag, node_id)

    def stick_moves(self, stuck: bool = True) -> None:
        """No slot move or election ends any more; what waits goes on when it is turned off."""
        self.call(_stick, stuck)

    def _knobs(self) -> dict[str, Callable[[int, dict[str, str]], Any]]:
        """The same knobs for the control port, which already runs on the loop."""
        state = self.state

        def later(work: Coroutine[Any, Any, None]) -> None:
            task = asyncio.ensure_future(work)
            self._pending.add(task)
            task.add_done_callback(self._pending.discard)

        def broken(node: int, options: dict[str, str]) -> None:
            mode = options.get("mode", "html")
            if mode not in BREAK_MODES:
                raise ValueError(f"mode must be one of {', '.join(BREAK_MODES)}")
            state.faults[node].broken = mode

        def wedge(slot: int, options: dict[str, str]) -> None:
            state.wedged[slot] = Wedge(float(options.get("seconds", 5)), options.get("written") == "1")

        return {
            "kill": lambda node, options: state.kill(node),
            "revive": lambda node, options: later(self._revive(state, node)),
            "hang": lambda node, options: _hang(state, node),
            "resume": lambda node, options: _resume(state, node),
            "slow": lambda node, options: setattr(state.faults[node], "delay", float(options.get("seconds", 1))),
            "break": broken,
            "heal": lambda node, options: _heal(state, node),
            "skew": lambda node, options: setattr(state.faults[node], "clock_skew", float(options.get("seconds", 60))),
            "wedge": wedge,
            "lag": lambda node, options: _lag(state, node, int(options["slot"]) if "slot" in options else None),
            "unlag": lambda node, options: _unlag(state, node),
            "stick_moves": lambda on, options: _stick(state, bool(on)),
            "unwedge": lambda slot, options: state.wedged.pop(slot, None),
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


def _hang(state: SimState, node_id: int) -> None:
    live = state.topology.live[node_id]
    if live.alive and not live.hung:
        state.faults[node_id].awake.clear()
        state.failover.went_away(node_id, hung=True)


def _resume(state: SimState, node_id: int) -> None:
    if state.topology.live[node_id].hung:
        state.failover.came_back(node_id, restarted=False)
        state.faults[node_id].awake.set()


def _heal(state: SimState, node_id: int) -> None:
    faults = state.faults[node_id]
    faults.delay, faults.broken, faults.clock_skew = 0.0, "", 0.0


def _lag(state: SimState, node_id: int, slot: int | None) -> None:
    topology = state.topology
    for number in range(len(topology.view.slots)) if slot is None else (slot,):
        topology.frozen_logs[node_id, number] = topology.log_index(node_id, number)


def _unlag(state: SimState, node_id: int) -> None:
    frozen = state.topology.frozen_logs
    for place in [place for place in frozen if place[0] == node_id]:
        del frozen[place]


def _stick(state: SimState, stuck: bool) -> None:
    state.moves.is_stuck = stuck
    if not stuck:
        state.moves.go_on()
        state.moves.adopt_orphans()
