"""Planning to move slots: a small form that other pages link to and post into; the plan has its own page."""

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from imadmin.accounts.permissions import Permission
from imadmin.clusters import access
from imadmin.core.errors import InvalidInput
from imadmin.monitor.actions import moves
from imadmin.web import respond
from imadmin.web.forms.operations import MoveForm

PAGE = "pages/operations/move.html"


@require_http_methods(["GET", "POST"])
def move(request: HttpRequest, slug: str) -> HttpResponse:
    """POST slot, from (empty = the leader), to: leads to the plan, or back to the form with what is wrong."""
    scope = access.enter(request, slug, Permission.OPERATE_CLUSTER)
    if request.method == "GET":
        form = MoveForm(initial={name: request.GET.get(name, "") for name in ("slot", "from", "to")})
        return respond.page(request, PAGE, {"form": form, "slug": slug})
    form = MoveForm(request.POST)
    planned = respond.attempt(form, lambda: moves.plan(scope, form.moves()))
    if planned is None:
        return respond.page(request, PAGE, {"form": form, "slug": slug}, status=422)
    return respond.redirect(request, reverse("operation", args=[slug, planned.pk]))


@require_POST
def balance(request: HttpRequest, slug: str) -> HttpResponse:
    """A plan that evens out the leaders; where nothing would, it says so."""
    scope = access.enter(request, slug, Permission.OPERATE_CLUSTER)
    try:
        planned = moves.balance(scope)
    except InvalidInput as error:
        toast = respond.Toast(_("Nothing to move"), error.text(_), kind="info")
        return respond.redirect(request, respond.origin(request), toast=toast)
    return respond.redirect(request, reverse("operation", args=[slug, planned.pk]))
