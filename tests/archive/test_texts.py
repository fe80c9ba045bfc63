"""What a message says and which marks it carries."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imadmin.archive.rows import NO_TRAIT, Trait
from imadmin.archive.texts import read
from imadmin.gateway.types import ChannelRef, ContentKind
from tests.archive.store_help import message


def traits(text: str, **fields: Any) -> Trait:
    return read(message(1, text, **fields)).traits


@pytest.mark.parametrize(
    "text",
    [
        "see https://a.example/x",
        "HTTP://a.b",
        "go to www.abc",
        "abc.com",
        "访问baidu.com吧",
        "a.com.cn/x?y",
        "t.me/x",
        "x.io.",
    ],
)
def test_addresses_are_links(text: str) -> None:
    assert traits(text) == Trait.LINK


@pytest.mark.parametrize(
    "text", ["报告.pdf", "version 1.2.3", "end.Next", "me@abc.com", "3.14", "a.b", "http://", "hello"]
)
def test_what_only_looks_like_an_address_is_none(text: str) -> None:
    assert traits(text) == NO_TRAIT


@pytest.mark.parametrize(
    "text",
    ["13812345678", "电话13812345678。", "138-1234-5678", "138 1234 5678", "+86 138 1234 5678", "8613812345678", "+1 (415) 555-2671",
     "008613812345678", "+44 20 7946 0958"],
)  # fmt: skip
def test_phone_numbers(text: str) -> None:
    assert traits(text) == Trait.PHONE


@pytest.mark.parametrize(
    "text", ["订单13812345678901", "12345678901", "0.13812345678", "1381234567", "+1 2 3", "2026-11-21 10:00"]
)
def test_other_numbers_are_no_phone_numbers(text: str) -> None:
    assert traits(text) == NO_TRAIT


def test_qr_codes_by_word_and_by_field() -> None:
    assert traits("扫二维码") == traits("掃二維碼") == traits("scan the QR code") == Trait.QR
    assert traits("aqrcodes") == NO_TRAIT
    body = json.dumps({"type": 2, "url": "x", "qr_code": "abc"}).encode()
    assert read(message(1, payload=body)).traits == Trait.IMAGE | Trait.QR


def test_kinds_and_sources() -> None:
    image = json.dumps({"type": 2, "caption": "我们"}).encode()
    file = json.dumps({"type": 8, "name": "合同.docx"}).encode()
    command = json.dumps({"type": 99, "cmd": "revoke"}).encode()
    assert (read(message(1, payload=image)).text, read(message(1, payload=image)).traits) == ("我们", Trait.IMAGE)
    assert read(message(1, payload=file)).traits == Trait.FILE
    assert read(message(1, payload=command)).traits == Trait.COMMAND
    assert traits("x", channel=ChannelRef("g1____cmd", 2)) == Trait.COMMAND
    assert traits("x", from_uid="") == Trait.SYSTEM
    assert traits("x", is_stream=True, is_finished=False) == Trait.STREAM | Trait.UNFINISHED
    assert traits("x", is_stream=True) == Trait.STREAM


def test_what_was_said_takes_the_place_of_the_payload() -> None:
    reading = read(message(1, payload=b"", said="来了 a.com", is_stream=True))
    assert (reading.kind, reading.text, reading.traits) == (ContentKind.TEXT, "来了 a.com", Trait.STREAM | Trait.LINK)
    assert read(message(1, payload=b"\xff\xfe\x00\x01", said=None)).kind is ContentKind.BROKEN


@pytest.mark.parametrize(
    "text", ["a." * 500_000, "1" * 1_000_000, "13" * 500_000, "+" * 1_000_000, "1 " * 500_000, "+1" + "-" * 999_999, "a-" * 500_000,
             "x" * 1_000_000, "二维" * 300_000],
)  # fmt: skip
def test_a_body_of_a_megabyte_is_read(text: str) -> None:
    assert read(message(1, text)).text == text.strip()


@given(st.binary(max_size=200))
def test_any_bytes_can_be_read(body: bytes) -> None:
    assert read(message(1, payload=body)).traits & Trait.SYSTEM in (NO_TRAIT, Trait.SYSTEM)
