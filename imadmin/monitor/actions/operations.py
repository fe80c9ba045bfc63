"""Applying a plan, and carrying it out beside the request: paused, stopped and taken up again at any point.

What was asked for is on the trail before anything is sent (intent, in the name of who applied it); what came of it is
written at the end, also by another process than the one that began.
"""

import logging
import secrets
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import DatabaseError, transaction
from django.db.models import Q
from django.db.models.functions import Coalesce

from imadmin.audit import record
from imadmin.audit.record import Target, clean_reason
from imadmin.clusters import connect
from imadmin.clusters.access import Scope
from imadmin.core import events
from imadmin.core.errors import AppError, Busy, Conflict, InvalidInput, NotFound, gettext_noop
from imadmin.monitor import fates
from imadmin.monitor.actions import drafts, kick_run, move_run, moves
from imadmin.monitor.actions.drafts import KICK, MOVE, PERMISSIONS
from imadmin.monitor.actions.work import Beat, Taken, Work, counts, patiently, settle_rest
from imadmin.monitor.models import Operation

logger = logging.getLogger(__name__)
State = Operation.State

PER_SECOND_MOST = 100
SILENT_AFTER = timedelta(seconds=15)  # without a heartbeat; then another process may take it over
AUDIT_ACTIONS = {KICK: "sessions.kick", MOVE: "slots.move"}

CARRIERS: Mapping[str, Callable[[Work], None]] = {KICK: kick_run.carry, MOVE: move_run.carry}

NO_SUCH = gettext_noop("There is no such operation here.")
NOT_YOURS = gettext_noop("Only who made a plan may apply it. Make your own.")
TOO_OLD = gettext_noop("This plan is older than ten minutes, so nothing was done. Make it again.")
APPLIED = gettext_noop("This plan was already applied; nothing was done a second time.")
OTHER_HASH = gettext_noop("This isn't the plan that was shown. Look at it again before applying it.")
BAD_PACE = gettext_noop("Choose a pace from 1 to %(most)s a second.")
IS_OVER = gettext_noop("It is over: nothing is left to pause, resume or stop.")
OUR_FAULT = gettext_noop("A fault of the dashboard ended it in the middle. It can be resumed: nothing is sent twice.")


def find(scope: Scope, operation_id: str) -> Operation:
    """Raises NotFound."""
    found = Operation.objects.select_related("cluster").filter(pk=operation_id, cluster=scope.cluster).first()
    if found is None:
        raise NotFound(NO_SUCH)
    return found


def apply(
    scope: Scope, operation_id: str, *, reason: str, state_hash: str = "", per_second: int | None = None,
    begin: Callable[[Operation], object] = lambda _operation: None,
) -> Operation:  # fmt: skip
    """Take the plan for carrying out, once, and `begin` the job that does, both or none.

    state_hash: of the plan as it was shown.  Raises NotFound, Forbidden, Conflict (expired, applied, another hash),
    PlanMoved (with the fresh plan), InvalidInput (reason, per_second), Busy (the trail can't be written).
    """
    draft = find(scope, operation_id)
    scope.require(PERMISSIONS[draft.kind])
    pace = draft.per_second if per_second is None else per_second
    if not 1 <= pace <= PER_SECOND_MOST:
        raise InvalidInput({"per_second": [BAD_PACE]}, params={"most": PER_SECOND_MOST})
    _check_applicable(scope, draft, state_hash)
    reason = clean_reason(reason)
    if draft.kind == MOVE:
        moves.check(scope, draft)
    with transaction.atomic():
        if draft.kind == MOVE:
            moves.refuse_second(draft)
        values = {"state": State.QUEUED, "applied_at": datetime.now(UTC), "reason": reason, "per_second": pace}
        mine = Operation.objects.filter(pk=draft.pk, state=State.PLANNED)
        if not mine.update(**values, **drafts.identity(scope)):
            raise Conflict(APPLIED)
        entry = record.intend(
            scope.actor, AUDIT_ACTIONS[draft.kind], Target("operation", draft.pk), reason, cluster=scope.slug
        )
        Operation.objects.filter(pk=draft.pk).update(audit_intent=entry.intent.pk)
        begin(draft)
    _announce(draft)
    return find(scope, operation_id)


def _check_applicable(scope: Scope, draft: Operation, state_hash: str) -> None:
    if draft.state != State.PLANNED:
        raise Conflict(APPLIED, hint=gettext_noop("Its page shows how it went."))
    if not drafts.is_own(scope, draft):
        raise Conflict(NOT_YOURS)
    if draft.expires_at <= datetime.now(UTC):
        raise Conflict(TOO_OLD)
    if state_hash and state_hash != draft.state_hash:
        raise Conflict(OTHER_HASH)


