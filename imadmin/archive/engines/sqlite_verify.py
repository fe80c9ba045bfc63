"""Whether an archive holds together: its rows, its index, its spans and its counts."""

from collections.abc import Callable, Iterator

from imadmin.archive.engines.sqlite_file import SqliteFile
from imadmin.archive.rows import Fault


def faults(file: SqliteFile, should_stop: Callable[[], bool]) -> Iterator[Fault]:
    yield from ()
