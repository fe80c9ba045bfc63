"""One minute of a cluster: every node asked directly, what it said written down as small integers.

A node that didn't answer leaves unknowns, never zeros; a minute that wasn't sampled leaves no row.  The first sample of
a minute stays: asking for the same minute again changes nothing.
"""

import asyncio
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from django.db import transaction

from imadmin.clusters import connect
from imadmin.clusters.models import Cluster
from imadmin.core import events
from imadmin.core.aio import run
from imadmin.core.errors import AppError
from imadmin.gateway.contract import Gateway
from imadmin.gateway.node_types import NodeMetrics, NodePeople
from imadmin.gateway.types import NodeView
from imadmin.monitor import health, rates, watch
from imadmin.monitor.health_types import ClusterState
from imadmin.monitor.sample_models import WHOLE, Counters, Minute

logger = logging.getLogger(__name__)

VERDICTS = {"healthy": 0, "unknown": 1, "degraded": 2, "down": 3}
STALE_COUNTERS = 180.0  # seconds; what was counted over a longer time belongs to no single minute
OTHER_START = 90.0  # seconds by which uptimes may differ for reasons of clocks, late answers and whole minutes
ROWS_A_MINUTE = 20_000  # connections listed in a minute to count people
LARGEST = 2**31 - 1  # what the narrow columns hold in every database

Figures = dict[str, int | None]


@dataclass(frozen=True, slots=True)
class Heard:
    """What the nodes said in one round.  rows: by node, how many connections and whose; {} when not counted."""

    views: tuple[NodeView, ...] = ()
    metrics: Mapping[int, NodeMetrics] = field(default_factory=dict)
    people: Mapping[int, frozenset[str]] = field(default_factory=dict)
    rows: Mapping[int, int] = field(default_factory=dict)
    failure: str = ""


@dataclass(frozen=True, slots=True)
class SampleReport:
    """was_there: the minute had been sampled before, so nothing was asked or written.  failure: why nobody answered."""

    cluster: str
    minute: datetime
    nodes: int
    answered: int
    was_there: bool = False
    failure: str = ""


