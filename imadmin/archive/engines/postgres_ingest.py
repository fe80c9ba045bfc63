"""Taking messages in and changing them, inside one transaction."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Cursor

from imadmin.archive import texts
from imadmin.archive.engines import postgres_spans
from imadmin.archive.engines.base import RID_SHIFT, second_of
from imadmin.archive.engines.postgres_covers import IndexKind
from imadmin.archive.engines.postgres_keys import token_key
from imadmin.archive.engines.postgres_packing import COPY, Int4s, Int8s, Row, copied
from imadmin.archive.engines.postgres_rows import (
    Labels,
    Names,
    by_mids,
    indexed,
    indexed_row,
    name_of,
    read_note,
    select,
    write_note,
)
from imadmin.archive.engines.postgres_schema import Month, add_month, month_of
from imadmin.archive.engines.shared import KIND_NUMBERS, MOST_BROKEN, RAW_CUT, mid_of, number, places, revised
from imadmin.archive.grams import tokens, trait_token
from imadmin.archive.norm import norm
from imadmin.archive.rows import BrokenCall, Incoming, Revision, Stored, Taken, Trait
from imadmin.gateway.payload import clean_text

_DOUBLED_KEY = token_key(trait_token(Trait.DOUBLED).text)
Place = tuple[int, int]  # the number of a channel, a sequence number in it


@dataclass(frozen=True, slots=True)
class Prepared:
    """A message read and cut into grams, before anything is locked."""

    mid: int
    one: Incoming
    reading: texts.Reading
    client: str
    keys: list[int]
    normal: str | None


@dataclass(frozen=True, slots=True)
class Writing:
    """The one transaction.  months: partitions that this process knows to be there."""

    cursor: Cursor[Any]
    names: Names
    labels: Labels
    kind: IndexKind
    months: set[Month]


def prepared(kind: IndexKind, incoming: Sequence[Incoming]) -> dict[int, Prepared]:
    """Of the same id, the first that came."""
    found = {}
    for mid, one in {mid_of(one.id): one for one in reversed(incoming)}.items():
        reading, client = texts.read(one), clean_text(one.client_msg_no)
        marks = tokens(one.channel, one.from_uid, reading.kind, reading.traits, client)
        found[mid] = Prepared(mid, one, reading, client, *indexed(kind, norm(reading.text), marks))
    return found


def take(
    writing: Writing, by_mid: dict[int, Prepared], incoming: Sequence[Incoming], broken: Sequence[BrokenCall]
) -> Taken:
    """Store what isn't there yet."""
    cursor = writing.cursor
    writing.names.check(cursor)
    known = {mid for (mid,) in cursor.execute("SELECT id FROM mid WHERE id = ANY(%s)", (Int8s(by_mid),))}
    fresh = [each for mid, each in by_mid.items() if mid not in known]
    fresh.sort(key=lambda each: (each.one.sent_at, each.mid))
    channels = writing.names.channels(cursor, {name_of(each.one.channel) for each in by_mid.values()})
    chan_of = {mid: channels[name_of(each.one.channel)] for mid, each in by_mid.items()}
    numbered = [each for each in by_mid.values() if each.one.seq > 0]
    placed = _unplaced(writing, {each.mid: each for each in numbered if each.mid in known})
    doubled = _doubled(
        cursor,
        [
            (chan_of[each.mid], number(each.one.seq))
            for each in (*fresh, *(each for _, each in placed))
            if each.one.seq > 0
        ],
    )
    _insert(writing, fresh, chan_of, doubled)
    for row, each in placed:
        _place(writing, row, each.one, chan_of[each.mid])
    _mark_doubled(writing, doubled)
    postgres_spans.count(
        cursor,
        held=[(chan_of[each.mid], number(each.one.seq)) for each in numbered],
        fresh=[(chan_of[each.mid], number(each.one.sent_at)) for each in fresh],
    )
    if broken:
        _file(cursor, broken)
    return Taken(
        added=len(fresh),
        known=len(incoming) - len(fresh),
        doubled=sum((chan_of[each.mid], number(each.one.seq)) in doubled for each in fresh),
        channels=frozenset(each.one.channel for each in fresh),
        ids=frozenset(each.one.id for each in fresh),
    )


def revise(writing: Writing, revisions: Sequence[Revision]) -> int:
    """How many of them are stored; each is read and indexed again."""
    wanted: dict[int, list[Revision]] = defaultdict(list)
    for revision in revisions:
        wanted[mid_of(revision.id)].append(revision)
    rows = by_mids(writing.cursor, writing.labels, wanted)
    _change(writing, [(row, wanted[mid_of(row.id)]) for row in rows])
    return len(rows)


def _unplaced(writing: Writing, again: dict[int, Prepared]) -> list[tuple[Stored, Prepared]]:
    """Messages that came without a number, as their whole channel wasn't told, and the copies that have it."""
    rows = by_mids(writing.cursor, writing.labels, again, "AND seq = 0") if again else []
    return [(row, again[mid_of(row.id)]) for row in rows]


def _place(writing: Writing, row: Stored, one: Incoming, chan: int) -> None:
    """The message takes its channel and its number from the copy."""
    found, normal = indexed_row(writing.kind, row._replace(channel=one.channel))
    writing.cursor.execute(
        "UPDATE chan SET messages = messages - 1 WHERE number = (SELECT chan FROM msg WHERE rid = %s)", (row.rid,)
    )
    writing.cursor.execute(
        "UPDATE msg SET seq = %s, chan = %s, grams = %s::int4[], normal = %s WHERE rid = %s",
        (number(one.seq), chan, found, normal, row.rid),
    )
    postgres_spans.add_one(writing.cursor, chan, number(row.sent_at))


