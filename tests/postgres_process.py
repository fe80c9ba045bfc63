"""A real PostgreSQL of our own for the tests: private port and socket, its data in a temporary folder, never synced."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

_INSTALLED = Path("/usr/lib/postgresql")  # Debian keeps the server's programs outside the path


class PostgresProcess:
    """Use as a context manager.  url: of a database that its user owns.  settings: beside those of `start`."""

    def __init__(self, **settings: str) -> None:
        self._settings = settings
        self.port = _free_port()
        self._home = Path()
        self._server: subprocess.Popen[bytes] | None = None

    @staticmethod
    def why_not() -> str:
        """Why there can't be one here, "" when there can."""
        if not _program("initdb"):
            return "PostgreSQL's server is not installed"
        if os.getuid() == 0 and not _unprivileged():
            return "PostgreSQL refuses to run as root, and there is no user postgres"
        return ""

    @property
    def url(self) -> str:
        return f"postgresql://imadmin@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        self._home = Path(tempfile.mkdtemp(prefix="imadmin-postgres-"))
        if os.getuid() == 0:
            shutil.chown(self._home, "postgres", "postgres")
        data = self._home / "data"
        self._run("initdb", "-D", data, "-U", "imadmin", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": self._home,
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
            "max_connections": 60,
            "shared_buffers": "64MB",
            "jit": "off",
            **self._settings,
        }
        with (data / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())
        self.start_again()

    def start_again(self) -> None:
        """The same data, after `kill`."""
        import psycopg

        with (self._home / "log").open("ab") as log:
            self._server = subprocess.Popen(
                [str(_program("postgres")), "-D", str(self._home / "data")], stdout=log, stderr=log, **_as_other()
            )
        until = time.monotonic() + 20
        while time.monotonic() < until and self._server.poll() is None:
            try:
                psycopg.connect(self.url, connect_timeout=2).close()
                return
            except psycopg.OperationalError:
                time.sleep(0.02)
        raise RuntimeError(f"postgres does not answer: {(self._home / 'log').read_text()[-2000:]}")

    def kill(self) -> None:
        """At once: like a machine that lost its power."""
        if self._server:
            self._server.send_signal(signal.SIGQUIT)
            self._server.wait()
            self._server = None

    def stop(self) -> None:
        self.kill()
        if self._home != Path():
            shutil.rmtree(self._home, ignore_errors=True)

    def has_extension(self, name: str) -> bool:
        import psycopg

        with psycopg.connect(self.url) as connection:
            found = connection.execute("SELECT 1 FROM pg_available_extensions WHERE name = %s", (name,)).fetchone()
        return found is not None

    def _run(self, program: str, *arguments: object) -> None:
        command = [str(_program(program)), *map(str, arguments)]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **_as_other())
        if done.returncode:
            raise RuntimeError(f"{program} failed: {done.stdout.decode()}")

    def __enter__(self) -> "PostgresProcess":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _program(name: str) -> Path | None:
    versions = sorted(_INSTALLED.glob(f"*/bin/{name}"), key=lambda path: float(path.parts[-3]), reverse=True)
    found = shutil.which(name)
    return versions[0] if versions else Path(found) if found else None


def _as_other() -> dict[str, Any]:
    """For a subprocess: not root, which PostgreSQL refuses, and in a folder that the other user may enter."""
    user = _unprivileged() if os.getuid() == 0 else None
    return {"cwd": "/", "stdin": subprocess.DEVNULL} | (
        {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
    )


def _unprivileged() -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
