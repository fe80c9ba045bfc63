"""Operations as the pages and the API steer them: the action below, and the job that carries it out."""

import time

from imadmin.clusters.access import Scope
from imadmin.core.errors import Conflict
from imadmin.jobs.run import start
from imadmin.monitor.actions import operations
from imadmin.monitor.models import Operation

JOB = "operation.run"
TRIES, TRY_EVERY = 10, 0.1  # a run that just paused is still closing its row


def apply(
    scope: Scope, operation_id: str, *, reason: str, state_hash: str = "", per_second: int | None = None
) -> Operation:
    """Raises as monitor.actions.operations.apply."""
    return operations.apply(
        scope,
        operation_id,
        reason=reason,
        state_hash=state_hash,
        per_second=per_second,
        begin=lambda operation: _start(scope, operation),
    )


def resume(scope: Scope, operation_id: str) -> Operation:
    return _with_job(scope, *operations.resume(scope, operation_id))


def stop(scope: Scope, operation_id: str) -> Operation:
    return _with_job(scope, *operations.stop(scope, operation_id))


def _start(scope: Scope, operation: Operation) -> None:
    params = {"operation": operation.pk}
    start(JOB, cluster=scope.cluster, params=params, actor=scope.actor.name)


def _with_job(scope: Scope, operation: Operation, needs_job: bool) -> Operation:
    """Start one, unless the run that is there takes it up itself."""
    for _ in range(TRIES if needs_job else 0):
        try:
            _start(scope, operation)
        except Conflict:
            time.sleep(TRY_EVERY)
            operation.refresh_from_db()
            if operation.state != Operation.State.QUEUED:
                break
        else:
            break
    return operation
