"""Our record of restrictions: one open row a person, kind and place; lifted rows stay as history."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from imadmin.clusters.access import Scope
from imadmin.clusters.models import Cluster
from imadmin.directory.models import Restriction
from imadmin.directory.remember import forget, remember
from imadmin.gateway.types import ChannelRef

pytestmark = pytest.mark.django_db
DENY = Restriction.Kind.DENY
GROUP = ChannelRef("g/1", 2)


@pytest.fixture
def scope(scope_of: Callable[[Any, str], Scope]) -> Scope:
    cluster = Cluster.objects.create(
        slug="rec", name="rec", api_url="http://127.0.0.1:1", manager_url="http://127.0.0.1:2"
    )
    return scope_of(cluster, "moderator")


def test_remembering_twice_keeps_one_open_row_with_the_latest_end_and_reason(scope: Scope) -> None:
    end = datetime(2030, 1, 1, tzinfo=UTC)
    first = remember(scope, DENY, ["a", "b", "a"], channel=GROUP, reason="spam")
    again = remember(scope, DENY, ["a"], channel=GROUP, until=end, reason="more spam")
    assert [row.uid for row in first] == ["a", "b"]
    assert again[0].pk == first[0].pk
    row = Restriction.objects.get(uid="a")
    assert (row.until, row.reason, row.created_by, row.channel) == (end, "more spam", "moderator", GROUP)


def test_kind_and_place_tell_rows_apart(scope: Scope) -> None:
    remember(scope, DENY, ["a"], channel=GROUP, reason="spam")
    remember(scope, DENY, ["a"], channel=ChannelRef("g/1", 4), reason="spam")
    remember(scope, "stop_sending", ["a"], reason="spam")
    remember(scope, "stop_sending", ["a"], reason="spam")
    remember(scope, "keep_out", ["a"], reason="spam")
    assert Restriction.objects.filter(uid="a", lifted_at=None).count() == 4


def test_forgetting_lifts_keeps_history_and_says_how_many_were_open(scope: Scope) -> None:
    remember(scope, DENY, ["a", "b"], channel=GROUP, reason="spam")
    assert forget(scope, DENY, ["a", "nobody"], channel=GROUP) == 1
    assert forget(scope, DENY, ["a"], channel=GROUP) == 0
    lifted = Restriction.objects.get(uid="a")
    assert lifted.lifted_at is not None and lifted.lifted_by == "moderator"
    remember(scope, DENY, ["a"], channel=GROUP, reason="again")
    assert Restriction.objects.filter(uid="a").count() == 2
    assert Restriction.objects.filter(uid="b", lifted_at=None).count() == 1
