"""Ids: pairs in the server's order, 64 bits without a digit lost, slots, durations."""

from __future__ import annotations

import json
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imadmin.gateway.errors import RefusedLocally
from imadmin.gateway.kinds.wukongim2 import shapes, wire
from imadmin.gateway.kinds.wukongim2.part import decode_cursor, encode_cursor
from imadmin.gateway.kinds.wukongim2.roster import slot_of
from imadmin.gateway.types import ChannelRef

RECORDED = Path(__file__).parent.parent / "contract" / "recorded" / "wukongim-v2.2.5"


def recorded_rows() -> list[dict]:
    found = []
    for path in sorted(RECORDED.rglob("*.json")):
        body = (json.loads(path.read_text("utf-8")).get("response") or {}).get("body")
        if isinstance(body, dict) and isinstance(body.get("data"), list):
            found += [row for row in body["data"] if isinstance(row, dict)]
    return found


def test_pairs_are_put_in_the_order_of_the_real_server():
    people = [row.get("channel_id", "") for row in recorded_rows() if row.get("channel_type") == 1]
    pairs = {name for name in people if name.count("@") == 1 and not name.endswith("____cmd")}
    assert len(pairs) >= 5
    for pair in pairs:
        one, other = pair.split("@")
        assert ChannelRef.person(one, other).id == pair
        assert ChannelRef.person(other, one).id == pair
        assert set(ChannelRef(pair, 1).peers or ()) == {one, other}


def test_slots_are_those_of_the_real_server():
    rows = [row for row in recorded_rows() if row.get("channel_id") and "slot_id" in row]
    assert len(rows) >= 5
    checked = {
        count for count in (16, 64) if all(slot_of(row["channel_id"], count) == row["slot_id"] for row in rows[:3])
    }
    assert checked


@given(st.text(), st.text())
def test_a_pair_has_one_id_whoever_is_named_first(one: str, other: str):
    if zlib.crc32(one.encode()) != zlib.crc32(other.encode()):
        assert ChannelRef.person(one, other) == ChannelRef.person(other, one)
    assert ChannelRef.person(one, other).id in (f"{one}@{other}", f"{other}@{one}")


@given(st.integers(min_value=1, max_value=2**63 - 1), st.integers(min_value=0, max_value=2**32 - 1))
def test_no_digit_of_a_64_bit_id_is_lost(number: int, seq: int):
    row = {"message_id": str(number), "message_seq": seq, "channel_id": "g", "channel_type": 2, "timestamp": 1795218520}
    (found,) = wire.found_messages(json.loads(json.dumps({"data": [row]})))
    assert (found.id, found.seq) == (number, seq)
    synced = {"messages": [row | {"message_id": number}]}
    (message,) = wire.synced_messages(json.loads(json.dumps(synced)), ChannelRef("g", 2))
    assert (message.id, message.seq) == (number, seq)


@given(st.integers(min_value=1, max_value=2**64 - 1))
def test_a_cursor_keeps_all_digits(number: int):
    assert decode_cursor("seq", encode_cursor("seq", number)) == number


@pytest.mark.parametrize("text", ["x", "W10", "W1tb" * 700, encode_cursor("id", 5), encode_cursor("seq", 0)])
def test_a_cursor_of_something_else_is_refused(text: str):
    with pytest.raises(RefusedLocally) as refused:
        decode_cursor("seq", text)
    assert list(refused.value.fields) == ["cursor"]


@pytest.mark.parametrize("value", [1.5, 2.1e18, "x", None, True, "१२३", "-1", "9" * 25])
def test_an_id_that_is_none_is_a_wrong_shape(value):
    row = {"message_id": value, "message_seq": 1, "channel_id": "g", "channel_type": 2, "timestamp": 1}
    with pytest.raises(shapes.WrongShape):
        wire.found_messages({"data": [row]})


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("0s", 0), ("51s", 51), ("2m32s", 152), ("1h2m3s", 3723), ("1d2h3m4s", 93784), ("1.5s", 1.5), ("250ms", 0.25),
     ("1y1d0h0m0s", 366 * 86400), ("", None), ("soon", None), ("5 apples", None)],
)  # fmt: skip
def test_durations_are_read(written: str, seconds: float | None):
    assert shapes.duration(written) == seconds
