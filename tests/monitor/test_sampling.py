"""A minute of a cluster, asked of the simulator: what is written, and what is left unknown."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from imadmin.core.aio import run
from imadmin.monitor import activity, sampling, series
from imadmin.monitor.sample_models import WHOLE, ChannelHour, Counters, Minute
from imadmin.monitor.sampling import differences

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 10, 12, 0, 20, tzinfo=UTC)


def rows(cluster, at=NOW):
    return {row.node: row for row in Minute.objects.filter(cluster=cluster, minute=int(at.timestamp()) // 60)}


def test_a_living_cluster_leaves_a_row_of_each_node_and_one_of_all(cluster):
    report = sampling.sample(cluster, at=NOW)
    found = rows(cluster)
    assert (report.nodes, report.answered, report.was_there) == (3, 3, False)
    assert set(found) == {WHOLE, 1001, 1002, 1003}
    nodes = [found[node] for node in (1001, 1002, 1003)]
    for figure in ("connections", "sockets", "rows", "memory", "goroutines", "answered", "nodes"):
        assert getattr(found[WHOLE], figure) == sum(getattr(node, figure) for node in nodes), figure
    assert found[WHOLE].rows > 0
    # Somebody on two nodes is one user.
    assert max(node.users for node in nodes) <= found[WHOLE].users <= sum(node.users for node in nodes)
    assert found[WHOLE].verdict == sampling.VERDICTS["healthy"]
    assert found[WHOLE].sends is None  # nothing to compare with yet


def test_the_same_minute_again_changes_nothing(cluster):
    sampling.sample(cluster, at=NOW)
    before = list(Minute.objects.values()), list(Counters.objects.values())
    again = sampling.sample(cluster, at=NOW + timedelta(seconds=30))
    assert again.was_there and (again.nodes, again.answered) == (3, 3)
    assert (list(Minute.objects.values()), list(Counters.objects.values())) == before


def test_the_next_minute_has_what_the_counters_moved(cluster):
    sampling.sample(cluster, at=NOW)
    Counters.objects.filter(cluster=cluster, node=1001).update(values={"incoming": 0, "outgoing": 0, "sends": 0})
    sampling.sample(cluster, at=NOW + timedelta(minutes=1))
    found = rows(cluster, NOW + timedelta(minutes=1))
    assert found[1001].incoming > 0
    assert found[WHOLE].incoming == sum(found[node].incoming for node in (1001, 1002, 1003))


def test_a_dead_node_is_unknown_and_not_zero(sim, own_cluster):
    sampling.sample(own_cluster, at=NOW)
    sim.kill(1003)
    report = sampling.sample(own_cluster, at=NOW + timedelta(minutes=1))
    found = rows(own_cluster, NOW + timedelta(minutes=1))
    assert (report.nodes, report.answered) == (3, 2)
    dead = found[1003]
    assert (dead.answered, dead.nodes) == (0, 1)
    assert {dead.connections, dead.sockets, dead.rows, dead.users, dead.memory, dead.incoming, dead.lag} == {None}
    assert (found[WHOLE].answered, found[WHOLE].nodes) == (2, 3)
    assert found[WHOLE].verdict > sampling.VERDICTS["healthy"]


def test_a_cluster_that_is_down_is_a_sample_too(sim, own_cluster):
    sampling.sample(own_cluster, at=NOW)
    for node in (1001, 1002, 1003):
        sim.kill(node)
    report = sampling.sample(own_cluster, at=NOW + timedelta(minutes=1))
    found = rows(own_cluster, NOW + timedelta(minutes=1))
    assert (report.nodes, report.answered) == (3, 0)
    assert set(found) == {WHOLE, 1001, 1002, 1003}
    assert found[WHOLE].connections is None and found[WHOLE].users is None
    assert found[WHOLE].verdict == sampling.VERDICTS["down"]


def test_a_minute_that_was_not_sampled_is_a_gap(cluster):
    sampling.sample(cluster, at=NOW)
    sampling.sample(cluster, at=NOW + timedelta(minutes=3))
    found = series.recent(cluster, "answered", 5, now=NOW + timedelta(minutes=3))
    assert found.values == (None, 3, None, None, 3)
    assert found.newest == 3


def test_one_user_on_two_nodes_is_counted_once(monkeypatch, cluster):
    views = run(sampling.connect.gateway_for(cluster).node_views())
    heard = sampling.Heard(
        views,
        people={1001: frozenset({"anna", "ben"}), 1002: frozenset({"anna"}), 1003: frozenset()},
        rows={1001: 2, 1002: 1, 1003: 0},
    )
    monkeypatch.setattr(sampling, "listen", lambda *_: heard)
    sampling.sample(cluster, at=NOW)
    found = rows(cluster)
    assert (found[WHOLE].users, found[WHOLE].rows, found[1001].users, found[1003].users) == (2, 3, 2, 0)


def test_users_are_unknown_when_a_living_node_does_not_list_them(monkeypatch, cluster):
    views = run(sampling.connect.gateway_for(cluster).node_views())
    heard = sampling.Heard(views, people={1001: frozenset({"anna"})}, rows={1001: 1})
    monkeypatch.setattr(sampling, "listen", lambda *_: heard)
    sampling.sample(cluster, at=NOW)
    assert rows(cluster)[WHOLE].users is None
    assert rows(cluster)[1001].users == 1


def counters(**values):
    return SimpleNamespace(at=1000.0, uptime=500.0, values=values)


@pytest.mark.parametrize(
    ("before", "now", "uptime", "at", "moved"),
    [
        (counters(incoming=100), {"incoming": 160}, 560.0, 1060.0, {"incoming": 60}),
        (counters(incoming=100), {"incoming": 160}, 530.0, 1030.0, {"incoming": 120}),  # a minute, whatever passed
        (counters(incoming=100), {"incoming": 40}, 20.0, 1060.0, {"incoming": 40}),  # restarted
        (counters(incoming=100), {"incoming": 4000}, 20.0, 1060.0, {"incoming": 4000}),  # and busier than before
        (counters(incoming=100), {"incoming": 40}, None, 1060.0, {"incoming": 40}),
        (counters(), {"incoming": 40}, 5000.0, 1060.0, {}),  # it didn't tell before
        (counters(incoming=100), {}, 560.0, 1060.0, {}),
        (None, {"incoming": 40}, 560.0, 1060.0, {}),
        (counters(incoming=100), {"incoming": 9000}, 2000.0, 2500.0, {}),  # too long ago to be of this minute
        (counters(incoming=100), {"incoming": 160}, 560.0, 1000.0, {}),
        (counters(incoming=100), {"incoming": 90_000}, 259_200.0, 1060.0, {}),  # another node in its place
    ],
)
def test_counters_become_figures_of_a_minute(before, now, uptime, at, moved):
    assert differences(before, now, uptime=uptime, at=at) == moved


def test_busy_channels_are_found_by_what_came_between_two_walks(cluster):
    first = activity.walk(cluster, pages=1000, at=NOW)
    assert first.ended and first.read > 0 and first.messages == 0
    before = activity.busiest(cluster, NOW - timedelta(hours=1), NOW + timedelta(hours=1))
    assert (before.rows, before.known, before.rounds) == ((), first.read, 1)
    activity.ChannelSeen.objects.filter(cluster=cluster, channel_type=2).update(seq=0)
    activity.walk(cluster, pages=1000, at=NOW + timedelta(minutes=5))
    found = activity.busiest(cluster, NOW, NOW + timedelta(hours=1), limit=3)
    assert len(found.rows) == 3 and found.rounds == 2
    assert [row.messages for row in found.rows] == sorted((row.messages for row in found.rows), reverse=True)
    assert all(not row.channel.is_command for row in found.rows)


def test_the_walk_goes_on_where_it_ended(cluster):
    whole = activity.walk(cluster, pages=1000, at=NOW).read
    at, read = NOW + timedelta(minutes=2), 0
    for _ in range(100):
        step = activity.walk(cluster, pages=1, at=at)
        assert step.read <= activity.PAGE
        read += step.read
        if step.ended:
            break
    assert read >= whole > activity.PAGE  # the demo goes on talking, new channels may come


def test_a_node_that_is_down_is_left_out_of_the_round_and_named(sim, own_cluster):
    sim.kill(1002)
    activity.walk(own_cluster, pages=100, at=NOW)
    assert activity.busiest(own_cluster, NOW, NOW).failed == ("1002",)


def test_only_the_busiest_channels_of_an_hour_are_kept(cluster):
    hour = int(NOW.timestamp()) // 3600
    ChannelHour.objects.bulk_create(
        [
            ChannelHour(cluster=cluster, hour=hour - 1, channel_type=2, channel_id=f"g{at}", messages=at)
            for at in range(activity.KEPT_AN_HOUR + 10)
        ]
    )
    activity.walk(cluster, pages=1000, at=NOW)
    kept = ChannelHour.objects.filter(cluster=cluster, hour=hour - 1)
    assert kept.count() == activity.KEPT_AN_HOUR
    assert min(kept.values_list("messages", flat=True)) == 10
