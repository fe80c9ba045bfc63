"""Restrictions with an end: set with the change, lifted on time, put off and told when that fails."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from imadmin.audit.models import AuditEntry
from imadmin.core.aio import run
from imadmin.core.errors import InvalidInput
from imadmin.directory.actions import lift, restrictions
from imadmin.directory.actions.lists import ListChange, Verb, change_list
from imadmin.directory.models import Restriction
from imadmin.directory.queries.lists import ListName
from imadmin.gateway.types import ChannelFlags, ChannelRef

pytestmark = pytest.mark.django_db

GROUP = ChannelRef("g-lift", 2)
SOON = timedelta(minutes=5)


@pytest.fixture
def scope(own_cluster: Any, scope_of: Any) -> Any:
    scope = scope_of(own_cluster, "admin")
    run(scope.gateway.create_channel(GROUP, ChannelFlags(), ["ann", "ben"]))
    return scope


def deny(until: datetime | None) -> ListChange:
    return ListChange(GROUP, ListName.DENYLIST, Verb.ADD, until)


def later(delta: timedelta = SOON) -> datetime:
    return datetime.now(UTC) + delta


def test_a_denial_ends_by_itself(scope: Any) -> None:
    change_list(scope, deny(later()), ["ann"], reason="cool down")
    assert lift.lift_ended() == lift.Lifted(0, 0, 0), "too early"

    told = lift.lift_ended(now=later(SOON * 2))

    assert told == lift.Lifted(1, 0, 0)
    assert run(scope.gateway.denylist(GROUP)) == []
    row = Restriction.objects.get()
    assert (row.lifted_by, row.lifted_at is not None) == ("imadmin", True)
    entry = AuditEntry.objects.filter(action="channel.undeny", phase="outcome").get()
    assert (entry.actor_kind, entry.outcome) == ("system", "done")
    assert lift.lift_ended(now=later(SOON * 2)) == lift.Lifted(0, 0, 0), "a second run finds nothing"


def test_only_those_whose_end_has_come_are_lifted(scope: Any) -> None:
    change_list(scope, deny(later()), ["ann"], reason="cool down")
    change_list(scope, deny(None), ["ben"], reason="for good")

    lift.lift_ended(now=later(SOON * 2))

    assert run(scope.gateway.denylist(GROUP)) == ["ben"]


def test_who_was_taken_off_by_another_program_is_lifted_too(scope: Any) -> None:
    change_list(scope, deny(later()), ["ann"], reason="cool down")
    run(scope.gateway.remove_from_denylist(GROUP, ["ann"]))

    assert lift.lift_ended(now=later(SOON * 2)).lifted == 1


def test_a_new_end_replaces_the_old_one(scope: Any) -> None:
    change_list(scope, deny(later()), ["ann"], reason="cool down")
    change_list(scope, deny(later(timedelta(days=1))), ["ann"], reason="again")

    assert lift.lift_ended(now=later(SOON * 2)).lifted == 0
    assert Restriction.objects.get().reason == "again"


def test_who_was_denied_elsewhere_for_good_gets_no_end(scope: Any) -> None:
    run(scope.gateway.add_to_denylist(GROUP, ["ann"]))

    outcomes = change_list(scope, deny(later()), ["ann"], reason="cool down")

    assert outcomes.counts() == {"already": 1}
    assert not Restriction.objects.exists()


def test_a_person_kept_out_is_let_in_again(scope: Any) -> None:
    restrictions.keep_out(scope, "ann", reason="cool down", until=later())
    assert run(scope.gateway.channel(ChannelRef.inbox("ann"))).ban

    assert lift.lift_ended(now=later(SOON * 2)).lifted == 1
    assert not run(scope.gateway.channel(ChannelRef.inbox("ann"))).ban


def test_sending_that_ends_while_kept_out_ends_on_record_only(scope: Any) -> None:
    restrictions.stop_sending(scope, "ann", reason="spam", until=later())
    restrictions.keep_out(scope, "ann", reason="worse")

    assert lift.lift_ended(now=later(SOON * 2)).lifted == 1
    assert run(scope.gateway.channel(ChannelRef.inbox("ann"))).ban, "still kept out"
    assert [row.kind for row in Restriction.objects.filter(lifted_at=None)] == ["keep_out"]


def test_a_cluster_that_is_down_puts_it_off_and_says_so(sim: Any, scope: Any) -> None:
    change_list(scope, deny(later()), ["ann"], reason="cool down")
    for node in sim.nodes:
        sim.kill(node.id)
    after = later(SOON * 2)

    assert lift.lift_ended(now=after) == lift.Lifted(0, 1, 1)
    row = Restriction.objects.get()
    assert row.lift_error and row.lift_tries == 1 and row.lifted_at is None
    assert lift.lift_ended(now=after) == lift.Lifted(0, 0, 1), "not tried again at once"

    for node in sim.nodes:
        sim.revive(node.id)
    _until_lifted(after + lift.LONGEST_WAIT)


def _until_lifted(now: datetime) -> None:
    """The cluster needs a moment to elect its leaders; each try comes after the wait of the one before."""
    for attempt in range(20):
        if lift.lift_ended(now=now + lift.LONGEST_WAIT * attempt).lifted:
            return
    pytest.fail("never lifted")


@pytest.mark.parametrize("until", [timedelta(seconds=-1), timedelta(days=3000)])
def test_an_end_in_the_past_or_far_away_is_refused(scope: Any, until: timedelta) -> None:
    with pytest.raises(InvalidInput) as refused:
        change_list(scope, deny(later(until)), ["ann"], reason="cool down")
    assert "until" in refused.value.fields
    with pytest.raises(InvalidInput):
        restrictions.keep_out(scope, "ann", reason="cool down", until=later(until))
    assert run(scope.gateway.denylist(GROUP)) == []
    assert not AuditEntry.objects.filter(action__in=["channel.deny", "user.keep-out"]).exists()


def test_only_a_denial_takes_an_end(scope: Any) -> None:
    change = ListChange(GROUP, ListName.MEMBERS, Verb.ADD, later())
    with pytest.raises(InvalidInput) as refused:
        change_list(scope, change, ["zoe"], reason="joins")
    assert "until" in refused.value.fields
