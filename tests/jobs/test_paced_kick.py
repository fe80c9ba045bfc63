"""A paced kick in real processes: killed in the middle, and with Redis gone in the middle."""

import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest

from imadmin.simulator import SimulatedCluster
from tests.jobs.site import Site
from tests.monitor.operation_stage import kicks, listed, put_crowd

SESSIONS, PER_SECOND = 60, 15


@pytest.fixture
def kicked() -> Iterator[SimulatedCluster]:
    with SimulatedCluster(nodes=3, seed=7, world="empty", manager_token="sim-token") as running:
        put_crowd(running, SESSIONS)
        yield running


def begin(site: Site, sim: SimulatedCluster) -> str:
    node = sim.nodes[0]
    return site.control.tell("kick", node.api_url, node.manager_url, str(PER_SECOND))


def look(site: Site, question: str, *values: Any) -> list[Any]:
    with sqlite3.connect(site.folder / "imadmin.sqlite3", timeout=10) as database:
        return database.execute(question, values).fetchall()


def results(site: Site, operation: str) -> dict[str, int]:
    question = "SELECT result, count(*) FROM monitor_operationtarget WHERE operation_id = ? GROUP BY result"
    return dict(look(site, question, operation))


def state(site: Site, operation: str) -> str:
    return str(look(site, "SELECT state FROM monitor_operation WHERE id = ?", operation)[0][0])


def test_killed_in_the_middle_it_is_taken_up_and_nobody_is_kicked_twice(site: Site, kicked: SimulatedCluster) -> None:
    operation = begin(site, kicked)
    site.wait(lambda: kicks(kicked) >= 20)

    site.worker.kill()
    before = kicks(kicked)
    site.open_worker()
    site.wait(lambda: state(site, operation) == "done", lambda: results(site, operation))

    assert before < SESSIONS and listed(kicked) == 0
    assert results(site, operation) == {"done": SESSIONS}
    # what was written down and never sent is sent later; what was sent isn't again
    assert kicks(kicked) == SESSIONS
    outcomes = look(site, "SELECT outcome FROM audit_auditentry WHERE action = 'sessions.kick' AND phase = 'outcome'")
    assert outcomes == [("done",)]


@pytest.mark.parametrize("site", ["redis"], indirect=True)
def test_redis_restarted_in_the_middle_does_not_stop_it(
    site: Site, kicked: SimulatedCluster, redis_server: Any
) -> None:
    site.apart()
    operation = begin(site, kicked)
    site.wait(lambda: kicks(kicked) >= 15)

    redis_server.stop()
    try:
        gone_at = kicks(kicked)
        site.wait(lambda: kicks(kicked) >= gone_at + 20)
    finally:
        redis_server.start()
    site.wait(lambda: state(site, operation) == "done", lambda: results(site, operation))

    assert results(site, operation) == {"done": SESSIONS}
    assert kicks(kicked) == SESSIONS
