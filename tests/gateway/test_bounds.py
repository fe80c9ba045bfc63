"""Bounded: a cap a node, a breaker a node, one question in flight shared by all who ask it."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from imadmin.gateway.breaker import Breaker
from imadmin.gateway.errors import CircuitOpen, TimedOut, Uncertain, Unreachable
from imadmin.gateway.flights import Flights
from imadmin.gateway.http import CALLS_PER_NODE, WATCHERS_PER_NODE, Call, Http, Timeouts
from tests.gateway.conftest import streamed


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Node:
    """Counts what it is asked at once; holds answers back until told."""

    def __init__(self) -> None:
        self.asked = 0
        self.at_once = 0
        self.most_at_once = 0
        self.go = asyncio.Event()
        self.fault: Exception | None = None

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await self.go.wait()
        finally:
            self.at_once -= 1
        if self.fault:
            raise self.fault
        return streamed(200, "[]")


def call(number: int = 0, base: str = "http://node", **options) -> Call:
    return Call("test", base, f"/{number}", **options)


@pytest.fixture
async def node() -> Node:
    return Node()


@pytest.fixture
async def client(node: Node):
    opened = Http(transport=httpx.MockTransport(node))
    yield opened
    await opened.aclose()


async def until(check) -> None:
    for _ in range(1000):
        if check():
            return
        await asyncio.sleep(0.002)
    raise AssertionError("it never came true")


async def test_a_node_gets_only_so_many_calls_at_once(client: Http, node: Node):
    calls = [asyncio.create_task(client.ask(call(number))) for number in range(3 * CALLS_PER_NODE)]
    await until(lambda: node.at_once == CALLS_PER_NODE)
    other = asyncio.create_task(client.ask(call(base="http://another")))
    await until(lambda: node.at_once == CALLS_PER_NODE + 1)
    node.go.set()
    await asyncio.gather(*calls, other)
    assert node.most_at_once == CALLS_PER_NODE + 1, "each node has a cap of its own"
    assert node.asked == 3 * CALLS_PER_NODE + 1


async def test_who_waits_too_long_for_a_turn_is_told(client: Http, node: Node):
    hurried = Timeouts(pool=0.01)
    calls = [asyncio.create_task(client.ask(call(number))) for number in range(CALLS_PER_NODE)]
    await until(lambda: node.at_once == CALLS_PER_NODE)
    with pytest.raises(TimedOut):
        await client.ask(call(99, timeouts=hurried))
    assert not client.is_suspect("http://node"), "our own crowd is not the node's fault"
    node.go.set()
    await asyncio.gather(*calls)


async def test_connections_are_kept(client: Http):
    pool = Http()._new_transport()._pool
    assert pool._max_connections == pool._max_keepalive_connections == CALLS_PER_NODE + WATCHERS_PER_NODE


async def test_the_same_question_in_flight_is_asked_once(client: Http, node: Node):
    calls = [asyncio.create_task(client.ask(call())) for _ in range(20)]
    await until(lambda: node.asked)
    node.go.set()
    replies = await asyncio.gather(*calls)
    assert node.asked == 1
    assert all(reply is replies[0] for reply in replies)
    await client.ask(call())
    assert node.asked == 2, "only while in flight"


async def test_a_change_is_never_shared(client: Http, node: Node):
    node.go.set()
    await asyncio.gather(*(client.ask(call(method="POST", is_read=False)) for _ in range(3)))
    assert node.asked == 3


async def test_other_credentials_are_another_question(client: Http, node: Node):
    node.go.set()
    await asyncio.gather(*(client.ask(call(headers=(("token", token),))) for token in ("a", "b")))
    assert node.asked == 2


async def test_an_error_in_flight_is_shared_too(client: Http, node: Node):
    node.fault = httpx.ReadTimeout("x")
    calls = [asyncio.create_task(client.ask(call())) for _ in range(5)]
    await until(lambda: node.asked)
    node.go.set()
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert node.asked == 1
    assert all(isinstance(result, TimedOut) for result in results)


async def test_who_gives_up_leaves_the_others_their_answer():
    flights: Flights[str] = Flights()
    go = asyncio.Event()

    async def answer() -> str:
        await go.wait()
        return "here"

    first, second = (asyncio.create_task(flights.share("key", answer)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    go.set()
    assert await second == "here"
    assert first.cancelled()


async def test_when_everybody_gave_up_the_call_is_stopped(client: Http, node: Node):
    calls = [asyncio.create_task(client.ask(call())) for _ in range(3)]
    await until(lambda: node.at_once == 1)
    for one in calls:
        one.cancel()
    await until(lambda: node.at_once == 0)
    node.go.set()
    await client.ask(call())
    assert node.asked == 2


async def test_the_breaker_opens_rests_and_lets_one_try(node: Node):
    clock = Clock()
    client = Http(transport=httpx.MockTransport(node), clock=clock)
    node.go.set()
    node.fault = httpx.ConnectTimeout("x")
    while True:
        try:
            await client.ask(call())
        except CircuitOpen:
            break
        except Unreachable:
            continue
    asked = node.asked
    assert asked >= 3
    with pytest.raises(CircuitOpen):
        await client.ask(call())
    await asyncio.gather(client.ask(call(base="http://another")), return_exceptions=True)
    assert node.asked == asked + 1, "another node is none of its business"

    clock.now += 60
    node.go.clear()
    trying = asyncio.create_task(client.ask(call()))
    await until(lambda: node.asked == asked + 2)
    with pytest.raises(CircuitOpen):
        await client.ask(call(1))
    node.go.set()
    with pytest.raises(Unreachable):
        await trying
    with pytest.raises(CircuitOpen):
        await client.ask(call())

    clock.now += 60
    node.fault = None
    assert (await client.ask(call())).status == 200
    assert not client.is_suspect("http://node")
    await client.aclose()


def test_a_success_in_between_starts_the_count_anew():
    breaker = Breaker(failures=2, clock=Clock())
    for _ in range(5):
        breaker.failed()
        breaker.succeeded()
    assert not breaker.is_open


def test_a_try_that_was_cancelled_makes_room_for_the_next():
    clock = Clock()
    breaker = Breaker(failures=1, seconds=3, clock=clock)
    breaker.failed()
    clock.now += 4
    trial = breaker.admit()
    assert trial
    assert not breaker.admit()
    breaker.left(trial)
    assert breaker.admit()


def test_an_older_call_that_ends_doesnt_make_room_for_a_second_try():
    clock = Clock()
    breaker = Breaker(failures=1, seconds=3, clock=clock)
    older = breaker.admit()
    breaker.failed()
    clock.now += 4
    assert breaker.admit()
    breaker.left(older)
    assert breaker.admit() is None


@pytest.mark.parametrize(("is_read", "error"), [(True, Unreachable), (False, Uncertain)])
async def test_a_closed_client_is_told_in_our_words(client: Http, node: Node, is_read: bool, error: type[Exception]):
    node.go.set()
    await client.ask(call())
    await client.aclose()
    with pytest.raises(error):
        await client.ask(call(1, is_read=is_read))
    assert node.asked == 1


@pytest.mark.parametrize(("is_read", "error"), [(True, Unreachable), (False, Uncertain)])
async def test_a_pool_that_closes_under_a_call_is_told_too(client: Http, node: Node, is_read: bool, error):
    node.go.set()
    await client.ask(call())
    await client._gates["http://node"].transport.aclose()
    client._is_closed = True
    with pytest.raises(error):
        await client._exchange(call(1, is_read=is_read))


async def test_a_client_rests_only_after_the_last_call(client: Http, node: Node):
    asking = asyncio.create_task(client.ask(call()))
    await until(lambda: node.at_once == 1)
    resting = asyncio.create_task(client.unused_for(0.02))
    await asyncio.sleep(0.1)
    assert not resting.done()
    node.go.set()
    await asking
    await asyncio.wait_for(resting, 10)
