"""A message with nothing in it to read is told the same way in a search and in its conversation."""

import json

import pytest

from imadmin.archive.masking import BodyAccess, show_stored
from imadmin.web import message_words as words
from tests.archive.filling import Filling, quiet_cluster

BODIES = ({"type": 1, "content": "   "}, {"type": 1, "content": {"a": 1}}, {"type": 1}, b'"  \\n "')


@pytest.mark.django_db
@pytest.mark.parametrize("body", BODIES)
def test_nothing_to_read_is_told_by_size_and_kind(body):
    filling = Filling(quiet_cluster())
    stored = filling.engine.by_ids([number := filling.put("", payload=body)])[number]
    said = f"{len(body if isinstance(body, bytes) else json.dumps(body))} B, text"
    open_ = show_stored(stored, is_open=True)
    cells = (
        words.hit_cell("own", open_, BodyAccess.OPEN, ()),
        words.snippet_cell("own", open_, BodyAccess.OPEN, ""),
        words.whole_text(open_),
    )
    for cell in cells:
        assert f">{said}<" in cell.replace("\xa0", " ") and "0 characters" not in cell
