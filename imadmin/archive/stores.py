"""Which engine keeps a cluster's archive: one open engine a cluster and process."""

import os
import threading
from pathlib import Path

from django.conf import settings

from imadmin.archive.engines.base import Engine

_lock = threading.Lock()
_open: dict[int, Engine] = {}


def engine_of(cluster_pk: int) -> Engine:
    """The archive of this cluster, made when it isn't there.  Raises StoreUnavailable."""
    engine = _open.get(cluster_pk)
    if engine is not None:
        return engine
    made = _opened(cluster_pk)  # outside the lock: a database that is away takes seconds to say so
    with _lock:
        engine = _open.setdefault(cluster_pk, made)
    if engine is not made:  # another thread was faster
        made.close()
    return engine


def drop(cluster_pk: int) -> None:
    """Delete the archive of a cluster that is gone."""
    engine = engine_of(cluster_pk)
    with _lock:
        _open.pop(cluster_pk, None)
    engine.drop()


def close_all() -> None:
    with _lock:
        engines = list(_open.values())
        _open.clear()
    for engine in engines:
        engine.close()


def _opened(cluster_pk: int) -> Engine:
    if settings.ARCHIVE_URL.startswith(("postgres://", "postgresql://")):
        from imadmin.archive.engines.postgres import PostgresEngine

        return PostgresEngine(settings.ARCHIVE_URL, f"imadmin_archive_{cluster_pk}")
    from imadmin.archive.engines.sqlite import SqliteEngine

    return SqliteEngine(Path(settings.ARCHIVE_DIR) / f"{cluster_pk}.sqlite3")


def _after_fork() -> None:
    """Another thread may have held it, and doesn't follow into the child.  Engines look after themselves."""
    global _lock
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_after_fork)
