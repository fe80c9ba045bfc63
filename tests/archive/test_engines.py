"""What every engine must find: exactly what a brute-force look at everything finds, in order, page by page.

New engines are named in engines.py; nothing here knows one.
"""

import json
import random
from collections.abc import Iterator
from datetime import UTC, date, datetime
from functools import partial
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imadmin.archive import moments, search
from imadmin.archive.engines import sqlite_rare
from imadmin.archive.engines.base import RID_SHIFT
from imadmin.archive.grammar import all_of, any_of, none_of, parse, told
from imadmin.archive.rows import Incoming, Revision, SeenChannel, Trait
from imadmin.archive.search import Budget, Count
from imadmin.archive.where import (
    All,
    Any,
    Client,
    From,
    Has,
    Id,
    In,
    InKind,
    LedBy,
    Named,
    Not,
    OfKind,
    Says,
    Sent,
    Seq,
)
from imadmin.core.errors import InvalidInput
from imadmin.gateway.types import ChannelRef, ContentKind
from tests.archive.engines import EMBEDDED, SERVERS
from tests.archive.oracle import Oracle

NOW = datetime(2026, 11, 20, tzinfo=UTC)
T0 = 1_793_000_000
AMPLE = Budget(candidates=10**9, seconds=10**9)  # a busy machine is no reason for a short page
find, count, facets = (partial(each, budget=AMPLE) for each in (search.find, search.count, search.facets))

FRAGMENTS = [
    *("退款", "退", "款", "红包返现", "红包", "返现", "紅包", "退 款", "退\u200b款", "支付宝", "云南海鲜节"),
    *("ＲｅＦｕＮＤ", "refund", "Refund", "edgexq7zvnode", "xq7zv", "the", "th", "a", "x_1", "error", "8812", "12:30"),
    *(
        "👨‍👩‍👧",
        "😀",
        "\u202eabc\u202c",
        "مرحبا",
        "שלום",
        "ПРИВЕТ",
        "Straße",
        "é",
        "e\u0301",
        "한국어",
        "ｶﾀｶﾅ",
        "İ",
        "Ⅷ",
    ),
    *("。", "!", "()", '"', "'", "*", "%", "_", "¶", "AND", "OR", "NEAR(a b)", "\\", "-", "http://x.cn/a?b=1"),
    *("13812345678", "二维码", "\n", "  ", "\u3000", "\x00"),
]
CHANNELS = [
    ChannelRef("g42", 2),
    ChannelRef("g42", 3),
    ChannelRef("g421", 2),
    ChannelRef("vip-1", 2),
    ChannelRef("vip-2", 9),
    ChannelRef("vip-2____cmd", 9),
    ChannelRef.person("u1", "u2"),
    ChannelRef("odd id: (群) *", 200),
]
SENDERS = ["u1", "u2", "U1", "客服一号", 'odd "uid"', ""]
CLIENTS = ["", "c1", "c-2"]
TYPES = [1, 2, 3, 4, 5, 6, 7, 8, 11, 14, 77, 99, 1001, None, "1", True]


