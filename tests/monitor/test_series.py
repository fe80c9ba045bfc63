"""Figures over a window: steps, gaps, partial sums, days of the reader's zone."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.core.cache import cache

from imadmin.clusters.models import Cluster
from imadmin.monitor import activity, acts, rollup, series, windows
from imadmin.monitor.sample_models import WHOLE, ActsHour, ChannelHour, Hour, Minute
from imadmin.monitor.windows import Grain, window

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
MINUTE = int(NOON.timestamp()) // 60


@pytest.fixture
def cluster(db):
    cache.clear()
    return Cluster.objects.create(slug="one", name="one", api_url="http://x:1", manager_url="http://x:2")


def sampled(cluster, moment, connections, *, answered=1, of=1, verdict=0):
    minute = int(moment.timestamp()) // 60
    Minute.objects.create(
        cluster=cluster, minute=minute, node=WHOLE, connections=connections, answered=answered, nodes=of,
        verdict=verdict,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("span", "grain", "step"),
    [
        (timedelta(hours=1), Grain.MINUTE, 1),
        (timedelta(hours=24), Grain.MINUTE, 5),
        (timedelta(days=4), Grain.MINUTE, 15),
        (timedelta(days=7), Grain.HOUR, 1),
        (timedelta(days=30), Grain.HOUR, 1),
        (timedelta(days=365), Grain.DAY, 1),
    ],
)
def test_the_step_fits_the_span(span, grain, step):
    found = window(NOON - span, NOON, zone=UTC, now=NOON)
    assert (found.grain, found.step) == (grain, step)
    assert len(found.times) <= 2 * windows.FINEST_POINTS
    assert found.start <= NOON - span and found.end >= NOON


@pytest.mark.parametrize("part", [timedelta(), timedelta(microseconds=300_000), timedelta(seconds=59)])
def test_the_minute_under_way_is_in_it_from_its_first_moment_on(cluster, part):
    now = NOON + part
    steps = len(window(NOON - timedelta(hours=1), now, zone=UTC, now=now).times)
    assert steps == (61 if part else 60)
    ChannelHour.objects.create(cluster=cluster, hour=MINUTE // 60, channel_type=2, channel_id="g", messages=7)
    ActsHour.objects.create(cluster=cluster, hour=MINUTE // 60, act="kick", count=2)
    hour = NOON - timedelta(hours=1)
    assert [one.messages for one in activity.busiest(cluster, hour, now).rows] == ([7] if part else [])
    assert acts.by_hour(cluster, hour, now) == ([(MINUTE // 60, "kick", 2)] if part else [])


def test_minutes_that_are_gone_are_answered_by_hours_and_those_by_days():
    assert (
        window(NOON - timedelta(days=20), NOON - timedelta(days=19, hours=23), zone=UTC, now=NOON).grain is Grain.HOUR
    )
    old = window(NOON - timedelta(days=500), NOON - timedelta(days=490), zone=ZoneInfo("Asia/Tokyo"), now=NOON)
    assert (old.grain, old.has_local_days) == (Grain.DAY, False)


def test_a_step_without_a_sample_is_a_gap_and_not_a_zero(cluster):
    sampled(cluster, NOON, 7)
    sampled(cluster, NOON + timedelta(minutes=4), 9)
    now = NOON + timedelta(minutes=6)
    found = series.chart(cluster, window(NOON, now, zone=UTC, now=now), ("connections",))
    values = [point.mean if point else None for point in found.line("connections")]
    assert values == [7, None, None, None, 9, None]
    first = int(NOON.timestamp())
    assert list(found.gaps()) == [(first + 60, first + 240), (first + 300, first + 360)]


def test_what_is_still_to_come_is_no_gap(cluster):
    sampled(cluster, NOON, 7)
    found = series.chart(
        cluster, window(NOON, NOON + timedelta(hours=1), zone=UTC, now=NOON + timedelta(seconds=70)), ("connections",)
    )
    assert list(found.gaps()) == []
    assert found.expected == 1


def test_a_step_tells_how_much_of_it_was_sampled_and_who_answered(cluster):
    for at in (0, 1, 3):
        sampled(
            cluster, NOON + timedelta(minutes=at), 10, answered=2 if at == 3 else 3, of=3, verdict=2 if at == 3 else 0
        )
    now = NOON + timedelta(hours=24)
    found = series.chart(cluster, window(NOON, now, zone=UTC, now=now), ("connections",))
    assert (found.sampled[0], found.window.expected(0)) == (3, 5)
    assert found.whole[0] == pytest.approx(8 / 9)
    assert [verdict for _, _, verdict in found.bands()] == [2]
    assert found.availability() == pytest.approx(8 / 9)


def test_bands_of_different_verdicts_are_told_apart(cluster):
    for at, verdict in enumerate((0, 2, 2, 3, 0, 1)):
        sampled(cluster, NOON + timedelta(minutes=at), 1, verdict=verdict)
    now = NOON + timedelta(minutes=6)
    found = series.chart(cluster, window(NOON, now, zone=UTC, now=now), ("connections",))
    first = int(NOON.timestamp())
    assert list(found.bands()) == [
        (first + 60, first + 180, 2), (first + 180, first + 240, 3), (first + 300, first + 360, 1),
    ]  # fmt: skip


def hours(cluster, start, count, value=1):
    first = int(start.timestamp()) // 3600
    Hour.objects.bulk_create(
        [
            Hour(
                cluster=cluster, hour=first + at, node=WHOLE, connections_max=value + at, connections_sum=60 * (value + at),
                connections_n=60, connections_min=value + at, nodes_sum=60, nodes_n=60, nodes_max=1, answered_sum=60,
                answered_n=60, answered_max=1, verdict_max=0, verdict_n=60, verdict_sum=0,
            )
            for at in range(count)
        ]
    )  # fmt: skip


@pytest.mark.parametrize("zone", ["UTC", "Asia/Shanghai", "America/New_York", "Asia/Kolkata", "Pacific/Chatham"])
def test_days_are_the_readers_and_hold_every_hour_once(cluster, zone):
    """Around a change of the clocks in New York (8 March 2026) too."""
    place = ZoneInfo(zone)
    start = datetime(2026, 2, 15, tzinfo=place)
    first_hour = start - timedelta(days=1)
    hours(cluster, first_hour.astimezone(UTC), 24 * 40)
    end = start + timedelta(days=36)
    span = window(start, end, zone=place, now=end, grain=Grain.DAY)
    found = series.chart(cluster, span, ("connections",), node=WHOLE)
    again = series.chart(cluster, span, ("connections",), node=WHOLE)
    assert found == again  # the second time the days that are over come from what was kept
    assert len(found.sampled) == 36
    lengths = [(later - edge) // 60 for edge, later in zip(span.edges, span.edges[1:], strict=False)]
    assert list(found.sampled) == lengths
    assert set(lengths) == ({1440, 1380} if zone == "America/New_York" else {1440})
    for at, edge in enumerate(span.edges[:-1]):
        begins = datetime.fromtimestamp(edge, place)
        # Whole hours of UTC only: a zone that is off by some minutes has its day begin within the first hour.
        assert begins.hour == 0 and (begins.date() - start.date()).days == at
        number = (edge // 3600) - int(first_hour.timestamp()) // 3600
        assert found.line("connections")[at].high == number + lengths[at] // 60


def test_a_day_that_is_not_over_is_read_anew(cluster):
    start = datetime(2026, 1, 1, tzinfo=UTC)
    hours(cluster, start, 24 * 40)
    end = start + timedelta(days=41)
    span = window(start, end, zone=ZoneInfo("Europe/Berlin"), now=end, grain=Grain.DAY)
    before = series.chart(cluster, span, ("connections",)).over_all("connections")
    hours(cluster, start + timedelta(days=40), 1, value=9999)
    after = series.chart(cluster, span, ("connections",)).over_all("connections")
    assert (before.n + 60, after.high) == (after.n, 9999)


def test_one_node_alone_tells_its_own_times(cluster):
    sampled(cluster, NOON, 7)
    Minute.objects.create(cluster=cluster, minute=MINUTE + 1, node=5, connections=3, answered=1, nodes=1)
    now = NOON + timedelta(minutes=2)
    found = series.chart(cluster, window(NOON, now, zone=UTC, now=now), ("connections",), node=5, lows=True)
    assert found.sampled == (0, 1)
    assert found.over_all("connections", 5) == series.Point(3, 3, 3, 1)
    assert found.line("connections") == (None, None)


def test_unknown_figures_are_refused(cluster):
    with pytest.raises(ValueError, match="no such figure"):
        series.recent(cluster, "nonsense; DROP TABLE")


def test_before_the_first_sample_nothing_is_known(cluster):
    assert series.newest(cluster) == {}
    assert series.first_sample(cluster) is None
    found = series.chart(cluster, window(NOON, NOON + timedelta(hours=1), zone=UTC, now=NOON), ("connections",))
    assert found.is_empty and found.nodes == () and found.availability() is None
    assert series.recent(cluster, "connections").is_empty


def test_sampling_began_with_the_first_row_that_is_left(cluster):
    sampled(cluster, NOON, 1)
    assert series.first_sample(cluster) == NOON
    rollup.roll(cluster, at=NOON)
    assert series.first_sample(cluster) == NOON
    Minute.objects.all().delete()
    assert series.first_sample(cluster) == NOON.replace(hour=0)
