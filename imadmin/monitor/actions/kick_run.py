"""Kicking many sessions: paced, each read back on every node, kicked once more where it is still there.

The server answers 200 to all kicks, and of several of one user that arrive together only some count (reference 5.1):
sessions of one uid are kept apart, and nothing is called gone that was not looked for.
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Container, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, NamedTuple

from imadmin.core import aio
from imadmin.core.errors import AppError, gettext_noop
from imadmin.gateway.connection_types import ConnectionList, ConnectionRow
from imadmin.gateway.contract import Gateway
from imadmin.gateway.types import Session
from imadmin.monitor.actions.pace import Pace
from imadmin.monitor.actions.work import Work
from imadmin.monitor.fates import Fate, Said, of_error
from imadmin.monitor.models import OperationTarget

# The server detaches two seconds after it told the client to go; a look before that still shows the session.
DETACH_WAIT = 2.5
UID_GAP = 0.3  # closings of one user that arrive within 0.05 s are lost; never seen with 0.2 s
MOST_TRIES = 2
MOST_UNSENT = 5  # more, of those that certainly never left us
LOOK_EVERY = 10.0  # seconds between two looks while kicks go on, and at least LOOK_REST times what the last one took
LOOK_REST = 5
BATCH_SECONDS, BATCH_MOST = 0.5, 25
AT_ONCE = 6  # a node; fewer than we put to one, so that pages have their turn
MOST_UNDER_WAY = 100  # kicks without an answer; with more than that it waits, however far behind its pace
LEAD = 0.25  # how long before it is due a batch is written down and handed on
MOST_LOOKS_IN_VAIN, VAIN_WAIT = 3, 3.0  # for nodes that don't answer, after all else is done
REFUSED_IN_A_ROW = 50  # then it pauses by itself

GONE_ANYWAY = gettext_noop("It is gone all the same.")
CAME_BACK = gettext_noop("Detached, and connected again as %(session)s.")
NOT_SEEN = gettext_noop("Node %(node)s doesn't answer, so whether it is gone isn't known.")
NOT_SENT = gettext_noop("Node %(node)s or the leader of the user's slot doesn't answer, so nothing was sent.")
STILL_LISTED = gettext_noop("Kicked %(tries)s times and still listed by its node.")
STILL_REMEMBERED = gettext_noop("Its own node no longer knows it, but another still lists it.")
EARLIER = gettext_noop("Gone; the process that kicked it ended in the middle.")
PAUSED_ITSELF = gettext_noop("The last %(count)s kicks were refused, so it paused by itself. The last one: %(said)s")


class Sent(NamedTuple):
    """pk: of the target.  at: when, by our clock, it left."""

    pk: int
    at: float
    error: AppError | None = None


Answers = Future[list[Sent]]
Ident = tuple[int, int, str, str]  # node, id, uid, device: a restarted node counts from 1 again


def ident_of(key: Mapping[str, Any]) -> Ident:
    return key["node"], key["id"], key["uid"], key["device"]


def ident_of_row(row: ConnectionRow) -> Ident:
    return row.node_id, row.id, row.uid, row.device_id


@dataclass(frozen=True)
class Look:
    """Who was connected at a moment of our clock.  silent: nodes that didn't tell."""

    at: float
    there: dict[Ident, ConnectionRow]
    remembered: dict[Ident, ConnectionRow]
    silent: frozenset[int]
    took: float = 0.0

    @classmethod
    def of(cls, at: float, found: ConnectionList) -> "Look":
        return cls(
            at,
            {ident_of_row(row): row for row in found.rows},
            {ident_of_row(row): row for row in found.remembered},
            frozenset(int(failure.node) for failure in found.failed if failure.node.isdecimal()),
            time.monotonic() - at,
        )

    @cached_property
    def by_device(self) -> dict[tuple[str, int | None, str], list[Ident]]:
        found: dict[tuple[str, int | None, str], list[Ident]] = {}
        for ident, row in self.there.items():
            found.setdefault((row.uid, row.device_flag, row.device_id), []).append(ident)
        return found

    def back(self, target: OperationTarget, known: Container[Ident]) -> str:
        """The session with which the kicked device came back, "" when none: younger than the kick, and none of ours."""
        key, now = target.key, time.monotonic()
        if target.sent_at is None:
            return ""
        age = (datetime.now(UTC) - target.sent_at).total_seconds() - (now - self.at)
        for ident in self.by_device.get((key["uid"], key["flag"], key["device"]), ()):
            if ident not in known and self.there[ident].uptime <= age + 1:
                return f"{ident[0]} #{ident[1]}"
        return ""


