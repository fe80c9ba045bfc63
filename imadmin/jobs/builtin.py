"""The jobs that every installation has.  Each calls something below this layer; none has logic of its own."""

from collections.abc import Mapping
from typing import Any

from imadmin.core.errors import gettext_noop
from imadmin.jobs.registry import job
from imadmin.jobs.run import Run


@job(
    "operation.run",
    title=gettext_noop("Carry out an operation"),
    lost="again",
    apart_by=("operation",),
    seconds=6 * 3600,
    attempts=5,
)
def operation_run(run: Run) -> Mapping[str, Any] | None:
    """params: {"operation": id}.  Each target's result is kept, so beginning anew goes on where it was."""
    from imadmin.monitor.actions import operations

    return operations.carry_out(run.params["operation"], run.beat, run.should_stop)
