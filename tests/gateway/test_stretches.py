"""Reading a piece of a channel by its numbers, and keeping to a bound of calls."""

from typing import Any

from imadmin.core.aio import run
from imadmin.gateway.pacing import Pace, paced
from imadmin.gateway.types import ChannelRef
from imadmin.simulator import SimulatedCluster

GROUP = ChannelRef("tea", 2)


def gateway_of(sim: SimulatedCluster) -> Any:
    from imadmin.gateway.contract import Connection
    from imadmin.gateway.registry import open_gateway

    return open_gateway("wukongim2", Connection(sim.nodes[0].api_url, sim.nodes[0].manager_url, token="sim-token"))


def say(sim: SimulatedCluster, count: int, start: int = 1, sender: str = "ann", channel: str = "tea") -> None:
    def add(state: Any) -> None:
        for number in range(start, start + count):
            state.add_message(sender, channel, f"m{number}")

    sim.call(add)


def texts(stretch: Any) -> list[tuple[int, str]]:
    return [(message.seq, message.content.text) for message in stretch.messages]


def test_both_ends_are_included_and_pages_go_on(sim: SimulatedCluster) -> None:
    say(sim, 1205)
    gateway = gateway_of(sim)
    assert texts(run(gateway.messages_between(GROUP, 7, 9))) == [(7, "m7"), (8, "m8"), (9, "m9")]
    whole, first = [], 1
    while first is not None:
        stretch = run(gateway.messages_between(GROUP, first, 1205, node=1001))
        whole += [message.seq for message in stretch.messages]
        first = stretch.next_seq
    assert whole == list(range(1, 1206))
    past = run(gateway.messages_between(GROUP, 1204, 1300))
    assert [message.seq for message in past.messages] == [1204, 1205] and past.next_seq is None


def test_what_other_nodes_keep_is_asked_for_when_wanted(sim: SimulatedCluster) -> None:
    say(sim, 5)
    gateway = gateway_of(sim)
    sim.requests.clear()
    both = run(gateway.messages_between(GROUP, 3, 5, doubles=True))
    assert texts(both) == [(3, "m3"), (4, "m4"), (5, "m5")] and both.next_seq is None and not both.failed
    assert {"/channel/messagesync", "/cluster/messages"} <= {path for _, _, _, path, _, _ in sim.requests}


def test_a_walk_over_channels_goes_on_at_its_mark(sim: SimulatedCluster) -> None:
    for number in range(340):
        say(sim, 1, channel=f"g{number}")
    gateway = gateway_of(sim)

    async def walk(resume: str = "", most: int = 10_000) -> tuple[set[str], str]:
        walking = gateway.iter_channels(resume=resume, most=most)
        return {row.channel.id async for row in walking}, walking.mark

    everything, _ = run(walk())
    assert len(everything) == 340
    first, mark = run(walk(most=150))
    rest, _ = run(walk(mark))
    assert first | rest == everything and len(rest) < 340


def test_a_paced_piece_of_work_keeps_to_its_bound_at_every_node() -> None:
    at: dict[str, list[float]] = {"a": [], "b": []}
    pace = Pace(50)

    async def work() -> None:
        import asyncio
        import time

        from imadmin.gateway import pacing

        async def one(base: str) -> None:
            await pacing.turn(base)
            at[base].append(time.monotonic())

        with paced(pace):
            await asyncio.gather(*(one(base) for base in ("a", "b") for _ in range(12)))

    run(work())
    assert pace.calls == 24
    for times in at.values():
        assert len(times) == 12 and max(times) - min(times) >= 11 / 50
