"""A stage for channel tests: groups in a simulated cluster, and ways to break it in the middle of a change."""

from collections.abc import Callable, Iterable
from typing import Any

from imadmin.gateway.types import ChannelRef
from imadmin.simulator import SimulatedCluster
from imadmin.simulator.faults import Wedge


def group(
    sim: SimulatedCluster,
    name: str = "tea",
    members: Iterable[str] = ("ann", "ben", "cem"),
    *,
    type: int = 2,
    **flags: Any,
) -> ChannelRef:
    """A channel with members, as a create call leaves it."""
    sim.call(lambda state: state.add_group(name, list(members), type, **flags))
    return ChannelRef(name, type)


def put(sim: SimulatedCluster, table: str, channel: ChannelRef, uids: Iterable[str]) -> None:
    """Write a list past the API. table: members | denied | allowed."""
    sim.call(lambda state: state.store.add_to(getattr(state.store, table), (channel.id, channel.type), list(uids)))


def stored(sim: SimulatedCluster, table: str, channel: ChannelRef) -> set[str]:
    return sim.call(lambda state: set(getattr(state.store, table).get((channel.id, channel.type), {})))


def flags_of(sim: SimulatedCluster, channel: ChannelRef) -> dict[str, int]:
    names = ("ban", "disband", "send_ban", "allow_stranger", "large")
    return sim.call(
        lambda state: {name: getattr(state.store.channels[channel.id, channel.type], name) for name in names}
    )


def after_writes(sim: SimulatedCluster, writes: int, happen: Callable[[Any], None]) -> None:
    """Let something happen on the simulator's loop right after so many list writes."""

    def install(state: Any) -> None:
        original, seen = state.store.add_to, []

        def counted(*args: Any) -> None:
            original(*args)
            seen.append(1)
            if len(seen) == writes:
                happen(state)

        state.store.add_to = counted

    sim.call(install)


def wedge(state: Any, channel: ChannelRef, *, written: bool = False) -> None:
    """The channel's slot takes no writes any more (shortened from five seconds)."""
    state.wedged[state.slot_of(channel.id)] = Wedge(0.05, written)


def kill_all(state: Any) -> None:
    for node in list(state.node_ids):
        state.kill(node)