def carry(work: Work) -> None:
    """Kick what is there, look, kick once more what is still there, look, and tell of each what became of it."""
    _Kicks(work).run()


class _Kicks:
    """left: targets without a result.  sent: when, by our clock, each was last sent.  seen: there after its last kick.

    silent: nodes that told nothing when last looked at; what they hold or lead is not kicked, so that nothing hangs.
    """

    def __init__(self, work: Work) -> None:
        self.work = work
        self.left = {target.pk: target for target in work.waiting()}
        self.known = {ident_of(key) for key in work.operation.targets.values_list("key", flat=True)}
        self.pace = Pace(work.operation.per_second, gap=UID_GAP)
        self.sender = _Sender(work.gateway)
        self.flying: set[int] = set()  # handed to the sender, no answer yet
        self.failures: dict[int, AppError] = {}
        self.seen: dict[int, ConnectionRow] = {}
        self.silent: frozenset[int] = frozenset()
        self.unsent: Counter[int] = Counter()  # tries that certainly never left us
        self.look_took = 0.0
        self.in_a_row = 0
        self.is_worth_a_look = False
        mono, now = time.monotonic(), datetime.now(UTC)
        self.sent = {
            target.pk: mono - (now - target.sent_at).total_seconds() + BATCH_SECONDS
            for target in self.left.values()
            if target.sent_at
        }
        self.earlier = set(self.sent)

    def run(self) -> None:
        self.look()
        in_vain = 0
        while self.left and not self.work.is_ending:
            wanted = [target for target in self.left.values() if self._is_due(target)]
            if wanted:
                in_vain = 0
                self.send(wanted)
            elif in_vain == MOST_LOOKS_IN_VAIN:
                break
            else:
                in_vain += 1
                self.work.rest(VAIN_WAIT if in_vain > 1 else 0)
            self.settle_down()
        if not self.work.leave and (self.work.stop or not self.work.pause):
            self.conclude()

    # -- sending -----------------------------------------------------------------------------------------------------

    def _is_due(self, target: OperationTarget) -> bool:
        """Never sent, or seen still there after the last time; and nobody silent is needed for it."""
        seen = self.seen.get(target.pk)
        leader = seen.leader_id if seen else target.key["leader"]
        if target.key["node"] in self.silent or leader in self.silent:
            return False
        return target.tries == 0 or (seen is not None and not self._is_tried_out(target))

    def _is_tried_out(self, target: OperationTarget) -> bool:
        return target.tries - min(self.unsent[target.pk], MOST_UNSENT) >= MOST_TRIES

    def send(self, wanted: list[OperationTarget]) -> None:
        """In small batches, each written down before it goes; answers come in beside."""
        queue, under_way = deque(wanted), deque[Answers]()
        look: Future[Look] | None = None
        looked_at = time.monotonic()
        size = max(1, min(BATCH_MOST, int(self.work.operation.per_second * BATCH_SECONDS)))
        while queue:
            self.work.tell()
            if self.work.is_ending or self._is_refused_too_often():
                break
            taken = [queue.popleft() for _ in range(min(size, len(queue)))]
            batch = [target for target in taken if target.pk in self.left and self._is_due(target)]
            if batch:
                under_way.append(self._send_batch(batch))
            while under_way and (under_way[0].done() or len(under_way) * size > MOST_UNDER_WAY):
                self._hear(under_way.popleft())
            look, looked_at = self._look_beside(look, looked_at)
        for answers in under_way:
            self._hear(answers)
        if look is not None:
            self.judge(look.result())

    def _send_batch(self, batch: list[OperationTarget]) -> "Answers":
        """Returns a moment before the last one is due."""
        _sleep_until(self.pace.next_at() - LEAD)
        self.work.about_to_send(batch)
        calls = []
        for target in batch:
            due = self.pace.due(target.key["uid"])
            self.flying.add(target.pk)
            self.earlier.discard(target.pk)
            self.failures.pop(target.pk, None)
            calls.append((due, target.pk, _session(target.key, self.seen.pop(target.pk, None))))
        answers = asyncio.run_coroutine_threadsafe(self.sender.send(calls), aio.loop())
        _sleep_until(calls[-1][0] - LEAD)
        return answers

    def _hear(self, answers: "Answers") -> None:
        while not answers.done():  # a node that hangs holds a call for many seconds
            self.work.tell()
            time.sleep(0.02)
        for pk, at, error in answers.result():
            self.flying.discard(pk)
            self.sent[pk] = at
            self.in_a_row = self.in_a_row + 1 if error is not None and not error.is_uncertain else 0
            if error is not None:
                self.failures[pk] = error
                self.unsent[pk] += not error.is_uncertain
                self.is_worth_a_look = True

    def _is_refused_too_often(self) -> bool:
        if self.in_a_row < REFUSED_IN_A_ROW:
            return False
        why = next(reversed(self.failures.values()))
        self.work.pause_itself(PAUSED_ITSELF, count=self.in_a_row, said=why.text())
        return True

    # -- looking -----------------------------------------------------------------------------------------------------

    def _look_beside(self, look: "Future[Look] | None", looked_at: float) -> "tuple[Future[Look] | None, float]":
        """While kicks go on, every node is asked now and then, so that results show and silent nodes are found."""
        if look is not None:
            if not look.done():
                return look, looked_at
            self.judge(look.result())
            return None, time.monotonic()
        since = time.monotonic() - looked_at
        if since < self.look_took * LOOK_REST:
            return None, looked_at  # a big cluster takes long to list; the kicks come first
        if since >= LOOK_EVERY or (self.is_worth_a_look and since >= DETACH_WAIT):
            self.is_worth_a_look = False
            return asyncio.run_coroutine_threadsafe(_look(self.work.gateway), aio.loop()), looked_at
        return None, looked_at

    def look(self) -> None:
        look = asyncio.run_coroutine_threadsafe(_look(self.work.gateway), aio.loop())
        while not look.done():
            self.work.tell()
            time.sleep(0.02)
        self.judge(look.result())

    def settle_down(self) -> None:
        """Wait until the last kick must show, then look."""
        last = max((self.sent[pk] for pk in self.left if pk in self.sent), default=None)
        if last is not None:
            self.work.rest(last + DETACH_WAIT - time.monotonic())
        if self.left and not self.work.leave:
            self.look()
        if self.work.is_ending and not self.work.leave and any(self.left[pk].tries for pk in self.seen):
            self.work.rest(DETACH_WAIT)  # it won't be kicked once more, so give a slow node another chance
            self.look()
        self.work.tell(now=True)

    def judge(self, look: Look) -> None:
        """Settle what the look tells of each target that is left."""
        self.silent, self.look_took = look.silent, look.took
        for target in list(self.left.values()):
            sent = self.sent.get(target.pk)
            if target.pk in self.flying or (sent is not None and look.at - sent < DETACH_WAIT):
                continue
            ident = ident_of(target.key)
            if ident in look.there:
                self._still_there(target, look.there[ident], STILL_LISTED)
            elif target.key["node"] in look.silent:
                continue
            elif ident in look.remembered and sent is not None:
                self._still_there(target, look.remembered[ident], STILL_REMEMBERED)
            else:
                self._gone(target, look)
        self.work.flush()

    def _still_there(self, target: OperationTarget, row: ConnectionRow, sentence: str) -> None:
        self.seen[target.pk] = row
        if self._is_tried_out(target):
            self._settle_listed(target, sentence)

    def _settle_listed(self, target: OperationTarget, sentence: str = STILL_LISTED) -> None:
        why = self.failures.get(target.pk)
        self._settle(target, Fate.FAILED if why else Fate.STILL, _said(why), (sentence, {"tries": target.tries}))

    def _gone(self, target: OperationTarget, look: Look) -> None:
        if not target.tries:
            self._settle(target, Fate.ALREADY)
            return
        why = self.failures.get(target.pk)
        said = [_said(why), (GONE_ANYWAY, {})] if why else [(EARLIER, {})] if target.pk in self.earlier else []
        if back := look.back(target, self.known):
            self._settle(target, Fate.RETURNED, *said, (CAME_BACK, {"session": back}))
        else:
            self._settle(target, Fate.DONE, *said)

    def _settle(self, target: OperationTarget, fate: Fate, *said: Said | None) -> None:
        self.work.settle(target, fate, *said)
        self.left.pop(target.pk, None)
        self.seen.pop(target.pk, None)

    # -- the end -----------------------------------------------------------------------------------------------------

    def conclude(self) -> None:
        """What is left now can't be told any better.  Also who of the kicked came back."""
        for target in list(self.left.values()):
            node = {"node": target.key["node"]}
            if target.pk in self.seen and target.tries:
                self._settle_listed(target)
            elif target.tries:
                self._settle(target, Fate.UNKNOWN, _said(self.failures.get(target.pk)), (NOT_SEEN, node))
            elif not self.work.stop:
                self._settle(target, Fate.UNKNOWN, (NOT_SENT, node))
        self.work.flush()
        look = aio.run(_look(self.work.gateway))
        for target in self.work.operation.targets.filter(result=Fate.DONE):
            if back := look.back(target, self.known):
                self.work.settle(target, Fate.RETURNED, (CAME_BACK, {"session": back}))
        self.work.flush()


