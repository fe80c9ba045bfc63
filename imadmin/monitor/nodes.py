"""Nodes as pages and the API show them: what each says, what the others believe of it, what it does at the moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from imadmin.accounts.permissions import Permission
from imadmin.clusters.access import Scope
from imadmin.core.aio import run
from imadmin.core.errors import AppError, NotFound, gettext_noop
from imadmin.gateway.node_types import LogPage, NodeMetrics
from imadmin.gateway.types import MemberView
from imadmin.monitor import events, readings, series, watch
from imadmin.monitor.events import EventFilter, EventRow
from imadmin.monitor.health_types import ClusterState, Finding, NodeHealth, NodeState
from imadmin.monitor.rates import NodeRates
from imadmin.monitor.series import Series

EVENTS = 20
LOG_ENTRIES = 20
HISTORY = timedelta(hours=1)
FIGURES = ("sockets", "sends", "memory", "cpu", "goroutines", "latency", "lag", "retries")
WILL_JOIN, JOINING, JOINED = 1, 2, 3
STUCK_CODES = ("join_stuck", "move_stuck")

NO_NODE = gettext_noop("This cluster has no such node")


class Step(StrEnum):
    """What a node goes through when it joins, and what becomes of one that is gone."""

    WILL_JOIN = "will_join"
    JOINING = "joining"
    JOINED = "joined"
    COPYING = "copying"  # its slots: first as a learner, then as a replica
    SILENT = "silent"
    CALLED_OFFLINE = "called_offline"
    LED_ELSEWHERE = "led_elsewhere"  # the slots it led have other leaders
    REPLACED = "replaced"  # no slot counts on its copy any more


@dataclass(frozen=True, slots=True)
class Passage:
    """One step: done, under way, or still to come.  have, of: how many slots of how many, where that is counted."""

    step: Step
    is_done: bool
    is_now: bool = False
    have: int | None = None
    of: int | None = None


@dataclass(frozen=True, slots=True)
class NodeRow:
    """A node.  health: by the last look.  metrics: of its manager API, None when it wasn't asked.

    behind: changes of the configuration that it hasn't seen.  passage: its way in or out, () when it simply runs.
    """

    health: NodeHealth
    metrics: NodeMetrics | None
    rates: NodeRates | None
    behind: int | None
    passage: tuple[Passage, ...]
    is_stuck: bool

    @property
    def id(self) -> int:
        return self.health.id

    @property
    def uptime(self) -> float | None:
        return self.health.view.uptime if self.health.answers else None

    @property
    def open_sockets(self) -> int | None:
        return self.metrics.open_sockets if self.metrics else None

    @property
    def memory(self) -> int | None:
        """Bytes: as its varz says, else as its metrics do."""
        told = self.health.view.memory
        return told if told is not None else self.metrics.resident_bytes if self.metrics else None


@dataclass(frozen=True, slots=True)
class NodesView:
    """state: of the whole cluster.  asked_at: when the metrics were read."""

    state: ClusterState
    rows: tuple[NodeRow, ...]
    asked_at: datetime

    @property
    def without_metrics(self) -> tuple[NodeRow, ...]:
        """Nodes that answer, but whose manager API doesn't tell."""
        return tuple(row for row in self.rows if row.health.answers and not (row.metrics and row.metrics.answers))


@dataclass(frozen=True, slots=True)
class Opinion:
    """What another node believes of this one, by its own view."""

    by: int
    member: MemberView | None


@dataclass(frozen=True, slots=True)
class OneNode:
    """led, held: slots by the freshest view.  log: of the configuration as this node has it, or log_error why not."""

    state: ClusterState
    row: NodeRow
    led: tuple[int, ...]
    held: tuple[int, ...]
    opinions: tuple[Opinion, ...]
    findings: tuple[Finding, ...]
    history: dict[str, Series]
    events: tuple[EventRow, ...]
    log: LogPage | None
    log_error: AppError | None

    @property
    def has_history(self) -> bool:
        return any(not one.is_empty for one in self.history.values())


def overview(scope: Scope, *, fresh: float = watch.FRESH_SECONDS) -> NodesView:
    """Every node by the last look, asked now when that is older than `fresh` seconds, with the counters it tells."""
    scope.require(Permission.VIEW)
    state = watch.state(scope, fresh=fresh)
    read = readings.read(scope, state)
    return NodesView(state, tuple(_row(state, node, read) for node in state.nodes if node.id), read.at)


