"""JSON the way Go's encoding/json writes and reads it, error texts included.

Operators' tools meet these texts in error replies, so the simulator must produce the same ones.
"""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

GoType = str  # "string", "int", "int64", "uint8", "uint32", "uint64", "[]string", "[]uint8", "any", ...

_BOUNDS = {
    "uint8": (0, 2**8 - 1),
    "uint32": (0, 2**32 - 1),
    "uint64": (0, 2**64 - 1),
    "int": (-(2**63), 2**63 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "int32": (-(2**31), 2**31 - 1),
    "wkproto.DeviceFlag": (0, 255),
    "wkproto.DeviceLevel": (0, 255),
}
_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


class DecodeError(ValueError):
    """Carries Go's decoder text."""


@dataclass(frozen=True)
class Struct:
    """A Go struct: field name to type; `name` is what error texts call it."""

    name: str
    fields: Mapping[str, "GoType | Struct"]
    via: str = ""  # the embedded struct Go names on the way to the field


def dumps(value: Any) -> bytes:
    """Encode as Go does: no spaces, HTML-sensitive characters escaped, everything else raw UTF-8."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for character, escape in _ESCAPES.items():
        if character in text:
            text = text.replace(character, escape)
    return text.encode("utf-8", "replace")


def parse(body: bytes) -> Any:
    """Read one JSON value; raises DecodeError with Go's wording."""
    text = body.decode("utf-8", "replace")
    if not text.strip():
        raise DecodeError("EOF")
    try:
        value, _ = json.JSONDecoder().raw_decode(text.lstrip(" \t\r\n"))
    except json.JSONDecodeError as error:
        raise DecodeError(_syntax_text(error)) from None
    except RecursionError:
        raise DecodeError("exceeded max depth") from None
    return value


def _syntax_text(error: json.JSONDecodeError) -> str:
    rest = error.doc[error.pos :].lstrip(" \t\r\n")
    if not rest or error.msg.startswith("Unterminated"):
        return "unexpected EOF"
    where = {
        "Expecting property name enclosed in double quotes": "looking for beginning of object key string",
        "Expecting ':' delimiter": "after object key",
        "Expecting ',' delimiter": "after object key:value pair",
        "Invalid control character at": "in string literal",
    }.get(error.msg, "looking for beginning of value")
    return f"invalid character '{rest[0]}' {where}"


def decode(body: bytes, shape: Struct) -> dict[str, Any]:
    """Parse an object into the fields of `shape`; unknown fields are ignored, missing ones become Go's zero value."""
    return fill(parse(body), shape, go_value=_go_value_name(shape))


def _go_value_name(shape: Struct) -> str:
    return f"Go value of type {shape.name or 'struct'}"


def fill(value: Any, shape: Struct, go_value: str = "Go value") -> dict[str, Any]:
    if value is None:
        value = {}
    if not isinstance(value, dict):
        raise DecodeError(f"json: cannot unmarshal {_kind(value)} into {go_value}")
    given = {key.lower(): item for key, item in value.items()}
    prefix = f"{shape.name}.{shape.via}." if shape.via else f"{shape.name}."
    result: dict[str, Any] = {}
    for name, kind in shape.fields.items():
        item = given.get(name.lower())
        if isinstance(kind, Struct):
            result[name] = fill(item, kind)
        else:
            result[name] = zero(kind) if item is None else convert(item, kind, f"struct field {prefix}{name}")
    return result


def zero(kind: GoType) -> Any:
    if kind == "string":
        return ""
    if kind == "[]uint8":
        return b""
    if kind.startswith("[]"):
        return []
    return None if kind == "any" else 0


def convert(item: Any, kind: GoType, place: str) -> Any:
    """Check one JSON value against a Go type."""
    if kind == "any":
        return item
    if kind == "string":
        if isinstance(item, str):
            return _clean(item)
    elif kind == "[]uint8":
        if isinstance(item, str):
            return from_base64(item)
        if isinstance(item, list):  # Go takes the bytes one by one as well
            return bytes(convert(one, "uint8", place) for one in item)
    elif kind.startswith("[]"):
        if isinstance(item, list):
            return [zero(kind[2:]) if one is None else convert(one, kind[2:], place) for one in item]
    elif isinstance(item, int | float) and not isinstance(item, bool):
        low, high = _BOUNDS[kind]
        if isinstance(item, int) and low <= item <= high:
            return item
        raise DecodeError(f"json: cannot unmarshal number {item} into Go {place} of type {kind}")
    raise DecodeError(f"json: cannot unmarshal {_kind(item)} into Go {place} of type {kind}")


def string_list(body: bytes) -> list[str]:
    """A bare JSON array of strings, as `/user/onlinestatus` wants it."""
    value = parse(body)
    if not isinstance(value, list):
        raise DecodeError(f"json: cannot unmarshal {_kind(value)} into Go value of type []string")
    for item in value:
        if not isinstance(item, str):
            raise DecodeError(f"json: cannot unmarshal {_kind(item)} into Go value of type string")
    return value


def from_base64(text: str) -> bytes:
    """Standard alphabet with padding; names the first bad byte as Go does."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        data = text.encode()
        bad = next((index for index, byte in enumerate(data) if byte not in alphabet), len(data))
        raise DecodeError(f"illegal base64 data at input byte {bad}") from None


def to_base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _clean(text: str) -> str:
    """Lone surrogates become U+FFFD, as in Go."""
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")


def _kind(item: Any) -> str:
    if isinstance(item, bool):
        return "bool"
    if isinstance(item, Mapping):
        return "object"
    if isinstance(item, str):
        return "string"
    return "array" if isinstance(item, Sequence) else "number"
