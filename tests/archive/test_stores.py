"""Which engine serves a cluster: one that can't be opened holds up nobody else, and is said as what it is."""

import threading
from typing import Any

import pytest

from imadmin.archive import completeness, reading, running, stores, streams
from imadmin.archive.engines.base import NO_STORE, StoreUnavailable
from imadmin.core.errors import Busy
from tests.apart import run_apart


class Opened:
    def __init__(self) -> None:
        self.is_closed = False

    def close(self) -> None:
        self.is_closed = True


@pytest.fixture(autouse=True)
def _nothing_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "_open", {})


def test_a_store_that_is_slow_to_open_holds_up_no_other_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    may_go_on, begun = threading.Event(), threading.Event()

    def opened(cluster_pk: int) -> Any:
        if cluster_pk == 1:
            begun.set()
            may_go_on.wait(30)
        return Opened()

    monkeypatch.setattr(stores, "_opened", opened)
    slow = threading.Thread(target=stores.engine_of, args=(1,))
    other = threading.Thread(target=stores.engine_of, args=(2,))
    slow.start()
    assert begun.wait(10)
    other.start()
    other.join(10)
    was_held_up = other.is_alive()
    may_go_on.set()
    slow.join()
    other.join()
    assert not was_held_up


def test_two_that_open_the_same_store_at_once_get_the_same_one(monkeypatch: pytest.MonkeyPatch) -> None:
    both, made = threading.Barrier(2), []

    def opened(_pk: int) -> Any:
        both.wait(10)
        made.append(Opened())
        return made[-1]

    monkeypatch.setattr(stores, "_opened", opened)
    got: list[Any] = []
    threads = [threading.Thread(target=lambda: got.append(stores.engine_of(1))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got[0] is got[1] and not got[0].is_closed
    assert [one.is_closed for one in made if one is not got[0]] == [True]


def test_a_child_waits_for_no_thread_of_its_parent() -> None:
    code = """
from imadmin.archive import stores
with stores._lock:
    assert forked(lambda: stores._lock.acquire(timeout=1))
    assert not stores._lock.acquire(timeout=0.1)
"""
    run_apart(code)


@pytest.mark.parametrize(
    "ask",
    [
        completeness.status,
        completeness.of_channels,
        completeness.channels,
        running.estimate,
        streams.refresh,
        reading.Reader,
    ],
    ids=lambda ask: ask.__qualname__,
)
def test_a_store_that_is_away_is_busy_and_no_fault_of_ours(
    ask: Any, own_cluster: Any, scope_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_pk: int) -> Any:
        raise StoreUnavailable("connection refused")

    monkeypatch.setattr(stores, "_opened", away)
    with pytest.raises(Busy) as caught:
        ask(scope_of(own_cluster, "owner"))
    assert caught.value.message == NO_STORE and caught.value.hint
