"""How complete an archive is, what a search of it can miss; opening and closing it; a cluster that is removed."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from django.core.cache import cache

from imadmin.archive import completeness, running, stores
from imadmin.archive.models import Archive
from imadmin.archive.rows import Incoming, SeenChannel
from imadmin.archive.stores import engine_of
from imadmin.clusters import actions
from imadmin.clusters.access import SiteScope
from imadmin.core.errors import Conflict, Forbidden, InvalidInput
from imadmin.gateway.types import ChannelRef

TEA, CUP, NEW = ChannelRef("tea", 2), ChannelRef("cup", 2), ChannelRef("new", 2)
NOW = int(time.time())


def message(number: int, seq: int, channel: ChannelRef = TEA) -> Incoming:
    return Incoming(number, seq, channel, "ann", NOW - 100 + number, b'{"type":1,"content":"hello"}')


@pytest.fixture
def scope(own_cluster, scope_of):
    return scope_of(own_cluster, "owner")


@pytest.fixture
def half(own_cluster):
    """tea lacks 3 to 5 and 8, cup has everything, new was never read."""
    engine = engine_of(own_cluster.pk)
    engine.ingest([message(1, 1), message(2, 2), message(3, 6), message(4, 7), message(5, 1, CUP)])
    engine.note_channels([SeenChannel(TEA, 8, 1001), SeenChannel(CUP, 1, 1002), SeenChannel(NEW, 20, 1003)], NOW)
    return engine


@pytest.fixture
def archive(own_cluster):
    past = datetime.now(UTC) - timedelta(minutes=9)
    return Archive.objects.create(
        cluster=own_cluster,
        is_on=True,
        round_started_at=past,
        round_ended_at=past + timedelta(minutes=1),
        whole_at=past,
    )


def test_the_figures_of_all_channels(scope, half, archive):
    found = completeness.status(scope)
    assert (found.totals.messages, found.coverage.channels, found.coverage.unread, found.coverage.with_gaps) == (
        5,
        3,
        1,
        2,
    )
    assert (found.coverage.expected, found.coverage.missing, found.held) == (29, 24, 5)
    assert found.state == "gaps" and found.up_to == archive.round_started_at and not found.is_fed


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({"is_on": False}, "off"),
        ({"whole_at": None}, "filling"),
        ({"waits_for": "Not every node of the cluster answers."}, "waiting"),
        ({}, "empty"),
    ],
)
def test_each_state_of_an_archive_without_messages(scope, archive, fields, state):
    Archive.objects.update(**fields)
    assert completeness.status(scope).state == state


def test_what_a_search_in_some_channels_can_miss(scope, half, archive):
    whole = completeness.of_channels(scope, [CUP])
    assert whole.is_complete and whole.first_at and whole.channels == 1
    some = completeness.of_channels(scope, [CUP, TEA, NEW, ChannelRef("never", 2)])
    assert (some.channels, some.unread, some.with_gaps, some.missing, some.unknown) == (3, 1, 2, 24, 1)
    assert not some.is_complete
    everything = completeness.of_channels(scope)
    assert (everything.channels, everything.missing, everything.unknown) == (3, 24, 0)
    Archive.objects.update(feed_seen_at=datetime.now(UTC))
    assert completeness.of_channels(scope).is_fed


def test_a_search_in_a_channel_nobody_knows_is_no_search_of_an_empty_archive(scope, own_cluster):
    assert completeness.of_channels(scope, [TEA]).is_empty
    cache.clear()
    engine_of(own_cluster.pk).note_channels([SeenChannel(CUP, 1, 1002)], NOW)
    assert not completeness.of_channels(scope, [TEA]).is_empty
    assert completeness.of_channels(scope, [ChannelRef(f"c{number}", 2) for number in range(101)]).is_wide


def test_what_the_server_has_nothing_of_is_told_apart_from_what_can_be_read(scope, half, archive):
    half.ingest([message(20, 9, ChannelRef("lost", 2))])
    half.note_channels([SeenChannel(ChannelRef("lost", 2), 0)], NOW)
    coverage = completeness.status(scope).coverage
    assert (coverage.missing, coverage.unlisted, coverage.missing_unlisted) == (32, 1, 8)
    rows = {row.hold.channel.id: row for row in completeness.channels(scope).rows}
    assert {name: row.can_be_read for name, row in rows.items()} == {
        "tea": True, "cup": False, "new": True, "lost": False,
    }  # fmt: skip
    half.note_channels([SeenChannel(ChannelRef("lost", 2), 12)], NOW)
    assert half.coverage().unlisted == 0


def test_being_fed_and_being_read_again_move_nothing(scope, half, archive):
    """The webhook may have lost messages, and a round under way has not read all channels."""
    whole_at = archive.whole_at
    Archive.objects.update(feed_seen_at=datetime.now(UTC), round_started_at=datetime.now(UTC))
    found, reach = completeness.status(scope), completeness.of_channels(scope, [CUP])
    assert found.is_reading and found.is_fed and found.up_to == whole_at
    assert reach.up_to == whole_at and reach.is_fed and reach.feed_seen_at > whole_at


def test_channels_are_listed_by_what_they_lack_page_by_page(scope, half, archive):
    def names(**options):
        return [row.hold.channel.id for row in completeness.channels(scope, **options).rows]

    assert sorted(names()) == ["cup", "new", "tea"]
    assert names(show="gaps")[0] == "tea" and sorted(names(show="gaps")) == ["new", "tea"]
    assert names(show="unread") == ["new"] and names(show="whole") == ["cup"]
    for show in ("all", "gaps"):
        seen, cursor = [], ""
        while True:
            page = completeness.channels(scope, show=show, cursor=cursor, limit=1)
            seen += [row.hold.channel.id for row in page.rows]
            cursor = page.next_cursor
            if not cursor:
                break
        assert sorted(seen) == sorted(names(show=show))
    with pytest.raises(InvalidInput):
        completeness.channels(scope, show="nonsense")
    with pytest.raises(InvalidInput):
        completeness.channels(scope, cursor="abc")


def test_the_bar_never_rounds_a_gap_away(half):
    half.ingest([message(100 + seq, seq, ChannelRef("big", 2)) for seq in range(1, 2001) if seq != 1000])
    row = completeness.held_channel(half.hold(ChannelRef("big", 2)))
    assert any(not is_held for _, _, is_held in row.bar)
    assert sum(width for _, width, _ in row.bar) == 1000
    assert completeness.held_channel(half.hold(NEW)).bar == ((0, 1000, False),)


def test_opening_and_closing_are_on_the_trail_and_begin_a_round(scope, trail):
    begun = []
    archive = running.open_(scope, reason="spam wave", budget=30, begin=lambda: begun.append("x") or "x")
    assert archive.is_on and archive.budget == 30 and archive.opened_by == "owner" and begun == ["x"]
    with pytest.raises(Conflict):
        running.open_(scope, reason="again", begin=lambda: "x")
    running.set_budget(scope, 5, reason="slow down")
    assert running.read_now(scope, reason="now", begin=lambda: "run7", channel=TEA) == "run7"
    assert not running.close(scope, reason="done with it").is_on
    with pytest.raises(Conflict):
        running.read_now(scope, reason="now", begin=lambda: "x")
    opened, read = trail("archive.open")[0], trail("archive.read")[0]
    assert opened.reason == "spam wave" and read.target == "2/tea"
    assert trail("archive.budget") and trail("archive.close")


def test_who_may_not_operate_the_cluster_opens_nothing(own_cluster, scope_of):
    weak = scope_of(own_cluster, "moderator")
    for act in (
        lambda: running.open_(weak, reason="please", begin=lambda: "x"),
        lambda: running.close(weak, reason="please"),
        lambda: running.set_budget(weak, 5, reason="please"),
        lambda: running.read_now(weak, reason="please", begin=lambda: "x"),
        lambda: running.estimate(weak),
    ):
        with pytest.raises(Forbidden):
            act()
    assert not Archive.objects.filter(is_on=True).exists()


@pytest.mark.parametrize("budget", [0, -1, 501])
def test_a_budget_has_bounds(scope, budget):
    with pytest.raises(InvalidInput):
        running.open_(scope, reason="try it", budget=budget, begin=lambda: "x")


def test_what_opening_costs_is_counted_before(scope, sim):
    def fill(state):
        for number in range(1500):
            state.add_message("ann", "tea", f"m{number}")
        state.add_message("ann", "cup", "one")

    sim.call(fill)
    found = running.estimate(scope, budget=2)
    assert (found.channels, found.messages, found.is_whole) == (2, 1501, True)
    assert found.calls >= 3 and found.seconds > 0 and found.bytes == 1501 * running.BYTES_EACH


def test_the_archive_of_a_removed_cluster_is_deleted(own_cluster, half, scope, django_capture_on_commit_callbacks):
    path = half._file.path
    assert path.exists()
    site = SiteScope(actor=scope.actor, permissions=scope.permissions)
    with django_capture_on_commit_callbacks(execute=True):
        actions.remove_cluster(site, "own", typed="own", reason="no more of it")
    assert not path.exists() and not stores._open
