"""What happened between two looks: the facts of each, compared; events and leader changes as rows not stored yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Max

from imadmin.clusters.models import Cluster
from imadmin.monitor import events
from imadmin.monitor.health_types import ClusterState, NodeHealth, NodeState, Verdict
from imadmin.monitor.models import Event, SlotChange, Watch

# Findings that are told when they begin and when they are over; the others show in the events of nodes and slots.
TOLD = frozenset(kind.removesuffix("_over") for kind in events.KINDS if kind.endswith("_over"))
NODE_KINDS = {
    NodeState.SILENT: "node_silent",
    NodeState.REFUSED: "node_refused",
    NodeState.CALLED_OFFLINE: "node_offline",
    NodeState.JOINING: "node_joining",
    NodeState.JOIN_STUCK: "node_join_stuck",
}
STATE_OF_KIND = {kind: state for state, kind in NODE_KINDS.items()}
VERDICT_LEVELS = {Verdict.HEALTHY: "ok", Verdict.DEGRADED: "warn", Verdict.DOWN: "bad", Verdict.UNKNOWN: "info"}
RESTART_SLACK = 30.0


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """uptime: seconds, as told at the moment `told_at`; None = never told."""

    state: NodeState
    since: datetime | None = None
    uptime: float | None = None
    told_at: float = 0.0
    connections: int | None = None

    def is_restart_of(self, before: NodeFacts) -> bool:
        """Whether the process began anew. Its uptime is told in whole seconds, some time before the look was over."""
        if self.uptime is None or before.uptime is None:
            return False
        shift = (self.told_at - self.uptime) - (before.told_at - before.uptime)
        return self.uptime < before.uptime - 1 or shift > RESTART_SLACK


@dataclass(frozen=True, slots=True)
class Facts:
    """What of a look is compared with the next.  codes: findings that are told, with how many slots or nodes.

    slots: leader and term by slot; None while no node told its slots.
    """

    verdict: Verdict | None = None
    nodes: Mapping[int, NodeFacts] = field(default_factory=dict)
    leader: int | None = None
    slots: Mapping[int, tuple[int, int]] | None = None
    codes: frozenset[str] = frozenset()
    shown: tuple[object, ...] = ()
    shown_slots: tuple[object, ...] = ()


@dataclass(frozen=True, slots=True)
class Changes:
    events: tuple[Event, ...]
    slots: tuple[SlotChange, ...]
    nouns: frozenset[str]


def facts_of(state: ClusterState, before: Facts) -> Facts:
    """What nobody tells at the moment stays as it was told last: silence is no change."""
    told = frozenset(finding.code for finding in state.findings) & TOLD
    return Facts(
        verdict=state.verdict,
        nodes={node.id: _node_facts(node, state.as_of, before.nodes.get(node.id)) for node in state.nodes if node.id},
        leader=state.leader or before.leader,
        slots=_newest_slots(state, before),
        codes=told if state.answering else told | before.codes,
        shown=(
            state.verdict, state.leader, state.config_version,
            tuple((finding.code, finding.level, finding.nodes, len(finding.slots)) for finding in state.findings),
            tuple((node.id, node.state, node.view.connections, node.slots_led) for node in state.nodes),
        ),
        shown_slots=tuple((slot.state, slot.leader, slot.term) for slot in state.slots),
    )  # fmt: skip


def _newest_slots(state: ClusterState, before: Facts) -> Mapping[int, tuple[int, int]] | None:
    """By the highest term: a view that is older than the one before is no news."""
    if not state.slots:
        return before.slots
    known = before.slots or {}
    now = {slot.id: (slot.leader, slot.term) for slot in state.slots}
    return {slot: max(it, known.get(slot, it), key=lambda one: one[1]) for slot, it in now.items()}


def _node_facts(node: NodeHealth, at: datetime, before: NodeFacts | None) -> NodeFacts:
    tells = node.answers and node.view.uptime is not None
    return NodeFacts(
        state=node.state,
        since=node.since,
        uptime=node.view.uptime if tells else before.uptime if before else None,
        told_at=at.timestamp() if tells else before.told_at if before else 0.0,
        connections=node.last.connections if node.last else None,
    )


def facts_from_rows(cluster: Cluster) -> Facts:
    """What was observed last before this process began, as far as our rows tell."""
    watch = Watch.objects.filter(pk=cluster.pk, looked_at__isnull=False).first()
    if watch is None:
        return Facts()
    leader = Event.objects.filter(cluster=cluster, kind="config_leader").order_by("-pk").first()
    return Facts(
        verdict=Verdict(watch.verdict),
        nodes=_nodes_from_rows(cluster),
        leader=leader.node if leader else None,
        slots=_slots_from_rows(cluster) or None,
        codes=_codes_from_rows(cluster),
    )


def _slots_from_rows(cluster: Cluster) -> dict[int, tuple[int, int]]:
    newest = SlotChange.objects.filter(cluster=cluster).values("slot").annotate(newest=Max("pk")).values("newest")
    return {row.slot: (row.leader, row.term) for row in SlotChange.objects.filter(pk__in=newest)}


def _nodes_from_rows(cluster: Cluster) -> dict[int, NodeFacts]:
    kinds = [kind for kind in events.KINDS if kind.startswith("node_") and kind != "node_restarted"]
    rows = Event.objects.filter(cluster=cluster, kind__in=kinds, node__isnull=False)
    newest = rows.values("node").annotate(newest=Max("pk")).values("newest")
    found = Event.objects.filter(pk__in=newest).exclude(kind="node_left")
    return {row.node: NodeFacts(STATE_OF_KIND.get(row.kind, NodeState.OK), row.at) for row in found if row.node}


def _codes_from_rows(cluster: Cluster) -> frozenset[str]:
    """Findings whose beginning is newer than their end."""
    kinds = [*TOLD, *(f"{code}_over" for code in TOLD)]
    rows = Event.objects.filter(cluster=cluster, kind__in=kinds).values("kind").annotate(newest=Max("pk"))
    last = {row["kind"]: row["newest"] for row in rows}
    return frozenset(code for code in TOLD if last.get(code, 0) > last.get(f"{code}_over", 0))


def between(cluster: Cluster, before: Facts, now: Facts, state: ClusterState) -> Changes:
    found = _Comparison(cluster, before, now, state)
    return found.changes()


class _Comparison:
    def __init__(self, cluster: Cluster, before: Facts, now: Facts, state: ClusterState) -> None:
        self.cluster, self.before, self.now, self.state = cluster, before, now, state
        self.events: list[Event] = []
        self.slots: list[SlotChange] = []

    def changes(self) -> Changes:
        if self.before.verdict is None:
            self._tell("watch_began", nodes=len(self.state.nodes), slots=len(self.state.slots))
        self._nodes()
        self._leader()
        self._slots()
        self._findings()
        if self.before.verdict not in (None, self.now.verdict):
            cause = self.state.cause
            self._tell("verdict", level=VERDICT_LEVELS[self.state.verdict], before=str(self.before.verdict),
                       after=str(self.state.verdict), cause=cause.code if cause else "")  # fmt: skip
        nouns = set()
        if self.events:
            nouns |= {"events", "overview"}
        if self.before.shown != self.now.shown:
            nouns |= {"overview", "nodes"}
        if self.slots or self.before.shown_slots != self.now.shown_slots:
            nouns |= {"slots", "overview"}
        return Changes(tuple(self.events), tuple(self.slots), frozenset(nouns))

    def _tell(
        self, kind: str, *, level: str = "", node: int | None = None, slot: int | None = None, **params: object
    ) -> None:
        self.events.append(
            events.made(self.cluster, kind, at=self.state.as_of, level=level, node=node, slot=slot, **params)
        )

    def _nodes(self) -> None:
        all_known = bool(self.before.shown)  # rows tell only of nodes that something happened to
        for node, facts in self.now.nodes.items():
            was = self.before.nodes.get(node)
            if was is None and all_known and facts.state is NodeState.OK:
                self._tell("node_joined", node=node)
            elif facts.state is not (was.state if was else NodeState.OK):
                self._node_changed(node, was, facts)
            if was and facts.is_restart_of(was):
                self._tell("node_restarted", node=node)
        if self.state.answering:  # else nobody tells who there is
            for node in set(self.before.nodes) - set(self.now.nodes):
                self._tell("node_left", node=node)

    def _node_changed(self, node: int, was: NodeFacts | None, facts: NodeFacts) -> None:
        shown = self.state.node(node)
        if facts.state is NodeState.SILENT:
            reason = shown.view.error if shown else ""
            self._tell("node_silent", node=node, reason=reason, connections=was.connections if was else None)
        elif kind := NODE_KINDS.get(facts.state):
            self._tell(kind, node=node)
        elif was is None or was.state is NodeState.BEHIND or facts.state is NodeState.BEHIND:
            return
        elif was.state in (NodeState.JOINING, NodeState.JOIN_STUCK):
            self._tell("node_joined", node=node)
        elif was.state is NodeState.CALLED_OFFLINE:
            self._tell("node_online", node=node)
        else:
            away = (self.state.as_of - was.since).total_seconds() if was.since else None
            self._tell("node_back", node=node, seconds=round(away) if away is not None else None)

    def _leader(self) -> None:
        after = self.now.leader
        if after and after != self.before.leader and self.before.leader:
            self._tell("config_leader", node=after, before=self.before.leader)

    def _slots(self) -> None:
        if self.now.slots is None:
            return
        known = self.before.slots or {}
        moved: list[tuple[int, int, int]] = []
        for slot, (leader, term) in self.now.slots.items():
            was = known.get(slot)
            if was == (leader, term) or (was and term < was[1]):  # an older view is no news
                continue
            self.slots.append(
                SlotChange(cluster=self.cluster, slot=slot, leader=leader, before=was[0] if was else None, term=term,
                           at=self.state.as_of)
            )  # fmt: skip
            if was and was[0] != leader:
                moved.append((slot, was[0], leader))
        if len(moved) == 1:
            slot, source, target = moved[0]
            self._tell("slot_leader", slot=slot, node=target or None, before=source, after=target)
        elif moved:
            sources = {source for _, source, _ in moved}
            only = sources.pop() if len(sources) == 1 else None
            self._tell("slot_leaders", count=len(moved), node=only, before=only)

    def _findings(self) -> None:
        for code in sorted(self.now.codes - self.before.codes):
            finding = self.state.finding(code)
            assert finding is not None
            nodes = finding.nodes
            self._tell(
                code, level=_level(code, str(finding.level)), node=nodes[0] if len(nodes) == 1 else None,
                nodes=list(nodes[:10]), count=len(finding.slots), slots=list(finding.slots[:10]), **finding.params,
            )  # fmt: skip
        if self.state.answering:
            for code in sorted(self.before.codes - self.now.codes):
                self._tell(f"{code}_over")


def _level(code: str, level: str) -> str:
    return events.KINDS[code] if level == "note" else level
