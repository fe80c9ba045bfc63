"""Grams and tokens: whatever a text holds is found by its cover."""

from hypothesis import given
from hypothesis import strategies as st

from imadmin.archive import grams
from imadmin.archive.cover import Word
from imadmin.archive.norm import norm
from imadmin.archive.rows import Trait
from imadmin.gateway.types import ChannelRef, ContentKind

mixed = st.text(alphabet="ab1_退款红é .,!\"'¶*-" + "Ａ\u200b", max_size=40) | st.text(max_size=40)


def answers(word: Word, pieces: set[str]) -> bool:
    if word.prefix:
        return any(piece.startswith(word.prefix) for piece in pieces)
    return set(word.grams) <= pieces


@given(mixed, st.data())
def test_every_part_of_a_text_is_covered(text: str, data: st.DataObject) -> None:
    normal = norm(text)
    start = data.draw(st.integers(0, len(normal)))
    part = norm(normal[start : data.draw(st.integers(start, len(normal)))])
    word = grams.word_cover(part)
    if word is not None and part in normal:
        assert answers(word, set(grams.grams(normal)))


@given(mixed)
def test_no_piece_of_a_text_is_a_token_or_falls_apart(text: str) -> None:
    for piece in grams.grams(norm(text)):
        assert not (piece.startswith(grams.MARK) and piece[1:].isascii() and len(piece) > 1)
        assert piece.strip() == piece
        assert all(one > "\x7f" or one.isalnum() or one == "_" for one in piece)


def test_chinese_has_pairs_and_latin_has_threes() -> None:
    assert set(grams.grams("退款红包")) == {"退款", "款红", "红包", "包"}
    assert set(grams.grams("refund")) == {"ref", "efu", "fun", "und", "nd", "d"}
    assert set(grams.grams("a退")) == {"a", "退"}
    assert grams.grams("!?") == []


def test_a_word_is_asked_by_what_it_must_have() -> None:
    assert grams.word_cover("退款") == Word("退款", grams=("退款",))
    assert grams.word_cover("退") == Word("退", prefix="退")
    assert grams.word_cover("re") == Word("re", prefix="re")
    assert grams.word_cover("a退款") == Word("a退款", grams=("a", "退款"))
    assert grams.word_cover("ab!") == Word("ab!", grams=("ab",))
    assert grams.word_cover("...") is None
    assert grams.word_cover("") is None
    assert grams.word_cover(grams.MARK) is None


def test_a_text_with_too_many_grams_has_one_mark_instead() -> None:
    many = "".join(chr(0x4E00 + number) for number in range(grams.MOST_GRAMS))
    assert grams.grams(many + "退") == [grams.CAPPED.text]
    assert len(grams.grams(many[:-1])) == grams.MOST_GRAMS - 1


def test_tokens_are_what_the_covers_ask_for() -> None:
    channel = ChannelRef("a b@c/d", 1)
    marks = grams.tokens(channel, "u 1", ContentKind.RICH_TEXT, Trait.LINK | Trait.SYSTEM, "no-1")
    asked = [
        grams.channel_token(channel),
        grams.kind_of_channel_token(1),
        grams.sender_token("u 1"),
        grams.kind_token(ContentKind.RICH_TEXT),
        grams.trait_token(Trait.LINK),
        grams.trait_token(Trait.SYSTEM),
        grams.client_token("no-1"),
    ]
    assert {token.text for token in asked} == set(marks)
    assert len(marks) == len(asked)


@given(st.text(), st.text(), st.text(), st.integers(-5, 2**40))
def test_tokens_of_any_ids_hold_together(uid: str, channel_id: str, client: str, kind: int) -> None:
    for mark in grams.tokens(ChannelRef(channel_id, kind), uid, ContentKind.TEXT, Trait(4095), client):
        assert mark.startswith(grams.MARK)
        assert all(one.isalnum() or one == "_" for one in mark[1:])
        assert mark[1:].isascii()
        assert mark == mark.lower()
