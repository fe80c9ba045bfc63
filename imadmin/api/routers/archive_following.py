"""Who else wrote this, and the newest messages of a search."""

from typing import Annotated

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router

from imadmin.accounts.permissions import Permission
from imadmin.api.params import SlugPath
from imadmin.api.schemas.archive_following import SpreadOut, TailOut
from imadmin.api.schemas.common import problems
from imadmin.archive import spread, tail
from imadmin.archive.asking import reader_zone
from imadmin.archive.engines.base import RID_MAX
from imadmin.archive.wanted import parse_message_id
from imadmin.clusters import access
from imadmin.core.errors import InvalidInput, gettext_noop

router = Router()

BAD_MARK = gettext_noop("This is no mark of a tail: give back `after` as it came.")


@router.get(
    "/archive/spread",
    response={200: SpreadOut, **problems(403, 404, 422, 503)},
    operation_id="spread_archive",
    summary="Who else wrote this",
)
def spread_archive(
    request: HttpRequest,
    response: HttpResponse,
    slug: SlugPath,
    message_id: str = "",
    text: str = "",
    days: Annotated[int, Query(ge=1, le=spread.DAYS_MOST, description="how far back")] = spread.DAYS,
    limit: Annotated[int, Query(ge=1, le=spread.ROWS_MOST, description="messages listed; all are counted")] = 100,
) -> SpreadOut:
    """Needs `reveal-bodies`; texts are null without `read-bodies`. Give a message id or a text.

    Finds messages of the same text and nearly the same: other numbers, links, signs, spaces, one word changed.
    One question compares at most 20 000 messages twice, in 3 s; `is_cut` says that it ended early. Recorded.
    """
    scope = access.enter(request, slug, Permission.REVEAL_BODIES)
    response["Cache-Control"] = "no-store"
    wanted = parse_message_id(message_id) if message_id else None
    zone = reader_zone()
    return SpreadOut.of(spread.spread(scope, message_id=wanted, text=text, days=days, zone=zone, limit=limit))


@router.get(
    "/archive/tail",
    response={200: TailOut, **problems(403, 404, 422, 503)},
    operation_id="tail_archive",
    summary="The newest messages of a search",
)
def tail_archive(
    request: HttpRequest,
    response: HttpResponse,
    slug: SlugPath,
    q: Annotated[str, Query(description="as in the search box; empty: all messages")] = "",
    after: Annotated[str, Query(description="`after` of the answer before; empty to begin", max_length=19)] = "",
    limit: Annotated[int, Query(ge=1, le=tail.ROWS)] = tail.FIRST,
) -> TailOut:
    """Needs `search-messages`; words in the query need a right to bodies, texts are null without `read-bodies`.

    Ask again with `after` for what came since; it answers at once, in a flood (`is_behind`) some seconds behind.
    Ask at most twice a second. Reading is recorded when it begins and every ten minutes.
    """
    scope = access.enter(request, slug, Permission.SEARCH_MESSAGES)
    response["Cache-Control"] = "no-store"
    zone = reader_zone()
    if not after:
        return TailOut.of(tail.newest(scope, q, zone=zone, most=limit))
    if not (after.isascii() and after.isdigit() and int(after) <= RID_MAX):
        raise InvalidInput({"after": [BAD_MARK]})
    return TailOut.of(tail.since(scope, q, int(after), zone=zone, most=limit))
