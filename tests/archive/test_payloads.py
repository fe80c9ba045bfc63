"""A payload laid open: decoded, text, base64, hex; cut, never failing."""

import base64
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imadmin.archive.masking import show, show_all
from imadmin.archive.payloads import CUT, HEX_MOST, MOST, PayloadForm, hex_dump, panel
from imadmin.gateway.payload import decode
from imadmin.gateway.types import ChannelRef, ContentKind, Message


def message(payload, **changes):
    values = {
        "id": 1, "seq": 1, "client_msg_no": "c1", "from_uid": "anna", "channel": ChannelRef("team", 2),
        "sent_at": datetime(2026, 11, 20, tzinfo=UTC), "payload": payload, "content": decode(payload),
    }  # fmt: skip
    return Message(**(values | changes))


def views_of(payload, **options):
    shown = panel(show(message(payload), is_open=True), **options)
    return {view.form: view for view in shown.views}


def test_a_masked_message_carries_nothing_of_its_body():
    shown = show(message(b'{"type":1,"content":"secret words"}'), is_open=False)
    assert (shown.text, shown.fields, shown.payload) == (None, None, None)
    assert "secret" not in repr(shown)
    assert (shown.kind, shown.length, shown.size) == (ContentKind.TEXT, 12, 35)
    assert panel(shown) is None


def test_json_opens_decoded_with_defanged_links():
    views = views_of(b'{"type":1,"content":"http://evil.example/x"}')
    assert views[PayloadForm.DECODED].is_open
    assert "hxxp://evil[.]example/x" in views[PayloadForm.DECODED].text
    assert base64.b64decode(views[PayloadForm.BASE64].text) == b'{"type":1,"content":"http://evil.example/x"}'


def test_broken_bytes_open_with_hex():
    views = views_of(b"\xff\xfe\x00\x01")
    assert PayloadForm.DECODED not in views
    assert views[PayloadForm.HEX].is_open
    assert views[PayloadForm.HEX].text.startswith("000000  ff fe 00 01")


def test_a_big_payload_is_cut_until_all_is_asked_for():
    payload = json.dumps({"type": 1, "content": "x" * (MOST + 10)}).encode()
    first, whole = views_of(payload), views_of(payload, show_all=True)
    assert len(first[PayloadForm.TEXT].text) == CUT
    assert len(whole[PayloadForm.TEXT].text) == MOST
    assert all(view.is_cut for view in whole.values())
    assert whole[PayloadForm.HEX].shown == HEX_MOST
    shown = panel(show(message(payload), is_open=True))
    assert shown.can_show_all
    assert not panel(show(message(payload), is_open=True), show_all=True).can_show_all


def test_hex_rows_show_what_is_printable():
    assert hex_dump(b"AB\x00") == f"000000  {'41 42 00':<47}  AB·"


@given(st.binary(max_size=300))
def test_no_bytes_break_the_panel(payload):
    shown = panel(show(message(payload), is_open=True))
    assert shown.size == len(payload)
    for view in shown.views:
        view.text.encode()


@pytest.mark.parametrize("depth", [10, 5000])
def test_deep_nesting_breaks_nothing(depth):
    payload = b'{"a":' * depth + b"1" + b"}" * depth
    assert views_of(payload)[PayloadForm.TEXT].text.startswith('{"a":')


def test_two_messages_at_one_place_are_both_kept_and_marked():
    shown = show_all([message(b"a", id=7), message(b"b", id=8), message(b"c", id=9, seq=2)], is_open=True)
    assert [(item.id, item.is_doubled) for item in shown] == [(7, True), (8, True), (9, False)]


def test_the_same_message_twice_is_one():
    assert [item.is_doubled for item in show_all([message(b"a"), message(b"a")], is_open=True)] == [False]
