"""The connections of one archive to its PostgreSQL, and what becomes of an error there: StoreUnavailable."""

from collections.abc import Callable
from typing import Any, TypeVar

import psycopg
from psycopg import Connection, Cursor
from psycopg_pool import ConnectionPool, PoolTimeout

from imadmin.archive.engines.base import StoreUnavailable

T = TypeVar("T")

_MOST_CONNECTIONS = 8
_WAIT_SECONDS = 5.0  # for a free connection, or for a server that comes back
_READ_MS = 20_000
_WRITE_MS = 120_000
_LOCK_MS = 30_000


class Pool:
    """read(work), write(work): work gets a cursor, in the archive's schema; write is one transaction, one at a time."""

    def __init__(self, url: str, schema: str) -> None:
        self.schema = schema
        self._pool: ConnectionPool[Connection[Any]] = ConnectionPool(
            url,
            min_size=1,
            max_size=_MOST_CONNECTIONS,
            max_idle=120,
            timeout=_WAIT_SECONDS,
            reconnect_timeout=2 * _WAIT_SECONDS,
            name=schema,
            open=False,
            # Plans are made for the values at hand: the planner has to see which months are asked for.
            kwargs={"autocommit": True, "prepare_threshold": None, "options": _options(schema), "connect_timeout": 5},
        )
        try:
            self._pool.open()
        except psycopg.Error as error:
            raise _unavailable(error) from error

    def read(self, work: Callable[[Cursor[Any]], T]) -> T:
        """Each statement by itself.  A connection that died while it was idle is replaced once."""

        def reading(connection: Connection[Any]) -> T:
            with connection.cursor(binary=True) as cursor:
                return work(cursor)

        return self._on_living(reading, is_safe=lambda: True)

    def write(self, work: Callable[[Cursor[Any]], T], *, lock: str = "writing") -> T:
        """One transaction, alone among all that write this archive under this lock; committed when it returns."""
        has_begun = False

        def writing(connection: Connection[Any]) -> T:
            nonlocal has_begun
            with connection.transaction(), connection.cursor(binary=True) as cursor:
                cursor.execute(f"SET LOCAL statement_timeout = {_WRITE_MS}; SET LOCAL lock_timeout = {_LOCK_MS}")
                cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s), hashtext(%s))", (lock, self.schema))
                has_begun = True
                return work(cursor)

        return self._on_living(writing, is_safe=lambda: not has_begun)

    def alone(self, statement: str) -> None:
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
        self._pool.close(timeout=2)

    def _on_living(self, work: Callable[[Connection[Any]], T], *, is_safe: Callable[[], bool]) -> T:
        for is_last in (False, True):
            try:
                with self._pool.connection() as connection:
                    try:
                        return work(connection)
                    except psycopg.OperationalError:
                        if is_last or not connection.broken or not is_safe():
                            raise
                self._pool.check()  # the others of that server are dead too
            except (psycopg.Error, PoolTimeout, OSError) as error:
                raise _unavailable(error) from error
        raise AssertionError("unreachable")


def _options(schema: str) -> str:
    settings = {
        "search_path": f"{schema},public",
        "statement_timeout": str(_READ_MS),
        "application_name": "imadmin-archive",
        "jit": "off",
        "client_min_messages": "warning",
        "max_parallel_workers_per_gather": "0",  # a search is short; it must not take the machine from the writer
    }
    return " ".join(f"-c {name}={value}" for name, value in settings.items())


def _unavailable(error: Exception) -> StoreUnavailable:
    return StoreUnavailable(str(error).strip() or type(error).__name__)