def _said(error: AppError | None) -> Said | None:
    return of_error(error) if error else None


async def _look(gateway: Gateway) -> Look:
    at = time.monotonic()
    try:
        return Look.of(at, await gateway.connections())
    except AppError:
        known = await _known_nodes(gateway)
        return Look(at, {}, {}, known, time.monotonic() - at)


async def _known_nodes(gateway: Gateway) -> frozenset[int]:
    """All of them are silent."""
    try:
        return frozenset(await gateway.node_ids())
    except AppError:
        return _Everything()


class _Everything(frozenset[int]):
    def __contains__(self, _node: object) -> bool:
        return True


class _Sender:
    """On the network loop: each kick when it is due, a few at a time, those of one user apart whatever is late."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._turns: dict[int, asyncio.Semaphore] = {}
        self._free_at: dict[str, float] = {}

    async def send(self, calls: Sequence[tuple[float, int, Session]]) -> list[Sent]:
        return await asyncio.gather(*(self._send(*call) for call in calls))

    async def _send(self, due: float, pk: int, session: Session) -> Sent:
        await _until(due)
        async with self._turns.setdefault(session.leader_id, asyncio.Semaphore(AT_ONCE)):
            moment = max(time.monotonic(), self._free_at.get(session.uid, 0.0))
            self._free_at[session.uid] = moment + UID_GAP
            await _until(moment)
            at = time.monotonic()
            try:
                await self._gateway.kick_session(session)
            except AppError as error:
                return Sent(pk, at, error)
            return Sent(pk, at)


async def _until(moment: float) -> None:
    await asyncio.sleep(max(0.0, moment - time.monotonic()))


def _session(key: Mapping[str, Any], row: ConnectionRow | None) -> Session:
    """As the gateway wants it; the leader as last seen, since slots move."""
    return Session(
        id=key["id"], node_id=key["node"], leader_id=row.leader_id if row else key["leader"], uid=key["uid"],
        device_flag=key["flag"], device_level="", device_id=key["device"], address=key["address"], port=0,
        uptime=0.0, idle=0.0, in_msgs=0, out_msgs=0, protocol_version=0,
    )  # fmt: skip


def _sleep_until(moment: float) -> None:
    if (left := moment - time.monotonic()) > 0:
        time.sleep(left)
