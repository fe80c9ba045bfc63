"""An OpenAPI schema as a person reads it: operations by tag, types in words, example bodies, curl lines."""

import json
import shlex
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

Schema = dict[str, Any]
DEEPEST = 6


@dataclass(frozen=True, slots=True)
class Field:
    """link: name of the schema the type refers to, ""."""

    name: str
    type: str
    link: str
    is_required: bool
    about: str
    place: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    status: str
    phrase: str
    type: str
    link: str


@dataclass(frozen=True, slots=True)
class Operation:
    id: str
    method: str
    path: str
    summary: str
    about: str
    parameters: tuple[Field, ...]
    body: tuple[Field, ...]
    body_link: str
    example: str
    replies: tuple[Reply, ...]
    curl: str


@dataclass(frozen=True, slots=True)
class Group:
    tag: str
    operations: tuple[Operation, ...]


def groups(schema: Schema, base: str) -> tuple[Group, ...]:
    """Operations by tag, in the order they are mounted.  base: scheme and host for the curl lines."""
    found: dict[str, list[Operation]] = {}
    for path, methods in schema["paths"].items():
        for method, raw in methods.items():
            tag = (raw.get("tags") or ["other"])[0]
            found.setdefault(tag, []).append(_operation(schema, base, path, method, raw))
    return tuple(Group(tag, tuple(operations)) for tag, operations in found.items())


def schemas(schema: Schema) -> tuple[tuple[str, str, tuple[Field, ...]], ...]:
    """(name, what it is, fields) of every named shape."""
    named = schema.get("components", {}).get("schemas", {})
    return tuple((name, _plain(raw.get("description", "")), _fields(raw)) for name, raw in sorted(named.items()))


def example(raw: Schema, named: Schema, depth: int = 0) -> Any:
    """A value of that shape, as small as it can be while showing every field."""
    if "$ref" in raw:
        return example(named[_ref(raw)], named, depth + 1) if depth < DEEPEST else {}
    for choice in ("anyOf", "allOf"):
        if choice in raw:
            return example(raw[choice][0], named, depth)
    if raw.get("default") not in (None, ""):
        return raw["default"]
    if "enum" in raw or "const" in raw:
        return raw.get("const", (raw.get("enum") or [""])[0])
    match raw.get("type"):
        case "object":
            fields = raw.get("properties", {})
            return {name: example(field, named, depth + 1) for name, field in fields.items()} if depth < DEEPEST else {}
        case "array":
            return [example(raw.get("items", {}), named, depth + 1)]
        case "integer" | "number":
            return raw.get("minimum", 1)
        case "boolean":
            return False
        case "null":
            return None
    return "2026-01-31T08:00:00Z" if raw.get("format") == "date-time" else "…"


def _operation(schema: Schema, base: str, path: str, method: str, raw: Schema) -> Operation:
    named = schema.get("components", {}).get("schemas", {})
    body = raw.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    sample = json.dumps(example(body, named), ensure_ascii=False, indent=2) if body else ""
    replies = []
    for status, reply in raw["responses"].items():
        contents: list[Schema] = list(reply.get("content", {}).values())
        shape = contents[0].get("schema", {}) if contents else {}
        kind, link = type_words(shape)
        replies.append(Reply(str(status), HTTPStatus(int(status)).phrase, kind, link))
    return Operation(
        id=raw["operationId"],
        method=method.upper(),
        path=path,
        summary=raw.get("summary", ""),
        about=_plain(raw.get("description", "")),
        parameters=tuple(_parameter(each) for each in raw.get("parameters", ())),
        body=_fields(named.get(_ref(body), body)) if body else (),
        body_link=_ref(body) if body else "",
        example=sample,
        replies=tuple(replies),
        curl=_curl(base + path, method.upper(), sample),
    )


def _parameter(raw: Schema) -> Field:
    kind, link = type_words(raw["schema"])
    about = raw.get("description") or raw["schema"].get("description", "")
    return Field(raw["name"], kind, link, bool(raw.get("required")), about, raw["in"])


def _fields(raw: Schema) -> tuple[Field, ...]:
    required = raw.get("required", ())
    fields = []
    for name, each in raw.get("properties", {}).items():
        kind, link = type_words(each)
        fields.append(Field(name, kind, link, name in required, each.get("description", "")))
    return tuple(fields)


def type_words(raw: Schema) -> tuple[str, str]:
    """("list of NodeOut", "NodeOut"): the type in words, and the named shape in it."""
    if "$ref" in raw:
        return _ref(raw), _ref(raw)
    for choice in ("anyOf", "oneOf", "allOf"):
        if choice in raw:
            kinds = [type_words(each) for each in raw[choice]]
            return " or ".join(kind for kind, _link in kinds), next((link for _kind, link in kinds if link), "")
    if "enum" in raw:
        return " | ".join(json.dumps(value, ensure_ascii=False) for value in raw["enum"]), ""
    if raw.get("type") == "array":
        kind, link = type_words(raw.get("items", {}))
        return f"list of {kind}", link
    extra = raw.get("additionalProperties")
    if raw.get("type") == "object" and isinstance(extra, dict):
        kind, link = type_words(extra)
        return f"object of {kind}", link
    kind = str(raw.get("type", "any"))
    limits = [f"{word} {raw[name]}" for name, word in LIMITS.items() if name in raw]
    if raw.get("format"):
        limits.insert(0, str(raw["format"]))
    return f"{kind} ({', '.join(limits)})" if limits else kind, ""


LIMITS = {"minimum": "from", "maximum": "to", "minLength": "at least", "maxLength": "at most"}


def _plain(text: str) -> str:
    """Back quotes are for other readers of the schema."""
    return text.replace("`", "")


def _ref(raw: Schema) -> str:
    return str(raw.get("$ref", "")).rpartition("/")[2]


def _curl(url: str, method: str, body: str) -> str:
    """The token is a variable, never a value."""
    words = ["curl", "-sS"] + ([] if method == "GET" else ["-X", method])
    line = shlex.join(words) + ' -H "Authorization: Bearer $IMADMIN_TOKEN"'
    if body:
        compact = json.dumps(json.loads(body), ensure_ascii=False)
        line += f" -H 'Content-Type: application/json' --data {shlex.quote(compact)}"
    return f"{line} {shlex.quote(url)}"
