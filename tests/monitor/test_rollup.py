"""Minutes to hours to days: nothing is lost, nothing is made up, what is missing stays told."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imadmin.audit.record import Actor, Target, event, recorded
from imadmin.clusters.models import Cluster
from imadmin.core.outcomes import Outcomes, Result, TargetOutcome
from imadmin.monitor import acts, rollup, series, windows
from imadmin.monitor.actions import operations
from imadmin.monitor.sample_models import WHOLE, ActsHour, ChannelHour, Day, Hour, Minute
from imadmin.monitor.sampling import whole_of

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
MINUTE = int(NOON.timestamp()) // 60


@pytest.fixture
def cluster(db):
    return Cluster.objects.create(slug="one", name="one", api_url="http://x:1", manager_url="http://x:2")


def sampled(cluster, minute, nodes):
    """A minute as sampling writes it. nodes: {node: figures}."""
    rows = {WHOLE: whole_of(nodes) | {"verdict": 0}, **nodes}
    Minute.objects.bulk_create(
        [Minute(cluster=cluster, minute=minute, node=node, **figures) for node, figures in rows.items()]
    )


def told(connections):
    return {"connections": connections, "answered": 1, "nodes": 1}


SILENT = {"answered": 0, "nodes": 1}


def test_an_hour_keeps_lowest_highest_sum_and_how_many_minutes_were_known(cluster):
    for at, connections in enumerate((5, 9, None, 4)):
        sampled(cluster, MINUTE + at, {1: told(connections)})
    rollup.roll(cluster, at=NOON)
    hour = Hour.objects.get(cluster=cluster, node=1)
    assert hour.hour == MINUTE // 60
    assert (hour.connections_min, hour.connections_max, hour.connections_sum, hour.connections_n) == (4, 9, 18, 3)
    assert hour.nodes_n == 4


def test_a_figure_that_was_never_known_stays_unknown(cluster):
    sampled(cluster, MINUTE, {1: SILENT})
    rollup.roll(cluster, at=NOON)
    hour = Hour.objects.get(cluster=cluster, node=1)
    assert (hour.connections_max, hour.connections_sum, hour.connections_n) == (None, None, 0)
    assert (hour.answered_sum, hour.nodes_sum) == (0, 1)


def test_rolling_up_twice_writes_the_same(cluster):
    sampled(cluster, MINUTE, {1: told(3)})
    rollup.roll(cluster, at=NOON)
    first = list(Hour.objects.values()), list(Day.objects.values())
    rollup.roll(cluster, at=NOON)
    assert (list(Hour.objects.values()), list(Day.objects.values())) == first


def test_an_hour_grows_with_its_minutes_and_its_day_with_it(cluster):
    sampled(cluster, MINUTE, {1: told(3)})
    rollup.roll(cluster, at=NOON)
    sampled(cluster, MINUTE + 1, {1: told(8)})
    sampled(cluster, MINUTE + 61, {1: told(1)})
    rollup.roll(cluster, at=NOON + timedelta(hours=1, minutes=2))
    assert list(Hour.objects.filter(node=1).order_by("hour").values_list("connections_sum", flat=True)) == [11, 1]
    day = Day.objects.get(cluster=cluster, node=1)
    assert (day.day, day.connections_sum, day.connections_n) == (MINUTE // 1440, 12, 3)
    assert (day.connections_min, day.connections_max) == (1, 8)


def test_only_the_asked_cluster_is_rolled_up(cluster):
    other = Cluster.objects.create(slug="two", name="two", api_url="http://x:1", manager_url="http://x:2")
    sampled(cluster, MINUTE, {1: told(3)})
    sampled(other, MINUTE, {1: told(4)})
    rollup.roll(cluster, at=NOON)
    assert set(Hour.objects.values_list("cluster", flat=True)) == {cluster.pk}


def test_an_hour_that_lost_minutes_by_age_keeps_what_it_had(cluster):
    for at in range(60):
        sampled(cluster, MINUTE + at, {1: told(2)})
    sampled(cluster, MINUTE + 90, {1: told(2)})
    rollup.roll(cluster, at=NOON + timedelta(hours=2))
    Minute.objects.filter(minute__lt=MINUTE + 30).delete()
    rollup.roll(cluster, at=NOON + timedelta(hours=2), since=NOON - timedelta(days=1))
    assert Hour.objects.get(cluster=cluster, node=1, hour=MINUTE // 60).connections_n == 60


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    minutes=st.lists(
        st.tuples(st.integers(0, 239), st.lists(st.one_of(st.none(), st.integers(0, 9000)), min_size=3, max_size=3)),
        min_size=1,
        max_size=30,
        unique_by=lambda one: one[0],
    )
)
def test_the_nodes_add_up_to_the_cluster_in_every_grain(cluster, minutes):
    Minute.objects.all().delete(), Hour.objects.all().delete(), Day.objects.all().delete()
    for at, values in minutes:
        sampled(cluster, MINUTE + at, {n: SILENT if v is None else told(v) for n, v in enumerate(values, 1)})
    rollup.roll(cluster, at=NOON + timedelta(hours=5))
    for grain in windows.Grain:
        window = windows.window(NOON, NOON + timedelta(hours=4), zone=UTC, now=NOON + timedelta(hours=5), grain=grain)
        found = series.chart(cluster, window, ("connections",))
        whole = found.over_all("connections")
        parts = [point for node in found.nodes if (point := found.over_all("connections", node))]
        assert (whole.total if whole else 0) == sum(point.total for point in parts)
        assert sum(found.sampled) == len(minutes)
        known = sum(value is not None for _, values in minutes for value in values)
        assert found.availability() == pytest.approx(known / (3 * len(minutes)))


def test_old_minutes_and_hours_go_and_days_stay(cluster):
    old = MINUTE - 500 * 1440
    for minute in (old, MINUTE - 20 * 1440, MINUTE):
        sampled(cluster, minute, {1: told(3)})
        rollup.roll(cluster, since=datetime.fromtimestamp(minute * 60, UTC), at=NOON)
    ChannelHour.objects.create(cluster=cluster, hour=old // 60, channel_type=2, channel_id="g", messages=1)
    planned = rollup.prune(cluster, at=NOON, simulate=True)
    assert (planned.minutes, planned.hours, planned.channels, planned.simulated) == (4, 2, 1, True)
    assert Minute.objects.count() == 6
    assert rollup.prune(cluster, at=NOON, most=3).total == 3
    done = rollup.prune(cluster, at=NOON)
    assert (done.minutes, done.hours, done.channels) == (1, 2, 1)
    assert rollup.prune(cluster, at=NOON).total == 0
    assert (Minute.objects.count(), Hour.objects.count(), Day.objects.count()) == (2, 4, 6)


def test_minutes_that_are_in_no_hour_yet_are_not_forgotten(cluster):
    sampled(cluster, MINUTE - 20 * 1440, {1: told(3)})
    assert rollup.prune(cluster, at=NOON).minutes == 0


def act(action, result=Result.DONE, targets=1, cluster="one"):
    actor = Actor("user", "mod", "page")
    outcomes = Outcomes(tuple(TargetOutcome(f"u{at}", result) for at in range(targets)))
    with recorded(actor, action, Target("user", "u"), "because", cluster=cluster) as entry:
        entry.finish(outcomes=outcomes)


def test_kicks_and_denials_are_counted_by_what_was_done(cluster):
    act("user.kick")
    act("user.log-out", targets=4)  # one person, four steps
    act(operations.AUDIT_ACTIONS[operations.KICK], targets=30)
    act("channel.deny", targets=7)
    act("channel.deny", Result.ALREADY, targets=3)
    act("user.kick", Result.FAILED)
    act("channel.undeny", targets=2)
    act("channel.deny", targets=9, cluster="another")
    event(Actor("user", "mod", "page"), "message.reveal", Target("message", "1"), cluster="one")
    now = datetime.now(UTC)
    rollup.roll(cluster, at=now)
    assert acts.between(cluster, now - timedelta(hours=1), now + timedelta(hours=1)) == {
        "kick": 32, "deny": 7, "lift": 2,
    }  # fmt: skip
    act("user.kick")
    acts.count(cluster, until=now)
    acts.count(cluster, until=now)
    assert acts.between(cluster, now - timedelta(hours=1), now + timedelta(hours=1))["kick"] == 33


def test_hours_without_an_act_are_known_to_be_zero_and_uncounted_ones_are_unknown(cluster):
    now = datetime.now(UTC)
    assert acts.between(cluster, now - timedelta(hours=1), now) is None
    acts.count(cluster, until=now)
    acts.count(cluster, until=now + timedelta(hours=3))
    assert ActsHour.objects.values("hour").distinct().count() == 4
    assert acts.between(cluster, now, now + timedelta(hours=3)) == {"kick": 0, "deny": 0, "lift": 0}
