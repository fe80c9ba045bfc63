"""Tables and cells: what comes from a server stays text, and numbers, times and states read as agreed."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils.html import format_html

from imadmin.gateway.errors import Unreachable
from imadmin.web import cells, states
from imadmin.web.tables import Column, Select, Table, ident, link, number, status, when

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7|add:7 }}",
    "{0.__class__}",
    "a' onclick='x",
]
NOW = datetime(2026, 11, 20, 6, 28, 51, tzinfo=UTC)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_nothing_of_a_row_becomes_markup(hostile: str) -> None:
    table = Table(
        columns=[
            Column("uid", hostile, lambda row: ident(row["uid"], f"/u/?q={row['uid']}", hostile), kind="id"),
            Column("text", "Text", kind="fill"),
            Column("word", "Word", lambda row: status("ok", row["text"], row["text"])),
            Column("link", "Link", lambda row: link(row["text"], row["uid"])),
            Column("raw", "Raw", lambda row: row["text"]),
        ],
        rows=[{"uid": hostile, "text": hostile}],
        caption=hostile,
        select=Select(lambda row: row["uid"], lambda row: row["uid"]),
        row_id=lambda row: row["uid"],
    )
    markup = str(table.html())
    assert "<script>" not in markup and "<img" not in markup
    assert "onclick='x" not in markup and "14" not in markup


def test_markup_made_by_our_own_helpers_is_kept() -> None:
    table = Table([Column("x", "X", lambda row: format_html("<b>{}</b>", row))], ["<i>"], "Rows")
    assert "<b>&lt;i&gt;</b>" in table.html()


def test_characters_that_hide_or_turn_are_spelled_out_in_ids_but_lines_survive_in_text() -> None:
    assert cells.visible("a\u202eb\x00c\nd") == "a⟨U+202E⟩b⟨U+0000⟩c⟨U+000A⟩d"
    assert cells.visible_text("a\n\tb\u202e") == "a\n\tb⟨U+202E⟩"
    assert "⟨U+202E⟩" in ident("u\u202e1") and 'data-copy="u\u202e1"' in ident("u\u202e1")


def test_an_id_is_never_grouped_and_a_number_is() -> None:
    assert "1991377204518416384" in ident(1991377204518416384)
    assert number(1204) == "1\u202f204"
    assert number(9007199254740993) == "9\u202f007\u202f199\u202f254\u202f740\u202f993"
    assert "unknown" in number(None)


def test_unknown_is_not_zero_and_never_is_not_a_date() -> None:
    table = Table([Column("n", "N", kind="num"), Column("t", "T", kind="time")], [{"n": None, "t": None}], "Rows")
    assert "unknown" in table.html() and "never" in table.html()


@pytest.mark.parametrize(
    ("gap", "words"),
    [
        (timedelta(seconds=40), "40 s ago"),
        (timedelta(minutes=3), "3 min ago"),
        (timedelta(hours=5), "5 h ago"),
        (timedelta(days=18), "18 d ago"),
        (timedelta(minutes=-10), "in 10 min"),
        (timedelta(days=400), "2025-10-16"),
    ],
)
def test_time_is_said_in_the_largest_fitting_unit(gap: timedelta, words: str) -> None:
    assert cells.ago(NOW - gap, NOW) == words


def test_the_exact_time_names_the_readers_zone(settings: Any) -> None:
    from django.utils import timezone

    with timezone.override("Asia/Shanghai"):
        assert 'title="2026-11-20 14:28:51 UTC+8"' in when(NOW)
    with timezone.override("America/St_Johns"):
        assert "UTC-3:30" in when(NOW)


def test_empty_rows_give_the_reason_instead_of_a_bare_head() -> None:
    empty = states.empty("No restrictions", "Nobody is <denied>.", states.Verb("Add", "/x/?a=1&b=2", "plus"))
    markup = str(Table([Column("x", "X")], [], "Rows", empty=empty).html())
    assert "<table" not in markup and "Nobody is &lt;denied&gt;." in markup and 'href="/x/?a=1&amp;b=2"' in markup


def test_a_sorted_column_says_so() -> None:
    columns = [Column("x", "X", sort="x"), Column("y", "Y", sort="y")]
    markup = Table(
        columns, [{"x": 1, "y": 2}], "Rows", sort=("x", "descending"), sort_url=lambda key: f"?sort={key}&a"
    ).html()
    assert 'aria-sort="descending"' in markup and 'href="?sort=y&amp;a"' in markup
    assert markup.count("aria-sort") == 1


def test_chosen_rows_stay_marked() -> None:
    select = Select(lambda row: row["x"], lambda row: f"Select {row['x']}")
    markup = Table([Column("x", "X")], [{"x": "a"}, {"x": "b"}], "Rows", select=select, chosen=frozenset({"b"})).html()
    assert markup.count(" checked") == 1 and markup.count('aria-selected="true"') == 1


def test_a_column_refuses_a_place_that_does_not_exist() -> None:
    with pytest.raises(ValueError, match="phone"):
        Column("x", "X", phone="m9")


def test_durations_and_sizes_have_two_parts_at_most() -> None:
    assert cells.duration(2 * 86400 + 3 * 3600 + 59) == "2 d 3 h"
    assert cells.duration(0) == "0 s" and cells.duration(None) == "unknown"
    assert cells.size(0) == "0 B" and cells.size(6_549_825_126) == "6.1 GiB"


def test_a_gap_in_a_spark_line_is_drawn_as_a_gap() -> None:
    assert cells.spark([1, 2, None, 3, 4]).count("M") == 2
    assert cells.spark([None, 1]) == ""


def test_the_state_of_an_error_names_the_node_and_hides_nothing() -> None:
    markup = states.of_error(Unreachable(node="<1003>")).html()
    assert "answer at its address" in markup and "&lt;1003&gt;" in markup and 'role="alert"' in markup
