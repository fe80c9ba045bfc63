"""The process is killed with -9 while the webhook pours in: what was answered 200 is in the archive, each once."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from imadmin.archive.engines.sqlite import SqliteEngine
from imadmin.gateway.types import ChannelRef
from tests.live.test_archive_feed import told
from tests.product import ROOT, free_port
from tests.sizes import killed_messages, kills

BATCH, CHANNELS = 50, 20
BATCHES = killed_messages(6_000) // BATCH
MESSAGES, KILLS = BATCH * BATCHES, kills(BATCH * BATCHES)
PATIENCE = 200 + MESSAGES // 50  # seconds, an upper bound for a busy machine
SET_UP = """
from imadmin.archive.models import Archive
from imadmin.clusters.models import Cluster
from imadmin.live.hook_setup import open_unasked
cluster = Cluster.objects.create(slug="fed", name="Fed", api_url="http://127.0.0.1:9")
Archive.objects.create(cluster=cluster, is_on=True)
print("PATH", cluster.pk, open_unasked(cluster, may_make=True))
"""


class Source:
    """A server that never gives a batch up: it sends it again until it is answered with 200."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.answered: set[int] = set()
        self.tries = 0
        self._lock = threading.Lock()
        self._waiting = [list(range(start, start + BATCH)) for start in range(1, MESSAGES + 1, BATCH)]
        self._threads = [threading.Thread(target=self._send, daemon=True) for _ in range(3)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def wait(self, seconds: float) -> None:
        ends_at = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, ends_at - time.monotonic()))
        assert not any(thread.is_alive() for thread in self._threads)

    def _send(self) -> None:
        with httpx.Client(timeout=10, trust_env=False) as client:
            while True:
                with self._lock:
                    if not self._waiting:
                        return
                    batch = self._waiting.pop()
                body = json.dumps([message(number) for number in batch]).encode()
                while not self._is_taken(client, body):
                    time.sleep(0.05)
                with self._lock:
                    self.answered.update(batch)

    def _is_taken(self, client: httpx.Client, body: bytes) -> bool:
        self.tries += 1
        try:
            return client.post(f"{self.address}?event=msg.notify", content=body).status_code == 200
        except httpx.HTTPError:
            return False


def message(number: int) -> dict[str, Any]:
    """Spread over the channels; whole numbers from 1 on in each."""
    seq, channel = divmod(number - 1, CHANNELS)
    return told(number, f"text {number} 退款", channel_id=f"g{channel}", message_seq=seq + 1)


class Server:
    """The door in a process of its own, on the same port and data again after each kill."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.environment = {**os.environ, "IMADMIN_DATA_DIR": str(folder), "DJANGO_SETTINGS_MODULE": "imadmin.settings"}
        self.process: subprocess.Popen[bytes] | None = None

    def manage(self, *words: str) -> str:
        return subprocess.run(
            [sys.executable, "manage.py", *words], cwd=ROOT, env=self.environment, check=True, timeout=300,
            stdout=subprocess.PIPE, text=True,
        ).stdout  # fmt: skip

    def start(self) -> None:
        command = [sys.executable, "-m", "uvicorn", "tests.live.feed_server:application", "--port", str(self.port),
                   "--log-level", "warning", "--no-access-log"]  # fmt: skip
        self.process = subprocess.Popen(command, cwd=ROOT, env=self.environment)

    def end(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)
        self.process.wait(60)


@pytest.mark.timeout(PATIENCE * 2)
def test_nothing_answered_is_lost_and_nothing_doubled(tmp_path: Path, empty_database: Path) -> None:
    shutil.copytree(empty_database.parent, tmp_path, dirs_exist_ok=True)
    server = Server(tmp_path)
    made = server.manage("shell", "-c", SET_UP)
    _, pk, path = next(line for line in made.splitlines() if line.startswith("PATH")).split()
    store = tmp_path / "archive" / f"{pk}.sqlite3"
    source = Source(f"http://127.0.0.1:{server.port}{path}")
    server.start()
    began = time.monotonic()
    try:
        source.start()
        for number in range(1, KILLS + 1):
            _until(lambda number=number: len(source.answered) >= number * MESSAGES // (KILLS + 1))
            server.end(signal.SIGKILL)
            assert source.answered <= set(_ids(store))
            server.start()
        source.wait(PATIENCE)
    finally:
        server.end(signal.SIGTERM)
    seconds = time.monotonic() - began

    found = Counter(_ids(store))
    sent = set(range(1, MESSAGES + 1))
    lost, doubled = len(sent - set(found)), sum(count - 1 for count in found.values())
    print(f"{found.total()} added, {lost} lost, {doubled} doubled, {CHANNELS} channels, {KILLS} kills, {seconds:.0f} s")
    assert source.tries > BATCHES  # some were sent again
    assert found == Counter(sent)
    _is_whole(store)


def _is_whole(store: Path) -> None:
    """Each channel from its first number to its last, and nothing wrong with the file."""
    engine = SqliteEngine(store)
    for channel in range(CHANNELS):
        hold = engine.hold(ChannelRef(f"g{channel}", 2))
        assert hold is not None
        assert (hold.messages, hold.spans, hold.gaps) == (MESSAGES // CHANNELS, ((1, MESSAGES // CHANNELS),), ())
    assert not list(engine.verify())
    engine.close()


def _ids(store: Path) -> list[int]:
    """Of all rows as they lie there, whatever the engine makes of them."""
    with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as db:
        return [row[0] for row in db.execute("SELECT mid FROM msg")]


def _until(holds: Any, seconds: float = PATIENCE) -> None:
    ends_at = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < ends_at
        time.sleep(0.02)
