"""Reading a piece of a channel by its numbers, and keeping to a bound of calls."""

from typing import Any

import pytest

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


class ListOfNode:
    """The server's own way through its index by instant: rows made anew keep their old entry, which ends the walk down
    at once, and pages upwards leave out up to two rows next to the cursor."""

    def __init__(self, names: list[str], anew: list[str]) -> None:
        self.created = {name: 1000 + number for number, name in enumerate(names)}
        self.index = [(at, name) for name, at in self.created.items()]
        for number, name in enumerate(anew):
            self.created[name] = 900_000 + number
            self.index.append((900_000 + number, name))
        self.index.sort()

    def page(self, offset: int, pre: bool, limit: int = 100) -> tuple[list[tuple[int, str]], bool]:
        entries = [one for one in self.index if not offset or (one[0] > offset if pre else one[0] < offset)]
        found: list[tuple[int, str]] = []
        for _, name in entries if pre else reversed(entries):
            at = self.created[name]
            if offset and (at <= offset if pre else at >= offset):
                break
            if len(found) > limit + 1:
                break
            found.append((at, name))
        has_more = len(found) > limit
        return (found[-limit:] if pre else found[:limit]) if has_more else found, has_more


def test_channels_behind_one_that_was_made_anew_are_walked_too(sim: SimulatedCluster, monkeypatch: Any) -> None:
    """As a real cluster did after an election: it said that there was no more, and thousands were missing."""
    from imadmin.gateway.kinds.wukongim2.part import Gathered
    from imadmin.gateway.kinds.wukongim2.wire import Listed
    from imadmin.gateway.types import RuntimeChannel

    names = [f"g{number}" for number in range(1000)]
    served = ListOfNode(names, [name for number, name in enumerate(names) if number % 7 == 3 or 500 < number < 520])
    gateway = gateway_of(sim)

    def under(member: Any, *, pre: int | None = None) -> Any:
        async def ask(offset: int) -> Any:
            rows, has_more = served.page(offset, pre == 1) if member.id == 1001 else ([], False)
            listed = [(at, RuntimeChannel(ChannelRef(name, 2), 1, 1001, (), 0, 1001, True)) for at, name in rows]
            return Gathered((Listed(tuple(listed), has_more),), ())

        return ask

    monkeypatch.setattr(gateway, "_channels_under", under)

    async def walk() -> list[str]:
        return [row.channel.id async for row in gateway.iter_channels()]

    assert sorted(run(walk())) == sorted(names)


def without(sim: SimulatedCluster, channel: ChannelRef, first: int, last: int) -> None:
    """Take rows out of a channel: the server counts their numbers and has nothing in them."""

    def cut(state: Any) -> None:
        log = state.archive.logs[channel.id, channel.type]
        log[:] = [one for one in log if not first <= one.seq <= last]

    sim.call(cut)


@pytest.mark.parametrize(
    ("hole", "window", "left"),
    [
        ((1491, 1500), (1491, 1500), []),
        ((1100, 1200), (1000, 1500), [*range(1000, 1100), *range(1201, 1501)]),
        ((1400, 1450), (1400, 1450), []),
    ],
    ids=["at the end", "in the middle", "all of it"],
)
def test_a_hole_in_front_of_a_long_history_is_told_as_one(
    sim: SimulatedCluster, hole: Any, window: Any, left: list[int]
) -> None:
    say(sim, 1500)
    without(sim, GROUP, *hole)
    stretch = run(gateway_of(sim)._searched(GROUP, *window))
    assert [message.seq for message in stretch.messages] == left and stretch.next_seq is None
