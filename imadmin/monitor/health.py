"""The health recipe (reference 5.9): what the nodes say, each asked itself, judged as one cluster.

`judge` is pure: the same views, the same look before, the same moment give the same state.  The server is never taken
at its word: a survivor of a lost quorum says all is well, and for six seconds after a death everybody says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from imadmin.gateway.contract import Gateway
from imadmin.gateway.errors import TimedOut
from imadmin.gateway.types import ConfigView, MemberView, NodeView, now
from imadmin.monitor.health_slots import JudgedSlots, judge_slots
from imadmin.monitor.health_types import (
    ClusterState,
    Finding,
    Level,
    Memory,
    NodeHealth,
    NodeState,
    SlotHealth,
    SlotState,
    Verdict,
)  # fmt: skip

__all__ = [
    "ClusterState", "Finding", "Level", "NodeHealth", "NodeState", "SlotHealth", "SlotState", "Verdict",
    "judge", "look",
]  # fmt: skip

SAMPLE_GAP = timedelta(seconds=1)  # two looks closer than this are one sample
LEADERLESS_AFTER = timedelta(seconds=10)
SPLIT_AFTER = timedelta(seconds=5)
LEADER_GONE_AFTER = timedelta(seconds=1.5)  # and seen in two samples
STUCK_AFTER = timedelta(seconds=60)
SKEW_SECONDS = 5.0
RETRIES_MATTER = 100
RETRY_SAMPLES = 3
SAME_STORY = timedelta(minutes=15)  # a verdict from before a longer gap may have changed and come back meanwhile
JOINED = 3
PROXY = 1
REFUSED_CODES = ("upstream_unauthorised", "upstream_forbidden")


async def look(gateway: Gateway, before: ClusterState | None = None, *, slug: str = "") -> ClusterState:
    """Ask every node now and judge what they say.  Never raises because of a node."""
    views = await gateway.node_views()
    if not any(view.answers for view in views) and any(view.error_code == TimedOut.code for view in views):
        # That all of them fall silent at once is more often our own breath that stopped: look again before saying so.
        views = await gateway.node_views()
    return judge(views, before, now(), slug=slug or (before.slug if before else ""))


def judge(views: Sequence[NodeView], before: ClusterState | None, at: datetime, *, slug: str = "") -> ClusterState:
    return _Look(_with_known(views, before), before, at, slug).state()


@dataclass(frozen=True, slots=True)
class Freshest:
    """The newest view among the answers: the highest config version, then the highest term."""

    version: int | None = None
    term: int | None = None
    members: dict[int, MemberView] = field(default_factory=dict)


class _Look:
    """One look being judged; collects findings and what the next look has to know."""

    def __init__(self, views: tuple[NodeView, ...], before: ClusterState | None, at: datetime, slug: str) -> None:
        self.views, self.before, self.at, self.slug = views, before, at, slug
        self.memory = before.memory if before else Memory()
        self.seen: dict[str, datetime] = {}
        self.counts: dict[str, int] = {}
        self.findings: list[Finding] = []
        sampled = self.memory.sampled_at
        self.is_new_sample = sampled is None or at - sampled >= SAMPLE_GAP
        self.answering = tuple(view for view in views if view.answers)
        self.freshest = _freshest(self.answering)
        self.live = frozenset(view.id for view in self.answering if self._is_online(view.id))
        told = next((view.config for view in self.answering if view.config), None)
        self.config = told or (before.config if before else None)
        self.config_as_of = at if told else before.config_as_of if before else None

    def state(self) -> ClusterState:
        nodes = tuple(self._node(view) for view in self.views)
        judged = self._slots()
        nodes = tuple(_with_slots(node, judged.slots) for node in nodes)
        self._nodes_found(nodes)
        leader = self._config_leader()
        self._slots_found(judged.slots)
        self._pending_found(judged.slots)
        self._views_found()
        self._figures_found()
        verdict = self._verdict(judged.slots)
        return ClusterState(
            slug=self.slug,
            as_of=self.at,
            verdict=verdict,
            since=self._verdict_since(verdict),
            findings=tuple(sorted(self.findings, key=_weight)),
            nodes=nodes,
            slots=judged.slots,
            leader=leader,
            config_version=self.freshest.version,
            term=self.freshest.term,
            config=self.config,
            config_as_of=self.config_as_of,
            memory=Memory(
                seen=self.seen,
                counts=self.counts,
                led=judged.led,
                retries=self._retries(),
                sampled_at=self.at if self.is_new_sample else self.memory.sampled_at,
            ),
        )

    # -- time ------------------------------------------------------------------------------------------------------

    def _since(self, name: str) -> datetime:
        """When this began, if it was so at the last look already; it is so now."""
        return self.seen.setdefault(name, self.memory.seen.get(name, self.at))

    def _count(self, name: str) -> int:
        """In how many samples in a row this has been so, this one included."""
        count = self.memory.counts.get(name, 0)
        return self.counts.setdefault(name, count + 1 if self.is_new_sample or not count else count)

    def _lasts(self, name: str, longer_than: timedelta) -> bool:
        return self.at - self._since(name) > longer_than

    def _find(
        self, code: str, level: Level, *, since: datetime | None = None,
        nodes: Iterable[int] = (), slots: Iterable[int] = (), **params: Any,
    ) -> None:  # fmt: skip
        self.findings.append(Finding(code, level, since or self._since(code), tuple(nodes), tuple(slots), params))

    # -- nodes -----------------------------------------------------------------------------------------------------

    def _is_online(self, node: int) -> bool:
        member = self.freshest.members.get(node)
        return member is not None and member.is_online

    def _node(self, view: NodeView) -> NodeHealth:
        member = self.freshest.members.get(view.id)
        known = self.before.node(view.id) if self.before else None
        state = self._node_state(view, member)
        bare = replace(view, members=(), slots=(), config=None) if view.answers else None
        return NodeHealth(
            id=view.id,
            state=state,
            since=self._since(f"node/{view.id}/{state}"),
            view=replace(view, slots=()),
            last_seen=self.at if view.answers else known.last_seen if known else None,
            last=bare or (known.last if known else None),
            is_live=view.id in self.live,
            is_config_leader=member.is_leader if member else None,
            online_by_cluster=member.is_online if member else None,
            role=member.role if member else known.role if known else None,
            status=member.status if member else known.status if known else None,
            cluster_address=member.cluster_address if member else known.cluster_address if known else "",
            offline_count=member.offline_count if member else None,
        )

    def _node_state(self, view: NodeView, member: MemberView | None) -> NodeState:
        has_no_door_yet = member is not None and member.status != JOINED and not view.api_url
        if not view.answers and not has_no_door_yet:  # before it joined the cluster knows no API address of a node
            return NodeState.REFUSED if view.error_code in REFUSED_CODES else NodeState.SILENT
        if member and member.status != JOINED:
            return NodeState.JOIN_STUCK if self._lasts(f"joining/{view.id}", STUCK_AFTER) else NodeState.JOINING
        if member and not member.is_online:
            return NodeState.CALLED_OFFLINE
        is_older = view.config_version is not None and view.config_version < (self.freshest.version or 0)
        if is_older and self._lasts(f"older/{view.id}", SPLIT_AFTER):
            return NodeState.BEHIND
        return NodeState.OK

    def _nodes_found(self, nodes: tuple[NodeHealth, ...]) -> None:
        by_state: dict[NodeState, list[NodeHealth]] = {}
        for node in nodes:
            by_state.setdefault(node.state, []).append(node)
        refused, silent = by_state.get(NodeState.REFUSED, []), by_state.get(NodeState.SILENT, [])
        if refused:
            all_refuse = not self.answering
            code = "all_refuse" if all_refuse else "refused"
            self._find(code, Level.BAD if all_refuse else Level.WARN, nodes=[node.id for node in refused])
        if silent and not self.answering and not refused:
            self._find("nobody_answers", Level.BAD, nodes=[node.id for node in silent if node.id], total=len(nodes),
                       reason=silent[0].view.error)  # fmt: skip
        elif silent:
            self._find(
                "silent", Level.WARN, since=min(node.since for node in silent),
                nodes=[node.id for node in silent], total=len(nodes), reason=silent[0].view.error,
                sessions=_sum(node.last.connections if node.last else None for node in silent),
            )  # fmt: skip
        offline = by_state.get(NodeState.CALLED_OFFLINE, [])
        if offline:
            self._find("called_offline", Level.WARN, since=min(node.since for node in offline),
                       nodes=[node.id for node in offline])  # fmt: skip

    def _config_leader(self) -> int | None:
        """Whom the answering nodes name; a finding when nobody does, or not the same one, in two samples."""
        if not self.answering:
            return None
        heard = [view for view in self.answering if view.id in self.live] or self.answering  # not who just comes back
        named = [_leader_of(view) for view in heard]
        leaders = {leader for leader in named if leader}
        is_agreed = len(leaders) == 1 and None not in named
        if is_agreed and leaders <= self.live:
            return leaders.pop()
        code = "leaders_disagree" if len(leaders) > 1 or (leaders and None in named) else "no_config_leader"
        count, since = self._count("no_leader"), self._since("no_leader")
        is_sure = count >= 2 and self.at - since >= LEADER_GONE_AFTER
        if is_sure and (not is_agreed or self.at - since > LEADERLESS_AFTER):  # they notice a dead one after 2 s
            self._find(code, Level.BAD, since=since, nodes=sorted(leaders))
        return next(iter(leaders)) if is_agreed else None

    # -- slots -----------------------------------------------------------------------------------------------------

    def _slots(self) -> JudgedSlots:
        told = [view for view in self.answering if view.slots]
        if not told:
            return JudgedSlots((), {})
        members = self.freshest.members.values()
        replicas = sum(member.role != PROXY and member.status == JOINED for member in members)
        wanted = min(self.config.replica_count, replicas) if self.config else 0
        return judge_slots(
            max(told, key=_freshness).slots, told, self.live,
            replica_count=wanted, config=self.config if self.config_as_of == self.at else None,
            led=self.memory.led, is_new_sample=self.is_new_sample,
        )  # fmt: skip

    def _slots_found(self, slots: tuple[SlotHealth, ...]) -> None:
        if self.answering and not slots:
            self._find("slots_unknown", Level.WARN)
        params: dict[str, Any] = {"total": len(slots)}

        def having(state: SlotState) -> list[SlotHealth]:
            return [slot for slot in slots if state in slot.problems]

        without_quorum = having(SlotState.NO_QUORUM)
        if without_quorum:
            self._find("no_quorum", Level.BAD, slots=[slot.id for slot in without_quorum], **params)
        lost = {slot.id for slot in without_quorum}
        leaderless = [slot for slot in having(SlotState.LEADERLESS) if slot.id not in lost]
        waited = [slot.id for slot in leaderless if self._lasts(f"leaderless/{slot.id}", LEADERLESS_AFTER)]
        if leaderless:
            self._find("leaderless", Level.BAD if waited else Level.WARN, slots=[slot.id for slot in leaderless],
                       long=len(waited), **params)  # fmt: skip
        for state in (SlotState.ELECTING, SlotState.LAGGING, SlotState.UNDER_REPLICATED):
            found = [slot.id for slot in having(state)]
            if found:
                self._find(str(state), Level.WARN, slots=found, **params)

    # -- what goes on ----------------------------------------------------------------------------------------------

    def _pending_found(self, slots: tuple[SlotHealth, ...]) -> None:
        joining = [member.id for member in self.freshest.members.values() if member.status != JOINED]
        if self.config and self.config_as_of == self.at:
            config = self.config
            group = {config.migrate_from, config.migrate_to, *config.learners} - {0}
            joining += sorted(group - set(joining))
        stuck = [node for node in joining if self._lasts(f"joining/{node}", STUCK_AFTER)]
        if joining:
            since = min(self._since(f"joining/{node}") for node in joining)
            code, level = ("join_stuck", Level.BAD) if stuck else ("joining", Level.WARN)
            self._find(code, level, since=since, nodes=stuck or joining)
        moving = [slot.id for slot in slots if SlotState.MOVING in slot.problems]
        if self.config_as_of != self.at:  # its leader doesn't tell now: what was pending goes on counting
            self._carry("moving/")
            self._carry("joining/")
        stuck_slots = [slot for slot in moving if self._lasts(f"moving/{slot}", STUCK_AFTER)]
        if stuck_slots:
            self._find("move_stuck", Level.WARN, slots=stuck_slots, nodes=_targets(self.config, stuck_slots))
        if rest := [slot for slot in moving if slot not in stuck_slots]:
            self._find("moving", Level.WARN, slots=rest, nodes=_targets(self.config, rest))

    def _carry(self, prefix: str) -> None:
        for name, since in self.memory.seen.items():
            if name.startswith(prefix):
                self.seen.setdefault(name, since)

    def _views_found(self) -> None:
        """Nodes that disagree on who leads a slot, or on the configuration's version."""
        versions = {view.config_version for view in self.answering if view.config_version is not None}
        opinions: dict[int, set[tuple[int, int]]] = {}
        for view in self.answering:
            for slot in view.slots:
                opinions.setdefault(slot.id, set()).add((slot.leader, slot.term))
        split = [slot for slot, opinion in opinions.items() if len(opinion) > 1]
        if (split or len(versions) > 1) and self._lasts("view_split", SPLIT_AFTER):
            behind = [v.id for v in self.answering if v.config_version is not None and v.config_version < max(versions)]
            self._find("view_split", Level.WARN, nodes=behind, slots=split)

    def _figures_found(self) -> None:
        skewed = [view for view in self.answering if abs(view.clock_offset or 0.0) > SKEW_SECONDS]
        if skewed:
            offsets = [view.clock_offset or 0.0 for view in skewed]
            is_ours = len(skewed) == len(self.answering) > 1 and max(offsets) - min(offsets) < SKEW_SECONDS
            self._find("own_clock" if is_ours else "clock_skew", Level.NOTE, nodes=[view.id for view in skewed],
                       seconds=max(offsets, key=abs))  # fmt: skip
        growing = [node for node, queue in self._retries().items() if _is_growing(queue)]
        if growing:
            total = _sum(view.retry_queue for view in self.answering)
            self._find("retry_growing", Level.WARN, nodes=growing, queued=total)
        no_manager = [view.id for view in self.answering if view.manager_answers is False]
        if no_manager:
            self._find("manager_silent", Level.NOTE, nodes=no_manager)
        if refused := [view.id for view in self.answering if view.sign_in_refused]:
            self._find("sign_in_refused", Level.NOTE, nodes=refused)
        partial = [view.id for view in self.answering if view.error and not view.slots]
        if partial and len(partial) < len(self.answering):
            self._find("view_missing", Level.WARN, nodes=partial)

    def _retries(self) -> dict[int, tuple[int, ...]]:
        found = {}
        for view in self.answering:
            if view.retry_queue is not None:
                before = self.memory.retries.get(view.id, ())
                grown = (*before, view.retry_queue)[-RETRY_SAMPLES:]
                found[view.id] = grown if self.is_new_sample or not before else before
        return found

    # -- the whole -------------------------------------------------------------------------------------------------

    def _verdict(self, slots: tuple[SlotHealth, ...]) -> Verdict:
        found = {finding.code: finding for finding in self.findings}
        if not self.views or "all_refuse" in found:
            return Verdict.UNKNOWN
        if not self.answering:
            return Verdict.DOWN
        lost = len(found["no_quorum"].slots) if "no_quorum" in found else 0
        lost += found["leaderless"].params["long"] if "leaderless" in found else 0
        if slots and lost * 2 > len(slots):
            return Verdict.DOWN
        if any(finding.level is not Level.NOTE for finding in self.findings):
            return Verdict.DEGRADED
        return Verdict.HEALTHY

    def _verdict_since(self, verdict: Verdict) -> datetime:
        before = self.before
        is_same = before is not None and before.verdict is verdict and self.at - before.as_of < SAME_STORY
        return before.since if before and is_same else self.at


