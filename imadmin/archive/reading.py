"""Reading ranges of channels from a cluster into its archive: a few channels at a time, paced, resting in trouble."""

from __future__ import annotations

import asyncio
import concurrent.futures
import time
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, TypeVar

from imadmin.archive import feed
from imadmin.archive.engines.base import Engine, StoreUnavailable
from imadmin.archive.models import Archive
from imadmin.archive.rows import ChannelHold, Incoming, SeenChannel
from imadmin.archive.stores import engine_of
from imadmin.clusters.access import Scope
from imadmin.core import aio, events
from imadmin.core.errors import AppError, Busy, gettext_noop
from imadmin.gateway.contract import Gateway
from imadmin.gateway.errors import GatewayError
from imadmin.gateway.message_types import Stretch
from imadmin.gateway.pacing import Pace, paced
from imadmin.gateway.types import ChannelRef, Message

T = TypeVar("T")

MARGIN = 500  # numbers before the end of a channel that are read again after an incident
WRITE_MOST = 1000  # messages in one transaction
LOOK_SECONDS = 0.2
ROW_SECONDS = 2.0
PATIENCE = 45.0  # seconds to rest before ending; the schedule begins again
TRIES, TRY_EVERY = 15, 1.0

SILENT = gettext_noop("The cluster doesn't answer.")
STORE_AWAY = gettext_noop("The archive can't be written right now.")
STORE_AWAY_HINT = gettext_noop("Check that its disk has room and its database answers; nothing is lost by waiting.")

_paces: dict[int, Pace] = {}  # one bound a cluster and process, whatever asks


def pace_of(cluster_pk: int) -> Pace:
    """The bound on calls that all reading of this cluster keeps to together."""
    return _paces.setdefault(cluster_pk, Pace(20))


class Stopped(Exception):
    """Told to stop, or the archive was closed."""


