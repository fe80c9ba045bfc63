"""Mass operations as they are looked at: all of a cluster, one with its progress, and what became of each target."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db.models import Count, Max, Q, QuerySet
from django.utils.translation import gettext, ngettext

from imadmin.accounts.permissions import Permission
from imadmin.clusters.access import Scope
from imadmin.core.errors import InvalidInput, gettext_noop
from imadmin.core.paging import BROKEN_CURSOR, cursor_place, decode_cursor, encode_cursor
from imadmin.core.spreadsheet import guarded
from imadmin.monitor import fates
from imadmin.monitor.actions import drafts, operations
from imadmin.monitor.fates import Fate
from imadmin.monitor.models import Operation, OperationTarget

State = Operation.State
RATE_OVER = timedelta(seconds=10)  # how far back the measured pace looks

SENT = "sent"  # no result yet, but it is on its way
SHOWS = ("all", "look", "waiting", SENT, *Fate)
NO_SUCH_SHOW = gettext_noop("There is no such result; choose one.")

TALLY = {
    drafts.KICK: (Fate.DONE, Fate.ALREADY, Fate.RETURNED, Fate.STILL, Fate.FAILED, Fate.UNKNOWN),
    drafts.MOVE: (Fate.DONE, Fate.ALREADY, Fate.RETURNED, Fate.STILL, Fate.FAILED, Fate.UNKNOWN),
}


@dataclass(frozen=True, slots=True)
class Tally:
    fate: str
    count: int


@dataclass(frozen=True, slots=True)
class Progress:
    """An operation with its figures.  counts: by result, "" = none yet.  unread: sent, and not read back yet.

    rate: sent per second lately, None when nothing moves.  seconds_left: None when nobody can say.
    is_lost: it says that it runs and has been silent for a while.
    """

    operation: Operation
    counts: dict[str, int]
    unread: int
    rate: float | None
    seconds_left: float | None
    is_lost: bool

    @property
    def waiting(self) -> int:
        """Not sent yet."""
        return max(0, self.counts.get(fates.WAITING, 0) - self.unread)

    @property
    def reached(self) -> int:
        """Sent, or found to need nothing: what the bar shows.  What a stop left out was never reached."""
        return self.operation.total - self.waiting - self.counts.get(fates.Fate.SKIPPED, 0)

    @property
    def needs_a_look(self) -> int:
        return sum(self.counts.get(fate, 0) for fate in fates.NEEDS_A_LOOK)

    @property
    def state(self) -> str:
        return str(State.LOST) if self.is_lost else self.operation.state

    @property
    def tally(self) -> tuple[Tally, ...]:
        """What is always said, then what there is."""
        found = [Tally(fate, self.counts.get(fate, 0)) for fate in TALLY[self.operation.kind]]
        shown = [one for one in found if one.count or one.fate in (Fate.DONE, Fate.ALREADY, Fate.FAILED)]
        if skipped := self.counts.get(Fate.SKIPPED, 0):
            shown.append(Tally(Fate.SKIPPED, skipped))
        if not self.is_over:
            shown += [Tally(SENT, self.unread), Tally(fates.WAITING, self.waiting)]
        return tuple(shown)

    @property
    def is_over(self) -> bool:
        return self.operation.state in (State.DONE, State.STOPPED, State.FAILED)

    @property
    def is_plan(self) -> bool:
        return self.operation.state == State.PLANNED

    @property
    def is_expired(self) -> bool:
        return self.is_plan and self.operation.expires_at <= datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class OperationPage:
    rows: tuple[Progress, ...]
    next_cursor: str


@dataclass(frozen=True, slots=True)
class TargetPage:
    rows: tuple[OperationTarget, ...]
    next_cursor: str
    show: str


def title(operation: Operation) -> str:
    """What it does, in the reader's language."""
    count = operation.total
    params = {"count": f"{count:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")}
    if operation.kind == drafts.KICK:
        return ngettext("Kick %(count)s session", "Kick %(count)s sessions", count) % params
    return ngettext("Move %(count)s slot", "Move %(count)s slots", count) % params


def about(operation: Operation) -> str:
    """How the targets were chosen, in the words of who chose them; "" when it says nothing."""
    found = operations.described(operation)
    if found == "balance":
        return gettext("leaders brought to the fair share")
    return gettext(found) if found else ""  # some choices are sentences of ours


def listing(scope: Scope, *, cursor: str = "", limit: int = 50) -> OperationPage:
    """Newest first, without plans of others that were never applied.  Raises InvalidInput (cursor)."""
    scope.require(Permission.VIEW)
    own = Q(actor_kind=scope.actor.kind, actor=scope.actor.name[:150], expires_at__gt=datetime.now(UTC))
    rows = Operation.objects.filter(cluster=scope.cluster).filter(~Q(state=State.PLANNED) | own)
    if cursor:
        at, last = cursor_place(cursor)
        rows = rows.filter(Q(created_at__lt=at) | Q(created_at=at, pk__lt=last))
    found = list(rows.select_related("cluster").order_by("-created_at", "-pk")[: limit + 1])
    shown, counts = found[:limit], _counts([row.pk for row in found[:limit]])
    more = encode_cursor(at=shown[-1].created_at.isoformat(), id=shown[-1].pk) if len(found) > limit else ""
    return OperationPage(tuple(_progress(row, counts.get(row.pk, {})) for row in shown), more)


