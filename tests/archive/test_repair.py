"""Filling an archive from a cluster and closing its gaps."""

import threading
import time
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from imadmin.archive import feed, reading, repair
from imadmin.archive.models import Archive
from imadmin.archive.reading import Reader
from imadmin.archive.rows import Incoming, SeenChannel, Trait
from imadmin.archive.stores import engine_of
from imadmin.core.errors import NotFound
from imadmin.gateway.types import ChannelRef

TEA, PAIR = ChannelRef("tea", 2), ChannelRef.person("ann", "bob")
COMMANDS = ChannelRef(PAIR.id + "____cmd", 1)
TEMP = ChannelRef("1234567____cmd", 8)


@pytest.fixture(autouse=True)
def _own_pace():
    reading._paces.clear()


@pytest.fixture
def archive(own_cluster):
    return Archive.objects.create(cluster=own_cluster, is_on=True, budget=400)


@pytest.fixture
def say(sim):
    """say("tea", 5) stores so many messages; the ids."""

    def tell(channel, count, kind=2, sender="ann", at=None):
        def add(state):
            return [state.add_message(sender, channel, f"m{number}", kind, at=at).id for number in range(count)]

        return sim.call(add)

    return tell


@pytest.fixture
def reader(own_cluster, scope_of, archive):
    """reader(should_stop=…) makes a new run's hands."""
    scope = scope_of(own_cluster, "owner")
    return lambda **options: Reader(scope, **options)


@pytest.fixture
def engine(own_cluster):
    return engine_of(own_cluster.pk)


def stored(engine) -> Counter:
    """How often each message is in the archive, by its id."""
    return Counter(row.id for row in engine.scan(None, most=1_000_000))


def seqs(engine, channel) -> list[int]:
    return sorted(row.seq for row in engine.newest_in(channel, most=100_000))


def channels_of(sim) -> set[tuple[str, int]]:
    return sim.call(lambda state: set(state.store.configs))


def incoming(sim, message_id) -> Incoming:
    def of(state):
        one = state.archive.find(message_id)
        return one.channel_id, one.channel_type, one.seq, one.from_uid, one.payload

    name, kind, seq, sender, payload = sim.call(of)
    return Incoming(message_id, seq, ChannelRef(name, kind), sender, int(time.time()), payload)


def test_a_whole_round_has_every_message_of_every_kind_of_channel_once(sim, say, reader, engine):
    ids = [*say("tea", 2300), *say(PAIR.id, 7, 1), *say(COMMANDS.id, 3, 1), *say(TEMP.id, 2, 8), *say("tea____cmd", 4)]
    report = repair.whole(reader())
    assert stored(engine) == Counter(ids)
    assert report.is_over and report.added == len(ids) and not report.unread and not report.rests
    coverage = engine.coverage()
    assert (coverage.channels, coverage.missing, coverage.expected) == (5, 0, len(ids))
    again = repair.whole(reader())
    assert again.added == 0 and stored(engine) == Counter(ids)


def test_what_the_feed_brings_beside_is_not_doubled(sim, say, reader, engine, own_cluster):
    ids = say("tea", 3000)
    done = threading.Event()

    def feeding():
        for message_id in [*ids[::3], *say("tea", 200)]:
            feed.take(own_cluster.pk, [incoming(sim, message_id)])
        done.set()

    thread = threading.Thread(target=feeding)
    thread.start()
    while not done.is_set():
        repair.whole(reader())
    thread.join()
    repair.whole(reader())
    assert sorted(stored(engine).values()) == [1] * 3200
    assert seqs(engine, TEA) == list(range(1, 3201))


def test_a_quick_round_closes_a_gap_and_finds_what_the_feed_lost_at_the_end(sim, say, reader, engine, own_cluster):
    ids = say("tea", 9)
    for message_id in (ids[0], ids[1], ids[5]):
        feed.take(own_cluster.pk, [incoming(sim, message_id)])
    assert engine.hold(TEA).gaps == ((3, 5),)
    report = repair.quick(reader())
    assert seqs(engine, TEA) == list(range(1, 10)) and report.added == 6
    assert not engine.hold(TEA).gaps


def test_what_a_channel_skips_is_noted_and_not_asked_for_again(sim, say, reader, engine, monkeypatch):
    say("tea", 10)
    hands = reader()
    ask, asked = hands.gateway.messages_between, []

    async def with_holes(channel, first, last, **options):
        found = await ask(channel, first, last, **options)
        asked.append((first, last))
        return replace(found, messages=tuple(one for one in found.messages if one.seq not in (4, 5, 6, 10)))

    monkeypatch.setattr(hands.gateway, "messages_between", with_holes, raising=False)
    repair.whole(hands)
    hold = engine.hold(TEA)
    assert hold.gone == ((4, 6), (10, 10)) and not hold.gaps and hold.messages == 6
    assert asked == [(1, 10), (10, 10)]  # what should be there and didn't come is asked for once more, of all nodes
    repair.whole(reader())
    assert len(asked) == 2