def discard(scope: Scope, operation_id: str) -> None:
    """Throw one's plan away.  Raises NotFound, Forbidden, Conflict (applied, somebody else's)."""
    draft = find(scope, operation_id)
    scope.require(PERMISSIONS[draft.kind])
    if not drafts.is_own(scope, draft):
        raise Conflict(NOT_YOURS)
    deleted, _ = Operation.objects.filter(pk=draft.pk, state=State.PLANNED).delete()
    if not deleted:
        raise Conflict(APPLIED)


def pause(scope: Scope, operation_id: str) -> Operation:
    """Sending ends within a second; what was sent is still read back.  Raises NotFound, Forbidden, Conflict."""
    found = _to_steer(scope, operation_id)
    live = Operation.objects.filter(pk=found.pk, state__in=(State.QUEUED, State.RUNNING))
    if not live.update(pause_wanted=True) and found.state != State.PAUSED:
        raise Conflict(IS_OVER)
    return _steered(scope, found, "pause")


def park(operation_id: str, why: str) -> None:
    """One that was left and that nobody takes up by itself rests until a person resumes it."""
    error = fates.keep((why, {}))
    Operation.objects.filter(pk=operation_id, state=State.QUEUED).update(state=State.PAUSED, error=error)


def resume(scope: Scope, operation_id: str) -> tuple[Operation, bool]:
    """Go on, also after a loss.  Whether a job has to be started for it.  Raises NotFound, Forbidden, Conflict."""
    found = _to_steer(scope, operation_id)
    rows = Operation.objects.filter(pk=found.pk)
    silent = datetime.now(UTC) - SILENT_AFTER
    with transaction.atomic():
        if found.kind == MOVE:
            moves.refuse_second(found)
        needs_job = rows.filter(
            Q(state__in=(State.PAUSED, State.LOST)) | Q(state=State.RUNNING, heartbeat_at__lt=silent)
        ).update(state=State.QUEUED, pause_wanted=False, runner="", error="")
        going = needs_job or rows.filter(state__in=(State.QUEUED, State.RUNNING)).update(pause_wanted=False)
    if not going:
        raise Conflict(IS_OVER)
    steered = _steered(scope, found, "resume")
    return steered, steered.state == State.QUEUED


def stop(scope: Scope, operation_id: str) -> tuple[Operation, bool]:
    """End it: what is done stays, the rest is told as not attempted.  Whether a job is needed to read the last back."""
    found = _to_steer(scope, operation_id)
    rows = Operation.objects.filter(pk=found.pk)
    unsure = found.targets.filter(result=fates.WAITING, tries__gt=0).exists()
    silent = datetime.now(UTC) - SILENT_AFTER
    resting = rows.filter(
        Q(state__in=(State.PAUSED, State.LOST, State.QUEUED)) | Q(state=State.RUNNING, heartbeat_at__lt=silent)
    )
    runner = secrets.token_hex(8)
    claimed = {"state": State.RUNNING, "runner": runner, "heartbeat_at": datetime.now(UTC), "stop_wanted": True}
    if not unsure and resting.update(**claimed):
        _end(find(scope, operation_id), runner, State.STOPPED)
        return _steered(scope, found, "stop"), False
    with transaction.atomic():
        needs_job = resting.update(state=State.QUEUED, stop_wanted=True, pause_wanted=False, runner="")
        going = needs_job or rows.filter(state=State.RUNNING).update(stop_wanted=True)
    if not going:
        raise Conflict(IS_OVER)
    return _steered(scope, found, "stop"), bool(needs_job)


def _to_steer(scope: Scope, operation_id: str) -> Operation:
    found = find(scope, operation_id)
    scope.require(PERMISSIONS[found.kind])
    if found.state in (State.PLANNED, State.DONE, State.STOPPED, State.FAILED):
        raise Conflict(IS_OVER)
    return found


def _steered(scope: Scope, found: Operation, verb: str) -> Operation:
    record.event(scope.actor, f"operation.{verb}", Target("operation", found.pk), cluster=scope.slug)
    _announce(found)
    return find(scope, found.pk)


# -- carrying out ----------------------------------------------------------------------------------------------------


