"""Idle and duplicate connections: found, kicked as an operation, told one by one; a second run finds nothing."""

from datetime import timedelta
from typing import Any

import pytest

from imadmin.clusters.cleanup import Finding
from imadmin.core.aio import run
from imadmin.core.errors import Forbidden
from imadmin.monitor.actions import cleanup, operations
from imadmin.monitor.actions import kick as kicks
from imadmin.monitor.models import Operation

pytestmark = pytest.mark.django_db


@pytest.fixture
def scope(sim: Any, own_cluster: Any, scope_of: Any) -> Any:
    def crowd(state: Any) -> None:
        for number in range(4):
            state.add_connection("ann", 1001 + number % 3)
        state.add_connection("ben", 1002)

    sim.call(crowd)
    return scope_of(own_cluster, "admin")


def connected(scope: Any) -> list[str]:
    return sorted(row.uid for row in run(scope.gateway.connections()).rows)


def kick(scope: Any, found: Finding) -> dict[str, int]:
    outcomes = cleanup.kick(scope, found.targets, reason="policy", should_stop=lambda: False, tell=lambda reached: None)
    return outcomes.counts()


def test_all_but_the_newest_of_each_user_are_found_and_kicked(scope: Any) -> None:
    found = cleanup.duplicates_found(scope, keep=1)
    assert [target.uid for target in found.targets] == ["ann"] * 3 and found.looked_at == 5
    assert kick(scope, found) == {"done": 3}
    assert connected(scope) == ["ann", "ben"]
    assert cleanup.duplicates_found(scope, keep=1).targets == (), "a second run finds nothing"
    assert Operation.objects.get().state == "done"


def test_what_a_dead_process_began_is_ended_before_anything_new(scope: Any) -> None:
    found = cleanup.duplicates_found(scope, keep=1)
    draft = kicks.plan(scope, [target.row for target in found.targets], "policy")
    begun = operations.apply(scope, draft.pk, reason="policy")
    Operation.objects.filter(pk=begun.pk).update(state="lost")
    assert kick(scope, found) == {"done": 3}
    assert Operation.objects.get().state == "done", "no second operation"


def test_a_node_that_is_silent_is_missing_and_said_so(scope: Any, sim: Any) -> None:
    sim.kill(1002)
    found = cleanup.duplicates_found(scope, keep=1)
    assert not found.is_complete and found.notes == (cleanup.NODES_MISSING,)
    assert all(target.row.node_id != 1002 for target in found.targets)


def test_nobody_is_idle_who_just_came(scope: Any) -> None:
    assert cleanup.idle_found(scope, idle=timedelta(minutes=2)).targets == ()


def test_the_longest_idle_come_first(scope: Any) -> None:
    found = cleanup.idle_found(scope, idle=timedelta(0))
    idle = [target.row.idle for target in found.targets]
    assert len(idle) == 5 and idle == sorted(idle, reverse=True)


def test_only_who_manages_policies_may(own_cluster: Any, scope_of: Any) -> None:
    with pytest.raises(Forbidden):
        cleanup.duplicates_found(scope_of(own_cluster, "moderator"), keep=1)
