"""What the figures are measured on: simulated clusters, and the product served by uvicorn in a process of its own."""

import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
TOKEN = "bench-token"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True, slots=True)
class Simulated:
    """A simulated cluster in a process of its own, so that it doesn't share our interpreter."""

    apis: list[str]
    manager: str
    control: str


@contextmanager
def simulated(command_line: list[str]) -> Iterator[Simulated]:
    """`manage.py simulate` on free ports."""
    process = subprocess.Popen(
        [sys.executable, "-u", "manage.py", "simulate", "--port", "0", "--token", TOKEN, *command_line],
        cwd=ROOT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        apis, managers, control = [], [], ""
        while not control:
            line = process.stdout.readline()  # type: ignore[union-attr]
            if not line:
                raise RuntimeError("the simulated cluster did not start")
            if found := re.search(r"api (\S+)  manager (\S+)", line):
                apis.append(found[1])
                managers.append(found[2])
            elif found := re.search(r"GET (\S+)/ for the state", line):
                control = found[1]
        threading.Thread(target=process.stdout.read, daemon=True).start()  # type: ignore[union-attr]
        yield Simulated(apis, managers[0], control)
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def served(settings: str = "benchmarks.settings") -> Iterator[str]:
    """The product (with the bare baseline views mounted beside it) under uvicorn; yields its base URL."""
    port = free_port()
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": settings}
    process = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "imadmin.asgi:application", "--port", str(port), "--no-access-log",
         "--lifespan", "on", "--log-level", "warning"],
        cwd=ROOT, env=environment,
    )  # fmt: skip
    try:
        _wait(f"http://127.0.0.1:{port}/healthz", {}, process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def _wait(url: str, headers: dict[str, str], process: subprocess.Popen[Any]) -> None:
    for _ in range(1200):
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended with {process.returncode}")
        try:
            with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=1):
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"{url} never answered")


def fresh_data_folder() -> str:
    folder = tempfile.mkdtemp(prefix="imadmin-bench-")
    os.environ["IMADMIN_DATA_DIR"] = folder
    return folder
