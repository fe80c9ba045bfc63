"""The embedded store when things go wrong: killed, full, locked, damaged, replaced, built anew while it is written to."""

import json
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from imadmin.archive import grams
from imadmin.archive.cover import Without, Word
from imadmin.archive.engines import sqlite as sqlite_engine
from imadmin.archive.engines import sqlite_index
from imadmin.archive.engines.base import StoreUnavailable
from imadmin.archive.engines.sqlite import SqliteEngine
from imadmin.archive.rows import Revision, Trait
from imadmin.gateway.types import ChannelRef
from tests.apart import run_apart
from tests.archive.store_help import GROUP, faults, found, message, said

KILLED = 100_000
CHILD = """
import sys
from pathlib import Path
from imadmin.archive.engines.sqlite import SqliteEngine
from tests.archive.store_help import message
engine = SqliteEngine(Path(sys.argv[1]))
for start in range(int(sys.argv[2]), {most}, 250):
    engine.ingest([message(number, f"word{{number}} 退款") for number in range(start, start + 250)])
    print(start + 250, flush=True)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "1.sqlite3"


@pytest.fixture
def engine(path: Path) -> Any:
    made = SqliteEngine(path)
    yield made
    made.close()


def ingest_until_killed(path: Path, start: int, seconds: float) -> int:
    """How far a process said it was when it was killed."""
    code = CHILD.format(most=KILLED)
    child = subprocess.Popen([sys.executable, "-c", code, str(path), str(start)], stdout=subprocess.PIPE, text=True)
    assert child.stdout
    confirmed = start
    until = time.monotonic() + seconds
    for line in child.stdout:
        confirmed = int(line)
        if time.monotonic() > until:
            break
    child.send_signal(signal.SIGKILL)
    confirmed = max([confirmed, *(int(line) for line in child.stdout if line.endswith("\n"))])
    child.wait()
    return confirmed


def test_a_process_killed_while_writing_loses_nothing_it_confirmed(engine: Any, path: Path) -> None:
    confirmed = 0
    for round_number in range(4):
        confirmed = ingest_until_killed(path, confirmed, 0.3 + 0.2 * round_number)
        stored = engine.totals().messages
        assert stored in (confirmed, confirmed + 250)  # the last batch may be in without having been said to be
        assert engine.hold(GROUP).spans in ((), ((0 if stored == 0 else 1, stored - 1),))
    again = [message(number, f"word{number} 退款") for number in range(confirmed + 250)]
    engine.ingest(again)
    assert engine.totals().messages == confirmed + 250
    assert len({row.id for row in engine.scan(None, most=10**6)}) == confirmed + 250
    assert len(found(engine, "退款", most=10**6)) == confirmed + 250
    assert faults(engine) == []


def test_a_full_disk_stores_nothing_and_says_so(path: Path) -> None:
    engine = SqliteEngine(path)
    engine.ingest([message(1, "退款")])
    with engine._file.writing() as link:
        pages = link.db.execute("PRAGMA page_count").fetchone()[0]
        link.db.execute(f"PRAGMA max_page_count={pages + 4}")
    with pytest.raises(StoreUnavailable, match="full"):
        engine.ingest([message(number, f"退款 {number} " * 400) for number in range(2, 100)])
    assert engine.totals().messages == 1
    assert found(engine, "退款") == [1]
    assert engine.hold(GROUP).spans == ((1, 1),)
    with engine._file.writing() as link:
        link.db.execute("PRAGMA max_page_count=1000000")
    assert engine.ingest([message(2, "退款")]).added == 1  # room again: it goes on without a restart
    assert faults(engine) == []
    engine.close()


def test_a_locked_database_is_waited_for_then_said(path: Path, engine: Any) -> None:
    engine.ingest([message(1)])
    hasty = SqliteEngine(path, busy_ms=50)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match="locked"):
        hasty.ingest([message(2)])
    assert [row.id for row in hasty.scan(None)] == [1]  # reading goes on
    other.execute("ROLLBACK")
    other.close()
    assert hasty.ingest([message(2)]).added == 1
    hasty.close()


def test_a_file_that_is_no_database_is_unavailable(path: Path) -> None:
    path.write_bytes(b"not a database, but long enough to be looked at as one" * 100)
    with pytest.raises(StoreUnavailable):
        SqliteEngine(path).ingest([message(1)])
    with pytest.raises(StoreUnavailable):
        SqliteEngine(path).scan(None)


def test_an_archive_of_a_newer_release_is_left_alone(path: Path, engine: Any) -> None:
    engine.ingest([message(1)])
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version=99")
    with pytest.raises(StoreUnavailable, match="newer"):
        SqliteEngine(path).scan(None)


def test_a_damaged_index_is_told_and_mended(path: Path, engine: Any) -> None:
    engine.ingest([message(number, f"退款 {number}") for number in range(1, 30)])
    with sqlite3.connect(path) as db:
        text = " ".join([*grams.grams("退款 7"), *grams.tokens(GROUP, "u1", engine.by_ids([7])[7].kind, Trait(0))])
        db.execute("INSERT INTO g(g, rowid, t) VALUES ('delete', ?, ?)", (engine.by_ids([7])[7].rid, text))
        db.execute("DELETE FROM span")
        db.execute("UPDATE chan SET count = 5")
    told = {fault.what: fault for fault in faults(engine)}
    assert told["Messages are missing from the index"].count == 1
    assert told["Messages aren't found by their own words"].examples == ("7",)
    assert told["Messages are stored whose number isn't recorded as held"].count == 29
    assert told["The counts of channels differ from what is stored"].examples == ("2/g1",)
    assert engine.reindex(should_stop=lambda: False, tell=lambda count: None)
    assert not any("index" in fault.what or "words" in fault.what for fault in faults(engine))
    assert 7 in found(engine, "退款")


def test_an_archive_deleted_elsewhere_begins_anew_here(path: Path, engine: Any) -> None:
    engine.ingest([message(1)])
    assert engine.scan(None)
    other = SqliteEngine(path)
    other.ingest([message(2)])
    other.drop()
    assert not path.exists()
    assert engine.scan(None) == []
    assert engine.ingest([message(3)]).added == 1
    assert [row.id for row in other.scan(None)] == [3]
    other.close()


def test_a_child_process_opens_the_archive_for_itself(path: Path, engine: Any) -> None:
    code = """
