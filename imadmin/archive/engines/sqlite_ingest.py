"""Taking messages in and changing them, inside one transaction."""

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from imadmin.archive import texts
from imadmin.archive.engines import sqlite_index, sqlite_spans
from imadmin.archive.engines.base import RID_SHIFT
from imadmin.archive.engines.shared import (
    FULL,
    KIND_NUMBERS,
    MOST_BROKEN,
    RAW_CUT,
    chunks,
    mid_of,
    number,
    places,
    revised,
    runs,
)
from imadmin.archive.engines.sqlite_file import Link
from imadmin.archive.engines.sqlite_index import Change
from imadmin.archive.engines.sqlite_rows import (
    by_mids,
    channel_number,
    indexed,
    indexed_text,
    read_note,
    select,
    sender_number,
    write_note,
)
from imadmin.archive.grams import tokens
from imadmin.archive.norm import norm
from imadmin.archive.rows import BrokenCall, Incoming, Revision, Stored, Taken, Trait
from imadmin.gateway.payload import clean_text

_INSERT = "INSERT INTO msg VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_COUNT = """UPDATE chan SET count = count + ?, held = held + ?, gone = gone - ?, top = max(top, ?),
    first_at = min(coalesce(first_at, ?), ?), last_at = max(coalesce(last_at, ?), ?) WHERE id = ?"""


class _Entry(NamedTuple):
    """A message of a batch as the tables know it."""

    mid: int
    chan: int
    seq: int
    one: Incoming


def take(link: Link, incoming: Sequence[Incoming], broken: Sequence[BrokenCall]) -> Taken:
    """Store what isn't there yet."""
    by_mid = {mid_of(one.id): one for one in reversed(incoming)}  # of the same id, the first that came
    entries = [_Entry(mid, channel_number(link, one.channel), number(one.seq), one) for mid, one in by_mid.items()]
    known = dict(_known(link.db, by_mid))
    fresh = sorted((entry for entry in entries if entry.mid not in known), key=_when)
    placed = [entry for entry in entries if known.get(entry.mid) == 0 and entry.seq > 0]
    tops = _tops(link.db, entries)
    doubled = _doubled(link.db, [*fresh, *placed], tops)
    _hold(link.db, entries, fresh, tops)
    changes = _insert(link, fresh, doubled)
    if placed:
        changes += _place(link, placed)
    if doubled:
        changes += _mark_doubled(link.db, doubled)
    sqlite_index.apply(link.db, changes)
    if broken:
        _file(link.db, broken)
    return Taken(
        added=len(fresh),
        known=len(incoming) - len(fresh),
        doubled=sum((entry.chan, entry.seq) in doubled for entry in fresh) if doubled else 0,
        channels=frozenset(entry.one.channel for entry in fresh),
        ids=frozenset(entry.one.id for entry in fresh),
    )


def revise(link: Link, revisions: Sequence[Revision]) -> int:
    """How many of them are stored; each is read and indexed again."""
    wanted: dict[int, list[Revision]] = defaultdict(list)
    for revision in revisions:
        wanted[mid_of(revision.id)].append(revision)
    changes: list[Change] = []
    found = 0
    for row in list(by_mids(link.db, wanted)):
        found += 1
        change = _change(link.db, row, wanted[mid_of(row.id)])
        if change:
            changes.append(change)
    sqlite_index.apply(link.db, changes)
    return found


def _known(db: sqlite3.Connection, mids: Iterable[int]) -> Iterable[tuple[int, int]]:
    """(mid, seq) of those that are stored."""
    for chunk in chunks(mids):
        yield from db.execute(f"SELECT mid, seq FROM msg WHERE mid IN ({','.join('?' * len(chunk))})", chunk)  # noqa: S608


def _when(entry: _Entry) -> tuple[int, int]:
    """Ids rise with time, also within a second."""
    return entry.one.sent_at, entry.mid


def _place(link: Link, placed: Sequence[_Entry]) -> list[Change]:
    """A message that came without a number, as its whole channel wasn't told, takes both from its next copy."""
    changes: list[Change] = []
    by_mid = {entry.mid: entry for entry in placed}
    for row in list(by_mids(link.db, by_mid)):
        _, chan, seq, one = by_mid[mid_of(row.id)]
        before = channel_number(link, row.channel)
        link.db.execute("UPDATE msg SET chan = ?, seq = ? WHERE rid = ?", (chan, seq, row.rid))
        link.db.execute("UPDATE chan SET count = count - 1 WHERE id = ?", (before,))
        link.db.execute(_COUNT, (1, 0, 0, 0, *(number(row.sent_at),) * 4, chan))
        changes.append((row.rid, indexed(row), indexed(row._replace(channel=one.channel))))
    return changes


def _tops(db: sqlite3.Connection, entries: Sequence[_Entry]) -> dict[int, int]:
    """The greatest number each channel's ranges reach to: what lies above needs no look at them."""
    found: dict[int, int] = {}
    for chunk in chunks({entry.chan for entry in entries}):
        found.update(db.execute(f"SELECT id, top FROM chan WHERE id IN ({','.join('?' * len(chunk))})", chunk))  # noqa: S608
    return found


