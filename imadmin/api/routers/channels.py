"""Channels: lists of them, one of them and its flags."""

from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router

from imadmin.accounts.permissions import Permission
from imadmin.api.paging import Cursor, Limit, paged_from
from imadmin.api.params import ChannelPath, SlugPath
from imadmin.api.schemas.channels import (
    ChannelOut,
    ChannelRowOut,
    CreateIn,
    FlagsIn,
    FlagsOut,
    UnknownOut,
)  # fmt: skip
from imadmin.api.schemas.common import OutcomesOut, Paged, problems
from imadmin.clusters import access
from imadmin.core.errors import InvalidInput, NotFound, gettext_noop
from imadmin.directory.actions.channels import create_channel
from imadmin.directory.actions.flags import set_flags
from imadmin.directory.parts import Part as KnownOrNot
from imadmin.directory.queries import channels
from imadmin.directory.queries.channels import ChannelPage, why_unknown
from imadmin.directory.queries.flags import read_flags
from imadmin.gateway.types import ChannelRef

router = Router()
UPSTREAM = (502, 503, 504)

Source = Annotated[
    str,
    Query(
        description="`records`: channels made by a create call, the server's own list; or a node's id: every channel "
        "ever used whose slot that node leads. The nodes together hold each used channel once.",
        max_length=20,
    ),
]
Kind = Annotated[int | None, Query(ge=1, le=255, description="only with `source=records`")]


@router.get(
    "/channels",
    response={200: Paged[ChannelRowOut], **problems(401, 403, 404, 422, *UPSTREAM)},
    operation_id="list_channels",
    summary="Channels of the server's list, or every channel a node has seen used",
)
def list_channels(
    request: HttpRequest,
    slug: SlugPath,
    source: Source = "records",
    type: Kind = None,
    cursor: Cursor = "",
    limit: Limit = 50,
) -> HttpResponse:
    """Needs `view`. `limits` says what the list leaves out (`records-only`) and what isn't exact."""
    scope = access.enter(request, slug)
    if source == "records":
        return paged_from(channels.records(scope, type=type, cursor=cursor, limit=limit), ChannelRowOut.of)
    if not source.isascii() or not source.isdecimal():
        raise InvalidInput({"source": [gettext_noop("Give `records` or the id of a node.")]})
    if type is not None:
        raise InvalidInput({"type": [gettext_noop("A node's list can't be filtered by type.")]})
    return paged_from(channels.used_on(scope, int(source), cursor=cursor, limit=limit), ChannelRowOut.of)


@router.post(
    "/channels",
    response={200: OutcomesOut, **problems(401, 403, 404, 409, 422, *UPSTREAM)},
    operation_id="create_channel",
    summary="Create a channel with flags and first members",
)
def create(request: HttpRequest, slug: SlugPath, body: CreateIn) -> OutcomesOut:
    """Needs `manage-channels`. 409 when it exists. One outcome for the record and one for each member, read back."""
    scope = access.enter(request, slug, Permission.MANAGE_CHANNELS)
    channel = ChannelRef(body.id, body.type)
    return OutcomesOut.of(create_channel(scope, channel, body.flags(), body.members, reason=body.reason))


@router.get(
    "/channels/{channel:channel}",
    response={200: ChannelOut, **problems(401, 403, 404)},
    operation_id="get_channel",
    summary="One channel, with what is known of it",
)
def get_channel(request: HttpRequest, slug: SlugPath, channel: ChannelPath) -> ChannelOut:
    """Needs `view`. What can't be read is null and named in `unknown`; 404 only when all was read and nothing found."""
    page = channels.detail(access.enter(request, slug), channel)
    if not page.is_found:
        raise NotFound(gettext_noop("The cluster knows no such channel: no record, never used, nobody on its lists."))
    return ChannelOut.of(page, _unknown(page))


@router.get(
    "/channels/{channel:channel}/flags",
    response={200: FlagsOut, **problems(401, 403, 404, *UPSTREAM)},
    operation_id="get_channel_flags",
    summary="The flags of a channel, and how we know them",
)
def get_flags(request: HttpRequest, slug: SlugPath, channel: ChannelPath) -> FlagsOut:
    """Needs `view`. Two are read from the server; three it doesn't tell: those are our record of the last write."""
    return FlagsOut.of(read_flags(access.enter(request, slug), channel))


@router.put(
    "/channels/{channel:channel}/flags",
    response={200: OutcomesOut, **problems(401, 403, 404, 409, 422, 501, *UPSTREAM)},
    operation_id="set_channel_flags",
    summary="Write all five flags of a channel",
)
def put_flags(request: HttpRequest, slug: SlugPath, channel: ChannelPath, body: FlagsIn) -> OutcomesOut:
    """Needs `manage-channels`. One outcome per flag. A person's own entry is changed under `users`, not here (501)."""
    scope = access.enter(request, slug, Permission.MANAGE_CHANNELS)
    return OutcomesOut.of(set_flags(scope, channel, body.flags(), reason=body.reason, state=body.state or None))


def _unknown(page: ChannelPage) -> list[UnknownOut]:
    named: dict[str, KnownOrNot[Any]] = {
        "record": page.record, "runtime": page.runtime, "members": page.members, "denylist": page.denylist,
        "allowlist": page.allowlist, "newest_message": page.newest, "system_users": page.system,
    }  # fmt: skip
    return [
        UnknownOut(part=name, reason=why_unknown(part.error), code=part.error.code)
        for name, part in named.items()
        if part.error
    ]
