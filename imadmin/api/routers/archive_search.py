"""Searching the archive: messages, how many, what they are made of, and what may be typed."""

from typing import Annotated

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router

from imadmin.accounts.permissions import Permission
from imadmin.api.paging import Cursor, Limit
from imadmin.api.params import SlugPath, zone_of
from imadmin.api.schemas.archive_search import (
    ArchivedOut,
    ArchivePageOut,
    CountOut,
    FacetsOut,
    SuggestionOut,
    SuggestionsOut,
)
from imadmin.api.schemas.common import problems
from imadmin.archive import finding
from imadmin.clusters import access

router = Router()

Words = Annotated[
    str,
    Query(description="as in the search box: 退款 from:u1 in:group:g42 after:-2h; empty for all", max_length=12_000),
]
Zone = Annotated[str, Query(description="the zone in which dates of the query are days", max_length=64)]


@router.get(
    "/archive/search",
    response={200: ArchivePageOut, **problems(403, 404, 422, 503)},
    operation_id="search_archive",
    summary="Search the archive",
)
def search_archive(
    request: HttpRequest,
    response: HttpResponse,
    slug: SlugPath,
    q: Words = "",
    zone: Zone = "UTC",
    cursor: Cursor = "",
    limit: Limit = 50,
) -> ArchivePageOut:
    """Needs `search-messages`; words need a right to bodies too, bodies are null without `read-bodies`.

    Newest first. A query that can't be read answers 422 with `faults`: where each mistake stands and what to do.
    Searches by those who may read bodies are recorded.
    """
    scope = access.enter(request, slug, Permission.SEARCH_MESSAGES)
    response["Cache-Control"] = "no-store"
    found = finding.find(scope, q, zone=zone_of(zone), cursor=cursor, limit=limit)
    is_whole = not cursor and not found.next_cursor
    return ArchivePageOut(
        items=[ArchivedOut.of(row) for row in found.rows],
        next_cursor=found.next_cursor,
        partial=[],
        as_of=found.as_of,
        count=len(found.rows) if is_whole else None,
        is_budget_spent=found.is_budget_spent,
        took_ms=found.took,
    )


@router.get(
    "/archive/count",
    response={200: CountOut, **problems(403, 404, 422, 503)},
    operation_id="count_archive",
    summary="Count what a search finds",
)
def count_archive(request: HttpRequest, slug: SlugPath, q: Words = "", zone: Zone = "UTC") -> CountOut:
    """Needs `search-messages`. Counts up to 1000; `capped` says that there are more."""
    scope = access.enter(request, slug, Permission.SEARCH_MESSAGES)
    found = finding.count(scope, q, zone=zone_of(zone))
    return CountOut(count=found.value, capped=found.is_capped)


@router.get(
    "/archive/facets",
    response={200: FacetsOut, **problems(403, 404, 422, 503)},
    operation_id="archive_facets",
    summary="Who, where, what and when a search finds",
)
def archive_facets(request: HttpRequest, slug: SlugPath, q: Words = "", zone: Zone = "UTC") -> FacetsOut:
    """Needs `search-messages`. Of the newest 1000 matches."""
    scope = access.enter(request, slug, Permission.SEARCH_MESSAGES)
    return FacetsOut.of(finding.facets(scope, q, zone=zone_of(zone)))


@router.get(
    "/archive/suggest",
    response={200: SuggestionsOut, **problems(403, 404, 422)},
    operation_id="suggest_archive",
    summary="What may be typed at a place of a query",
)
def suggest_archive(
    request: HttpRequest,
    slug: SlugPath,
    q: Words = "",
    caret: Annotated[int | None, Query(ge=0, description="characters before the caret; the end when left out")] = None,
) -> SuggestionsOut:
    """Needs `search-messages`. Operators, and the values of one: uids and channels of the archive."""
    scope = access.enter(request, slug, Permission.SEARCH_MESSAGES)
    found = finding.suggest(scope, q, len(q) if caret is None else caret)
    return SuggestionsOut(items=[SuggestionOut.of(each) for each in found])
