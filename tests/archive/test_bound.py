"""Which channels a search is bound to, and that what is said of its answer's completeness concerns these alone."""

import pytest

from imadmin.archive import bound, finding, grammar
from imadmin.archive.bound import Bound, bound_of
from imadmin.gateway.types import ChannelRef
from tests.archive.filling import quiet_cluster
from tests.archive.stock import Stock


@pytest.fixture
def cluster(db):
    return quiet_cluster()


@pytest.fixture
def stock(cluster):
    found = Stock(cluster)
    for channel_id, channel_type in (("wave-1", 2), ("wave-2", 4), ("g2197", 2), ("g2197", 5), ("g21978", 2)):
        found.say("a", channel_id, "x", channel_type=channel_type)
    found.say("a", "torn", "x", seq=6)
    return found


@pytest.mark.parametrize(
    ("q", "channels", "unknown"),
    [
        ("in:g2197", {"2/g2197", "5/g2197"}, 0),
        ("in:group:g2197", {"2/g2197"}, 0),
        ("in:wave-*", {"2/wave-1", "4/wave-2"}, 0),
        ("in:group:wave-*", {"2/wave-1"}, 0),
        ("x in:wave-* in:wave-1", {"2/wave-1"}, 0),
        ("in:torn OR in:wave-1", {"2/torn", "2/wave-1"}, 0),
        ("in:nowhere", set(), 1),
        ("in:nowhere-*", set(), 1),
        ("in:torn OR in:nowhere", {"2/torn"}, 1),
        ("-in:wave-*", None, 0),
        ("in:torn OR x", None, 0),
        ("-in:torn", None, 0),
        ("x", None, 0),
        ("", None, 0),
    ],
)
def test_a_search_is_bound_to_what_it_names(stock, q, channels, unknown):
    found = bound_of(stock.engine, grammar.parse(q))
    assert (None if found.channels is None else {str(each) for each in found.channels}) == channels
    assert found.unknown == unknown and not found.is_wide


def test_a_kind_is_all_channels_of_it(stock):
    assert {str(each) for each in bound_of(stock.engine, grammar.parse("in:community")).channels} == {"4/wave-2"}


@pytest.mark.parametrize("q", ["in:wave-*", "in:wave-* x", "in:wave-* OR in:torn", "in:wave-* OR in:g*"])
def test_more_channels_than_are_looked_at_are_told_of_as_all(stock, monkeypatch, q):
    monkeypatch.setattr(bound, "MOST", 1)
    assert bound_of(stock.engine, grammar.parse(q)) == Bound(is_wide=True)
    assert not bound_of(stock.engine, grammar.parse(f"({q}) OR y")).is_wide


def test_gaps_elsewhere_are_nothing_to_a_search_by_id_or_by_the_start_of_ids(cluster, scope_of, stock, monkeypatch):
    scope = scope_of(cluster, "moderator")

    def reach(q):
        return finding.reach(scope, grammar.parse(q))

    for q in ("in:g2197", "in:wave-*"):
        assert (reach(q).channels, reach(q).with_gaps, reach(q).missing, reach(q).unknown) == (2, 0, 0, 0)
    assert (reach("in:torn").with_gaps, reach("in:tor*").missing) == (1, 5)
    nowhere = reach("in:nowhere")
    assert (nowhere.channels, nowhere.missing, nowhere.unknown, nowhere.is_wide) == (0, 0, 1, False)
    monkeypatch.setattr(bound, "MOST", 1)
    wide = reach("in:wave-*")
    assert wide.is_wide and (wide.channels, wide.missing) == (6, 5)


def test_the_same_channel_named_twice_counts_once(stock):
    found = bound_of(stock.engine, grammar.parse("in:torn OR in:group:torn"))
    assert found.channels == (ChannelRef("torn", 2),)
