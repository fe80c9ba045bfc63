"""The poller: how often it asks whom, who may poll, and what a bad day leaves of it."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.core.cache import cache
from django.db import OperationalError
from django.utils import timezone

from imadmin.clusters import connect
from imadmin.core import aio, locks
from imadmin.gateway.connection_types import ConnectionList, NodeConnections
from imadmin.live import poller as poller_module
from imadmin.live.hub import looking_key
from imadmin.live.poller import Pace, Poller
from imadmin.live.relay import Relay
from imadmin.monitor import health, watch
from imadmin.monitor.models import Presence, Watch
from imadmin.simulator import SimulatedCluster

QUICK = Pace(
    idle=0.6, looked=0.15, presence_idle=30, presence_looked=0.2, lease=1.0, standby=0.1, step=0.05, clusters=0.1,
    slowest=0.3,
)  # fmt: skip


class Heard(Relay):
    """Keeps what would be told to the sockets."""

    def __init__(self) -> None:
        super().__init__()
        self.looks: list[tuple[str, float]] = []

    def looked(self, slug: str, *, at: int, every: float) -> None:
        self.looks.append((slug, every))


@pytest.fixture
def own(transactional_db: None) -> Iterator[SimulatedCluster]:
    with SimulatedCluster(nodes=3, seed=7, world="empty", manager_token="sim-token", offline_after=0.5) as running:
        yield running


@pytest.fixture
def watched(own: SimulatedCluster) -> Any:
    from tests.factories import store_cluster

    return store_cluster(own, slug="own")


@asynccontextmanager
async def polling(pace: Pace = QUICK) -> AsyncIterator[tuple[Poller, Heard]]:
    aio.adopt(asyncio.get_running_loop())
    heard = Heard()
    poller = Poller(pace, to=heard)
    await poller.start()
    try:
        yield poller, heard
    finally:
        await poller.stop()
        await connect.close_all()
        aio.adopt(None)


async def until(condition: Callable[[], Any], seconds: float = 15) -> Any:
    async with asyncio.timeout(seconds):
        while not (found := condition()):
            await asyncio.sleep(0.02)
    return found


async def state_of(cluster: Any) -> Any:
    return await sync_to_async(watch.recall)(cluster.pk)


async def test_a_look_is_remembered_and_told(watched: Any) -> None:
    async with polling() as (_, heard):
        await until(lambda: len(heard.looks) >= 2)

        state = await state_of(watched)
        assert (state.verdict, len(state.nodes), len(state.answering)) == (health.Verdict.HEALTHY, 3, 3)
        assert heard.looks[0] == ("own", 0.6)


async def test_it_looks_at_once_and_often_while_somebody_looks(watched: Any) -> None:
    async with polling(Pace(idle=60, looked=0.15, step=0.05, clusters=0.1)) as (_, heard):
        await until(lambda: heard.looks)
        await asyncio.sleep(0.5)
        assert len(heard.looks) == 1

        cache.set(looking_key("own"), 1, 60)
        await until(lambda: ("own", 0.15) in heard.looks)

        cache.delete(looking_key("own"))
        await until(lambda: heard.looks[-1] == ("own", 60))


async def test_watching_costs_a_node_less_than_thirty_calls_a_minute(own: SimulatedCluster, watched: Any) -> None:
    """Counted over a number of looks, with what an idle minute has of them, and one comparison."""
    async with polling(Pace(idle=0.2, presence_idle=60, step=0.05, clusters=0.1)) as (_, heard):
        await until(lambda: len(heard.looks) >= 3)  # the first look learns who there is
        before, looks = len(own.requests), len(heard.looks)
        await until(lambda: len(heard.looks) >= looks + 8)
        calls = list(own.requests)[before:]
        looks = len(heard.looks) - looks

    a_node = Counter(node for node, *_ in calls)
    a_look = max(a_node.values()) / looks
    a_minute = a_look * 60 / Pace().idle + 60 / Pace().presence_idle
    assert a_minute <= 30, a_node


async def test_a_slow_node_is_asked_less_often(own: SimulatedCluster, watched: Any) -> None:
    cache.set(looking_key("own"), 1, 60)
    pace = Pace(idle=15, looked=0.15, step=0.05, clusters=0.1)
    async with polling(pace) as (_, heard):
        await until(lambda: ("own", 0.15) in heard.looks)  # a busy machine may stretch single ones

        own.slow(own.nodes[1].id, 0.4)
        slowed = await until(lambda: next((every for _, every in heard.looks if every > 1), None))

        assert 1.2 < slowed <= 15
        assert (await state_of(watched)).node(own.nodes[1].id).answers


async def test_a_dead_node_is_told_by_the_next_look(own: SimulatedCluster, watched: Any) -> None:
    cache.set(looking_key("own"), 1, 60)
    async with polling() as (_, heard):
        await until(lambda: heard.looks)
        own.kill(own.nodes[2].id)
        await until(lambda: len(heard.looks) >= 1)
        before = len(heard.looks)
        await until(lambda: len(heard.looks) >= before + 2)

        state = await state_of(watched)
        assert [node.id for node in state.silent] == [own.nodes[2].id]
        assert state.verdict is not health.Verdict.HEALTHY


async def test_two_pollers_share_one_cluster_and_one_takes_over(watched: Any) -> None:
    async with polling() as (first, heard):
        await until(lambda: heard.looks)
        second = Poller(QUICK, to=(other := Heard()))
        await second.start()
        try:
            await asyncio.sleep(1.5)  # longer than the lease: it is renewed
            assert other.looks == []
            row = await Watch.objects.aget()
            assert row.lease_owner == first.owner

            await first.stop()
            await until(lambda: other.looks, 3)
            assert (await Watch.objects.aget()).lease_owner == second.owner
        finally:
            await second.stop()


async def test_a_poller_that_died_loses_its_lease_by_time(watched: Any) -> None:
    await Watch.objects.acreate(
        cluster=watched, lease_owner="gone:1:ab", lease_until=timezone.now() + timedelta(seconds=0.8)
    )
    async with polling() as (poller, heard):
        await asyncio.sleep(0.3)
        assert heard.looks == []

        await until(lambda: heard.looks, 5)
        assert (await Watch.objects.aget()).lease_owner == poller.owner


def test_a_lease_is_one_holders_at_a_time(watched: Any) -> None:
    Watch.objects.create(cluster=watched)
    rows = Watch.objects.filter(cluster=watched)

    assert locks.hold(rows, "a", 60)
    assert locks.hold(rows, "a", 60)
    assert not locks.hold(rows, "b", 60)
    locks.let_go(rows, "b")
    assert not locks.hold(rows, "b", 60)
    locks.let_go(rows, "a")
    assert locks.hold(rows, "b", 60)


async def test_what_goes_wrong_is_tried_again_and_keeps_to_its_cluster(
    own: SimulatedCluster, watched: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.factories import store_cluster

    await sync_to_async(store_cluster)(own, slug="bad")
    real, failing = poller_module._conclude, True

    def conclude(cluster: Any, state: Any) -> None:
        if cluster.slug == "bad" and failing:
            raise RuntimeError("nobody foresaw this")
        real(cluster, state)

    monkeypatch.setattr(poller_module, "_conclude", conclude)
    async with polling() as (_, heard):
        await until(lambda: len(heard.looks) >= 3)
        assert {slug for slug, _ in heard.looks} == {
            "own"
        }  # no look of it is told: its pages show that it stands still

        failing = False
        await until(lambda: "bad" in {slug for slug, _ in heard.looks})


async def test_clusters_come_change_and_go_while_it_runs(own: SimulatedCluster, watched: Any) -> None:
    from tests.factories import store_cluster

    async with polling() as (poller, heard):
        await until(lambda: heard.looks)
        late = await patiently(lambda: store_cluster(own, slug="late"))
        await until(lambda: "late" in {slug for slug, _ in heard.looks})

        await patiently(late.delete)
        await until(lambda: len(poller._watched) == 1)
        assert not await Watch.objects.filter(cluster_id=late.pk).aexists()


async def saved(row: Any) -> None:
    await patiently(row.save)


async def patiently(write: Callable[[], Any]) -> Any:
    """The tests' database in memory refuses a writer while another thread is at the table; a file would let it wait."""
    async with asyncio.timeout(10):
        while True:
            try:
                return await sync_to_async(write)()
            except OperationalError:
                await asyncio.sleep(0.05)


