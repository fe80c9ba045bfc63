"""The index of one archive in SQLite: what goes into it, how a cover is asked, and how it is built anew.

It is named `g`.  While it is built anew, `g_new` grows from the oldest message on, and the note `building` says how
far it is; every write below that place goes to both.
"""

import sqlite3
import time
from collections.abc import Callable, Sequence

from imadmin.archive.cover import AllOf, Cover, Token, Without, Word
from imadmin.archive.engines.sqlite_file import SqliteFile
from imadmin.archive.engines.sqlite_rare import few
from imadmin.archive.engines.sqlite_rows import COLUMNS, JOINS, indexed, read_note, select, stored, write_note
from imadmin.archive.engines.sqlite_schema import index_ddl
from imadmin.archive.grams import CAPPED
from imadmin.archive.norm import NORM_VERSION
from imadmin.archive.rows import Stored

MOST_GRAMS = 32  # of one word that are asked for; more of them don't narrow it any further
DEEPEST = 40  # levels of a cover; FTS5 takes 256
ABANDONED = 900.0  # seconds after which a build that says nothing is no longer written to
BUILD_BATCH = 1000
_SCAN = f"""SELECT {COLUMNS} FROM g CROSS JOIN msg m ON m.rid = g.rowid {JOINS}
    WHERE g MATCH ? AND g.rowid < ? AND g.rowid > ? ORDER BY g.rowid DESC LIMIT ?"""  # noqa: S608

# (rid, what the index held of it or None, what it holds of it from now on)
Change = tuple[int, str | None, str]


def scan(db: sqlite3.Connection, cover: Cover | None, below: int, above: int, most: int) -> list[Stored]:
    """Candidates, newest first.  An index of another version is left alone: every message is a candidate then."""
    if cover is None or is_stale(db) or (asked := compiled(cover)) is None:
        return select(db, "WHERE m.rid < ? AND m.rid > ? ORDER BY m.rid DESC LIMIT ?", (below, above, most))
    if not asked:
        return []
    rids = few(db, cover, below, above, quoted=_quoted)
    if rids is not None:
        chosen = rids[:most]
        return select(db, f"WHERE m.rid IN ({','.join('?' * len(chosen))}) ORDER BY m.rid DESC", chosen)
    return [stored(row) for row in db.execute(_SCAN, (asked, below, above, most))]


def is_stale(db: sqlite3.Connection) -> bool:
    return read_note(db, "norm_version") != str(NORM_VERSION)


def compiled(cover: Cover, depth: int = 0) -> str | None:
    """The cover as FTS5 asks for it; None when it is no restriction, "" when nothing fits."""
    if depth > DEEPEST:
        return None
    if isinstance(cover, Token):
        return _quoted(cover.text)
    if isinstance(cover, Word):
        return f"({_word(cover)} OR {_quoted(CAPPED.text)})"
    if isinstance(cover, Without):
        part = compiled(cover.part, depth + 1)
        if not part or not cover.tokens:
            return part
        return f"({part} NOT ({' OR '.join(_quoted(token.text) for token in cover.tokens)}))"
    parts = [compiled(part, depth + 1) for part in cover.parts]
    if isinstance(cover, AllOf):
        return _all(parts)
    return _any(parts)


def _all(parts: list[str | None]) -> str | None:
    wanted = list(dict.fromkeys(part for part in parts if part is not None))
    if "" in wanted:
        return ""
    return _joined(wanted, " AND ") if wanted else None


def _any(parts: list[str | None]) -> str | None:
    wanted = [part for part in dict.fromkeys(parts) if part is not None]
    if len(wanted) < len(set(parts)):
        return None
    return _joined([part for part in wanted if part], " OR ")


def _joined(parts: list[str], by: str) -> str:
    return parts[0] if len(parts) == 1 else f"({by.join(parts)})" if parts else ""


