"""A query's cover never leaves out a match: looked at without any engine, over what an index would hold."""

import random
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from imadmin.archive.cover import AllOf, AnyOf, Token, Without, Word
from imadmin.archive.covering import Covered, cover_of, ids_of, range_of
from imadmin.archive.engines.base import RID_MAX, RID_SHIFT
from imadmin.archive.grammar import parse
from imadmin.archive.grams import grams, tokens
from imadmin.archive.norm import norm
from imadmin.archive.rows import Incoming
from imadmin.archive.texts import read
from imadmin.archive.where import InKind, Named
from imadmin.gateway.types import ChannelRef
from tests.archive.oracle import Kept, is_match
from tests.archive.test_engines import CHANNELS, CLIENTS, FRAGMENTS, SENDERS, T0, TYPES, body, trees

NOW = datetime(2026, 11, 20, tzinfo=UTC)


def marks_of(one):
    reading = read(one)
    marks = set(grams(norm(reading.text)))
    return marks | set(tokens(one.channel, one.from_uid, reading.kind, reading.traits, one.client_msg_no))


def fits(cover, marks):
    match cover:
        case None:
            return True
        case Token(text):
            return text in marks
        case Word(_, wanted, prefix):
            return marks.issuperset(wanted) and (not prefix or any(mark.startswith(prefix) for mark in marks))
        case AllOf(parts):
            return all(fits(part, marks) for part in parts)
        case AnyOf(parts):
            return any(fits(part, marks) for part in parts)
        case Without(part, unwanted):
            return fits(part, marks) and not any(token.text in marks for token in unwanted)


def known_channels(leaf):
    if isinstance(leaf, InKind):
        return [each for each in CHANNELS if each.id.startswith(leaf.prefix) and leaf.type in (None, each.type)]
    return [each for each in CHANNELS if each.id == leaf.id] if isinstance(leaf, Named) else None


def some_messages(number):
    chance = random.Random(8)
    return [
        Incoming(
            id=id,
            seq=chance.randrange(13),
            channel=chance.choice(CHANNELS),
            from_uid=chance.choice(SENDERS),
            sent_at=T0 + chance.randrange(10),
            payload=body(chance.choice(TYPES), "".join(chance.choices(FRAGMENTS, k=chance.randrange(5)))),
            client_msg_no=chance.choice(CLIENTS),
        )
        for id in range(1, number)
    ]


CORPUS = [(Kept(one, read(one).traits), marks_of(one)) for one in some_messages(80)]


@given(trees, st.integers(0, 2), st.booleans())
@settings(max_examples=200, deadline=None)
def test_no_match_is_left_out(where, spill, is_looked_up):
    covered = cover_of(where, channels=known_channels, spill=spill) if is_looked_up else cover_of(where, spill=spill)
    ids, numbers = ids_of(where), range_of(where)
    for kept, marks in CORPUS:
        if not is_match(where, kept, {}):
            continue
        one = kept.incoming
        assert fits(covered.cover, marks)
        for moved in (one.sent_at, one.sent_at + spill):
            assert covered.above < moved << RID_SHIFT < covered.below
        assert ids is None or one.id in ids
        if numbers is not None:
            channel, first, last = numbers
            assert one.channel == channel
            assert first <= one.seq <= last


def cover(text):
    return cover_of(parse(text, now=NOW)).cover


def test_what_is_known_of_a_query():
    words, team, image = cover("退款"), cover("in:group:g42"), cover("type:image")
    assert words == Word("退款", grams=("退款",))
    assert isinstance(team, Token) and isinstance(image, Token)
    assert cover("退款 in:group:g42") == AllOf((words, team))
    assert cover("退款 OR in:group:g42") == AnyOf((words, team))
    assert cover("退款 -type:image -in:group:g42") == Without(words, (image, team))
    assert cover("退款 -(type:image OR in:group:g42)") == Without(words, (image, team))
    assert cover("退款 -返现") == words
    assert cover("退款 OR !") is None  # no gram holds an exclamation mark
    assert cover("-type:image") is None
    assert cover("") is None


def test_what_only_some_carriers_of_a_mark_are_is_not_taken_away():
    assert cover("type:1001") == cover("type:system")  # all system messages are candidates
    assert cover("退款 -type:1001") == cover("退款")  # and not all of them are of this number


def test_times_bound_the_walk():
    def bounds(text):
        found = cover_of(parse(text, now=NOW))
        return found.above, found.below

    day = T0 - T0 % 86400
    first, after = ((day + days * 86400) << RID_SHIFT for days in (0, 1))
    on, next_day = (datetime.fromtimestamp(day + days * 86400, UTC).strftime("%Y-%m-%d") for days in (0, 1))
    assert bounds(f"on:{on}") == (first - 1, after)
    assert bounds(f"after:{on} 退款") == (first - 1, RID_MAX)
    assert bounds(f"-before:{on} -after:{next_day}") == (first - 1, after)
    assert bounds(f"on:{on} OR on:{next_day}") == (first - 1, after + (86400 << RID_SHIFT))
    assert bounds(f"on:{on} OR 退款") == (-1, RID_MAX)
    assert bounds(f"-on:{on}") == (-1, RID_MAX)
    assert cover_of(parse(f"before:{on}"), spill=3).below == first + (3 << RID_SHIFT)


def test_ids_and_numbers_that_are_named():
    assert ids_of(parse("id:5 OR id:7")) == {5, 7}
    assert ids_of(parse("id:5 退款")) == {5}
    assert ids_of(parse("id:5 OR 退款")) is None
    assert ids_of(parse("-id:5")) is None
    assert range_of(parse("in:group:g42 seq:5..9 seq:..7 退款")) == (ChannelRef("g42", 2), 5, 7)
    assert range_of(parse("in:group:g42 seq:5..")) is None
    assert range_of(parse("in:g42 seq:5..9")) is None
    assert range_of(parse("in:group:g42 -seq:5..9")) is None


def test_nothing_is_asked_for_channels_that_are_not_there():
    found = cover_of(parse("in:none*"), channels=lambda leaf: [])
    assert isinstance(found, Covered) and isinstance(found.cover, Token)
