"""Filling an archive from its cluster and closing its gaps, by sequence numbers, within a budget of calls.

What is held is known from the store alone, so work that was cut off anywhere is found again by asking what is missing.
A `whole` round lists every channel and reads what is missing of it; a `quick` one looks at channels with known gaps
and at those the feed touched lately; `one` reads a single channel now.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import F

from imadmin.archive import clocks, present
from imadmin.archive.engines.base import StoreUnavailable
from imadmin.archive.models import Archive
from imadmin.archive.reading import (
    MARGIN,
    SILENT,
    STORE_AWAY,
    STORE_AWAY_HINT,
    Reader,
    Resting,
    Stopped,
    Work,
)
from imadmin.archive.rows import ChannelHold, SeenChannel
from imadmin.core import events
from imadmin.core.errors import Busy, NotFound, gettext_noop
from imadmin.gateway.errors import GatewayError
from imadmin.gateway.types import ChannelRef, RuntimeChannel
from imadmin.gateway.walks import Walk

HOUR, WITHOUT_FEED = timedelta(hours=1), timedelta(minutes=5)
FEED_SILENT = timedelta(minutes=5)
QUICK_EVERY = 20.0  # seconds
TOUCHED_SECONDS = 180
TOUCHED_MOST = 300
BEHIND_MOST = 300
PIECE = 100  # channels
SETTLED_SECONDS = 30  # a message this old is in the server's list of channels, if the server still has it
ANEW, REREAD = "repair.anew", "repair.reread"  # notes beside the messages
NOTE_MOST = 2000

NO_CHANNEL = gettext_noop("The cluster has no channel “%(channel)s”, or nothing was ever sent to it.")


@dataclass(frozen=True, slots=True)
class Report:
    """What a round did.  listed: channels the server told of; read: numbers closed, added of them new messages.

    unread: channels that could not be read now.  is_over: it came to its end.  rests: why not (msgid), "" when told to.
    """

    listed: int
    read: int
    added: int
    doubled: int
    calls: int
    unread: int
    is_over: bool
    rests: str = ""

    def as_result(self) -> dict[str, Any]:
        return {
            "listed": self.listed, "read": self.read, "added": self.added, "doubled": self.doubled,
            "calls": self.calls, "unread": self.unread, "is_over": self.is_over,
        }  # fmt: skip


def whole(reader: Reader, *, incident_at: datetime | None = None) -> Report:
    """List every channel, read what is missing.  incident_at: since when numbers may have been given out anew."""
    round_ = _Whole(reader)
    return _told(reader, round_.run, incident_at)


def quick(reader: Reader, *, seconds: float = 15.0) -> Report:
    """Channels with known gaps and those touched lately, newest first, for at most so long."""
    until = reader.clock() + seconds

    def run() -> bool:
        reader.read(_still(look_at_touched(reader), until, reader.clock))
        reader.read(_still(_behind(reader, once=True), until, reader.clock))
        return True

    return _told(reader, run)


def one(reader: Reader, channel: ChannelRef) -> Report:
    """Read what is missing of one channel now, and its end once more.  Raises NotFound for an unused one."""

    def run() -> bool:
        found = reader.ask(reader.gateway.runtime_channel(channel))
        if found is None:
            raise NotFound(NO_CHANNEL, params={"channel": str(channel)})
        reader.engine.note_channels([_seen(found)], int(time.time()))
        hold = reader.engine.hold(channel)
        works = list(_gaps(hold)) if hold else []
        if found.last_seq:
            works.append(Work(channel, max(1, found.last_seq - MARGIN), found.last_seq, found.leader_id, doubles=True))
        reader.read(works)
        return True

    return _told(reader, run)


def is_due(archive: Archive, now: datetime, *, incident_at: datetime | None = None) -> bool:
    """Whether a whole round should begin: one is unfinished, the last is long ago, or something happened since."""
    if not archive.is_on:
        return False
    started, ended = archive.round_started_at, archive.round_ended_at
    if started is None or ended is None or is_filling(archive):
        return True
    if incident_at is not None and incident_at > started:
        return True
    is_fed = archive.feed_seen_at is not None and now - archive.feed_seen_at < FEED_SILENT
    return now - ended >= (HOUR if is_fed else WITHOUT_FEED)


def is_filling(archive: Archive) -> bool:
    """A whole round is under way, or has never come to its end."""
    started, ended = archive.round_started_at, archive.round_ended_at
    return started is None or ended is None or ended < started


def _told(reader: Reader, run: Callable[..., bool], *args: Any) -> Report:
    """Carry it out; being stopped and resting are ways to end, not errors."""
    is_over, rests = False, ""
    try:
        reader.check()
        is_over = run(*args)
    except Stopped:
        pass
    except Resting as rest:
        rests = rest.why
    except GatewayError:  # of a question that concerns no single channel
        rests = SILENT
        reader.wait_for(SILENT)
    except StoreUnavailable as error:
        raise Busy(STORE_AWAY, hint=STORE_AWAY_HINT) from error
    reader.tell(last=True)
    return Report(
        reader.listed, reader.read_numbers, reader.added, reader.doubled, reader.pace.calls - reader.calls_before,
        len(reader.failed), is_over, rests,
    )  # fmt: skip


class _Whole:
    """One walk over all channels, begun or taken up again."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self._looked_at = reader.clock()
        self.rows = Archive.objects.filter(pk=reader.cluster_pk)

    def run(self, incident_at: datetime | None) -> bool:
        archive = self.rows.get()
        mark = str(archive.resume.get("mark", ""))
        is_fresh = not archive.resume
        if is_fresh:
            self.rows.update(round_started_at=datetime.now(UTC), resume={"mark": ""})
        if incident_at is not None:
            self._reread_touched(incident_at)
        is_complete = archive.resume.get("listed") is True or self._list(mark)
        self._reread()
        self.reader.read(self._interleaved(_behind(self.reader)))
        # A list with holes is made again; what it did tell of is read by then.
        ended = {"round_ended_at": datetime.now(UTC), "whole_at": F("round_started_at")} if is_complete else {}
        self.rows.update(resume={}, **ended)
        self.reader.engine.measure()
        events.changed(f"{self.reader.slug}/archive")
        return is_complete

    def _list(self, mark: str) -> bool:
        """Note every channel; whether all of them were told.  `mark` is kept after each piece."""
        reader = self.reader
        walk: Walk[RuntimeChannel] = reader.gateway.iter_channels(resume=mark)
        rows = aiter(walk)
        while True:
            before = walk.mark
            piece = reader.ask(_next(rows, PIECE))
            self._note(piece)
            if len(piece) < PIECE:
                break
            self.rows.update(resume={"mark": before})
            self._look()
        if walk.failed and not reader.listed:  # nobody told of anything
            reader.wait_for(SILENT)
            raise Resting(SILENT)
        is_complete = not walk.failed and not walk.limits
        self.rows.update(resume={"mark": "", "listed": is_complete})
        return is_complete

    def _note(self, piece: list[RuntimeChannel]) -> None:
        reader, now = self.reader, int(time.time())
        found = [work for row in piece for work in _numbers_anew(reader, row, now)]
        if found:
            self._reread_later(found)
        reader.engine.note_channels([_seen(row) for row in piece], now)
        reader.listed += len(piece)
        reader.tell()

    def _reread_touched(self, incident_at: datetime) -> None:
        """What was said around an incident may have lost its numbers to other messages."""
        since = int(incident_at.timestamp()) - 120
        holds = self.reader.engine.touched(since=since, most=NOTE_MOST)
        works = [_end_of(hold) for hold in holds if hold.spans and hold.server_seq]
        if works:
            self._reread_later(works)

    def _reread_later(self, works: Sequence[Work]) -> None:
        """Noted, as who led a channel before is told only once; read as soon as the list is long."""
        noted = _note(self.reader, REREAD, [])
        noted += [work for work in map(_as_list, works) if work not in noted]
        _set_note(self.reader, REREAD, noted)
        if len(noted) > NOTE_MOST:
            self._reread()

    def _reread(self) -> None:
        self.reader.read(self._interleaved(_rereads(self.reader)))
        _set_note(self.reader, REREAD, [])

    def _interleaved(self, works: Iterable[Work]) -> Iterator[Work]:
        """A gap in a busy channel doesn't wait for the end of a long round."""
        for work in works:
            if self.reader.clock() - self._looked_at >= QUICK_EVERY:
                self._looked_at = self.reader.clock()
                yield from look_at_touched(self.reader)
            yield work

    def _look(self) -> None:
        self.reader.read(self._interleaved(()))
        if self.reader.clock() - self._looked_at >= QUICK_EVERY:
            self._looked_at = self.reader.clock()
            self.reader.read(look_at_touched(self.reader))
            self.reader.read(_behind(self.reader, once=True))


