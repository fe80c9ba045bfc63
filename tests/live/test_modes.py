"""Live updates as they are run: all in one process, and as several with a real Redis in between."""

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.live.site import Site


@pytest.fixture(scope="module", params=["embedded", "split"])
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, demo_cluster: Any, empty_database: Path
) -> Iterator[Site]:
    redis = request.getfixturevalue("redis_server") if request.param == "split" else None
    made = Site(tmp_path_factory.mktemp(request.param), empty_database, redis.url if redis else "")
    try:
        made.add_cluster("sim", demo_cluster)
        if redis:
            made.start_web("web1")
            made.start_web("web2")
            made.start("poller1", "poller")
        else:
            made.start_web("up", "up")
        yield made
    finally:
        made.stop()


@pytest.fixture(autouse=True)
def _closed_sockets(site: Site) -> Iterator[None]:
    yield
    site.close_sockets()


@pytest.fixture
def split(site: Site) -> Site:
    if len(site.urls) < 2:
        pytest.skip("about several processes")
    return site


def test_every_process_tells_its_browsers_of_every_look(site: Site) -> None:
    sockets = [site.socket(url, "sim", "nodes", "overview") for url in site.urls]

    for socket in sockets:
        socket.until(lambda heard: len({at for at, _ in heard.looks}) >= 3 and "nodes" in heard.versions)

    assert sockets[0].looks[-1][1] == 2000


def test_what_the_webhook_tells_one_process_every_process_tells(site: Site) -> None:
    path = site.open_webhook(site.urls[0], "sim")
    sockets = [site.socket(url, "sim", "presence") for url in site.urls]
    time.sleep(0.5)
    before = [socket.versions.get("presence", 0) for socket in sockets]

    reply = httpx.post(
        site.urls[-1] + path, params={"event": "user.onlinestatus"}, content=json.dumps(["w-c-1-1-7001-1-1"]),
        trust_env=False, timeout=120,
    )  # fmt: skip

    assert reply.status_code == 200
    for socket, version in zip(sockets, before, strict=True):
        socket.until(lambda heard, version=version: heard.versions.get("presence", 0) > version)
    for url in site.urls:
        page = site.client(url).get("/c/sim/connections/feed/", params={"source": "webhook"}).text
        assert "w-c" in page


def test_a_wrong_secret_is_counted_and_shown(site: Site) -> None:
    site.open_webhook(site.urls[0], "sim")
    assert (
        httpx.post(f"{site.urls[0]}/hooks/wukongim/sim/wrong", content="[]", trust_env=False, timeout=120).status_code
        == 404
    )

    client = site.client(site.urls[-1])
    for _ in range(100):
        page = client.get("/c/sim/connections/webhook/").text
        if "Refused, wrong secret</dt>\n            <dd>1" in page or "last" in page.partition("wrong secret")[2][:200]:
            return
        time.sleep(0.1)
    raise AssertionError("the refusal was never counted")


def test_a_killed_poller_is_replaced_by_the_one_that_stands_by(split: Site) -> None:
    split.start("poller2", "poller")
    socket = split.socket(split.urls[0], "sim", "nodes")
    socket.until(lambda heard: heard.looks)
    split.processes["poller1"].send_signal(signal.SIGKILL)
    split.processes["poller1"].wait()
    killed_at = time.time() * 1000

    socket.until(lambda heard: heard.looks[-1][0] > killed_at + 500, 40)

    socket.until(lambda heard: len({at for at, _ in heard.looks if at > killed_at + 500}) >= 2)


def test_redis_restarted_in_the_middle_leaves_sockets_open_and_signals_come_again(
    split: Site, redis_server: Any
) -> None:
    sockets = [split.socket(url, "sim", "presence", "nodes") for url in split.urls]
    for socket in sockets:
        socket.until(lambda heard: heard.looks)
    path = split.open_webhook(split.urls[0], "sim")
    clients = [split.client(url) for url in split.urls]

    redis_server.stop()
    time.sleep(2)
    for client in clients:  # who is signed in goes on
        assert client.get("/c/sim/connections/feed/").status_code == 200
    redis_server.start()
    back_at = time.time() * 1000

    for socket in sockets:
        socket.until(lambda heard: heard.looks[-1][0] > back_at, 40)
    before = [socket.versions.get("presence", 0) for socket in sockets]
    body = json.dumps(["after-redis-1-1-7002-1-1"])
    for _ in range(20):  # the door, too
        if httpx.post(
            split.urls[0] + path, params={"event": "user.onlinestatus"}, content=body, trust_env=False, timeout=120
        ).is_success:
            break
        time.sleep(0.5)
    for socket, version in zip(sockets, before, strict=True):
        socket.until(lambda heard, version=version: heard.versions.get("presence", 0) > version)


def test_a_process_that_stops_says_so_to_its_browsers(site: Site) -> None:
    from websockets.exceptions import ConnectionClosed

    name, url = ("up", site.urls[0]) if len(site.urls) == 1 else ("web2", site.urls[1])
    socket = site.socket(url, "sim", "nodes")
    socket.until(lambda heard: heard.looks)
    said = len(site.log(name))
    site.processes[name].send_signal(signal.SIGTERM)

    with pytest.raises(ConnectionClosed) as closed:
        socket.until(lambda heard: False)

    assert closed.value.rcvd and closed.value.rcvd.code == 1012
    assert site.processes[name].wait(20) in (0, -signal.SIGTERM)
    assert "Traceback" not in site.log(name)[said:]
