"""The connections of one archive to its PostgreSQL, and what becomes of an error there: StoreUnavailable."""

import os
import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import psycopg
from psycopg import Connection, Cursor
from psycopg.abc import Query
from psycopg_pool import ConnectionPool, PoolTimeout

from imadmin.archive.engines.base import OutOfTime, StoreUnavailable

T = TypeVar("T")

_MOST_CONNECTIONS = 8
_WAIT_SECONDS = 5.0  # for a free connection, or for a server that comes back
_READ_MS = 20_000
_WRITE_MS = 120_000
_LOCK_MS = 30_000
_MERGE_KB = 64 * 1024  # memory to merge an index's pending entries in: with less it is done in several passes


class Pool:
    """read(work), write(work): work gets a cursor, in the archive's schema; write is one transaction, one at a time."""

    def __init__(self, url: str, schema: str, *, on_missing: Callable[[], None]) -> None:
        self.schema = schema
        self._url = url
        self._on_missing = on_missing
        self._pid = 0
        self._lock = threading.Lock()
        self._made: list[ConnectionPool[Connection[Any]]] = []

    def _living(self) -> ConnectionPool[Connection[Any]]:
        """This process's own: a connection must be neither used nor closed by the child of who opened it."""
        with self._lock:
            if self._pid != os.getpid():
                self._made.append(self._opened())
                self._pid = os.getpid()
            return self._made[-1]

    def _opened(self) -> ConnectionPool[Connection[Any]]:
        pool: ConnectionPool[Connection[Any]] = ConnectionPool(
            self._url,
            min_size=0,
            max_size=_MOST_CONNECTIONS,
            max_idle=120,
            timeout=_WAIT_SECONDS,
            reconnect_timeout=2 * _WAIT_SECONDS,
            name=self.schema,
            open=False,
            # Plans are made for the values at hand: the planner has to see which months are asked for.
            kwargs={
                "autocommit": True,
                "prepare_threshold": None,
                "options": _options(self.schema),
                "connect_timeout": 5,
            },
        )
        pool.open()
        return pool

    def read(self, work: Callable[[Cursor[Any]], T], *, seconds: float | None = None) -> T:
        """Each statement by itself.  A connection that died while it was idle is replaced once.

        seconds: of each statement.  Raises OutOfTime.
        """

        def reading(connection: Connection[Any]) -> T:
            with connection.cursor(binary=True) as cursor:
                if seconds is None:
                    return work(cursor)
                connection.execute(f"SET statement_timeout = {max(1, min(_READ_MS, int(seconds * 1000)))}")
                try:
                    return work(cursor)
                except psycopg.errors.QueryCanceled as error:
                    raise OutOfTime from error
                finally:
                    if not connection.closed:
                        connection.execute(f"SET statement_timeout = {_READ_MS}")

        return self._on_living(reading, is_safe=lambda: True)

    def write(self, work: Callable[[Cursor[Any]], T], *, lock: str = "writing") -> T:
        """One transaction, alone among all that write this archive under this lock; committed when it returns."""
        has_begun = False

        def writing(connection: Connection[Any]) -> T:
            nonlocal has_begun
            with connection.transaction(), connection.cursor(binary=True) as cursor:
                connection.execute(
                    f"SET LOCAL statement_timeout = {_WRITE_MS}; SET LOCAL lock_timeout = {_LOCK_MS}; "
                    f"SET LOCAL work_mem = {_MERGE_KB}"
                )
                cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s), hashtext(%s))", (lock, self.schema))
                has_begun = True
                return work(cursor)

        return self._on_living(writing, is_safe=lambda: not has_begun)

    def patient(self, query: str, values: Sequence[Any] = ()) -> list[Any]:
        """The rows of a query that may take its time."""

        def reading(connection: Connection[Any]) -> list[Any]:
            with connection.transaction(), connection.cursor(binary=True) as cursor:
                cursor.execute("SET LOCAL statement_timeout = 0")
                return cursor.execute(query, values).fetchall()

        return self._on_living(reading, is_safe=lambda: True)

    def alone(self, statement: Query) -> None:
        """A statement that can't be in a transaction and takes as long as it takes."""

        def running(connection: Connection[Any]) -> None:
            try:
                connection.execute("SET statement_timeout = 0")
                connection.execute(statement)
            finally:
                if not connection.closed:
                    connection.execute(f"SET statement_timeout = {_READ_MS}")

        self._on_living(running, is_safe=lambda: False)

    def close(self) -> None:
        with self._lock:
            if self._pid == os.getpid():
                self._made.pop().close(timeout=2)
            self._pid = 0

    def _on_living(self, work: Callable[[Connection[Any]], T], *, is_safe: Callable[[], bool]) -> T:
        try:
            return self._tried(work, is_safe)
        except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
            pass  # dropped by another process
        except psycopg.errors.InsufficientPrivilege as error:
            raise _unavailable(error) from error
        except (psycopg.IntegrityError, psycopg.ProgrammingError, psycopg.DataError):
            raise  # ours to mend
        except (psycopg.Error, PoolTimeout, OSError) as error:
            raise _unavailable(error) from error
        self._on_missing()
        try:
            return self._tried(work, is_safe)
        except (psycopg.Error, PoolTimeout, OSError) as error:
            raise _unavailable(error) from error

    def _tried(self, work: Callable[[Connection[Any]], T], is_safe: Callable[[], bool]) -> T:
        """A second time where the connection turns out to be dead before anything was done on it."""
        pool = self._living()
        with pool.connection() as connection:
            try:
                return work(connection)
            except psycopg.OperationalError:
                if not connection.broken or not is_safe():
                    raise
        pool.check()  # the others of that server are dead too
        with pool.connection() as connection:
            return work(connection)


def _options(schema: str) -> str:
    settings = {
        "search_path": f"{schema},public",
        "statement_timeout": str(_READ_MS),
        "synchronous_commit": "on",  # what we say is stored must outlive the server's power, whatever its default
        "application_name": "imadmin-archive",
        "jit": "off",
        "client_min_messages": "warning",
        "max_parallel_workers_per_gather": "0",  # a search is short; it must not take the machine from the writer
    }
    return " ".join(f"-c {name}={value}" for name, value in settings.items())


def _unavailable(error: Exception) -> StoreUnavailable:
    return StoreUnavailable(str(error).strip() or type(error).__name__)