@pytest.fixture(scope="module", autouse=True)
def _few_are_few() -> Iterator[None]:
    """Corpora are small here: a gram that three messages hold is common already, so both ways are gone."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sqlite_rare, "FEW", 3)
        yield


text = st.lists(st.sampled_from(FRAGMENTS), max_size=5).map("".join) | st.text(max_size=10)


def body(number, said):
    """A payload of this type that says so."""
    fields = {"content": said, "caption": said, "name": said, "cmd": said, "secret key": "refund"}
    if number == 11:
        fields = {"title": "聊天记录", "msgs": [{"payload": {"type": 1, "content": said}}]}
    if number == 14:
        fields = {"content": [{"text": said}]}
    return json.dumps(fields if number is None else {"type": number, **fields}, ensure_ascii=False).encode()


payloads = st.one_of(
    st.builds(body, st.sampled_from(TYPES), text),
    text.map(lambda said: said.encode("utf-8", "replace")),
    st.binary(max_size=12),
    st.sampled_from([b"", b"   ", b"null", b"[1]", b'{"type":1}', b"{", b"\xff\xfe\xfd", b'"a JSON text"']),
)
# A wrong clock, a millisecond clock, and mostly few seconds with many messages each.
clocks = st.integers(T0, T0 + 9) | st.sampled_from([-5, 0, T0 * 1000, 2**40])
messages = st.builds(
    Incoming,
    id=st.integers(1, 60) | st.sampled_from([2**63 - 1, 2**63 - 2]),
    seq=st.integers(0, 12),
    channel=st.sampled_from(CHANNELS),
    from_uid=st.sampled_from(SENDERS),
    sent_at=clocks,
    payload=payloads,
    client_msg_no=st.sampled_from(CLIENTS),
    is_stream=st.booleans(),
    is_finished=st.booleans(),
    said=st.none() | text,
)
corpora = st.lists(messages, max_size=25, unique_by=lambda one: one.id)
revisions = st.builds(
    Revision,
    id=st.integers(1, 60),
    set=st.sampled_from([Trait(0), Trait.REVOKED, Trait.EDITED, Trait.LINK | Trait.EDITED]),
    clear=st.sampled_from([Trait(0), Trait.UNFINISHED, Trait.REVOKED, Trait.PHONE]),
    said=st.none() | text,
)

leaves = st.one_of(
    st.sampled_from(FRAGMENTS).map(Says),
    text.map(Says),
    st.sampled_from(SENDERS).map(From),
    st.sampled_from(CHANNELS).map(In),
    st.builds(InKind, st.sampled_from([None, 1, 2, 9, 200]), st.sampled_from(["", "g4", "vip-", "odd", "no"])),
    st.sampled_from(["g42", "vip-1", "vip-", "G42", "none"]).map(Named),
    st.sampled_from(list(ContentKind)).map(OfKind),
    st.sampled_from([1, 2, 77, 1001, 99]).map(lambda number: OfKind(type_number=number)),
    st.builds(Sent, st.integers(T0 - 1, T0 + 10)) | st.builds(lambda last: Sent(last=last), st.integers(T0, T0 + 10)),
    st.builds(lambda first, length: Sent(first, first + length), st.integers(T0, T0 + 9), st.integers(1, 9)),
    st.builds(lambda first, length: Seq(first, first + length), st.integers(1, 12), st.integers(0, 9)),
    st.builds(Seq, st.integers(1, 12)) | st.builds(lambda last: Seq(last=last), st.integers(1, 12)),
    st.integers(1, 60).map(Id),
    st.sampled_from(["c1", "c-2", "c3"]).map(Client),
    st.sampled_from(list(Trait)).map(Has),
    st.sampled_from([1001, 1002]).map(LedBy),
)
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(all_of),
        st.lists(inner, min_size=1, max_size=3).map(any_of),
        inner.map(none_of),
    ),
    max_leaves=6,
)
LED = [SeenChannel(channel, 12, leader) for channel, leader in zip(CHANNELS, [1001, 1002, 1001, None] * 2, strict=True)]


def order_of(engine):
    """All ids, newest first, as the engine keeps them; by time, as no second of these is full."""
    rows = []
    while page := engine.scan(None, below=rows[-1].rid if rows else 2**63 - 1, most=7):
        rows += page
    times = [max(0, min(row.sent_at, 2**34 - 1)) for row in rows]
    assert times == sorted(times, reverse=True)
    assert [row.rid >> RID_SHIFT for row in rows] == times
    return [row.id for row in rows]


def pages(engine, where, most, budget=AMPLE):
    """Every page, by going on where the one before ended."""
    found, below = [], None
    while True:
        page = find(engine, where, below=below, most=most, budget=budget)
        found.append(page)
        assert len(page.rows) <= most
        assert page.is_exhausted or page.next_below is not None
        if page.next_below is None:
            return found
        assert below is None or page.next_below < below
        below = page.next_below


def agree(engine, oracle, where, most):
    order = order_of(engine)
    assert sorted(order) == sorted(oracle.kept)
    truth = oracle.find(where)
    expected = [id for id in order if id in truth]
    found = pages(engine, where, most)
    assert [row.id for page in found for row in page.rows] == expected
    assert all(len(page.rows) == most for page in found[:-1])
    assert len(found) == max(1, -(-len(expected) // most))  # no empty page at the end
    assert count(engine, where) == Count(len(expected), is_capped=False)
    assert facets(engine, where).counted == len(expected)


def readable(tree):
    """The tree as its text is read; as it is where it can't be typed (a blank word, an empty uid)."""
    try:
        return parse(told(tree), now=NOW)
    except InvalidInput:
        return tree


