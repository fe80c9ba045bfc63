"""Message bodies: whatever the bytes, something that every page and store takes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imadmin.gateway.payload import _decode, decode, text_of
from imadmin.gateway.types import Content, ContentKind

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
names = st.sampled_from(["type", "content", "name", "extra", "msgs", "title", "cmd", "payload", "text", "x"])
likely = st.sampled_from([1, 2, 5, 8, 11, 14, 99, 1001, "1", {"type": 11}, [{"payload": {"type": 1, "content": "x"}}]])
bodies = st.dictionaries(names | st.text(), json_values | likely)


def assert_clean(content: Content) -> None:
    assert isinstance(content.kind, ContentKind)
    assert "\x00" not in content.text
    content.text.encode()
    json.dumps(content.fields, allow_nan=False, ensure_ascii=False).encode()


@given(st.binary())
def test_any_bytes_are_read(raw: bytes):
    assert_clean(decode(raw))


@given(bodies)
def test_any_json_is_read(body):
    for ascii_only in (True, False):
        assert_clean(decode(json.dumps(body, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")))


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1))
def test_the_words_of_a_text_come_back_however_they_were_escaped(words: str):
    for ascii_only in (True, False):
        content = decode(json.dumps({"type": 1, "content": words}, ensure_ascii=ascii_only).encode())
        assert content.text == words.strip()
        assert content.kind is ContentKind.TEXT


@pytest.mark.parametrize(
    ("body", "kind", "text"),
    [
        ({"type": 1, "content": "你好"}, ContentKind.TEXT, "你好"),
        ({"type": "1", "content": "text"}, ContentKind.TEXT, "text"),
        ({"type": 2, "url": "http://x/y.png", "caption": "our cat"}, ContentKind.IMAGE, "our cat"),
        ({"type": 2, "url": "http://x/y.png"}, ContentKind.IMAGE, ""),
        ({"type": 4, "url": "x", "timeTrad": 3}, ContentKind.VOICE, ""),
        ({"type": 6, "title": "Cafe", "address": "Main St 1", "lat": 1.0}, ContentKind.LOCATION, "Cafe\nMain St 1"),
        ({"type": 7, "uid": "u1", "name": "Anna"}, ContentKind.CARD, "Anna"),
        ({"type": 8, "name": "合同.pdf", "size": 12}, ContentKind.FILE, "合同.pdf"),
        (
            {"type": 11, "title": "聊天记录", "msgs": [
                {"payload": {"type": 1, "content": "hi"}}, {"payload": {"type": 8, "name": "a.txt"}}, 7,
                {"payload": {"type": 11, "title": "inner", "msgs": []}},
            ]},
            ContentKind.FORWARD, "聊天记录\nhi\na.txt\ninner",
        ),
        ({"type": 14, "content": [{"text": "bold"}, {"url": "x"}, "plain"]}, ContentKind.RICH_TEXT, "bold\nplain"),
        ({"type": 99, "cmd": "typing"}, ContentKind.COMMAND, "typing"),
        (
            {"type": 1002, "content": "{0} invited {1} {9}", "extra": [{"uid": "a", "name": "Anna"}, {"uid": "b"}]},
            ContentKind.SYSTEM, "Anna invited b {9}",
        ),
        ({"type": 777, "title": "an order", "price": 3}, ContentKind.CUSTOM, "an order"),
        ({"content": "no type"}, ContentKind.CUSTOM, "no type"),
        ({"type": True, "content": "odd type"}, ContentKind.CUSTOM, "odd type"),
        ({"type": 1, "content": {"not": "text"}}, ContentKind.TEXT, ""),
    ],
)  # fmt: skip
def test_what_a_person_would_read(body: dict, kind: ContentKind, text: str):
    content = decode(json.dumps(body, ensure_ascii=False).encode())
    assert (content.kind, content.text) == (kind, text)
    assert content.fields == body


@pytest.mark.parametrize(
    ("raw", "kind", "text"),
    [
        (b"hello", ContentKind.TEXT, "hello"),
        ("纯文本".encode(), ContentKind.TEXT, "纯文本"),
        (b'"a string"', ContentKind.TEXT, "a string"),
        (b"42", ContentKind.TEXT, "42"),
        (b"", ContentKind.BROKEN, ""),
        (b"   ", ContentKind.BROKEN, ""),
        (b'{"type":1,"content":"cut o', ContentKind.BROKEN, '{"type":1,"content":"cut o'),
        (bytes(range(256)), ContentKind.BROKEN, ""),
        (b"\x1f\x8b\x08\x00\x00", ContentKind.BROKEN, ""),
        (b"[" * 100_000, ContentKind.BROKEN, "[" * 100_000),
    ],
)
def test_bytes_that_are_no_json_object(raw: bytes, kind: ContentKind, text: str):
    content = decode(raw)
    assert (content.kind, content.text) == (kind, text)
    assert content.fields == {}


def test_half_characters_and_nul_are_taken_out():
    content = decode(rb'{"type":1,"content":"a\u0000b\ud800c","\ud800":"x"}')
    assert content.text == "ab\ufffdc"
    assert_clean(content)


def test_deep_nesting_and_huge_numbers_are_survived():
    deep = b'{"type":1,"content":"x","y":' + b'{"a":' * 200 + b"1" + b"}" * 200 + b"}"
    assert decode(deep).text == "x"
    assert_clean(decode(deep))
    assert_clean(decode(b'{"type":1,"content":"x","y":1e999,"z":NaN}'))
    assert decode(b'{"type":' + b"9" * 5000 + b"}").kind is ContentKind.BROKEN


@given(st.text(), st.booleans(), st.sampled_from([(",", ":"), (", ", ": ")]))
def test_the_quick_way_reads_what_the_long_one_reads(text: str, comes_first: bool, separators: tuple[str, str]) -> None:
    fields = {"content": text, "type": 1} if comes_first else {"type": 1, "content": text}
    body = json.dumps(fields, ensure_ascii=False, separators=separators).encode("utf-8", "surrogatepass")
    assert decode(body) == _decode(body)
    assert text_of(body) == _decode(body).text


@given(st.binary(max_size=30), st.sampled_from([b'{"type":1,"content":"%s"}', b'{"content": "%s", "type": 1}']))
def test_the_quick_way_reads_any_bytes_as_the_long_one(body: bytes, around: bytes) -> None:
    assert decode(around % body) == _decode(around % body)
    assert text_of(around % body) == _decode(around % body).text
