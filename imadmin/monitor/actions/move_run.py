"""Moving slots one after the other: each asked for once, then followed until every living node says it is done.

A 200 means that the move was written down, no more: to a node that dies it stays pending for ever, nothing cancels it,
and while it does the balancing of all slots is off (reference 2.9).  Then this stops, and says what helps.
"""

import time
from dataclasses import dataclass
from typing import Any

from imadmin.core.aio import run
from imadmin.core.errors import AppError, gettext_noop
from imadmin.gateway import moving
from imadmin.gateway.types import NodeView
from imadmin.monitor.actions.work import Work
from imadmin.monitor.fates import Fate, of_error
from imadmin.monitor.models import OperationTarget

LOOK_EVERY = 0.5
STUCK_AFTER = 60.0  # seconds without anything going forward
FOLLOWED_AT_MOST = 1800.0  # a copy of many entries takes its time
PAUSE = 1.0  # between two moves: an election of its own each
SETTLED_AFTER = 2.0  # then nothing pending and nothing changed means that it won't happen

SEEN = gettext_noop("Seen by %(nodes)s nodes after %(seconds)s s; term %(term)s.")
SEEN_BUT = gettext_noop("Seen by %(nodes)s nodes after %(seconds)s s; these don't answer: %(silent)s.")
ALREADY = gettext_noop("Node %(node)s has it already; nothing was sent.")
CHANGED = gettext_noop("Led by node %(leader)s by now, not by node %(planned)s as planned; nothing was sent.")
DROPPED = gettext_noop("The server took it and it didn't happen: the slot is as it was, and nothing is pending.")
ELSEWHERE = gettext_noop("The slot went to node %(leader)s instead.")
BACK = gettext_noop("It moved, and is led by node %(leader)s now: the server's balancer, or a person, moved it on.")
STUCK = gettext_noop(
    "Pending for more than a minute. Nothing cancels it, and until it ends the server balances no slot at all. Bring "
    "node %(node)s back or restart it: then it completes by itself."
)
UNSEEN = gettext_noop("No node tells how far it is.")
NOBODY_LEADS = gettext_noop("Nobody leads the configuration, so whether it is still pending isn't known.")


def carry(work: Work) -> None:
    for target in work.waiting():
        work.tell()
        if work.leave or (work.is_ending and not target.tries):  # what was sent is followed all the same
            return
        if target.tries or _send(work, target):
            _follow(work, target)
        work.flush()
        work.tell(now=True)
        if target.result in (Fate.STILL, Fate.UNKNOWN):
            work.stop = True  # one that hangs is enough
            return
        if work.leave:
            return
        work.rest(PAUSE)
    _tell_moved_back(work)


def _send(work: Work, target: OperationTarget) -> bool:
    """Whether something was sent and is to be followed."""
    key = target.key
    try:
        found = moving.slot_of(run(work.gateway.node_views(slots=True)), key["slot"])
        if found is not None and _is_there(found.leader, found.replicas, key):
            work.settle(target, Fate.ALREADY, (ALREADY, {"node": key["to"]}))
            return False
        if found is not None and key["leader"] == key["from"] and found.leader != key["from"]:
            work.settle(target, Fate.FAILED, (CHANGED, {"leader": found.leader, "planned": key["from"]}))
            return False
        work.about_to_send([target])
        run(work.gateway.move_slot(key["slot"], key["from"], key["to"]))
    except AppError as error:
        if not error.is_uncertain:
            work.settle(target, Fate.FAILED, of_error(error))
            return False
    return True


@dataclass(slots=True)
class _State:
    """What the nodes say of one slot.  agreed: every node that answers has it done."""

    agreed: bool
    told: int
    silent: tuple[int, ...]
    leader: int
    term: int
    is_pending: bool | None
    progress: tuple[int, int, int]


def _follow(work: Work, target: OperationTarget) -> None:
    """Look until it is done, dropped, or stuck; a stop that is wanted waits for this one move."""
    key, started = target.key, time.monotonic()
    moved_at, last = started, None
    while not work.leave:
        state = _look(work, key)
        elapsed = time.monotonic() - started
        if state and state.agreed:
            _settle_done(work, target, state, elapsed)
            return
        if state and state.is_pending is False and elapsed > SETTLED_AFTER:
            _settle_undone(work, target, state)
            return
        if state and state.progress != last:
            moved_at, last = time.monotonic(), state.progress
        if time.monotonic() - moved_at > STUCK_AFTER or elapsed > FOLLOWED_AT_MOST:
            _settle_stuck(work, target, state)
            return
        work.rest(LOOK_EVERY)


def _look(work: Work, key: dict[str, Any]) -> _State | None:
    """None when no node tells anything."""
    try:
        views = run(work.gateway.node_views(slots=True))
    except AppError:
        return None
    freshest = moving.slot_of(views, key["slot"])
    told = [view for view in views if view.answers and view.slots]
    if freshest is None or not told:
        return None
    own = {view.id: {slot.id: slot for slot in view.slots}.get(key["slot"]) for view in told}
    config = next((view.config for view in views if view.config), None)
    pending = None if config is None else any(one.id == key["slot"] for one in config.pending)
    copy = own.get(key["to"])
    return _State(
        agreed=all(slot is not None and _is_there(slot.leader, slot.replicas, key) for slot in own.values())
        and not pending,
        told=len(told),
        silent=tuple(view.id for view in views if not view.answers),
        leader=freshest.leader,
        term=freshest.term,
        is_pending=pending,
        progress=(freshest.term, freshest.leader, copy.log_index if copy and not key["is_transfer"] else 0),
    )


def _is_there(leader: int, replicas: tuple[int, ...], key: dict[str, Any]) -> bool:
    if key["is_transfer"]:
        return bool(leader == key["to"])
    return key["to"] in replicas and key["from"] not in replicas


def _settle_done(work: Work, target: OperationTarget, state: _State, seconds: float) -> None:
    params = {"nodes": state.told, "seconds": f"{seconds:.1f}", "term": state.term}
    if state.silent:
        params["silent"] = ", ".join(map(str, state.silent))
    work.settle(target, Fate.DONE, (SEEN_BUT if state.silent else SEEN, params))


def _settle_undone(work: Work, target: OperationTarget, state: _State) -> None:
    """Nothing is pending and the slot isn't where it should be."""
    key = target.key
    if key["is_transfer"] and state.term >= key["term"] + 2:
        work.settle(target, Fate.RETURNED, (BACK, {"leader": state.leader}))
    elif key["is_transfer"] and state.leader not in (0, key["from"]):
        work.settle(target, Fate.FAILED, (ELSEWHERE, {"leader": state.leader}))
    else:
        work.settle(target, Fate.FAILED, (DROPPED, {}))


def _settle_stuck(work: Work, target: OperationTarget, state: _State | None) -> None:
    if state is None:
        work.settle(target, Fate.UNKNOWN, (UNSEEN, {}))
    elif state.is_pending is None:
        work.settle(target, Fate.UNKNOWN, (NOBODY_LEADS, {}))
    else:
        work.settle(target, Fate.STILL, (STUCK, {"node": target.key["to"]}))


def _tell_moved_back(work: Work) -> None:
    """The balancer works beside us: who leads now what was moved before."""
    try:
        views: tuple[NodeView, ...] = run(work.gateway.node_views(slots=True))
    except AppError:
        return
    for target in work.operation.targets.filter(result=Fate.DONE):
        found = moving.slot_of(views, target.key["slot"])
        if found and target.key["is_transfer"] and found.leader not in (0, target.key["to"]):
            work.settle(target, Fate.RETURNED, (BACK, {"leader": found.leader}))
    work.flush()
