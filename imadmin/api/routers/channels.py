"""Channels: lists of them, one of them, its members, denylist, allowlist and flags."""

from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext
from ninja import Query, Router

from imadmin.accounts.permissions import Permission
from imadmin.api.paging import Cursor, Limit, paged, paged_from
from imadmin.api.params import ChannelPath, SlugPath
from imadmin.api.schemas.channels import (
    ChannelOut,
    ChannelRowOut,
    CreateIn,
    FlagsIn,
    FlagsOut,
    ListedOut,
    ListIn,
    PlanOut,
    PreviewIn,
    UnknownOut,
)  # fmt: skip
from imadmin.api.schemas.common import OutcomesOut, Paged, problems
from imadmin.clusters import access
from imadmin.core.errors import InvalidInput, NotFound, gettext_noop
from imadmin.directory.actions import lists
from imadmin.directory.actions.channels import create_channel
from imadmin.directory.actions.flags import set_flags
from imadmin.directory.actions.lists import ListChange, Verb
from imadmin.directory.parts import Part as KnownOrNot
from imadmin.directory.queries import channels
from imadmin.directory.queries.channels import ChannelPage, why_unknown
from imadmin.directory.queries.flags import read_flags
from imadmin.directory.queries.lists import ListName, listed
from imadmin.directory.uids import clean_uids, read_uids
from imadmin.gateway.types import ChannelRef, now

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
Part = Annotated[str, Query(description="only uids that hold this text, in any case", max_length=200)]
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


# -- members, denylist, allowlist: the same operations each -----------------------------------------------------------


def _of_list(name: ListName, word: str, right: str) -> None:
    """Routes of one list.  word: as the summaries call it."""
    base, noun = f"/channels/{{channel:channel}}/{name}", name.value
    writes: dict[Any, Any] = {200: OutcomesOut, **problems(401, 403, 404, 409, 422, 501, *UPSTREAM)}

    @router.get(
        base,
        response={200: Paged[ListedOut], **problems(401, 403, 404, 422, *UPSTREAM)},
        operation_id=f"list_channel_{noun}",
        summary=f"Uids {word}, in uid order",
        description="Needs `view`.",
    )
    def read(
        request: HttpRequest, slug: SlugPath, channel: ChannelPath, q: Part = "", cursor: Cursor = "", limit: Limit = 50
    ) -> HttpResponse:
        found = listed(access.enter(request, slug), channel, name, q=q.strip(), cursor=cursor, limit=limit)
        return paged(found.uids, lambda uid: ListedOut(uid=uid), next_cursor=found.next_cursor, as_of=now())

    @router.post(
        base,
        response=writes,
        operation_id=f"add_channel_{noun}",
        summary=f"Add uids {word}",
        description=f"Needs `{right}`. One outcome per uid, read back from the cluster. Answers when it is over: "
        "on a cluster of several nodes denying takes up to 0.3 s a uid.",
    )
    def add(request: HttpRequest, slug: SlugPath, channel: ChannelPath, body: ListIn) -> OutcomesOut:
        return _change(request, slug, ListChange(channel, name, Verb.ADD), body)

    @router.delete(
        base,
        response=writes,
        operation_id=f"remove_channel_{noun}",
        summary=f"Remove uids {word}",
        description=f"Needs `{right}`. A uid that isn't there is `not_found`. Same as POST to `…/remove`, for clients "
        "that can't send a body with DELETE.",
    )
    def remove(request: HttpRequest, slug: SlugPath, channel: ChannelPath, body: ListIn) -> OutcomesOut:
        return _change(request, slug, ListChange(channel, name, Verb.REMOVE), body)

    @router.post(
        f"{base}/remove",
        response=writes,
        operation_id=f"remove_channel_{noun}_by_post",
        summary=f"Remove uids {word} (POST)",
        description=f"Needs `{right}`. As DELETE.",
    )
    def remove_by_post(request: HttpRequest, slug: SlugPath, channel: ChannelPath, body: ListIn) -> OutcomesOut:
        return _change(request, slug, ListChange(channel, name, Verb.REMOVE), body)

    for verb in Verb:
        _preview(name, base, word, right, verb)


def _preview(name: ListName, base: str, word: str, right: str, verb: Verb) -> None:
    path = f"{base}/preview" if verb is Verb.ADD else f"{base}/remove/preview"
    does = "adding" if verb is Verb.ADD else "removing"

    @router.post(
        path,
        response={200: PlanOut, **problems(401, 403, 404, 422, 501, *UPSTREAM)},
        operation_id=f"preview_{verb.value}_channel_{name.value}",
        summary=f"What {does} uids {word} would change",
        description=f"Needs `{right}`. Changes nothing; the plan is applied by its id within ten minutes.",
    )
    def preview(request: HttpRequest, slug: SlugPath, channel: ChannelPath, body: PreviewIn) -> PlanOut:
        scope = access.enter(request, slug, lists.permission_for(name))
        plan = lists.preview(scope, ListChange(channel, name, verb), read_uids(clean_uids(body.uids)))
        return PlanOut.of(plan, [gettext(note) for note in plan.notes])


def _change(request: HttpRequest, slug: SlugPath, change: ListChange, body: ListIn) -> OutcomesOut:
    scope = access.enter(request, slug, change.permission)
    if body.plan and body.uids:
        raise InvalidInput({"plan": [gettext_noop("Give uids or a plan, not both.")]})
    if body.plan:
        return OutcomesOut.of(lists.apply(scope, change, body.plan, reason=body.reason))
    return OutcomesOut.of(lists.change_list(scope, change, body.uids, reason=body.reason))


_of_list(ListName.MEMBERS, "in a channel", "manage-channels")
_of_list(ListName.DENYLIST, "on a channel's denylist", "restrict-members")
_of_list(ListName.ALLOWLIST, "on a channel's allowlist", "restrict-members")
