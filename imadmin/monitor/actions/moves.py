"""Planning to move leaders and copies of slots, with the checks the server leaves out.  Carried out by move_run.py."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from imadmin.accounts.permissions import Permission
from imadmin.clusters.access import Scope
from imadmin.core.aio import run
from imadmin.core.errors import Conflict, InvalidInput, Unsupported, gettext_noop
from imadmin.gateway import moving
from imadmin.gateway.capabilities import Capability
from imadmin.gateway.errors import Unreachable
from imadmin.gateway.types import ConfigView, NodeView, SlotView
from imadmin.monitor.actions import drafts
from imadmin.monitor.models import Operation

Move = tuple[int, int, int]  # slot, from (0 = whoever leads it), to
Views = tuple[NodeView, ...]

MOST_MOVES = 1024
LEFT_OUT_SHOWN = 100
LAGS_ABOVE = 50  # log entries that a copy may lack before it is said

TWICE = gettext_noop("Slot %(slot)s is in the plan already; it can move once.")
PENDING = gettext_noop("Slot %(slot)s moves already, from node %(source)s to node %(target)s. Wait until that is over.")
NO_LEADER = gettext_noop("Slot %(slot)s has no leader at the moment.")
LEADERLESS_CONFIG = gettext_noop("No node leads the configuration at the moment, so no slot can move")
BALANCED = gettext_noop("The leaders are as even as they can be: no move would make them more even.")
CANT = gettext_noop("This kind of server can't move slots.")
NOBODY_TELLS = gettext_noop("No node tells its slots at the moment")
TWO_AT_ONCE = gettext_noop("Other slots are being moved just now. One move at a time; wait until that is over.")


def plan(scope: Scope, moves: Iterable[Move], *, described_as: str = "") -> Operation:
    """What these moves would do.  Nothing is sent; moves that must not be asked for are left out, with the reason.

    Raises Forbidden, Unsupported, InvalidInput (`slot`: why none of them can be), GatewayError when no node tells.
    """
    return _plan(scope, list(moves)[:MOST_MOVES], look(scope), described_as)


def balance(scope: Scope) -> Operation:
    """A plan that brings the leaders a node near the fair share by as few transfers as it takes.  Raises as `plan`."""
    views = look(scope)
    moves = even_moves(views)
    if not moves:
        raise InvalidInput({"slot": [BALANCED]}, BALANCED)
    return _plan(scope, moves, views, "balance")


def look(scope: Scope) -> Views:
    """What every node says of the slots.  Raises Forbidden, Unsupported, Unreachable."""
    scope.require(Permission.OPERATE_CLUSTER)
    if Capability.MOVE_SLOTS not in scope.gateway.capabilities:
        raise Unsupported(CANT)
    views = run(scope.gateway.node_views(slots=True))
    if moving.freshest(views) is None:
        raise Unreachable(NOBODY_TELLS, operation="node_views")
    if not any(view.is_leader for view in views if view.answers):
        raise Unreachable(LEADERLESS_CONFIG, operation="node_views")
    return views


def refuse_second(mine: Operation) -> None:
    """Raises Conflict while other moves of the cluster are under way.  Again inside the transaction that begins one."""
    under_way = (Operation.State.QUEUED, Operation.State.RUNNING)
    others = Operation.objects.filter(cluster_id=mine.cluster_id, kind=drafts.MOVE, state__in=under_way)
    if others.exclude(pk=mine.pk).exists():
        raise Conflict(TWO_AT_ONCE)


def check(scope: Scope, draft: Operation) -> None:
    """Raises PlanMoved when a slot of the plan has another leader, term or other copies by now; Conflict."""
    refuse_second(draft)
    views = look(scope)
    keys = list(draft.targets.order_by("position").values_list("key", flat=True))
    slots = {key["slot"]: moving.slot_of(views, key["slot"]) for key in keys}
    moves = [(key["slot"], 0 if key["is_transfer"] else key["from"], key["to"]) for key in keys]
    is_refused = any(_why_not(views, *_named(views, move)) for move in moves)
    if not is_refused and drafts.state_of([_state(slots[key["slot"]]) for key in keys]) == draft.state_hash:
        return
    try:
        fresh = _plan(scope, moves, views, draft.summary.get("described_as", ""))
    except InvalidInput:
        fresh = None
    draft.delete()
    raise drafts.PlanMoved(fresh)


def even_moves(views: Views) -> list[Move]:
    """From who leads most to who leads least, as long as that brings them nearer."""
    view = moving.freshest(views)
    members = moving.members_of(views)
    ready = {node for node, member in members.items() if moving.is_ready(views, member) and member.role == 0}
    if view is None or len(ready) < 2:
        return []
    busy = {one.id for one in _pending(views)}
    led: dict[int, list[SlotView]] = {node: [] for node in ready}
    for slot in view.slots:
        if slot.leader in led:
            led[slot.leader].append(slot)
    load = {node: len(slots) for node, slots in led.items()}
    moves: list[Move] = []
    while True:
        pair = _best_pair(load, led, busy)
        if pair is None:
            return moves
        slot, target = pair
        led[slot.leader].remove(slot)
        load[slot.leader] -= 1
        load[target] += 1
        moves.append((slot.id, slot.leader, target))


def _best_pair(load: dict[int, int], led: dict[int, list[SlotView]], busy: set[int]) -> tuple[SlotView, int] | None:
    for source in sorted(load, key=lambda node: (-load[node], node)):
        for target in sorted(load, key=lambda node: (load[node], node)):
            if load[source] - load[target] < 2:
                break
            for slot in led[source]:
                if target in slot.replicas and slot.id not in busy and not slot.status:
                    return slot, target
    return None


# -- making the plan -------------------------------------------------------------------------------------------------


def _plan(scope: Scope, moves: list[Move], views: Views, described_as: str) -> Operation:
    targets: list[drafts.Target] = []
    states: list[Any] = []
    left_out: list[tuple[int, int, int, moving.Why]] = []
    taken: set[int] = set()
    for move in moves:
        slot, source, target = _named(views, move)
        found = moving.slot_of(views, slot)
        why = _why_not(views, slot, source, target) or ((TWICE, {"slot": slot}) if slot in taken else None)
        if why or found is None:
            left_out.append((slot, source, target, why or (moving.NO_SLOT, {"slot": slot})))
            continue
        taken.add(slot)
        states.append(_state(found))
        targets.append(drafts.Target(f"{slot}: {source} → {target}", _key(views, found, source, target)))
    if not targets and left_out:
        template, params = left_out[0][3]
        raise InvalidInput({"slot": [template]}, template, params=params)
    leaders = _leaders(views)
    after = Counter(leaders)
    for one in targets:
        if one.key["leader"] == one.key["from"]:
            after[one.key["from"]] -= 1
            after[one.key["to"]] += 1
    summary = {
        "described_as": described_as,
        "leaders": {str(node): leaders[node] for node in sorted(leaders)},
        "after": {str(node): after[node] for node in sorted(leaders)},
        "left_out": [
            {"slot": slot, "from": source, "to": target, "why": list(why)}
            for slot, source, target, why in left_out[:LEFT_OUT_SHOWN]
        ],
        "silent": [view.id for view in views if not view.answers],
    }
    return drafts.keep(scope, drafts.MOVE, targets, summary=summary, change={}, state=states, per_second=1)


def _named(views: Views, move: Move) -> Move:
    slot, source, target = move
    found = moving.slot_of(views, slot)
    return (slot, found.leader, target) if found and not source else move


def _why_not(views: Views, slot: int, source: int, target: int) -> tuple[str, dict[str, int]] | None:
    found = moving.slot_of(views, slot)
    if found and not found.leader:
        return NO_LEADER, {"slot": slot}
    for one in _pending(views):
        if one.id == slot:
            return PENDING, {"slot": slot, "source": one.source, "target": one.target}
    return moving.why_no_move(views, slot, source, target)


def _key(views: Views, slot: SlotView, source: int, target: int) -> dict[str, Any]:
    return {
        "slot": slot.id,
        "from": source,
        "to": target,
        "leader": slot.leader,
        "replicas": list(slot.replicas),
        "term": slot.term,
        "is_transfer": target in slot.replicas,
        "lag": _lag(views, slot, target),
    }


def _lag(views: Views, slot: SlotView, node: int) -> int:
    """How many entries this node's own copy is behind the leader's; 0 where either doesn't tell, or it has no copy."""
    own = {view.id: copy.log_index for view in views for copy in view.slots if copy.id == slot.id}
    if node not in slot.replicas or node not in own or slot.leader not in own:
        return 0
    behind = own[slot.leader] - own[node]
    return behind if behind > LAGS_ABOVE else 0


def _state(slot: SlotView | None) -> Any:
    return None if slot is None else [slot.id, slot.leader, sorted(slot.replicas), slot.term]


def _pending(views: Views) -> list[Any]:
    config: ConfigView | None = next((view.config for view in views if view.config), None)
    return [one for one in config.pending if one.source or one.target] if config else []


def _leaders(views: Views) -> Counter[int]:
    view = moving.freshest(views)
    found: Counter[int] = Counter(dict.fromkeys(moving.members_of(views), 0))
    found.update(slot.leader for slot in view.slots if slot.leader) if view else None
    return found
