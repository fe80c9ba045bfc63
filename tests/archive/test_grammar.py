"""The query language: every operator, and texts that nobody meant as a query."""

from datetime import UTC, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imadmin.archive import moments
from imadmin.archive.grammar import (
    QueryError,
    all_of,
    any_of,
    none_of,
    parse,
    told,
    words,
)
from imadmin.archive.operators import OPERATORS, complete, quoted
from imadmin.archive.rows import Trait
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
from imadmin.gateway.types import ChannelRef, ChannelType, ContentKind
from tests.archive.asked import NOW, SHANGHAI, Known, faults, read, second

# -- words, quotes, groups ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("", All()),
        ("  \t\n\u3000 ", All()),
        ("退款", Says("退款")),
        ("退款 返现", All((Says("退款"), Says("返现")))),
        ("退款\u3000返现", All((Says("退款"), Says("返现")))),
        ('"红包 返现"', Says("红包 返现")),
        (r'"she said \"no\" \\ \d"', Says(r'she said "no" \ \d')),
        ('“红包 "x" 返现”', Says('红包 "x" 返现')),
        ('a"b c"d', All((Says("a"), Says("b c"), Says("d")))),
        ("a OR b", Any((Says("a"), Says("b")))),
        ("a | b ｜ c || d", Any((Says("a"), Says("b"), Says("c"), Says("d")))),
        ("a|b", Any((Says("a"), Says("b")))),
        ("a b OR c", Any((All((Says("a"), Says("b"))), Says("c")))),
        ("a (b OR c)", All((Says("a"), Any((Says("b"), Says("c")))))),
        ("(a b) c ((d))", All((Says("a"), Says("b"), Says("c"), Says("d")))),
        ("a AND b", All((Says("a"), Says("b")))),
        ("-a", Not(Says("a"))),
        ("NOT a", Not(Says("a"))),
        ("NOT NOT a", Says("a")),
        ("NOT -a", Says("a")),
        ("-(-a)", Says("a")),
        ('-"a b"', Not(Says("a b"))),
        ("-(a OR b)", Not(Any((Says("a"), Says("b"))))),
        ("-from:u1", Not(From("u1"))),
        ("（退款 OR 返现）－假的", All((Any((Says("退款"), Says("返现"))), Not(Says("假的"))))),
        ("a - b", All((Says("a"), Says("-"), Says("b")))),
        ("--force x-y -", All((Says("--force"), Says("x-y"), Says("-")))),
        ("or and not", All((Says("or"), Says("and"), Says("not")))),
        ('"OR"', Says("OR")),
    ],
)
def test_words(text, tree):
    assert read(text) == tree


def test_words_with_a_colon_are_text_unless_they_look_like_an_operator():
    assert faults("12:30 note:") == [(6, 11, "note:")]  # a slip of node:
    assert read("http://x.cn/a 12:30 Re:报价 订单：88 c:\\temp x:") == All(
        (Says("http://x.cn/a"), Says("12:30"), Says("Re:报价"), Says("订单：88"), Says("c:\\temp"), Says("x:"))
    )


# -- operators ------------------------------------------------------------------------------------------------------------