def test_numbers_given_out_twice_are_both_kept_and_marked(sim, say, reader, engine, archive):
    say("tea", 6)
    repair.whole(reader())
    sim.repeat_seq("tea", 2, 2)
    say("tea", 2)
    report = repair.whole(reader(), incident_at=datetime.now(UTC) - timedelta(minutes=1))
    rows = engine.newest_in(TEA, most=100)
    assert sorted(row.seq for row in rows) == [1, 2, 3, 4, 5, 5, 6, 6]
    assert {row.seq for row in rows if row.traits & Trait.DOUBLED} == {5, 6}
    assert report.doubled


def test_what_a_server_with_a_slow_clock_lost_of_the_feed_is_found_as_soon(sim, say, reader, engine, archive):
    hour_ago = time.time() - 3600
    ids = say("tea", 5, at=hour_ago)
    repair.whole(reader())
    Archive.objects.update(feed_lag=3600.0)
    ids += say("tea", 2, at=hour_ago)
    repair.quick(reader())
    assert stored(engine) == Counter(ids)


@pytest.mark.parametrize("ahead", [0, 3600], ids=["right", "an hour ahead"])
def test_a_channel_that_fell_back_is_read_again_until_it_has_outgrown_what_is_held(
    sim, say, reader, engine, monkeypatch, ahead
):
    if not ahead:
        monkeypatch.setattr(repair, "SETTLED_SECONDS", -1)
    first = say("tea", 8, at=time.time() + ahead)
    repair.whole(reader())
    sim.repeat_seq("tea", 2, 5)
    repair.whole(reader())
    again = say("tea", 3)
    repair.whole(reader())
    assert stored(engine) == Counter([*first, *again])
    last = say("tea", 9)
    repair.whole(reader())
    assert stored(engine) == Counter([*first, *again, *last])
    repair.whole(reader())
    assert repair._note(reader(), repair.ANEW, {}) == {}


def test_every_channel_with_another_leader_is_read_again_however_many_there_are(
    say, reader, engine, archive, monkeypatch
):
    """Whoever led it before is noted over at once, so what isn't read then never is."""
    monkeypatch.setattr(repair, "NOTE_MOST", 4)
    channels = [ChannelRef(f"g{number}", 2) for number in range(13)]
    for channel in channels:
        say(channel.id, 2)
    repair.whole(reader())
    engine.note_channels([SeenChannel(channel, 2, 9999) for channel in channels], int(time.time()))
    hands = reader()
    ask, again = hands.gateway.messages_between, []

    async def noting(channel, first, last, **options):
        again.extend([channel] if options.get("doubles") else [])
        return await ask(channel, first, last, **options)

    monkeypatch.setattr(hands.gateway, "messages_between", noting, raising=False)
    assert repair.whole(hands).is_over
    assert set(again) == set(channels) and repair._note(hands, repair.REREAD, []) == []


def test_what_is_known_to_be_whole_is_as_of_the_begin_of_the_last_round_that_ended(say, reader, engine, archive):
    for number in range(250):
        say(f"g{number}", 1)
    repair.whole(reader())
    archive.refresh_from_db()
    began = archive.round_started_at
    assert archive.whole_at == began
    repair.whole(reader(should_stop=lambda: Archive.objects.get().round_started_at > began))
    archive.refresh_from_db()
    assert archive.round_started_at > began and archive.whole_at == began, "a second one has begun and not ended"
    assert repair.whole(reader()).is_over
    archive.refresh_from_db()
    assert archive.whole_at == archive.round_started_at > began


def test_reading_makes_no_channel_on_the_server(sim, say, reader, engine, own_cluster):
    say("tea", 3)
    before = channels_of(sim)
    ghost = ChannelRef.person("nobody", "noone")
    now = int(time.time())
    feed.take(
        own_cluster.pk,
        [Incoming(5, 4, ghost, "nobody", now, b"{}"), Incoming(6, 9, ChannelRef("gone", 2), "x", now, b"{}")],
    )
    for _ in range(2):
        repair.quick(reader())
        repair.whole(reader())
    with pytest.raises(NotFound):
        repair.one(reader(), ChannelRef("never", 2))
    assert channels_of(sim) == before


def test_a_channel_that_only_the_feed_told_of_is_noted_as_not_listed_until_it_is(sim, say, reader, engine, own_cluster):
    say("tea", 3)
    before = channels_of(sim)
    lost = ChannelRef("lost", 2)
    feed.take(own_cluster.pk, [Incoming(77, 4, lost, "ann", 1_700_000_000, b"{}")])
    assert not engine.hold(lost).is_unlisted, "nobody has asked yet"
    report = repair.whole(reader())
    assert report.is_over and report.unread == 1 and engine.hold(lost).is_unlisted
    coverage = engine.coverage()
    assert (coverage.missing, coverage.unlisted, coverage.missing_unlisted) == (3, 1, 3)
    repair.quick(reader())
    assert channels_of(sim) == before, "made by reading"
    say("lost", 4)
    repair.quick(reader())
    assert (engine.coverage().missing, engine.hold(lost).is_unlisted) == (0, False)


