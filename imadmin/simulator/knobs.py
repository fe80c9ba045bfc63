"""The knobs: everything that can go wrong, as functions on the state and as methods of `SimulatedCluster`.

The control port offers the same functions over HTTP, `POST /<name>/<node, slot or number>?options`.
"""

import asyncio
import random
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from .faults import BREAK_MODES, METRICS_MODES, Wedge
from .state import SimState
from .world import connect_somebody

T = TypeVar("T")
DOORS = ("main", "manager", "ws")


def one_of(value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise ValueError(f"mode must be one of {', '.join(allowed)}")
    return value


def hang(state: SimState, node_id: int) -> None:
    live = state.topology.live[node_id]
    if live.alive and not live.hung:
        state.faults[node_id].awake.clear()
        state.failover.went_away(node_id, hung=True)


def resume(state: SimState, node_id: int) -> None:
    if state.topology.live[node_id].hung:
        state.failover.came_back(node_id, restarted=False)
        state.faults[node_id].awake.set()


def heal(state: SimState, node_id: int) -> None:
    faults = state.faults[node_id]
    faults.delay, faults.broken, faults.clock_skew, faults.metrics = 0.0, "", 0.0, ""


def lag(state: SimState, node_id: int, slot: int | None) -> None:
    topology = state.topology
    for number in range(len(topology.view.slots)) if slot is None else (slot,):
        topology.frozen_logs[node_id, number] = topology.log_index(node_id, number)


def unlag(state: SimState, node_id: int) -> None:
    frozen = state.topology.frozen_logs
    for place in [place for place in frozen if place[0] == node_id]:
        del frozen[place]


def stick_moves(state: SimState, stuck: bool) -> None:
    state.moves.is_stuck = stuck
    if not stuck:
        state.moves.go_on()
        state.moves.adopt_orphans()


def deafen(state: SimState, node_id: int, share: float) -> int:
    """How many went deaf."""
    chosen = [one for one in state.online.by_node[node_id].values() if one.here]
    if share < 1:
        chosen = random.Random(state.seed).sample(chosen, round(len(chosen) * share))
    for one in chosen:
        state.online.deafen(one)
    return len(chosen)


def storm(state: SimState, count: int) -> int:
    """So many of the world's clients lose their connection and are back at once, on any living node."""
    rng = random.Random(state.seed)
    chosen = [one for one in state.online.all() if one.is_simulated and one.here]
    chosen = rng.sample(chosen, min(count, len(chosen)))
    for one in chosen:
        state.online.left(one)
    for _ in chosen:
        connect_somebody(state, rng, state.cast)
    return len(chosen)


def use_webhook(state: SimState, url: str, focus: tuple[str, ...] = ()) -> None:
    state.hooks.url, state.hooks.focus = url, focus


def heal_channel(state: SimState, key: tuple[str, int]) -> int:
    state.misdeeds.wedged.discard(key)
    return state.misdeeds.agree_again(key)


class Running(Protocol):
    def call(self, fn: Callable[..., T], *args: Any) -> T: ...


class Knobs:
    """The methods; the class that mixes this in knows how to reach the simulator's loop."""

    call: Callable[..., Any]

    def kill(self, node_id: int) -> None:
        """The node's process ends: its ports refuse, its clients are cut off."""
        self.call(SimState.kill, node_id)

    def hang(self, node_id: int) -> None:
        """The node takes connections and requests but answers nothing, until `resume`."""
        self.call(hang, node_id)

    def resume(self, node_id: int) -> None:
        self.call(resume, node_id)

    def slow(self, node_id: int, seconds: float) -> None:
        """Every answer of the node takes that much longer; 0 ends it."""
        self.call(lambda state: setattr(state.faults[node_id], "delay", seconds))

    def break_node(self, node_id: int, mode: str) -> None:
        """Every HTTP answer of the node is broken in one of the BREAK_MODES."""
        one_of(mode, BREAK_MODES)
        self.call(lambda state: setattr(state.faults[node_id], "broken", mode))

    def break_metrics(self, node_id: int, mode: str = "missing") -> None:
        """The node's /metrics alone: missing (404), garbage or empty; `heal` ends it."""
        one_of(mode, METRICS_MODES)
        self.call(lambda state: setattr(state.faults[node_id], "metrics", mode))

    def heal(self, node_id: int) -> None:
        """Ends slow, break, broken metrics and clock skew; revives and resumes nothing."""
        self.call(heal, node_id)

    def clock_skew(self, node_id: int, seconds: float) -> None:
        self.call(lambda state: setattr(state.faults[node_id], "clock_skew", seconds))

    def wedge_slot(self, slot: int, *, written: bool = False, seconds: float = 5.0) -> None:
        """Every write to the slot ends after `seconds` with 400 "context deadline exceeded", written or not."""
        self.call(lambda state: state.wedged.update({slot: Wedge(seconds, written)}))

    def heal_slot(self, slot: int) -> None:
        self.call(lambda state: state.wedged.pop(slot, None))

    def lag(self, node_id: int, slot: int | None = None) -> None:
        """The node's copy of a slot's log (of every slot, without one) stops growing until `unlag`."""
        self.call(lag, node_id, slot)

    def unlag(self, node_id: int) -> None:
        self.call(unlag, node_id)

    def stick_moves(self, stuck: bool = True) -> None:
        """No slot move or election ends any more; what waits goes on when it is turned off."""
        self.call(stick_moves, stuck)

    def haunt(self, node_id: int, count: int, seconds: float = 270.0) -> None:
        """So many ghosts: open sockets that /metrics counts and connz does not show."""
        self.call(lambda state: state.online.add_ghosts(node_id, count, seconds))

    def loiter(self, node_id: int, count: int) -> None:
        """So many sockets that never said who they are: in connz.total and /metrics, without a row."""
        self.call(lambda state: state.online.unauthenticated.update({node_id: count}))

    def deafen(self, node_id: int, share: float = 1.0) -> int:
        """That share of the node's clients goes deaf, as after a restart; how many."""
        found: int = self.call(deafen, node_id, share)
        return found

    def end_deafness(self) -> int:
        """The deaf clients notice and leave; those of the world come back."""
        found: int = self.call(lambda state: state.online.end_deafness())
        return found

    def hit_bystanders(self, hit: bool = True) -> None:
        """Every connection that ends makes its user's leader forget the one of the same number on its own node."""
        self.call(lambda state: setattr(state.online, "hits_bystanders", hit))

    def storm(self, count: int) -> int:
        """So many clients of the world reconnect at once; how many there were."""
        found: int = self.call(storm, count)
        return found

    def use_webhook(self, url: str, focus: tuple[str, ...] = ()) -> None:
        """Where events are sent (empty: nowhere), and which (empty: all), as webhook.httpAddr and focusEvents say."""
        self.call(use_webhook, url, focus)

    def lose_batch(self, count: int = 1) -> None:
        """The next so many webhook requests are never sent, and nobody is told."""
        self.call(lambda state: setattr(state.hooks, "to_lose", count))

    # -- misdeeds ------------------------------------------------------------------------------------------------

    def wedge_channel(self, channel_id: str, channel_type: int = 2) -> None:
        """It stores nothing any more: API sends answer 200 and are lost, clients get reason 15; stopping it heals."""
        self.call(lambda state: state.misdeeds.wedge((channel_id, channel_type)))

    def diverge_channel(self, channel_id: str, channel_type: int = 2) -> None:
        """Its leader appends alone: nothing is delivered, the followers' copies stay where they are."""
        self.call(lambda state: state.misdeeds.diverge((channel_id, channel_type)))

    def heal_channel(self, channel_id: str, channel_type: int = 2) -> int:
        """Ends both. How many messages vanished; their sequence numbers will be given out again."""
        found: int = self.call(heal_channel, (channel_id, channel_type))
        return found

    def repeat_seq(self, channel_id: str, channel_type: int = 2, count: int = 1) -> int:
        """The newest messages leave the channel (the search still finds them), the next ones get their numbers."""
        found: int = self.call(lambda state: state.misdeeds.repeat_seq((channel_id, channel_type), count))
        return found

    def keep_poison(self, keep: bool = True) -> None:
        """A blank uid stays in slot 0's log: each later write there kills the node that leads it. False: antidote."""
        self.call(lambda state: state.misdeeds.keep_poison(keep))


Knob = Callable[[int, dict[str, str]], Any]


def over_http(state: SimState) -> dict[str, Knob]:
    """The knobs for the control port, which runs on the loop itself."""

    def faults(name: str, default: str, cast: Callable[[str], Any]) -> Knob:
        option = "mode" if cast is not float else "seconds"
        return lambda node, options: setattr(state.faults[node], name, cast(options.get(option, default)))

    def wedge(slot: int, options: dict[str, str]) -> None:
        state.wedged[slot] = Wedge(float(options.get("seconds", 5)), options.get("written") == "1")

    return {
        "kill": lambda node, options: state.kill(node),
        "hang": lambda node, options: hang(state, node),
        "resume": lambda node, options: resume(state, node),
        "slow": faults("delay", "1", float),
        "break": faults("broken", "html", lambda mode: one_of(mode, BREAK_MODES)),
        "metrics": faults("metrics", "missing", lambda mode: one_of(mode, METRICS_MODES)),
        "skew": faults("clock_skew", "60", float),
        "heal": lambda node, options: heal(state, node),
        "wedge": wedge,
        "unwedge": lambda slot, options: state.wedged.pop(slot, None),
        "lag": lambda node, options: lag(state, node, int(options["slot"]) if "slot" in options else None),
        "unlag": lambda node, options: unlag(state, node),
        "stick_moves": lambda on, options: stick_moves(state, bool(on)),
        "haunt": lambda node, options: state.online.add_ghosts(
            node, int(options.get("count", 5)), float(options.get("seconds", 270))
        ),
        "loiter": lambda node, options: state.online.unauthenticated.update({node: int(options.get("count", 5))}),
        "deafen": lambda node, options: deafen(state, node, float(options.get("share", 1))),
        "end_deafness": lambda _, options: state.online.end_deafness(),
        "hit_bystanders": lambda hit, options: setattr(state.online, "hits_bystanders", bool(hit)),
        "storm": lambda count, options: storm(state, count),
        "webhook": lambda _, options: use_webhook(
            state, options.get("url", ""), tuple(filter(None, options.get("focus", "").split(",")))
        ),
        "wedge_channel": lambda kind, options: state.misdeeds.wedge((options["channel"], kind)),
        "diverge_channel": lambda kind, options: state.misdeeds.diverge((options["channel"], kind)),
        "heal_channel": lambda kind, options: heal_channel(state, (options["channel"], kind)),
        "repeat_seq": lambda kind, options: state.misdeeds.repeat_seq((options["channel"], kind)),
        "keep_poison": lambda keep, options: state.misdeeds.keep_poison(bool(keep)),
        "lose_batch": lambda count, options: setattr(state.hooks, "to_lose", count),
    }


def later(pending: set[asyncio.Future[None]], work: Any) -> None:
    """Start a coroutine from the control port and keep it from being collected."""
    task = asyncio.ensure_future(work)
    pending.add(task)
    task.add_done_callback(pending.discard)
