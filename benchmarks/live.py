"""From a connection that ends to five hundred browsers that are told; and five hundred browsers that come back at once.

The first is the whole way: the webhook's call, its row committed, relay, channel layer, hub, five hundred sockets of one
server process.  It stands against a server that does nothing but hand a text to all its sockets.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median, quantiles
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect

from benchmarks import stage
from benchmarks.measure import Figure

SOCKETS, EVENTS, ROUNDS = 500, 12, 3
AIM_SECONDS = 0.25
A_SESSION = 25  # sockets; a session has forty at most


def run() -> tuple[Figure, Figure]:
    from django.core.management import call_command

    from benchmarks.with_product import make_rows

    call_command("migrate", verbosity=0)
    with stage.simulated(["--world", "empty"]) as sim:
        make_rows(sim)
        cookies, path = _cookies(), _webhook()
        with _server("manage.py", "up") as url, _server("-m", "uvicorn", "benchmarks.bare_sockets:application") as bare:
            found = asyncio.run(_measure(url, path, cookies, bare))
    told, plain, middle, back, bare_back = found
    return (
        Figure(f"event to {SOCKETS} browsers, p95", told, plain, 3, 0.05, EVENTS * ROUNDS,
               note=f"from the webhook's call to the browser, median {middle * 1000:.0f} ms; aim {AIM_SECONDS * 1000:g} ms: "
                    f"{'reached' if told <= AIM_SECONDS else 'NOT reached here and now'}"),
        Figure(f"{SOCKETS} browsers come back at once", back, bare_back, 6, 1.0, ROUNDS,
               note="until the last one is authorised and follows; four questions to the database each"),
    )  # fmt: skip


async def _measure(url: str, path: str, cookies: list[str], bare: str) -> tuple[float, float, float, float, float]:
    told, plain, back, bare_back = [], [], [], []
    hook = f"{url}{path}?event=user.onlinestatus"
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        for _ in range(ROUNDS):
            started = time.perf_counter()
            ours = await _crowd(url, cookies)
            back.append(time.perf_counter() - started)
            started = time.perf_counter()
            theirs = await _crowd(bare, cookies)
            bare_back.append(time.perf_counter() - started)
            for number in range(EVENTS):
                body = json.dumps([f"u{number}-0-1-{time.time_ns() % 10**9}-1-1"])
                told += await _told(ours, client.post(hook, content=body))
                plain += await _told(theirs, client.post(f"{bare}/say"))
            await asyncio.gather(*(one.close() for one in (*ours, *theirs)))
    return quantiles(told, n=20)[-1], quantiles(plain, n=20)[-1], median(told), median(back), median(bare_back)


async def _crowd(url: str, cookies: list[str]) -> list[ClientConnection]:
    async def one(number: int) -> ClientConnection:
        socket = await connect(
            url.replace("http", "ws", 1) + "/ws/live/", origin=url, compression=None, proxy=None, open_timeout=60,
            ping_interval=None, additional_headers={"Cookie": cookies[number // A_SESSION]},
        )  # fmt: skip
        await socket.send(json.dumps({"watch": "bench", "topics": ["presence"]}))
        while "watching" not in json.loads(await socket.recv()):
            pass
        return socket

    return await asyncio.gather(*(one(number) for number in range(SOCKETS)))


async def _told(sockets: list[ClientConnection], act: Any) -> list[float]:
    """Seconds from the act to each socket's next word of a change."""

    async def one(socket: ClientConnection) -> float:
        while "changed" not in json.loads(await socket.recv()):
            pass
        return time.perf_counter() - started

    waiting = [asyncio.ensure_future(one(socket)) for socket in sockets]
    await asyncio.sleep(0.2)  # all of them listen, and the topic has rested
    started = time.perf_counter()
    answer = await act
    assert answer.status_code == 200, answer.text
    async with asyncio.timeout(30):
        return await asyncio.gather(*waiting)


def _cookies() -> list[str]:
    from django.conf import settings
    from django.test import Client

    from imadmin.accounts.models import User

    made = []
    for _ in range(SOCKETS // A_SESSION):
        client = Client()
        client.force_login(User.objects.get(username="bench"))
        made.append(f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}")
    return made


def _webhook() -> str:
    from imadmin.clusters.access import enter_by_command
    from imadmin.live.hook_setup import make_secret

    return make_secret(enter_by_command("bench"), reason="bench")


@contextmanager
def _server(*command: str) -> Iterator[str]:
    port = stage.free_port()
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "imadmin.settings"}
    process = subprocess.Popen(
        [sys.executable, *command, "--port", str(port)], cwd=stage.ROOT, env=environment,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        stage._wait(f"http://127.0.0.1:{port}/healthz", {}, process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)
