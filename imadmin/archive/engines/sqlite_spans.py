"""Which sequence numbers of each channel are held, and which the server has nothing in."""

import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from imadmin.archive.engines.shared import Range, chunks, number
from imadmin.archive.engines.sqlite_file import Link
from imadmin.archive.engines.sqlite_rows import channel_number
from imadmin.archive.rows import ChannelHold, Coverage, SeenChannel
from imadmin.gateway.types import ChannelRef

HOLD = "id, type, cid, count, server_seq, seen_at, first_at, last_at, leader"


def add(db: sqlite3.Connection, chan: int, ranges: Sequence[Range]) -> tuple[int, int]:
    """Hold these as well; (how many numbers more are held, how many fewer are known to be empty)."""
    held = gone = 0
    for first, last in ranges:
        grown = _merge(db, "span", chan, first, last)
        held += grown
        if grown:
            gone += _cut(db, chan, first, last)
    return held, gone


def add_above(db: sqlite3.Connection, ranges: Sequence[tuple[int, int, int]]) -> None:
    """(channel, first, last) each above all that its channel has: longer by it, or one more."""
    db.executemany(
        """UPDATE span SET last = ?3 WHERE chan = ?1 AND last = ?2 - 1
        AND first = (SELECT max(first) FROM span WHERE chan = ?1)""",
        ranges,
    )
    db.executemany(
        """INSERT INTO span (chan, first, last) SELECT ?1, ?2, ?3 WHERE ?2 > coalesce(
        (SELECT last FROM span WHERE chan = ?1 ORDER BY first DESC LIMIT 1), 0)""",
        ranges,
    )


def is_held(db: sqlite3.Connection, chan: int, seq: int) -> bool:
    sql = "SELECT last FROM span WHERE chan = ? AND first <= ? ORDER BY first DESC LIMIT 1"
    row = db.execute(sql, (chan, seq)).fetchone()
    return row is not None and row[0] >= seq


def _touching(db: sqlite3.Connection, table: str, chan: int, first: int, last: int) -> list[Range]:
    """Ranges that overlap this one, descending; none overlaps another, so the first that ends before is the end."""
    found = []
    sql = f"SELECT first, last FROM {table} WHERE chan = ? AND first <= ? ORDER BY first DESC"  # noqa: S608
    for one in db.execute(sql, (chan, last)):
        if one[1] < first:
            break
        found.append(one)
    return found


def _merge(db: sqlite3.Connection, table: str, chan: int, first: int, last: int) -> int:
    """How many numbers were not in the table's ranges before."""
    old = _touching(db, table, chan, first - 1, last + 1)
    if len(old) == 1 and old[0][0] <= first and last <= old[0][1]:
        return 0
    if len(old) == 1 and old[0][0] <= first:  # as mostly: some more at its end
        db.execute(f"UPDATE {table} SET last = ? WHERE chan = ? AND first = ?", (last, chan, old[0][0]))  # noqa: S608
        return last - old[0][1]
    lowest = min(first, old[-1][0]) if old else first
    highest = max(last, old[0][1]) if old else last
    db.executemany(f"DELETE FROM {table} WHERE chan = ? AND first = ?", [(chan, one) for one, _ in old])  # noqa: S608
    db.execute(f"INSERT INTO {table} (chan, first, last) VALUES (?, ?, ?)", (chan, lowest, highest))  # noqa: S608
    return highest - lowest + 1 - sum(end - start + 1 for start, end in old)


def _cut(db: sqlite3.Connection, chan: int, first: int, last: int) -> int:
    """Take this range out of what is known to be empty; how many numbers that were."""
    cut = 0
    for start, end in _touching(db, "gone", chan, first, last):
        db.execute("DELETE FROM gone WHERE chan = ? AND first = ?", (chan, start))
        rest = [(chan, *part) for part in ((start, first - 1), (last + 1, end)) if part[0] <= part[1]]
        db.executemany("INSERT INTO gone (chan, first, last) VALUES (?, ?, ?)", rest)
        cut += min(end, last) - max(start, first) + 1
    return cut


def note_gone(link: Link, channel: ChannelRef, first: int, last: int) -> None:
    """What is held in the range stays held."""
    first, last = max(1, first), number(last)
    if last < first:
        return
    chan, db = channel_number(link, channel), link.db
    added, start = 0, first
    for one, end in [*reversed(_touching(db, "span", chan, first, last)), (last + 1, last + 1)]:
        if start < one:
            added += _merge(db, "gone", chan, start, one - 1)
        start = max(start, end + 1)
    db.execute("UPDATE chan SET gone = gone + ?, top = max(top, ?) WHERE id = ?", (added, last, chan))


def note_channels(link: Link, seen: Sequence[SeenChannel], at: int) -> None:
    link.db.executemany(
        "UPDATE chan SET server_seq = ?, leader = coalesce(?, leader), seen_at = ? WHERE id = ?",
        [(number(one.last_seq), one.leader, at, channel_number(link, one.channel)) for one in seen],
    )


def holds(db: sqlite3.Connection, where: str, values: Sequence[Any]) -> list[tuple[int, ChannelHold]]:
    rows = db.execute(f"SELECT {HOLD} FROM chan {where}", values).fetchall()  # noqa: S608
    numbers = [row[0] for row in rows]
    spans, gone = _ranges(db, "span", numbers), _ranges(db, "gone", numbers)
    return [
        (
            chan,
            ChannelHold(
                channel=ChannelRef(cid, channel_type),
                messages=count,
                spans=tuple(spans.get(chan, ())),
                server_seq=server_seq,
                seen_at=seen_at,
                first_at=first_at,
                last_at=last_at,
                leader=leader,
                gone=tuple(gone.get(chan, ())),
            ),
        )
        for chan, channel_type, cid, count, server_seq, seen_at, first_at, last_at, leader in rows
    ]


def coverage(db: sqlite3.Connection) -> Coverage:
    newest = "max(coalesce(server_seq, 0), top)"
    sql = f"""SELECT count(*), count(server_seq), coalesce(sum(missing > 0 AND count = 0), 0),
        coalesce(sum(missing > 0), 0), coalesce(sum(newest), 0), coalesce(sum(max(missing, 0)), 0),
        coalesce(sum(missing > 0 AND server_seq = 0), 0),
        coalesce(sum(max(missing, 0)) FILTER (WHERE server_seq = 0), 0)
        FROM (SELECT server_seq, count, {newest} AS newest, {newest} - held - gone AS missing FROM chan)"""  # noqa: S608
    return Coverage(*db.execute(sql).fetchone())


def _ranges(db: sqlite3.Connection, table: str, numbers: Sequence[int]) -> dict[int, list[Range]]:
    found: dict[int, list[Range]] = defaultdict(list)
    for chunk in chunks(numbers):
        places = ",".join("?" * len(chunk))
        sql = f"SELECT chan, first, last FROM {table} WHERE chan IN ({places}) ORDER BY chan, first"  # noqa: S608
        for chan, first, last in db.execute(sql, chunk):
            found[chan].append((first, last))
    return found
