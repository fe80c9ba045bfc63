"""Slots as pages and the API show them: their state by the last look, what is written to them, who led them before."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from django.db.models import QuerySet
from django.utils import timezone

from imadmin.accounts.permissions import Permission
from imadmin.clusters.access import Scope
from imadmin.core import paging
from imadmin.core.aio import run
from imadmin.core.errors import AppError, InvalidInput, NotFound, gettext_noop
from imadmin.gateway import moving
from imadmin.gateway.node_types import SlotReplica
from imadmin.gateway.types import NodeView, PendingSlot, SlotView
from imadmin.monitor import events, watch
from imadmin.monitor import writes as slot_writes
from imadmin.monitor.events import EventFilter, EventRow
from imadmin.monitor.health_types import ClusterState, Finding, NodeHealth, SlotHealth, SlotState
from imadmin.monitor.models import SlotChange
from imadmin.monitor.sample_models import WHOLE, Hour, Minute
from imadmin.monitor.writes import Writes

KEPT_DAYS = 30
PAGE = 50
EVENTS = 20
PROXY = 1
JOINED = 3
WORST_FIRST = {state: place for place, state in enumerate(SlotState)}

NO_SLOT = gettext_noop("This cluster has no such slot")
NOT_NOW = gettext_noop("No node tells its slots at the moment")
SILENT = gettext_noop("The node doesn't answer")
NOBODY_LEADS = gettext_noop("No node leads the configuration at the moment, so no slot can move")
PENDING = gettext_noop("A move of this slot is under way already.")


@dataclass(frozen=True, slots=True)
class Share:
    """How many slots a node leads and holds.  before: led a day ago, None when that can't be told."""

    node: int
    led: int
    held: int
    answers: bool
    before: int | None = None


@dataclass(frozen=True, slots=True)
class SlotsView:
    """state: of the whole cluster, slots () when nobody tells.  fair: slots that each node would lead, were all alike.

    wanted: copies of each slot as configured, None when nobody ever told.
    """

    state: ClusterState
    writes: Writes
    shares: tuple[Share, ...]
    fair: float | None
    changes_in_a_day: int
    wanted: int | None

    @property
    def counts(self) -> Counter[SlotState]:
        return Counter(slot.state for slot in self.state.slots)

    @property
    def unhealthy(self) -> tuple[SlotHealth, ...]:
        """Worst first."""
        found = [slot for slot in self.state.slots if slot.state is not SlotState.OK]
        return tuple(sorted(found, key=lambda slot: (WORST_FIRST[slot.state], -(slot.lag or 0), slot.id)))

    @property
    def blocked(self) -> str:
        """Why no slot at all can move just now; "" = they can."""
        return why_none_moves(self.state)

    @property
    def fewest_live(self) -> int | None:
        return min((len(slot.live) for slot in self.state.slots), default=None)


@dataclass(frozen=True, slots=True)
class Copy:
    """A node's copy of a slot.  told: its own words.  last_index: also from the last look; behind: the leader, now."""

    node: int
    is_leader: bool
    is_learner: bool
    is_live: bool
    told: SlotReplica | None
    last_index: int | None
    behind: int | None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Goal:
    """A move that might be asked for.  why, params: why it can't be; "" = it can.  behind: what it lacks of the log."""

    source: int
    node: int
    why: str = ""
    params: tuple[tuple[str, int], ...] = ()
    behind: int | None = None

    @property
    def is_possible(self) -> bool:
        return not self.why


@dataclass(frozen=True, slots=True)
class OneSlot:
    """leads: nodes its leader may move to.  holds: nodes a copy may move to.  findings: what is said of this slot."""

    state: ClusterState
    slot: SlotHealth
    copies: tuple[Copy, ...]
    per_minute: float | None
    pending: PendingSlot | None
    leads: tuple[Goal, ...]
    holds: tuple[Goal, ...]
    findings: tuple[Finding, ...]
    changes: tuple[SlotChange, ...]
    events: tuple[EventRow, ...]


@dataclass(frozen=True, slots=True)
class Day:
    """Leader changes of a day in the reader's zone; None = nobody watched."""

    day: date
    changes: int | None


@dataclass(frozen=True, slots=True)
class History:
    rows: tuple[SlotChange, ...]
    next_cursor: str


