"""Plans: the actor's own, for ten minutes, once."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from imadmin.core.errors import Conflict, NotFound
from imadmin.directory import plans
from imadmin.directory.models import Plan

pytestmark = pytest.mark.django_db


@pytest.fixture
def scope(cluster: Any, scope_of: Any) -> Any:
    return scope_of(cluster, "admin")


def kept(scope: Any) -> Plan:
    return plans.keep(scope, "channel.deny", "2/tea", {"uids": ["ann"]}, "state")


def test_a_plan_is_found_again_by_who_made_it(scope: Any) -> None:
    plan = kept(scope)
    assert plans.find(scope, plan.pk, "channel.deny", "2/tea").change == {"uids": ["ann"]}


def test_somebody_elses_plan_is_not_there(scope: Any, cluster: Any, scope_of: Any) -> None:
    with pytest.raises(NotFound):
        plans.find(scope_of(cluster, "moderator"), kept(scope).pk, "channel.deny", "2/tea")


@pytest.mark.parametrize(("action", "target"), [("channel.undeny", "2/tea"), ("channel.deny", "2/coffee")])
def test_a_plan_serves_nothing_but_what_it_was_made_for(scope: Any, action: str, target: str) -> None:
    with pytest.raises(NotFound):
        plans.find(scope, kept(scope).pk, action, target)


def test_a_plan_is_claimed_once(scope: Any) -> None:
    plan = kept(scope)
    plans.claim(plan)
    with pytest.raises(Conflict):
        plans.claim(plan)
    with pytest.raises(Conflict, match="already applied"):
        plans.find(scope, plan.pk, "channel.deny", "2/tea")


def test_a_plan_ends_after_ten_minutes(scope: Any) -> None:
    plan = kept(scope)
    with (
        time_machine.travel(datetime.now(UTC) + timedelta(minutes=11), tick=False),
        pytest.raises(Conflict, match="ten"),
    ):
        plans.find(scope, plan.pk, "channel.deny", "2/tea")


def test_plans_nobody_can_apply_any_more_go_away(scope: Any) -> None:
    kept(scope)
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=30), tick=False):
        fresh = kept(scope)
    assert list(Plan.objects.values_list("pk", flat=True)) == [fresh.pk]


def test_the_state_of_a_set_knows_no_order() -> None:
    assert plans.state_of({"a", "b"}, 1) == plans.state_of({"b", "a"}, 1) != plans.state_of({"a"}, 1)
