"""Rows and arrays of numbers as PostgreSQL reads them in binary: packed here in one go, for the driver does so value
by value, which is most of what taking a message in costs this side.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from struct import Struct
from typing import NamedTuple

import psycopg
from psycopg.adapt import Dumper
from psycopg.pq import Format

_INT4, _INT4S, _INT8, _INT8S = 23, 1007, 20, 1016
_MOST_KNOWN = 512
_LENGTH = Struct(">i")
_LONG = Struct(">iq")
_PLACE = Struct(">hiqiqiqiq")
_MARKS = Struct(">iiiiiiih")
_NULL = _LENGTH.pack(-1)
_SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_END = b"\xff\xff"
_COLUMNS = 15

# Of the columns of `Row`, in their order.
COPY = """COPY msg (rid, id, seq, at, expire, chan, sender, traits, kind, client, topic, payload, said, grams, normal)
    FROM STDIN (FORMAT BINARY)"""


class Row(NamedTuple):
    rid: int
    id: int
    seq: int
    at: int
    expire: int | None
    chan: int
    sender: int
    traits: int
    kind: int
    client: str
    topic: str
    payload: bytes
    said: str | None
    grams: Sequence[int]
    normal: str | None


def copied(rows: Iterable[Row]) -> bytes:
    """All that `COPY` reads."""
    return b"".join((_SIGNATURE, *(part for row in rows for part in _parts(row)), _END))


def _parts(row: Row) -> tuple[bytes, ...]:
    rid, mid, seq, at, expire, chan, sender, traits, kind, client, topic, payload, said, grams, normal = row
    numbers = int4s(grams)
    return (
        _PLACE.pack(_COLUMNS, 8, rid, 8, mid, 8, seq, 8, at),
        _NULL if expire is None else _LONG.pack(8, expire),
        _MARKS.pack(4, chan, 4, sender, 4, traits, 2, kind),
        _text(client), _text(topic), _LENGTH.pack(len(payload)), payload,
        _NULL if said is None else _text(said),
        _LENGTH.pack(len(numbers)), numbers,
        _NULL if normal is None else _text(normal),
    )  # fmt: skip


def _text(text: str) -> bytes:
    encoded = text.encode()
    return _LENGTH.pack(len(encoded)) + encoded


def int4s(numbers: Sequence[int]) -> bytes:
    return _array(numbers, _INT4, 4, "i")


def _array(numbers: Sequence[int], kind: int, size: int, letter: str) -> bytes:
    """Head: how many dimensions, whether there are nulls, of what type, how many, from which index on."""
    count = len(numbers)
    if not count:
        return _of(0, "").pack(0, 0, kind)
    flat = [size] * (2 * count)
    flat[1::2] = numbers
    layout = _of(count, letter) if count <= _MOST_KNOWN else _made(count, letter)
    return layout.pack(1, 0, kind, count, 1, *flat)


def _made(count: int, letter: str) -> Struct:
    return Struct(f">5i{f'i{letter}' * count}" if count else ">3i")


_of = lru_cache(maxsize=2 * _MOST_KNOWN)(_made)


class Int4s(list[int]):
    """As a value of a query: an `int4[]`."""


class Int8s(list[int]):
    """As a value of a query: an `int8[]`."""


class _Int4sDumper(Dumper):
    format = Format.BINARY
    oid = _INT4S

    def dump(self, obj: list[int]) -> bytes:
        return int4s(obj)


class _Int8sDumper(Dumper):
    format = Format.BINARY
    oid = _INT8S

    def dump(self, obj: list[int]) -> bytes:
        return _array(obj, _INT8, 8, "q")


psycopg.adapters.register_dumper(Int4s, _Int4sDumper)
psycopg.adapters.register_dumper(Int8s, _Int8sDumper)
