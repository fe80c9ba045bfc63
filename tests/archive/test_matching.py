"""A word is in a message when its normal form is in the message's: what is known without making that one is no less."""

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from imadmin.archive.matching import matcher
from imadmin.archive.norm import norm
from imadmin.archive.rows import NO_TRAIT, Stored
from imadmin.archive.where import Says
from imadmin.gateway.types import ChannelRef, ContentKind

# What could make a word of a text another one: marks that compose, what is dropped between, what folds, spaces.
PIECES = [
    *("the", "e", "E", "E\u0301", "é", "9", "_", "支付", "支", "付", "紅", "红", "か", "a b", "退"),
    *("\u0301", "\u0338", "\u3099", "\u200b", "\ufe0f", "\x00", "\n", " ", "\u3000", "，", "!", "=", "ﬁ", "\U000e0100"),
]
texts = st.lists(st.sampled_from(PIECES), max_size=6).map("".join) | st.text(max_size=8)


def message(text: str) -> Stored:
    body = json.dumps({"type": 1, "content": text}).encode()
    return Stored(1, 1, 1, ChannelRef("g", 2), "u", 1, ContentKind.TEXT, NO_TRAIT, body, "", 0, "", None, text)


@settings(max_examples=1500, deadline=None)
@given(texts, texts)
@example("cafe\u0301", "cafe")
@example("the\u200b\u0301 end", "the")
@example("the\x00\u0301", "the")
@example("支\u3099", "支")
def test_a_word_is_found_exactly_where_its_normal_form_is(text: str, wanted: str) -> None:
    assert matcher(Says(wanted))(message(text)) is (norm(wanted) in norm(text))


@pytest.mark.parametrize("text", ["the end", "bathe支付", "支the", "a\nthe\tb", "退the"])
def test_a_word_beside_any_other_is_found(text: str) -> None:
    assert matcher(Says("the"))(message(text))