def overview(scope: Scope) -> SlotsView:
    """All slots by the last look; asked now when that is old."""
    scope.require(Permission.VIEW)
    state = watch.state(scope)
    day_ago = state.as_of - timedelta(days=1)
    lately = _changes(scope).filter(at__gte=day_ago)
    changed = list(lately.order_by("at", "id").values_list("slot", "before"))
    before = _led_before(state, changed)
    able = [node for node in state.nodes if node.role != PROXY and node.online_by_cluster and node.answers]
    return SlotsView(
        state=state,
        writes=slot_writes.writes(scope.cluster.pk, state),
        shares=_shares(state, before),
        fair=len(state.slots) / len(able) if able and state.slots else None,
        changes_in_a_day=len(changed),
        wanted=state.config.replica_count if state.config else None,
    )


def one(scope: Scope, slot_id: int, *, among: SlotsView | None = None) -> OneSlot:
    """One slot; each living node that holds it is asked for its own log positions now.  Raises NotFound.

    among: all of them, where they are known already.
    """
    scope.require(Permission.VIEW)
    state = among.state if among else watch.state(scope)
    writes = among.writes if among else slot_writes.writes(scope.cluster.pk, state)
    slot = state.slot(slot_id)
    if slot is None:
        raise NotFound(NO_SLOT if state.slots else NOT_NOW)
    pending = _pending(state, slot_id)
    changes = SlotChange.objects.filter(cluster=scope.cluster, slot=slot_id).order_by("-at", "-id")
    return OneSlot(
        state=state,
        slot=slot,
        copies=_copies(scope, state, slot, pending),
        per_minute=writes.per_minute.get(slot_id),
        pending=pending,
        leads=_goals(state, slot, [(slot.leader, node) for node in slot.replicas if node != slot.leader], pending),
        holds=_goals(state, slot, _elsewhere(state, slot), pending),
        findings=tuple(finding for finding in state.findings if slot_id in finding.slots),
        changes=tuple(changes[:PAGE]),
        events=events.page(scope, EventFilter(slot=slot_id), limit=EVENTS).rows,
    )


def history(scope: Scope, slot_id: int, *, cursor: str = "", limit: int = PAGE) -> History:
    """Who led the slot, newest first, as long as we keep it.  Raises NotFound, InvalidInput (cursor)."""
    scope.require(Permission.VIEW)
    state = watch.state(scope)
    if state.slots and state.slot(slot_id) is None:
        raise NotFound(NO_SLOT)
    rows = SlotChange.objects.filter(cluster=scope.cluster, slot=slot_id).order_by("-id")
    if cursor:
        before = paging.decode_cursor(cursor, "before")["before"]
        if type(before) is not int:
            raise InvalidInput({"cursor": [paging.BROKEN_CURSOR]})
        rows = rows.filter(id__lt=before)
    found = tuple(rows[: limit + 1])
    after = paging.encode_cursor(before=found[limit - 1].pk) if len(found) > limit else ""
    return History(found[:limit], after)


def days(scope: Scope, *, count: int = KEPT_DAYS, now: datetime | None = None) -> tuple[Day, ...]:
    """Leader changes a day in the reader's zone, oldest first; a day without any sample of ours is unknown."""
    scope.require(Permission.VIEW)
    zone = timezone.get_current_timezone()
    today = (now or datetime.now(UTC)).astimezone(zone).date()
    wanted = [today - timedelta(days=back) for back in range(count - 1, -1, -1)]
    start = datetime.combine(wanted[0], datetime.min.time(), zone)
    times = _changes(scope).filter(at__gte=start).values_list("at", flat=True)
    counted = Counter(at.astimezone(zone).date() for at in times)
    watched = _watched_days(scope, start) | set(counted)
    return tuple(Day(day, counted[day] if day in watched else None) for day in wanted)


def _changes(scope: Scope) -> QuerySet[SlotChange]:
    """Without the first row of each slot, which only says who led it when watching began."""
    return SlotChange.objects.filter(cluster=scope.cluster, before__isnull=False)