async def test_another_address_is_another_cluster(own: SimulatedCluster, watched: Any) -> None:
    with SimulatedCluster(nodes=1, seed=9, world="empty", manager_token="sim-token") as other:
        async with polling() as (_, heard):
            await until(lambda: heard.looks)
            watched.api_url, watched.manager_url = other.nodes[0].api_url, other.nodes[0].manager_url
            watched.revision += 1
            await saved(watched)

            async with asyncio.timeout(10):
                while len((await state_of(watched)).nodes) != 1:
                    await asyncio.sleep(0.05)
            assert (await state_of(watched)).verdict is health.Verdict.HEALTHY


async def test_who_comes_and_goes_between_two_looks_is_in_the_feed(own: SimulatedCluster, watched: Any) -> None:
    from tests.directory.wsclient import LiveClient

    cache.set(looking_key("own"), 1, 60)
    cache.set(looking_key("own", "presence"), 1, 60)
    async with polling() as (poller, _):
        (one,) = await until(lambda: list(poller._watched.values()))
        await until(lambda: one.seen)
        client = await asyncio.to_thread(LiveClient, own.nodes[0].ws_url, "li-ve-1")

        async with asyncio.timeout(10):
            while not await Presence.objects.filter(uid="li-ve-1", is_online=True).aexists():
                await asyncio.sleep(0.05)
        await asyncio.to_thread(client.close)
        async with asyncio.timeout(10):
            while not await Presence.objects.filter(uid="li-ve-1", is_online=False).aexists():
                await asyncio.sleep(0.05)

    assert await Presence.objects.acount() == 2