# -- what to read ---------------------------------------------------------------------------------------------------


def look_at_touched(reader: Reader) -> Iterator[Work]:
    """The end of each channel that was written to lately: the feed may have lost what came last."""
    since = int(time.time() - TOUCHED_SECONDS - present.behind(reader.cluster_pk))
    holds = reader.engine.touched(since=since, most=TOUCHED_MOST)
    for hold in holds:
        if not hold.spans or hold.channel in reader.failed or not reader.is_known(hold):
            continue  # nobody knows if the server has it: reading would make it
        newest = hold.spans[-1][1]
        yield Work(hold.channel, newest + 1, newest + 900, hold.leader or 0, is_probe=True)


def _behind(reader: Reader, *, once: bool = False) -> Iterator[Work]:
    """Gaps of all channels, the most recently active first; what can't be read is left for the next round."""
    while True:
        holds = reader.engine.behind(most=BEHIND_MOST + len(reader.failed))
        waiting = [hold for hold in holds if hold.channel not in reader.failed]
        for hold in waiting:
            if reader.is_known(hold):
                yield from _gaps(hold)
            else:
                reader.leave(hold.channel)
        if once or not waiting:
            return
        reader.flush()
        for hold in waiting:  # what is still open after being read won't be closed by asking at once again
            again = reader.engine.hold(hold.channel)
            if again and again.missing >= hold.missing:
                reader.leave(hold.channel)


