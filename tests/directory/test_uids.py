"""Pasted lists: whatever people copy from chats, sheets and files becomes uids, or is named with its line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imadmin.core.errors import InvalidInput
from imadmin.directory import uids
from imadmin.directory.uids import clean_uids, parse_uids, read_uids, why_bad


@pytest.mark.parametrize(
    "text",
    [
        "ann\nben\ncem",
        "ann, ben, cem",
        "ann ben\tcem",
        "ann;ben；cem",
        "ann，ben、cem",
        "\ufeffann\r\nben\r\n\r\ncem\r\n",
        '"ann","ben","cem"',
        "ann,,ben,\n ,cem,",
        "\u200bann\u200b \u202aben\u202c cem",
    ],
)
def test_lines_commas_spaces_and_csv_give_the_same_uids(text: str) -> None:
    assert parse_uids(text).uids == ("ann", "ben", "cem")


def test_quotes_keep_what_would_separate() -> None:
    assert parse_uids('"bo berg", "a,b", "say ""hi"""').uids == ("bo berg", "a,b", 'say "hi"')


def test_a_quote_left_open_swallows_nothing_after_its_line() -> None:
    assert parse_uids('"ann\nben').uids == ('"ann', "ben")


def test_each_uid_comes_once_and_repetitions_are_counted() -> None:
    found = parse_uids("ann ben ann\nann")
    assert (found.uids, found.duplicates) == (("ann", "ben"), 2)


def test_uids_of_every_script_pass() -> None:
    text = "用户一\nمستخدم\nпользователь\n🦊\nu/1\nu?x=1\n100%"
    assert parse_uids(text).uids == tuple(text.split("\n"))


def test_what_the_server_must_never_get_is_named_with_its_line() -> None:
    found = parse_uids("ann\nben@cem\nd#d, e&e\nf\x07f\n" + "g" * 201)
    assert found.uids == ("ann",)
    assert [(bad.line, bad.why) for bad in found.bad] == [
        (2, uids.FORBIDDEN_SIGN), (3, uids.FORBIDDEN_SIGN), (3, uids.FORBIDDEN_SIGN), (4, uids.CONTROL_SIGN),
        (5, uids.TOO_LONG),
    ]  # fmt: skip


def test_an_empty_quoted_cell_is_a_blank_uid_and_refused() -> None:
    assert [(bad.line, bad.why) for bad in parse_uids('ann\n""').bad] == [(2, uids.BLANK)]


def test_a_list_from_a_script_is_checked_by_position() -> None:
    found = read_uids(["ann", " ben ", "  ", "a@b"])
    assert found.uids == ("ann", "ben")
    assert [(bad.line, bad.why) for bad in found.bad] == [(3, uids.BLANK), (4, uids.FORBIDDEN_SIGN)]


def test_clean_uids_refuses_the_whole_list_and_names_the_bad_ones() -> None:
    with pytest.raises(InvalidInput) as refused:
        clean_uids("ann\nb@b\n" + "\n".join(f"x#{number}" for number in range(9)), field="members")
    sentences = refused.value.fields["members"]
    assert sentences[0] == "Line 2, “b@b”: @, # and & can't be in a uid."
    assert sentences[-1] == "And 5 more."


@pytest.mark.parametrize("nothing", ["", "  \n , ;", []])
def test_nothing_at_all_is_said_so(nothing: str | list[str]) -> None:
    with pytest.raises(InvalidInput) as refused:
        clean_uids(nothing)
    assert refused.value.fields == {"uids": ["Give at least one uid."]}


def test_five_thousand_pass_and_one_more_is_refused() -> None:
    many = "\n".join(f"u{number}" for number in range(5001))
    assert len(parse_uids(many.rpartition("\n")[0]).uids) == 5000
    with pytest.raises(InvalidInput, match="can't be used"):
        parse_uids(many)


@given(st.text())
def test_no_text_breaks_it_and_nothing_deadly_comes_out(text: str) -> None:
    found = parse_uids(text)
    assert all(uid.strip() and not why_bad(uid) for uid in found.uids)
    assert len(set(found.uids)) == len(found.uids)
    assert all(bad.line >= 1 for bad in found.bad)
