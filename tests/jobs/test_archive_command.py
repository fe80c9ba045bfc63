"""`manage.py archive` in processes of its own, killed and begun again; a real data folder, a simulated cluster."""

import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from imadmin.archive.engines.sqlite import SqliteEngine
from imadmin.archive.rows import Incoming
from imadmin.gateway.types import ChannelRef
from tests.jobs.site import PATIENCE as _PATIENCE
from tests.jobs.site import ROOT, environment
from tests.sizes import killed_messages, kills

EACH = 250
CHANNELS = killed_messages(8_000) // EACH
MESSAGES, KILLS = CHANNELS * EACH, kills(CHANNELS * EACH)
PATIENCE = _PATIENCE + MESSAGES // 50  # seconds, an upper bound for a busy machine
pytestmark = pytest.mark.timeout(PATIENCE * 3)


@pytest.fixture
def folder(tmp_path: Path, empty_database: Path) -> Path:
    shutil.copytree(empty_database.parent, tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture
def manage(folder: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    def run(*words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "manage.py", *words], cwd=ROOT, env=environment(folder), capture_output=True, text=True,
            timeout=PATIENCE,
        )  # fmt: skip
        assert done.returncode == code, done.stderr + done.stdout
        return done

    return run


@pytest.fixture
def site(sim: Any, manage: Any, tmp_path: Path) -> Iterator[Counter[int]]:
    """A stored cluster with an open archive; the ids of all its messages."""
    token, password = tmp_path / "token", tmp_path / "password"
    token.write_text("sim-token")
    password.write_text("pwd")
    ids = sim.call(
        lambda state: [
            state.add_message("ann", f"g{channel}", f"m{number}").id
            for number in range(EACH)
            for channel in range(CHANNELS)
        ]
    )
    node = sim.nodes[0]
    manage("cluster", "add", "own", "--api", node.api_url, "--manager", node.manager_url, "--token-file", str(token),
           "--jwt-user", "admin", "--jwt-password-file", str(password))  # fmt: skip
    said = manage("archive", "on", "own", "--budget", "10").stdout
    assert f"{CHANNELS} channels, {MESSAGES} messages" in said.replace("\u202f", "")
    yield Counter(ids)


def stored(folder: Path) -> Counter[int]:
    (path,) = folder.rglob("archive*/*.sqlite3") if list(folder.rglob("archive*/*.sqlite3")) else [None]
    if path is None:
        return Counter()
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
        return Counter(row[0] for row in db.execute("SELECT mid FROM msg"))


def backfill(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "manage.py", "archive", "backfill", "own", "--every", "0.2"],
        cwd=ROOT, env=environment(folder) | {"PYTHONUNBUFFERED": "1"}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True,
    )  # fmt: skip


def until_some(folder: Path, more_than: int) -> None:
    ends_at = time.monotonic() + PATIENCE
    while stored(folder).total() <= more_than:
        assert time.monotonic() < ends_at, "nothing came"
        time.sleep(0.1)


def test_killed_in_the_middle_again_and_again_it_loses_and_doubles_nothing(
    site: Counter[int], folder: Path, manage: Any
) -> None:
    began, reached = time.monotonic(), 0
    for number in range(KILLS):
        process = backfill(folder)
        until_some(folder, max(reached, number * MESSAGES // (KILLS + 1)))
        os.kill(process.pid, signal.SIGKILL)
        process.wait(PATIENCE)
        reached = stored(folder).total()
        assert 0 < reached < MESSAGES
    done = manage("archive", "backfill", "own")
    found, seconds = stored(folder), time.monotonic() - began
    lost, doubled = (site - found).total(), (found - site).total()
    print(f"{found.total()} added, {lost} lost, {doubled} doubled, {CHANNELS} channels, {KILLS} kills, {seconds:.0f} s")
    assert found == site
    assert re.search(r"done\t\d+", done.stdout)
    stats = dict(line.split("\t", 1) for line in manage("archive", "stats", "own").stdout.splitlines())
    assert stats["state"] == "complete" and stats["messages"] == str(MESSAGES)
    assert stats["numbers missing"] == "0" and int(stats["bytes a message"]) > 0
    manage("archive", "reindex", "own")
    verified = manage("archive", "verify", "own").stdout
    assert f"checked\t{MESSAGES} messages, {CHANNELS} channels" in verified and "found\tnothing wrong" in verified


def test_interrupted_it_ends_by_itself_and_goes_on_next_time(site: Counter[int], folder: Path, manage: Any) -> None:
    process = backfill(folder)
    until_some(folder, 0)
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130 and "Begin it again to go on." in said
    assert 0 < stored(folder).total() < MESSAGES
    manage("archive", "backfill", "own")
    assert stored(folder) == site


def test_what_the_server_does_not_list_is_no_success(site: Counter[int], folder: Path, manage: Any) -> None:
    """The feed told of channels that the server doesn't have: nothing reads what is missing of them."""
    manage("archive", "backfill", "own")
    (path,) = folder.rglob("archive*/*.sqlite3")
    engine = SqliteEngine(path)
    engine.ingest(
        [Incoming(seq, seq + 5, ChannelRef(f"lost{seq}", 2), "ann", 1_700_000_000, b"{}") for seq in range(1, 13)]
    )
    engine.close()
    said = manage("archive", "backfill", "own", code=3)
    assert "The server doesn't list 12 channels, 126 messages: they can't be read." in said.stderr
    stats = manage("archive", "stats", "own").stdout
    assert stats.count("not listed by the server") == 10 and "gap\t… and 2 more channels" in stats
    assert "channels not listed\t12" in stats and "missing of those\t126" in stats


def test_a_closed_archive_is_not_filled(site: Counter[int], folder: Path, manage: Any) -> None:
    manage("archive", "off", "own")
    assert "The archive of this cluster is closed." in manage("archive", "backfill", "own", code=1).stderr
    assert not stored(folder)
