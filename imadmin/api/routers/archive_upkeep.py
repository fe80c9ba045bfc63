"""The archive of a cluster: its state, how complete it is, opening and closing it, reading now."""

from typing import Annotated, Literal

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Status

from imadmin.accounts.permissions import Permission
from imadmin.api.paging import Cursor, Limit, paged
from imadmin.api.params import SlugPath
from imadmin.api.schemas.archive_upkeep import (
    ArchiveOut,
    BegunOut,
    BudgetIn,
    EstimateOut,
    HeldChannelOut,
    OpenIn,
    RepairIn,
)
from imadmin.api.schemas.common import Paged, ReasonIn, problems
from imadmin.archive import completeness, running
from imadmin.clusters import access
from imadmin.clusters.access import Scope
from imadmin.jobs import archives
from imadmin.jobs.archive_jobs import channel_of

router = Router()


@router.get(
    "/archive",
    response={200: ArchiveOut, **problems(401, 403, 404, 503)},
    operation_id="get_archive",
    summary="The archive's state",
)
def get_archive(request: HttpRequest, slug: SlugPath) -> ArchiveOut:
    """Needs `view`."""
    return _state(access.enter(request, slug))


@router.get(
    "/archive/completeness",
    response={200: Paged[HeldChannelOut], **problems(401, 403, 404, 422, 503)},
    operation_id="list_archived_channels",
    summary="What is held of each channel",
)
def list_archived_channels(
    request: HttpRequest,
    slug: SlugPath,
    show: Annotated[Literal["all", "gaps", "unread", "whole"], Query(description="gaps: most recent first")] = "all",
    cursor: Cursor = "",
    limit: Limit = 50,
) -> HttpResponse:
    """Needs `view`. A page may be short, or empty, though more follow."""
    page = completeness.channels(access.enter(request, slug), show=show, cursor=cursor, limit=limit)
    return paged(page.rows, HeldChannelOut.of, next_cursor=page.next_cursor, as_of=page.as_of)


@router.get(
    "/archive/estimate",
    response={200: EstimateOut, **problems(401, 403, 404, 502, 504)},
    operation_id="estimate_archive",
    summary="What opening the archive would cost",
)
def estimate_archive(request: HttpRequest, slug: SlugPath) -> EstimateOut:
    """Needs `operate-cluster`. Counts the cluster's channels now; reads no message."""
    return EstimateOut.of(running.estimate(access.enter(request, slug, Permission.OPERATE_CLUSTER)))


@router.post(
    "/archive/open",
    response={200: ArchiveOut, **problems(401, 403, 404, 409, 422)},
    operation_id="open_archive",
    summary="Open the archive",
)
def open_archive(request: HttpRequest, slug: SlugPath, body: OpenIn) -> ArchiveOut:
    """Needs `operate-cluster`. The first round over all channels begins at once. 409 when it is open."""
    scope = access.enter(request, slug, Permission.OPERATE_CLUSTER)
    archives.open_(scope, reason=body.reason, budget=body.budget)
    return _state(scope)


@router.post(
    "/archive/close",
    response={200: ArchiveOut, **problems(401, 403, 404, 409, 422)},
    operation_id="close_archive",
    summary="Close the archive",
)
def close_archive(request: HttpRequest, slug: SlugPath, body: ReasonIn) -> ArchiveOut:
    """Needs `operate-cluster`. What is in it stays and can be searched."""
    scope = access.enter(request, slug, Permission.OPERATE_CLUSTER)
    archives.close(scope, reason=body.reason)
    return _state(scope)


@router.post(
    "/archive/budget",
    response={200: ArchiveOut, **problems(401, 403, 404, 422)},
    operation_id="set_archive_budget",
    summary="Change how often each node may be asked",
)
def set_archive_budget(request: HttpRequest, slug: SlugPath, body: BudgetIn) -> ArchiveOut:
    """Needs `operate-cluster`. A round under way follows within seconds."""
    scope = access.enter(request, slug, Permission.OPERATE_CLUSTER)
    running.set_budget(scope, body.budget, reason=body.reason)
    return _state(scope)


@router.post(
    "/archive/repair",
    response={202: BegunOut, **problems(401, 403, 404, 409, 422)},
    operation_id="repair_archive",
    summary="Read what is missing now",
)
def repair_archive(request: HttpRequest, slug: SlugPath, body: RepairIn) -> Status[BegunOut]:
    """Needs `operate-cluster`. 409 while the archive is closed, or a round is under way."""
    scope = access.enter(request, slug, Permission.OPERATE_CLUSTER)
    channel = channel_of(body.channel) if body.channel else None
    return Status(202, BegunOut(run=archives.read_now(scope, reason=body.reason, channel=channel)))


def _state(scope: Scope) -> ArchiveOut:
    return ArchiveOut.of(completeness.status(scope), archives.reading(scope))
