"""A page of /connz turned into rows, fast: a busy cluster has fifty thousand of them, each listed by two nodes.

The server writes every row alike, so one expression reads a page three times as fast as a JSON parser does.  A page
with anything else in it (escaped characters, other fields) is read the careful way.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from imadmin.gateway.connection_types import ConnectionRow
from imadmin.gateway.kinds.wukongim2 import shapes
from imadmin.gateway.kinds.wukongim2.shapes import WrongShape
from imadmin.gateway.kinds.wukongim2.wire import device_of

Key = tuple[int, int]  # node, id
Raw = tuple[bytes, ...]  # what _ROW found
Found = Raw | ConnectionRow


@dataclass(frozen=True, slots=True)
class ConnectionPage:
    """own: rows of the asked node's sockets; others: those it tells of elsewhere.  `made` makes rows of them.

    first: key of the first row, None when there is none; count: all rows.  total: the node's sockets, not rows.
    """

    own: dict[Key, Found]
    others: dict[Key, Found]
    first: Key | None
    count: int
    total: int


# In the order the server writes them (connz.go); what is None isn't wanted.
_NUMBER, _TEXT, _SKIPPED = rb"(\d{1,19})", rb'"([^"\\]*)"', rb'(?:\d+|"[^"\\]*")'
_WRITTEN = (
    ("id", _NUMBER), ("uid", _TEXT), ("ip", _TEXT), ("port", _NUMBER), ("last_activity", _SKIPPED),
    ("uptime", _TEXT), ("idle", _TEXT), ("pending_bytes", _SKIPPED), ("in_msgs", _NUMBER), ("out_msgs", _NUMBER),
    ("in_msg_bytes", _SKIPPED), ("out_msg_bytes", _SKIPPED), ("in_packets", _SKIPPED), ("out_packets", _SKIPPED),
    ("in_packet_bytes", _NUMBER), ("out_packet_bytes", _NUMBER), ("device", _TEXT), ("device_id", _TEXT),
    ("version", _NUMBER), ("proxy_type_format", _SKIPPED), ("leader_id", _NUMBER), ("node_id", _NUMBER),
)  # fmt: skip
_NAMES = tuple(name for name, value in _WRITTEN if value is not _SKIPPED)
_TEXTS = frozenset(name for name, value in _WRITTEN if value is _TEXT)
_ROW = re.compile(rb"\{" + b",".join(b'"%b":%b' % (name.encode(), value) for name, value in _WRITTEN) + rb"\}")
_START, _END, _LAST = b'{"connections":[{', b"}],", b'"node_id":'


def page_reader(node: int) -> Callable[[bytes], ConnectionPage | None]:
    """For a page told by this node: reads it, or gives None when it has to be read the careful way."""
    mine = str(node).encode()

    def read(body: bytes) -> ConnectionPage | None:
        found: list[Raw] = _ROW.findall(body)
        # No text can hold the last name: quotes in texts are escaped.  So this many rows there are, and all were read.
        if not found or not body.startswith(_START) or len(found) != body.count(_LAST):
            return None
        try:
            body.decode()
            total = json.loads(b"{" + body[body.rindex(_END) + len(_END) :])["total"]
        except (ValueError, KeyError):
            return None
        nodes = {raw[-1]: int(raw[-1]) for raw in found}
        own: dict[Key, Found] = {(node, int(raw[0])): raw for raw in found if raw[-1] == mine}
        others: dict[Key, Found] = {(nodes[raw[-1]], int(raw[0])): raw for raw in found if raw[-1] != mine}
        if type(total) is not int or not all(nodes.values()) or (node, 0) in own:
            return None
        return ConnectionPage(own, others, (nodes[found[0][-1]], int(found[0][0])), len(found), total)

    return read


def careful_reader(node: int) -> Callable[[Any], ConnectionPage]:
    """The same from decoded JSON: zero values may be missing, texts are cleaned.  Raises WrongShape."""

    def read(answer: Any) -> ConnectionPage:
        whole = shapes.whole(answer)
        rows = [_careful(found) for found in shapes.rows(whole.get("connections"))]
        return ConnectionPage(
            {row.key: row for row in rows if row.node_id == node},
            {row.key: row for row in rows if row.node_id != node},
            rows[0].key if rows else None,
            len(rows),
            shapes.number(whole, "total"),
        )

    return read


def _careful(found: shapes.Row) -> ConnectionRow:
    values: dict[str, Any] = {
        name: shapes.text(found, name) if name in _TEXTS else shapes.number(found, name) for name in _NAMES
    }
    if not values["node_id"] or not values["id"]:
        raise WrongShape("id")
    flag, level = device_of(values["device"])
    return ConnectionRow(
        values["node_id"], values["id"], values["leader_id"], values["uid"], flag, level, values["device_id"],
        values["ip"], values["port"], seconds(values["uptime"]), seconds(values["idle"]), values["in_msgs"],
        values["out_msgs"], values["in_packet_bytes"], values["out_packet_bytes"], values["version"],
    )  # fmt: skip


def made(found: Sequence[Found]) -> list[ConnectionRow]:
    """Rows in that order.  Column by column, which takes half the time of row by row."""
    raws: list[Raw] = [one for one in found if not isinstance(one, ConnectionRow)]
    if len(raws) == len(found):
        return _of_columns(raws) if raws else []
    return [one if isinstance(one, ConnectionRow) else _of_columns([one])[0] for one in found]


def _of_columns(raws: list[Raw]) -> list[ConnectionRow]:
    column = dict(zip(_NAMES, zip(*raws, strict=True), strict=True))
    kinds = [_device(text) for text in column["device"]]

    def numbers(name: str) -> Any:
        return map(int, column[name])

    def texts(name: str) -> Any:
        return map(bytes.decode, column[name])

    return list(
        map(
            ConnectionRow._make,
            zip(
                numbers("node_id"), numbers("id"), numbers("leader_id"), texts("uid"), [kind[0] for kind in kinds],
                [kind[1] for kind in kinds], texts("device_id"), texts("ip"), numbers("port"),
                map(_long, column["uptime"]), map(_short, column["idle"]), numbers("in_msgs"), numbers("out_msgs"),
                numbers("in_packet_bytes"), numbers("out_packet_bytes"), numbers("version"), strict=True,
            ),
        )
    )  # fmt: skip


@lru_cache(256)
def _device(written: bytes) -> tuple[Any, str]:
    return device_of(written.decode())


_LONG = re.compile(r"(?:(\d+)y)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")


def seconds(written: str) -> int:
    """Of 1d2h3m4s; 0 for what says nothing."""
    found = _LONG.fullmatch(written)
    if not found:
        return int(shapes.duration(written) or 0)
    years, days, hours, minutes, rest = found.groups(0)
    return (((int(years) * 365 + int(days)) * 24 + int(hours)) * 60 + int(minutes)) * 60 + int(rest)


@lru_cache(16 * 1024)  # nobody is idle for long, so few texts come again and again
def _short(written: bytes) -> int:
    return seconds(written.decode())


def _long(written: bytes) -> int:
    """The same in two halves, each of which comes again and again where the whole doesn't."""
    head, minutes, tail = written.partition(b"m")
    return _short(written) if tail in (b"", b"s") else _short(head + minutes) + _short(tail)
