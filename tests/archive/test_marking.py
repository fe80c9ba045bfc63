"""Hits are marked where they stand in what was written, however it was written, and what is shown is harmless."""

import pytest

from imadmin.archive.marking import snippet, whole


def marks(pieces):
    return "".join(f"[{piece.text}]" if piece.is_hit else piece.text for piece in pieces)


@pytest.mark.parametrize(
    ("text", "terms", "shown"),
    [
        ("我要退款，谢谢", ["退款"], "我要[退款]，谢谢"),
        ("我要退 款", ["退款"], "我要[退 款]"),
        ("a ＲｅＦｕＮＤ b", ["refund"], "a [ＲｅＦｕＮＤ] b"),
        ("re\u200bfund!", ["refund"], "[re⟨U+200B⟩fund]!"),
        ("退款 and 返现", ["返现", "退款"], "[退款] and [返现]"),
        ("see http://evil.example/a", ["evil"], "see hxxp://[evil]<.>example/a"),
        ("see http://evil.example/a", ["evil.example"], "see hxxp://[evil<.>example]/a"),
        ("see http://evil.example", ["http://evil"], "see [hxxp://evil]<.>example"),
        ("one\n\ntwo", ["one two"], "[one two]"),
        ("\u202egpj.exe", ["gpj"], "⟨U+202E⟩[gpj].exe"),
        ("\x1b[31mred", ["red"], "␛<31mred".replace("red", "[red]")),
        ("nothing here", ["absent"], "nothing here"),
        ("nothing here", [], "nothing here"),
        ("", ["x"], ""),
    ],
)
def test_every_hit_is_marked_in_harmless_text(text, terms, shown):
    plain = "".join(piece.text for piece in snippet(text, terms))
    found = [piece.text for piece in snippet(text, terms) if piece.is_hit]
    expected = shown.replace("<.>", "[.]").replace("␛<", "␛[")
    assert marks(snippet(text, terms)) == expected
    assert "http://" not in plain and "\u202e" not in plain
    assert all(found)


def test_a_long_text_is_cut_around_its_first_hit():
    shown = snippet("x " * 50_000 + "needle" + " y" * 50_000, ["needle"])
    assert [piece.text for piece in shown if piece.is_hit] == ["needle"]
    assert shown[0].text == "…" and shown[-1].text == "…"
    assert sum(len(piece.text) for piece in shown) <= 170


def test_a_text_without_the_word_shows_its_start():
    assert snippet("start " + "x" * 20_000, ["needle"])[0].text.startswith("start")


def test_the_whole_text_keeps_its_lines():
    assert marks(whole("one\ntwo 退款\nthree", ["退款"])) == "one\ntwo [退款]\nthree"