class Resting(Exception):
    """why: a msgid."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True)
class Work:
    """A range of one channel to read.  is_probe: nobody knows if there is anything; doubles: ask every node."""

    channel: ChannelRef
    first: int
    last: int
    leader: int = 0
    is_probe: bool = False
    doubles: bool = False
    is_second: bool = False  # nothing came the first time though the server says that there is something


@dataclass(frozen=True, slots=True)
class Progress:
    """numbers: sequence numbers closed so far; left: those still missing.  listed: channels told of in this round."""

    numbers: int
    left: int
    added: int
    listed: int
    calls: int


class Reader:
    """One run's hands.  failed: channels that can't be read now and are left alone until the next run."""

    def __init__(
        self,
        scope: Scope,
        *,
        should_stop: Callable[[], bool] = lambda: False,
        may_go_on: Callable[[], str] = lambda: "",
        on_progress: Callable[[Progress], None] = lambda progress: None,
        clock: Callable[[], float] = time.monotonic,
        patience: float = PATIENCE,
    ) -> None:
        self.cluster_pk, self.slug = scope.cluster.pk, scope.slug
        self.gateway: Gateway = scope.gateway
        self.engine: Engine = engine_of(scope.cluster.pk)
        self.clock = clock
        self.listed = self.read_numbers = self.added = self.doubled = 0
        self.failed: set[ChannelRef] = set()
        self._should_stop, self._may_go_on, self._on_progress = should_stop, may_go_on, on_progress
        self._patience = patience
        self._pending: deque[Work] = deque()
        self._silent = 0
        self._row_at = self._told_at = -ROW_SECONDS
        self._waits = ""
        self.pace = pace_of(self.cluster_pk)
        self.calls_before = self.pace.calls
        self._refresh()

    # -- asking ----------------------------------------------------------------------------------------------------

    def ask(self, question: Coroutine[Any, Any, T]) -> T:
        """One question within the budget; given up within a moment when told to stop.  Raises GatewayError, Stopped."""
        future = asyncio.run_coroutine_threadsafe(self._paced(question), aio.loop())
        while True:
            try:
                return future.result(LOOK_SECONDS)
            except concurrent.futures.TimeoutError:
                if future.done():
                    raise
                if self._should_stop():
                    future.cancel()
                    raise Stopped from None

    async def _paced(self, question: Coroutine[Any, Any, T]) -> T:
        with paced(self.pace):
            return await question

    def check(self) -> None:
        """Before each step.  Raises Stopped, Resting after having waited in vain."""
        self._refresh()
        why = self._may_go_on()
        waited_until = self.clock() + self._patience
        while why:
            self.wait_for(why)
            if self.clock() >= waited_until:
                raise Resting(why)
            self._pause(1.0)
            why = self._may_go_on()
        self.wait_for("")
        if self._should_stop():
            raise Stopped

    def _pause(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if self._should_stop():
                raise Stopped
            time.sleep(min(LOOK_SECONDS, seconds))
        self._refresh()

    def _refresh(self) -> None:
        """The budget may change, and the archive may be closed, while it runs."""
        if time.monotonic() - self._row_at < ROW_SECONDS:
            return
        self._row_at = time.monotonic()
        row = Archive.objects.filter(pk=self.cluster_pk).values_list("is_on", "budget", "waits_for").first()
        if row is None or not row[0]:
            raise Stopped
        self.pace.per_second, self._waits = max(1, row[1]), row[2]

    def wait_for(self, why: str) -> None:
        if why != self._waits:
            self._waits = why
            Archive.objects.filter(pk=self.cluster_pk).update(waits_for=why[:200])
            events.changed(f"{self.slug}/archive")

    # -- reading ---------------------------------------------------------------------------------------------------

    def read(self, works: Iterable[Work]) -> None:
        """Read all of these, several at once.  Raises Stopped, Resting, Busy."""
        more = iter(works)
        while True:
            self.check()
            room = self._at_once - len(self._pending)
            self._pending.extend(islice(more, max(0, room)))
            if not self._pending:
                return
            self._step()

    def flush(self) -> None:
        """What was taken up is read to its end: to be called by a source of works that wants to look at the results."""
        while self._pending:
            self.check()
            self._step()

    @property
    def _at_once(self) -> int:
        """So few that their turns come within a second."""
        return int(max(1, min(8, self.pace.per_second // 4)))

    def _step(self) -> None:
        batch = [self._pending.popleft() for _ in range(min(self._at_once, len(self._pending)))]
        batch = [work for work in batch if work.channel not in self.failed]
        try:
            answers = self.ask(self._stretches(batch))
            self._write([_incoming(message) for answer in answers if isinstance(answer, Stretch)
                         for message in answer.messages])  # fmt: skip
        except (Stopped, Resting):
            self._pending.clear()
            raise
        errors = [answer for answer in answers if isinstance(answer, AppError)]
        for work, answer in zip(batch, answers, strict=True):
            if isinstance(answer, Stretch):
                self._close(work, answer)
        self._mind(batch, answers, errors)
        self.tell()

    async def _stretches(self, batch: Sequence[Work]) -> list[Stretch | AppError]:
        asked = (
            self.gateway.messages_between(work.channel, work.first, work.last, node=work.leader, doubles=work.doubles)
            for work in batch
        )
        found = await asyncio.gather(*asked, return_exceptions=True)
        for each in found:
            if isinstance(each, BaseException) and not isinstance(each, AppError):
                raise each
        return found  # type: ignore[return-value]

    def _mind(self, batch: Sequence[Work], answers: Sequence[Stretch | AppError], errors: Sequence[AppError]) -> None:
        """One channel that can't be read is left alone; when nothing can be read any more, it is the cluster."""
        if batch and len(errors) == len(batch):
            self._silent += 1
            if any(isinstance(error, GatewayError) for error in errors):
                self._pending.extendleft(work for work in reversed(batch) if self._silent < 3)
                self._pause(min(0.5 * self._silent, 5.0))
                if self._silent * 2.5 >= self._patience or self._silent >= 12:
                    self.wait_for(SILENT)
                    raise Resting(SILENT)
                if self._silent < 3:
                    return
        elif errors:
            self._silent = 0
        else:
            self._silent = 0
        for work, answer in zip(batch, answers, strict=True):
            if isinstance(answer, AppError):
                self.leave(work.channel)

    def leave(self, channel: ChannelRef) -> None:
        self.failed.add(channel)

    def is_known(self, hold: ChannelHold) -> bool:
        """Whether the server has this channel.  One that it never listed is looked up first: reading would make it.

        One that isn't there is noted as such: what is missing of it can't be read.
        """
        if hold.server_seq:
            return True
        try:
            found = self.ask(self.gateway.runtime_channel(hold.channel))
        except AppError:
            return False
        if found is None:
            self.leave(hold.channel)
            if hold.server_seq is None:
                self.engine.note_channels([SeenChannel(hold.channel, 0)], int(time.time()))
            return False
        seen = SeenChannel(hold.channel, found.last_seq, found.leader_id or None)
        self.engine.note_channels([seen], int(time.time()))
        return True

    def _close(self, work: Work, stretch: Stretch) -> None:
        """What came is stored by now: note what is certainly not there, and go on with the rest of the range."""
        held = sorted({message.seq for message in stretch.messages})
        self.read_numbers += len(held)
        if not stretch.failed and not work.is_probe:
            for first, last in _holes(work.first, held):
                self._gone(work, first, last)
        if stretch.next_seq is not None and stretch.next_seq <= work.last:
            self._pending.appendleft(replace(work, first=stretch.next_seq))
            return
        newest = held[-1] if held else work.first - 1
        if work.is_probe:
            if held:
                self.engine.note_channels([SeenChannel(work.channel, newest, work.leader or None)], int(time.time()))
        elif newest < work.last and not stretch.failed and (work.is_second or not work.doubles):
            self._at_end(work, newest + 1)

    def _at_end(self, work: Work, first: int) -> None:
        """The channel ended before the range did: has it become shorter, or does the server lack what it counts?"""
        try:
            found = self.ask(self.gateway.runtime_channel(work.channel))
        except AppError:
            self.leave(work.channel)
            return
        last_seq = found.last_seq if found else 0
        leader = (found.leader_id or None) if found else None
        self.engine.note_channels([SeenChannel(work.channel, last_seq, leader)], int(time.time()))
        if last_seq < work.last:
            self.leave(work.channel)  # numbers that are not given out (any more) may be yet
        elif work.is_second:
            self._gone(work, first, work.last)
        else:
            self._pending.append(replace(work, first=first, leader=leader or 0, doubles=True, is_second=True))

    def _gone(self, work: Work, first: int, last: int) -> None:
        self.engine.note_gone(work.channel, first, last)
        self.read_numbers += last - first + 1

    def _write(self, rows: list[Incoming]) -> None:
        for start in range(0, len(rows), WRITE_MOST):
            piece = rows[start : start + WRITE_MOST]
            for attempt in range(TRIES):
                try:
                    taken = feed.take(self.cluster_pk, piece)
                    break
                except StoreUnavailable as error:
                    if attempt + 1 == TRIES:
                        raise Busy(STORE_AWAY, hint=STORE_AWAY_HINT) from error
                    self.wait_for(STORE_AWAY)
                    self._pause(TRY_EVERY)
            self.added += taken.added
            self.doubled += taken.doubled

    # -- telling ---------------------------------------------------------------------------------------------------

    def tell(self, *, last: bool = False) -> None:
        """How far it is, at most every two seconds: counting what is left costs a read of all channels."""
        if not last and time.monotonic() - self._told_at < ROW_SECONDS:
            return
        self._told_at = time.monotonic()
        left = self.engine.coverage().missing
        self._on_progress(
            Progress(self.read_numbers, left, self.added, self.listed, self.pace.calls - self.calls_before)
        )


def _holes(first: int, held: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Ranges before each number that is held, from `first` on."""
    for seq in held:
        if seq > first:
            yield first, seq - 1
        first = seq + 1


def _incoming(message: Message) -> Incoming:
    return Incoming(
        id=message.id,
        seq=message.seq,
        channel=message.channel,
        from_uid=message.from_uid,
        sent_at=max(0, int(message.sent_at.timestamp())),
        payload=message.payload,
        client_msg_no=message.client_msg_no,
        expire=message.expire,
        topic=message.topic,
        is_stream=message.is_stream,
        is_finished=not message.is_stream or bool(message.stream and not message.stream.is_open),
        said=message.stream.text if message.stream else None,
    )
