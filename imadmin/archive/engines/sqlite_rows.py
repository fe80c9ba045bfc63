"""Rows of the tables as values and back; the numbers of channels and senders."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

from imadmin.archive import clocks
from imadmin.archive.engines.base import RID_SHIFT
from imadmin.archive.engines.shared import KINDS, chunks, id_of, number
from imadmin.archive.engines.sqlite_file import Link
from imadmin.archive.grams import grams, tokens
from imadmin.archive.rows import Stored, Trait
from imadmin.archive.texts import normal_of
from imadmin.gateway import payload
from imadmin.gateway.payload import clean_text
from imadmin.gateway.types import ChannelRef

COLUMNS = """m.rid, m.mid, m.seq, c.type, c.cid, s.uid, m.at, m.kind, m.traits, m.payload, m.client, m.expire, m.topic,
    m.said"""
JOINS = "CROSS JOIN chan c ON c.id = m.chan CROSS JOIN sender s ON s.id = m.sender"


class _Traits(dict[int, Trait]):
    def __missing__(self, bits: int) -> Trait:
        self[bits] = made = Trait(bits)
        return made


traits_of = _Traits()
channel_of = lru_cache(maxsize=50_000)(ChannelRef)  # the same few stand in most rows


def stored(row: Sequence[Any]) -> Stored:
    rid, mid, seq, channel_type, cid, uid, at, kind, traits, body, client, expire, topic, said = row
    text = payload.text_of(body) if said is None else said
    return Stored(  # by place: this is a good part of the time that a page of hits takes
        rid, id_of(mid), seq, channel_of(cid, channel_type), uid, at, KINDS[kind], traits_of[traits], body, client,
        expire, topic, said, text,
    )  # fmt: skip


def indexed(row: Stored) -> str:
    """What the index holds of a row."""
    return indexed_text(normal_of(row), tokens(row.channel, row.from_uid, row.kind, row.traits, row.client_msg_no))


def indexed_text(normal: str, marks: list[str]) -> str:
    return " ".join(grams(normal) + marks)


def select(db: sqlite3.Connection, where: str, values: Sequence[Any]) -> list[Stored]:
    """Rows of msg (as m)."""
    return [stored(row) for row in db.execute(f"SELECT {COLUMNS} FROM msg m {JOINS} {where}", values)]  # noqa: S608


def by_mids(db: sqlite3.Connection, mids: Iterable[int]) -> Iterator[Stored]:
    for chunk in chunks(mids):
        yield from select(db, f"WHERE m.mid IN ({','.join('?' * len(chunk))})", chunk)


def span_of_times(db: sqlite3.Connection) -> tuple[int | None, int | None]:
    """The first and the last time of a message that can be."""
    low, end = (second << RID_SHIFT for second in clocks.bounds())
    sql = "SELECT at FROM msg WHERE rid >= ? AND rid < ? ORDER BY rid {} LIMIT 1"
    first, last = (db.execute(sql.format(way), (low, end)).fetchone() for way in ("", "DESC"))
    return (first[0], last[0]) if first and last else (None, None)


def channel_number(link: Link, channel: ChannelRef) -> int:
    """The number of a channel here; one that is new gets the next."""
    found = link.channels.get(channel)
    if found is None:
        key = (number(channel.type), clean_text(channel.id))
        found = find_channel(link.db, channel)
        if found is None:
            found = _new_row(link.db, "INSERT INTO chan (type, cid) VALUES (?, ?)", key)
        link.channels[channel] = found
    return found


def find_channel(db: sqlite3.Connection, channel: ChannelRef) -> int | None:
    key = (number(channel.type), clean_text(channel.id))
    row = db.execute("SELECT id FROM chan WHERE type = ? AND cid = ?", key).fetchone()
    return int(row[0]) if row else None


def sender_number(link: Link, uid: str) -> int:
    found = link.senders.get(uid)
    if found is None:
        key = (clean_text(uid),)
        row = link.db.execute("SELECT id FROM sender WHERE uid = ?", key).fetchone()
        found = int(row[0]) if row else _new_row(link.db, "INSERT INTO sender (uid) VALUES (?)", key)
        link.senders[uid] = found
    return found


def _new_row(db: sqlite3.Connection, sql: str, values: Sequence[Any]) -> int:
    made = db.execute(sql, values).lastrowid
    assert made is not None
    return made


def read_note(db: sqlite3.Connection, name: str) -> str:
    row = db.execute("SELECT value FROM note WHERE name = ?", (name,)).fetchone()
    return str(row[0]) if row else ""


def write_note(db: sqlite3.Connection, name: str, value: str) -> None:
    if value:
        db.execute("INSERT INTO note (name, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
                   (name, value))  # fmt: skip
    else:
        db.execute("DELETE FROM note WHERE name = ?", (name,))
