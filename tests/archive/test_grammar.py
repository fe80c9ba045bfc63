"""The query language: every operator, every fault with its place, and texts that nobody meant as a query."""

import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imadmin.archive import moments
from imadmin.archive.grammar import (
    DEEPEST,
    LONGEST,
    MOST_LEAVES,
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

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 20, 6, 30, tzinfo=UTC)  # 14:30 in Shanghai


def read(text, zone=SHANGHAI):
    return parse(text, zone=zone, now=NOW)


def second(text, zone=SHANGHAI):
    return int(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp())


def faults(text):
    with pytest.raises(QueryError) as caught:
        read(text)
    return [(fault.start, fault.end, text[fault.start : fault.end]) for fault in caught.value.faults]


def sentences(text):
    with pytest.raises(QueryError) as caught:
        read(text)
    return [fault.text() for fault in caught.value.faults]


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


# -- faults ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "place", "says"),
    [
        ("退款 form:u1", (3, 8), "Did you mean from:?"),
        ("退款 tpye:image", (3, 8), "Did you mean type:?"),
        ("FORM:u1", (0, 5), "Did you mean from:?"),
        ("-befor:today", (1, 7), "Did you mean before:?"),
        ("foo:bar", (0, 4), "There is no foo: here"),
        ('say:"hi there"', (0, 4), "There is no say: here"),
        ("(a", (0, 1), "never closed"),
        ("a (b (c)", (2, 3), "never closed"),
        ("a )", (2, 3), "No parenthesis was opened"),
        ("a）", (1, 2), "No parenthesis was opened"),
        ("a ()", (2, 3), "nothing between these parentheses"),
        ("a -()", (2, 4), "nothing between these parentheses"),
        ("a OR", (2, 4), "after this OR"),
        ("OR a", (0, 2), "before this OR"),
        ("a OR OR b", (5, 7), "before this OR"),
        ("(a |) b", (3, 4), "after this OR"),
        ("AND a", (0, 3), "before this AND"),
        ("a AND", (2, 5), "after this AND"),
        ("a NOT", (2, 5), "after this NOT"),
        ('a "b c', (2, 6), "never closed"),
        ("a “b c", (2, 6), "never closed"),
        ('from:"b c', (5, 9), "never closed"),
        ('a ""', (2, 4), "between these quotes"),
        ('"  "', (0, 4), "between these quotes"),
        ("a \u200b\u200d", (2, 4), "can't be searched"),
        ("a from:", (2, 7), "such as from:u1"),
        ("from: u1", (0, 5), "such as from:u1"),
        ('in:""', (0, 5), "such as in:group:g42"),
        ("from:vip-*", (5, 10), "whole uid"),
        ("in:grop:g42", (3, 11), "Did you mean group?"),
        ("in:group:", (3, 9), "id is missing"),
        ("in:300:x", (3, 8), "from 1 to 255"),
        ("in:group:a*b", (3, 12), "end of an id only"),
        ("in:person:u1", (3, 12), "two people"),
        ("in:person:a,b,c", (3, 15), "two people"),
        ("between:a", (8, 9), "between:u1,u2"),
        ("between:a,", (8, 10), "between:u1,u2"),
        ("between:a@b,c", (8, 13), "can't hold @"),
        ("type:picture", (5, 12), "no content type"),
        ("has:money", (4, 9), "link, image, file, phone, qr"),
        ("is:link", (3, 7), "system, stream"),
        ("after:tomorrow", (6, 14), "is no time"),
        ("after:2026-13", (6, 13), "on no calendar"),
        ("after:2026-02-30", (6, 16), "on no calendar"),
        ("after:2026-11-01T25:00", (6, 22), "on no calendar"),
        ("after:2026-11-01T10:00+99:00", (6, 28), "on no calendar"),
        ("after:1969", (6, 10), "years go from 1970"),
        ("after:9999-12-31", (6, 16), "years go from 1970"),
        ("after:-9999999w", (6, 15), "years go from 1970"),
        ("during:..", (7, 9), "is no time"),
        ("during:2026-11-05..2026-11-01", (7, 29), "ends before it begins"),
        ("seq:x", (4, 5), "begin at 1"),
        ("seq:0", (4, 5), "begin at 1"),
        ("seq:<1", (4, 6), "begin at 1"),
        ("seq:..", (4, 6), "begin at 1"),
        ("seq:9..5", (4, 8), "greater than the last"),
        ("seq:99999999999999999999", (4, 24), "begin at 1"),
        ("id:abc", (3, 6), "whole number"),
        ("id:9999999999999999999", (3, 22), "whole number"),
        ("id:0", (3, 4), "whole number"),
        ("node:a", (5, 6), "by its number"),
    ],
)
def test_faults_point_at_their_place(text, place, says):
    assert [fault[:2] for fault in faults(text)] == [place]
    assert says in sentences(text)[0]