def _doubled(cursor: Cursor[Any], wanted: Sequence[Place]) -> set[Place]:
    """Those that more than one message has, of which one is new.  Only what a channel holds can be there before."""
    times = Counter(wanted)
    rows = cursor.execute(
        "SELECT u.chan, u.seq FROM (SELECT u.chan, u.seq FROM unnest(%s::int4[], %s::int8[]) AS u(chan, seq) "
        "JOIN chan c ON c.number = u.chan AND c.spans @> u.seq OFFSET 0) u "
        "WHERE EXISTS (SELECT 1 FROM msg m WHERE m.chan = u.chan AND m.seq = u.seq)",
        (Int4s(chan for chan, _ in times), Int8s(seq for _, seq in times)),
    ).fetchall() if times else []  # fmt: skip
    return {place for place, count in times.items() if count > 1} | {(chan, seq) for chan, seq in rows}


def _insert(writing: Writing, fresh: Sequence[Prepared], chan_of: dict[int, int], doubled: set[Place]) -> None:
    if not fresh:
        return
    cursor = writing.cursor
    senders = writing.names.senders(cursor, {clean_text(each.one.from_uid) for each in fresh})
    rids = _places(writing, [each.one.sent_at for each in fresh])
    cursor.execute(
        "INSERT INTO mid (id, rid) SELECT * FROM unnest(%s::int8[], %s::int8[])",
        (Int8s(each.mid for each in fresh), Int8s(rids)),
    )
    rows = (
        _row(rid, each, chan_of[each.mid], senders[clean_text(each.one.from_uid)], doubled)
        for rid, each in zip(rids, fresh, strict=True)
    )
    with cursor.copy(COPY) as copy:
        copy.write(copied(rows))


def _row(rid: int, each: Prepared, chan: int, sender: int, doubled: set[Place]) -> Row:
    one, reading = each.one, each.reading
    seq = number(one.seq)
    is_doubled = (chan, seq) in doubled
    return Row(
        rid, each.mid, seq, number(one.sent_at), number(one.expire) or None, chan, sender,
        int(reading.traits | Trait.DOUBLED if is_doubled else reading.traits), KIND_NUMBERS[reading.kind],
        each.client, clean_text(one.topic), one.payload, None if one.said is None else reading.text,
        [*each.keys, _DOUBLED_KEY] if is_doubled else each.keys, each.normal,
    )  # fmt: skip


def _places(writing: Writing, times: Sequence[int]) -> list[int]:
    """A free row number for each, in months that are there."""
    cursor = writing.cursor

    def first_free(second: int) -> int:
        start = second << RID_SHIFT
        return known[second] if second in known else _first_free(cursor, [start])[start]

    starts = {second_of(at) << RID_SHIFT for at in times}
    known = {start >> RID_SHIFT: free for start, free in _first_free(cursor, list(starts)).items()}
    rids, furthest = places(times, first_free)
    for month in {month_of(rid) for rid in rids} - writing.months:
        add_month(cursor, month)
        writing.months.add(month)
    if furthest and furthest > int(read_note(cursor, "spill") or 0):
        write_note(cursor, "spill", str(furthest))
    return rids


def _first_free(cursor: Cursor[Any], starts: Sequence[int]) -> dict[int, int]:
    rows = cursor.execute(
        "SELECT s, (SELECT rid FROM msg WHERE rid >= s AND rid < s + %s ORDER BY rid DESC LIMIT 1) "
        "FROM unnest(%s::int8[]) AS s",
        (1 << RID_SHIFT, Int8s(starts)),
    )
    return {start: 0 if last is None else last - start + 1 for start, last in rows}


def _mark_doubled(writing: Writing, doubled: Iterable[Place]) -> None:
    """The messages that share their number with a new one; that one is marked already."""
    pairs = list(doubled)
    if not pairs:
        return
    rows = select(
        writing.cursor,
        writing.labels,
        "FROM msg WHERE (chan, seq) IN (SELECT * FROM unnest(%s::int4[], %s::int8[]))",
        ([chan for chan, _ in pairs], [seq for _, seq in pairs]),
    )
    before = [row for row in rows if not row.traits & Trait.DOUBLED]
    _change(writing, [(row, [Revision(row.id, set=Trait.DOUBLED)]) for row in before])


def _change(writing: Writing, wanted: Iterable[tuple[Stored, Sequence[Revision]]]) -> None:
    for row, revisions in wanted:
        now = revised(row, revisions)
        if now is None:
            continue
        found, normal = indexed_row(writing.kind, now.applied_to(row))
        writing.cursor.execute(
            "UPDATE msg SET said = %s, traits = %s, kind = %s, grams = %s::int4[], normal = %s WHERE rid = %s",
            (now.said, int(now.traits), KIND_NUMBERS[now.kind], found, normal, row.rid),
        )


def _file(cursor: Cursor[Any], broken: Sequence[BrokenCall]) -> None:
    cursor.executemany(
        "INSERT INTO broken (at, event, why, raw) VALUES (%s, %s, %s, %s)",
        [(number(one.at), clean_text(one.event), clean_text(one.why), one.raw[:RAW_CUT]) for one in broken],
    )
    cursor.execute("DELETE FROM broken WHERE number <= (SELECT max(number) FROM broken) - %s", (MOST_BROKEN,))
