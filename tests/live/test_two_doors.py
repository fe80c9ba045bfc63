"""Two processes with a door on one archive: both are told the same again and again while a backfill reads the cluster."""

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
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from imadmin.archive.engines.sqlite import SqliteEngine
from imadmin.simulator import SimulatedCluster
from tests.live.test_archive_feed import told
from tests.live.test_feed_killed import Server
from tests.product import ROOT
from tests.sizes import KILLED_MESSAGES

pytestmark = [
    pytest.mark.skipif(not os.environ.get(KILLED_MESSAGES), reason=f"{KILLED_MESSAGES} is not set: a long one"),
    pytest.mark.timeout(1800),
]

CHANNELS, EACH, BATCH = 20, 60, 40
SET_UP = """
from imadmin.archive.models import Archive
from imadmin.clusters.models import Cluster
from imadmin.core import crypto
from imadmin.live.hook_setup import open_unasked
cluster = Cluster.objects.create(
    slug="sim", name="Sim", api_url="{node.api_url}", manager_url="{node.manager_url}",
    sealed_token=crypto.seal("sim-token"), jwt_user="admin", sealed_jwt_password=crypto.seal("pwd"))
Archive.objects.create(cluster=cluster, is_on=True, budget=20)
print("PATH", open_unasked(cluster, may_make=True))
"""


class Teller:
    """A node that tells one door everything, each batch until it is answered with 200, again and again to the end."""

    def __init__(self, address: str, batches: list[list[dict[str, Any]]], is_over: Callable[[], bool]) -> None:
        self.codes: Counter[int] = Counter()
        self._address, self._batches, self._is_over = address, batches, is_over
        self.thread = threading.Thread(target=self._tell, daemon=True)

    def _tell(self) -> None:
        with httpx.Client(timeout=60, trust_env=False) as client:
            while not self._is_over():
                for batch in self._batches:
                    while self._call(client, batch) != 200:
                        time.sleep(0.05)

    def _call(self, client: httpx.Client, batch: list[dict[str, Any]]) -> int:
        try:
            answer = client.post(self._address, params={"event": "msg.notify"}, content=json.dumps(batch))
        except httpx.ConnectError:  # not up yet
            return 0
        self.codes[answer.status_code] += 1
        return answer.status_code


def said(state: Any) -> list[dict[str, Any]]:
    """What the cluster has, as it tells it."""
    found = []
    for number in range(EACH):
        for channel in range(CHANNELS):
            one = state.add_message("ann", f"g{channel}", f"m{number} 退款")
            found.append(told(one.id, channel_id=one.channel_id, message_seq=one.seq, payload=one.payload))
    return found


def test_nothing_is_lost_and_nothing_doubled_whoever_takes_it(tmp_path: Path, empty_database: Path) -> None:
    shutil.copytree(empty_database.parent, tmp_path, dirs_exist_ok=True)
    doors = [Server(tmp_path), Server(tmp_path)]
    with SimulatedCluster(nodes=1, seed=11, world="empty", manager_token="sim-token") as sim:
        listed = sim.call(said)
        # Both doors are told half of what the backfill reads, and some that it can't know.
        unlisted = [told(number, channel_id="gone", message_seq=number) for number in range(1, 401)]
        messages = listed[::2] + unlisted
        batches = [messages[start : start + BATCH] for start in range(0, len(messages), BATCH)]
        made = doors[0].manage("shell", "-c", SET_UP.format(node=sim.nodes[0]))
        path = next(line for line in made.splitlines() if line.startswith("PATH")).split()[1]
        for door in doors:
            door.start()
        with subprocess.Popen(
            [sys.executable, "manage.py", "archive", "backfill", "sim"], cwd=ROOT, env=doors[0].environment,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        ) as fill:  # fmt: skip
            tellers = [
                Teller(f"http://127.0.0.1:{door.port}{path}", batches[::way], lambda: fill.poll() is not None)
                for door in doors
                for way in (1, -1)
            ]
            for teller in tellers:
                teller.thread.start()
            how, _ = fill.communicate(timeout=200)
            assert fill.returncode in (0, 3), how  # 3: of one channel there is nothing to read
        for teller in tellers:
            teller.thread.join(60)
        for door in doors:
            door.end(signal.SIGTERM)

    print([dict(teller.codes) for teller in tellers])
    assert all(set(teller.codes) <= {200, 503} and teller.codes[200] >= len(batches) for teller in tellers)
    (store,) = (tmp_path / "archive").glob("*.sqlite3")
    with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as db:
        found = Counter(row[0] for row in db.execute("SELECT mid FROM msg"))
    assert found == Counter(one["message_id"] for one in listed + unlisted)
    engine = SqliteEngine(store)
    assert not list(engine.verify())
    engine.close()
