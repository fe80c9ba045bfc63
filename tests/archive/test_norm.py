"""Normal forms: what counts as the same text, and where it stands in the original."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imadmin.archive.norm import norm, places


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ＲｅＦｕＮＤ", "refund"),
        ("退 \u200b款", "退款"),
        ("紅包", "红包"),
        ("退\n\t款", "退款"),
        ("退\u3000款", "退款"),
        ("re\u00adfu\u200dnd", "refund"),
        ("re\ufe0ff\U000e0100und", "refund"),
        ("\u202eabc\u202c", "abc"),
        ("Straße", "STRASSE"),
        ("ﬁne", "fine"),
        ("①２", "12"),
        ("é", "e\u0301"),
        ("ΣΊΣΥΦΟΣ", "σίσυφος"),
        ("  a \r\n b  ", "a b"),
        ("１３８　１２３４", "138 1234"),
        ("ｶﾞ", "ガ"),
        ("龜", "龟"),
        ("a\x00b\x07c", "abc"),
    ],
)
def test_texts_that_read_alike_have_one_normal_form(one: str, other: str) -> None:
    assert norm(one) == norm(other)


@pytest.mark.parametrize(("one", "other"), [("a b", "ab"), ("退款", "退 a 款"), ("e", "é"), ("红", "宏"), ("o", "0")])
def test_texts_that_differ_stay_different(one: str, other: str) -> None:
    assert norm(one) != norm(other)


@pytest.mark.parametrize("text", ["", " ", "\u200b\u2060", "\n\u3000\t", "\u2800", "\u3164"])
def test_what_nobody_sees_is_nothing(text: str) -> None:
    assert norm(text) == ""


def test_a_space_stays_beside_latin_letters() -> None:
    assert norm("退 款 ok 好 的") == "退款 ok 好的"


@given(st.text())
def test_a_normal_form_is_its_own(text: str) -> None:
    assert norm(norm(text)) == norm(text)


def test_every_character_alone_is_its_own_normal_form_once_normalised() -> None:
    for block in (range(0xD800), range(0xE000, 0x14000), range(0x1D400, 0x1F800), range(0xE0000, 0xE0200)):
        assert [hex(code) for code in block if norm(norm(chr(code))) != norm(chr(code))] == []


@given(st.text(alphabet=string.ascii_letters + "退款紅包ＡＢ １\u200b。，", max_size=30), st.data())
def test_what_is_marked_reads_as_what_was_searched(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    term = text[start : data.draw(st.integers(start, len(text)))]
    marked = places(text, term)
    assert all(norm(text[first:last]) == norm(term) for first, last in marked)
    assert bool(marked) == bool(norm(term) and norm(term) in norm(text))


def test_places_are_those_of_the_original() -> None:
    text = "要退 \u200b款，ＲｅＦｕＮＤ now! 退款"
    assert [text[first:last] for first, last in places(text, "退款")] == ["退 \u200b款", "退款"]
    assert [text[first:last] for first, last in places(text, "refund")] == ["ＲｅＦｕＮＤ"]
    assert places("Cafe\u0301s", "é") == [(3, 5)]
    assert places("aaaa", "aa") == [(0, 2), (2, 4)]
    assert places("abc", " ") == []