def sample(cluster: Cluster, state: ClusterState | None = None, *, at: datetime | None = None) -> SampleReport:
    """Ask all nodes of the cluster now and keep the answers as its minute.  A cluster that is down is a sample too.

    state: the poller's ClusterState; only its verdict is taken, the figures are asked for.  at: the moment it counts
    for, now by default.  Never raises for a silent cluster.
    """
    moment = at or datetime.now(UTC)
    minute = int(moment.timestamp() // 60)
    if there := Minute.objects.filter(cluster=cluster, minute=minute, node=WHOLE).first():
        return SampleReport(cluster.slug, _time_of(minute), there.nodes or 0, there.answered or 0, was_there=True)
    heard = listen(cluster, minute)
    known = {view.id for view in heard.views} or _nodes_of_last_sample(cluster)
    before = {row.node: row for row in Counters.objects.filter(cluster=cluster)}
    figures = {node: _node_figures(node, heard, before.get(node), moment.timestamp()) for node in sorted(known)}
    whole = whole_of(figures)
    whole["users"] = _users(heard)
    whole["verdict"] = VERDICTS.get(state.verdict if state else _verdict(cluster, heard, moment), VERDICTS["unknown"])
    with transaction.atomic():
        rows = [Minute(cluster=cluster, minute=minute, node=WHOLE, **_narrow(whole))]
        rows += [Minute(cluster=cluster, minute=minute, node=node, **_narrow(one)) for node, one in figures.items()]
        Minute.objects.bulk_create(rows, ignore_conflicts=True)
        _keep_counters(cluster, heard, moment.timestamp())
    events.changed(f"{cluster.slug}/stats")
    return SampleReport(
        cluster.slug, _time_of(minute), len(known), whole["answered"] or 0, failure=heard.failure if known else ""
    )


def listen(cluster: Cluster, minute: int) -> Heard:
    """One round of questions.  Whatever part fails is missing from the answer."""
    try:
        return run(_listen(connect.gateway_for(cluster), minute))
    except AppError as error:
        logger.info("sampling.nobody_answered", extra={"cluster": cluster.slug, "code": error.code})
        return Heard(failure=error.text())


async def _listen(gateway: Gateway, minute: int) -> Heard:
    views = tuple(view for view in await gateway.node_views(slots=True) if view.id)  # 0: it never said who it is
    metrics, people = await asyncio.gather(_metrics(gateway), _people(gateway, views, minute))
    return Heard(
        views,
        metrics,
        people={one.node: one.uids for one in people if one.uids is not None},
        rows={one.node: one.rows for one in people if one.rows is not None},
    )


async def _metrics(gateway: Gateway) -> dict[int, NodeMetrics]:
    try:
        return {one.node: one for one in await gateway.metrics() if one.answers}
    except AppError:
        return {}


async def _people(gateway: Gateway, views: Sequence[NodeView], minute: int) -> tuple[NodePeople, ...]:
    """Connections are listed to count people: on a large cluster not every minute, so that it stays cheap."""
    answering = [view for view in views if view.answers]
    rows = sum(view.connections or 0 for view in answering)
    if not answering or minute % max(1, math.ceil(rows / ROWS_A_MINUTE)):
        return ()
    try:
        return await gateway.people([view.id for view in answering])
    except AppError:
        return ()


def _node_figures(node: int, heard: Heard, before: Counters | None, at: float) -> Figures:
    view = next((view for view in heard.views if view.id == node), None)
    if view is None or not view.answers:
        return {"answered": 0, "nodes": 1}
    metrics = heard.metrics.get(node)
    moved = differences(before, counters_of(view, metrics), uptime=view.uptime, at=at)
    return {
        "connections": view.connections,
        "sockets": metrics.open_sockets if metrics else None,
        "rows": heard.rows.get(node),
        "users": len(heard.people[node]) if node in heard.people else None,
        **moved,
        "retries": view.retry_queue,
        "memory": None if view.memory is None else view.memory >> 20,
        "goroutines": view.goroutines,
        "cpu": None if view.cpu is None else round(view.cpu * 10),
        "latency": None if view.latency is None else round(view.latency * 1000),
        "lag": lag_of(node, heard.views),
        "answered": 1,
        "nodes": 1,
    }


SUMMED = (
    "connections", "sockets", "rows", "sends", "incoming", "outgoing", "retries", "memory", "goroutines", "answered",
    "nodes",
)  # fmt: skip
HIGHEST = ("cpu", "latency", "lag")


def whole_of(figures: Mapping[int, Figures]) -> Figures:
    """The cluster's row: sums over the nodes that told, None where nobody did; `answered` of `nodes` says how whole."""
    whole: Figures = {"answered": 0, "nodes": 0} if not figures else {}
    for names, combine in ((SUMMED, sum), (HIGHEST, max)):
        for name in names:
            told = [value for one in figures.values() if (value := one.get(name)) is not None]
            if told:
                whole[name] = combine(told)
    return whole


def counters_of(view: NodeView, metrics: NodeMetrics | None) -> dict[str, int]:
    found = {
        "sends": metrics.sends_total if metrics else None,
        "incoming": view.in_msgs,
        "outgoing": view.out_msgs,
    }
    return {name: value for name, value in found.items() if value is not None}


def differences(before: Counters | None, now: Mapping[str, int], *, uptime: float | None, at: float) -> Figures:
    """How far the counters moved, a minute; None where that isn't known.

    A counter that stands lower than before, or a node that is up for less than the time between, was started again: it
    counts from its start, so what it counted before it ended is lost.  One that says to be up since another moment is
    another node in its place: its counters go on from nowhere.
    """
    elapsed = at - before.at if before else 0.0
    if before is None or not 0 < elapsed <= STALE_COUNTERS:
        return {}
    is_fresh = uptime is not None and uptime < elapsed
    if not is_fresh and _is_another(uptime, before.uptime, elapsed):
        return {}
    moved: Figures = {}
    for name, value in now.items():
        counted = rates.delta(before.values.get(name), value, restarted=is_fresh)
        if counted is not None:
            moved[name] = round(counted * 60 / elapsed)
    return moved


def _is_another(uptime: float | None, earlier: float | None, elapsed: float) -> bool:
    return uptime is not None and earlier is not None and abs(uptime - earlier - elapsed) > OTHER_START


def lag_of(node: int, views: Sequence[NodeView]) -> int | None:
    """How many entries the node's worst slot copy is behind its leader's; each said so itself.  None: can't be told."""
    answering = {view.id: {slot.id: slot for slot in view.slots} for view in views if view.answers}
    freshest = max((view for view in views if view.answers), key=lambda view: view.config_version or 0, default=None)
    behind = []
    for slot in freshest.slots if freshest else ():
        own, leaders = answering.get(node, {}).get(slot.id), answering.get(slot.leader, {}).get(slot.id)
        if own and leaders and node in slot.replicas:
            behind.append(max(0, leaders.log_index - own.log_index))
    return max(behind, default=None)


def _users(heard: Heard) -> int | None:
    """Different people over all nodes that answered, who is on two of them once.  None when one didn't tell whose
    connections it has; a node that is down is told by `answered` being less than `nodes`.
    """
    answering = {view.id for view in heard.views if view.answers}
    if not answering or answering - set(heard.people):
        return None
    everybody: frozenset[str] = frozenset().union(*heard.people.values())
    return len(everybody)


def _verdict(cluster: Cluster, heard: Heard, at: datetime) -> str:
    """By the recipe the poller goes by, with what it remembers of the looks before."""
    return health.judge(heard.views, watch.recall(cluster.pk), at, slug=cluster.slug).verdict


def _keep_counters(cluster: Cluster, heard: Heard, at: float) -> None:
    rows = [
        Counters(
            cluster=cluster, node=view.id, at=at, uptime=view.uptime,
            values=counters_of(view, heard.metrics.get(view.id)),
        )
        for view in heard.views
        if view.answers
    ]  # fmt: skip
    Counters.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["cluster", "node"],
        update_fields=["at", "uptime", "values"],
    )


def _nodes_of_last_sample(cluster: Cluster) -> set[int]:
    """Who belongs to a cluster of which nobody answers, not even once since we started."""
    rows = Minute.objects.filter(cluster=cluster)
    last = rows.order_by("-minute").values_list("minute", flat=True).first()
    return set(rows.filter(minute=last).exclude(node=WHOLE).values_list("node", flat=True)) if last else set()


def _narrow(figures: Figures) -> Figures:
    return {name: None if value is None else min(max(value, 0), LARGEST) for name, value in figures.items()}


def _time_of(minute: int) -> datetime:
    return datetime.fromtimestamp(minute * 60, UTC)
