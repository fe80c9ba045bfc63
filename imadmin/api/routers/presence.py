"""Connects and disconnects, and the webhook that tells them."""

from typing import Annotated, Literal

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router

from imadmin.accounts.permissions import Permission
from imadmin.api.paging import Cursor, Limit, paged
from imadmin.api.params import SlugPath
from imadmin.api.schemas.common import Paged, ReasonIn, problems
from imadmin.api.schemas.presence import PresenceOut, WebhookAddressOut, WebhookOut
from imadmin.clusters import access
from imadmin.clusters.access import Scope
from imadmin.live import feed_health, hook_setup, presence

router = Router()
Uid = Annotated[str, Query(max_length=200, description="the whole uid, or its beginning and a *")]


@router.get(
    "/presence",
    response={200: Paged[PresenceOut], **problems(401, 404, 422)},
    operation_id="list_presence",
    summary="Who connected and disconnected, newest first",
)
def list_presence(
    request: HttpRequest,
    slug: SlugPath,
    uid: Uid = "",
    device_flag: Annotated[int | None, Query(ge=0, le=255)] = None,
    is_online: bool | None = None,
    source: Literal["", "webhook", "poller"] = "",
    limit: Limit = 50,
    cursor: Cursor = "",
) -> HttpResponse:
    """Needs `view`. The newest 20 000 are kept. Without the webhook short visits between two comparisons are missed."""
    scope = access.enter(request, slug)
    wanted = presence.FeedFilter(uid.replace("\0", ""), device_flag, source, is_online)
    page = presence.feed(scope, wanted, cursor=cursor, limit=limit)
    return paged(page.items, PresenceOut.of, next_cursor=page.next_cursor, as_of=page.as_of)


@router.get(
    "/webhook",
    response={200: WebhookOut, **problems(401, 403, 404)},
    operation_id="get_webhook",
    summary="Whether the webhook is set up, and whether it calls",
)
def get_webhook(request: HttpRequest, slug: SlugPath) -> WebhookOut:
    """Needs `operate-cluster`. The secret is not in the answer."""
    return _webhook(access.enter(request, slug, Permission.OPERATE_CLUSTER))


@router.post(
    "/webhook/secret",
    response={200: WebhookAddressOut, **problems(401, 403, 404, 422)},
    operation_id="make_webhook_secret",
    summary="Set the webhook up, or change its secret",
)
def make_webhook_secret(request: HttpRequest, slug: SlugPath, body: ReasonIn) -> WebhookAddressOut:
    """Needs `operate-cluster`. The old address is refused at once. The answer is the only one with the secret."""
    scope = access.enter(request, slug, Permission.OPERATE_CLUSTER)
    path = hook_setup.make_secret(scope, reason=body.reason)
    return WebhookAddressOut(url=request.build_absolute_uri(path))


@router.delete(
    "/webhook",
    response={200: WebhookOut, **problems(401, 403, 404, 422)},
    operation_id="close_webhook",
    summary="Close the webhook",
)
def close_webhook(request: HttpRequest, slug: SlugPath, body: ReasonIn) -> WebhookOut:
    """Needs `operate-cluster`. Calls of this cluster's servers are refused from then on."""
    scope = access.enter(request, slug, Permission.OPERATE_CLUSTER)
    hook_setup.close(scope, reason=body.reason)
    return _webhook(scope)


def _webhook(scope: Scope) -> WebhookOut:
    return WebhookOut.of(hook_setup.health(scope), feed_health.health(scope))
