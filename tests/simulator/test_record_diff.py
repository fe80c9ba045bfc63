"""The comparison with a real server, tried on a second simulator: no difference to itself, each one that is made."""

from collections.abc import Callable

import pytest

from imadmin.simulator import SimulatedCluster
from imadmin.simulator.recorddiff import run
from imadmin.simulator.recorddiff.compare import differences
from imadmin.simulator.recorddiff.question import Answer

from .conftest import StartCluster

Diff = Callable[..., list[str]]


@pytest.fixture
def server(start_cluster: StartCluster) -> SimulatedCluster:
    cluster = start_cluster(nodes=3, manager_token="diff", timings=None, world="demo", seed=4)
    cluster.call(lambda state: setattr(state.moves, "balances", False))
    return cluster


@pytest.fixture
def diff(server: SimulatedCluster) -> Diff:
    def ask(only: str) -> list[str]:
        node = server.nodes[0]
        return run(node.api_url, node.manager_url, "diff", ("admin", "pwd"), lambda line: None, only)

    return ask


@pytest.mark.parametrize("group", ["nodes", "system", "credentials", "lists", "users"])
def test_it_finds_nothing_between_two_simulators(diff: Diff, group: str) -> None:
    assert diff(group) == []


def test_it_finds_what_is_broken(server: SimulatedCluster, diff: Diff) -> None:
    server.break_metrics(1001, "missing")
    server.call(lambda state: state.store.users.clear())
    assert [line.split(" ")[0] for line in diff("system")] == ["system/metrics"]


def _answer(text: str, status: int = 200, kind: str = "application/json") -> Answer:
    return Answer(status, kind, text)


def _told(real: Answer, ours: Answer, *, exact: bool = False) -> list[str]:
    return list(differences(real, ours, exact=exact))


def test_every_kind_of_difference_is_told() -> None:
    assert _told(_answer("{}"), _answer("{}")) == []
    assert "status 200 real, 400 simulated" in _told(_answer("{}"), _answer("{}", 400))[0]
    assert "content type" in _told(_answer("x"), _answer("x", kind="text/plain"))[0]
    assert _told(_answer('{"a":1}'), _answer('{"a":1,"b":2}')) == [".b: only simulated (2)"]
    assert _told(_answer('{"a":1}'), _answer('{"a":"1"}')) == [".a: 1 real, 1 simulated"]
    assert _told(_answer('{"a":1}'), _answer('{"a":2}')) == []
    assert _told(_answer('{"a":1}'), _answer('{"a":2}'), exact=True) == [".a: 1 real, 2 simulated"]
    assert _told(_answer('[{"a":1,"x":1},{"a":2}]'), _answer('[{"b":1}]')) == [
        "[].a: only real",
        "[].b: only simulated",
    ]
    assert _told(_answer("[1]"), _answer("[]")) == [": 1 rows real, 0 simulated"]
    assert _told(_answer("[]"), _answer("[1]")) == []
    assert _told(_answer('{"msg":"a"}', 400), _answer('{"msg":"b"}', 400)) == [".msg: a real, b simulated"]
    dial = '{{"msg":"dial 127.0.0.1:{}"}}'
    assert _told(_answer(dial.format(16001), 400), _answer(dial.format(45678), 400)) == []
    assert _told(_answer('{"message_id":1}'), _answer('{"message_id":2}'), exact=True) == []
    metrics = "# HELP a \n# TYPE a counter\na 1\n"
    assert _told(_answer(metrics), _answer(metrics.replace("counter", "gauge"))) == [
        "family a (counter): only real",
        "family a (gauge): only simulated",
    ]
