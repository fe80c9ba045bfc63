"""Nodes and slots as the API tells them.  Numbers that are ids or can pass 2^53 are strings; null is unknown."""

from __future__ import annotations

from datetime import datetime

from django.utils.translation import gettext

from imadmin.api.schemas.common import Out, PartialOut
from imadmin.gateway.node_types import Latencies
from imadmin.monitor.health_types import SlotHealth
from imadmin.monitor.models import SlotChange
from imadmin.monitor.nodes import NodeRow, Passage
from imadmin.monitor.slots import Copy, Goal, OneSlot, Share


def text(number: int | None) -> str | None:
    return None if number is None else str(number)


class PassageOut(Out):
    """A step of a node that joins or is gone.  have, of: slots, where they are counted."""

    step: str
    is_done: bool
    is_now: bool
    have: int | None
    of: int | None

    @classmethod
    def of_step(cls, one: Passage) -> PassageOut:
        return cls(step=one.step.value, is_done=one.is_done, is_now=one.is_now, have=one.have, of=one.of)


class NodeOut(Out):
    """One node, asked directly.  null means unknown: it did not say.  uptime, latency, clock_offset: seconds.

    state: ok | silent | refused | called_offline | joining | join_stuck | behind.  memory: bytes.  cpu: cores in use.
    sends_per_second, confirms_per_second: from two readings of its metrics, null until there are two.
    behind: changes of the configuration it hasn't seen.  passage: its way in or out, empty when it simply runs.
    """

    id: str
    answers: bool
    state: str
    since: datetime
    is_leader: bool | None
    online_by_cluster: bool | None
    role: int | None
    connections: int | None
    open_sockets: int | None
    version: str | None
    uptime: float | None
    memory: int | None
    goroutines: int | None
    cpu: float | None
    retry_queue: int | None
    slots_led: int | None
    slots_held: int | None
    config_version: str | None
    behind: int | None
    term: str | None
    latency: float | None
    clock_offset: float | None
    sends_per_second: float | None
    confirms_per_second: float | None
    offline_count: int | None
    last_seen: datetime | None
    is_stuck: bool
    passage: list[PassageOut]
    error: str = ""

    @classmethod
    def of(cls, row: NodeRow) -> NodeOut:
        node, view, rates = row.health, row.health.view, row.rates
        return cls(
            id=str(node.id),
            answers=node.answers,
            state=node.state.value,
            since=node.since,
            is_leader=node.is_config_leader,
            online_by_cluster=node.online_by_cluster,
            role=node.role,
            connections=view.connections,
            open_sockets=row.open_sockets,
            version=view.version,
            uptime=row.uptime,
            memory=row.memory,
            goroutines=view.goroutines,
            cpu=rates.cpu_seconds if rates else None,
            retry_queue=view.retry_queue,
            slots_led=node.slots_led,
            slots_held=node.slots_held,
            config_version=text(view.config_version),
            behind=row.behind,
            term=text(view.term),
            latency=view.latency,
            clock_offset=view.clock_offset,
            sends_per_second=rates.sends if rates else None,
            confirms_per_second=rates.recvacks if rates else None,
            offline_count=node.offline_count,
            last_seen=node.last_seen,
            is_stuck=row.is_stuck,
            passage=[PassageOut.of_step(one) for one in row.passage],
            error=gettext(view.error) if view.error else "",
        )


class NodesOut(Out):
    """partial: the nodes that are missing."""

    items: list[NodeOut]
    partial: list[PartialOut]
    as_of: datetime


class LatencyOut(Out):
    """Since the node's start.  within_ms: upper bound in ms -> how many took at most that; "inf" is all of them."""

    count: int
    sum_ms: float
    mean_ms: float | None
    within_ms: dict[str, int]

    @classmethod
    def of(cls, found: Latencies | None) -> LatencyOut | None:
        if found is None:
            return None
        within = {f"{bound:g}": held for bound, held in found.buckets}
        return cls(count=found.count, sum_ms=found.sum_ms, mean_ms=found.mean_ms, within_ms=within)


