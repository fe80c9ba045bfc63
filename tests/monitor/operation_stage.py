"""A stage for mass operations: a cluster that detaches quickly, crowds of sessions put there at once, short waits."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from imadmin.clusters.access import Scope
from imadmin.core.aio import run
from imadmin.monitor.actions import kick, kick_run, move_run, operations, work
from imadmin.monitor.models import Operation
from imadmin.simulator import SimulatedCluster
from imadmin.simulator.model import Connection
from imadmin.simulator.topology import Timings

DETACH = 0.1


@pytest.fixture(name="op_sim")
def sim_stage() -> Iterator[SimulatedCluster]:
    timings = Timings(offline_after=0.5, detach_after=DETACH, token_detach_after=0.2, close_window=0.02)
    with SimulatedCluster(nodes=3, seed=7, world="empty", manager_token="sim-token", timings=timings) as running:
        yield running


@pytest.fixture(name="op_cluster")
def cluster_stage(op_sim: SimulatedCluster, make_cluster: Callable[..., Any]) -> Any:
    return make_cluster(op_sim, slug="ops")


@pytest.fixture(name="scope")
def scope_stage(op_cluster: Any, scope_of: Callable[[Any, str], Scope]) -> Scope:
    return scope_of(op_cluster, "admin")


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kick_run, "DETACH_WAIT", DETACH + 0.3)
    monkeypatch.setattr(kick_run, "UID_GAP", 0.05)
    monkeypatch.setattr(kick_run, "VAIN_WAIT", 0.1)
    monkeypatch.setattr(move_run, "PAUSE", 0.05)
    monkeypatch.setattr(move_run, "LOOK_EVERY", 0.1)
    monkeypatch.setattr(work, "TELL_SECONDS", 0.05)


def put_crowd(sim: SimulatedCluster, count: int, *, uid: str = "u{}", node: int | None = None) -> None:
    """So many sessions at once, over all nodes (or on one); `uid` may hold the number."""

    def put(state: Any) -> None:
        nodes = [node] if node else list(state.node_ids)
        for number in range(count):
            holder = nodes[number % len(nodes)]
            name, now = uid.format(number), state.now()
            made = Connection(
                state.online.next_id(holder), name, holder, number % 2, f"dev-{number}", now, last_activity=now
            )
            state.online.add(made)

    sim.call(put)


def listed(sim: SimulatedCluster) -> int:
    """How many sessions the nodes list as their own."""
    return int(sim.call(lambda state: sum(one.here for one in state.online.all())))


def kicks(sim: SimulatedCluster) -> int:
    """How many kicks arrived at any node from outside."""
    return sum(1 for call in sim.requests if call[3] == "/conn/kick")


def rows_of(scope: Scope) -> Any:
    return run(scope.gateway.connections()).rows


def planned_kick(scope: Scope, described_as: str = "all") -> Operation:
    return kick.plan(scope, rows_of(scope), described_as)


def carry_out(operation: Operation, *, until: Callable[[], bool] = lambda: False) -> dict[str, Any]:
    return operations.carry_out(operation.pk, lambda **told: None, until)


def fates(operation: Operation) -> dict[str, int]:
    found = work.counts(operation)
    return {name or "waiting": count for name, count in found.items()}


def wait_for(condition: Callable[[], Any], seconds: float = 10.0) -> Any:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := condition():
            return found
        time.sleep(0.02)
    raise AssertionError("it did not come about")
