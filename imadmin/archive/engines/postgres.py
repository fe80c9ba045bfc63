"""An archive in a schema of a PostgreSQL database: for sites that run one anyway, or run several processes."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from psycopg import Cursor, sql

from imadmin.archive.cover import Cover
from imadmin.archive.engines import postgres_ingest, postgres_scan, postgres_spans, postgres_upkeep
from imadmin.archive.engines.base import RID_MAX
from imadmin.archive.engines.postgres_covers import IndexKind
from imadmin.archive.engines.postgres_ingest import Writing
from imadmin.archive.engines.postgres_pool import Pool
from imadmin.archive.engines.postgres_rows import (
    Labels,
    Names,
    by_mids,
    find_channel,
    name_of,
    read_note,
    select,
    write_note,
)
from imadmin.archive.engines.postgres_scan import Search
from imadmin.archive.engines.postgres_schema import Month, lay_out
from imadmin.archive.engines.shared import mid_of, number
from imadmin.archive.rows import (
    BrokenCall,
    ChannelHold,
    Coverage,
    Fault,
    Incoming,
    Revision,
    SeenChannel,
    Stored,
    Taken,
    Totals,
)
from imadmin.gateway.payload import clean_text
from imadmin.gateway.types import ChannelRef

T = TypeVar("T")
_AFTER_ALL = "\U0010ffff"
_KNOWN_SECONDS = 60.0  # how long a search relies on what it last heard of the archive


class PostgresEngine:
    """index: which kind a new archive gets; None: pg_bigm where that can be had."""

    def __init__(self, url: str, schema: str, *, index: IndexKind | None = None) -> None:
        self._pool = Pool(url, schema, on_missing=self._lay_out)
        self._wanted = index
        self._writing = threading.Lock()
        self._names, self._labels = Names(), Labels()
        self._months: set[Month] = set()
        self._known: tuple[float, postgres_scan.Known] | None = None
        self._lay_out()

    def _lay_out(self) -> None:
        self._forget()
        try:
            self.kind = lay_out(self._pool, self._wanted)
        except BaseException:
            self._pool.close()
            raise

    @property
    def name(self) -> str:
        return "postgresql with pg_bigm" if self.kind is IndexKind.BIGM else "postgresql"

    @property
    def spill(self) -> int:
        return int(self.note("spill") or 0)

    def ingest(self, incoming: Sequence[Incoming], broken: Sequence[BrokenCall] = ()) -> Taken:
        by_mid = postgres_ingest.prepared(self.kind, incoming)
        return self._written(lambda writing: postgres_ingest.take(writing, by_mid, incoming, broken))

    def revise(self, revisions: Sequence[Revision]) -> int:
        return self._written(lambda writing: postgres_ingest.revise(writing, revisions))

    def scan(
        self,
        cover: Cover | None,
        *,
        below: int = RID_MAX,
        above: int = -1,
        most: int = 200,
        seconds: float | None = None,
    ) -> Sequence[Stored]:
        until = None if seconds is None else time.monotonic() + seconds

        def read(cursor: Cursor[Any]) -> list[Stored]:
            return Search(cursor, self._labels, self.kind, self._told(cursor), below, above, until).scan(cover, most)

        return self._pool.read(read, seconds=seconds)

    def by_ids(self, ids: Sequence[int]) -> dict[int, Stored]:
        rows = self._pool.read(lambda cursor: by_mids(cursor, self._labels, {mid_of(one) for one in ids}))
        found = {mid_of(row.id): row for row in rows}
        return {one: found[mid_of(one)] for one in ids if mid_of(one) in found}

    def newest_in(self, channel: ChannelRef, *, below_seq: int | None = None, most: int = 50) -> Sequence[Stored]:
        return self._pool.read(
            lambda cursor: self._of_channel(
                cursor, channel, "seq < %s", RID_MAX if below_seq is None else below_seq, most
            )
        )

    def around(self, channel: ChannelRef, seq: int, *, before: int, after: int) -> Sequence[Stored]:
        def read(cursor: Cursor[Any]) -> list[Stored]:
            older = self._of_channel(cursor, channel, "seq < %s", seq, before)
            here = self._of_channel(cursor, channel, "seq = %s", seq, before + after + 1, way="")
            newer = self._of_channel(cursor, channel, "seq > %s", seq, after, way="")
            return [*reversed(older), *here, *newer]

        return self._pool.read(read)

    def note_channels(self, seen: Sequence[SeenChannel], at: int) -> None:
        last = {name_of(one.channel): one for one in seen}

        def work(writing: Writing) -> None:
            writing.names.check(writing.cursor)
            numbers = writing.names.channels(writing.cursor, last)
            postgres_spans.note_channels(writing.cursor, [numbers[name] for name in last], list(last.values()), at)

        if last:
            self._written(work)

    def note_gone(self, channel: ChannelRef, first: int, last: int) -> None:
        def work(writing: Writing) -> None:
            writing.names.check(writing.cursor)
            (chan,) = writing.names.channels(writing.cursor, [name_of(channel)]).values()
            postgres_spans.note_gone(writing.cursor, chan, first, last)

        self._written(work)

    def hold(self, channel: ChannelRef) -> ChannelHold | None:
        found = self._holds("WHERE number = %s", lambda cursor: (find_channel(cursor, channel),))
        return found[0][1] if found else None

    def holds(self, *, after: int = 0, most: int = 1000) -> Sequence[tuple[int, ChannelHold]]:
        return self._holds("WHERE number > %s ORDER BY number LIMIT %s", lambda cursor: (after, most))

    def behind(self, *, most: int = 1000) -> Sequence[ChannelHold]:
        where = "WHERE behind > 0 ORDER BY recent DESC NULLS LAST, last_at DESC, number DESC LIMIT %s"
        return [hold for _, hold in self._holds(where, lambda cursor: (most,))]

    def touched(self, *, since: int, most: int = 1000) -> Sequence[ChannelHold]:
        where = "WHERE recent >= %s::int8 >> 16 AND last_at >= %s"
        order = "ORDER BY recent DESC NULLS LAST, last_at DESC, number DESC LIMIT %s"
        return [hold for _, hold in self._holds(f"{where} {order}", lambda cursor: (since, since, most))]

    def coverage(self) -> Coverage:
        return self._pool.read(postgres_spans.coverage)

    def channels_like(self, prefix: str, *, kind: int | None = None, most: int = 20) -> Sequence[ChannelRef]:
        where = "AND (%s::int8 IS NULL OR type = %s) ORDER BY cid, type LIMIT %s"
        rows = self._beginning("cid", prefix, f"cid, type FROM chan WHERE {{}} {where}", (kind, kind, most))
        return [ChannelRef(cid, channel_type) for cid, channel_type in rows]

    def senders_like(self, prefix: str, *, most: int = 20) -> Sequence[str]:
        rows = self._beginning("uid", prefix, "uid FROM sender WHERE {} ORDER BY uid LIMIT %s", (most,))
        return [uid for (uid,) in rows]

    def leaders(self) -> Sequence[int]:
        query = "SELECT DISTINCT leader FROM chan WHERE leader IS NOT NULL ORDER BY leader"
        return [node for (node,) in self._pool.read(lambda cursor: cursor.execute(query).fetchall())]

    def totals(self) -> Totals:
        return self._pool.read(lambda cursor: postgres_upkeep.totals(cursor, self._pool.schema))

    def broken(self, *, most: int = 50) -> Sequence[BrokenCall]:
        query = "SELECT number, at, event, why, raw FROM broken ORDER BY number DESC LIMIT %s"
        rows = self._pool.read(lambda cursor: cursor.execute(query, (most,)).fetchall())
        return [BrokenCall(*row) for row in rows]

    def note(self, name: str, value: str | None = None) -> str:
        if value is None:
            return self._pool.read(lambda cursor: read_note(cursor, name))
        self._pool.write(lambda cursor: write_note(cursor, name, value))
        self._known = None
        return value

    def notes(self, prefix: str, *, after: str = "", most: int | None = None) -> dict[str, str]:
        query = (
            'SELECT name, value FROM note WHERE starts_with(name, %s) AND name COLLATE "C" > %s '
            'ORDER BY name COLLATE "C" LIMIT %s'
        )
        return dict(self._pool.read(lambda cursor: cursor.execute(query, (prefix, after, most)).fetchall()))

    def notes_size(self, prefix: str) -> tuple[int, int]:
        query = "SELECT count(*), coalesce(sum(length(value)), 0)::int8 FROM note WHERE starts_with(name, %s)"
        found = self._pool.read(lambda cursor: cursor.execute(query, (prefix,)).fetchone())
        return (found[0], found[1]) if found else (0, 0)

    def measure(self) -> None:
        """The server knows its sizes."""

    def reindex(self, *, should_stop: Callable[[], bool], tell: Callable[[int], None]) -> bool:
        is_done = postgres_upkeep.rebuild(self._pool, self.kind, should_stop=should_stop, tell=tell)
        self._known = None
        return is_done

    def verify(self, *, should_stop: Callable[[], bool] = lambda: False) -> Iterator[Fault]:
        yield from postgres_upkeep.faults(self._pool, self.kind, should_stop)

    def close(self) -> None:
        self._pool.close()

    def drop(self) -> None:
        query = sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(self._pool.schema))
        self._pool.write(lambda cursor: cursor.execute(query))
        self._forget()
        self._pool.close()

    def _written(self, work: Callable[[Writing], T]) -> T:
        with self._writing:
            try:
                return self._pool.write(
                    lambda cursor: work(Writing(cursor, self._names, self._labels, self.kind, self._months))
                )
            except BaseException:
                self._forget()  # what it learnt may have been undone
                raise

    def _forget(self) -> None:
        self._names = Names()
        self._months = set()
        self._known = None

    def _told(self, cursor: Cursor[Any]) -> postgres_scan.Known:
        told, now = self._known, time.monotonic()
        if told is None or now - told[0] > (_KNOWN_SECONDS if told[1].sample.rows == postgres_scan.SAMPLED else 1.0):
            told = (now, postgres_scan.known(cursor, self.kind))
            self._known = told
        return told[1]

    def _of_channel(
        self, cursor: Cursor[Any], channel: ChannelRef, where: str, seq: int, most: int, *, way: str = "DESC"
    ) -> list[Stored]:
        """By seq and id, falling or rising."""
        chan = find_channel(cursor, channel)
        if chan is None:
            return []
        query = f"FROM msg WHERE chan = %s AND {where} ORDER BY seq {way}, id {way} LIMIT %s"
        return select(cursor, self._labels, query, (chan, number(seq), most))

    def _holds(self, where: str, values: Callable[[Cursor[Any]], Sequence[Any]]) -> Sequence[tuple[int, ChannelHold]]:
        return self._pool.read(lambda cursor: postgres_spans.holds(cursor, where, values(cursor)))

    def _beginning(self, column: str, prefix: str, query: str, values: Sequence[Any]) -> Sequence[tuple[Any, ...]]:
        """Names that begin so; query has {} where that is asked."""
        start = clean_text(prefix)
        index = f"substring({column} FOR 64)"  # the index holds the beginnings
        where = f"{index} >= %s AND {index} < %s AND {column} >= %s AND {column} < %s"
        bounds = (start[:64], start[:64] + _AFTER_ALL, start, start + _AFTER_ALL)
        return self._pool.read(
            lambda cursor: cursor.execute("SELECT " + query.format(where), (*bounds, *values)).fetchall()
        )
