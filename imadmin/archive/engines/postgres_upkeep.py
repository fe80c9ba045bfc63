"""Looking after an archive: its size, its index built anew, whether it holds together."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from psycopg import Cursor, sql

from imadmin.archive import clocks
from imadmin.archive.engines import postgres_spans
from imadmin.archive.engines.base import RID_SHIFT
from imadmin.archive.engines.postgres_covers import IndexKind
from imadmin.archive.engines.postgres_pool import Pool
from imadmin.archive.engines.postgres_rows import Labels, indexed_row, read_note, select, write_note
from imadmin.archive.engines.postgres_schema import months
from imadmin.archive.engines.shared import id_of
from imadmin.archive.norm import NORM_VERSION
from imadmin.archive.rows import Fault, Totals
from imadmin.core.errors import gettext_noop as _

BATCH = 1000
VACUUM_AFTER = 50_000  # rows changed: the room of their old versions is taken by the next
EXAMPLES = 10
SAMPLE = 2000  # rows that are read and cut into grams again
THROUGH_INDEX = 50  # of those, looked for by the index alone
_GIN = """SELECT i.relname FROM pg_class i JOIN pg_am a ON a.oid = i.relam JOIN pg_namespace n ON n.oid = i.relnamespace
    WHERE a.amname = 'gin' AND i.relkind = 'i' AND n.nspname = %s ORDER BY 1"""
_MISCOUNTED = """SELECT c.type || '/' || c.cid FROM chan c
    LEFT JOIN (SELECT chan, count(*) AS n FROM msg GROUP BY chan) r ON r.chan = c.number
    WHERE c.messages <> coalesce(r.n, 0)"""
_UNHELD = """SELECT m.id FROM msg m JOIN chan c ON c.number = m.chan
    WHERE m.seq > 0 AND NOT c.spans @> least(m.seq, %s)"""
_UNKNOWN = "SELECT m.id FROM msg m WHERE NOT EXISTS (SELECT 1 FROM mid i WHERE i.id = m.id AND i.rid = m.rid)"
_TIMES = """SELECT (SELECT at FROM msg WHERE rid >= %s AND rid < %s ORDER BY rid LIMIT 1),
    (SELECT at FROM msg WHERE rid >= %s AND rid < %s ORDER BY rid DESC LIMIT 1)"""
_LOST = "SELECT i.id FROM mid i WHERE NOT EXISTS (SELECT 1 FROM msg m WHERE m.rid = i.rid)"


def totals(cursor: Cursor[Any], schema: str) -> Totals:
    messages, channels = _row(
        cursor, "SELECT coalesce(sum(messages), 0)::int8, count(*) FILTER (WHERE messages > 0) FROM chan"
    )
    can_be = [second << RID_SHIFT for second in clocks.bounds()]
    first_at, last_at = _row(cursor, _TIMES, (*can_be, *can_be))
    size, index = _row(
        cursor,
        """SELECT coalesce(sum(pg_relation_size(c.oid)), 0)::int8,
            coalesce(sum(pg_relation_size(c.oid)) FILTER (WHERE a.amname = 'gin'), 0)::int8
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_am a ON a.oid = c.relam
        WHERE n.nspname = %s AND c.relkind IN ('r', 'i', 'S', 't')""",
        (schema,),
    )
    return Totals(
        messages=messages,
        channels=channels,
        bytes=size,
        index_bytes=index,
        first_at=first_at,
        last_at=last_at,
        broken=_row(cursor, "SELECT count(*) FROM broken")[0],
        norm_version=int(read_note(cursor, "norm_version") or 0),
    )


def rebuild(pool: Pool, kind: IndexKind, *, should_stop: Callable[[], bool], tell: Callable[[int], None]) -> bool:
    """Read every message anew in short transactions, then have the index itself built anew."""
    done, built, changed = -1, 0, 0
    while not should_stop():
        step = pool.write(lambda cursor, after=done: _step(cursor, kind, after))  # type: ignore[misc]
        if step is None:
            break
        done, looked, rewritten = step
        built, changed = built + looked, changed + rewritten
        tell(built)
        if changed >= VACUUM_AFTER:
            changed = 0
            pool.alone("VACUUM msg")
    else:
        return False
    for (name,) in pool.read(lambda cursor: cursor.execute(_GIN, (pool.schema,)).fetchall()):
        if should_stop():
            return False
        pool.alone(sql.SQL("REINDEX INDEX CONCURRENTLY {}").format(sql.Identifier(name)))
    pool.write(lambda cursor: write_note(cursor, "norm_version", str(NORM_VERSION)))
    return True


def _step(cursor: Cursor[Any], kind: IndexKind, after: int) -> tuple[int, int, int] | None:
    """One batch, oldest first: (how far, how many, how many of them had changed); None at the end."""
    batch = "FROM msg WHERE rid > %s ORDER BY rid LIMIT %s"
    rows = select(cursor, Labels(), batch, (after, BATCH))
    if not rows:
        return None
    held = {
        rid: (frozenset(grams), normal)
        for rid, grams, normal in cursor.execute(f"SELECT rid, grams, normal {batch}", (after, BATCH))
    }
    changes = []
    for row in rows:
        grams, normal = indexed_row(kind, row)
        if held.get(row.rid) != (frozenset(grams), normal):
            changes.append((grams, normal, row.rid))
    cursor.executemany("UPDATE msg SET grams = %s::int4[], normal = %s WHERE rid = %s", changes)
    return rows[-1].rid, len(rows), len(changes)


def faults(pool: Pool, kind: IndexKind, should_stop: Callable[[], bool]) -> Iterator[Fault]:
    """One look at a time, each at a state of its own: an archive that is being written to is not a fault."""
    if pool.read(lambda cursor: read_note(cursor, "norm_version")) != str(NORM_VERSION):
        yield Fault(_("The index was made by another release and isn't used: build it anew"), 1)
    elif not should_stop():
        yield from _fault(_("Messages aren't found by their own words"), _not_found(pool, kind, should_stop))
    looks: tuple[tuple[str, str, tuple[Any, ...]], ...] = (
        (_("Messages are stored whose number isn't recorded as held"), _UNHELD, (postgres_spans.MOST_SEQ,)),
        (_("The counts of channels differ from what is stored"), _MISCOUNTED, ()),
        (_("Messages are stored whose id isn't recorded"), _UNKNOWN, ()),
        (_("Ids are recorded whose message isn't stored"), _LOST, ()),
    )
    for what, query, values in looks:
        if should_stop():
            return
        rows = pool.patient(query, values)
        yield from _fault(what, [str(id_of(one) if isinstance(one, int) else one) for (one,) in rows])
    if not should_stop():
        yield from _fault(_("Ranges of channels overlap"), pool.read(postgres_spans.wrong_counts))


def _not_found(pool: Pool, kind: IndexKind, should_stop: Callable[[], bool]) -> list[str]:
    lost: list[str] = []
    labels = Labels()
    rids = pool.read(_sampled)
    step = max(1, len(rids) // THROUGH_INDEX)
    for index, rid in enumerate(rids):
        if should_stop():
            break
        by_index = index % step == 0
        lost += pool.read(lambda cursor, rid=rid, by_index=by_index: _lost(cursor, labels, kind, rid, by_index))  # type: ignore[misc]
    return lost


def _lost(cursor: Cursor[Any], labels: Labels, kind: IndexKind, rid: int, by_index: bool) -> list[str]:
    with cursor.connection.transaction():
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        rows = select(cursor, labels, "FROM msg WHERE rid = %s", (rid,))
        if not rows:
            return []
        grams, normal = indexed_row(kind, rows[0])
        held = _row(cursor, "SELECT grams, normal FROM msg WHERE rid = %s", (rid,))
        if set(held[0]) != set(grams) or held[1] != normal:
            return [str(rows[0].id)]
        if by_index:
            cursor.connection.execute("SET LOCAL enable_indexscan = off; SET LOCAL enable_seqscan = off")
            found = "SELECT count(*) FROM msg WHERE grams @> %s::int4[] AND rid = %s"
            if _row(cursor, found, (grams, rid))[0] != 1:
                return [str(rows[0].id)]
    return []


def _sampled(cursor: Cursor[Any]) -> list[int]:
    """Row numbers spread over the whole archive."""
    found: set[int] = set()
    filled = [month for month in months(cursor) if _row(cursor, _FIRST, (month.low, month.high))[0] is not None]
    for month in filled:
        first, last = _row(cursor, _ENDS, (month.low, month.high, month.low, month.high))
        step = max(1, (last - first) * len(filled) // SAMPLE)
        rows = cursor.execute(
            "SELECT (SELECT rid FROM msg WHERE rid >= place AND rid < %s ORDER BY rid LIMIT 1) "
            "FROM generate_series(%s::int8, %s::int8, %s::int8) AS place",
            (month.high, first, last, step),
        )
        found.update(rid for (rid,) in rows if rid is not None)
    return sorted(found)


_FIRST = "SELECT (SELECT rid FROM msg WHERE rid >= %s AND rid < %s ORDER BY rid LIMIT 1)"
_ENDS = """SELECT (SELECT rid FROM msg WHERE rid >= %s AND rid < %s ORDER BY rid LIMIT 1),
    (SELECT rid FROM msg WHERE rid >= %s AND rid < %s ORDER BY rid DESC LIMIT 1)"""


def _row(cursor: Cursor[Any], query: str, values: Sequence[Any] = ()) -> Any:
    return cursor.execute(query, values).fetchone()


def _fault(what: str, found: Sequence[str]) -> Iterator[Fault]:
    if found:
        yield Fault(what, len(found), tuple(found[:EXAMPLES]))
