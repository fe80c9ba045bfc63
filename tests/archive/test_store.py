"""Every store: each message once, what is held of each channel, and every message found by its words."""

import json
import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imadmin.archive import grams
from imadmin.archive.cover import AllOf, AnyOf, Token, Without, Word
from imadmin.archive.engines import shared
from imadmin.archive.engines.base import above_of, below_of
from imadmin.archive.matching import matcher
from imadmin.archive.norm import norm
from imadmin.archive.rows import BrokenCall, Revision, SeenChannel, Trait
from imadmin.archive.where import Says
from imadmin.gateway.types import ChannelRef, ContentKind
from tests.archive.engines import EMBEDDED, SERVERS
from tests.archive.store_help import GROUP, faults, found, message, said


def test_disguised_words_are_found(engine: Any) -> None:
    engine.ingest([message(1, "ＲｅＦｕＮＤ please"), message(2, "要退 \u200b款"), message(3, "發紅包了")])
    assert found(engine, "refund") == found(engine, "REFUND") == found(engine, "efu") == [1]
    assert found(engine, "退款") == found(engine, "退 款") == [2]
    assert found(engine, "红包") == found(engine, "紅包") == found(engine, "发红") == [3]
    assert found(engine, "红") == found(engine, "包了") == [3]
    assert found(engine, "re") == found(engine, "e") == [1]
    assert found(engine, "zz") == found(engine, "鲸") == []


def test_what_is_shown_is_what_was_sent(engine: Any) -> None:
    sent = message(
        2**63 + 5, "要退 \u200b款", seq=7, sent_at=99, client_msg_no="c-1", expire=60, topic="t", from_uid=""
    )
    engine.ingest([sent])
    (row,) = engine.scan(None)
    assert (row.id, row.seq, row.channel, row.from_uid, row.sent_at) == (2**63 + 5, 7, GROUP, "", sent.sent_at)
    assert (row.payload, row.client_msg_no, row.expire, row.topic) == (sent.payload, "c-1", 60, "t")
    assert (row.text, row.said, row.kind, row.traits) == ("要退 \u200b款", None, ContentKind.TEXT, Trait.SYSTEM)
    assert engine.by_ids([2**63 + 5, 4]) == {2**63 + 5: row}


def test_a_batch_sent_five_times_in_any_order_is_stored_once(engine: Any) -> None:
    batch = [message(number, f"word{number}") for number in range(1, 60)]
    shuffle = random.Random(3)
    taken = engine.ingest([*batch[:30], batch[0]])
    assert (taken.added, taken.known, taken.ids) == (30, 1, frozenset(range(1, 31)))
    for _ in range(5):
        shuffle.shuffle(batch)
        engine.ingest(batch)
    assert engine.totals().messages == 59
    assert [row.id for row in engine.scan(None)] == list(range(59, 0, -1))
    assert engine.hold(GROUP).spans == ((1, 59),)
    assert faults(engine) == []