def one(scope: Scope, node_id: int, *, log_before: int = 0) -> OneNode:
    """One node with its history.  log_before: `next` of the log page before.  Raises NotFound."""
    scope.require(Permission.VIEW)
    state = watch.state(scope)
    node = state.node(node_id) if node_id else None
    if node is None:
        raise NotFound(NO_NODE)
    log, log_error = _log(scope, node, log_before)
    minutes = int(HISTORY.total_seconds() // 60)
    return OneNode(
        state=state,
        row=_row(state, node, readings.read(scope, state)),
        led=tuple(slot.id for slot in state.slots if slot.leader == node_id),
        held=tuple(slot.id for slot in state.slots if node_id in slot.replicas),
        opinions=tuple(_opinion(other, node_id) for other in state.answering if other.id != node_id),
        findings=tuple(finding for finding in state.findings if node_id in finding.nodes),
        history=series.recent_all(scope.cluster, FIGURES, minutes, node=node_id),
        events=events.page(scope, EventFilter(node=node_id), limit=EVENTS).rows,
        log=log,
        log_error=log_error,
    )


def row(scope: Scope, node_id: int) -> NodeRow:
    """One node with its counters, without its history.  Raises NotFound."""
    scope.require(Permission.VIEW)
    state = watch.state(scope)
    node = state.node(node_id) if node_id else None
    if node is None:
        raise NotFound(NO_NODE)
    return _row(state, node, readings.read(scope, state))


def _row(state: ClusterState, node: NodeHealth, read: readings.Readings) -> NodeRow:
    version = node.view.config_version
    known = state.config_version
    stuck = {id_ for finding in state.findings if finding.code in STUCK_CODES for id_ in finding.nodes}
    return NodeRow(
        health=node,
        metrics=read.metrics(node.id) if node.answers else None,
        rates=read.rates(node.id) if node.answers else None,
        behind=None if version is None or known is None else max(0, known - version),
        passage=passage(state, node),
        is_stuck=node.id in stuck,
    )


def passage(state: ClusterState, node: NodeHealth) -> tuple[Passage, ...]:
    """The way in of a node that joins, the way out of one that is gone; () for one that simply runs."""
    pending = state.config.pending if state.config else ()
    waiting = [move for move in pending if node.id in (move.target, *move.learners)]
    if node.status in (WILL_JOIN, JOINING) or (waiting and node.answers):
        return _way_in(node, len(waiting))
    if not node.answers or node.state is NodeState.CALLED_OFFLINE:
        return _way_out(state, node)
    return ()


def _way_in(node: NodeHealth, waiting: int) -> tuple[Passage, ...]:
    status = node.status or WILL_JOIN
    held = node.slots_held or 0
    return (
        Passage(Step.WILL_JOIN, status > WILL_JOIN, status == WILL_JOIN),
        Passage(Step.JOINING, status > JOINING, status == JOINING),
        Passage(Step.JOINED, status >= JOINED),
        Passage(Step.COPYING, False, status >= JOINED, held, held + waiting),
    )


def _way_out(state: ClusterState, node: NodeHealth) -> tuple[Passage, ...]:
    """Nothing removes a node for good: its copies stay counted until they are moved elsewhere, slot by slot."""
    offline = node.online_by_cluster is False
    led, held = node.slots_led or 0, node.slots_held or 0
    total = len(state.slots) or None
    return (
        Passage(Step.SILENT, not node.answers),
        Passage(Step.CALLED_OFFLINE, offline, not offline),
        Passage(Step.LED_ELSEWHERE, offline and not led, bool(offline and led), led, total),
        Passage(Step.REPLACED, offline and not held, have=held, of=total),
    )


def _opinion(other: NodeHealth, node_id: int) -> Opinion:
    return Opinion(other.id, next((member for member in other.view.members if member.id == node_id), None))


def _log(scope: Scope, node: NodeHealth, before: int) -> tuple[LogPage | None, AppError | None]:
    if not node.answers:
        return None, None
    try:
        return run(scope.gateway.config_log(node.id, before=before, limit=LOG_ENTRIES)), None
    except AppError as error:
        return None, error
