"""What happened to a cluster, newest first, as its watcher saw it."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from imadmin.clusters import access
from imadmin.clusters.access import Scope
from imadmin.monitor import event_words, events
from imadmin.monitor.events import EventRow
from imadmin.web import cells, respond, states
from imadmin.web.forms.events import LEVELS, EventFilterForm
from imadmin.web.tables import Column, Table

PAGE = "pages/events/events.html"


@require_GET
def listing(request: HttpRequest, slug: str) -> HttpResponse:
    scope = access.enter(request, slug)
    context = _context(request, scope)
    status = 422 if context["form"].errors else 200
    return respond.page_or_fragment(request, PAGE, context, fragment="rows", status=status)


def _context(request: HttpRequest, scope: Scope) -> dict[str, Any]:
    form = EventFilterForm(request.GET, nodes=events.nodes_of(scope))
    context: dict[str, Any] = {"form": form}
    if not form.is_valid():
        return context | {"table": states.filtered(_("The filters can't be used; see beside the fields."))}
    page = events.page(scope, form.wanted(), cursor=request.GET.get("cursor", ""))
    return context | {
        "table": _table(scope, page.rows, is_filtered=any(form.cleaned_data.values())),
        "next_cursor": page.next_cursor,
    }


def _table(scope: Scope, rows: tuple[EventRow, ...], *, is_filtered: bool) -> Table:
    said = {row.id: event_words.words(row) for row in rows}
    levels = dict(LEVELS)
    columns = [
        Column("at", _("Time"), lambda row: cells.clock(row.at), "time", "m2"),
        Column("level", _("Kind"), lambda row: cells.status(said[row.id].shape, levels[row.level]), "status", "m3"),
        Column("what", _("What happened"), lambda row: said[row.id].title, "text", "m1", css="nw"),
        Column("detail", _("Details"), lambda row: said[row.id].detail, "fill", "m3"),
        Column("node", _("Node"), lambda row: _about(scope, "node", row.node), "id", hide="p2"),
        Column("slot", _("Slot"), lambda row: _about(scope, "slot", row.slot), "id", hide="p2"),
    ]
    nothing = (
        states.filtered(
            _("No event fits these filters."), states.Verb(_("Clear all"), reverse("events", args=[scope.slug]))
        )
        if is_filtered
        else states.empty(
            _("Nothing happened yet"),
            _("Whoever watches the cluster in the background writes here what changes."),
        )
    )
    return Table(columns, rows, _("Events"), nothing)


def _about(scope: Scope, name: str, number: int | None) -> object:
    return "" if number is None else cells.ident(number, reverse(name, args=[scope.slug, number]), copy=False)
