"""Whether an archive holds together: its file, its rows, its index, its spans and its counts."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence

from imadmin.archive.engines.shared import id_of
from imadmin.archive.engines.sqlite_file import SqliteFile
from imadmin.archive.engines.sqlite_index import is_stale
from imadmin.archive.engines.sqlite_rows import indexed, select
from imadmin.archive.grams import MARK
from imadmin.archive.rows import Fault, Stored
from imadmin.core.errors import gettext_noop as _

EXAMPLES = 10
SAMPLE = 2000  # rows that are looked for by all that the index should hold of them
STEP = 50_000  # rows looked at between two questions whether to stop
_UNHELD = """SELECT m.mid FROM msg m WHERE m.rid > ? AND m.rid <= ? AND m.seq > 0 AND NOT EXISTS (
    SELECT 1 FROM span s WHERE s.chan = m.chan AND s.first <= m.seq AND s.last >= m.seq)"""
_MISCOUNTED = """SELECT c.type || '/' || c.cid FROM chan c
    LEFT JOIN (SELECT chan, count(*) AS n FROM msg GROUP BY chan) r ON r.chan = c.id
    LEFT JOIN (SELECT chan, sum(last - first + 1) AS n FROM span GROUP BY chan) s ON s.chan = c.id
    LEFT JOIN (SELECT chan, sum(last - first + 1) AS n FROM gone GROUP BY chan) e ON e.chan = c.id
    WHERE c.count != coalesce(r.n, 0) OR c.held != coalesce(s.n, 0) OR c.gone != coalesce(e.n, 0)"""
_OVERLAP = """SELECT c.type || '/' || c.cid FROM chan c WHERE c.id IN (
    SELECT chan FROM (SELECT chan, first, lag(last) OVER (PARTITION BY chan ORDER BY first) AS before
    FROM (SELECT chan, first, last FROM span UNION ALL SELECT chan, first, last FROM gone)) WHERE before >= first)"""


def faults(file: SqliteFile, should_stop: Callable[[], bool]) -> Iterator[Fault]:
    """One look at a time, each at a state of its own: an archive that is being written to is not a fault."""
    looks: tuple[Callable[[SqliteFile, Callable[[], bool]], Iterator[Fault]], ...] = (
        _file, _version, _index_count, _index_rows, _unheld, _miscounted, _overlaps,
    )  # fmt: skip
    for look in looks:
        if should_stop():
            return
        yield from look(file, should_stop)


def _file(file: SqliteFile, should_stop: Callable[[], bool]) -> Iterator[Fault]:
    with file.reading() as db:
        try:
            told = [row[0] for row in db.execute("PRAGMA quick_check(100)")]
        except sqlite3.DatabaseError as error:
            told = [str(error)]
    if told != ["ok"]:
        yield _fault(_("The file is damaged"), told)


def _version(file: SqliteFile, should_stop: Callable[[], bool]) -> Iterator[Fault]:
    with file.reading() as db:
        stale = is_stale(db)
    if stale:
        yield Fault(_("The index was made by another release and isn't used: build it anew"), 1)


def _index_count(file: SqliteFile, should_stop: Callable[[], bool]) -> Iterator[Fault]:
    """Every message has one mark of its channel's type."""
    sql = f"""SELECT (SELECT count(*) FROM msg), (SELECT count(*) FROM g WHERE g MATCH '"{MARK}y" *')"""  # noqa: S608
    with file.reading() as db:
        rows, entries = db.execute(sql).fetchone()
    if rows > entries:
        yield Fault(_("Messages are missing from the index"), rows - entries)
    if entries > rows:
        yield Fault(_("The index holds messages that aren't stored"), entries - rows)


def _index_rows(file: SqliteFile, should_stop: Callable[[], bool]) -> Iterator[Fault]:
    lost: list[str] = []
    with file.reading() as db:
        if is_stale(db):
            return
        for rid in _sampled(db):
            if should_stop():
                break
            db.execute("BEGIN")  # the row and its entry at the same moment
            try:
                lost += [str(row.id) for row in select(db, "WHERE m.rid = ?", (rid,)) if not _is_found(db, rid, row)]
            finally:
                db.execute("COMMIT")
    if lost:
        yield _fault(_("Messages aren't found by their own words"), lost)


def _sampled(db: sqlite3.Connection) -> list[int]:
    """Row numbers spread over the whole archive."""
    first, last = db.execute("SELECT min(rid), max(rid) FROM msg").fetchone()
    if first is None:
        return []
    step = max(1, (last - first) // SAMPLE)
    sql = "SELECT min(rid) FROM msg WHERE rid >= ?"
    found = {db.execute(sql, (first + index * step,)).fetchone()[0] for index in range(SAMPLE)}
    found.update(row[0] for row in db.execute("SELECT rid FROM msg ORDER BY rid DESC LIMIT ?", (SAMPLE // 10,)))
    return sorted(rid for rid in found if rid is not None)


def _is_found(db: sqlite3.Connection, rid: int, row: Stored) -> bool:
    pieces = indexed(row).split(" ")
    sql = "SELECT 1 FROM g WHERE g MATCH ? AND rowid = ?"
    for start in range(0, len(pieces), 100):
        asked = " AND ".join('"' + piece.replace('"', '""') + '"' for piece in pieces[start : start + 100])
        if db.execute(sql, (asked, rid)).fetchone() is None:
            return False
    return True


def _unheld(file: SqliteFile, should_stop: Callable[[], bool]) -> Iterator[Fault]:
    found: list[str] = []
    after = -1
    while not should_stop():
        with file.reading() as db:
            sql = "SELECT max(rid) FROM (SELECT rid FROM msg WHERE rid > ? ORDER BY rid LIMIT ?)"
            end = db.execute(sql, (after, STEP)).fetchone()[0]
            if end is None:
                break
            found += [str(id_of(mid)) for (mid,) in db.execute(_UNHELD, (after, end))]
        after = end
    if found:
        yield _fault(_("Messages are stored whose number isn't recorded as held"), found)


def _miscounted(file: SqliteFile, should_stop: Callable[[], bool]) -> Iterator[Fault]:
    with file.reading() as db:
        found = [row[0] for row in db.execute(_MISCOUNTED)]
    if found:
        yield _fault(_("The counts of channels differ from what is stored"), found)


def _overlaps(file: SqliteFile, should_stop: Callable[[], bool]) -> Iterator[Fault]:
    with file.reading() as db:
        found = [row[0] for row in db.execute(_OVERLAP)]
    if found:
        yield _fault(_("Ranges of channels overlap"), found)


def _fault(what: str, found: Sequence[str]) -> Fault:
    return Fault(what, len(found), tuple(found[:EXAMPLES]))
