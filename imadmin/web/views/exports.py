"""Exports: asking for one, how it goes, fetching its file."""

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from imadmin.accounts.permissions import Permission
from imadmin.archive import exports
from imadmin.archive.exports import ExportView
from imadmin.clusters import access
from imadmin.clusters.access import Scope
from imadmin.core.downloads import download
from imadmin.jobs import exports as jobs
from imadmin.web import respond
from imadmin.web import saved_show as show
from imadmin.web.forms.saved import ExportForm
from imadmin.web.respond import Toast

LIST, PAGE = "pages/messages/exports.html", "pages/messages/export.html"


@require_http_methods(["GET", "HEAD", "POST"])
def listing(request: HttpRequest, slug: str) -> HttpResponse:
    """One's exports, and the form for another; with ?q= what that one would take."""
    scope = access.enter(request, slug, Permission.EXPORT_MESSAGES)
    exports.require(scope)
    if request.method == "POST":
        return _start(request, scope)
    if respond.wants_fragment(request):
        return respond.fragment(request, f"{LIST}#rows", _rows(request, scope))
    q = request.GET.get("q")
    form = ExportForm(initial={"q": q or ""})
    if q is None:
        return respond.page(request, LIST, {"form": form, "preview": None, **_rows(request, scope)})
    looked = ExportForm(request.GET)
    for later in ("reason", "format"):
        looked.errors.pop(later, None)
    preview = respond.attempt(looked, lambda: exports.preview(scope, q))
    form = form if preview else looked
    context = {"form": form, "preview": preview, **_matches(preview), **_rows(request, scope)}
    return respond.page(request, LIST, context, status=200 if preview else 422)


def _start(request: HttpRequest, scope: Scope) -> HttpResponse:
    form = ExportForm(request.POST)
    made = respond.attempt(form, lambda: jobs.begin(scope, **form.cleaned_data))
    if made is None:
        return respond.page(request, LIST, {"form": form, "preview": None, **_rows(request, scope)}, status=422)
    row, is_new = made
    toast = (
        Toast(_("The export is queued"), _("Its page shows when the file is ready."), kind="info")
        if is_new
        else Toast(_("The same export is under way already"), kind="info")
    )
    return respond.redirect(request, reverse("export", args=[scope.slug, row.pk]), toast=toast)


@require_safe
def one(request: HttpRequest, slug: str, export_id: str) -> HttpResponse:
    scope = access.enter(request, slug, Permission.EXPORT_MESSAGES)
    return respond.page_or_fragment(request, PAGE, _context(scope, export_id), fragment="export")


@require_safe
def file(request: HttpRequest, slug: str, export_id: str) -> HttpResponseBase:
    """The file itself, for who asked for it; each fetch is on the trail."""
    scope = access.enter(request, slug, Permission.EXPORT_MESSAGES)
    return download(request, **exports.open_file(scope, export_id))


@require_POST
def stop(request: HttpRequest, slug: str, export_id: str) -> HttpResponse:
    scope = access.enter(request, slug, Permission.EXPORT_MESSAGES)
    jobs.stop(scope, export_id)
    toast = Toast(_("Told to stop"), _("No file is kept."), kind="info")
    return respond.redirect(request, reverse("export", args=[slug, export_id]), toast=toast)


@require_POST
def delete(request: HttpRequest, slug: str, export_id: str) -> HttpResponse:
    scope = access.enter(request, slug, Permission.EXPORT_MESSAGES)
    exports.delete(scope, export_id)
    return respond.redirect(request, reverse("exports", args=[slug]), toast=Toast(_("Deleted, with its file")))


def _rows(request: HttpRequest, scope: Scope) -> dict[str, Any]:
    jobs.settle(scope)
    cursor = request.GET.get("cursor", "")
    page = exports.listing(scope, cursor=cursor)
    return {"page": page, "table": show.export_table(scope.slug, page.rows, is_later=bool(cursor))}


def _matches(preview: exports.Preview | None) -> dict[str, Any]:
    return {"matches": show.tally(preview.matches)} if preview else {}


def _context(scope: Scope, export_id: str) -> dict[str, Any]:
    jobs.settle(scope)
    found: ExportView = exports.one(scope, export_id)
    return {
        "export": found,
        "status": show.export_state(found),
        "query": show.shown_query(found),
        "again_url": f"{reverse('exports', args=[scope.slug])}{show.q_query(found.query)}" if found.is_mine else "",
    }