def test_newest_come_first_and_pages_don_t_overlap(engine: Any) -> None:
    engine.ingest([message(number, "same words", sent_at=1000 + number // 7) for number in range(1, 40)])
    seen, below = [], 2**63 - 1
    while page := engine.scan(grams.word_cover("same words"), below=below, most=8):
        seen += [row.id for row in page]
        below = page[-1].rid
    assert seen == list(range(39, 0, -1))


def test_late_messages_take_their_place_in_time(engine: Any) -> None:
    engine.ingest([message(9, sent_at=5000), message(8, sent_at=3000)])
    engine.ingest([message(7, sent_at=4000, seq=3)])
    assert [row.id for row in engine.scan(None)] == [9, 7, 8]
    assert [row.id for row in engine.scan(None, above=above_of(4000), below=below_of(5000, engine.spill))] == [7]


def test_a_second_that_is_full_spills_into_the_next(engine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared, "FULL", 64)
    for start in range(0, 150, 50):
        engine.ingest([message(number + 1, "x", seq=0, sent_at=1000) for number in range(start, start + 50)])
    engine.ingest([message(151, "x", sent_at=1001), message(152, "x", sent_at=1000)])
    assert engine.totals().messages == 152
    assert engine.spill == 2
    seen = engine.scan(None, above=above_of(1000), below=below_of(1001, engine.spill), most=500)
    assert {row.id for row in seen if row.sent_at == 1000} == {*range(1, 151), 152}
    assert len({row.rid for row in seen}) == len(seen)
    assert faults(engine) == []


def test_a_number_that_comes_late_can_be_a_doubled_one(engine: Any) -> None:
    engine.ingest([message(1, "a", seq=4), message(2, "b", seq=0, channel=ChannelRef("?", 2)), message(3, "c", seq=9)])
    engine.ingest([message(2, "b", seq=4), message(4, "d", seq=4)])
    assert {row.id for row in engine.scan(grams.trait_token(Trait.DOUBLED))} == {1, 2, 4}
    assert {row.id for row in engine.scan(grams.channel_token(GROUP))} == {1, 2, 3, 4}
    assert engine.scan(grams.channel_token(ChannelRef("?", 2))) == []
    assert faults(engine) == []


@pytest.mark.parametrize("at", [-5, 0, 2**34, 2**62, 2**80])
def test_a_clock_gone_wrong_loses_nothing(engine: Any, at: int) -> None:
    engine.ingest([message(1, sent_at=at), message(2)])
    (row,) = engine.by_ids([1]).values()
    assert row.sent_at == min(at, 2**63 - 1)
    assert row.rid > above_of(at)
    assert row.rid < below_of(at + 1, engine.spill)
    assert sorted(one.id for one in engine.scan(None)) == [1, 2]


def test_a_number_given_out_twice_keeps_both_and_marks_both(engine: Any) -> None:
    engine.ingest([message(1), message(2, "first", seq=5)])
    taken = engine.ingest([message(3, "second", seq=5)])
    assert (taken.added, taken.doubled) == (1, 1)
    doubled = engine.scan(grams.trait_token(Trait.DOUBLED))
    assert [row.id for row in doubled] == [3, 2]
    assert all(row.traits & Trait.DOUBLED for row in doubled)
    assert engine.ingest([message(4, "third", seq=9), message(5, "fourth", seq=9)]).doubled == 2
    assert engine.ingest([message(6, seq=0), message(7, seq=0)]).doubled == 0
    assert engine.hold(GROUP).spans == ((1, 1), (5, 5), (9, 9))
    assert [row.id for row in engine.around(GROUP, 5, before=1, after=1)] == [1, 2, 3, 4]
    assert faults(engine) == []


def test_a_message_known_without_its_number_gets_it(engine: Any) -> None:
    engine.ingest([message(1, seq=0), message(2, seq=2)])
    taken = engine.ingest([message(1, seq=1)])
    assert (taken.added, taken.known) == (0, 1)
    assert engine.by_ids([1])[1].seq == 1
    assert engine.hold(GROUP).gaps == ()


def test_spans_gaps_and_what_the_server_has_not(engine: Any) -> None:
    engine.ingest([message(number) for number in (1, 2, 5, 9)])
    engine.note_channels([SeenChannel(GROUP, 12, leader=1001), SeenChannel(ChannelRef("new", 2), 3)], at=77)
    hold = engine.hold(GROUP)
    assert hold.spans == ((1, 2), (5, 5), (9, 9))
    assert hold.gaps == ((3, 4), (6, 8), (10, 12))
    assert (hold.server_seq, hold.seen_at, hold.leader, hold.messages) == (12, 77, 1001, 4)
    assert [one.channel.id for one in engine.behind()] == ["g1", "new"]
    engine.note_gone(GROUP, 2, 5)
    assert engine.hold(GROUP).gone == ((3, 4),)
    engine.ingest([message(4), message(6)])
    assert (engine.hold(GROUP).gone, engine.hold(GROUP).spans) == (((3, 3),), ((1, 2), (4, 6), (9, 9)))
    engine.note_gone(GROUP, 1, 12)
    assert engine.hold(GROUP).gaps == ()
    assert [one.channel.id for one in engine.behind()] == ["new"]
    assert [(number, hold.channel.id) for number, hold in engine.holds()] == [(1, "g1"), (2, "new")]
    assert [hold.channel.id for _, hold in engine.holds(after=1)] == ["new"]
    assert engine.hold(ChannelRef("none", 2)) is None
    assert faults(engine) == []


random_steps = given(
    st.lists(
        st.tuples(st.sampled_from(["take", "gone", "seen"]), st.integers(1, 25), st.integers(0, 6)),
        min_size=1,
        max_size=25,
    )
)
random_example = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@EMBEDDED
@random_steps
@settings(random_example, max_examples=30)
def test_gaps_are_those_of_a_plain_set(new_engine: Any, steps: list[tuple[str, int, int]]) -> None:
    gaps_of_a_plain_set(new_engine, steps)


@SERVERS
@random_steps
@settings(random_example, max_examples=15)
def test_gaps_are_those_of_a_plain_set_on_a_server(new_engine: Any, steps: list[tuple[str, int, int]]) -> None:
    gaps_of_a_plain_set(new_engine, steps)


def gaps_of_a_plain_set(new_engine: Any, steps: list[tuple[str, int, int]]) -> None:
    engine = new_engine()
    held: set[int] = set()
    gone: set[int] = set()
    newest = 0
    for what, first, more in steps:
        numbers = range(first, first + more + 1)
        if what == "take":
            engine.ingest([message(number) for number in numbers])
            held.update(numbers)
        elif what == "gone":
            engine.note_gone(GROUP, first, first + more)
            gone.update(numbers)
        else:
            engine.note_channels([SeenChannel(GROUP, first)], at=1)
            newest = first
    hold = engine.hold(GROUP)
    top = max(newest, *held, *gone, 0, 0)
    missing = {number for first, last in hold.gaps for number in range(first, last + 1)}
    assert missing == set(range(1, top + 1)) - held - gone
    assert [one.channel for one in engine.behind()] == ([GROUP] if missing else [])
    assert faults(engine) == []
    engine.drop()


def test_tokens_narrow_and_exclude(engine: Any) -> None:
    image = json.dumps({"type": 2, "caption": "支付"}).encode()
    engine.ingest([
        message(1, "支付 error"),
        message(2, "支付", from_uid="u2", channel=ChannelRef("g2", 2)),
        message(3, payload=image, client_msg_no="abc"),
        message(4, "error http://a.cn", channel=ChannelRef("a@b", 1)),
    ])  # fmt: skip
    pay, error = Word("支付", grams=("支付",)), grams.word_cover("error")

    def ids(cover: Any) -> list[int]:
        return [row.id for row in engine.scan(cover)]

    assert ids(AllOf((pay, grams.sender_token("u2")))) == [2]
    assert ids(AllOf((pay, error))) == [1]
    assert ids(AnyOf((pay, error))) == [4, 3, 2, 1]
    assert ids(grams.channel_token(GROUP)) == [3, 1]
    assert ids(grams.kind_of_channel_token(1)) == [4]
    assert ids(grams.kind_token(ContentKind.IMAGE)) == [3]
    assert ids(grams.client_token("abc")) == [3]
    assert ids(Without(AnyOf((pay, error)), (grams.trait_token(Trait.LINK), grams.trait_token(Trait.IMAGE)))) == [2, 1]
    assert ids(AnyOf(())) == []
    assert ids(AllOf(())) == [4, 3, 2, 1]
    assert ids(AllOf((pay, AnyOf(())))) == []
    assert ids(AnyOf((pay, AllOf(())))) == [4, 3, 2, 1]


@pytest.mark.parametrize(
    "text", ['"', "a\"b'c", "AND", "NOT x", "a*", "near(", "(", "¶", "¶c", "\\", "a:b", "^a", "-", "col : x", "😀😀"]
)
def test_the_index_language_can_t_be_spoken(engine: Any, text: str) -> None:
    engine.ingest([message(1, f"x {text} y"), message(2, "other")])
    word = grams.word_cover(norm(text))
    if word is not None:
        assert 1 in [row.id for row in engine.scan(AllOf((word, grams.sender_token("u1"))))]


def test_a_query_of_ten_thousand_characters_and_a_deep_one(engine: Any) -> None:
    long = "".join(chr(0x4E00 + number % 5000) for number in range(10_000))
    engine.ingest([message(1, long), message(2, "x")])
    assert found(engine, long) == [1]
    deep: Any = Token("¶none")
    for _ in range(500):
        deep = AnyOf((AllOf((deep, Word("x", prefix="x"))), Token("¶none")))
    assert 2 in [row.id for row in engine.scan(deep)]
    wide = AnyOf(tuple(grams.channel_token(ChannelRef(f"c{number}", 2)) for number in range(3000)))
    assert engine.scan(wide) == []


def test_a_message_with_more_grams_than_are_kept_is_found(engine: Any) -> None:
    random_text = "".join(map(chr, random.Random(1).choices(range(0x4E00, 0x9000), k=60_000)))
    engine.ingest([message(1, random_text), message(2, "退款")])
    term = norm(random_text)[40_000:40_004]
    assert found(engine, term) == [1]
    assert 2 in found(engine, "退款")  # 1 may be a candidate; the look at its text sends it away
    assert faults(engine) == []


def test_a_message_that_changes_is_found_by_what_it_says_now_and_what_it_said_first(engine: Any) -> None:
    engine.ingest([message(1, "old words", is_stream=True, is_finished=False), message(2, "old words")])
    assert (
        engine.revise([Revision(1, set=Trait.EDITED, clear=Trait.UNFINISHED, said="新的话 https://a.cn"), Revision(99)])
        == 1
    )
    assert found(engine, "old words") == [2, 1]
    assert found(engine, "新的话") == [1]
    row = engine.by_ids([1])[1]
    assert [matcher(Says(words))(row) for words in ("old words", "新的话", "words 新的", "a.cn old")] == [
        True, True, False, False,
    ]  # fmt: skip
    assert row.traits == Trait.STREAM | Trait.EDITED | Trait.LINK
    assert (row.text, row.said, row.payload) == ("新的话 https://a.cn", "新的话 https://a.cn", said("old words"))
    assert engine.scan(grams.trait_token(Trait.UNFINISHED)) == []
    assert [one.id for one in engine.scan(Without(Word("a", prefix="a"), (grams.trait_token(Trait.UNFINISHED),)))] == [
        1
    ]
    engine.revise([Revision(1, said="又改"), Revision(1, set=Trait.REVOKED)])
    assert engine.by_ids([1])[1].traits == Trait.STREAM | Trait.EDITED | Trait.REVOKED
    assert found(engine, "又改") == [1]
    assert found(engine, "新的话") == []
    assert faults(engine) == []


def test_an_edit_hides_nothing_of_what_was_sent(engine: Any) -> None:
    engine.ingest([message(1, "scamword at https://evil.cn", seq=0), message(2, "hello")])
    engine.revise([Revision(1, set=Trait.EDITED, said="hello")])
    assert found(engine, "scamword") == [1] and found(engine, "hello") == [2, 1]
    assert Trait.LINK in engine.by_ids([1])[1].traits
    engine.revise([Revision(1, set=Trait.EDITED, said="")])
    assert found(engine, "scamword") == [1] and found(engine, "hello") == [2]
    engine.ingest([message(1, "scamword", channel=ChannelRef("g2", 2), seq=7)])  # its place becomes known
    assert found(engine, "scamword") == [1]
    assert faults(engine) == []
    assert engine.reindex(should_stop=lambda: False, tell=lambda count: None)
    assert found(engine, "scamword") == [1] and found(engine, "hello") == [2]
    engine.revise([Revision(1, clear=Trait.EDITED)])
    assert found(engine, "scamword") == []
    assert faults(engine) == []


def test_notes_are_told_page_by_page(engine: Any) -> None:
    for name in ("a/2", "a/1", "a/10", "b/1", "a/é"):
        engine.note(name, "xy")
    assert list(engine.notes("a/")) == ["a/1", "a/10", "a/2", "a/é"]
    assert list(engine.notes("a/", after="a/1", most=2)) == ["a/10", "a/2"]
    assert engine.notes("a/", after="a/é") == {}
    assert (engine.notes_size("a/"), engine.notes_size("c/")) == ((4, 8), (0, 0))


def test_one_channel_by_its_numbers(engine: Any) -> None:
    engine.ingest([message(number) for number in range(1, 11)])
    engine.ingest([message(50, channel=ChannelRef("g2", 2), seq=5)])
    assert [row.id for row in engine.newest_in(GROUP, most=3)] == [10, 9, 8]
    assert [row.id for row in engine.newest_in(GROUP, below_seq=4)] == [3, 2, 1]
    assert [row.id for row in engine.around(GROUP, 5, before=2, after=2)] == [3, 4, 5, 6, 7]
    assert [row.id for row in engine.around(GROUP, 99, before=2, after=2)] == [9, 10]
    assert engine.newest_in(ChannelRef("none", 2)) == engine.around(ChannelRef("none", 2), 1, before=1, after=1) == []


def test_channels_and_senders_by_their_beginning(engine: Any) -> None:
    engine.ingest([
        message(1, channel=ChannelRef("vip-1", 2), from_uid="anna"),
        message(2, channel=ChannelRef("vip_2", 2), from_uid="an%"),
        message(3, channel=ChannelRef("vip-1@x", 1), from_uid="李四"),
    ])  # fmt: skip
    assert [str(one) for one in engine.channels_like("vip-")] == ["2/vip-1", "1/vip-1@x"]
    assert [str(one) for one in engine.channels_like("vip", kind=2)] == ["2/vip-1", "2/vip_2"]
    assert engine.channels_like("%") == []
    assert engine.senders_like("an") == ["an%", "anna"]
    assert engine.senders_like("李") == ["李四"]
    assert len(engine.channels_like("", most=2)) == 2


def test_the_nodes_that_lead_channels(engine: Any) -> None:
    assert engine.leaders() == []
    engine.note_channels(
        [SeenChannel(ChannelRef(f"g{n}", 2), 5, leader) for n, leader in enumerate((7, 3, 7, None))], 1
    )
    assert engine.leaders() == [3, 7]


def test_broken_calls_are_kept_up_to_a_thousand(engine: Any) -> None:
    engine.ingest([message(1)], [BrokenCall(0, 5, "msg.notify", "no JSON", b"\xff" * 100_000)])
    (call,) = engine.broken()
    assert (call.at, call.event, call.why, len(call.raw)) == (5, "msg.notify", "no JSON", 64 * 1024)
    engine.ingest([], [BrokenCall(0, number, "e", "w", b"") for number in range(1500)])
    assert engine.totals().broken == 1000
    assert [one.at for one in engine.broken(most=2)] == [1499, 1498]


def test_notes_and_totals(engine: Any) -> None:
    assert engine.note("feed") == ""
    assert engine.note("feed", "x") == "x"
    assert engine.note("feed") == "x"
    engine.note("feed", "")
    assert engine.note("feed") == ""
    assert (engine.totals().messages, engine.totals().first_at) == (0, None)
    engine.ingest([message(1), message(9)])
    totals = engine.totals()
    assert (totals.messages, totals.channels, totals.first_at, totals.last_at) == (2, 1, 1_700_000_001, 1_700_000_009)
    assert totals.bytes > totals.index_bytes > 0
