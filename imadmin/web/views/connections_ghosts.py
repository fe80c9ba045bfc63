"""Ghosts and deaf clients: open sockets that the server lists nowhere, per node, explained."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from imadmin.clusters import access
from imadmin.clusters.access import Scope
from imadmin.monitor import connections as queries
from imadmin.monitor.connections import Ghosts, NodeGhosts
from imadmin.web import cells, respond
from imadmin.web.tables import Column, Table

PAGE = "pages/connections/ghosts.html"


@require_GET
def ghosts(request: HttpRequest, slug: str) -> HttpResponse:
    scope = access.enter(request, slug)
    found = queries.ghosts(scope)
    verdict = _verdict(found)
    context = {
        "found": found,
        "table": _table(scope, found),
        "without_metrics": [node for node in found.nodes if node.sockets is None and node.total is not None],
        "verdict": verdict,
    }
    return respond.page_or_fragment(request, PAGE, context, fragment="figures", say=verdict["title"])


def _table(scope: Scope, found: Ghosts) -> Table:
    def remembered(node: NodeGhosts) -> object:
        url = f"{reverse('connections', args=[scope.slug])}?known=remembered&node={node.id}"
        return cells.link(cells.number(node.remembered), url) if node.remembered else cells.number(0)

    return Table(
        columns=[
            Column("id", _("Node"), lambda node: cells.mono(node.id), "id", "m1"),
            Column("state", _("State"), _state, "status", "m2"),
            Column("sockets", _("Open sockets"), kind="num"),
            Column("total", _("Counted"), kind="num", hide="p2"),
            Column("listed", _("With a row"), kind="num"),
            Column("open_unserved", _("Open, not counted"), kind="num", hide="p3"),
            Column("without_row", _("Counted, no row"), kind="num", hide="p3"),
            Column("ghosts", _("Ghosts"), lambda node: _lasting(node.ghosts, node.open_unserved), "num"),
            Column("deaf", _("Deaf"), lambda node: _lasting(node.deaf, node.without_row), "num"),
            Column("remembered", _("Only remembered"), remembered, "num", hide="p2"),
        ],
        rows=found.nodes,
        caption=_("Open sockets by node"),
        plain=True,
    )


def _state(node: NodeGhosts) -> object:
    if node.state == "ok":
        return cells.status("ok", _("All served"))
    if node.state == "found":
        told = {"ghosts": node.ghosts or 0, "deaf": node.deaf or 0}
        return cells.status("warn", _("Unserved"), _("%(ghosts)s ghosts, %(deaf)s deaf") % told)
    if node.state == "watching":
        return cells.status("run", _("Looking"))
    if node.total is None:
        return cells.status("unknown", _("No answer"))
    return cells.status("unknown", _("Unknown"), _("no metrics"))


def _lasting(lasting: int | None, now: int | None) -> object:
    if lasting is None and now:
        return cells.html('<span class="faint">{words}</span>', words=_("0 to %(most)s") % {"most": now})
    return cells.number(lasting)


def _verdict(found: Ghosts) -> dict[str, Any]:
    """One sentence for the whole cluster; what isn't known stays unknown."""
    ghosts, deaf = (sum(getattr(node, name) or 0 for node in found.nodes) for name in ("ghosts", "deaf"))
    states = {node.state for node in found.nodes}
    if ghosts or deaf:
        told = {"ghosts": ghosts, "deaf": deaf}
        return {"kind": "warn", "title": _("At least %(ghosts)s ghosts and %(deaf)s deaf clients") % told}
    if "watching" in states:
        return {"kind": "info", "title": _("Some sockets have no row; a second look in 20 s tells if that lasts")}
    if "unknown" in states:
        return {"kind": "info", "title": _("None found on the nodes that tell; the others are unknown")}
    return {"kind": "ok", "title": _("Every open socket is served")}
