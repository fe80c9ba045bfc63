"""The tables of one archive in PostgreSQL, and the months that messages lie in.

The unique ids are a table of their own, because an index over all months can't be unique without the month.
"""

import contextlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg import Cursor, sql

from imadmin.archive.engines.base import RID_MAX, RID_SHIFT, StoreUnavailable
from imadmin.archive.engines.postgres_covers import IndexKind
from imadmin.archive.engines.postgres_pool import Pool
from imadmin.archive.norm import NORM_VERSION

SCHEMA_VERSION = 2
OLDEST = 140000  # ranges of ranges
FIRST_YEAR, LAST_YEAR = 2015, 2100  # outside of these a server's clock is wrong: one partition before, one after

# spans, gone: sequence numbers held, and known to be nothing; behind: how many are in neither.  Names may be longer
# than an index takes, hence the beginnings; that none is there twice is seen to by writing alone.
# A channel changes with each batch: its time is indexed so coarsely that a new version seldom needs new entries.
_TABLES = """
CREATE TABLE note (name text PRIMARY KEY, value text NOT NULL);
CREATE TABLE broken (number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at bigint NOT NULL, event text NOT NULL,
    why text NOT NULL, raw bytea NOT NULL);
CREATE TABLE chan (number int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, type bigint NOT NULL,
    cid text COLLATE "C" NOT NULL, leader bigint, server_seq bigint, seen_at bigint, messages bigint NOT NULL DEFAULT 0,
    first_at bigint, last_at bigint, spans int8multirange NOT NULL DEFAULT '{}',
    gone int8multirange NOT NULL DEFAULT '{}', behind bigint NOT NULL DEFAULT 0) WITH (fillfactor = 80);
CREATE INDEX chan_start ON chan (substring(cid FOR 64), type);
{recent}
CREATE TABLE sender (number int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, uid text COLLATE "C" NOT NULL);
CREATE INDEX sender_start ON sender (substring(uid FOR 64));
CREATE TABLE mid (id bigint PRIMARY KEY, rid bigint NOT NULL);
CREATE TABLE month (name text PRIMARY KEY, low bigint NOT NULL UNIQUE, high bigint NOT NULL);
CREATE TABLE msg (rid bigint NOT NULL, id bigint NOT NULL, seq bigint NOT NULL, at bigint NOT NULL,
    expire bigint, chan int NOT NULL, sender int NOT NULL, traits int NOT NULL, kind smallint NOT NULL,
    client text COLLATE "C" NOT NULL, topic text COLLATE "C" NOT NULL, payload bytea NOT NULL,
    said text COLLATE "C", grams int4[] NOT NULL, normal text COLLATE "C") PARTITION BY RANGE (rid);
ALTER TABLE msg ADD PRIMARY KEY (rid);
CREATE INDEX msg_chan ON msg (chan, seq);
"""
_RECENT = """
ALTER TABLE chan ADD COLUMN recent bigint GENERATED ALWAYS AS (last_at >> 16) STORED;
CREATE INDEX chan_behind ON chan (recent DESC NULLS LAST) WHERE behind > 0;
CREATE INDEX chan_touched ON chan (recent DESC NULLS LAST);
"""
_FROM_1 = f"""
ALTER TABLE msg ALTER COLUMN expire DROP NOT NULL;
DROP INDEX chan_behind, chan_touched;
{_RECENT}
"""  # its other index on channels does as well
_INDEX = {
    IndexKind.GRAMS: "CREATE INDEX msg_grams ON msg USING gin (grams) WITH (gin_pending_list_limit = 2048)",
    IndexKind.BIGM: "CREATE INDEX msg_grams ON msg USING gin (normal gin_bigm_ops, grams) "
    "WITH (gin_pending_list_limit = 2048)",
}


@dataclass(frozen=True, slots=True)
class Month:
    """Messages with low <= rid < high."""

    name: str
    low: int
    high: int


def month_of(rid: int) -> Month:
    moment = datetime.fromtimestamp(min(rid >> RID_SHIFT, _START_OF_LAST), UTC)
    if moment.year < FIRST_YEAR:
        return Month("msg_before", -RID_MAX - 1, _start(FIRST_YEAR, 1))
    if moment.year >= LAST_YEAR:
        return Month("msg_after", _start(LAST_YEAR, 1), RID_MAX)
    year, month = moment.year, moment.month
    following = (year + 1, 1) if month == 12 else (year, month + 1)
    return Month(f"msg_{year}{month:02}", _start(year, month), _start(*following))


def months(cursor: Cursor[Any]) -> list[Month]:
    """Newest first."""
    rows = cursor.execute("SELECT name, low, high FROM month ORDER BY low DESC").fetchall()
    return [Month(*row) for row in rows]


