"""The product in a process of its own, as `manage.py up` starts it, with its own data folder and port."""

import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OWNER_PASSWORD = "correct horse battery"


@dataclass
class Product:
    """A running imadmin. manage(...) runs a management command on its data."""

    url: str
    environment: dict[str, str]
    process: subprocess.Popen[bytes]

    def manage(self, *words: str, stdin: str | None = None) -> str:
        done = subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=ROOT, env=self.environment, input=stdin, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def migrated_database(folder: Path) -> Path:
    """The database in a data folder in here; whoever asks first makes it, the others wait."""
    data = folder / "migrated"
    with (folder / "migrated.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not data.exists():
            made = folder / "migrating"
            made.mkdir(exist_ok=True)
            kept = {name: value for name, value in os.environ.items() if not name.startswith("IMADMIN_")}
            subprocess.run(
                [sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, check=True, timeout=180,
                env=kept | {"IMADMIN_DATA_DIR": str(made), "DJANGO_SETTINGS_MODULE": "imadmin.settings"},
            )  # fmt: skip
            made.rename(data)
    return data / "imadmin.sqlite3"


def start_product(folder: Path, *, demo: bool = True) -> Product:
    port = free_port()
    environment = {
        **os.environ,
        "IMADMIN_DATA_DIR": str(folder),
        "IMADMIN_PORT": str(port),
        "IMADMIN_ADMIN_PASSWORD": OWNER_PASSWORD,
        "DJANGO_SETTINGS_MODULE": "imadmin.settings",
    }
    log = (folder / "server.log").open("wb")
    process = subprocess.Popen(
        [sys.executable, "manage.py", "up", *(["--demo"] if demo else [])],
        cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT,
    )  # fmt: skip
    product = Product(f"http://127.0.0.1:{port}", environment, process)
    for _ in range(600):
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"{product.url}/readyz", timeout=1):
                return product
        except OSError:
            time.sleep(0.1)
    stop_product(product)
    raise AssertionError("the product did not start:\n" + (folder / "server.log").read_text())


def stop_product(product: Product) -> None:
    if product.process.poll() is None:
        product.process.send_signal(signal.SIGINT)
        try:
            product.process.wait(10)
        except subprocess.TimeoutExpired:
            product.process.kill()