def _gaps(hold: ChannelHold) -> Iterator[Work]:
    for first, last in hold.gaps:
        yield Work(hold.channel, first, last, hold.leader or 0)


def _numbers_anew(reader: Reader, row: RuntimeChannel, now: int) -> Iterator[Work]:
    """Ends of channels to read again: led by another node than before, or shorter than what is held (5.9).

    A channel that fell back is remembered until it has grown past what is held, as each number up to there may come
    with another message.
    """
    hold = reader.engine.hold(row.channel)
    if hold is None or not hold.spans:
        return
    newest = hold.spans[-1][1]
    anew: dict[str, int] = _note(reader, ANEW, {})
    key = str(row.channel)
    # A clock that is ahead tells nothing of how long ago it was.
    is_settled = hold.last_at is not None and (hold.last_at < now - SETTLED_SECONDS or clocks.is_ahead(hold.last_at))
    low = anew.get(key)
    if row.last_seq < newest and is_settled:
        low = min(row.last_seq, low if low is not None else row.last_seq)
        if len(anew) < NOTE_MOST:
            _set_note(reader, ANEW, anew | {key: low})
    elif low is not None and row.last_seq > newest:
        _set_note(reader, ANEW, {name: each for name, each in anew.items() if name != key})
    if low is not None and row.last_seq:
        first, last = max(1, low - MARGIN), max(row.last_seq, 1)
        yield Work(row.channel, min(first, last), last, row.leader_id, doubles=True)
    elif hold.leader and row.leader_id and hold.leader != row.leader_id and row.last_seq:
        yield Work(row.channel, max(1, row.last_seq - MARGIN), row.last_seq, row.leader_id, doubles=True)


def _end_of(hold: ChannelHold) -> Work:
    newest = hold.spans[-1][1]
    return Work(hold.channel, max(1, newest - MARGIN), newest, hold.leader or 0, doubles=True)


def _rereads(reader: Reader) -> Iterator[Work]:
    for kind, name, first, last, leader in _note(reader, REREAD, []):
        yield Work(ChannelRef(name, kind), first, last, leader, doubles=True)


def _as_list(work: Work) -> list[Any]:
    return [work.channel.type, work.channel.id, work.first, work.last, work.leader]


def _note(reader: Reader, name: str, empty: Any) -> Any:
    with contextlib.suppress(ValueError):
        found = json.loads(reader.engine.note(name) or "null")
        if isinstance(found, type(empty)):
            return found
    return empty


def _set_note(reader: Reader, name: str, value: list[Any] | Mapping[str, Any]) -> None:
    reader.engine.note(name, json.dumps(value, ensure_ascii=False))


def _seen(row: RuntimeChannel) -> SeenChannel:
    return SeenChannel(row.channel, row.last_seq, row.leader_id or None)


async def _next(rows: Any, most: int) -> list[RuntimeChannel]:
    found: list[RuntimeChannel] = []
    while len(found) < most:
        try:
            found.append(await anext(rows))
        except StopAsyncIteration:
            break
    return found


def _still(works: Iterable[Work], until: float, clock: Callable[[], float]) -> Iterator[Work]:
    for work in works:
        if clock() >= until:
            return
        yield work