# What explains the rest comes first; among the rest, what hurts most.
ORDER = (
    "all_refuse", "nobody_answers", "silent", "no_quorum", "leaderless", "no_config_leader", "leaders_disagree",
    "join_stuck", "refused", "called_offline", "move_stuck", "electing", "lagging", "retry_growing", "joining",
    "moving", "view_split", "view_missing", "slots_unknown", "under_replicated", "own_clock", "clock_skew",
    "manager_silent", "sign_in_refused",
)  # fmt: skip


def _weight(finding: Finding) -> int:
    return ORDER.index(finding.code)


def _with_known(views: Sequence[NodeView], before: ClusterState | None) -> tuple[NodeView, ...]:
    """While nobody tells who there is, the nodes of the look before are still the ones that are silent."""
    known = tuple(node for node in before.nodes if node.id) if before else ()
    if any(view.id for view in views) or not known:
        return tuple(views)
    reason = views[0] if views else None
    return tuple(
        NodeView(node.id, node.view.api_url, answers=False, error=reason.error if reason else "",
                 error_code=reason.error_code if reason else "")
        for node in known
    )  # fmt: skip


def _freshness(view: NodeView) -> tuple[int, int]:
    return (view.config_version or 0, view.term or 0)


def _freshest(answering: Sequence[NodeView]) -> Freshest:
    told = [view for view in answering if view.members]
    if not told:
        return Freshest()
    best = max(told, key=_freshness)
    return Freshest(best.config_version, best.term, {member.id: member for member in best.members})


def _leader_of(view: NodeView) -> int | None:
    """Whom this node takes for the config leader."""
    return next((member.id for member in view.members if member.is_leader), None)


def _with_slots(node: NodeHealth, slots: tuple[SlotHealth, ...]) -> NodeHealth:
    if not slots:
        return node
    led = sum(slot.leader == node.id for slot in slots)
    return replace(node, slots_led=led, slots_held=sum(node.id in slot.replicas for slot in slots))


def _targets(config: ConfigView | None, slots: Iterable[int]) -> list[int]:
    wanted = set(slots)
    return sorted({slot.target for slot in config.pending if slot.id in wanted} - {0}) if config else []


def _is_growing(queue: tuple[int, ...]) -> bool:
    steps: Callable[[int], bool] = lambda place: queue[place] < queue[place + 1]  # noqa: E731
    return len(queue) == RETRY_SAMPLES and queue[-1] >= RETRIES_MATTER and all(map(steps, range(RETRY_SAMPLES - 1)))


def _sum(values: Iterable[int | None]) -> int | None:
    told = [value for value in values if value is not None]
    return sum(told) if told else None
