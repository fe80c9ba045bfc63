"""imadmin as it is run: everything in one process, or web twice, a poller and a real Redis; its sockets and its door."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
from websockets.sync.client import connect

from tests.product import OWNER_PASSWORD, ROOT, free_port


class Socket:
    """A browser's socket. looks: (at, every) of the poller; versions: newest by topic."""

    def __init__(self, url: str, cookie: str, slug: str, *topics: str) -> None:
        address = url.replace("http", "ws", 1) + "/ws/live/"
        self._stack = ExitStack()
        self._socket = self._stack.enter_context(
            connect(address, origin=url, additional_headers={"Cookie": cookie}, proxy=None, ping_interval=None)
        )
        self.looks: list[tuple[int, int]] = []
        self.versions: dict[str, int] = {}
        self._socket.send(json.dumps({"watch": slug, "topics": list(topics)}))

    def listen(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            try:
                frame = json.loads(self._socket.recv(timeout=left))
            except TimeoutError:
                return
            if "looked" in frame:
                self.looks.append(tuple(frame["looked"]))
            self.versions |= frame.get("changed", {})

    def until(self, condition: Any, seconds: float = 30) -> Any:
        end = time.monotonic() + seconds
        while not (found := condition(self)):
            assert time.monotonic() < end, (self.looks[-3:], self.versions)
            self.listen(0.1)
        return found

    def close(self) -> None:
        self._stack.close()


class Site:
    """urls: of its web processes."""

    def __init__(self, folder: Path, database: Path, redis_url: str = "") -> None:
        shutil.copytree(database.parent, folder, dirs_exist_ok=True)
        self.folder = folder
        self.environment = {
            **os.environ, "IMADMIN_DATA_DIR": str(folder), "IMADMIN_REDIS_URL": redis_url,
            "IMADMIN_ADMIN_PASSWORD": OWNER_PASSWORD, "DJANGO_SETTINGS_MODULE": "imadmin.settings",
        }  # fmt: skip
        self.urls: list[str] = []
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._cookies: dict[str, str] = {}
        self._sockets: list[Socket] = []
        self._stack = ExitStack()
        self.manage("person", "add", "admin", "--owner", "--password-file", "-", stdin=OWNER_PASSWORD)

    def manage(self, *words: str, stdin: str | None = None) -> str:
        done = subprocess.run(
            [sys.executable, "manage.py", *words], cwd=ROOT, env=self.environment, input=stdin, capture_output=True,
            text=True, timeout=300,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def add_cluster(self, slug: str, running: Any) -> None:
        token, password = self.folder / "token", self.folder / "password"
        token.write_text("sim-token")
        password.write_text("pwd")
        self.manage(
            "cluster", "add", slug, "--slug", slug, "--api", running.nodes[0].api_url, "--manager",
            running.nodes[0].manager_url, "--token-file", str(token), "--jwt-user", "admin", "--jwt-password-file",
            str(password),
        )  # fmt: skip

    def start(self, name: str, *words: str) -> subprocess.Popen[bytes]:
        log = self._stack.enter_context((self.folder / f"{name}.log").open("ab"))
        process = subprocess.Popen(
            [sys.executable, "manage.py", *words], cwd=ROOT, env=self.environment, stdout=log, stderr=subprocess.STDOUT
        )
        self.processes[name] = process
        return process

    def start_web(self, name: str, command: str = "web") -> str:
        port = free_port()
        process = self.start(name, command, "--port", str(port))
        url = f"http://localhost:{port}"
        for _ in range(1800):
            assert process.poll() is None, self.log(name)
            try:
                with urllib.request.urlopen(f"{url}/readyz", timeout=1):
                    self.urls.append(url)
                    return url
            except OSError:
                time.sleep(0.1)
        raise AssertionError(self.log(name))

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()

    def client(self, url: str) -> httpx.Client:
        """Signed in as the owner."""
        client = httpx.Client(base_url=url, follow_redirects=True, trust_env=False, timeout=120)
        page = client.get("/accounts/login/")
        form = {"login": "admin", "password": OWNER_PASSWORD, "csrfmiddlewaretoken": form_token(page.text)}
        assert "login" not in str(client.post("/accounts/login/", data=form).url)
        return client

    def socket(self, url: str, slug: str, *topics: str) -> Socket:
        if url not in self._cookies:
            client = self.client(url)
            self._cookies[url] = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
        socket = Socket(url, self._cookies[url], slug, *topics)
        self._sockets.append(socket)
        return socket

    def close_sockets(self) -> None:
        while self._sockets:
            self._sockets.pop().close()

    def open_webhook(self, url: str, slug: str) -> str:
        """Set it up on its page, as a person does; the path with the secret."""
        client = self.client(url)
        page = client.get(f"/c/{slug}/connections/webhook/")
        form = {"reason": "first set up", "csrfmiddlewaretoken": form_token(page.text)}
        made = client.post(f"/c/{slug}/connections/webhook/make/", data=form)
        found = re.search(r"/hooks/wukongim/[-\w]+/[-\w]+", made.text)
        assert found, made.text
        return found.group(0)

    def stop(self) -> None:
        self.close_sockets()
        self._stack.close()
        for process in self.processes.values():
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.processes.values():
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()


def form_token(page: str) -> str:
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)', page)
    assert found
    return found.group(1)
