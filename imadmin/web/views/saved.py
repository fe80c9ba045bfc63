"""Saved searches and one's own search history."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from imadmin.accounts.permissions import Permission
from imadmin.archive import history, saved
from imadmin.archive.saved import Saved
from imadmin.clusters import access
from imadmin.clusters.access import Scope
from imadmin.web import respond
from imadmin.web import saved_show as show
from imadmin.web.forms.saved import SavedForm
from imadmin.web.message_query import search_url
from imadmin.web.respond import Toast

LIST, FORM, PANEL = "pages/messages/saved.html", "pages/messages/saved_form.html", "pages/messages/_saved_rows.html"
PANEL_MOST = 8
HISTORY_SHOWN = 50


@require_safe
def listing(request: HttpRequest, slug: str) -> HttpResponse:
    scope = access.enter(request, slug, Permission.SEARCH_MESSAGES)
    return respond.page(request, LIST, _list_context(scope))


@require_safe
def panel(request: HttpRequest, slug: str) -> HttpResponse:
    """The list beside the search: asked after the search itself stands."""
    scope = access.enter(request, slug, Permission.SEARCH_MESSAGES)
    rows = saved.listing(scope)
    shown = [(one, show.fresh(one)) for one in rows[:PANEL_MOST]]
    return respond.fragment(request, PANEL, {"rows": shown, "more": len(rows) - len(shown), "total": len(rows)})


def panel_context(q: str) -> dict[str, Any]:
    """What `pages/messages/_saved.html` needs."""
    return {"saved_q": q, "saved_template": "pages/messages/_saved.html"}


@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest, slug: str) -> HttpResponse:
    scope = access.enter(request, slug, Permission.SEARCH_MESSAGES)
    if request.method != "POST":
        form = SavedForm(initial={"query": request.GET.get("q", "")})
        return respond.page(request, FORM, {"form": form, "one": None})
    form = SavedForm(request.POST)
    made = respond.attempt(form, lambda: saved.add(scope, **form.cleaned_data))
    if made is None:
        return respond.page(request, FORM, {"form": form, "one": None}, status=422)
    return _back(request, slug, Toast(_("Saved"), made.name))


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, slug: str, search_id: int) -> HttpResponse:
    scope = access.enter(request, slug, Permission.SEARCH_MESSAGES)
    one = saved.one_to_change(scope, search_id)
    if request.method != "POST":
        return respond.page(request, FORM, {"form": SavedForm(initial=_values(one)), "one": one})
    form = SavedForm(request.POST)
    made = respond.attempt(form, lambda: saved.change(scope, search_id, **form.cleaned_data))
    if made is None:
        return respond.page(request, FORM, {"form": form, "one": one}, status=422)
    return _back(request, slug, Toast(_("Saved"), made.name))


@require_safe
def open_search(request: HttpRequest, slug: str, search_id: int) -> HttpResponse:
    """To the search itself; what is there by now has been seen."""
    scope = access.enter(request, slug, Permission.SEARCH_MESSAGES)
    return redirect(search_url(slug, saved.opened(scope, search_id)))


@require_POST
def pin(request: HttpRequest, slug: str, search_id: int) -> HttpResponse:
    scope = access.enter(request, slug, Permission.SEARCH_MESSAGES)
    one = saved.pin(scope, search_id, is_pinned=bool(request.POST.get("pinned")))
    return _back(request, slug, Toast(_("Pinned to the top") if one.is_pinned else _("Not pinned any more"), one.name))


@require_POST
def share(request: HttpRequest, slug: str, search_id: int) -> HttpResponse:
    scope = access.enter(request, slug, Permission.SEARCH_MESSAGES)
    one = saved.change(scope, search_id, is_shared=bool(request.POST.get("shared")))
    said = _("Shared with everybody who may search here") if one.is_shared else _("Only you see it now")
    return _back(request, slug, Toast(said, one.name))


@require_POST
def delete(request: HttpRequest, slug: str, search_id: int) -> HttpResponse:
    scope = access.enter(request, slug, Permission.SEARCH_MESSAGES)
    return _back(request, slug, Toast(_("Deleted"), saved.delete(scope, search_id)))


@require_POST
def forget(request: HttpRequest, slug: str, past_id: int) -> HttpResponse:
    scope = access.enter(request, slug, Permission.SEARCH_MESSAGES)
    history.forget(scope, past_id)
    return _back(request, slug, Toast(_("Forgotten")))


@require_POST
def forget_all(request: HttpRequest, slug: str) -> HttpResponse:
    scope = access.enter(request, slug, Permission.SEARCH_MESSAGES)
    count = history.forget_all(scope)
    said = ngettext("%(count)s search forgotten", "%(count)s searches forgotten", count) % {"count": count}
    return _back(request, slug, Toast(said))


def _list_context(scope: Scope) -> dict[str, Any]:
    rows, past = saved.listing(scope, with_counts=True), history.listing(scope, most=HISTORY_SHOWN)
    return {
        "rows": rows,
        "past": past,
        "saved_count": len(rows),
        "past_count": len(past),
        "saved_table": show.saved_table(scope.slug, rows),
        "history_table": show.history_table(scope.slug, past),
        "kept_most": history.MOST,
        "act": show.ACT,
    }


def _values(one: Saved) -> dict[str, Any]:
    return {"name": one.name, "query": one.query, "is_shared": one.is_shared}


def _back(request: HttpRequest, slug: str, toast: Toast) -> HttpResponse:
    return respond.redirect(request, reverse("saved-searches", args=[slug]), toast=toast)
