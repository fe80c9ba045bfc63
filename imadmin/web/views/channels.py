"""The lists of channels, opening one by its exact id, and making a new one."""

from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import NON_FIELD_ERRORS
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from imadmin.accounts.permissions import Permission
from imadmin.clusters import access
from imadmin.clusters.access import Scope
from imadmin.directory.actions.channels import create_channel
from imadmin.directory.queries import channels
from imadmin.web import respond, states
from imadmin.web.forms.channels import ChannelListForm, CreateForm, OpenForm
from imadmin.web.views import channels_cells

LIST = "pages/channels/list.html"
NEW = "pages/channels/new.html"


@require_safe
def listing(request: HttpRequest, slug: str) -> HttpResponse:
    scope = access.enter(request, slug)
    context = _list_context(request, scope, OpenForm())
    return respond.page_or_fragment(
        request, LIST, context, fragment="results", status=422 if context["form"].errors else 200
    )


@require_safe
def open_one(request: HttpRequest, slug: str) -> HttpResponse:
    """To a channel by its exact id: the way to those that no list shows."""
    scope = access.enter(request, slug)
    form = OpenForm(request.GET)
    if form.is_valid():
        return respond.redirect(request, reverse("channel", args=[slug, form.channel()]))
    return respond.page(request, LIST, _list_context(request, scope, form), status=422)


@require_safe
def new(request: HttpRequest, slug: str) -> HttpResponse:
    scope = access.enter(request, slug, Permission.MANAGE_CHANNELS)
    wished = {name: request.GET[name] for name in ("type", "id") if name in request.GET}
    return respond.page(request, NEW, {"form": CreateForm(initial=wished), "slug": scope.slug})


@require_POST
def create(request: HttpRequest, slug: str) -> HttpResponse:
    scope = access.enter(request, slug, Permission.MANAGE_CHANNELS)
    form = CreateForm(request.POST)
    outcomes = respond.attempt(
        form,
        lambda: create_channel(
            scope, form.channel(), form.flags(), form.cleaned_data["members"], reason=form.cleaned_data["reason"]
        ),
    )
    context: dict[str, Any] = {"form": form, "slug": slug, "outcomes": outcomes}
    if outcomes is None:
        return respond.page_or_fragment(request, NEW, context, fragment="create", status=422)
    context["url"] = reverse("channel", args=[slug, form.channel()])
    context["id"] = form.channel().id
    return respond.page_or_fragment(request, NEW, context, fragment="create", say=outcomes.verdict)


def _list_context(request: HttpRequest, scope: Scope, open_form: OpenForm) -> dict[str, Any]:
    form = ChannelListForm(request.GET, channels.node_ids(scope))
    found = respond.attempt(
        form,
        lambda: channels.listed_channels(scope, node=form.node, type=form.kind, cursor=form.marker, limit=form.rows),
    )
    page = found.value if found else None
    rows = page.items if page else ()
    nothing = _nothing(scope, form, found)
    make: Any = channels_cells.used_table if form.is_valid() and form.node else channels_cells.records_table
    return {
        "form": form,
        "open_form": open_form,
        "found": found,
        "page": page,
        "table": make(scope.slug, rows, nothing),
        "is_later": bool(request.GET.get("cursor")),
        "is_records": not (form.is_valid() and form.node),
        "can_manage": scope.can(Permission.MANAGE_CHANNELS),
        "slug": scope.slug,
        "api_path": _api_path(request, scope),
    }


def _nothing(scope: Scope, form: ChannelListForm, found: Any) -> states.State:
    """Why there are no rows: each reason has its own words."""
    everything = states.Verb(_("All records"), reverse("channels", args=[scope.slug]), "refresh")
    if found is None and form.marker and set(form.errors) == {NON_FIELD_ERRORS}:
        query = {name: form.data[name] for name in form.data if name != "cursor"}
        return states.empty(
            _("Nothing was searched"),
            _("The page marker in the address can’t be used. No node was asked."),
            states.Verb(_("Start from the first page"), f"?{urlencode(query)}", "refresh"),
            icon="zoom-question",
        )
    if found is None:
        return states.filtered(_("The address asks for something that isn't there; see beside the fields."), everything)
    if found.error:
        again = states.Verb(_("Ask again"), "", "refresh")
        return states.of_error(found.error, again)
    if form.marker:
        return states.empty(_("This is the end of the list"), "", everything)
    if form.node:
        return states.empty(
            _("No channel was ever used here"),
            _("Node %(node)s leads the slot of none of the channels used so far.") % {"node": form.node},
        )
    if form.kind is not None:
        return states.filtered(_("No record of this kind. Other kinds may have some."), everything)
    return states.empty(
        _("No channel records"),
        _("The server lists only channels that were made by a create call. Choose a node to see every channel used."),
    )


def _api_path(request: HttpRequest, scope: Scope) -> str:
    query = request.GET.copy()
    query.pop("cursor", None)
    path = f"/api/v1/clusters/{scope.slug}/channels"
    return f"{path}?{query.urlencode()}" if query else path