def test_all_faults_are_told_at_once_in_order():
    assert [fault[2] for fault in faults('form:u1 (a type:x seq:0 "')] == ["form:", "(", "x", "0", '"']


def test_a_query_error_names_its_field():
    with pytest.raises(QueryError) as caught:
        read("form:u1 seq:0")
    assert caught.value.status == 422
    assert caught.value.fields["q"][0] % caught.value.params == sentences("form:u1")[0]


def test_too_long():
    assert faults("x" * 10_000)[0][:2] == (LONGEST, 10_000)
    assert read("x" * LONGEST) == Says("x" * LONGEST)


def test_too_many():
    assert read(" ".join(["a"] * MOST_LEAVES)) == All((Says("a"),) * MOST_LEAVES)
    assert faults(" ".join(["a"] * (MOST_LEAVES + 9))) == [(2 * MOST_LEAVES, 2 * MOST_LEAVES + 1, "a")]


def test_too_deep():
    deep = "(" * DEEPEST + "a" + ")" * DEEPEST
    assert read(deep) == Says("a")
    assert faults(f"b ({deep}) c") == [(2 + DEEPEST, 3 + DEEPEST, "(")]


@pytest.mark.parametrize(
    "text",
    [
        "(" * 2000,
        ")" * 2000,
        "-" * 2000,
        "-(" * 1000,
        "NOT " * 500,
        "OR " * 600,
        '"' * 2000,
        "\\" * 2000,
        '"' + "\\" * 1999,
        ":" * 2000,
        "from:" * 400,
        "ab:c " * 400,
        '|-(:"“”' * 280,
        "(a+)+$ " * 280,
        "^(([a-z])+.)+[A-Z]([a-z])+$" * 70,
        "a" * 1990 + "!",
        "in:" + "*" * 1900,
        "in:person:" + "," * 1900,
        "during:" + "." * 1900,
        "seq:" + "9" * 1900,
        "after:" + "-" * 1900,
        "after:-" + "9" * 1900 + "d",
        "type:" + "9" * 1900,
        "\u202e" * 2000,
        "\u0000" * 2000,
        "\ufdfa" * 2000,
        "👨‍👩‍👧‍👦" * 280,
    ],
)
def test_texts_that_want_to_be_slow(text):
    began = time.process_time()
    try:
        read(text)
    except QueryError as error:
        assert all(0 <= fault.start < fault.end <= len(text) for fault in error.faults)
    words(text)
    complete(text, len(text))
    assert time.process_time() - began < 2  # a bomb would take minutes


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


# -- completion -----------------------------------------------------------------------------------------------------------


class Known:
    """What an archive knows."""

    def channels_like(self, prefix, *, kind=None, most=20):
        known = [ChannelRef("g42", 2), ChannelRef("g 43", 2), ChannelRef("gate", 3), ChannelRef("u1@u2", 1)]
        return [each for each in known if each.id.startswith(prefix) and kind in (None, each.type)][:most]

    def senders_like(self, prefix, *, most=20):
        return [uid for uid in ("u1", "u2", "u 3", "zoe") if uid.startswith(prefix)][:most]

    def leaders(self):
        return [1001, 1002]


def offered(text, caret=None):
    """Each suggestion as the whole text it would make."""
    caret = len(text) if caret is None else caret
    return [text[: one.start] + one.text + text[one.end :] for one in complete(text, caret, lookups=Known())]


def test_completion():
    assert offered("退款 fr") == ["退款 from:"]
    assert offered("退款 -fr") == ["退款 -from:"]
    assert offered("fr 退款", 2) == ["from: 退款"]
    assert offered("uid") == ["from:"]
    assert offered("") == [f"{operator.name}:" for operator in OPERATORS]
    assert offered("(") == [f"({operator.name}:" for operator in OPERATORS]
    assert offered("from:u") == ["from:u1", "from:u2", 'from:"u 3"']
    assert offered('from:"u ') == ['from:"u 3"']
    assert offered("in:g") == ["in:group", "in:group:g42", 'in:group:"g 43"', "in:customer_service:gate"]
    assert offered("node:") == ["node:1001", "node:1002"]
    assert offered("-node:1002") == ["-node:1002"]
    assert offered("node:9") == []
    assert offered("in:group:g") == ["in:group:g42", 'in:group:"g 43"']
    assert offered("in:person:") == ["in:person:u1@u2"]
    assert offered("-is:re") == ["-is:revoked"]
    assert offered("type:unk") == ["type:unknown"]
    assert offered("退款 ") == [f"退款 {operator.name}:" for operator in OPERATORS]
    assert offered("foo:b") == offered('"fr') == offered("zzz") == []


def test_what_is_offered_can_be_read():
    for text in ("from:u", "in:g", "in:person:", "in:", "is:", "has:", "type:", "after:", "on:"):
        for whole in offered(text):
            read(whole)


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