class MetricsOut(Out):
    """A node's own counters, from the metrics text of its manager API.  answers false: it told none, error says why.

    counters: since started_at; per_second: of the last readings, empty until there are two; null = not in its text.
    """

    node: str
    answers: bool
    error: str
    as_of: datetime
    started_at: datetime | None
    figures: dict[str, float | None]
    counters: dict[str, float | None]
    per_second: dict[str, float | None]
    channel_propose: LatencyOut | None
    slot_propose: LatencyOut | None


class SlotOut(Out):
    """state: the worst of problems, ok | no_quorum | leaderless | electing | moving | lagging | under_replicated.

    leader: "0" = nobody.  term: number of leader changes.  lag: entries the worst running replica lacks; 0-2 is normal.
    log_index: of the leader's own copy.  per_minute: entries written, null until two looks are there.
    """

    id: int
    state: str
    problems: list[str]
    leader: str
    term: str
    replicas: list[str]
    live: list[str]
    lag: int | None
    log_index: str | None
    per_minute: float | None

    @classmethod
    def of(cls, slot: SlotHealth, per_minute: float | None) -> SlotOut:
        return cls(
            id=slot.id,
            state=slot.state.value,
            problems=[problem.value for problem in slot.problems],
            leader=str(slot.leader),
            term=str(slot.term),
            replicas=[str(node) for node in slot.replicas],
            live=[str(node) for node in slot.live],
            lag=slot.lag,
            log_index=text(slot.log_index),
            per_minute=per_minute,
        )


class ShareOut(Out):
    node: str
    led: int
    held: int

    @classmethod
    def of(cls, share: Share) -> ShareOut:
        return cls(node=str(share.node), led=share.led, held=share.held)


class SlotsOut(Out):
    """counts: slots by state, of all of them.  fair_share: what each node that answers would lead."""

    items: list[SlotOut]
    next_cursor: str
    total: int
    counts: dict[str, int]
    shares: list[ShareOut]
    fair_share: float | None
    partial: list[PartialOut]
    as_of: datetime


class CopyOut(Out):
    """A replica of a slot, asked itself.  behind: entries it lacks of the leader's log."""

    node: str
    is_leader: bool
    is_learner: bool
    is_live: bool
    last_index: str | None
    committed_index: str | None
    applied_index: str | None
    behind: int | None
    error: str

    @classmethod
    def of(cls, copy: Copy) -> CopyOut:
        return cls(
            node=str(copy.node),
            is_leader=copy.is_leader,
            is_learner=copy.is_learner,
            is_live=copy.is_live,
            last_index=text(copy.last_index),
            committed_index=text(copy.told.committed_index if copy.told else None),
            applied_index=text(copy.told.applied_index if copy.told else None),
            behind=copy.behind,
            error=gettext(copy.error) if copy.error else "",
        )


class GoalOut(Out):
    """A move that could be planned, or why it can't be."""

    source: str
    target: str
    is_possible: bool
    why: str

    @classmethod
    def of(cls, goal: Goal) -> GoalOut:
        why = gettext(goal.why) % dict(goal.params) if goal.why else ""
        return cls(source=str(goal.source), target=str(goal.node), is_possible=goal.is_possible, why=why)


class SlotDetailOut(SlotOut):
    """copies: each replica and learner.  leader_moves, replica_moves: from where to where it could move."""

    copies: list[CopyOut]
    leader_moves: list[GoalOut]
    replica_moves: list[GoalOut]
    partial: list[PartialOut]
    as_of: datetime

    @classmethod
    def of_one(cls, one: OneSlot, partial: list[PartialOut]) -> SlotDetailOut:
        return cls(
            **SlotOut.of(one.slot, one.per_minute).model_dump(),
            copies=[CopyOut.of(copy) for copy in one.copies],
            leader_moves=[GoalOut.of(goal) for goal in one.leads],
            replica_moves=[GoalOut.of(goal) for goal in one.holds],
            partial=partial,
            as_of=one.state.as_of,
        )


class SlotChangeOut(Out):
    """leader: "0" = nobody.  before: null for the first that was seen."""

    at: datetime
    leader: str
    before: str | None
    term: str

    @classmethod
    def of(cls, row: SlotChange) -> SlotChangeOut:
        return cls(at=row.at, leader=str(row.leader), before=text(row.before), term=str(row.term))
