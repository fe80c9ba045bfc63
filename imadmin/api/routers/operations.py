"""Mass operations: plan a kick or a move, look at it, apply it, follow, pause, resume and stop it."""

from typing import Annotated

from django.http import HttpRequest, HttpResponse
from ninja import Path, Query, Router, Status

from imadmin.accounts.permissions import Permission
from imadmin.api.paging import Cursor, Limit, paged
from imadmin.api.params import SlugPath
from imadmin.api.schemas.common import Paged, problems
from imadmin.api.schemas.operations import (
    ApplyIn,
    KickPlanIn,
    MovesIn,
    OperationOut,
    SlotMoveIn,
    TargetOut,
)  # fmt: skip
from imadmin.clusters import access
from imadmin.clusters.access import Scope
from imadmin.core.errors import InvalidInput, gettext_noop
from imadmin.jobs import operations as steering
from imadmin.monitor import connections
from imadmin.monitor import operations as queries
from imadmin.monitor.actions import again, kick, moves
from imadmin.monitor.actions import operations as actions
from imadmin.monitor.models import Operation

router = Router()

READ = problems(401, 403, 404, 422)
PLANNED = problems(401, 403, 404, 422, 501, 502, 503, 504)
CHANGED = problems(401, 403, 404, 409, 422, 501, 502, 503, 504)

OperationId = Annotated[str, Path(description="the operation's id")]
Show = Annotated[
    str,
    Query(description="all, look (what needs a look), waiting, or a result: done, already, returned, still, …"),
]

EITHER = gettext_noop("Give sessions or a query, not both.")
NEITHER = gettext_noop("Name sessions, or give a query: without either it would mean everybody.")


@router.post(
    "/connections/kick",
    response={201: OperationOut, **PLANNED},
    operation_id="plan_kick",
    summary="Plan to kick sessions, by name or by query",
)
def plan_kick(request: HttpRequest, slug: SlugPath, body: KickPlanIn) -> Status[OperationOut]:
    """Needs `kick`. Nothing is sent: apply the plan by its id within ten minutes.

    The server only detaches a session: its socket may linger, and the app may connect again at once.
    """
    scope = access.enter(request, slug, Permission.KICK)
    if body.sessions and body.query:
        raise InvalidInput({"query": [EITHER]})
    if not body.sessions and not body.query.strip():
        raise InvalidInput({"query": [NEITHER]})
    failed = connections.snapshot(scope).failed
    if body.query:
        wanted = connections.read_query(body.query)
        rows, said = connections.select(scope, wanted), wanted.words()
    else:
        keys = frozenset((one.node_id, int(one.session_id)) for one in body.sessions)
        rows, said = connections.select(scope, keys), gettext_noop("chosen one by one")
    return Status(201, _out(scope, kick.plan(scope, rows, said, failed=failed)))


@router.post(
    "/slots/moves",
    response={201: OperationOut, **PLANNED},
    operation_id="plan_slot_moves",
    summary="Plan to move leaders or copies of slots",
)
def plan_slot_moves(request: HttpRequest, slug: SlugPath, body: MovesIn) -> Status[OperationOut]:
    """Needs `operate-cluster`. To a node with a copy the leader moves; to another one the copy of `source` does.

    What the server would accept and never end (unknown or dead nodes) is left out: `summary.left_out` says why.
    """
    scope = access.enter(request, slug, Permission.OPERATE_CLUSTER)
    wanted = [(one.slot, one.source or 0, one.target) for one in body.moves]
    return Status(201, _out(scope, moves.plan(scope, wanted)))


@router.post(
    "/slots/{int:slot}/move",
    response={201: OperationOut, **PLANNED},
    operation_id="plan_slot_move",
    summary="Plan to move the leader or a copy of one slot",
)
def plan_slot_move(request: HttpRequest, slug: SlugPath, slot: int, body: SlotMoveIn) -> Status[OperationOut]:
    """Needs `operate-cluster`. Nothing moves before the plan is applied."""
    scope = access.enter(request, slug, Permission.OPERATE_CLUSTER)
    return Status(201, _out(scope, moves.plan(scope, [(slot, body.source or 0, body.target)])))


@router.post(
    "/slots/balance",
    response={201: OperationOut, **PLANNED},
    operation_id="plan_slot_balance",
    summary="Plan the moves that even out the leaders",
)
def plan_slot_balance(request: HttpRequest, slug: SlugPath) -> Status[OperationOut]:
    """Needs `operate-cluster`. 422 when nothing would make them more even. The server has a balancer of its own."""
    scope = access.enter(request, slug, Permission.OPERATE_CLUSTER)
    return Status(201, _out(scope, moves.balance(scope)))


