"""Rows of the tables as values and back; what the index holds of a message; numbers of channels and senders."""

from collections.abc import Iterable, Sequence
from typing import Any

from psycopg import Cursor

from imadmin.archive.engines.postgres_covers import IndexKind, storable
from imadmin.archive.engines.postgres_keys import keys
from imadmin.archive.engines.shared import KINDS, id_of, number
from imadmin.archive.grams import grams, tokens
from imadmin.archive.rows import Stored, Trait
from imadmin.archive.texts import normal_of
from imadmin.gateway import payload
from imadmin.gateway.payload import clean_text
from imadmin.gateway.types import ChannelRef

_MOST_NAMES = 200_000
_COLUMNS = """'chan'::regclass::oid, rid, id, seq, chan, sender, at, kind, traits, payload, client,
    coalesce(expire, 0), topic, said"""
Name = tuple[int, str]


class Labels:
    """What the numbers of channels and senders stand for.  Reading them apart spares each search a join to plan.

    An archive that was dropped and made again gives the same numbers to other names; but its table is another.
    """

    def __init__(self) -> None:
        self._table = 0
        self._maps: tuple[dict[int, ChannelRef], dict[int, str]] = ({}, {})

    def of(
        self, cursor: Cursor[Any], table: int, chans: set[int], senders: set[int]
    ) -> tuple[dict[int, ChannelRef], dict[int, str]]:
        """Channels and senders by number, at least those that are asked for."""
        maps = self._maps
        if table != self._table or len(maps[0]) + len(maps[1]) > _MOST_NAMES:
            maps = ({}, {})
            self._maps, self._table = maps, table
        channels, uids = maps
        if missing := [one for one in chans if one not in channels]:
            rows = cursor.execute("SELECT number, cid, type FROM chan WHERE number = ANY(%s)", (missing,))
            channels.update((found, ChannelRef(cid, kind)) for found, cid, kind in rows)
        if missing := [one for one in senders if one not in uids]:
            uids.update(cursor.execute("SELECT number, uid FROM sender WHERE number = ANY(%s)", (missing,)).fetchall())
        return maps


def select(cursor: Cursor[Any], labels: Labels, rest: str, values: Sequence[Any]) -> list[Stored]:
    """Messages in the order of the rest of the query: all that comes after its columns, which are those of msg."""
    rows = cursor.execute(f"SELECT {_COLUMNS} {rest}", values).fetchall()
    if not rows:
        return []
    channels, senders = labels.of(cursor, rows[0][0], {row[4] for row in rows}, {row[5] for row in rows})
    return [_stored(row, channels[row[4]], senders[row[5]]) for row in rows]


def _stored(row: Sequence[Any], channel: ChannelRef, from_uid: str) -> Stored:
    _, rid, mid, seq, _, _, at, kind, traits, body, client, expire, topic, said = row
    return Stored(
        rid=rid,
        id=id_of(mid),
        seq=seq,
        channel=channel,
        from_uid=from_uid,
        sent_at=at,
        kind=KINDS[kind],
        traits=Trait(traits),
        payload=body,
        client_msg_no=client,
        expire=expire,
        topic=topic,
        said=said,
        text=payload.decode(body).text if said is None else said,
    )


def by_mids(cursor: Cursor[Any], labels: Labels, mids: Iterable[int], also: str = "") -> list[Stored]:
    """also: another condition."""
    # The places first: a join with all months would be planned for each of them.
    places = cursor.execute("SELECT rid FROM mid WHERE id = ANY(%s)", (list(mids),)).fetchall()
    if not places:
        return []
    return select(cursor, labels, f"FROM msg WHERE rid = ANY(%s) {also}", ([rid for (rid,) in places],))


def indexed(kind: IndexKind, normal: str, marks: Iterable[str]) -> tuple[list[int], str | None]:
    """(grams, normal) of a message that says this, in its normal form, and has these tokens."""
    if kind is IndexKind.BIGM:
        return keys((), marks), storable(normal)
    return keys(grams(normal), marks), None


def indexed_row(kind: IndexKind, row: Stored) -> tuple[list[int], str | None]:
    marks = tokens(row.channel, row.from_uid, row.kind, row.traits, row.client_msg_no)
    return indexed(kind, normal_of(row), marks)


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
