"""The webhook's bodies as recorded from a real server, and what nobody but a stranger would send."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imadmin.gateway.hook_types import MESSAGES, BrokenHook, OnlineChange
from imadmin.gateway.kinds.wukongim2 import webhook
from imadmin.gateway.kinds.wukongim2.webhook import batch

RECORDED = Path(__file__).parents[1] / "contract" / "recorded" / "wukongim-v2.2.5" / "webhooks"


def recorded(name: str) -> tuple[str, bytes]:
    request = json.loads((RECORDED / f"{name}.json").read_text("utf-8"))["request"]
    return request["query"]["event"], json.dumps(request["json"]).encode()


def test_recorded_online_changes_with_a_dash_in_the_uid() -> None:
    assert batch(*recorded("user.onlinestatus")).online == (
        OnlineChange("wa", 1, True, 50, 1, 1),
        OnlineChange("w-c", 0, True, 51, 1, 1),
        OnlineChange("w-c", 1, True, 52, 1, 2),
    )
    assert batch(*recorded("user.onlinestatus-offline")).online == (OnlineChange("w-c", 0, False, 51, 0, 1),)


def test_recorded_messages() -> None:
    found = batch(*recorded("msg.notify"))

    first = found.messages[0]
    assert (found.event, found.count) == ("msg.notify", len(found.messages))
    assert (first.id, first.from_uid, first.target, first.channel_type) == (2123930045285142528, "wa", "wg", 2)
    assert json.loads(first.payload)["content"] == "webhook 你好"
    assert first.has_red_dot and first.is_stored and not first.is_command


@pytest.mark.parametrize(
    ("name", "sender", "to", "stored", "command"),
    [
        ("msg.offline-group", "wa", ("wb", "w-c"), True, False),
        ("msg.offline-cmd", "wa", ("wb", "w-c"), True, True),
        ("msg.offline-no-persist", "wa", ("wb", "w-c"), False, False),
        ("msg.offline-system", "____system", ("wb",), True, False),
        ("msg.offline-compressed", "wa", (), True, False),
    ],
)
def test_recorded_messages_to_people_offline(
    name: str, sender: str, to: tuple[str, ...], stored: bool, command: bool
) -> None:
    found = batch(*recorded(name))

    (message,) = found.messages
    assert (found.count, message.from_uid, message.to_uids) == (1, sender, to)
    assert (message.is_stored, message.is_command) == (stored, command)


@pytest.mark.parametrize(
    ("said", "uid"),
    [("--0-1-5-1-1", "-"), ("a-b-0-1-5-1-1", "a-b"), ("王-小明-1-0-5-0-0", "王-小明"), ("9-9-0-1-5-1-1", "9-9")],
)
def test_uids_are_split_from_the_right(said: str, uid: str) -> None:
    assert batch("user.onlinestatus", json.dumps([said]).encode()).online[0].uid == uid


@pytest.mark.parametrize("uid", ["a\0", "u" * 201, "\ud800"])
def test_a_uid_that_cant_be_kept_costs_nobody_else_theirs(uid: str) -> None:
    found = batch("user.onlinestatus", json.dumps([f"{uid}-0-1-5-1-1", "anna-0-1-6-1-1"]).encode())

    assert [one.uid for one in found.online] == ["anna"]
    assert found.count == 2


@pytest.mark.parametrize(
    ("event", "body"),
    [
        ("user.onlinestatus", b"not json"),
        ("user.onlinestatus", b'{"a": 1}'),
        ("user.onlinestatus", b'["-0-1-5-1-1"]'),
        ("user.onlinestatus", b'["u-0-1-5-1"]'),
        ("user.onlinestatus", b'["u-0-2-5-1-1"]'),
        ("user.onlinestatus", b'["u-256-1-5-1-1"]'),
        ("user.onlinestatus", b'["u-0-1-99999999999999999999-1-1"]'),
        ("user.onlinestatus", b'["u-0-1--5-1-1"]'),
        ("user.onlinestatus", '["u-٠-1-5-1-1"]'.encode()),
        ("user.onlinestatus", b"[1]"),
        ("msg.notify", b'{"data": 1}'),
        ("msg.offline", b"[]"),
        ("msg.offline", b'{"message_id": 1, "channel_type": 1, "to_uids": [1]}'),
        ("msg.offline", b'{"message_id": 1, "channel_type": 1, "payload": "%%%"}'),
        ("something", b"7"),
        ("msg.notify", b"[" * 100_000),
    ],
)
def test_what_the_server_never_sends_is_broken(event: str, body: bytes) -> None:
    with pytest.raises(BrokenHook):
        batch(event, body)


def test_an_event_nobody_knows_is_only_counted() -> None:
    assert batch("msg.future", b"[1, 2]").count == 2


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        ({"message_id": "x"}, "message_id"),
        ({"message_id": 0}, "message_id"),
        ({"message_id": 2**63}, "message_id"),
        ({"message_id": True}, "message_id"),
        ({"message_seq": -1}, "message_seq"),
        ({"timestamp": 2**40}, "timestamp"),
        ({"channel_type": 256}, "channel_type"),
        ({"channel_id": "g" * 1001}, "channel_id"),
        ({"from_uid": None}, "from_uid"),
        ({"payload": "%%%"}, "payload"),
        ({"payload": 7}, "payload"),
        ({"header": 7}, "header"),
    ],
)
def test_a_message_that_cant_be_read_costs_the_others_nothing(broken: dict[str, object], why: str) -> None:
    whole = {
        "message_id": 5,
        "message_seq": 1,
        "channel_id": "g",
        "channel_type": 2,
        "from_uid": "u",
        "payload": "YQ==",
    }

    found = batch("msg.notify", json.dumps([whole, whole | {"message_id": 6} | broken, whole]).encode())

    assert [one.id for one in found.messages] == [5, 5]
    assert [part.why for part in found.broken] == [why]
    assert json.loads(found.broken[0].raw) == whole | {"message_id": 6} | broken
    assert found.count == 3


def test_what_is_no_object_among_messages_is_kept_as_it_came() -> None:
    found = batch("msg.notify", b'[7, "\\ud800", null]')

    assert [part.raw for part in found.broken] == [b"7", b'"\\ud800"', b"null"]


def test_a_stream_message_says_so() -> None:
    streams = [one.client_msg_no for one in batch(*recorded("msg.notify")).messages if one.is_stream]

    assert streams == ["wm7"]


_AS_TOLD = {
    "header": {"no_persist": 0, "red_dot": 1, "sync_once": 0}, "setting": 0, "message_id": 2123930045285142528,
    "message_idstr": "2123930045285142528", "client_msg_no": "abc3", "message_seq": 7, "from_uid": "u1",
    "channel_id": "g1", "channel_type": 2, "expire": 0, "timestamp": 1795219358, "payload": "eyJ0eXBlIjoxfQ==",
}  # fmt: skip
_ANY = st.one_of(
    st.none(), st.booleans(), st.integers(), st.integers(-2, 300), st.floats(), st.text(max_size=8),
    st.sampled_from(["\x00a", "\ud800", "x" * 1001, "QR==", "QQ=", "Q Q=", "QQ==QQ==", "____", "++//"]),
    st.lists(st.text(max_size=3), max_size=2), st.dictionaries(st.sampled_from(["no_persist", "red_dot"]), st.integers()),
)  # fmt: skip


@given(st.dictionaries(st.sampled_from([*_AS_TOLD, "topic", "to_uids", "more"]), _ANY, max_size=3))
def test_a_call_read_in_one_go_says_what_it_says_by_hand(changes: dict[str, Any]) -> None:
    row = _AS_TOLD | changes
    body = json.dumps([_AS_TOLD, row]).encode()

    at_once = webhook._as_it_should_be(body)

    assert at_once is None or at_once == webhook._read(MESSAGES, json.loads(body))


def test_what_a_server_tells_is_read_in_one_go() -> None:
    _, body = recorded("msg.notify")
    assert webhook._as_it_should_be(body) == webhook._read(MESSAGES, json.loads(body))
    assert webhook._as_it_should_be(b"null") is None


@pytest.mark.parametrize("raw", [b"\xff", b"\xed\xa0\x80"])
def test_bytes_that_are_no_text_are_refused_or_cleaned_as_by_hand(raw: bytes) -> None:
    body = b'[{"message_id":1,"channel_type":2,"message_seq":1,"from_uid":"u%s"}]' % raw
    assert webhook._as_it_should_be(body) is None
    try:
        said = json.loads(body)
    except ValueError:
        with pytest.raises(BrokenHook, match="no JSON"):
            batch(MESSAGES, body)
    else:
        assert batch(MESSAGES, body) == webhook._read(MESSAGES, said)
