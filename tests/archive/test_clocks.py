"""Messages of a server whose clock was wrong: they spoil nothing that is said of the others, and it is said of them."""

import time
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from imadmin.archive import clocks, completeness, finding
from imadmin.gateway.types import ChannelRef
from tests.archive.filling import Filling, quiet_cluster
from tests.archive.store_help import message

DAY = 86_400
IN_2100 = 4_102_444_800


@pytest.fixture
def filling(db):
    return Filling(quiet_cluster())


def test_which_times_can_be():
    now = int(time.time())
    assert [clocks.can_be(at) for at in (0, 1, clocks.FIRST - 1, IN_2100, now + DAY + 60)] == [False] * 5
    assert [clocks.can_be(at) for at in (clocks.FIRST, now, now + DAY - 60)] == [True] * 3
    assert clocks.is_ahead(now + 660) and not clocks.is_ahead(now + 500)
    assert clocks.moment(None) is None and clocks.moment(2**60) is None and clocks.moment(1).year == 1970


def test_an_archive_reaches_from_the_first_to_the_last_time_that_can_be(engine):
    engine.ingest([message(1, sent_at=1), message(2, sent_at=1_700_000_000), message(3, sent_at=IN_2100)])
    assert (engine.totals().first_at, engine.totals().last_at) == (1_700_000_000, 1_700_000_000)


def test_only_wrong_clocks_tell_of_no_time(engine):
    engine.ingest([message(1, sent_at=1), message(2, sent_at=IN_2100)])
    assert (engine.totals().messages, engine.totals().first_at, engine.totals().last_at) == (2, None, None)


@pytest.mark.parametrize("wrong", [1, IN_2100])
def test_one_wrong_clock_moves_no_since(filling, scope_of, wrong):
    filling.put("old", at=1_700_000_000, channel="fine")
    filling.put("odd", at=wrong)
    filling.put("new", at=1_750_000_000)
    filling.put("lone", at=wrong, channel="lone")
    scope = scope_of(filling.cluster, "viewer")

    def since(*channels):
        return completeness.of_channels(scope, [ChannelRef(each, 2) for each in channels] or None).first_at

    assert since() == datetime.fromtimestamp(1_700_000_000, UTC)
    assert since("team") == datetime.fromtimestamp(1_750_000_000, UTC)
    assert since("team", "fine", "lone") == datetime.fromtimestamp(1_700_000_000, UTC)
    assert since("lone") is None


def test_what_is_dated_ahead_of_now_says_so(filling, scope_of):
    filling.put("now", ago=0)
    filling.put("soon", ago=-500)
    filling.put("later", ago=-700)
    filling.put("2100", at=IN_2100)
    rows = finding.find(scope_of(filling.cluster, "moderator"), "", zone=ZoneInfo("UTC")).rows
    assert [(row.text, row.is_ahead) for row in rows] == [
        ("2100", True),
        ("later", True),
        ("soon", False),
        ("now", False),
    ]