async def test_who_came_while_nobody_compared_came_at_no_moment_that_is_known(
    own: SimulatedCluster, watched: Any
) -> None:
    from tests.directory.wsclient import LiveClient

    cache.set(looking_key("own"), 1, 60)
    cache.set(looking_key("own", "presence"), 1, 60)
    async with polling(replace(QUICK, presence_apart=0.0)) as (poller, _):
        (one,) = await until(lambda: list(poller._watched.values()))
        await until(lambda: one.seen)
        client = await asyncio.to_thread(LiveClient, own.nodes[0].ws_url, "anna")
        await until(lambda: any(who[0] == "anna" for held in one.seen.values() for who in held.values()))
        before = one.seen
        await until(lambda: one.seen is not before)

        assert await Presence.objects.acount() == 0
    await asyncio.to_thread(client.close)


async def test_what_a_comparison_heard_of_the_cluster_before_is_forgotten_with_it(watched: Any) -> None:
    one = poller_module._Watched(watched)

    class Elsewhere:
        async def connections(self) -> ConnectionList:
            one.seen = {}  # meanwhile the cluster is reached differently
            return ConnectionList((), (), (NodeConnections(1001, True, 0, 0),), (), timezone.now())

    await Poller(QUICK)._compare(one, Elsewhere())  # type: ignore[arg-type]

    assert one.seen == {}


async def test_a_dead_node_s_people_are_unknown_not_gone(own: SimulatedCluster, watched: Any) -> None:
    from tests.directory.wsclient import LiveClient

    client = await asyncio.to_thread(LiveClient, own.nodes[1].ws_url, "anna")
    cache.set(looking_key("own"), 1, 60)
    cache.set(looking_key("own", "presence"), 1, 60)
    async with polling() as (poller, heard):
        (one,) = await until(lambda: list(poller._watched.values()))
        await until(lambda: one.seen.get(own.nodes[1].id))
        own.kill(own.nodes[1].id)
        looks = len(heard.looks)
        await until(lambda: len(heard.looks) > looks + 8)

        assert await Presence.objects.acount() == 0
    await asyncio.to_thread(client.close)
