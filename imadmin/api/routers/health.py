"""How a cluster is, and what happened to it."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext
from ninja import Query, Router

from imadmin.api.paging import Cursor, Limit, paged
from imadmin.api.params import SlugPath
from imadmin.api.schemas.common import Paged, problems
from imadmin.api.schemas.health import EventOut, HealthOut
from imadmin.clusters import access
from imadmin.core.errors import InvalidInput, gettext_noop
from imadmin.monitor import events, watch

router = Router()

WITH_ZONE = gettext_noop("Write the time with its zone, like 2026-01-31T08:00:00Z.")

Group = Annotated[
    list[Literal["nodes", "slots", "leader", "verdict", "operations", "other"]],
    Query(description="what it is about; repeat it to widen"),
]
Level = Annotated[list[Literal["ok", "info", "warn", "bad"]], Query(description="repeat it to widen")]
Moment = Annotated[datetime | None, Query(description="with a zone")]
Number = Annotated[int | None, Query(ge=0, lt=2**63)]
Fresh = Annotated[bool, Query(description="ask the nodes now, instead of taking a look of up to 20 seconds ago")]


@router.get(
    "/health",
    response={200: HealthOut, **problems(401, 404, 503)},
    operation_id="get_health",
    summary="How the cluster is, by asking every node itself",
)
def get_health(request: HttpRequest, slug: SlugPath, fresh: Fresh = False) -> HealthOut:
    """Needs `view`. Answers 200 also for a cluster that is down: that is what `verdict` says.

    What the server tells of itself isn't believed: a node that survived the loss of a quorum says that all is well.
    """
    scope = access.enter(request, slug)
    state = watch.state(scope, fresh=0.0) if fresh else watch.state(scope)
    reasons = {node.id: gettext(node.view.error) if node.view.error else "" for node in state.nodes}
    return HealthOut.of(state, reasons)


@router.get(
    "/events",
    response={200: Paged[EventOut], **problems(401, 404, 422)},
    operation_id="list_events",
    summary="What happened to the cluster, newest first",
)
def list_events(
    request: HttpRequest,
    slug: SlugPath,
    node: Number = None,
    slot: Number = None,
    about: Group = [],  # noqa: B006
    level: Level = [],  # noqa: B006
    since: Moment = None,
    until: Moment = None,
    limit: Limit = 50,
    cursor: Cursor = "",
) -> HttpResponse:
    """Needs `view`. Kept for 90 days. `since` is included, `until` isn't."""
    scope = access.enter(request, slug)
    _check_zones(since=since, until=until)
    wanted = events.EventFilter(
        node=node, slot=slot, groups=tuple(about), levels=tuple(level), since=since, until=until
    )
    page = events.page(scope, wanted, cursor=cursor, limit=limit)
    return paged(page.rows, EventOut.of, next_cursor=page.next_cursor, as_of=datetime.now(UTC))


def _check_zones(**moments: datetime | None) -> None:
    wrong = {
        name: [WITH_ZONE]
        for name, moment in moments.items()
        if moment and (moment.tzinfo is None or not 2000 <= moment.year < 2200)
    }
    if wrong:
        raise InvalidInput(wrong)