def _word(word: Word) -> str:
    if word.prefix:
        return f"{_quoted(word.prefix)} *"
    found = word.grams
    if len(found) > MOST_GRAMS:
        found = tuple(found[index * len(found) // MOST_GRAMS] for index in range(MOST_GRAMS))
    return _joined([_quoted(gram) for gram in found], " AND ")


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def apply(db: sqlite3.Connection, changes: Sequence[Change]) -> None:
    """Bring the index up to the rows, in the transaction that changes these."""
    changes = _merged(changes)
    _apply(db, "g", changes, can_delete=not is_stale(db))
    building = read_note(db, "building")
    if building:
        done, _, told = building.partition(":")
        if time.time() - float(told) > ABANDONED:
            write_note(db, "building", "")
            return
        _apply(db, "g_new", [change for change in changes if change[0] <= int(done)], can_delete=True)


def _merged(changes: Sequence[Change]) -> list[Change]:
    """One for each row, in the order of their numbers: FTS5 writes a piece out at each step back."""
    found: dict[int, Change] = {}
    for rid, before, after in changes:
        first = found.get(rid)
        found[rid] = (rid, first[1] if first else before, after)
    return [found[rid] for rid in sorted(found)]


def _apply(db: sqlite3.Connection, name: str, changes: Sequence[Change], *, can_delete: bool) -> None:
    insert = f"INSERT INTO {name} (rowid, t) VALUES (?, ?)"  # noqa: S608
    if all(before is None for _, before, _ in changes):
        db.executemany(insert, ((rid, after) for rid, _, after in changes))
        return
    delete = f"INSERT INTO {name} ({name}, rowid, t) VALUES ('delete', ?, ?)"  # noqa: S608
    for rid, before, after in changes:
        if before is not None and can_delete:  # to delete other grams than were put in would spoil the index
            db.execute(delete, (rid, before))
        db.execute(insert, (rid, after))


class _TakenOver(Exception):
    """Another process has begun a build, or this one was silent for too long to be written to."""


def rebuild(file: SqliteFile, *, should_stop: Callable[[], bool], tell: Callable[[int], None]) -> bool:
    """Build `g_new` in short transactions, then put it in the place of `g`."""
    _begin(file)
    done: int | None = -1
    built = 0
    try:
        while done is not None:
            if should_stop():
                _drop(file, "g_new")
                return False
            done, added = _step(file, done)
            built += added
            tell(built)
    except _TakenOver:
        return False
    _drop(file, "g_old")
    return True


def _begin(file: SqliteFile) -> None:
    for name in ("g_old", "g_new"):
        _drop(file, name)
    with file.writing() as link:
        link.db.execute(index_ddl("g_new"))
        link.db.execute("INSERT INTO g_new(g_new, rank) VALUES ('automerge', 8)")
        write_note(link.db, "building", f"-1:{time.time()}")


def _drop(file: SqliteFile, name: str) -> None:
    with file.writing() as link:
        if name == "g_new":
            write_note(link.db, "building", "")
        link.db.execute(f"DROP TABLE IF EXISTS {name}")


def _step(file: SqliteFile, done: int) -> tuple[int | None, int]:
    """One batch; how far the build is (None: all done, and exchanged) and how many that were."""
    with file.reading() as db:
        batch = select(db, "WHERE m.rid > ? ORDER BY m.rid LIMIT ?", (done, BUILD_BATCH))
        texts = {row: indexed(row) for row in batch}  # the slow part, outside of the transaction
    with file.writing() as link:
        db = link.db
        if read_note(db, "building").partition(":")[0] != str(done):
            raise _TakenOver
        fresh = select(db, "WHERE m.rid > ? ORDER BY m.rid LIMIT ?", (done, BUILD_BATCH))
        _apply(db, "g_new", [(row.rid, None, texts.get(row) or indexed(row)) for row in fresh], can_delete=True)
        if len(fresh) < BUILD_BATCH:  # now, in this transaction, nothing is missing
            _exchange(db)
            return None, len(fresh)
        write_note(db, "building", f"{fresh[-1].rid}:{time.time()}")
        return fresh[-1].rid, len(fresh)


def _exchange(db: sqlite3.Connection) -> None:
    db.execute("DROP TABLE IF EXISTS g_old")
    db.execute("ALTER TABLE g RENAME TO g_old")
    db.execute("ALTER TABLE g_new RENAME TO g")
    write_note(db, "building", "")
    write_note(db, "norm_version", str(NORM_VERSION))
