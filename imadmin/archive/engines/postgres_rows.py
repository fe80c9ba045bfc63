"""Rows of the tables as values and back; what the index holds of a message; numbers of channels and senders."""

from collections.abc import Iterable, Sequence
from typing import Any

from psycopg import Cursor

from imadmin.archive.engines.postgres_covers import IndexKind, storable
from imadmin.archive.engines.postgres_keys import keys
from imadmin.archive.engines.shared import KINDS, id_of, number
from imadmin.archive.grams import grams, tokens
from imadmin.archive.norm import norm
from imadmin.archive.rows import Stored, Trait
from imadmin.gateway import payload
from imadmin.gateway.payload import clean_text
from imadmin.gateway.types import ChannelRef

_MOST_NAMES = 200_000
_COLUMNS = """m.rid, m.id, m.seq, c.type, c.cid, s.uid, m.at, m.kind, m.traits, m.payload, m.client, m.expire, m.topic,
    m.said"""
Name = tuple[int, str]


def select(cursor: Cursor[Any], messages: str, values: Sequence[Any], order: str = "") -> list[Stored]:
    """messages: SQL of some rows of msg, in an order that `order` says again (of m) for the rows with their names."""
    rows = cursor.execute(
        f"SELECT {_COLUMNS} FROM ({messages}) m JOIN chan c ON c.number = m.chan "  # noqa: S608
        f"JOIN sender s ON s.number = m.sender {order and f'ORDER BY {order}'}",
        values,
    )
    return [stored(row) for row in rows]


def stored(row: Sequence[Any]) -> Stored:
    rid, mid, seq, channel_type, cid, uid, at, kind, traits, body, client, expire, topic, said = row
    return Stored(
        rid=rid,
        id=id_of(mid),
        seq=seq,
        channel=ChannelRef(cid, channel_type),
        from_uid=uid,
        sent_at=at,
        kind=KINDS[kind],
        traits=Trait(traits),
        payload=bytes(body),
        client_msg_no=client,
        expire=expire,
        topic=topic,
        said=said,
        text=payload.decode(body).text if said is None else said,
    )


def by_mids(cursor: Cursor[Any], mids: Iterable[int]) -> list[Stored]:
    return select(cursor, "SELECT msg.* FROM mid JOIN msg USING (rid) WHERE mid.id = ANY(%s)", (list(mids),))


def indexed(kind: IndexKind, text: str, marks: Iterable[str]) -> tuple[list[int], str | None]:
    """(grams, normal) of a message that says this and has these tokens."""
    normal = norm(text)
    if kind is IndexKind.BIGM:
        return keys((), marks), storable(normal)
    return keys(grams(normal), marks), None


def indexed_row(kind: IndexKind, row: Stored) -> tuple[list[int], str | None]:
    marks = tokens(row.channel, row.from_uid, row.kind, row.traits, row.client_msg_no)
    return indexed(kind, row.text, marks)


def name_of(channel: ChannelRef) -> Name:
    return number(channel.type), clean_text(channel.id)


class Names:
    """The numbers of channels and senders that this process has learnt.  Used by whoever is writing, alone."""

    def __init__(self) -> None:
        self._birth = ""
        self._channels: dict[Name, int] = {}
        self._senders: dict[str, int] = {}

    def forget(self) -> None:
        self._channels.clear()
        self._senders.clear()

    def check(self, cursor: Cursor[Any]) -> None:
        """An archive that was dropped and made again gives the same numbers to other names."""
        birth = read_note(cursor, "birth")
        if birth != self._birth or len(self._channels) + len(self._senders) > _MOST_NAMES:
            self.forget()
        self._birth = birth

    def channels(self, cursor: Cursor[Any], names: Iterable[Name]) -> dict[Name, int]:
        """Their numbers; new ones get the next."""
        wanted = set(names)
        unknown = [name for name in wanted if name not in self._channels]
        if unknown:
            self._channels |= find_channels(cursor, unknown)
            fresh = sorted(name for name in unknown if name not in self._channels)
            rows = cursor.execute(
                "INSERT INTO chan (type, cid) SELECT * FROM unnest(%s::int8[], %s::text[]) RETURNING type, cid, number",
                ([name[0] for name in fresh], [name[1] for name in fresh]),
            )
            self._channels |= {(kind, cid): found for kind, cid, found in rows}
        return {name: self._channels[name] for name in wanted}

    def senders(self, cursor: Cursor[Any], uids: Iterable[str]) -> dict[str, int]:
        wanted = set(uids)
        unknown = sorted(uid for uid in wanted if uid not in self._senders)
        if unknown:
            known = cursor.execute(
                "SELECT s.uid, s.number FROM unnest(%s::text[]) u JOIN sender s "
                "ON substring(s.uid FOR 64) = substring(u FOR 64) AND s.uid = u",
                (unknown,),
            )
            self._senders |= dict(known.fetchall())
            fresh = [uid for uid in unknown if uid not in self._senders]
            rows = cursor.execute("INSERT INTO sender (uid) SELECT unnest(%s::text[]) RETURNING uid, number", (fresh,))
            self._senders |= dict(rows.fetchall())
        return {uid: self._senders[uid] for uid in wanted}


def find_channels(cursor: Cursor[Any], names: Sequence[Name]) -> dict[Name, int]:
    rows = cursor.execute(
        "SELECT c.type, c.cid, c.number FROM unnest(%s::int8[], %s::text[]) AS u(type, cid) JOIN chan c "
        "ON substring(c.cid FOR 64) = substring(u.cid FOR 64) AND c.type = u.type AND c.cid = u.cid",
        ([name[0] for name in names], [name[1] for name in names]),
    )
    return {(kind, cid): found for kind, cid, found in rows}


def find_channel(cursor: Cursor[Any], channel: ChannelRef) -> int | None:
    name = name_of(channel)
    return find_channels(cursor, [name]).get(name)


def read_note(cursor: Cursor[Any], name: str) -> str:
    row = cursor.execute("SELECT value FROM note WHERE name = %s", (name,)).fetchone()
    return str(row[0]) if row else ""


def write_note(cursor: Cursor[Any], name: str, value: str) -> None:
    if value:
        cursor.execute(
            "INSERT INTO note (name, value) VALUES (%s, %s) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (name, value),
        )
    else:
        cursor.execute("DELETE FROM note WHERE name = %s", (name,))