def carry_out(
    operation_id: str, beat: Beat, should_stop: Callable[[], bool], *, wants_stop: Callable[[], bool] = lambda: False
) -> dict[str, Any]:
    """Do it, from wherever it was left.  One process at a time; needs no broker.

    beat(reached=, total=): called about once a second.  should_stop: leave now, to go on later.  wants_stop: a person
    stopped the run itself: then the operation ends.  The answer says how it ended, with the counts.
    """
    operation, runner = _claim(operation_id, beat, should_stop)
    if operation is None:
        return {"state": runner}
    try:
        gateway = connect.gateway_for(operation.cluster)
        work = Work(operation, gateway, runner, beat, should_stop, wants_stop)
        while True:
            work.tell(now=True)
            CARRIERS[operation.kind](work)
            work.flush()
            if ended := _settle_state(work):
                return {"state": ended, **{name or "waiting": n for name, n in counts(operation).items()}}
    except Taken:
        logger.warning("operation.taken_over", extra={"operation": operation_id})
        return {"state": "taken"}
    except AppError as error:
        _end(operation, runner, State.FAILED, error=fates.keep(fates.of_error(error)))
        raise
    except Exception:
        logger.exception("operation.broken", extra={"operation": operation_id})
        lost = {"state": State.LOST, "error": fates.keep((OUR_FAULT, {})), "runner": ""}
        patiently(lambda: Operation.objects.filter(pk=operation_id, runner=runner).update(**lost))
        _announce(operation)
        raise


def _claim(operation_id: str, beat: Beat, should_stop: Callable[[], bool]) -> tuple[Operation | None, str]:
    """Take it, waiting for a process that died to be silent long enough.  None and the reason when there is no need."""
    runner, until = secrets.token_hex(8), time.monotonic() + SILENT_AFTER.total_seconds() + 5
    while True:
        now = datetime.now(UTC)
        free = Operation.objects.filter(
            Q(state__in=(State.QUEUED, State.LOST)) | Q(state=State.RUNNING, heartbeat_at__lt=now - SILENT_AFTER),
            pk=operation_id,
        )
        values = {"state": State.RUNNING, "runner": runner, "heartbeat_at": now, "error": ""}
        if patiently(lambda: free.update(**values, started_at=Coalesce("started_at", now))):  # noqa: B023
            found = Operation.objects.select_related("cluster").get(pk=operation_id)
            _announce(found)
            return found, runner
        current = Operation.objects.filter(pk=operation_id).values_list("state", flat=True).first()
        if current != State.RUNNING:
            return None, current or "gone"
        if time.monotonic() > until or should_stop():
            return None, "taken"
        beat()
        time.sleep(0.5)


def _settle_state(work: Work) -> str:
    """How it ended here; "" when it was resumed in the very moment it paused."""
    operation, mine = work.operation, Operation.objects.filter(pk=work.operation.pk, runner=work.runner)
    if work.stop:
        return _end(operation, work.runner, State.STOPPED)
    if work.leave:
        patiently(lambda: mine.update(state=State.QUEUED, runner=""))
        _announce(operation)
        return "left"
    if work.pause:
        if patiently(lambda: mine.filter(pause_wanted=True).update(state=State.PAUSED, runner="")):
            _announce(operation)
            return str(State.PAUSED)
        work.pause = False
        return ""
    return _end(operation, work.runner, State.DONE)


def _end(operation: Operation, runner: str, state: Operation.State, *, error: str = "") -> str:
    """The last word: targets without a result get theirs, and the trail gets its outcome, both or none."""

    def write() -> None:
        with transaction.atomic():
            values = {"state": state, "finished_at": datetime.now(UTC), "runner": "", "error": error}
            if not Operation.objects.filter(pk=operation.pk, runner=runner).update(**values):
                raise Taken
            settle_rest(operation)
            rows = list(operation.targets.order_by("position").values_list("label", "result", "detail"))
            _tell_trail(operation, state, rows)

    patiently(write)
    _announce(operation)
    return str(state)


def _tell_trail(operation: Operation, state: str, rows: list[tuple[str, str, str]]) -> None:
    """Raises DatabaseError: a trail that is busy for a moment is waited for like everything else here."""
    entry = record.reopen(operation.audit_intent)
    if entry is None:
        return
    detail = {"state": state, "targets": len(rows), "described_as": described(operation)}
    before = dict(operation.summary.get("nodes") or operation.summary.get("leaders") or {})
    try:
        entry.finish(before=before, outcomes=fates.outcomes(rows), detail=detail)
    except Busy as error:
        raise (error.__cause__ if isinstance(error.__cause__, DatabaseError) else error) from None


def described(operation: Operation) -> str:
    return str(operation.summary.get("described_as", ""))


def _announce(operation: Operation) -> None:
    slug = operation.cluster.slug
    events.changed(f"{slug}/operation-{operation.pk}")
    events.changed(f"{slug}/operations")
