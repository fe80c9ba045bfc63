"""A database that is locked for some statements of this thread, as SQLite is while another process writes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import OperationalError, connection


@contextmanager
def locked(verb: str, part: str, *, times: int = 99) -> Iterator[None]:
    """Statements that begin with the verb and hold the part fail so many times, with their values filled in."""
    left = [times]

    def refuse(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        shown = sql % tuple(params) if params and not many else sql
        if left[0] and shown.startswith(verb) and part in shown:
            left[0] -= 1
            raise OperationalError("database is locked")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(refuse):
        yield
