"""One writer a store: calls are joined, each hears what became of its own part."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from imadmin.archive import stores, writer
from imadmin.archive.engines.base import StoreUnavailable
from imadmin.archive.engines.sqlite import SqliteEngine
from imadmin.archive.rows import BrokenCall, Taken
from tests.apart import run_apart
from tests.archive.store_help import faults, message

PK = 7


@pytest.fixture(autouse=True)
def _stopped() -> Iterator[None]:
    yield
    writer.stop()


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """gate.clear() holds the store's transactions back; gate.batches are their sizes."""
    opened = threading.Event()
    opened.set()
    opened.batches = []  # type: ignore[attr-defined]
    real = SqliteEngine.ingest

    def ingest(self: SqliteEngine, incoming: Any, broken: Any = ()) -> Taken:
        opened.wait(20)
        opened.batches.append(len(incoming))  # type: ignore[attr-defined]
        return real(self, incoming, broken)

    monkeypatch.setattr(SqliteEngine, "ingest", ingest)
    yield opened
    opened.set()


def side_by_side(*calls: Callable[[], Any]) -> list[Any]:
    """What each of them gave back or raised; started one after the other, running together."""
    results: list[Any] = [None] * len(calls)

    def run(place: int) -> None:
        try:
            results[place] = calls[place]()
        except Exception as error:
            results[place] = error

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(calls))]
    for thread in threads:
        thread.start()
        time.sleep(0.02)  # in this order into the line
    for thread in threads:
        thread.join()
    return results


def open_later(gate: Any) -> None:
    threading.Timer(0.5, gate.set).start()


def test_what_is_written_is_there_when_it_returns() -> None:
    taken = writer.write(PK, [message(1), message(2), message(1)], [BrokenCall(0, 1, "e", "w", b"")])
    assert (taken.added, taken.known) == (2, 1)
    engine = stores.engine_of(PK)
    assert (engine.totals().messages, engine.totals().broken) == (2, 1)
    assert writer.write(PK, []) == Taken(0, 0)


def test_calls_that_wait_are_joined_and_each_hears_its_own_part(gate: Any) -> None:
    gate.clear()
    open_later(gate)
    calls = [
        lambda: writer.write(PK, [message(1)]),
        lambda: writer.write(PK, [message(2), message(3)]),
        lambda: writer.write(PK, [message(3), message(4)]),
        lambda: writer.write(PK, [message(5, seq=4)]),
    ]
    results = side_by_side(*calls)
    assert [(taken.added, taken.known, taken.doubled) for taken in results] == [
        (1, 0, 0),
        (2, 0, 0),
        (1, 1, 1),
        (1, 0, 1),
    ]
    assert gate.batches == [1, 5]
    assert results[1].ids == {2, 3}


def test_one_call_that_can_t_be_stored_fails_alone(gate: Any) -> None:
    gate.clear()
    open_later(gate)
    poison = message(3, sent_at="yesterday")
    results = side_by_side(
        lambda: writer.write(PK, [message(1)]),
        lambda: writer.write(PK, [message(2)]),
        lambda: writer.write(PK, [poison, message(4)]),
        lambda: writer.write(PK, [message(5)]),
    )
    assert isinstance(results[2], Exception)
    assert not isinstance(results[2], StoreUnavailable)
    assert [results[place].added for place in (0, 1, 3)] == [1, 1, 1]
    assert {row.id for row in stores.engine_of(PK).scan(None)} == {1, 2, 5}


def test_an_unavailable_store_is_said_to_everyone_and_recovers(gate: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Any, incoming: Any, broken: Any = ()) -> Taken:
        gate.wait(20)
        raise StoreUnavailable("database or disk is full")

    gate.clear()
    open_later(gate)
    with monkeypatch.context() as patched:
        patched.setattr(SqliteEngine, "ingest", full)
        results = side_by_side(*[lambda number=number: writer.write(PK, [message(number)]) for number in range(1, 4)])
    assert all(isinstance(result, StoreUnavailable) for result in results)
    assert writer.write(PK, [message(1)]).added == 1


def test_callers_wait_for_room_then_hear_that_there_is_none(gate: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "MOST_WAITING", 3)
    monkeypatch.setattr(writer, "PATIENCE", 0.2)
    gate.clear()
    threads = [threading.Thread(target=writer.write, args=(PK, [message(number)])) for number in range(1, 5)]
    for thread in threads:
        thread.start()
        time.sleep(0.05)
    with pytest.raises(StoreUnavailable, match="more messages"):
        writer.write(PK, [message(9)])
    gate.set()
    for thread in threads:
        thread.join()
    assert writer.write(PK, [message(9)]).added == 1
    assert stores.engine_of(PK).totals().messages == 5


def test_listeners_hear_of_each_commit_and_can_t_break_it() -> None:
    heard: list[tuple[int, int]] = []
    ends = [
        writer.on_commit(lambda pk, taken: heard.append((pk, taken.added))),
        writer.on_commit(lambda pk, taken: 1 // 0),
    ]
    try:
        writer.write(PK, [message(1), message(2)])
        writer.write(8, [message(3)])
        writer.stop()
        assert heard == [(7, 2), (8, 1)]
    finally:
        for end in ends:
            end()
    writer.write(PK, [message(4)])
    writer.stop()
    assert len(heard) == 2


def test_stopping_writes_what_waits_and_the_next_call_starts_anew(gate: Any) -> None:
    gate.clear()
    threads = [threading.Thread(target=writer.write, args=(PK, [message(number)])) for number in range(1, 6)]
    for thread in threads:
        thread.start()
    time.sleep(0.1)
    open_later(gate)
    writer.stop()
    for thread in threads:
        thread.join()
    assert stores.engine_of(PK).totals().messages == 5
    assert writer.write(PK, [message(6)]).added == 1


def test_a_child_process_has_a_writer_of_its_own(settings: Any) -> None:
    code = """
import sys
from django.conf import settings
os.environ["DJANGO_SETTINGS_MODULE"] = "imadmin.settings"
settings.ARCHIVE_URL, settings.ARCHIVE_DIR = "", sys.argv[1]
from imadmin.archive import writer
from tests.archive.store_help import message
writer.write(7, [message(1)])
assert forked(lambda: writer.write(7, [message(2)]).added == 1)
assert writer.write(7, [message(2), message(3)]).added == 1
writer.stop()
"""
    run_apart(code, settings.ARCHIVE_DIR)
    assert stores.engine_of(PK).totals().messages == 3


def test_many_callers_of_several_processes_store_each_message_once(tmp_path: Path, settings: Any) -> None:
    code = """
import os, sys, threading
import django
from django.conf import settings
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "imadmin.settings")
settings.ARCHIVE_URL, settings.ARCHIVE_DIR = "", sys.argv[1]
from imadmin.archive import writer
from tests.archive.store_help import message
def run(first):
    for start in range(first, 2000, 100):
        writer.write(7, [message(number) for number in range(start + 1, start + 101)])
threads = [threading.Thread(target=run, args=(first * 50,)) for first in range(3)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
"""
    children = [subprocess.Popen([sys.executable, "-c", code, str(settings.ARCHIVE_DIR)]) for _ in range(2)]
    assert [child.wait(120) for child in children] == [0, 0]
    engine = stores.engine_of(PK)
    assert engine.totals().messages in (2000, 2050)
    assert faults(engine) == []
