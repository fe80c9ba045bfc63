"""A page of /connz turned into rows, fast: a busy cluster has fifty thousand of them, each listed by two nodes.

So a page is first cut into the rows of the asked node, which are all parsed at once, and those it tells of other nodes,
which are parsed only when their own node doesn't tell them.  Whatever doesn't look as expected is read the careful way.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import Any

from pydantic_core import SchemaValidator, ValidationError, core_schema, from_json

from imadmin.gateway.connection_types import ConnectionRow
from imadmin.gateway.kinds.wukongim2 import shapes
from imadmin.gateway.kinds.wukongim2.shapes import WrongShape
from imadmin.gateway.kinds.wukongim2.wire import device_of

Key = tuple[int, int]  # node, id
Raw = tuple[Any, ...]  # node_id, id, and the rest of a row as the server wrote it; made a ConnectionRow by `row`


@dataclass(frozen=True, slots=True)
class ConnectionPage:
    """own: rows of the asked node's sockets; others: those it tells of elsewhere, parsed or as they came.

    first: key of the first row, None when there is none; count: all rows.  total: the node's sockets, not rows.
    """

    own: dict[Key, Raw]
    others: dict[Key, Raw | bytes]
    first: Key | None
    count: int
    total: int


# Wire names in the order of ConnectionRow; "device" stands for two of its fields.
_NAMES = (
    "node_id", "id", "leader_id", "uid", "device", "device_id", "ip", "port", "uptime", "idle", "in_msgs", "out_msgs",
    "in_packet_bytes", "out_packet_bytes", "version",
)  # fmt: skip
_TEXTS = frozenset({"uid", "device", "device_id", "ip", "uptime", "idle"})
_pick = itemgetter(*_NAMES)
_text, _number = core_schema.str_schema(strict=True), core_schema.int_schema(strict=True)
_rows = SchemaValidator(
    core_schema.list_schema(
        core_schema.typed_dict_schema(
            {name: core_schema.typed_dict_field(_text if name in _TEXTS else _number) for name in _NAMES},
            extra_behavior="ignore",
        )
    )
)

_START, _BETWEEN, _END = b'{"connections":[{', b"},{", b"}],"
_LAST = b'"node_id":'  # of a row, before its number.  No text can hold it: quotes in texts are escaped


def page_reader(node: int) -> Callable[[bytes], ConnectionPage | None]:
    """For a page told by this node: reads it, or gives None when it has to be read the careful way."""
    mine = _LAST + str(node).encode()

    def read(body: bytes) -> ConnectionPage | None:
        if b"\\u0000" in body or not body.startswith(_START):
            return None
        inner, _, rest = body[len(_START) :].rpartition(_END)
        pieces = inner.split(_BETWEEN)
        try:
            # A text with },{ in it was cut too; then a piece has no number at its end, or is no JSON.
            own = [piece for piece in pieces if piece.endswith(mine)]
            others: dict[Key, Raw | bytes] = {_key(piece): piece for piece in pieces if not piece.endswith(mine)}
            if any(key[0] == node for key in others):
                return None  # written in another way
            parsed = list(map(_pick, _rows.validate_json(b"[{" + _BETWEEN.join(own) + b"}]"))) if own else []
            total = from_json(b"{" + rest)["total"]
            first = _key(pieces[0])
        except (ValidationError, ValueError, KeyError, TypeError):
            return None
        return ConnectionPage({raw[:2]: raw for raw in parsed}, others, first, len(pieces), int(total))

    return read


def _key(piece: bytes) -> Key:
    """Raises ValueError when it isn't a whole row."""
    if not piece.startswith(b'"id":'):
        raise ValueError("no row")
    return int(piece[piece.rindex(_LAST) + len(_LAST) :]), int(piece[5 : piece.index(b",")])


def careful_reader(node: int) -> Callable[[Any], ConnectionPage]:
    """The same from decoded JSON: zero values may be missing, texts are cleaned.  Raises WrongShape."""

    def read(answer: Any) -> ConnectionPage:
        whole = shapes.whole(answer)
        rows = [_careful(found) for found in shapes.rows(whole.get("connections"))]
        return ConnectionPage(
            {raw[:2]: raw for raw in rows if raw[0] == node},
            {raw[:2]: raw for raw in rows if raw[0] != node},
            rows[0][:2] if rows else None,
            len(rows),
            shapes.number(whole, "total"),
        )

    return read


def _careful(found: shapes.Row) -> Raw:
    values: dict[str, Any] = {
        name: shapes.text(found, name) if name in _TEXTS else shapes.number(found, name) for name in _NAMES
    }
    if not values["node_id"] or not values["id"]:
        raise WrongShape("id")
    picked: Raw = _pick(values)
    return picked


def row(raw: Raw | bytes) -> ConnectionRow:
    """Raises WrongShape for bytes that turn out to be no row."""
    if isinstance(raw, bytes):
        try:
            raw = _careful(from_json(b"{" + raw + b"}"))
        except ValueError:
            raise WrongShape("row") from None
    return made([raw])[0]


def made(raws: list[Raw]) -> list[ConnectionRow]:
    """Column by column, which takes half the time of row by row."""
    if not raws:
        return []
    nodes, ids, leaders, uids, devices, device_ids, addresses, ports, uptimes, idles, *counts = zip(*raws, strict=True)
    kinds = list(map(device_of, devices))
    return list(
        map(
            ConnectionRow._make,
            zip(
                nodes, ids, leaders, uids, [kind[0] for kind in kinds], [kind[1] for kind in kinds], device_ids,
                addresses, ports, map(_long, uptimes), map(_short, idles), *counts, strict=True,
            ),
        )
    )  # fmt: skip


_LONG = re.compile(r"(?:(\d+)y)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")


def _seconds(written: str) -> int:
    """Of 1d2h3m4s; 0 for what says nothing."""
    found = _LONG.fullmatch(written)
    if not found:
        return int(shapes.duration(written) or 0)
    years, days, hours, minutes, seconds = found.groups(0)
    return (((int(years) * 365 + int(days)) * 24 + int(hours)) * 60 + int(minutes)) * 60 + int(seconds)


_short = lru_cache(16 * 1024)(_seconds)  # nobody is idle for long, so few texts come again and again


def _long(written: str) -> int:
    """The same in two halves, each of which comes again and again where the whole doesn't."""
    head, minutes, tail = written.partition("m")
    return _short(written) if tail in ("", "s") else _short(head + minutes) + _short(tail)