DAY = second("2026-11-01T00:00")
TEAM = ChannelRef("g42", ChannelType.GROUP)
LEAVES = [
    ("from:u1", From("u1")),
    ("FROM:u1", From("u1")),
    ("uid:u1", From("u1")),
    ("sender:客服一号", From("客服一号")),
    ("from：u1", From("u1")),
    ('from:"odd uid"', From("odd uid")),
    ('from:"a\\"b"', From('a"b')),
    ('from:"vip-*"', From("vip-*")),
    ("from:a:b,c", From("a:b,c")),
    ("in:group", InKind(2)),
    ("in:customer_service", InKind(3)),
    ("in:Customer-Service", InKind(3)),
    ("in:2", InKind(2)),
    ("in:group:g42", In(TEAM)),
    ("in：group：g42", In(TEAM)),
    ("in:2:g42", In(TEAM)),
    ("channel:group:g42", In(TEAM)),
    ("in:200:x", In(ChannelRef("x", 200))),
    ("in:200:*", InKind(200)),
    ("in:group:vip-*", InKind(2, "vip-")),
    ('in:group:"vip-*"', In(ChannelRef("vip-*", 2))),
    ('in:group:"a b*"*', InKind(2, "a b*")),
    ("in:vip-*", InKind(None, "vip-")),
    ("in:*", InKind(None)),
    ("in:g42", Named("g42")),
    ("in:10001", Named("10001")),
    ("in:room:12", Named("room:12")),
    ('in:"group"', Named("group")),
    ('in:"group:g42"', Named("group:g42")),
    ("in:group:a:b@c,d", In(ChannelRef("a:b@c,d", 2))),
    ("in:person:a,b", In(ChannelRef.person("a", "b"))),
    ("in:person:b,a", In(ChannelRef.person("a", "b"))),
    ("in:person:b，a", In(ChannelRef.person("a", "b"))),
    ("in:person:x@y", In(ChannelRef("x@y", 1))),
    ('in:person:"u1"', In(ChannelRef("u1", 1))),
    ("between:a,b", In(ChannelRef.person("a", "b"))),
    ("between:b,a", In(ChannelRef.person("a", "b"))),
    ('between:"a,1",b', In(ChannelRef.person("a,1", "b"))),
    ("type:image", OfKind(ContentKind.IMAGE)),
    ("kind:IMAGE", OfKind(ContentKind.IMAGE)),
    ("type:rich_text", OfKind(ContentKind.RICH_TEXT)),
    ("type:rich-text", OfKind(ContentKind.RICH_TEXT)),
    ("type:unknown", OfKind(ContentKind.BROKEN)),
    ("type:broken", OfKind(ContentKind.BROKEN)),
    ("type:1001", OfKind(type_number=1001)),
    ("type:-5", OfKind(type_number=-5)),
    ("after:2026-11-01", Sent(first=DAY)),
    ("since:2026/11/1", Sent(first=DAY)),
    ("after:２０２６－１１－０１", Sent(first=DAY)),
    ("after:2026-11-01T10", Sent(first=DAY + 10 * 3600)),
    ("after:2026-11-01T10:05", Sent(first=DAY + 10 * 3600 + 300)),
    ('after:"2026-11-01 10:05:07"', Sent(first=DAY + 10 * 3600 + 307)),
    ("after:2026-11-01T10:00Z", Sent(first=second("2026-11-01T10:00", UTC))),
    ("after:2026-11-01T10:00+09:30", Sent(first=second("2026-11-01T00:30", UTC))),
    ("after:2026-11", Sent(first=DAY)),
    ("after:2026", Sent(first=second("2026-01-01T00:00"))),
    ("after:-2h", Sent(first=int(NOW.timestamp()) - 7200)),
    ("after:-30m", Sent(first=int(NOW.timestamp()) - 1800)),
    ("after:-90s", Sent(first=int(NOW.timestamp()) - 90)),
    ("after:-7d", Sent(first=int((NOW - timedelta(days=7)).timestamp()))),
    ("after:-2w", Sent(first=int((NOW - timedelta(days=14)).timestamp()))),
    ("after:today", Sent(first=second("2026-11-20T00:00"))),
    ("after:yesterday", Sent(first=second("2026-11-19T00:00"))),
    ("after:now", Sent(first=int(NOW.timestamp()))),
    ("before:2026-11-01", Sent(last=DAY)),
    ("until:-7d", Sent(last=int((NOW - timedelta(days=7)).timestamp()))),
    ("on:2026-11-01", Sent(DAY, DAY + 86400)),
    ("on:2026-11-01T10:00", Sent(DAY + 36000, DAY + 36060)),
    ("on:2026-11", Sent(DAY, second("2026-12-01T00:00"))),
    ("on:2026-12", Sent(second("2026-12-01T00:00"), second("2027-01-01T00:00"))),
    ("on:2026", Sent(second("2026-01-01T00:00"), second("2027-01-01T00:00"))),
    ("on:today", Sent(second("2026-11-20T00:00"), second("2026-11-21T00:00"))),
    ("during:2026-11-01..2026-11-05", Sent(DAY, second("2026-11-06T00:00"))),
    ("during:2026-11-01..", Sent(first=DAY)),
    ("during:..2026-11-05", Sent(last=second("2026-11-06T00:00"))),
    ("during:2026-11", Sent(DAY, second("2026-12-01T00:00"))),
    ("during:-2h..-1h", Sent(int(NOW.timestamp()) - 7200, int(NOW.timestamp()) - 3600)),
    ("during:-7d", Sent(first=int((NOW - timedelta(days=7)).timestamp()))),
    ("seq:7", Seq(7, 7)),
    ("seq:5..9", Seq(5, 9)),
    ("seq:5..", Seq(5, None)),
    ("seq:..9", Seq(None, 9)),
    ("seq:>5", Seq(6, None)),
    ("seq:>=5", Seq(5, None)),
    ("seq:<5", Seq(None, 4)),
    ("seq:<=5", Seq(None, 5)),
    ("id:1991377204518416384", Id(1991377204518416384)),
    ("client:7f3a9c", Client("7f3a9c")),
    ("client_msg_no:7f3a9c", Client("7f3a9c")),
    ("has:link", Has(Trait.LINK)),
    ("has:QR", Has(Trait.QR)),
    ("is:revoked", Has(Trait.REVOKED)),
    ("is:system", Has(Trait.SYSTEM)),
    ("node:1001", LedBy(1001)),
]


