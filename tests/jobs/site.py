"""Real processes of the product on a data folder of their own, in either mode, as the tests of jobs need them."""

import json
import os
import select
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.redis_process import RedisProcess

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 90.0  # an upper bound for a busy machine, not a measure


def environment(folder: Path, redis: RedisProcess | None = None) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("IMADMIN_")}
    return kept | {
        "IMADMIN_DATA_DIR": str(folder),
        "IMADMIN_REDIS_URL": redis.url if redis else "",
        "DJANGO_SETTINGS_MODULE": "imadmin.settings",
        "PYTHONPATH": str(ROOT),
    }


class Process:
    """One process: told lines, answers lines."""

    def __init__(self, role: str, env: dict[str, str], log: Path) -> None:
        self._log = log.open("ab")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.jobs.process", role],
            cwd=ROOT, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, text=True,
        )  # fmt: skip
        assert self.answer() == "ready"

    @property
    def pid(self) -> int:
        return self._process.pid

    def tell(self, *words: str) -> str:
        assert self._process.stdin
        self._process.stdin.write(json.dumps(words) + "\n")
        self._process.stdin.flush()
        return self.answer()

    def answer(self) -> str:
        assert self._process.stdout
        readable, _, _ = select.select([self._process.stdout], [], [], PATIENCE)
        assert readable, "no answer"
        return self._process.stdout.readline().strip()

    def kill(self) -> None:
        """As the kernel does when memory is short: no last word."""
        self._process.kill()
        self._process.wait(PATIENCE)

    def stop(self) -> int:
        """Politely; returns the exit code."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(PATIENCE)
        finally:
            if self._process.poll() is None:
                self.kill()
            self._log.close()


class Site:
    """worker: carries runs out.  control: starts them; the same process unless `apart` opens one that does no work."""

    def __init__(self, folder: Path, database: Path, redis: RedisProcess | None) -> None:
        self.folder, self.redis = folder, redis
        shutil.copy(database, folder / "imadmin.sqlite3")
        self._env = environment(folder, redis)
        self._processes: list[Process] = []
        self.worker: Process = None  # type: ignore[assignment]
        self._control: Process | None = None

    def __enter__(self) -> "Site":
        if self.redis:
            self.redis.client().flushall()
        self.open_worker()
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.stop()

    def open_worker(self) -> None:
        self.worker = self._open("worker" if self.redis else "embedded")

    @property
    def control(self) -> Process:
        return self._control or self.worker

    def apart(self) -> None:
        """From now on runs are wanted by another process than the one that carries them out (needs Redis)."""
        if self.redis:
            self._control = self._open("control")

    def open_beat(self) -> Process:
        """In embedded mode beat is told to begin in the one process."""
        if self.redis:
            return self._open("beat")
        self.worker.tell("beat")
        return self.worker

    def _open(self, role: str) -> Process:
        process = Process(role, self._env, self.folder / "log.txt")
        self._processes.append(process)
        return process

    # -- what happened -------------------------------------------------------------------------------------------------

    def rows(self, where: str = "1", *values: Any) -> list[dict[str, Any]]:
        with sqlite3.connect(self.folder / "imadmin.sqlite3", timeout=10) as database:
            database.row_factory = sqlite3.Row
            found = database.execute(f"SELECT * FROM jobs_jobrun WHERE {where} ORDER BY queued_at", values)
            return [dict(row) for row in found]

    def row(self, run_id: str) -> dict[str, Any]:
        return self.rows("id = ?", run_id)[0]

    def until(self, run_id: str, *states: str) -> dict[str, Any]:
        """Waits for the run to be in one of these states."""
        self.wait(lambda: self.row(run_id)["state"] in states, lambda: self.row(run_id))
        return self.row(run_id)

    def wait(self, is_so: Callable[[], bool], tell: Callable[[], Any] = lambda: "") -> None:
        until = time.monotonic() + PATIENCE
        while not is_so():
            assert time.monotonic() < until, f"{tell()}\n{(self.folder / 'log.txt').read_text()[-3000:]}"
            time.sleep(0.05)

    def done(self) -> list[str]:
        """What the jobs wrote down, a line for each time one was carried out to its end."""
        file = self.folder / "done.txt"
        return file.read_text().split() if file.exists() else []

    def let_go(self) -> None:
        """Jobs that wait may end."""
        (self.folder / "go").touch()