def test_one_channel_is_read_at_once_and_the_others_are_left_alone(sim, say, reader, engine):
    say("tea", 1500)
    say("other", 5)
    report = repair.one(reader(), TEA)
    assert seqs(engine, TEA) == list(range(1, 1501)) and report.is_over
    assert engine.hold(ChannelRef("other", 2)) is None


def test_it_keeps_to_its_budget(sim, say, reader, archive):
    for number in range(30):
        say(f"g{number}", 2)
    archive.budget = 25
    archive.save()
    sim.requests.clear()
    began = time.monotonic()
    report = repair.whole(reader())
    seconds = time.monotonic() - began
    asked = Counter(node for node, server, _, _, _, _ in sim.requests if server == "main")
    assert report.is_over and report.calls >= 30
    assert max(asked.values()) <= 25 * seconds + 25


def test_stopped_in_the_middle_it_goes_on_where_it_was(sim, say, reader, engine, archive):
    ids = [each for number in range(12) for each in say(f"g{number}", 1200)]
    archive.budget = 20
    archive.save()
    report = repair.whole(reader(should_stop=lambda: engine.totals().messages > 0))
    assert not report.is_over and not report.rests
    half = len(stored(engine))
    assert half < len(ids)
    archive.budget = 400
    archive.save()
    sim.requests.clear()
    assert repair.whole(reader()).is_over
    assert stored(engine) == Counter(ids)


def test_a_list_that_was_cut_off_goes_on_at_its_mark(sim, say, reader, engine, archive):
    for number in range(250):
        say(f"g{number}", 1)
    repair.whole(reader(should_stop=lambda: engine.coverage().channels >= 100))
    archive.refresh_from_db()
    assert "mark" in archive.resume and archive.round_ended_at is None
    assert repair.whole(reader()).is_over
    assert engine.coverage().channels == 250 and engine.coverage().missing == 0
    archive.refresh_from_db()
    assert archive.resume == {} and archive.round_ended_at


def test_it_stops_when_the_archive_is_closed(sim, say, reader, archive):
    say("tea", 5)
    hands = reader()
    Archive.objects.update(is_on=False)
    hands._row_at = -10
    assert not repair.whole(hands).is_over


def test_it_rests_while_the_cluster_is_not_healthy_and_says_why(sim, say, reader, engine, archive):
    ids = say("tea", 5)
    report = repair.whole(reader(may_go_on=lambda: "It is ill.", patience=0))
    archive.refresh_from_db()
    assert report.rests == "It is ill." == archive.waits_for and not stored(engine)
    answers = iter(["It is ill.", ""])
    assert repair.whole(reader(may_go_on=lambda: next(answers, ""), patience=5)).is_over
    archive.refresh_from_db()
    assert archive.waits_for == "" and stored(engine) == Counter(ids)


def test_an_hour_away_leaves_a_gap_that_is_found_and_closed(sim, say, reader, engine, archive):
    """Out of our reach the cluster goes on; what it tells when it is back leaves a gap, and of a channel nothing."""
    ids = say("tea", 20) + say("pot", 5)
    assert repair.whole(reader()).is_over and stored(engine) == Counter(ids)
    for node in (1001, 1002, 1003):
        sim.kill(node)
    hour = datetime.now(UTC) - timedelta(hours=1)
    Archive.objects.update(round_started_at=hour, round_ended_at=hour, feed_seen_at=hour)
    ids += say("tea", 30) + say("pot", 10)
    report = repair.whole(reader(patience=0))
    archive.refresh_from_db()
    assert report.rests == reading.SILENT == archive.waits_for
    assert repair.is_due(archive, datetime.now(UTC))

    for node in (1001, 1002, 1003):
        sim.revive(node)
    told = say("tea", 5)
    engine.ingest([incoming(sim, one) for one in told])
    assert engine.hold(TEA).gaps == ((21, 50),)
    until = time.monotonic() + 60
    while engine.hold(TEA).gaps and time.monotonic() < until:
        repair.quick(reader())
    assert seqs(engine, TEA) == list(range(1, 56))  # a busy channel has not to wait for a whole round
    while not repair.whole(reader()).is_over and time.monotonic() < until:
        time.sleep(0.5)
    assert stored(engine) == Counter(ids + told)
    archive.refresh_from_db()
    assert not repair.is_due(archive, datetime.now(UTC))


def test_when_a_round_is_due(own_cluster):
    now = datetime.now(UTC)
    ago = lambda **span: now - timedelta(**span)  # noqa: E731
    row = Archive(cluster=own_cluster, is_on=True)
    assert repair.is_due(row, now)  # never read
    row.round_started_at = ago(minutes=20)
    assert repair.is_due(row, now)  # unfinished
    row.round_ended_at = ago(minutes=10)
    assert repair.is_due(row, now)  # nobody feeds: every five minutes
    row.feed_seen_at = ago(seconds=10)
    assert not repair.is_due(row, now)
    assert repair.is_due(row, now, incident_at=ago(minutes=1))
    assert not repair.is_due(row, now, incident_at=ago(minutes=30))
    row.round_ended_at = ago(minutes=61)
    row.round_started_at = ago(minutes=70)
    assert repair.is_due(row, now)
    row.is_on = False
    assert not repair.is_due(row, now)