@pytest.mark.parametrize(("text", "leaf"), LEAVES)
def test_operators(text, leaf):
    assert read(text) == leaf
    assert read(f"-{text}") == Not(leaf)
    assert read(f"x ({text})") == All((Says("x"), leaf))


@pytest.mark.parametrize(("text", "leaf"), LEAVES)
def test_a_tree_told_reads_as_the_same_tree(text, leaf):
    for zone in (SHANGHAI, UTC, ZoneInfo("America/New_York")):
        assert read(told(leaf, zone=zone), zone) == leaf


def test_every_operator_is_shown_with_examples_that_can_be_read():
    for operator in OPERATORS:
        for example in operator.examples:
            read(example)
        for value in operator.values:
            read(f"{operator.name}:{value}")


def test_every_trait_kind_and_channel_type_can_be_asked_for():
    asked = {read(f"{name}:{value}") for operator in OPERATORS for name in [operator.name] for value in operator.values}
    assert {Has(trait) for trait in Trait} <= asked
    assert {OfKind(kind) for kind in ContentKind} <= asked
    assert {InKind(kind) for kind in ChannelType} <= asked


def test_days_are_days_of_the_viewers_zone_also_when_the_clock_changes():
    new_york = ZoneInfo("America/New_York")
    day = read("on:2026-11-01", new_york)  # the clock goes back at 2 in the morning
    assert isinstance(day, Sent) and day.last - day.first == 25 * 3600
    assert read("on:2026-11-01", UTC) == Sent(second("2026-11-01T00:00", UTC), second("2026-11-02T00:00", UTC))


# -- pieces for chips ------------------------------------------------------------------------------------------------------


def test_words_have_places_kinds_and_names():
    text = '退款 -uid:"odd uid" (form:x OR "a b")'
    found = [(text[word.start : word.end], word.kind, word.name, word.value, word.is_negated) for word in words(text)]
    assert found == [
        ("退款", "word", "", "退款", False),
        ('-uid:"odd uid"', "operator", "from", "odd uid", True),
        ("(", "(", "", "", False),
        ("form:x", "unknown", "form", "x", False),
        ("OR", "or", "", "OR", False),
        ('"a b"', "phrase", "", "a b", False),
        (")", ")", "", "", False),
    ]


