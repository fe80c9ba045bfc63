"""The engines that the suite runs on.  A new engine is one more name here."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from imadmin.archive.engines.base import Engine

_HAS_BIGM = any(Path("/usr/share/postgresql").glob("*/extension/pg_bigm.control"))  # Debian has no package of it
NAMES = ("sqlite", "postgres", *(("postgres-bigm",) if _HAS_BIGM else ()))
# A server's archive takes a tenth of a second to make: random tests take fewer examples there.
EMBEDDED = pytest.mark.parametrize("new_engine", NAMES[:1], indirect=True)
SERVERS = pytest.mark.parametrize("new_engine", NAMES[1:], indirect=True)
_schemas = itertools.count()


def open_engine(request: pytest.FixtureRequest, name: str, folder: Path) -> Engine:
    """A new, empty archive.  Skips where this engine can't run."""
    if name == "sqlite":
        from imadmin.archive.engines.sqlite import SqliteEngine

        return SqliteEngine(folder / "new" / "1.sqlite3")
    from imadmin.archive.engines.postgres import IndexKind, PostgresEngine

    server = request.getfixturevalue("postgres_server")
    kind = IndexKind.BIGM if name == "postgres-bigm" else IndexKind.GRAMS
    if kind is IndexKind.BIGM and not server.has_extension("pg_bigm"):
        pytest.skip("pg_bigm is not installed")
    return PostgresEngine(server.url, f"archive_{next(_schemas)}", index=kind)


@pytest.fixture(params=NAMES)
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    opened = open_engine(request, request.param, tmp_path)
    yield opened
    opened.close()


@pytest.fixture(params=NAMES)
def new_engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory):
    """new_engine() opens another empty archive: hypothesis needs one for each example."""
    opened: list[Engine] = []

    def open_one() -> Engine:
        opened.append(open_engine(request, request.param, tmp_path_factory.mktemp("archive")))
        return opened[-1]

    if request.param != "sqlite":
        open_one()  # skips here, not in the middle of an example
    yield open_one
    for each in opened:
        each.drop()
        each.close()
