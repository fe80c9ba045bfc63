"""Saved searches, their feed, and exports."""

from typing import Annotated

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from ninja import Query, Router, Status

from imadmin.accounts.permissions import Permission
from imadmin.api.paging import Cursor, Limit, paged
from imadmin.api.params import SlugPath, zone_of
from imadmin.api.schemas.archive_saved import ExportIn, ExportOut, FeedOut, SavedChangeIn, SavedIn, SavedOut
from imadmin.api.schemas.common import Paged, problems
from imadmin.archive import exports, saved, saved_feed
from imadmin.clusters import access
from imadmin.core.downloads import download
from imadmin.jobs import exports as jobs

router = Router()


@router.get(
    "/archive/saved",
    response={200: Paged[SavedOut], **problems(401, 403, 404)},
    operation_id="list_saved_searches",
    summary="Saved searches",
)
def list_saved_searches(request: HttpRequest, slug: SlugPath) -> HttpResponse:
    """Needs `search-messages`. The token's own and those shared on this cluster, 200 at most."""
    scope = access.enter(request, slug, Permission.SEARCH_MESSAGES)
    return paged(saved.listing(scope, with_fresh=False), SavedOut.of)


@router.post(
    "/archive/saved",
    response={201: SavedOut, **problems(401, 403, 404, 422)},
    operation_id="create_saved_search",
    summary="Save a search",
)
def create_saved_search(request: HttpRequest, slug: SlugPath, body: SavedIn) -> Status[SavedOut]:
    """Needs `search-messages`; a search for words needs a right to bodies too. It belongs to the token."""
    scope = access.enter(request, slug, Permission.SEARCH_MESSAGES)
    made = saved.add(scope, name=body.name, query=body.query, is_shared=body.is_shared)
    return Status(201, SavedOut.of(made))


@router.patch(
    "/archive/saved/{search_id}",
    response={200: SavedOut, **problems(401, 403, 404, 422)},
    operation_id="change_saved_search",
    summary="Change a saved search",
)
def change_saved_search(request: HttpRequest, slug: SlugPath, search_id: int, body: SavedChangeIn) -> SavedOut:
    """Needs `search-messages`; somebody else's also `operate-cluster`. Changes of shared ones are recorded."""
    scope = access.enter(request, slug, Permission.SEARCH_MESSAGES)
    return SavedOut.of(saved.change(scope, search_id, name=body.name, query=body.query, is_shared=body.is_shared))


@router.delete(
    "/archive/saved/{search_id}",
    response={204: None, **problems(401, 403, 404)},
    operation_id="delete_saved_search",
    summary="Delete a saved search",
)
def delete_saved_search(request: HttpRequest, slug: SlugPath, search_id: int) -> Status[None]:
    """Needs `search-messages`; somebody else's also `operate-cluster`."""
    saved.delete(access.enter(request, slug, Permission.SEARCH_MESSAGES), search_id)
    return Status(204, None)


@router.get(
    "/archive/saved/{search_id}/feed",
    response={200: FeedOut, **problems(401, 403, 404, 422, 503)},
    operation_id="feed_saved_search",
    summary="What a saved search finds, as it comes",
)
def feed_saved_search(
    request: HttpRequest,
    response: HttpResponse,
    slug: SlugPath,
    search_id: int,
    after: Annotated[str, Query(description="next_cursor of the call before; empty: the newest", max_length=20)] = "",
    limit: Limit = 50,
) -> FeedOut:
    """Rights as a search. Oldest first, from the mark on, ten seconds behind; what comes later than that with an older
    time is not in it.

    A call that answers messages to somebody who may read bodies is recorded.
    """
    scope = access.enter(request, slug, Permission.SEARCH_MESSAGES)
    response["Cache-Control"] = "no-store"
    return FeedOut.of(saved_feed.feed(scope, search_id, after=after, limit=limit))


@router.post(
    "/archive/exports",
    response={200: ExportOut, 202: ExportOut, **problems(401, 403, 404, 409, 422, 503)},
    operation_id="start_export",
    summary="Export what a search finds",
)
def start_export(request: HttpRequest, slug: SlugPath, body: ExportIn) -> Status[ExportOut]:
    """Needs `export-messages`; 403 too where exports are switched off. Bodies are in the file only with `read-bodies`.

    200: the same export is under way already. 409: three of yours are. The file holds the newest `cap` matches.
    """
    scope = access.enter(request, slug, Permission.EXPORT_MESSAGES)
    row, is_new = jobs.begin(
        scope, q=body.query, reason=body.reason, format=body.format, has_bom=body.has_bom, zone=zone_of(body.zone)
    )
    return Status(202 if is_new else 200, ExportOut.of(exports.one(scope, row.pk)))


@router.get(
    "/archive/exports",
    response={200: Paged[ExportOut], **problems(401, 403, 404, 422)},
    operation_id="list_exports",
    summary="Exports, newest first",
)
def list_exports(request: HttpRequest, slug: SlugPath, cursor: Cursor = "", limit: Limit = 100) -> HttpResponse:
    """Needs `export-messages`. The token's own; with `operate-cluster` everybody's, not their files."""
    scope = access.enter(request, slug, Permission.EXPORT_MESSAGES)
    jobs.settle(scope)
    page = exports.listing(scope, cursor=cursor, limit=limit)
    return paged(page.rows, ExportOut.of, next_cursor=page.next_cursor)


@router.get(
    "/archive/exports/{export_id}",
    response={200: ExportOut, **problems(401, 403, 404)},
    operation_id="get_export",
    summary="One export",
)
def get_export(request: HttpRequest, slug: SlugPath, export_id: str) -> ExportOut:
    """Needs `export-messages`."""
    scope = access.enter(request, slug, Permission.EXPORT_MESSAGES)
    jobs.settle(scope)
    return ExportOut.of(exports.one(scope, export_id))


@router.get(
    "/archive/exports/{export_id}/file",
    response={200: None, **problems(401, 403, 404, 503)},
    operation_id="get_export_file",
    summary="The file of an export",
)
def get_export_file(request: HttpRequest, slug: SlugPath, export_id: str) -> HttpResponseBase:
    """Needs `export-messages`, and the token that asked for it; rights are checked again. Each fetch is recorded."""
    scope = access.enter(request, slug, Permission.EXPORT_MESSAGES)
    return download(request, **exports.open_file(scope, export_id))


@router.post(
    "/archive/exports/{export_id}/stop",
    response={200: ExportOut, **problems(401, 403, 404, 409)},
    operation_id="stop_export",
    summary="Stop an export",
)
def stop_export(request: HttpRequest, slug: SlugPath, export_id: str) -> ExportOut:
    """Needs `export-messages`. It ends within a moment and leaves no file."""
    scope = access.enter(request, slug, Permission.EXPORT_MESSAGES)
    jobs.stop(scope, export_id)
    return ExportOut.of(exports.one(scope, export_id))


@router.delete(
    "/archive/exports/{export_id}",
    response={204: None, **problems(401, 403, 404, 409)},
    operation_id="delete_export",
    summary="Delete an export and its file",
)
def delete_export(request: HttpRequest, slug: SlugPath, export_id: str) -> Status[None]:
    """Needs `export-messages`. 409 while it is under way: stop it first."""
    exports.delete(access.enter(request, slug, Permission.EXPORT_MESSAGES), export_id)
    return Status(204, None)