# -- any corpus, any query --------------------------------------------------------------------------------------------------


random_example = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@EMBEDDED
@given(st.data())
@settings(random_example, max_examples=40)
def test_random_queries_on_random_corpora(new_engine, data):
    random_queries(new_engine, data)


@SERVERS
@given(st.data())
@settings(random_example, max_examples=15)
def test_random_queries_on_random_corpora_of_a_server(new_engine, data):
    random_queries(new_engine, data)


def random_queries(new_engine, data):
    engine, oracle = new_engine(), Oracle()
    corpus = data.draw(corpora)
    engine.note_channels(LED, T0)
    oracle.note_channels(LED)
    for _ in range(data.draw(st.integers(1, 3))):  # told again, in another order, in pieces
        batch = data.draw(st.permutations(corpus))[: data.draw(st.integers(0, 30))]
        engine.ingest(batch)
        oracle.ingest(batch)
    engine.ingest(corpus)
    oracle.ingest(corpus)
    most = data.draw(st.integers(1, 6))
    queries = [readable(tree) for tree in data.draw(st.lists(trees, min_size=3, max_size=6))]
    for where in queries:
        agree(engine, oracle, where, most)
    changes = data.draw(st.lists(revisions, max_size=5))
    engine.revise(changes)
    oracle.revise(changes)
    for where in queries:
        agree(engine, oracle, where, most)
    if data.draw(st.booleans()):
        assert engine.reindex(should_stop=lambda: False, tell=lambda done: None)
        agree(engine, oracle, queries[0], most)
    assert list(engine.verify()) == []
    engine.drop()


@EMBEDDED
@given(st.data())
@settings(random_example, max_examples=30)
def test_any_part_of_a_text_finds_it(new_engine, data):
    any_part(new_engine, data)


@SERVERS
@given(st.data())
@settings(random_example, max_examples=15)
def test_any_part_of_a_text_finds_it_on_a_server(new_engine, data):
    any_part(new_engine, data)


def any_part(new_engine, data):
    engine, oracle = new_engine(), Oracle()
    texts = data.draw(st.lists(text, min_size=1, max_size=6))
    corpus = [incoming(number, said) for number, said in enumerate(texts, 1)]
    engine.ingest(corpus)
    oracle.ingest(corpus)
    for said in texts:
        start = data.draw(st.integers(0, len(said)))
        part = said[start : start + data.draw(st.integers(1, 5))]
        agree(engine, oracle, Says(part), 2)
        agree(engine, oracle, Not(Says(part)), 2)
    engine.drop()


def incoming(number, said="退款", *, seq=None, channel=CHANNELS[0], from_uid="u1", sent_at=None, **fields):
    at = T0 + number if sent_at is None else sent_at
    return Incoming(number, number if seq is None else seq, channel, from_uid, at, body(1, said), **fields)


def test_two_thousand_messages_and_many_queries(new_engine):
    chance = random.Random(6)
    engine, oracle = new_engine(), Oracle()
    corpus = [
        Incoming(
            id=number,
            seq=chance.randrange(1, 400),
            channel=chance.choice(CHANNELS),
            from_uid=chance.choice(SENDERS),
            sent_at=T0 + chance.randrange(500),
            payload=body(chance.choice(TYPES), "".join(chance.choices(FRAGMENTS, k=chance.randrange(1, 9)))),
            client_msg_no=chance.choice(CLIENTS),
        )
        for number in chance.sample(range(1, 10**6), 2000)
    ]
    for start in range(0, len(corpus), 500):
        engine.ingest(corpus[start : start + 600])
    oracle.ingest(corpus)
    order = order_of(engine)
    for query in SENTENCES:
        where = parse(query, now=NOW)
        truth = oracle.find(where)
        expected = [id for id in order if id in truth]
        for most in (1000, 50):
            assert [row.id for page in pages(engine, where, most) for row in page.rows] == expected, query
        assert count(engine, where, most=100) == Count(min(100, len(expected)), len(expected) > 100)