def progress(scope: Scope, operation_id: str) -> Progress:
    """One operation as it stands.  Raises NotFound."""
    scope.require(Permission.VIEW)
    operation = operations.find(scope, operation_id)
    found = _progress(operation, _counts([operation.pk]).get(operation.pk, {}))
    if operation.state not in (State.RUNNING, State.QUEUED, State.PAUSED):
        return found
    unread = operation.targets.filter(result=fates.WAITING, tries__gt=0).count()
    rate = _rate(operation) if operation.state == State.RUNNING and not found.is_lost else None
    waiting = found.counts.get(fates.WAITING, 0) - unread
    left = waiting / operation.per_second if operation.kind == drafts.KICK and rate is not None else None
    return Progress(operation, found.counts, unread, rate, left, found.is_lost)


def targets(operation: Operation, *, show: str = "all", cursor: str = "", limit: int = 50) -> TargetPage:
    """Targets with what became of them, in their order; show: all | look | waiting | a result.

    Raises InvalidInput (show, cursor).
    """
    rows = _shown(operation, show)
    if cursor:
        after = decode_cursor(cursor, "after")["after"]
        if type(after) is not int:
            raise InvalidInput({"cursor": [BROKEN_CURSOR]})
        rows = rows.filter(position__gt=after)
    found = list(rows.order_by("position")[: limit + 1])
    more = encode_cursor(after=found[limit - 1].position) if len(found) > limit else ""
    return TargetPage(tuple(found[:limit]), more, show)


def shown_result(row: OperationTarget) -> str:
    """Its result, or how far it is without one."""
    return row.result or (SENT if row.tries else fates.WAITING)


def _shown(operation: Operation, show: str) -> QuerySet[OperationTarget]:
    if show not in SHOWS:
        raise InvalidInput({"show": [NO_SUCH_SHOW]})
    rows = operation.targets.all()
    if show == "look":
        return rows.filter(result__in=fates.NEEDS_A_LOOK)
    if show in ("waiting", SENT):
        return rows.filter(result=fates.WAITING, tries__gt=0) if show == SENT else rows.filter(result="", tries=0)
    return rows if show == "all" else rows.filter(result=show)


def _counts(ids: Sequence[str]) -> dict[str, dict[str, int]]:
    """By operation and result, in one question."""
    found: dict[str, dict[str, int]] = {}
    rows = OperationTarget.objects.filter(operation__in=ids).values_list("operation", "result")
    for operation_id, result, count in rows.annotate(count=Count("pk")).order_by():
        found.setdefault(operation_id, {})[result] = count
    return found


def _progress(operation: Operation, counts: dict[str, int]) -> Progress:
    silent = datetime.now(UTC) - operations.SILENT_AFTER * 2
    is_lost = operation.state == State.LOST or (
        operation.state == State.RUNNING and (operation.heartbeat_at or operation.created_at) < silent
    )
    return Progress(operation, counts, 0, None, None, is_lost)


def _rate(operation: Operation) -> float | None:
    """Sent in the last ten seconds before the latest one."""
    latest = operation.targets.aggregate(at=Max("sent_at"))["at"]
    if latest is None:
        return None
    since = max(latest - RATE_OVER, operation.started_at or latest)
    span = (latest - since).total_seconds()
    sent = operation.targets.filter(sent_at__gt=since, sent_at__lt=latest).count()
    return sent / span if span >= 1 else None


# -- as a file ---------------------------------------------------------------------------------------------------------


class _Echo:
    def write(self, text: str) -> str:
        return text


def csv_lines(operation: Operation, *, show: str = "all") -> Iterator[str]:
    """Every target as a line; cells are guarded against being taken for formulas.  Raises InvalidInput (show)."""
    rows = _shown(operation, show).order_by("position")
    return _lines(operation, rows)


def _lines(operation: Operation, rows: QuerySet[OperationTarget]) -> Iterator[str]:
    writer, words = csv.writer(_Echo()), fates.words_of(operation.kind)
    is_kick = operation.kind == drafts.KICK
    keys = ("uid", "node", "id", "device", "address") if is_kick else ("slot", "from", "to")
    yield str(writer.writerow([*keys, "result", "result_text", "detail", "tries", "sent_at", "at"]))
    for row in rows.iterator(chunk_size=1000):
        cells = [row.key.get(name) for name in keys]
        told = [
            row.result or "waiting",
            gettext(words[row.result or (SENT if row.tries else "")]),
            fates.read(row.detail),
            row.tries,
        ]
        times = [moment.isoformat() if moment else "" for moment in (row.sent_at, row.at)]
        yield str(writer.writerow([guarded(cell) for cell in (*cells, *told, *times)]))


__all__ = [
    "SHOWS", "OperationPage", "Progress", "TargetPage", "about", "csv_lines", "listing", "progress", "targets", "title",
]  # fmt: skip
