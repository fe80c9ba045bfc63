"""An archive in one SQLite file: the embedded default, without anything to install or to run."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from imadmin.archive.cover import Cover
from imadmin.archive.engines import sqlite_index, sqlite_ingest, sqlite_spans
from imadmin.archive.engines.base import RID_MAX
from imadmin.archive.engines.shared import mid_of, number
from imadmin.archive.engines.sqlite_file import SqliteFile, within
from imadmin.archive.engines.sqlite_rows import by_mids, find_channel, read_note, select, span_of_times, write_note
from imadmin.archive.engines.sqlite_verify import faults
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
from imadmin.gateway.types import ChannelRef

BUSY_MS = 5000
SMALL_PAGES = 4000  # 16 MB: up to here the index is measured whenever somebody asks how large it is
INDEX_SIZE = "index_size"  # the note of the last measurement
_AFTER_ALL = "\U0010ffff"


class SqliteEngine:
    name = "sqlite"

    def __init__(self, path: Path, *, busy_ms: int = BUSY_MS) -> None:
        self._file = SqliteFile(path, busy_ms=busy_ms)
        self._index_bytes = (0, 0)  # (pages of the file when it was measured, bytes)

    @property
    def spill(self) -> int:
        return int(self.note("spill") or 0)

    def ingest(self, incoming: Sequence[Incoming], broken: Sequence[BrokenCall] = ()) -> Taken:
        with self._file.writing() as link:
            return sqlite_ingest.take(link, incoming, broken)

    def revise(self, revisions: Sequence[Revision]) -> int:
        with self._file.writing() as link:
            return sqlite_ingest.revise(link, revisions)

    def scan(
        self,
        cover: Cover | None,
        *,
        below: int = RID_MAX,
        above: int = -1,
        most: int = 200,
        seconds: float | None = None,
    ) -> Sequence[Stored]:
        with self._file.reading() as db, within(db, seconds):
            return sqlite_index.scan(db, cover, below, above, most)

    def by_ids(self, ids: Sequence[int]) -> dict[int, Stored]:
        with self._file.reading() as db:
            found = {mid_of(row.id): row for row in by_mids(db, {mid_of(one) for one in ids})}
        return {one: found[mid_of(one)] for one in ids if mid_of(one) in found}

    def newest_in(self, channel: ChannelRef, *, below_seq: int | None = None, most: int = 50) -> Sequence[Stored]:
        with self._file.reading() as db:
            chan = find_channel(db, channel)
            if chan is None:
                return []
            if below_seq is None:
                return select(db, "WHERE m.chan = ? ORDER BY m.seq DESC, m.mid DESC LIMIT ?", (chan, most))
            where = "WHERE m.chan = ? AND m.seq < ? ORDER BY m.seq DESC, m.mid DESC LIMIT ?"
            return select(db, where, (chan, number(below_seq), most))

    def around(self, channel: ChannelRef, seq: int, *, before: int, after: int) -> Sequence[Stored]:
        with self._file.reading() as db:
            chan = find_channel(db, channel)
            if chan is None:
                return []
            at = (chan, number(seq))
            older = select(db, "WHERE m.chan = ? AND m.seq < ? ORDER BY m.seq DESC, m.mid DESC LIMIT ?", (*at, before))
            here = select(db, "WHERE m.chan = ? AND m.seq = ? ORDER BY m.mid LIMIT ?", (*at, before + after + 1))
            newer = select(db, "WHERE m.chan = ? AND m.seq > ? ORDER BY m.seq, m.mid LIMIT ?", (*at, after))
        return [*reversed(older), *here, *newer]

    def note_channels(self, seen: Sequence[SeenChannel], at: int) -> None:
        with self._file.writing() as link:
            sqlite_spans.note_channels(link, seen, at)

    def note_gone(self, channel: ChannelRef, first: int, last: int) -> None:
        with self._file.writing() as link:
            sqlite_spans.note_gone(link, channel, first, last)

    def hold(self, channel: ChannelRef) -> ChannelHold | None:
        with self._file.reading() as db:
            chan = find_channel(db, channel)
            found = sqlite_spans.holds(db, "WHERE id = ?", (chan,))
        return found[0][1] if found else None

    def holds(self, *, after: int = 0, most: int = 1000) -> Sequence[tuple[int, ChannelHold]]:
        with self._file.reading() as db:
            return sqlite_spans.holds(db, "WHERE id > ? ORDER BY id LIMIT ?", (after, most))

    def behind(self, *, most: int = 1000) -> Sequence[ChannelHold]:
        where = """WHERE max(coalesce(server_seq, 0), top) > held + gone
            ORDER BY last_at DESC, id DESC LIMIT ?"""
        with self._file.reading() as db:
            return [hold for _, hold in sqlite_spans.holds(db, where, (most,))]

    def touched(self, *, since: int, most: int = 1000) -> Sequence[ChannelHold]:
        with self._file.reading() as db:
            found = sqlite_spans.holds(db, "WHERE last_at >= ? ORDER BY last_at DESC, id DESC LIMIT ?", (since, most))
        return [hold for _, hold in found]

    def coverage(self) -> Coverage:
        with self._file.reading() as db:
            return sqlite_spans.coverage(db)

    def channels_like(self, prefix: str, *, kind: int | None = None, most: int = 20) -> Sequence[ChannelRef]:
        sql = "SELECT cid, type FROM chan WHERE type = ? AND cid >= ? AND cid < ? ORDER BY cid LIMIT ?"
        with self._file.reading() as db:
            types = [row[0] for row in db.execute("SELECT DISTINCT type FROM chan")] if kind is None else [kind]
            found = [
                ChannelRef(cid, channel_type)
                for one in types
                for cid, channel_type in db.execute(sql, (one, prefix, prefix + _AFTER_ALL, most))
            ]
        return sorted(found)[:most]

    def senders_like(self, prefix: str, *, most: int = 20) -> Sequence[str]:
        sql = "SELECT uid FROM sender WHERE uid >= ? AND uid < ? ORDER BY uid LIMIT ?"
        with self._file.reading() as db:
            return [uid for (uid,) in db.execute(sql, (prefix, prefix + _AFTER_ALL, most))]

    def leaders(self) -> Sequence[int]:
        sql = "SELECT DISTINCT leader FROM chan WHERE leader IS NOT NULL ORDER BY leader"
        with self._file.reading() as db:
            return [node for (node,) in db.execute(sql)]

    def totals(self) -> Totals:
        sql = "SELECT coalesce(sum(count), 0), coalesce(sum(count > 0), 0) FROM chan"
        with self._file.reading() as db:
            messages, channels = db.execute(sql).fetchone()
            first_at, last_at = span_of_times(db)
            return Totals(
                messages=messages,
                channels=channels,
                bytes=self._bytes(),
                index_bytes=self._measured(db),
                first_at=first_at,
                last_at=last_at,
                broken=db.execute("SELECT count(*) FROM broken").fetchone()[0],
                norm_version=int(read_note(db, "norm_version") or 0),
            )

    def broken(self, *, most: int = 50) -> Sequence[BrokenCall]:
        sql = "SELECT number, at, event, why, raw FROM broken ORDER BY number DESC LIMIT ?"
        with self._file.reading() as db:
            return [BrokenCall(*row) for row in db.execute(sql, (most,))]

    def note(self, name: str, value: str | None = None) -> str:
        if value is None:
            with self._file.reading() as db:
                return read_note(db, name)
        with self._file.writing() as link:
            write_note(link.db, name, value)
        return value

    def notes(self, prefix: str, *, after: str = "", most: int | None = None) -> dict[str, str]:
        sql = "SELECT name, value FROM note WHERE name >= ? AND name < ? AND name > ? ORDER BY name LIMIT ?"
        with self._file.reading() as db:
            found = db.execute(sql, (prefix, prefix + _AFTER_ALL, after, -1 if most is None else most))
            return dict(found.fetchall())

    def notes_size(self, prefix: str) -> tuple[int, int]:
        sql = "SELECT count(*), coalesce(sum(length(value)), 0) FROM note WHERE name >= ? AND name < ?"
        with self._file.reading() as db:
            count, size = db.execute(sql, (prefix, prefix + _AFTER_ALL)).fetchone()
        return count, size

    def measure(self) -> None:
        with self._file.reading() as db:
            pages = db.execute("PRAGMA page_count").fetchone()[0]
            measured, _ = _told(read_note(db, INDEX_SIZE))
            if pages <= SMALL_PAGES or abs(pages - measured) * 10 <= measured:
                return
            size = _index_size(db)
        self.note(INDEX_SIZE, f"{pages}:{size}")

    def reindex(self, *, should_stop: Callable[[], bool], tell: Callable[[int], None]) -> bool:
        return sqlite_index.rebuild(self._file, should_stop=should_stop, tell=tell)

    def verify(self, *, should_stop: Callable[[], bool] = lambda: False) -> Iterator[Fault]:
        yield from faults(self._file, should_stop)

    def close(self) -> None:
        self._file.close()

    def drop(self) -> None:
        self._file.drop()

    def _bytes(self) -> int:
        """Of the file and its log."""
        path = self._file.path
        parts = (path.with_name(path.name + end) for end in ("", "-wal"))
        return sum(part.stat().st_size for part in parts if part.exists())

    def _measured(self, db: sqlite3.Connection) -> int:
        """Bytes of the index, as far as that is cheap to know: of a larger file from its last measurement."""
        pages = db.execute("PRAGMA page_count").fetchone()[0]
        measured, size = _told(read_note(db, INDEX_SIZE))
        if pages > SMALL_PAGES:
            return size * pages // measured if measured else 0
        measured, size = self._index_bytes
        if abs(pages - measured) * 50 > measured:
            self._index_bytes = (pages, size := _index_size(db))
        return size


def _told(note: str) -> tuple[int, int]:
    """Pages of the file when its index was measured, and the index's bytes."""
    pages, _, size = note.partition(":")
    return int(pages or 0), int(size or 0)


def _index_size(db: sqlite3.Connection) -> int:
    """Reads all of its pages."""
    size: int = db.execute("SELECT coalesce(sum(length(block)), 0) FROM g_data").fetchone()[0]
    return size