def _watched_days(scope: Scope, start: datetime) -> set[date]:
    """Days in which we sampled the cluster at all."""
    zone = timezone.get_current_timezone()
    ours = {"cluster": scope.cluster, "node": WHOLE}
    hours = Hour.objects.filter(**ours, hour__gte=int(start.timestamp()) // 3600).values_list("hour", flat=True)
    newest = Minute.objects.filter(**ours).order_by("-minute").values_list("minute", flat=True).first()
    seen = [hour * 3600 for hour in hours] + ([newest * 60] if newest is not None else [])
    return {datetime.fromtimestamp(second, UTC).astimezone(zone).date() for second in seen}


def _led_before(state: ClusterState, changed: list[tuple[int, int | None]]) -> Counter[int] | None:
    """Who led how many a day ago: today's leaders, each slot's first change taken back.  None when nothing changed."""
    if not changed or not state.slots:
        return None
    first: dict[int, int | None] = {}
    for slot, before in changed:
        first.setdefault(slot, before)
    return Counter(first.get(slot.id) or slot.leader for slot in state.slots)


def _shares(state: ClusterState, before: Counter[int] | None) -> tuple[Share, ...]:
    led = Counter(slot.leader for slot in state.slots)
    held = Counter(node for slot in state.slots for node in slot.replicas)
    return tuple(
        Share(node.id, led[node.id], held[node.id], node.answers, before[node.id] if before is not None else None)
        for node in state.nodes
        if node.id and (node.role != PROXY or led[node.id])
    )


def _pending(state: ClusterState, slot_id: int) -> PendingSlot | None:
    waiting = state.config.pending if state.config else ()
    return next((move for move in waiting if move.id == slot_id), None)


def _copies(scope: Scope, state: ClusterState, slot: SlotHealth, pending: PendingSlot | None) -> tuple[Copy, ...]:
    learners = tuple(node for node in (pending.learners if pending else ()) if node not in slot.replicas)
    holders = (*slot.replicas, *learners)
    living = {node.id for node in state.answering}
    told = _told(scope, slot.id, [node for node in holders if node in living])
    known = dict(slot.logs) | {node: one.last_index for node, one in told.items() if one.last_index is not None}
    ahead = known.get(slot.leader)
    return tuple(
        Copy(
            node=node,
            is_leader=node == slot.leader,
            is_learner=node in learners,
            is_live=node in slot.live or (node in learners and node in living),
            told=told.get(node),
            last_index=known.get(node),
            behind=None if ahead is None or node not in known else max(0, ahead - known[node]),
            error=told[node].error if node in told else _why_silent(state.node(node)),
        )
        for node in sorted(holders, key=lambda node: (node != slot.leader, node))
    )


def _told(scope: Scope, slot_id: int, nodes: list[int]) -> dict[int, SlotReplica]:
    try:
        found = run(scope.gateway.slot_replicas(slot_id, nodes))
    except AppError as error:
        return {node: SlotReplica(node, answers=False, error=error.message) for node in nodes}
    return {one.node: one for one in found}


def _why_silent(node: NodeHealth | None) -> str:
    return (node.view.error if node else "") or SILENT


def _elsewhere(state: ClusterState, slot: SlotHealth) -> list[tuple[int, int]]:
    """Copies that might move to nodes without one; the leader's own copy last, as that costs an election."""
    others = [node.id for node in state.nodes if node.id and node.role != PROXY and node.id not in slot.replicas]
    sources = sorted(slot.replicas, key=lambda node: (node == slot.leader, node in slot.live, node))
    return [(source, node) for source in sources for node in others]


def _goals(
    state: ClusterState, slot: SlotHealth, moves: list[tuple[int, int]], pending: PendingSlot | None
) -> tuple[Goal, ...]:
    """Each move with why it can't be asked for, by the rules that the gateway refuses by."""
    views = _views_of(state, slot)
    logs = dict(slot.logs)
    found = []
    for source, node in moves:
        why = moving.why_no_move(views, slot.id, source, node)
        if not why and (blocked := why_none_moves(state)):
            why = (blocked, {})
        if pending and not why:
            why = (PENDING, {})
        behind = logs[slot.leader] - logs[node] if slot.leader in logs and node in logs else None
        found.append(Goal(source, node, *((why[0], tuple(why[1].items())) if why else ("", ())), behind=behind))
    return tuple(sorted(found, key=lambda goal: not goal.is_possible))


def why_none_moves(state: ClusterState) -> str:
    """Moves are taken by who leads the configuration; when nobody that answers does, none is."""
    return "" if any(node.view.is_leader for node in state.answering) else NOBODY_LEADS


def _views_of(state: ClusterState, slot: SlotHealth) -> tuple[NodeView, ...]:
    """The nodes' views with this slot alone in the freshest one: the state keeps no slots a node."""
    view = SlotView(slot.id, slot.leader, slot.term, slot.replicas, slot.log_index or 0, slot.status)
    views = tuple(node.view for node in state.nodes)
    freshest = max((one for one in views if one.answers), key=moving.freshness, default=None)
    return tuple(replace(one, slots=(view,) if one is freshest else ()) for one in views)