import sys
from pathlib import Path
from imadmin.archive.engines.sqlite import SqliteEngine
from tests.archive.store_help import message
engine = SqliteEngine(Path(sys.argv[1]))
engine.ingest([message(1)])
with engine._file._writing:  # by another thread, that is: it doesn't follow into the child
    assert forked(lambda: engine.ingest([message(2)]).added == 1 and len(engine.scan(None)) == 2)
assert engine.ingest([message(3)]).added == 1
engine.close()
"""
    run_apart(code, path)
    assert [row.id for row in engine.scan(None)] == [3, 2, 1]


@pytest.mark.parametrize(
    "text",
    [
        "a" * 1_000_000,
        "退" * 350_000,
        "   \n\t\u3000",
        "\u202e\u202dabc\u2066",
        "<script>alert(1)</script>",
        "\ud800x",
        "a\x00b",
        "👨‍👩‍👧‍👦🇨🇳",
    ],
)
def test_any_body_is_kept_and_found_by_id(engine: Any, text: str) -> None:
    body = json.dumps({"type": 1, "content": text}).encode()
    odd = message(1, payload=body, from_uid="u\ud800", channel=ChannelRef("c\ud800\x00", 2), client_msg_no="\ud800")
    assert engine.ingest([odd, message(2, "x", said="y\ud800")]).added == 2
    assert engine.ingest([odd]).known == 1
    assert engine.by_ids([1])[1].payload == body
    assert [row.id for row in engine.scan(grams.kind_of_channel_token(2))] == [2, 1]
    assert faults(engine) == []


def test_the_index_is_built_anew_beside_writing_and_reading(engine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_index, "BUILD_BATCH", 40)
    engine.ingest([message(number, f"退款 {number}") for number in range(1, 400)])
    told: list[int] = []

    def go_on(count: int) -> None:
        """Between two batches: new messages, late ones, changed ones; readers see everything all the time."""
        told.append(count)
        step = len(told)
        engine.ingest([message(1000 + step, "退款 new"), message(2000 + step, "退款 late", sent_at=5 + step)])
        engine.revise([Revision(step, said="改了"), Revision(400 - step, set=Trait.REVOKED)])
        assert len(found(engine, "退款", most=9999)) == 399 + step

    assert engine.reindex(should_stop=lambda: len(told) > 60, tell=go_on)
    count = engine.totals().messages
    assert len(engine.scan(grams.sender_token("u1"), most=9999)) == count
    revoked = Without(Word("退", prefix="退"), (grams.trait_token(Trait.REVOKED),))
    assert len(engine.scan(revoked, most=9999)) == count - 2 * len(told)
    assert len(found(engine, "改了", most=9999)) == len(told)
    assert faults(engine) == []


def test_a_stopped_build_leaves_the_old_index_in_use(engine: Any) -> None:
    engine.ingest([message(number, "退款") for number in range(1, 5)])
    assert not engine.reindex(should_stop=lambda: True, tell=lambda count: None)
    engine.ingest([message(5, "退款")])
    assert found(engine, "退款") == [5, 4, 3, 2, 1]
    assert engine.note("building") == ""
    assert faults(engine) == []


def test_a_build_that_died_is_not_written_to_for_ever(engine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    engine.ingest([message(number, "退款") for number in range(1, 5)])
    sqlite_index._begin(engine._file)
    engine.ingest([message(5, "退款")])
    assert engine.note("building")
    monkeypatch.setattr(sqlite_index, "ABANDONED", -1.0)
    engine.ingest([message(6, "退款")])
    assert engine.note("building") == ""
    assert engine.reindex(should_stop=lambda: False, tell=lambda count: None)
    assert found(engine, "退款") == [6, 5, 4, 3, 2, 1]
    assert faults(engine) == []


def test_an_index_of_another_release_is_not_trusted_until_it_is_built_anew(engine: Any) -> None:
    engine.ingest([message(number, "退款") for number in range(1, 5)])
    engine.note("norm_version", "0")
    assert found(engine, "鲸") == [4, 3, 2, 1]  # every message is a candidate: slow, and nothing is missed
    engine.revise([Revision(2, said="鲸")])
    assert faults(engine)[0].what.startswith("The index was made by another release")
    assert engine.reindex(should_stop=lambda: False, tell=lambda count: None)
    assert found(engine, "鲸") == [2]
    assert faults(engine) == []


def test_readers_and_writers_of_several_threads(engine: Any) -> None:
    errors: list[BaseException] = []

    def write(first: int) -> None:
        try:
            for start in range(first, first + 400, 50):
                engine.ingest(
                    [
                        message(number, f"退款 {number}", payload=said(f"退款 {number}"))
                        for number in range(start, start + 50)
                    ]
                )
        except BaseException as error:
            errors.append(error)

    def read() -> None:
        try:
            for _ in range(60):
                seen = [row.rid for row in engine.scan(Word("退款", grams=("退款",)), most=100)]
                assert seen == sorted(set(seen), reverse=True)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=(number * 1000 + 1,)) for number in range(3)]
    threads += [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert engine.totals().messages == 1200
    assert engine.hold(GROUP).spans == ((1, 400), (1001, 1400), (2001, 2400))
    assert faults(engine) == []


def test_a_page_never_reads_the_whole_index_of_a_large_archive(
    path: Path, engine: SqliteEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_engine, "SMALL_PAGES", 2)
    engine.ingest([message(number, f"word{number}") for number in range(300)])
    asked: list[str] = []
    with engine._file.reading() as db:
        db.set_trace_callback(asked.append)
    assert engine.totals().index_bytes == 0, "nobody knows yet"
    assert asked and not any("g_data" in one for one in asked)
    engine.measure()
    size = engine.totals().index_bytes
    assert 0 < size < engine.totals().bytes
    other = SqliteEngine(path)
    engine.ingest([message(number, f"word{number}") for number in range(300, 900)])
    asked.clear()
    assert other.totals().index_bytes > size, "of a file that has grown, by its pages"
    assert engine.totals().index_bytes == other.totals().index_bytes
    assert not any("block" in one for one in asked)
    other.close()
