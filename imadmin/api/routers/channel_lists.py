"""Members, denylist and allowlist of a channel: the same operations each, and long changes under way."""

from dataclasses import replace
from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext
from ninja import Query, Router, Status

from imadmin.accounts.permissions import Permission
from imadmin.api.paging import Cursor, Limit, paged
from imadmin.api.params import ChannelPath, SlugPath
from imadmin.api.schemas.channels import BegunOut, ChangeOut, ListedOut, ListIn, PlanOut, PreviewIn
from imadmin.api.schemas.common import OutcomesOut, Paged, problems
from imadmin.clusters import access
from imadmin.core.errors import InvalidInput, gettext_noop
from imadmin.directory.actions import lists
from imadmin.directory.actions.lists import INLINE_MOST, ListChange, Verb
from imadmin.directory.queries.changes import long_change
from imadmin.directory.queries.lists import ListName, listed
from imadmin.directory.uids import clean_uids, read_uids
from imadmin.gateway.types import now

router = Router()
UPSTREAM = (502, 503, 504)
WRITES: dict[Any, Any] = {
    200: OutcomesOut,
    202: BegunOut,
    **problems(401, 403, 404, 409, 422, 501, *UPSTREAM),
}
Part = Annotated[str, Query(description="only uids that hold this text, in any case", max_length=200)]
Changed = Status[OutcomesOut | BegunOut]  # what became of it, or where to ask


def _read(name: ListName, base: str, word: str) -> None:
    @router.get(
        base,
        response={200: Paged[ListedOut], **problems(401, 403, 404, 422, *UPSTREAM)},
        operation_id=f"list_channel_{name.value}",
        summary=f"Uids {word}, in uid order",
        description="Needs `view`.",
    )
    def read(
        request: HttpRequest, slug: SlugPath, channel: ChannelPath, q: Part = "", cursor: Cursor = "", limit: Limit = 50
    ) -> HttpResponse:
        found = listed(access.enter(request, slug), channel, name, q=q.strip(), cursor=cursor, limit=limit)
        return paged(found.uids, lambda uid: ListedOut(uid=uid), next_cursor=found.next_cursor, as_of=now())


def _add(name: ListName, base: str, word: str, right: str) -> None:
    @router.post(
        base,
        response=WRITES,
        operation_id=f"add_channel_{name.value}",
        summary=f"Add uids {word}",
        description=f"Needs `{right}`. One outcome per uid, read back from the cluster. More than {INLINE_MOST} uids "
        "go on after the answer (202): ask for their progress by the change's id. On a cluster of several nodes "
        "denying takes up to 0.3 s a uid.",
    )
    def add(request: HttpRequest, slug: SlugPath, channel: ChannelPath, body: ListIn) -> Changed:
        return _change(request, slug, ListChange(channel, name, Verb.ADD), body)


def _remove(name: ListName, base: str, word: str, right: str) -> None:
    @router.delete(
        base,
        response=WRITES,
        operation_id=f"remove_channel_{name.value}",
        summary=f"Remove uids {word}",
        description=f"Needs `{right}`. A uid that isn't there is `not_found`. Same as POST to `…/remove`, for clients "
        "that can't send a body with DELETE.",
    )
    def remove(request: HttpRequest, slug: SlugPath, channel: ChannelPath, body: ListIn) -> Changed:
        return _change(request, slug, ListChange(channel, name, Verb.REMOVE), body)

    @router.post(
        f"{base}/remove",
        response=WRITES,
        operation_id=f"remove_channel_{name.value}_by_post",
        summary=f"Remove uids {word} (POST)",
        description=f"Needs `{right}`. As DELETE.",
    )
    def remove_by_post(request: HttpRequest, slug: SlugPath, channel: ChannelPath, body: ListIn) -> Changed:
        return _change(request, slug, ListChange(channel, name, Verb.REMOVE), body)


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


def _change(request: HttpRequest, slug: str, change: ListChange, body: ListIn) -> Changed:
    scope = access.enter(request, slug, change.permission)
    change = replace(change, until=body.until)
    if body.plan and body.uids:
        raise InvalidInput({"plan": [gettext_noop("Give uids or a plan, not both.")]})
    if body.plan:
        plan_id, outcomes = body.plan, lists.begin(scope, change, body.plan, reason=body.reason)
    else:
        plan_id, outcomes = lists.change_or_begin(scope, change, body.uids, reason=body.reason)
    if outcomes is not None:
        return Status(200, OutcomesOut.of(outcomes))
    return Status(202, BegunOut(change=plan_id, path=reverse("api:get_change", args=[slug, plan_id])))


for _name, _word, _right in (
    (ListName.MEMBERS, "in a channel", "manage-channels"),
    (ListName.DENYLIST, "on a channel's denylist", "restrict-members"),
    (ListName.ALLOWLIST, "on a channel's allowlist", "restrict-members"),
):
    _base = f"/channels/{{channel:channel}}/{_name}"
    _read(_name, _base, _word)
    _add(_name, _base, _word, _right)
    _remove(_name, _base, _word, _right)
    for _verb in Verb:
        _preview(_name, _base, _word, _right, _verb)


@router.get(
    "/changes/{change_id}",
    response={200: ChangeOut, **problems(401, 403, 404)},
    operation_id="get_change",
    summary="How a long change of a list comes along, and what became of it",
    url_name="get_change",
)
def get_change(request: HttpRequest, slug: SlugPath, change_id: str) -> ChangeOut:
    """Needs `restrict-members`, for members `manage-channels`. Kept for a day; the audit trail has it for good."""
    return ChangeOut.of(long_change(access.enter(request, slug, Permission.RESTRICT_MEMBERS), change_id))