@router.get(
    "/operations",
    response={200: Paged[OperationOut], **READ},
    operation_id="list_operations",
    summary="Operations, newest first",
)
def list_operations(request: HttpRequest, slug: SlugPath, limit: Limit = 50, cursor: Cursor = "") -> HttpResponse:
    """Needs `view`. Plans of others that were never applied are left out."""
    page = queries.listing(access.enter(request, slug), cursor=cursor, limit=limit)
    return paged(page.rows, OperationOut.of, next_cursor=page.next_cursor)


@router.get(
    "/operations/{operation_id}",
    response={200: OperationOut, **READ},
    operation_id="get_operation",
    summary="A plan, its progress or its result",
)
def get_operation(request: HttpRequest, slug: SlugPath, operation_id: OperationId) -> OperationOut:
    """Needs `view`."""
    return OperationOut.of(queries.progress(access.enter(request, slug), operation_id))


@router.get(
    "/operations/{operation_id}/targets",
    response={200: Paged[TargetOut], **READ},
    operation_id="list_operation_targets",
    summary="What becomes of each target",
)
def list_operation_targets(
    request: HttpRequest,
    slug: SlugPath,
    operation_id: OperationId,
    show: Show = "all",
    limit: Limit = 50,
    cursor: Cursor = "",
) -> HttpResponse:
    """Needs `view`. In the order they are sent in."""
    found = queries.progress(access.enter(request, slug), operation_id).operation
    page = queries.targets(found, show=show, cursor=cursor, limit=limit)
    return paged(page.rows, TargetOut.of, next_cursor=page.next_cursor)


@router.post(
    "/operations/{operation_id}/apply",
    response={202: OperationOut, **CHANGED},
    operation_id="apply_operation",
    summary="Apply a plan of your own",
)
def apply_operation(
    request: HttpRequest, slug: SlugPath, operation_id: OperationId, body: ApplyIn
) -> Status[OperationOut]:
    """Needs `kick` for kicks, `operate-cluster` for moves. Once, within ten minutes; 409 with the new plan's id in
    `hint` when the slots have changed since. It goes on beside the call: follow it by its id."""
    scope = access.enter(request, slug, Permission.KICK)
    found = steering.apply(scope, operation_id, reason=body.reason, state_hash=body.hash, per_second=body.per_second)
    return Status(202, _out(scope, found))


@router.post(
    "/operations/{operation_id}/pause",
    response={200: OperationOut, **CHANGED},
    operation_id="pause_operation",
    summary="Pause it",
)
def pause_operation(request: HttpRequest, slug: SlugPath, operation_id: OperationId) -> OperationOut:
    """Needs the operation's own right. Sending ends within a second; what was sent is still read back."""
    scope = access.enter(request, slug, Permission.KICK)
    return _out(scope, actions.pause(scope, operation_id))


@router.post(
    "/operations/{operation_id}/resume",
    response={200: OperationOut, **CHANGED},
    operation_id="resume_operation",
    summary="Go on after a pause or a loss",
)
def resume_operation(request: HttpRequest, slug: SlugPath, operation_id: OperationId) -> OperationOut:
    """Needs the operation's own right. What was sent is looked for first: nothing is sent twice blindly."""
    scope = access.enter(request, slug, Permission.KICK)
    return _out(scope, steering.resume(scope, operation_id))


@router.post(
    "/operations/{operation_id}/stop",
    response={200: OperationOut, **CHANGED},
    operation_id="stop_operation",
    summary="Stop it for good",
)
def stop_operation(request: HttpRequest, slug: SlugPath, operation_id: OperationId) -> OperationOut:
    """Needs the operation's own right. What is done stays; the rest is `skipped`."""
    scope = access.enter(request, slug, Permission.KICK)
    return _out(scope, steering.stop(scope, operation_id))


@router.post(
    "/operations/{operation_id}/again",
    response={201: OperationOut, **CHANGED},
    operation_id="plan_operation_again",
    summary="Plan again for what is left",
)
def plan_operation_again(request: HttpRequest, slug: SlugPath, operation_id: OperationId) -> Status[OperationOut]:
    """Needs the operation's own right. Of one that is over: what failed, is still there, unknown or not attempted."""
    scope = access.enter(request, slug, Permission.KICK)
    return Status(201, _out(scope, again.plan(scope, operation_id)))


@router.delete(
    "/operations/{operation_id}",
    response={204: None, **CHANGED},
    operation_id="discard_operation",
    summary="Throw a plan of your own away",
)
def discard_operation(request: HttpRequest, slug: SlugPath, operation_id: OperationId) -> Status[None]:
    """Needs the operation's own right. Only plans that were not applied."""
    scope = access.enter(request, slug, Permission.KICK)
    actions.discard(scope, operation_id)
    return Status(204, None)


def _out(scope: Scope, operation: Operation) -> OperationOut:
    return OperationOut.of(queries.progress(scope, operation.pk))