def add_month(cursor: Cursor[Any], month: Month) -> None:
    """Attached rather than made in place: that would stop all who read until it is committed."""
    if cursor.execute("SELECT 1 FROM month WHERE name = %s", (month.name,)).fetchone():
        return
    name = sql.Identifier(month.name)
    cursor.execute(sql.SQL("CREATE TABLE {} (LIKE msg INCLUDING STORAGE)").format(name))
    cursor.execute(
        sql.SQL("ALTER TABLE msg ATTACH PARTITION {} FOR VALUES FROM ({}) TO ({})").format(
            name, sql.Literal(month.low), sql.Literal(month.high)
        )
    )
    cursor.execute("INSERT INTO month (name, low, high) VALUES (%s, %s, %s)", (month.name, month.low, month.high))


def lay_out(pool: Pool, wanted: IndexKind | None) -> IndexKind:
    """Make what isn't there yet; what kind of index there is."""
    found = pool.read(lambda cursor: _laid_out(cursor, pool.schema))
    return found or pool.write(lambda cursor: _lay_out(cursor, pool.schema, wanted), lock="layout")


def _laid_out(cursor: Cursor[Any], schema: str) -> IndexKind | None:
    """None: it isn't there, or as an older release made it."""
    layout, kind = _layout(cursor, schema)
    if layout > SCHEMA_VERSION:
        raise StoreUnavailable(f"the archive was made by a newer release (layout {layout})")
    return IndexKind(kind) if layout == SCHEMA_VERSION else None


def _layout(cursor: Cursor[Any], schema: str) -> tuple[int, str]:
    if cursor.execute("SELECT to_regclass(%s)", (f"{schema}.note",)).fetchone() == (None,):
        return 0, ""
    notes = dict(cursor.execute("SELECT name, value FROM note WHERE name IN ('layout', 'index')").fetchall())
    return int(notes["layout"]), notes["index"]


def _lay_out(cursor: Cursor[Any], schema: str, wanted: IndexKind | None) -> IndexKind:
    layout, kind = _layout(cursor, schema)
    if not layout:
        return _make(cursor, schema, wanted)
    if layout < SCHEMA_VERSION:
        # A process of the older release may be writing: without its lock the two can wait for each other.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('writing'), hashtext(%s))", (schema,))
        cursor.connection.execute(_FROM_1)
        write_layout = "UPDATE note SET value = %s WHERE name = 'layout'"
        cursor.execute(write_layout, (str(SCHEMA_VERSION),))
    return IndexKind(kind)


def _make(cursor: Cursor[Any], schema: str, wanted: IndexKind | None) -> IndexKind:
    if cursor.connection.info.server_version < OLDEST:
        raise StoreUnavailable("the archive needs PostgreSQL 14 or newer")
    if cursor.execute("SHOW server_encoding").fetchone() != ("UTF8",):
        raise StoreUnavailable("the archive needs a database in UTF-8")
    has_bigm = wanted is not IndexKind.GRAMS and _has_bigm(cursor)
    if wanted is IndexKind.BIGM and not has_bigm:
        raise StoreUnavailable("pg_bigm can't be used in this database")
    kind = IndexKind.BIGM if has_bigm else IndexKind.GRAMS
    if cursor.execute("SELECT to_regnamespace(%s)", (schema,)).fetchone() == (None,):  # may be made for us beforehand
        cursor.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))
    cursor.connection.execute(_TABLES.replace("{recent}", _RECENT))
    cursor.execute(_INDEX[kind])
    for rid in (0, RID_MAX):
        add_month(cursor, month_of(rid))
    cursor.execute(
        "INSERT INTO note (name, value) VALUES ('layout', %s), ('index', %s), ('norm_version', %s), ('birth', %s)",
        (str(SCHEMA_VERSION), kind.value, str(NORM_VERSION), secrets.token_hex(8)),
    )
    return kind


def _has_bigm(cursor: Cursor[Any]) -> bool:
    """Usable in this database, made so now if need be."""
    usable = "SELECT 1 FROM pg_opclass WHERE opcname = 'gin_bigm_ops' AND pg_opclass_is_visible(oid)"
    if cursor.execute(usable).fetchone():
        return True
    if cursor.execute("SELECT 1 FROM pg_available_extensions WHERE name = 'pg_bigm'").fetchone():
        with contextlib.suppress(psycopg.Error), cursor.connection.transaction():  # not allowed, or another is faster
            cursor.execute("CREATE EXTENSION IF NOT EXISTS pg_bigm SCHEMA public")
    return cursor.execute(usable).fetchone() is not None


def _start(year: int, month: int) -> int:
    return int(datetime(year, month, 1, tzinfo=UTC).timestamp()) << RID_SHIFT


_START_OF_LAST = int(datetime(LAST_YEAR, 1, 1, tzinfo=UTC).timestamp())
