"""Connections to one SQLite file: made when needed, kept for the next, thrown away when the file was replaced."""

import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from imadmin.archive.engines.base import OutOfTime, StoreUnavailable
from imadmin.archive.engines.sqlite_schema import SCHEMA, SCHEMA_VERSION
from imadmin.gateway.types import ChannelRef

MOST_IDLE = 8
MOST_NAMES = 200_000
LOOK_STEPS = 20_000  # of the database's machine, between two looks at the clock: well under a millisecond
LOG_PAGES = 4000  # 16 MB of the log are copied at a time: a page that was written ten times is copied once
MAPPED = 4 * 1024**3


class Link:
    """One connection, and the numbers of channels and senders that it has learnt."""

    def __init__(self, db: sqlite3.Connection, inode: int) -> None:
        self.db = db
        self.inode = inode
        self.channels: dict[ChannelRef, int] = {}
        self.senders: dict[str, int] = {}

    def forget(self) -> None:
        self.channels.clear()
        self.senders.clear()

    def close(self) -> None:
        self.db.close()


class SqliteFile:
    """Reads run side by side, each on a connection of its own; writes of one process take turns."""

    def __init__(self, path: Path, *, busy_ms: int) -> None:
        self.path = path
        self._busy_ms = busy_ms
        self._fresh()
        _all.add(self)

    def _fresh(self) -> None:
        self._idle: list[Link] = []
        self._writer: Link | None = None
        self._lock = threading.Lock()  # guards _idle
        self._writing = threading.Lock()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection for reading; what goes wrong is StoreUnavailable."""
        with failing():
            link = self._borrowed()
            try:
                yield link.db
            except BaseException:
                link.close()
                raise
            self._give_back(link)

    @contextmanager
    def writing(self) -> Iterator[Link]:
        """One transaction: committed at the end, undone by any exception."""
        with failing(), self._writing:
            link = self._writer
            if link is None or link.inode != self._inode():
                if link is not None:
                    link.close()
                link = self._writer = self._opened()
            try:
                link.db.execute("BEGIN IMMEDIATE")
                yield link
                link.db.execute("COMMIT")
            except BaseException:
                self._undo(link)
                raise
            if len(link.channels) + len(link.senders) > MOST_NAMES:
                link.forget()

    def close(self) -> None:
        with self._writing, self._lock:
            links, self._idle = self._idle, []
            if self._writer is not None:
                links.append(self._writer)
            self._writer = None
        for link in links:
            link.close()

    def drop(self) -> None:
        with failing():
            self.close()
            for end in ("", "-wal", "-shm"):
                self.path.with_name(self.path.name + end).unlink(missing_ok=True)

    def after_fork(self) -> None:
        """A connection must not be used, nor closed, by the child of the process that opened it."""
        _orphans.append((self._idle, self._writer))
        self._fresh()

    def _borrowed(self) -> Link:
        inode = self._inode()
        while True:
            with self._lock:
                link = self._idle.pop() if self._idle else None
            if link is None:
                return self._opened()
            if link.inode == inode:
                return link
            link.close()

    def _give_back(self, link: Link) -> None:
        with self._lock:
            if len(self._idle) < MOST_IDLE:
                self._idle.append(link)
                return
        link.close()

    def _undo(self, link: Link) -> None:
        """Back to before the transaction; a connection that can't is thrown away, and the transaction with it."""
        link.forget()
        try:
            if link.db.in_transaction:
                link.db.execute("ROLLBACK")
        except sqlite3.Error:
            link.close()
            self._writer = None

    def _inode(self) -> int:
        try:
            return self.path.stat().st_ino
        except FileNotFoundError:
            return -1

    def _opened(self) -> Link:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        db = sqlite3.connect(self.path, timeout=self._busy_ms / 1000, isolation_level=None, check_same_thread=False)
        try:
            db.execute(f"PRAGMA mmap_size={MAPPED}")
            db.execute("PRAGMA synchronous=NORMAL")
            db.execute("PRAGMA cache_size=-16000")
            db.execute("PRAGMA temp_store=MEMORY")
            db.execute("PRAGMA journal_size_limit=67108864")
            db.execute(f"PRAGMA wal_autocheckpoint={LOG_PAGES}")
            if db.execute("PRAGMA user_version").fetchone()[0] != SCHEMA_VERSION:
                _lay_out(db)
        except BaseException:
            db.close()
            raise
        return Link(db, self._inode())


def _lay_out(db: sqlite3.Connection) -> None:
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("BEGIN IMMEDIATE")
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if version > SCHEMA_VERSION:
        raise StoreUnavailable(f"the archive was made by a newer release (layout {version})")
    if version < SCHEMA_VERSION:  # nobody was faster
        for statement in SCHEMA:
            db.execute(statement)
        db.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
    db.execute("COMMIT")


@contextmanager
def within(db: sqlite3.Connection, seconds: float | None) -> Iterator[None]:
    """What is asked on it takes about so long at most.  Raises OutOfTime."""
    if seconds is None:
        yield
        return
    until = time.monotonic() + seconds
    db.set_progress_handler(lambda: time.monotonic() > until, LOOK_STEPS)
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
            raise OutOfTime from error
        raise
    finally:
        db.set_progress_handler(None, 0)


@contextmanager
def failing() -> Iterator[None]:
    """Whatever the file or the disk has against it, said in one way."""
    try:
        yield
    except (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.InterfaceError, sqlite3.DataError):
        raise  # ours to mend
    except (sqlite3.DatabaseError, OSError) as error:
        raise StoreUnavailable(str(error)) from error


_all: "weakref.WeakSet[SqliteFile]" = weakref.WeakSet()
_orphans: list[object] = []


def _after_fork() -> None:
    for file in list(_all):
        file.after_fork()


os.register_at_fork(after_in_child=_after_fork)
