"""Slots of a cluster: their state by the last look, one with its replicas, who led it when."""

from typing import Annotated, Literal

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router

from imadmin.api.paging import Cursor, Limit, paged
from imadmin.api.params import SlugPath
from imadmin.api.routers.nodes import missing
from imadmin.api.schemas.common import Paged, problems
from imadmin.api.schemas.nodes import ShareOut, SlotChangeOut, SlotDetailOut, SlotOut, SlotsOut
from imadmin.clusters import access
from imadmin.core import paging
from imadmin.core.errors import InvalidInput
from imadmin.monitor import slots as queries

router = Router()

READ = problems(401, 403, 404, 422, 502, 504)
State = Literal[
    "no_quorum", "leaderless", "electing", "moving", "lagging", "under_replicated", "ok", "unknown", "unhealthy"
]
ByState = Annotated[State | None, Query(description="only slots in this state; `unhealthy`: all that are not ok")]
ByLeader = Annotated[int | None, Query(description="only slots led by this node; 0: by nobody", ge=0)]


@router.get(
    "/slots",
    response={200: SlotsOut, **READ},
    operation_id="list_slots",
    summary="Slots, by the last look at the cluster",
)
def list_slots(
    request: HttpRequest, slug: SlugPath, state: ByState = None, leader: ByLeader = None, limit: Limit = 50,
    cursor: Cursor = "",
) -> SlotsOut:  # fmt: skip
    """Needs `view`. At most 20 seconds old, see `as_of`. `total` 0 with nodes in `partial`: nobody tells the slots."""
    scope = access.enter(request, slug)
    view = queries.overview(scope)
    after = _after(cursor)
    found = [
        slot
        for slot in view.state.slots
        if slot.id > after
        and (leader is None or slot.leader == leader)
        and (state is None or slot.state == state or (state == "unhealthy" and slot.state != "ok"))
    ]
    shown = found[:limit]
    return SlotsOut(
        items=[SlotOut.of(slot, view.writes.per_minute.get(slot.id)) for slot in shown],
        next_cursor=paging.encode_cursor(after=shown[-1].id) if len(found) > limit else "",
        total=len(view.state.slots),
        counts={str(name): count for name, count in view.counts.items()},
        shares=[ShareOut.of(share) for share in view.shares],
        fair_share=view.fair,
        partial=missing(view.state),
        as_of=view.state.as_of,
    )


@router.get(
    "/slots/{int:slot}",
    response={200: SlotDetailOut, **READ},
    operation_id="get_slot",
    summary="One slot with its replicas",
)
def get_slot(request: HttpRequest, slug: SlugPath, slot: int) -> SlotDetailOut:
    """Needs `view`. Each living node that holds it is asked for its own log positions now."""
    one = queries.one(access.enter(request, slug), slot)
    return SlotDetailOut.of_one(one, missing(one.state))


@router.get(
    "/slots/{int:slot}/history",
    response={200: Paged[SlotChangeOut], **READ},
    operation_id="list_slot_history",
    summary="Who led a slot when",
)
def list_slot_history(
    request: HttpRequest, slug: SlugPath, slot: int, limit: Limit = 50, cursor: Cursor = ""
) -> HttpResponse:
    """Needs `view`. Newest first, for 30 days; only what happened while imadmin watched."""
    page = queries.history(access.enter(request, slug), slot, cursor=cursor, limit=limit)
    return paged(page.rows, SlotChangeOut.of, next_cursor=page.next_cursor)


def _after(cursor: str) -> int:
    """Raises InvalidInput."""
    if not cursor:
        return -1
    after = paging.decode_cursor(cursor, "after")["after"]
    if type(after) is not int:
        raise InvalidInput({"cursor": [paging.BROKEN_CURSOR]})
    return after
