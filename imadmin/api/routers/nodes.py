"""Nodes of a cluster: each asked itself, and its own counters."""

from dataclasses import asdict, fields

from django.http import HttpRequest
from django.utils.translation import gettext
from ninja import Router

from imadmin.api.paging import partial
from imadmin.api.params import SlugPath
from imadmin.api.schemas.common import PartialOut, problems
from imadmin.api.schemas.nodes import LatencyOut, MetricsOut, NodeOut, NodesOut
from imadmin.clusters import access
from imadmin.core.errors import gettext_noop
from imadmin.gateway.errors import Unreachable
from imadmin.gateway.node_types import NodeMetrics
from imadmin.gateway.types import NodeFailure
from imadmin.monitor import nodes as queries
from imadmin.monitor.health_types import ClusterState
from imadmin.monitor.nodes import NodeRow
from imadmin.monitor.rates import COUNTERS

router = Router()

READ = problems(401, 403, 404, 502, 504)
NOBODY = gettext_noop("No node of the cluster answers")
NOT_ASKED = gettext_noop("The node doesn't answer")
FIGURES = tuple(
    field.name
    for field in fields(NodeMetrics)
    if field.name
    not in (
        "node", "answers", "as_of", "error", "error_code", "manager_url", "started_at", "channel_propose",
        "slot_propose",
    )
    and not field.name.endswith("_total")
)  # fmt: skip
TOTALS = tuple(field.name for field in fields(NodeMetrics) if field.name.endswith("_total"))


@router.get(
    "/nodes",
    response={200: NodesOut, **READ},
    operation_id="list_nodes",
    summary="Nodes of a cluster, each asked itself",
)
def list_nodes(request: HttpRequest, slug: SlugPath) -> NodesOut:
    """Needs `view`. Asks now. A node that doesn't answer is listed with `answers` false and named in `partial`."""
    view = queries.overview(access.enter(request, slug), fresh=0.0)
    if not view.state.answering:
        raise Unreachable(NOBODY, operation="nodes")
    return NodesOut(
        items=[NodeOut.of(row) for row in view.rows], partial=missing(view.state), as_of=view.state.as_of
    )  # fmt: skip


@router.get(
    "/nodes/{int:node}",
    response={200: NodeOut, **READ},
    operation_id="get_node",
    summary="One node",
)
def get_node(request: HttpRequest, slug: SlugPath, node: int) -> NodeOut:
    """Needs `view`. As in the list, by the last look."""
    return NodeOut.of(queries.row(access.enter(request, slug), node))


@router.get(
    "/nodes/{int:node}/metrics",
    response={200: MetricsOut, **READ},
    operation_id="get_node_metrics",
    summary="A node's own counters",
)
def get_node_metrics(request: HttpRequest, slug: SlugPath, node: int) -> MetricsOut:
    """Needs `view`. What the manager API of the node tells; a node without one answers with `answers` false."""
    return _metrics(queries.row(access.enter(request, slug), node))


def _metrics(row: NodeRow) -> MetricsOut:
    told = row.metrics or NodeMetrics(row.id, False, row.health.since, NOT_ASKED)
    values, rates = asdict(told), row.rates
    return MetricsOut(
        node=str(row.id),
        answers=told.answers,
        error=gettext(told.error) if told.error else "",
        as_of=told.as_of,
        started_at=told.started_at,
        figures={name: values[name] for name in FIGURES},
        counters={name: values[name] for name in TOTALS},
        per_second={name: getattr(rates, name) for name in COUNTERS} if rates else {},
        channel_propose=LatencyOut.of(told.channel_propose),
        slot_propose=LatencyOut.of(told.slot_propose),
    )


def missing(state: ClusterState) -> list[PartialOut]:
    return partial(
        NodeFailure(str(node.id or node.view.api_url), node.view.error, node.view.error_code or "upstream_error")
        for node in state.silent
    )
