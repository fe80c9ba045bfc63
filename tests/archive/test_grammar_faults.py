"""Mistakes in a query: each is found, told, and pointed at in its place."""

import time

import pytest

from imadmin.archive.grammar import (
    DEEPEST,
    LONGEST,
    MOST_LEAVES,
    QueryError,
    words,
)
from imadmin.archive.operators import complete
from imadmin.archive.where import (
    All,
    Says,
)
from tests.archive.asked import faults, read, sentences

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
