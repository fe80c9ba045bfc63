"""Foreign text: nothing clickable, nothing hidden, nothing lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imadmin.archive.harmless import defanged, harmless, language_of, marked, pieces, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("see https://refund-fast.example/c?u=88 now", "see hxxps://refund-fast[.]example/c?u=88 now"),
        ("HTTP://A.B", "HXXP://A[.]B"),
        ("ftp://files.example/x", "xftp://files[.]example/x"),
        ("www.refund.example/pay", "www[.]refund[.]example/pay"),
        ("加 refund.example，快", "加 refund[.]example，快"),
        ("chat/1/fd13.jpg and report.pdf", "chat/1/fd13.jpg and report.pdf"),
        ("evil.zip/login", "evil[.]zip/login"),
        ("javascript:alert(1)", "javascript[:]alert(1)"),
        ("https://user@10.0.0.1:8080/a.b", "hxxps://user@10[.]0[.]0[.]1:8080/a.b"),
    ],
)
def test_addresses_are_no_longer_addresses(text, shown):
    assert defanged(text) == shown


def test_plain_sentences_stay_as_they_are():
    text = "Version 2.2.5 costs 3.50. See e.g. page 4.\nSecond line\twith a tab; 退款。"
    assert harmless(text) == text


def test_characters_that_turn_or_hide_text_are_shown():
    assert visible("abc\u202etxt.exe") == "abc⟨U+202E⟩txt.exe"
    assert visible("a\u200bb\ufeffc") == "a⟨U+200B⟩b⟨U+FEFF⟩c"
    assert visible("bell\x07 nul\x00 del\x7f c1\x9b") == "bell␇ nul␀ del␡ c1⟨U+009B⟩"
    assert visible("a\r\nb") == "a\nb"


def test_half_characters_can_be_sent():
    assert visible("x\ud800y") == "x\ufffdy"


def test_emoji_with_joiners_stay_whole():
    assert visible("👩‍🚀") == "👩‍🚀"


@given(st.text(alphabet=st.characters(codec=None)))
def test_every_text_becomes_one_that_can_be_encoded_and_hides_nothing(text):
    shown = harmless(text)
    shown.encode()
    assert not any(ord(char) < 0x20 and char not in "\n\t" for char in shown)
    assert "\u202e" not in shown
    assert "http://" not in shown.lower()


def test_hits_are_marked_in_the_snippet():
    found = pieces("before 退款 after 退款", "退款")
    assert [piece.text for piece in found if piece.is_hit] == ["退款", "退款"]
    assert "".join(piece.text for piece in found) == "before 退款 after 退款"


def test_a_long_text_is_cut_around_the_first_hit():
    found = pieces("x" * 3000 + "needle" + "y" * 3000, "needle")
    text = "".join(piece.text for piece in found)
    assert any(piece.is_hit and piece.text == "needle" for piece in found)
    assert text.startswith("…")
    assert text.endswith("…")
    assert len(text) < 200


def test_a_searched_address_is_marked_in_its_defanged_form():
    found = pieces("go to http://fake.example/x", "http://fake.example")
    assert [piece.text for piece in found if piece.is_hit] == ["hxxp://fake[.]example"]


def test_the_search_is_case_sensitive_as_the_servers_is():
    assert not any(piece.is_hit for piece in marked("Refund", "refund"))


def test_what_was_typed_is_never_a_pattern():
    assert [piece.text for piece in marked("a.*b (x)", ".*b (") if piece.is_hit] == [".*b ("]


@pytest.mark.parametrize(
    ("text", "language"),
    [("退款到账", "zh-Hans"), ("hello", ""), ("ありがとう、世界", "ja"), ("مرحبا", "ar"), ("안녕", "ko"), ("", "")],
)
def test_the_language_is_read_from_the_script(text, language):
    assert language_of(text) == language