def _doubled(db: sqlite3.Connection, entries: Sequence[_Entry], tops: Mapping[int, int]) -> set[tuple[int, int]]:
    """(channel, seq) that more than one message has, of which one is among these."""
    times = Counter((entry.chan, entry.seq) for entry in entries if entry.seq > 0)
    found = {pair for pair, count in times.items() if count > 1}
    for chan, seq in times:
        if seq <= tops[chan] and sqlite_spans.is_held(db, chan, seq):  # held: look; not held: there can't be one
            sql = "SELECT 1 FROM msg WHERE chan = ? AND seq = ? LIMIT 1"
            if db.execute(sql, (chan, seq)).fetchone():
                found.add((chan, seq))
    return found


def _hold(db: sqlite3.Connection, entries: Iterable[_Entry], fresh: Iterable[_Entry], tops: Mapping[int, int]) -> None:
    """Count the new ones; hold the numbers of all, also of those known by another number."""
    seqs: dict[int, list[int]] = defaultdict(list)
    times: dict[int, list[int]] = defaultdict(list)
    for entry in entries:
        if entry.seq > 0:
            seqs[entry.chan].append(entry.seq)
    for entry in fresh:
        times[entry.chan].append(number(entry.one.sent_at))
    counts, more, above = [], [], []
    for chan in seqs.keys() | times.keys():
        ranges = runs(seqs.get(chan, ()))
        if len(ranges) == 1 and ranges[0][0] > tops[chan]:  # as mostly: what comes is newer than all
            above.append((chan, *ranges[0]))
            held, gone = ranges[0][1] - ranges[0][0] + 1, 0
        else:
            held, gone = sqlite_spans.add(db, chan, ranges)
        top, sent = ranges[-1][1] if ranges else 0, times.get(chan)
        if sent:
            low, high = min(sent), max(sent)
            counts.append((len(sent), held, gone, top, low, low, high, high, chan))
        elif held or gone:
            more.append((held, gone, top, chan))
    sqlite_spans.add_above(db, above)
    db.executemany(_COUNT, counts)
    db.executemany("UPDATE chan SET held = held + ?, gone = gone - ?, top = max(top, ?) WHERE id = ?", more)


def _insert(link: Link, fresh: Sequence[_Entry], doubled: set[tuple[int, int]]) -> list[Change]:
    rows = []
    changes: list[Change] = []
    for rid, (mid, chan, seq, one) in zip(_places(link.db, fresh), fresh, strict=True):
        reading = texts.read(one)
        traits = reading.traits | Trait.DOUBLED if (chan, seq) in doubled else reading.traits
        client, topic = clean_text(one.client_msg_no), clean_text(one.topic)
        marks = tokens(one.channel, one.from_uid, reading.kind, traits, client)
        rows.append((
            rid, mid, seq, chan, sender_number(link, one.from_uid), KIND_NUMBERS[reading.kind], number(one.sent_at),
            int(traits), number(one.expire), client, topic, None if one.said is None else reading.text, one.payload,
        ))  # fmt: skip
        changes.append((rid, None, indexed_text(norm(reading.text), marks)))
    link.db.executemany(_INSERT, rows)
    return changes


def _places(db: sqlite3.Connection, fresh: Sequence[_Entry]) -> list[int]:
    """A free row number for each."""

    last_of_all = db.execute("SELECT max(rid) FROM msg").fetchone()[0]
    newest = -1 if last_of_all is None else last_of_all >> RID_SHIFT

    def first_free(second: int) -> int:
        if second > newest:
            return 0
        start = second << RID_SHIFT
        sql = "SELECT max(rid) FROM msg WHERE rid >= ? AND rid < ?"
        last = db.execute(sql, (start, start + FULL)).fetchone()[0]
        return 0 if last is None else last - start + 1

    found, furthest = places((entry.one.sent_at for entry in fresh), first_free)
    if furthest > int(read_note(db, "spill") or 0):
        write_note(db, "spill", str(furthest))
    return found


def _mark_doubled(db: sqlite3.Connection, doubled: Iterable[tuple[int, int]]) -> list[Change]:
    """Those that were there before: the new ones came in with the mark."""
    changes = []
    for chan, seq in doubled:
        for row in select(db, "WHERE m.chan = ? AND m.seq = ?", (chan, seq)):
            if not row.traits & Trait.DOUBLED:
                change = _change(db, row, [Revision(row.id, set=Trait.DOUBLED)])
                changes += [change] if change else []
    return changes


def _change(db: sqlite3.Connection, row: Stored, revisions: Sequence[Revision]) -> Change | None:
    """Write a row as it is after these; None when that is as before."""
    now = revised(row, revisions)
    if now is None:
        return None
    sql = "UPDATE msg SET said = ?, traits = ?, kind = ? WHERE rid = ?"
    db.execute(sql, (now.said, int(now.traits), KIND_NUMBERS[now.kind], row.rid))
    return row.rid, indexed(row), indexed(now.applied_to(row))


def _file(db: sqlite3.Connection, broken: Sequence[BrokenCall]) -> None:
    db.executemany(
        "INSERT INTO broken (at, event, why, raw) VALUES (?, ?, ?, ?)",
        [(number(one.at), clean_text(one.event), clean_text(one.why), one.raw[:RAW_CUT]) for one in broken],
    )
    db.execute("DELETE FROM broken WHERE number <= (SELECT max(number) FROM broken) - ?", (MOST_BROKEN,))