SENTENCES = [
    "",
    "退款",
    "退",
    "th",
    "refund",
    "xq7zv",
    "鲸凳",
    "支付 error",
    '"红包 返现"',
    "退款 from:u1 in:group:g42",
    "退款 -from:u1 -in:group",
    "-from:u1 -from:u2 -type:image",
    "退款 OR refund",
    "(退款 OR refund) (in:vip-* OR in:g42) -is:command",
    "in:g42 seq:5..90",
    "in:group:g42 seq:5..90",
    "in:group:g42 seq:>10 refund",
    "in:group:g42 seq:<300 -type:text",
    f"id:1 OR from:客服一号 after:{moments.written(T0 + 200)}",
    f"during:{moments.written(T0 + 60)}..{moments.written(T0 + 90)} the",
    "type:1001",
    "type:broken OR type:custom",
    "has:link -has:phone",
    "has:qr OR has:image",
    "is:command -type:command",
    "client:c1 the",
    "。",
    "* -%",
    "-退款",
    "-(退款 OR a)",
]


# -- budgets, pages, cursors -----------------------------------------------------------------------------------------------


@pytest.fixture
def thousand(engine):
    """1 200 messages; every hundredth says 银河, which the index doesn't help with when asked for as `-退款`."""
    engine.ingest([incoming(number, "银河巡检" if number % 100 == 0 else "退款") for number in range(1, 1201)])
    return engine


def test_a_page_may_end_with_its_budget_and_the_next_goes_on(thousand):
    tight = Budget(candidates=70, seconds=60)
    found = pages(thousand, parse("-退款"), 5, budget=tight)
    assert [row.id for page in found for row in page.rows] == list(range(1200, 0, -100))
    assert any(not page.rows and page.next_below is not None and not page.is_exhausted for page in found)
    assert all(page.looked <= 70 for page in found)


def test_without_any_time_left_a_page_still_moves_on(thousand):
    found = pages(thousand, All((Not(Says("退款")), Sent(T0 + 950))), 5, budget=Budget(seconds=-1))
    assert [row.id for page in found for row in page.rows] == [1200, 1100, 1000]
    assert all(page.looked <= 1 for page in found)


def test_a_count_ends_after_a_thousand_and_says_so(thousand):
    assert count(thousand, parse("退款")) == Count(1000, is_capped=True)
    assert count(thousand, parse("银河")) == Count(12, is_capped=False)
    assert count(thousand, parse("银河"), most=12) == Count(12, is_capped=False)
    assert count(thousand, parse("银河"), most=11) == Count(11, is_capped=True)
    assert count(thousand, parse("-退款"), budget=Budget(candidates=100, seconds=60)) == Count(1, is_capped=True)


def test_a_page_within_bounds(thousand):
    newest = find(thousand, All(), most=3).rows
    assert [row.id for row in newest] == [1200, 1199, 1198]
    assert count(thousand, All(), above=newest[2].rid).value == 2
    between = find(thousand, All(), above=newest[2].rid, below=newest[0].rid)
    assert [row.id for row in between.rows] == [1199]
    assert find(thousand, Id(1199), above=newest[1].rid).rows == ()


def test_facets_tell_who_where_what_and_when(engine):
    noon = int(datetime(2026, 11, 1, 17, tzinfo=UTC).timestamp())  # already the second in Shanghai
    engine.ingest([
        incoming(1, sent_at=noon - 7200),
        incoming(2, sent_at=noon, from_uid="u2"),
        incoming(3, sent_at=noon + 1, channel=CHANNELS[3]),
        Incoming(4, 4, CHANNELS[0], "u2", 2**50, body(2, "退款")),
    ])  # fmt: skip
    told_of = facets(engine, parse("退款"), zone=ZoneInfo("Asia/Shanghai"))
    assert sorted(told_of.senders) == [("u1", 2), ("u2", 2)]
    assert told_of.channels == ((CHANNELS[0], 3), (CHANNELS[3], 1))
    assert told_of.kinds == ((ContentKind.TEXT, 3), (ContentKind.IMAGE, 1))
    assert told_of.days == ((date(2026, 11, 2), 2), (date(2026, 11, 1), 1))
    assert (told_of.counted, told_of.is_capped) == (4, False)
    assert facets(engine, parse("退款"), most=2).is_capped


def test_a_cursor_belongs_to_its_query():
    cursor = search.cursor_of("退款  from:u1", 29_000_000_000_000)
    assert search.below_of("退款 from:u1 ", cursor) == 29_000_000_000_000
    assert search.below_of("退款", "") is None
    with pytest.raises(InvalidInput, match="entered"):
        search.below_of("退款", cursor)
    for broken in ("x", cursor[:-3], "29000000000000", "!!!", "é" * 23, cursor + "a" * 8):
        with pytest.raises(InvalidInput):
            search.below_of("退款 from:u1", broken)


