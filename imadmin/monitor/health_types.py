"""What was concluded of a cluster by one look at it: verdict, findings, nodes, slots, and what the next look needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from imadmin.gateway.types import ConfigView, NodeView, SlotView, now

STALE_AFTER = timedelta(seconds=30)


class Verdict(StrEnum):
    HEALTHY = "healthy"
    DEGRADED = "degraded"
    DOWN = "down"  # nobody answers, or most slots can take nothing
    UNKNOWN = "unknown"  # nobody looked yet, or the nodes refuse us: nothing can be said


class Level(StrEnum):
    """How bad a finding is. NOTE: worth knowing, the cluster is healthy all the same."""

    BAD = "bad"
    WARN = "warn"
    NOTE = "note"


class NodeState(StrEnum):
    OK = "ok"
    SILENT = "silent"
    REFUSED = "refused"  # it answers, but refuses our token
    CALLED_OFFLINE = "called_offline"  # it answers us although the others call it offline
    JOINING = "joining"
    JOIN_STUCK = "join_stuck"
    BEHIND = "behind"  # its view of the cluster has been older than the others' for more than five seconds


class SlotState(StrEnum):
    """The worst that can be said of a slot; what stands first is worse."""

    NO_QUORUM = "no_quorum"
    LEADERLESS = "leaderless"
    ELECTING = "electing"
    MOVING = "moving"
    LAGGING = "lagging"
    UNDER_REPLICATED = "under_replicated"
    OK = "ok"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that isn't as it should be. code: a word of health_words.py; params fill its words.

    nodes, slots: which ones it is about.  since: first seen without a break.
    """

    code: str
    level: Level
    since: datetime
    nodes: tuple[int, ...] = ()
    slots: tuple[int, ...] = ()
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NodeHealth:
    """A node: what it says of itself (view), and what the freshest view believes of it; None = nobody says.

    since: of its state.  last_seen, last: when it last answered and what it said then (without members and slots).
    slots_led, slots_held: by the freshest view.  offline_count: by the freshest view, only ever grows.
    """

    id: int
    state: NodeState
    since: datetime
    view: NodeView
    last_seen: datetime | None = None
    last: NodeView | None = None
    is_live: bool = False
    is_config_leader: bool | None = None
    online_by_cluster: bool | None = None
    role: int | None = None
    status: int | None = None
    cluster_address: str = ""
    slots_led: int | None = None
    slots_held: int | None = None
    offline_count: int | None = None

    @property
    def answers(self) -> bool:
        return self.view.answers


@dataclass(frozen=True, slots=True)
class SlotHealth:
    """A slot by the freshest view. problems: all that is wrong with it, state is the worst of them.

    leader: 0 = nobody.  log_index: of the leader's own copy, None when the leader didn't tell.
    lag: entries the worst live replica is behind right now, 0-2 are normal; None when nobody can tell.
    logs: (node, index) of each copy that told.
    """

    id: int
    state: SlotState
    leader: int
    term: int
    replicas: tuple[int, ...]
    live: tuple[int, ...]
    status: int
    log_index: int | None = None
    lag: int | None = None
    logs: tuple[tuple[int, int], ...] = ()
    problems: tuple[SlotState, ...] = ()


@dataclass(frozen=True, slots=True)
class Memory:
    """What a look hands on to the next one, so that "for five seconds" and "in three samples" can be told.

    seen: when something began that still lasts, by a name for it.  counts: samples in a row.  led: the leader's log
    index in the last samples of slots with a replica behind, by slot and replica.  retries: a node's last retry queues.
    """

    seen: Mapping[str, datetime] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    led: Mapping[tuple[int, int], tuple[int, ...]] = field(default_factory=dict)
    retries: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    sampled_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ClusterState:
    """One look at a cluster.

    findings: worst and most explaining first; the cause is the first that isn't a note.  since: of the verdict.
    config: as its leader told it, now or (config_as_of) at an earlier look; None when it never did.
    leader: the config leader all answering nodes agree on, None when there is none.
    """

    slug: str
    as_of: datetime
    verdict: Verdict
    since: datetime
    findings: tuple[Finding, ...] = ()
    nodes: tuple[NodeHealth, ...] = ()
    slots: tuple[SlotHealth, ...] = ()
    leader: int | None = None
    config_version: int | None = None
    term: int | None = None
    config: ConfigView | None = None
    config_as_of: datetime | None = None
    memory: Memory = field(default_factory=Memory)

    @property
    def cause(self) -> Finding | None:
        return next((finding for finding in self.findings if finding.level is not Level.NOTE), None)

    @property
    def cause_code(self) -> str:
        return self.cause.code if self.cause else ""

    @property
    def level(self) -> str:
        """ok | warn | bad | unknown: the worst there is."""
        if self.verdict is Verdict.UNKNOWN:
            return "unknown"
        levels = {finding.level for finding in self.findings}
        return "bad" if Level.BAD in levels else "warn" if Level.WARN in levels else "ok"

    @property
    def answering(self) -> tuple[NodeHealth, ...]:
        return tuple(node for node in self.nodes if node.answers)

    @property
    def silent(self) -> tuple[NodeHealth, ...]:
        return tuple(node for node in self.nodes if not node.answers)

    def node(self, node_id: int) -> NodeHealth | None:
        return next((node for node in self.nodes if node.id == node_id), None)

    def slot(self, slot_id: int) -> SlotHealth | None:
        return next((slot for slot in self.slots if slot.id == slot_id), None)

    def finding(self, code: str) -> Finding | None:
        return next((finding for finding in self.findings if finding.code == code), None)

    def slots_in(self, state: SlotState) -> tuple[SlotHealth, ...]:
        return tuple(slot for slot in self.slots if slot.state is state)

    def is_stale(self, at: datetime | None = None) -> bool:
        return (at or now()) - self.as_of > STALE_AFTER


__all__ = [
    "ClusterState", "Finding", "Level", "Memory", "NodeHealth", "NodeState", "SlotHealth", "SlotState", "SlotView",
    "Verdict",
]  # fmt: skip
