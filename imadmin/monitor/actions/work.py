"""One process's hold on an operation: it tells that it lives, hears of pause and stop, and keeps each target's result.

Only who holds the operation may write its end: every write names the runner, and who finds another one there ends.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from django.db import DatabaseError, connection
from django.db.models import F

from imadmin.core import events
from imadmin.gateway.contract import Gateway
from imadmin.monitor import fates
from imadmin.monitor.fates import Fate
from imadmin.monitor.models import Operation, OperationTarget

logger = logging.getLogger(__name__)
T = TypeVar("T")

TELL_SECONDS = 1.0  # between two heartbeats
PIECE = 200  # rows a statement
SIGNAL_SECONDS = 0.5  # between two signals to open pages
PATIENCE = (0.1, 0.5, 1.0, 2.0, 4.0)  # a busy database is waited for: the kicks are on the cluster already

Beat = Callable[..., object]


class Taken(Exception):
    """Another process carries this operation out: nothing more may be written here."""


def patiently(write: Callable[[], T]) -> T:
    """Try again while the database is busy.  Raises DatabaseError when it stays so."""
    for pause in PATIENCE:
        try:
            return write()
        except DatabaseError:
            if connection.in_atomic_block:
                raise
            logger.warning("operation.database_busy", exc_info=True)
            time.sleep(pause)
    return write()


class Work:
    """What a kind of operation is carried out with.

    leave: told to end here, to be taken up again later.  is_ending: pause, stop or leave is wanted.
    """

    def __init__(
        self, operation: Operation, gateway: Gateway, runner: str, beat: Beat, should_leave: Callable[[], bool],
        wants_stop: Callable[[], bool],
    ) -> None:  # fmt: skip
        self.operation, self.gateway, self.runner = operation, gateway, runner
        self.pause = self.stop = self.leave = False
        self.note = ""
        self._beat, self._should_leave, self._wants_stop = beat, should_leave, wants_stop
        self._told_at = self._signalled_at = float("-inf")
        self._settled: list[OperationTarget] = []
        self.topic = f"{operation.cluster.slug}/operation-{operation.pk}"
        rows = operation.targets.values_list("result", "tries")
        self.reached = sum(1 for result, tries in rows if result or tries)

    @property
    def is_ending(self) -> bool:
        return self.pause or self.stop or self.leave

    def waiting(self) -> list[OperationTarget]:
        """The targets without a result, in their order."""
        return list(self.operation.targets.filter(result=fates.WAITING).order_by("position"))

    def about_to_send(self, targets: Sequence[OperationTarget]) -> None:
        """Write down that these are sent now, before they are: a later process looks at them before it sends again."""
        now = datetime.now(UTC)
        ids = [target.pk for target in targets]
        patiently(lambda: OperationTarget.objects.filter(pk__in=ids).update(tries=F("tries") + 1, sent_at=now))
        for target in targets:
            self.reached += target.tries == 0
            target.tries += 1
            target.sent_at = now

    def settle(self, target: OperationTarget, fate: Fate, *said: fates.Said | None) -> None:
        """What became of it; written with the next `flush`."""
        self.reached += target.tries == 0 and not target.result
        target.result, target.detail, target.at = fate.value, fates.keep(*said), datetime.now(UTC)
        self._settled.append(target)

    def flush(self) -> None:
        rows, self._settled = self._settled, []
        if rows:
            fields = ["result", "detail", "at"]
            for first in range(0, len(rows), PIECE):  # each its own transaction: others have to write too
                piece = rows[first : first + PIECE]
                patiently(lambda piece=piece: OperationTarget.objects.bulk_update(piece, fields))  # type: ignore[misc]

    def tell(self, *, now: bool = False) -> None:
        """Say that we live and hear what is wanted; cheap when called often.  Raises Taken."""
        moment = time.monotonic()
        if not now and moment - self._told_at < TELL_SECONDS:
            self._signal(moment)
            return
        self._told_at = moment
        self.flush()
        mine = Operation.objects.filter(pk=self.operation.pk, runner=self.runner)
        if not patiently(lambda: mine.update(heartbeat_at=datetime.now(UTC))):
            raise Taken
        found = patiently(lambda: mine.values_list("pause_wanted", "stop_wanted").first())
        if found is None:
            raise Taken
        self.pause, self.stop = self.pause or found[0], self.stop or found[1]
        self.leave = self.leave or self._should_leave()
        if self._wants_stop():
            self.stop, self.leave = True, False
        self._tell_job()
        self._signal(moment)

    def pause_itself(self, why: str, **params: Any) -> None:
        """Going on would do harm or nothing: a person shall look first."""
        self.pause = True
        kept = fates.keep((why, params))
        mine = Operation.objects.filter(pk=self.operation.pk, runner=self.runner)
        patiently(lambda: mine.update(pause_wanted=True, error=kept))

    def rest(self, seconds: float) -> None:
        """Sleep, telling all the while.  Ends early only when told to leave."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and not self.leave:
            time.sleep(min(left, 0.25))
            self.tell()

    def _tell_job(self) -> None:
        """The job's own row is another's business: it must not end this."""
        try:
            self._beat(reached=self.reached, total=self.operation.total)
        except Exception:
            logger.warning("operation.beat_failed", extra={"operation": self.operation.pk}, exc_info=True)

    def _signal(self, moment: float) -> None:
        if moment - self._signalled_at >= SIGNAL_SECONDS:
            self._signalled_at = moment
            events.changed(self.topic)


def counts(operation: Operation) -> dict[str, int]:
    """How many targets have which result; "" are those without."""
    found: Counter[str] = Counter(patiently(lambda: list(operation.targets.values_list("result", flat=True))))
    return dict(found)


def settle_rest(operation: Operation) -> None:
    """Targets without a result were not attempted; of those sent and never read back nobody knows."""
    rest, now = operation.targets.filter(result=fates.WAITING), datetime.now(UTC)
    rest.filter(tries=0).update(result=Fate.SKIPPED.value, at=now)
    rest.update(result=Fate.UNKNOWN.value, at=now)
