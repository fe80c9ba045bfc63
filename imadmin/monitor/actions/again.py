"""A new plan for what an operation that is over left behind: failed, still there, unknown, not attempted."""

from imadmin.clusters.access import Scope
from imadmin.core.aio import run
from imadmin.core.errors import Conflict, InvalidInput, gettext_noop
from imadmin.monitor.actions import drafts, kick, moves, operations
from imadmin.monitor.actions.kick_run import ident_of, ident_of_row
from imadmin.monitor.fates import Fate
from imadmin.monitor.models import Operation

LEFT = (Fate.STILL, Fate.FAILED, Fate.UNKNOWN, Fate.SKIPPED)

NOT_OVER = gettext_noop("It isn't over yet.")
NONE_LEFT = gettext_noop("None of them is connected any more: nothing is left to do.")


def plan(scope: Scope, operation_id: str) -> Operation:
    """Raises NotFound, Forbidden, Conflict (not over), InvalidInput (nothing left), GatewayError."""
    found = operations.find(scope, operation_id)
    scope.require(drafts.PERMISSIONS[found.kind])
    if found.state not in (Operation.State.DONE, Operation.State.STOPPED, Operation.State.FAILED):
        raise Conflict(NOT_OVER)
    keys = list(found.targets.filter(result__in=LEFT).order_by("position").values_list("key", flat=True))
    about = operations.described(found)
    if found.kind == drafts.MOVE:
        wanted = [(key["slot"], 0 if key["is_transfer"] else key["from"], key["to"]) for key in keys]
        return moves.plan(scope, wanted, described_as=about)
    idents = {ident_of(key) for key in keys}
    listed = run(scope.gateway.connections())
    rows = [row for row in listed.rows if ident_of_row(row) in idents]
    if not rows:
        raise InvalidInput({"targets": [NONE_LEFT]}, NONE_LEFT)
    return kick.plan(scope, rows, about, failed=listed.failed)
