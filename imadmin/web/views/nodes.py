"""Nodes: all of them with what they do at the moment, and one with its history."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from imadmin.accounts.permissions import Permission
from imadmin.clusters import access
from imadmin.clusters.access import Scope
from imadmin.core.errors import InvalidInput
from imadmin.core.paging import BROKEN_CURSOR
from imadmin.monitor import event_words
from imadmin.monitor import nodes as queries
from imadmin.monitor.nodes import NodeRow, NodesView, OneNode, Step
from imadmin.web import respond
from imadmin.web.slot_words import NODE_MEANS, node_status
from imadmin.web.views import nodes_log, nodes_show
from imadmin.web.views.slots import state_context

LIST, PAGE = "pages/nodes/list.html", "pages/nodes/node.html"


@require_GET
def listing(request: HttpRequest, slug: str) -> HttpResponse:
    scope = access.enter(request, slug)
    view = queries.overview(scope)
    return respond.page_or_fragment(request, LIST, list_context(scope, view), fragment="nodes")


@require_GET
def node(request: HttpRequest, slug: str, node: int) -> HttpResponse:
    """One node.  ?log= goes back in its log of the configuration."""
    scope = access.enter(request, slug)
    one = queries.one(scope, node, log_before=_log_marker(request))
    return respond.page_or_fragment(request, PAGE, node_context(scope, one), fragment="node")


def _log_marker(request: HttpRequest) -> int:
    """Raises InvalidInput."""
    text = request.GET.get("log", "")
    if not text:
        return 0
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise InvalidInput({"log": [BROKEN_CURSOR]})
    return int(text)


def list_context(scope: Scope, view: NodesView) -> dict[str, Any]:
    state = view.state
    return {
        **state_context(state),
        "view": view,
        "table": nodes_show.nodes_table(scope, view.rows),
        "answering": len(state.answering),
        "passing": [passing(row) for row in view.rows if row.passage],
        "odd": [_odd(row) for row in view.rows if row.health.state in NODE_MEANS],
        "without_metrics": [
            (row.id, row.metrics.error if row.metrics else "") for row in view.without_metrics
        ],
        "may_operate": scope.can(Permission.OPERATE_CLUSTER),
    }  # fmt: skip


def node_context(scope: Scope, one: OneNode) -> dict[str, Any]:
    row = one.row
    return {
        **state_context(one.state),
        "one": one,
        "row": row,
        "status": node_status(row.health.state, is_stuck=row.is_stuck),
        "role": nodes_show.role(row.health),
        "means": NODE_MEANS.get(row.health.state, ""),
        "facts": nodes_show.facts(one),
        "passing": [passing(row)] if row.passage else [],
        "told": [(event, event_words.words(event)) for event in one.events],
        "figures": nodes_show.figures(row),
        "history": nodes_show.history(one),
        "own_map": nodes_show.own_map(one),
        "opinions": nodes_show.opinions_table(scope, one.opinions),
        "log_table": nodes_log.log_table(one.log.entries) if one.log else None,
    }


def passing(row: NodeRow) -> dict[str, Any]:
    """A node on its way in or out, for its panel."""
    return {
        "row": row,
        "steps": nodes_show.steps(row.passage),
        "is_way_in": row.passage[0].step is Step.WILL_JOIN,
        "means": NODE_MEANS.get(row.health.state, ""),
    }


def _odd(row: NodeRow) -> tuple[NodeRow, Any, Any]:
    return row, node_status(row.health.state, is_stuck=row.is_stuck), NODE_MEANS[row.health.state]
