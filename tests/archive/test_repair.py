"""Filling an archive from a cluster and closing its gaps."""

import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from imadmin.archive import feed, reading, repair
from imadmin.archive.models import Archive
from imadmin.archive.reading import Reader
from imadmin.archive.rows import Incoming, Trait
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

    def tell(channel, count, kind=2, sender="ann"):
        def add(state):
            return [state.add_message(sender, channel, f"m{number}", kind).id for number in range(count)]

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
    return {key for key in sim.call(lambda state: set(state.configs))}


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
