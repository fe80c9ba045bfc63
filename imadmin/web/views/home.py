"""The first page: which clusters one may see, and how each is right now."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from imadmin.clusters import access, queries
from imadmin.clusters.actions import KINDS
from imadmin.clusters.models import Cluster
from imadmin.web import cells, respond, states, tables
from imadmin.web.context import ENVIRONMENT_WORDS
from imadmin.web.tables import Column, Table

STATUS_SHAPES = {"ok": "ok", "partial": "half", "down": "bad", "refused": "bad"}


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """The clusters one may see; straight on to the only one."""
    principal = access.principal_of(request)
    cards = queries.cards(principal)
    if len(cards) == 1 and "all" not in request.GET:
        return redirect("overview", cards[0].slug)
    if not cards:
        return respond.page(request, "pages/home/home.html", {"nothing": _nothing(principal.is_owner)})
    context = {"table": _table(cards, principal.is_owner), "total": len(cards)}
    return respond.page(request, "pages/home/home.html", context)


@require_GET
def cluster_status(request: HttpRequest, slug: str) -> HttpResponse:
    """How one cluster is, asked of its nodes now."""
    scope = access.enter(request, slug)
    return respond.fragment(request, "pages/home/home.html#status", status_context(queries.status(scope)))


def status_context(status: queries.ClusterStatus) -> dict[str, object]:
    words = {
        "ok": _("All nodes answer"), "partial": _("Nodes missing"), "down": _("No answer"), "refused": _("Refused"),
    }  # fmt: skip
    return {
        "status": status,
        "shape": STATUS_SHAPES[status.verdict],
        "word": words[status.verdict],
        "missing": ", ".join(sorted({cells.visible(each.node) for each in status.failed})),
    }


def _table(cards: tuple[queries.ClusterCard, ...], is_owner: bool) -> Table:
    columns = [
        Column("name", _("Cluster"), _name, "id", "m1"),
        Column("status", _("Now"), _status_cell, "status", "m2"),
        Column("environment", _("Environment"), _environment, phone="m3", css="nw"),
        Column("kind", _("Kind of server"), lambda card: KINDS.get(card.kind, card.kind), hide="p2", css="nw"),
    ]
    if is_owner:
        columns.append(Column("address", _("Address"), lambda card: cells.mono(card.address), "fill"))
    return Table(columns, cards, _("Clusters"))


def _name(card: queries.ClusterCard) -> object:
    return tables.link(cells.visible(card.name), reverse("overview", args=[card.slug]))


def _environment(card: queries.ClusterCard) -> object:
    word = ENVIRONMENT_WORDS[Cluster.Environment(card.environment)]
    if not card.is_demo:
        return word
    return cells.join((cells.html("{word} ", word=word), cells.tag(_("demo"), "info")))


def _status_cell(card: queries.ClusterCard) -> object:
    """Filled in by htmx when the page is there; without JavaScript a link that asks."""
    return cells.html(
        '<a class="st off" href="{url}" hx-get="{url}" hx-trigger="load" hx-swap="outerHTML">{glyph}{word}</a>',
        url=reverse("cluster-status", args=[card.slug]),
        glyph=cells.glyph("unknown"),
        word=_("Ask the nodes"),
    )


def _nothing(is_owner: bool) -> states.State:
    if is_owner:
        return states.empty(
            _("No cluster yet"),
            _("Add the first one: its addresses, and the token and account of its configuration."),
            states.Verb(_("Add a cluster"), reverse("settings-cluster-add"), "plus"),
            icon="server-2",
        )
    return states.empty(
        _("No cluster for you yet"), _("You hold no role on any cluster. An owner can give you one."), icon="lock"
    )
