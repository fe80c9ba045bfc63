"""From the server's loop to the database: a few threads of our own, each with a connection that it keeps for a while.

Opening one anew for every unit, as requests do, cost more than the questions when five hundred browsers come back.
"""

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from django.db import close_old_connections, connection

P = ParamSpec("P")
T = TypeVar("T")

KEPT_SECONDS = 60.0
WORKERS = 4  # few: SQLite has one writer, and each thread keeps a connection open

_lock = threading.Lock()
_pool: ThreadPoolExecutor | None = None


async def in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run sync code that uses the ORM beside the loop.  Queued in order; never for network calls."""

    def unit() -> T:
        close_old_connections()
        try:
            return work(*args, **kwargs)
        finally:
            connection.close_at = time.monotonic() + KEPT_SECONDS
            close_old_connections()  # what broke

    return await asyncio.get_running_loop().run_in_executor(_threads(), unit)


def _threads() -> ThreadPoolExecutor:
    global _pool
    with _lock:
        if _pool is None:
            _pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="imadmin-live")
        return _pool
