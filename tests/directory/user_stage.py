"""A quick stage for actions on a person: a cluster that detaches at once, and waits shortened to match."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from imadmin.clusters.access import Scope
from imadmin.directory.actions import restrictions, sessions
from imadmin.simulator import SimulatedCluster
from imadmin.simulator.topology import Timings


@pytest.fixture(name="quick_sim")
def sim_stage() -> Iterator[SimulatedCluster]:
    timings = Timings(offline_after=0.5, detach_after=0.05, token_detach_after=0.2, refuse_after=0.1)
    with SimulatedCluster(nodes=3, seed=7, world="empty", manager_token="sim-token", timings=timings) as running:
        yield running


@pytest.fixture(name="quick_cluster")
def cluster_stage(quick_sim: SimulatedCluster, make_cluster: Callable[..., Any]) -> Any:
    return make_cluster(quick_sim, slug="quick")


@pytest.fixture(name="scope")
def scope_stage(quick_cluster: Any, scope_of: Callable[[Any, str], Scope]) -> Scope:
    return scope_of(quick_cluster, "support")


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "SIGN_OUT_WAIT", 0.3)
    monkeypatch.setattr(sessions, "KICK_WAIT", 0.3)
    monkeypatch.setattr(sessions, "KICK_GAP", 0)
    monkeypatch.setattr(restrictions, "READ_BACK_WAIT", 0.05)
