"""Each slot by the freshest view and by its copies' own words: who can serve it, who is behind (5.9, step 3)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from imadmin.gateway.types import ConfigView, NodeView, SlotView
from imadmin.monitor.health_types import SlotHealth, SlotState

ELECTING, TRANSFERRING = 1, 2  # a slot's status
LAG_SAMPLES = 3

Led = Mapping[tuple[int, int], tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class JudgedSlots:
    slots: tuple[SlotHealth, ...]
    led: Led


def judge_slots(
    slots: Iterable[SlotView], answering: Iterable[NodeView], live: frozenset[int], *,
    replica_count: int, config: ConfigView | None, led: Led, is_new_sample: bool,
) -> JudgedSlots:  # fmt: skip
    """slots: of the freshest view.  live: nodes that answered and are online there.  led: see Memory."""
    copies = {view.id: {slot.id: slot for slot in view.slots} for view in answering}
    pending = {slot.id for slot in config.pending} if config else set()
    remembered: dict[tuple[int, int], tuple[int, ...]] = {}
    judged = []
    for slot in slots:
        logs = tuple(
            (node, copies[node][slot.id].log_index) for node in slot.replicas if slot.id in copies.get(node, ())
        )
        behind = _behind(slot, dict(logs), live, led, remembered, is_new_sample=is_new_sample)
        judged.append(_judged(slot, logs, live, behind, replica_count, is_pending=slot.id in pending))
    return JudgedSlots(tuple(judged), remembered)


def _judged(
    slot: SlotView, logs: tuple[tuple[int, int], ...], live: frozenset[int], behind: bool, replica_count: int, *,
    is_pending: bool,
) -> SlotHealth:  # fmt: skip
    alive = tuple(node for node in slot.replicas if node in live)
    found = {
        SlotState.NO_QUORUM: len(alive) < len(slot.replicas) // 2 + 1,
        SlotState.LEADERLESS: slot.leader not in live,
        SlotState.ELECTING: slot.status == ELECTING,
        SlotState.MOVING: slot.status == TRANSFERRING or is_pending,
        SlotState.LAGGING: behind,
        SlotState.UNDER_REPLICATED: len(alive) < len(slot.replicas) or len(slot.replicas) < replica_count,
    }
    problems = tuple(state for state, is_so in found.items() if is_so)
    by_node = dict(logs)
    own = by_node.get(slot.leader)
    lags = [own - index for node, index in logs if node != slot.leader and node in live] if own is not None else []
    return SlotHealth(
        id=slot.id,
        state=problems[0] if problems else SlotState.OK,
        leader=slot.leader,
        term=slot.term,
        replicas=slot.replicas,
        live=alive,
        status=slot.status,
        log_index=own,
        lag=max(0, *lags, 0) if lags else None,
        logs=logs,
        problems=problems,
    )


def _behind(
    slot: SlotView, logs: dict[int, int], live: frozenset[int], led: Led,
    remembered: dict[tuple[int, int], tuple[int, ...]], *, is_new_sample: bool,
) -> bool:  # fmt: skip
    """Whether a live replica has been behind in three samples and still isn't where the leader was in the first.

    The nodes are asked in parallel, never at one moment: under traffic a healthy follower is one or two entries behind
    in any sample, but it passes where the leader was a sample ago.
    """
    own = logs.get(slot.leader)
    if own is None or slot.leader not in live:
        return False
    is_behind = False
    for node, index in logs.items():
        if node == slot.leader or node not in live or index >= own:
            continue
        before = led.get((slot.id, node), ())
        history = (*before, own)[-LAG_SAMPLES:] if is_new_sample or not before else before
        remembered[slot.id, node] = history
        is_behind |= len(history) == LAG_SAMPLES and index < history[0]
    return is_behind
