"""How a cluster is, and what happened to it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from imadmin.api.schemas.common import Out, PartialOut
from imadmin.monitor import event_words, health_words
from imadmin.monitor.events import EventRow
from imadmin.monitor.health_types import ClusterState, Finding, NodeHealth, SlotState


class FindingOut(Out):
    """level: bad | warn | note (worth knowing, no fault).  since: seen without a break since then."""

    code: str
    level: str
    since: datetime
    title: str
    cause: str
    effect: str
    help: str
    nodes: list[str]
    slots: list[int]

    @classmethod
    def of(cls, finding: Finding, state: ClusterState) -> "FindingOut":
        said = health_words.words(finding, state)
        return cls(
            code=finding.code,
            level=finding.level.value,
            since=finding.since,
            title=said.title,
            cause=said.cause,
            effect=said.effect,
            help=said.help,
            nodes=[str(node) for node in finding.nodes],
            slots=list(finding.slots),
        )


class NodeStateOut(Out):
    """state: ok | silent | refused | called_offline | joining | join_stuck | behind.

    online_by_cluster: by the newest view, wrong for some seconds.  id: "0" for an address that never told.
    """

    id: str
    state: str
    since: datetime
    answers: bool
    online_by_cluster: bool | None
    is_leader: bool | None
    last_seen: datetime | None
    connections: int | None
    slots_led: int | None
    slots_held: int | None
    retry_queue: int | None
    config_version: str | None
    clock_offset: float | None
    error: str

    @classmethod
    def of(cls, node: NodeHealth, reason: str) -> "NodeStateOut":
        view = node.view
        return cls(
            id=str(node.id),
            state=node.state.value,
            since=node.since,
            answers=node.answers,
            online_by_cluster=node.online_by_cluster,
            is_leader=node.is_config_leader,
            last_seen=node.last_seen,
            connections=view.connections,
            slots_led=node.slots_led,
            slots_held=node.slots_held,
            retry_queue=view.retry_queue,
            config_version=None if view.config_version is None else str(view.config_version),
            clock_offset=view.clock_offset,
            error=reason,
        )


class HealthOut(Out):
    """verdict: healthy | degraded | down | unknown.  level: ok | warn | bad | unknown.  cause: a finding's code, or "".

    findings: what explains the rest comes first.  slots: how many are in each state, null while nobody tells.
    partial: the nodes that said nothing.
    """

    verdict: str
    level: str
    since: datetime
    cause: str
    title: str
    summary: str
    effect: str
    help: str
    findings: list[FindingOut]
    nodes: list[NodeStateOut]
    slots: dict[str, int] | None
    leader: str | None
    config_version: str | None
    term: int | None
    partial: list[PartialOut]
    as_of: datetime

    @classmethod
    def of(cls, state: ClusterState, reasons: Mapping[int, str]) -> "HealthOut":
        said = health_words.headline(state)
        silent = [node for node in state.silent if node.id]
        return cls(
            verdict=state.verdict.value,
            level=state.level,
            since=state.since,
            cause=state.cause_code,
            title=said.title,
            summary=said.summary,
            effect=said.effect,
            help=said.help,
            findings=[FindingOut.of(finding, state) for finding in state.findings],
            nodes=[NodeStateOut.of(node, reasons.get(node.id, "")) for node in state.nodes],
            slots={one.value: len(state.slots_in(one)) for one in SlotState} if state.slots else None,
            leader=None if state.leader is None else str(state.leader),
            config_version=None if state.config_version is None else str(state.config_version),
            term=state.term,
            partial=[
                PartialOut(node=str(node.id), reason=reasons.get(node.id, ""), code=node.view.error_code)
                for node in silent
            ],
            as_of=state.as_of,
        )


class EventOut(Out):
    """kind: a stable word.  level: ok | info | warn | bad.  params: what the title was made from."""

    id: str
    at: datetime
    kind: str
    level: str
    node: str | None
    slot: int | None
    title: str
    detail: str
    params: dict[str, Any]

    @classmethod
    def of(cls, row: EventRow) -> "EventOut":
        said = event_words.words(row)
        return cls(
            id=str(row.id),
            at=row.at,
            kind=row.kind,
            level=row.level,
            node=None if row.node is None else str(row.node),
            slot=row.slot,
            title=said.title,
            detail=said.detail,
            params=dict(row.params),
        )
