"""Messages: search, one, its conversation, and revealing one masked body."""

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router

from imadmin.accounts.permissions import Permission
from imadmin.api.paging import Cursor, Limit, partial
from imadmin.api.params import SlugPath
from imadmin.api.schemas.common import ReasonIn, problems
from imadmin.api.schemas.messages import ContextOut, MessageDetailOut, MessageOut, MessageSearchIn, MessagesOut
from imadmin.archive import actions, queries
from imadmin.archive.wanted import parse_message_id
from imadmin.clusters import access

router = Router()


@router.get(
    "/messages",
    response={200: MessagesOut, **problems(403, 404, 422, 502, 504)},
    operation_id="search_messages",
    summary="Search messages",
)
def search_messages(
    request: HttpRequest,
    response: HttpResponse,
    slug: SlugPath,
    wanted: Query[MessageSearchIn],
    cursor: Cursor = "",
    limit: Limit = 50,
) -> MessagesOut:
    """Needs `search-messages`; bodies are null without `read-bodies`.

    The server searches itself: no time filter, text only inside one channel, a sender's messages in no order of time.
    `limits` says what the answer can't promise. Searches that may show bodies are recorded.
    """
    scope = access.enter(request, slug, Permission.SEARCH_MESSAGES)
    found = queries.search(scope, wanted.wanted(), cursor=cursor, limit=limit)
    response["Cache-Control"] = "no-store"
    return MessagesOut(
        items=[MessageOut.of(item) for item in found.items],
        next_cursor=found.next_cursor,
        partial=partial(found.failed),
        as_of=found.as_of,
        limits=list(found.limits),
        scanned=found.scanned,
    )


@router.get(
    "/messages/{message_id}",
    response={200: MessageDetailOut, **problems(403, 404, 422, 502, 504)},
    operation_id="get_message",
    summary="Read one message",
)
def get_message(request: HttpRequest, response: HttpResponse, slug: SlugPath, message_id: str) -> MessageDetailOut:
    """Needs `search-messages`; the body is null without `read-bodies`. Reading a body is recorded."""
    scope = access.enter(request, slug, Permission.SEARCH_MESSAGES)
    response["Cache-Control"] = "no-store"
    return MessageDetailOut.of(queries.message(scope, parse_message_id(message_id)))


@router.get(
    "/messages/{message_id}/context",
    response={200: ContextOut, **problems(403, 404, 422, 502, 504)},
    operation_id="get_message_context",
    summary="Read the conversation around a message",
)
def get_message_context(request: HttpRequest, response: HttpResponse, slug: SlugPath, message_id: str) -> ContextOut:
    """Needs `search-messages`; bodies are null without `read-bodies`. Up to 25 messages before and after, by seq."""
    scope = access.enter(request, slug, Permission.SEARCH_MESSAGES)
    response["Cache-Control"] = "no-store"
    return ContextOut.of(queries.permalink(scope, parse_message_id(message_id)).context)


@router.post(
    "/messages/{message_id}/reveal",
    response={200: MessageDetailOut, **problems(403, 404, 422, 502, 504)},
    operation_id="reveal_message",
    summary="Reveal one masked body",
)
def reveal_message(
    request: HttpRequest, response: HttpResponse, slug: SlugPath, message_id: str, body: ReasonIn
) -> MessageDetailOut:
    """Needs `reveal-bodies`. Who, which and why are on the audit trail before the body is read."""
    scope = access.enter(request, slug, Permission.REVEAL_BODIES)
    response["Cache-Control"] = "no-store"
    return MessageDetailOut.of(actions.reveal(scope, parse_message_id(message_id), reason=body.reason))
