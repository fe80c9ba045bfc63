"""Message bodies: bytes that any client may have written, read as far as they can be read.

Nothing here fails, whatever the bytes: what is no JSON object is plain text if people can read it, broken if not.
`text` holds what a person would read: words, captions, file and card names, the titles and lines of what was forwarded.
Texts are clean for every store and page: no NUL, no half characters.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from imadmin.gateway.types import Content, ContentKind

DEPTH = 24  # levels of nesting kept of a body
LINES = 100  # parts of a rich text or a forward that are read
READABLE = 0.9  # share of characters that must be text for bytes that aren't JSON

KINDS: Mapping[int, ContentKind] = {
    1: ContentKind.TEXT,
    2: ContentKind.IMAGE,
    3: ContentKind.GIF,
    4: ContentKind.VOICE,
    5: ContentKind.VIDEO,
    6: ContentKind.LOCATION,
    7: ContentKind.CARD,
    8: ContentKind.FILE,
    11: ContentKind.FORWARD,
    14: ContentKind.RICH_TEXT,
    99: ContentKind.COMMAND,
}
SYSTEM_TYPES = range(1000, 2001)

_NAMES: Mapping[ContentKind, tuple[str, ...]] = {
    ContentKind.TEXT: ("content", "text"),
    ContentKind.IMAGE: ("caption", "content", "text", "name"),
    ContentKind.GIF: ("title", "caption", "content", "name"),
    ContentKind.VOICE: ("content", "text", "caption"),
    ContentKind.VIDEO: ("caption", "content", "name", "title"),
    ContentKind.LOCATION: ("title", "address", "content"),
    ContentKind.CARD: ("name", "content", "title"),
    ContentKind.FILE: ("name", "caption", "content"),
    ContentKind.COMMAND: ("cmd",),
    ContentKind.CUSTOM: ("content", "text", "title", "name", "caption", "description"),
}
_JSON = json.JSONDecoder(parse_constant=lambda name: None)
_SAID = rb'"content": ?"([^"\\\x00-\x1f]*+)"'
_ONLY_TEXT = re.compile(rb"\{(?:" + _SAID + rb', ?"type": ?1|"type": ?1, ?' + _SAID + rb")\}")
_PLAIN = frozenset((str, int, bool, type(None)))
_UNREADABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffd]")
_HALF = re.compile("[\ud800-\udfff]")
_PLACE = re.compile(r"\{(\d{1,3})\}")


def decode(payload: bytes) -> Content:
    """What a body says.  Never raises."""
    try:
        return _plain_text(payload) or _decode(payload)
    except Exception:  # a body is anybody's bytes: showing none of it beats losing the page
        return Content(ContentKind.BROKEN, "")


def clean_text(text: str) -> str:
    """Text that every store and page takes: NUL dropped, half characters replaced."""
    if text.isascii() and "\x00" not in text:
        return text
    return _HALF.sub("\ufffd", text).replace("\x00", "")


def text_of(payload: bytes) -> str:
    """The text of a body alone: `decode(payload).text`, for those who read very many."""
    text = only_text_of(payload)
    return decode(payload).text if text is None else text


def only_text_of(payload: bytes) -> str | None:
    """What `text_of` says of a body that is a text and nothing else; None of all others."""
    found = _ONLY_TEXT.fullmatch(payload)
    if found is None:
        return None
    try:
        return (found[1] or found[2] or b"").decode("utf-8").strip()
    except UnicodeDecodeError:
        return None


def _plain_text(payload: bytes) -> Content | None:
    """Nearly every body: a text and nothing else, without escapes.  Many times faster than reading it as JSON."""
    found = _ONLY_TEXT.fullmatch(payload)
    if found is None:
        return None
    first, last = found.groups()
    try:
        text = (last if first is None else first).decode("utf-8")
    except UnicodeDecodeError:
        return None
    fields = {"type": 1, "content": text} if first is None else {"content": text, "type": 1}
    return Content(ContentKind.TEXT, text.strip(), fields, 1)


def _decode(payload: bytes) -> Content:
    try:
        value = _JSON.decode(payload.decode("utf-8"))
    except (ValueError, RecursionError):
        return _plain(payload)
    if isinstance(value, str):
        return Content(ContentKind.TEXT, clean_text(value))
    if not isinstance(value, dict):
        return _plain(payload)
    fields = value if _is_clean(value, payload) else _clean(value, DEPTH)
    number = _type_number(fields.get("type"))
    kind = _kind(number)
    return Content(kind, _text(kind, fields), fields, number)


def _plain(payload: bytes) -> Content:
    """Bytes that are no JSON object."""
    text = payload.decode("utf-8", errors="replace")
    unreadable = len(_UNREADABLE.findall(text))
    if not text.strip() or unreadable > (1 - READABLE) * len(text):
        return Content(ContentKind.BROKEN, "")
    is_text = not unreadable and not text.lstrip().startswith(("{", "["))
    return Content(ContentKind.TEXT if is_text else ContentKind.BROKEN, clean_text(text))


def _type_number(value: Any) -> int | None:
    if isinstance(value, str) and value.strip().isdecimal() and len(value) < 12:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63 else None


def _kind(number: int | None) -> ContentKind:
    if number is None:
        return ContentKind.CUSTOM
    if number in SYSTEM_TYPES:
        return ContentKind.SYSTEM
    return KINDS.get(number, ContentKind.CUSTOM)


def _text(kind: ContentKind, fields: Mapping[str, Any]) -> str:
    if kind is ContentKind.SYSTEM:
        return _filled(fields)
    if kind is ContentKind.FORWARD:
        return _joined(_forwarded(fields))
    if kind is ContentKind.RICH_TEXT:
        return _joined(_segments(fields))
    return _joined(_strings(fields, _NAMES[kind]))


def _strings(fields: Mapping[str, Any], names: tuple[str, ...]) -> Iterator[str]:
    for name in names:
        value = fields.get(name)
        if isinstance(value, str):
            yield value


def _filled(fields: Mapping[str, Any]) -> str:
    """A system sentence like `{0} invited {1}`, with the names it carries along."""
    content, extra = fields.get("content"), fields.get("extra")
    people = extra if isinstance(extra, list) else []

    def name(place: re.Match[str]) -> str:
        index = int(place.group(1))
        person = people[index] if index < len(people) else None
        found = (person.get("name") or person.get("uid")) if isinstance(person, dict) else person
        return found if isinstance(found, str) else place.group(0)

    return _PLACE.sub(name, content) if isinstance(content, str) else ""


def _forwarded(fields: Mapping[str, Any]) -> Iterator[str]:
    """The title of a forward, and each line of it that has words."""
    yield from _strings(fields, ("title", "content"))
    lines = fields.get("msgs")
    for line in lines[:LINES] if isinstance(lines, list) else ():
        body = line.get("payload", line) if isinstance(line, dict) else None
        if isinstance(body, dict):
            kind = _kind(_type_number(body.get("type")))
            yield from _strings(body, ("title",) if kind is ContentKind.FORWARD else _NAMES.get(kind, ("content",)))


def _segments(fields: Mapping[str, Any]) -> Iterator[str]:
    """Words of a rich text: a list of segments, or one string."""
    yield from _strings(fields, ("title", "plain", "content", "text"))
    segments = fields.get("content")
    for segment in segments[:LINES] if isinstance(segments, list) else ():
        if isinstance(segment, str):
            yield segment
        elif isinstance(segment, dict):
            yield from _strings(segment, ("text", "content", "name", "caption"))


def _joined(parts: Iterator[str]) -> str:
    """Each text once, in order, a line each."""
    return "\n".join(dict.fromkeys(part for part in (part.strip() for part in parts) if part))


def _is_clean(value: Mapping[str, Any], payload: bytes) -> bool:
    """Most bodies: flat, and without an escape that could stand for NUL or half a character."""
    return b"\\u" not in payload and all(type(part) in _PLAIN for part in value.values())


def _clean(value: Any, depth: int) -> Any:
    """JSON as every store takes it; what lies deeper than anyone nests is cut off."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, (dict, list)) and not depth:
        return None
    if isinstance(value, dict):
        return {clean_text(name): _clean(part, depth - 1) for name, part in value.items()}
    if isinstance(value, list):
        return [_clean(part, depth - 1) for part in value]
    return value
