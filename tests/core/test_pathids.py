"""Foreign ids in addresses: whatever they hold comes back the same, and nothing in them breaks a path."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imadmin.core import pathids

IDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)


@given(IDS)
def test_every_id_survives_the_way_there_and_back(text: str) -> None:
    assert pathids.decode(pathids.encode(text)) == text


@given(IDS)
def test_nothing_that_breaks_a_path_is_left(text: str) -> None:
    written = pathids.encode(text)
    assert not re.search(r"[/?#%&\\\s\x00-\x1f]", written)
    assert written not in (".", "..")


@pytest.mark.parametrize(
    ("text", "written"),
    [("u604417", "u604417"), ("a@b", "a@b"), ("a/b", "a~2Fb"), ("..", "~2E~2E"), ("群聊", "群聊"), ("~", "~7E"), ("a b", "a~20b")],
)  # fmt: skip
def test_readable_ids_stay_readable(text: str, written: str) -> None:
    assert pathids.encode(text) == written


@pytest.mark.parametrize("broken", ["~FF", "~C3", "a~80b"])
def test_escapes_that_are_no_text_are_refused(broken: str) -> None:
    with pytest.raises(ValueError, match="utf-8"):
        pathids.decode(broken)


def test_plain_text_is_taken_as_it_is() -> None:
    assert pathids.decode("a~zz") == "a~zz"
