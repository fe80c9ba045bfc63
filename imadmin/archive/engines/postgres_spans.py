"""Which sequence numbers of each channel are held, and which the server has nothing in: as PostgreSQL's own ranges."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from psycopg import Cursor

from imadmin.archive.engines.shared import Range, runs
from imadmin.archive.rows import ChannelHold, Coverage, SeenChannel
from imadmin.gateway.types import ChannelRef

MOST_SEQ = 1 << 62  # room to count in
# Of a channel with these spans and gone: how many numbers up to the newest known one are in neither.
_BEHIND = """(SELECT coalesce(sum(upper(part) - lower(part)), 0) FROM unnest(int8multirange(
    int8range(1, greatest({server}, upper({spans}) - 1, upper({gone}) - 1, 0) + 1)) - {spans} - {gone}) AS part)"""
_HOLD = """number, type, cid, messages, server_seq, seen_at, first_at, last_at, leader,
    ARRAY(SELECT ARRAY[lower(part), upper(part) - 1] FROM unnest(spans) AS part),
    ARRAY(SELECT ARRAY[lower(part), upper(part) - 1] FROM unnest(gone) AS part)"""


def count(cursor: Cursor[Any], *, held: Sequence[Range], fresh: Sequence[Range]) -> None:
    """Hold these (channel, number), count these (channel, time)."""
    seqs: dict[int, list[int]] = defaultdict(list)
    times: dict[int, list[int]] = defaultdict(list)
    for chan, seq in held:
        seqs[chan].append(seq)
    for chan, at in fresh:
        times[chan].append(at)
    chans = sorted(seqs.keys() | times.keys())
    if not chans:
        return
    behind = _BEHIND.format(server="n.server_seq", spans="n.spans", gone="n.gone")
    cursor.execute(
        f"""UPDATE chan c SET messages = c.messages + n.messages, spans = n.spans, gone = n.gone, behind = {behind},
            first_at = least(c.first_at, n.first_at), last_at = greatest(c.last_at, n.last_at)
        FROM (SELECT o.number, o.server_seq, u.messages, u.first_at, u.last_at, o.spans + u.spans AS spans,
                o.gone - u.spans AS gone
            FROM unnest(%s::int4[], %s::text[]::int8multirange[], %s::int8[], %s::int8[], %s::int8[])
                AS u(number, spans, messages, first_at, last_at) JOIN chan o USING (number)) n
        WHERE c.number = n.number""",  # noqa: S608
        (
            chans,
            [_ranges(runs(min(seq, MOST_SEQ) for seq in seqs.get(chan, ()))) for chan in chans],
            [len(times.get(chan, ())) for chan in chans],
            [min(times.get(chan, ()), default=None) for chan in chans],
            [max(times.get(chan, ()), default=None) for chan in chans],
        ),
    )


def add_one(cursor: Cursor[Any], chan: int, at: int) -> None:
    """Count a message that was in another channel; its number is held by whoever counts that."""
    cursor.execute(
        "UPDATE chan SET messages = messages + 1, first_at = least(first_at, %s), last_at = greatest(last_at, %s) "
        "WHERE number = %s",
        (at, at, chan),
    )


def note_gone(cursor: Cursor[Any], chan: int, first: int, last: int) -> None:
    """What is held in the range stays held."""
    first, last = max(1, first), min(last, MOST_SEQ)
    if last < first:
        return
    cursor.execute(
        "UPDATE chan SET gone = gone + (%s::text::int8multirange - spans) WHERE number = %s",
        (_ranges([(first, last)]), chan),
    )
    _count_behind(cursor, [chan])


def note_channels(cursor: Cursor[Any], numbers: Sequence[int], seen: Sequence[SeenChannel], at: int) -> None:
    cursor.execute(
        "UPDATE chan SET server_seq = u.seq, leader = coalesce(u.leader, chan.leader), seen_at = %s "
        "FROM unnest(%s::int4[], %s::int8[], %s::int8[]) AS u(number, seq, leader) WHERE chan.number = u.number",
        (at, numbers, [min(one.last_seq, MOST_SEQ) for one in seen], [one.leader for one in seen]),
    )
    _count_behind(cursor, numbers)


def holds(cursor: Cursor[Any], where: str, values: Sequence[Any]) -> list[tuple[int, ChannelHold]]:
    return [
        (
            row[0],
            ChannelHold(
                channel=ChannelRef(row[2], row[1]),
                messages=row[3],
                spans=tuple((first, last) for first, last in row[9]),
                server_seq=row[4],
                seen_at=row[5],
                first_at=row[6],
                last_at=row[7],
                leader=row[8],
                gone=tuple((first, last) for first, last in row[10]),
            ),
        )
        for row in cursor.execute(f"SELECT {_HOLD} FROM chan {where}", values)  # noqa: S608
    ]


def coverage(cursor: Cursor[Any]) -> Coverage:
    row = cursor.execute(
        """SELECT count(*), count(server_seq), count(*) FILTER (WHERE messages = 0 AND behind > 0),
            count(*) FILTER (WHERE behind > 0),
            coalesce(sum(greatest(server_seq, upper(spans) - 1, upper(gone) - 1, 0)), 0)::int8,
            coalesce(sum(behind), 0)::int8, count(*) FILTER (WHERE behind > 0 AND server_seq = 0),
            coalesce(sum(behind) FILTER (WHERE server_seq = 0), 0)::int8
        FROM chan"""
    ).fetchone()
    return Coverage(*row) if row else Coverage(0, 0, 0, 0, 0, 0)


def wrong_counts(cursor: Cursor[Any]) -> list[str]:
    """Channels whose count of missing numbers isn't what their spans say."""
    behind = _BEHIND.format(server="server_seq", spans="spans", gone="gone")
    rows = cursor.execute(f"SELECT type, cid FROM chan WHERE behind <> {behind} OR spans && gone")  # noqa: S608
    return [f"{kind}/{cid}" for kind, cid in rows]


def _count_behind(cursor: Cursor[Any], numbers: Sequence[int]) -> None:
    behind = _BEHIND.format(server="server_seq", spans="spans", gone="gone")
    cursor.execute(f"UPDATE chan SET behind = {behind} WHERE number = ANY(%s)", (list(numbers),))  # noqa: S608


def _ranges(ranges: Sequence[Range]) -> str:
    return "{" + ",".join(f"[{first},{last}]" for first, last in ranges) + "}"