# -- what is easily got wrong -------------------------------------------------------------------------------------------------


def test_messages_of_a_full_second_are_found_by_their_second(engine):
    room = 1 << RID_SHIFT
    crowd = [incoming(number, "a", seq=0, sent_at=T0) for number in range(1, room + 41)]
    engine.ingest(crowd)
    engine.ingest([incoming(99_999, "a", seq=0, sent_at=T0 + 1)])
    of_second = Sent(T0, T0 + 1)
    assert count(engine, of_second, most=10**6).value == room + 40
    assert [row.id for row in find(engine, Sent(T0 + 1)).rows] == [99_999]


def test_a_number_given_out_twice_is_found_twice(engine):
    engine.ingest([incoming(1, seq=5), incoming(2, seq=5), incoming(3, seq=6)])
    assert [row.id for row in find(engine, parse("in:group:g42 seq:5")).rows] == [2, 1]
    assert [row.id for row in find(engine, parse("is:doubled")).rows] == [2, 1]


def test_a_message_without_a_number_is_in_no_range(engine):
    engine.ingest([incoming(1, seq=0), incoming(2, seq=2)])
    for query in ("seq:<9", "in:group:g42 seq:..9", "in:group:g42 seq:1..9"):
        assert [row.id for row in find(engine, parse(query)).rows] == [2], query
    assert [row.id for row in find(engine, parse("-seq:<9")).rows] == [1]


def test_newest_first_is_by_time_also_where_numbers_say_otherwise(engine):
    engine.ingest([incoming(1, seq=9, sent_at=T0), incoming(2, seq=3, sent_at=T0 + 5)])
    for query in ("in:group:g42 seq:1..9", "in:g42", "id:1 OR id:2"):
        assert [row.id for row in find(engine, parse(query)).rows] == [2, 1], query


def test_a_body_of_a_megabyte(engine):
    engine.ingest([incoming(1, "退款 " * 250_000 + "海鲜节"), incoming(2, " " * 10**6), incoming(3, "a" * 10**6)])
    assert [row.id for row in find(engine, parse("海鲜")).rows] == [1]
    assert [row.id for row in find(engine, parse("aaaa")).rows] == [3]
    assert [row.id for row in find(engine, parse("-a -退款")).rows] == [2]


def test_many_channels_that_begin_alike(engine):
    crowd = [ChannelRef(f"vip{number}", 2) for number in range(150)] + [ChannelRef("vip", 2), ChannelRef("vip", 77)]
    engine.ingest([incoming(number, channel=channel) for number, channel in enumerate(crowd, 1)])
    engine.ingest([incoming(999, channel=ChannelRef("gold", 2))])
    assert count(engine, parse("in:vip*")).value == 152
    assert count(engine, parse("in:group:vip*")).value == 151
    assert count(engine, parse("in:group:vip1*")).value == 61
    assert [row.id for row in find(engine, parse("in:vip")).rows] == [152, 151]
    assert find(engine, parse("in:none* OR in:none OR from:none")).rows == ()


def test_senders_whose_ids_hold_what_no_store_takes(engine):
    engine.ingest([incoming(1, from_uid="a\x00b", client_msg_no="c\x00d")])
    stored = find(engine, All()).rows[0]
    assert [row.id for row in find(engine, From(stored.from_uid)).rows] == [1]
    assert [row.id for row in find(engine, Client(stored.client_msg_no)).rows] == [1]


def test_one_query_of_everything(engine):
    engine.note_channels(LED, T0)
    engine.ingest([incoming(number, f"退款 {number}", client_msg_no="c1") for number in range(1, 9)])
    every = Any((Says("退款"), From("u2"), InKind(1), LedBy(1002), Has(Trait.EDITED), Named("x"), Client("c9")))
    narrow = All(
        (every, In(CHANNELS[0]), LedBy(1001), Seq(2, 7), Not(Id(5)), Sent(T0, T0 + 99), OfKind(ContentKind.TEXT))
    )
    assert [row.id for row in find(engine, narrow).rows] == [7, 6, 4, 3, 2]
