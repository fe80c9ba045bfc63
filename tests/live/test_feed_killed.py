"""The process is killed with -9 while the webhook pours in: what was answered 200 is in the archive, each once."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import httpx

from imadmin.archive.engines.sqlite import SqliteEngine
from imadmin.gateway.types import ChannelRef
from tests.live.test_archive_feed import told
from tests.product import ROOT, free_port

BATCH, BATCHES, KILLS = 50, 120, 2
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
        self._waiting = [list(range(start, start + BATCH)) for start in range(1, BATCH * BATCHES + 1, BATCH)]
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
                body = json.dumps([told(number, f"text {number} 退款") for number in batch]).encode()
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


def test_nothing_answered_is_lost_and_nothing_doubled(tmp_path: Path) -> None:
    server = Server(tmp_path)
    server.manage("migrate", "-v0")
    made = server.manage("shell", "-c", SET_UP)
    _, pk, path = next(line for line in made.splitlines() if line.startswith("PATH")).split()
    store = tmp_path / "archive" / f"{pk}.sqlite3"
    source = Source(f"http://127.0.0.1:{server.port}{path}")
    server.start()
    try:
        source.start()
        for number in range(1, KILLS + 1):
            _until(lambda number=number: len(source.answered) >= number * BATCH * BATCHES // (KILLS + 1))
            server.end(signal.SIGKILL)
            assert source.answered <= _ids(store)
            server.start()
        source.wait(200)
    finally:
        server.end(signal.SIGTERM)

    engine = SqliteEngine(store)
    rows = engine.scan(None, most=BATCH * BATCHES + 10)
    assert source.tries > BATCHES  # some were sent again
    assert sorted(row.id for row in rows) == list(range(1, BATCH * BATCHES + 1))
    hold = engine.hold(ChannelRef("g", 2))
    assert hold is not None and (hold.messages, hold.spans, hold.gaps) == (len(rows), ((1, len(rows)),), ())
    assert not list(engine.verify())
    engine.close()


def _ids(store: Path) -> set[int]:
    engine = SqliteEngine(store)
    try:
        return {row.id for row in engine.scan(None, most=BATCH * BATCHES + 10)}
    finally:
        engine.close()


def _until(holds: Any, seconds: float = 200) -> None:
    ends_at = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < ends_at
        time.sleep(0.02)