def test_quoting_makes_a_value_of_anything():
    for uid in ('a"b', "a b", "x*", "a\\", "(a)", "“a”", "-x", "a|b", "a：b", "＂", "OR", "\\＂"):
        assert read(f"from:{quoted(uid)}") == From(uid)


# -- any text, any tree ---------------------------------------------------------------------------------------------------

PIECES = [
    *'()|-":“”（）：－＂｜, \\*@.',
    "OR",
    "AND",
    "NOT",
    "from:",
    "in:",
    "type:",
    "after:",
    "seq:",
    "during:",
    "form:",
]
PIECES += ["person:", "group", "2026-11-01", "..", "-2h", "退款", "a", "9", "\u200b", "\u3000", "http://x"]


@given(st.one_of(st.text(max_size=60), st.lists(st.sampled_from(PIECES), max_size=40).map("".join)), st.integers(0, 60))
@settings(max_examples=200, deadline=None)
def test_no_text_breaks_it(text, caret):
    try:
        tree = read(text)
    except QueryError as error:
        assert error.faults
        for fault in error.faults:
            assert 0 <= fault.start < fault.end <= len(text)
            assert fault.text()
    else:
        assert read(told(tree, zone=SHANGHAI)) == tree
    last = 0
    for word in words(text):
        assert last <= word.start < word.end <= len(text)
        last = word.end
    for one in complete(text, caret, lookups=Known()):
        assert 0 <= one.start <= one.end <= len(text)


any_id = st.text(min_size=1, max_size=8).filter(lambda text: text.strip())
seconds = st.integers(0, 2**31).map(lambda number: number * 3) | st.just(DAY)
leaves = st.one_of(
    st.builds(Says, st.text(min_size=1, max_size=8).filter(lambda text: not faulty(text))),
    st.builds(From, any_id),
    st.builds(Client, any_id),
    st.builds(Named, any_id),
    st.builds(In, st.builds(ChannelRef, any_id, st.integers(1, 255))),
    st.builds(InKind, st.none() | st.integers(1, 255), st.just("") | any_id),
    st.builds(OfKind, st.sampled_from(ContentKind)),
    st.builds(OfKind, st.none(), st.integers(-(10**18) + 1, 10**18 - 1)),
    st.builds(lambda first, length: Sent(first, first + length), seconds, st.integers(1, 10**8)),
    st.builds(Sent, seconds) | st.builds(lambda last: Sent(last=last), seconds),
    st.builds(lambda first, length: Seq(first, first + length), st.integers(1, 99), st.integers(0, 99)),
    st.builds(Seq, st.integers(1, 99)) | st.builds(lambda last: Seq(last=last), st.integers(1, 99)),
    st.builds(Id, st.integers(1, 2**63 - 1)),
    st.builds(Has, st.sampled_from(list(Trait))),
    st.builds(LedBy, st.integers(1, 2**63 - 1)),
)
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=4).map(all_of),
        st.lists(inner, min_size=1, max_size=4).map(any_of),
        inner.map(none_of),
    ),
    max_leaves=12,
)


def faulty(text):
    try:
        return not isinstance(read(quoted(text, always=True)), Says)
    except QueryError:
        return True


@given(trees, st.sampled_from([UTC, SHANGHAI, ZoneInfo("America/New_York"), ZoneInfo("Asia/Kathmandu")]))
@settings(max_examples=200, deadline=None)
def test_any_tree_told_reads_as_itself(tree, zone):
    assert parse(told(tree, zone=zone), zone=zone, now=NOW) == tree


@given(
    st.integers(0, 2**33), st.sampled_from([UTC, SHANGHAI, ZoneInfo("America/New_York"), ZoneInfo("Asia/Kathmandu")])
)
def test_any_second_can_be_written(second, zone):
    assert moments.period(moments.written(second, zone), zone=zone, now=NOW)[0] == second
    if second:
        assert moments.period(moments.written_end(second, zone), zone=zone, now=NOW)[1] == second
