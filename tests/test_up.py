"""`manage.py up`: one process, one command, from nothing to an open page and back."""

import os
import signal
import sqlite3
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.product import ROOT, Product, start_product, stop_product


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory):
    running = start_product(tmp_path_factory.mktemp("up"), demo=False)
    yield running
    stop_product(running)


def test_it_prints_the_address_and_the_sign_in(product: Product) -> None:
    log = Path(product.environment["IMADMIN_DATA_DIR"], "server.log").read_text()

    assert product.environment["IMADMIN_PORT"] in log
    assert "sign in   admin" in log


def test_it_keeps_its_secrets_to_itself(product: Product) -> None:
    folder = Path(product.environment["IMADMIN_DATA_DIR"])

    for name in ("secret_key", "encryption_key"):
        assert (folder / name).stat().st_mode & 0o777 == 0o600
        assert (folder / name).read_text() not in (folder / "server.log").read_text()


def test_sqlite_runs_in_wal_mode(product: Product) -> None:
    with sqlite3.connect(Path(product.environment["IMADMIN_DATA_DIR"], "imadmin.sqlite3")) as database:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_second_process_on_the_same_data_is_refused_with_a_clear_message(product: Product) -> None:
    second = subprocess.run(
        [sys.executable, "manage.py", "up"],
        cwd=ROOT,
        env=product.environment,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert second.returncode == 1
    assert f"already runs on this data folder (process {product.process.pid})" in second.stderr
    assert "Traceback" not in second.stderr


def test_a_generated_password_is_told_until_it_is_changed(tmp_path: Path) -> None:
    environment = {**os.environ, "IMADMIN_DATA_DIR": str(tmp_path), "IMADMIN_ADMIN_PASSWORD": ""}
    script = (
        "from pathlib import Path; from django.core.management import call_command; call_command('migrate', verbosity=0);"
        "from imadmin.management.commands.up import ensure_first_owner as first; from imadmin.accounts.models import User;"
        f"note = Path({str(tmp_path)!r}) / 'first_sign_in';"
        "one, two = first(note, ''), first(note, ''); print(one == two, 'admin / ' in one);"
        "user = User.objects.get(); user.set_password('another long password'); user.save();"
        "print(first(note, ''), note.exists())"
    )
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "-v", "0", "-c", script],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60,
    )  # fmt: skip

    assert done.stdout.splitlines() == ["True True", "with your own name and password False"], done.stderr


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "term"])
def test_it_stops_cleanly_with_the_demo_cluster_running(tmp_path: Path, how: signal.Signals) -> None:
    running = start_product(tmp_path, demo=True)
    with urllib.request.urlopen(f"{running.url}/healthz") as reply:
        assert reply.status == 200

    running.process.send_signal(how)

    assert running.process.wait(20) in (0, -how)
    assert "Traceback" not in (tmp_path / "server.log").read_text()


def test_a_taken_port_is_told_before_anything_starts(product: Product, tmp_path: Path) -> None:
    second = subprocess.run(
        [sys.executable, "manage.py", "up"],
        cwd=ROOT, env={**product.environment, "IMADMIN_DATA_DIR": str(tmp_path)}, capture_output=True, text=True, timeout=60,
    )  # fmt: skip

    assert second.returncode == 1
    assert f"port {product.environment['IMADMIN_PORT']}: Address already in use" in second.stderr


def test_with_redis_it_names_the_processes_to_start_instead(tmp_path: Path) -> None:
    environment = {**os.environ, "IMADMIN_DATA_DIR": str(tmp_path), "IMADMIN_REDIS_URL": "redis://127.0.0.1:6379/0"}
    started = subprocess.run(
        [sys.executable, "manage.py", "up"], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )

    assert started.returncode == 1
    assert "IMADMIN_REDIS_URL is set" in started.stderr
    assert all(f"manage.py {name}" in started.stderr for name in ("web", "worker", "beat", "poller", "migrate"))
    assert not (tmp_path / "imadmin.lock").exists()
