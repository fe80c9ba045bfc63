"""The browser's socket: who may have one, what it is told, and how it ends."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from django.conf import settings
from django.test import Client

from imadmin.accounts import actions as people_actions
from imadmin.clusters.access import enter_site_by_command
from imadmin.clusters.grants import set_roles
from imadmin.clusters.models import Grant
from imadmin.core import events
from imadmin.live import hub as hub_module
from imadmin.live import relay as relay_module
from imadmin.live import routing
from imadmin.live.consumers import LiveConsumer
from imadmin.live.hub import hub
from imadmin.live.relay import relay

ORIGIN = "http://localhost:8000"
HEADERS = [(b"host", b"localhost:8000"), (b"origin", ORIGIN.encode())]


class Tab(ApplicationCommunicator):
    """One browser tab."""

    def __init__(self, headers: list[tuple[bytes, bytes]], path: str = "/ws/live/") -> None:
        scope = {"type": "websocket", "path": path, "headers": headers, "query_string": b"", "subprotocols": []}
        super().__init__(routing.websocket, scope)

    async def connects(self) -> bool:
        await self.send_input({"type": "websocket.connect"})
        return (await self.receive_output(timeout=60))["type"] == "websocket.accept"

    async def disconnect(self) -> None:
        await self.send_input({"type": "websocket.disconnect", "code": 1000})
        await self.wait(timeout=60)

    async def open(self) -> "Tab":
        assert await self.connects()
        return self

    async def say(self, frame: Any) -> None:
        await self.send_input({"type": "websocket.receive", "text": json.dumps(frame)})

    async def hear(self, seconds: float = 3) -> dict[str, Any]:
        return json.loads((await self.receive_output(timeout=seconds))["text"])

    async def watch(self, slug: str = "demo", *topics: str) -> "Tab":
        await self.say({"watch": slug, "topics": list(topics) or ["nodes"]})
        assert (await self.hear())["watching"] == slug
        return self

    async def end(self, seconds: float = 3) -> int:
        """The code it was closed with; what was told before is passed over."""
        async with asyncio.timeout(seconds):
            while True:
                output = await self.receive_output(timeout=seconds)
                if output["type"] == "websocket.close":
                    return int(output["code"])


@pytest.fixture
def cast(shared_cluster: Any, cast_of: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
    return cast_of(shared_cluster)


@pytest.fixture
def cookie_of(cast: dict[str, Any]) -> Callable[[str], str]:
    """Made before the loop runs: signing in asks the database."""
    cookies = {}
    for role, user in cast.items():
        client = Client()
        client.force_login(user)
        cookies[role] = client.cookies[settings.SESSION_COOKIE_NAME].value
    return cookies.__getitem__


@pytest.fixture
def tab_of(cookie_of: Callable[[str], str]) -> Callable[[str], Tab]:
    """tab_of("viewer") -> a tab of that person, not opened yet."""

    def make(role: str) -> Tab:
        cookie = f"{settings.SESSION_COOKIE_NAME}={cookie_of(role)}".encode()
        return Tab([*HEADERS, (b"cookie", cookie)])

    return make


@pytest.fixture
async def live(shared_cluster: Any) -> AsyncIterator[None]:
    await hub.start()
    await relay.start()
    yield
    await relay.stop()
    await hub.stop()


async def test_a_viewer_is_told_versions_of_what_the_page_follows(live: None, tab_of: Callable[[str], Tab]) -> None:
    tab = await (await tab_of("viewer").open()).watch("demo", "nodes", "operation-5")

    for topic in ("demo/slots", "other/nodes", "demo/nodes", "demo/operation-5/progress"):
        events.changed(topic)

    assert set((await tab.hear())["changed"]) == {"nodes", "operation-5"}
    assert await tab.receive_nothing(0.2)
    await tab.disconnect()


async def test_signals_come_from_any_thread(live: None, tab_of: Callable[[str], Tab]) -> None:
    tab = await (await tab_of("viewer").open()).watch()

    await asyncio.to_thread(events.changed, "demo/nodes")

    assert "nodes" in (await tab.hear())["changed"]
    await tab.disconnect()


async def test_a_storm_of_signals_is_a_few_with_the_newest_version(live: None, tab_of: Callable[[str], Tab]) -> None:
    tab = await (await tab_of("viewer").open()).watch()
    versions: list[int] = []
    stop = events.listen(lambda signal: versions.append(signal.version))

    for _ in range(5000):
        events.changed("demo/nodes")
    stop()

    heard = []
    while not heard or heard[-1] != versions[-1]:
        heard.append((await tab.hear())["changed"]["nodes"])
    assert heard == sorted(heard)
    assert len(heard) <= 5
    await tab.disconnect()


async def test_a_browser_that_takes_nothing_holds_up_nobody_and_gets_the_newest_only(live: None) -> None:
    from imadmin.live.consumers import LiveConsumer

    slow = LiveConsumer()
    taken: list[str] = []
    gate = asyncio.Event()

    async def send(text_data: str) -> None:
        await gate.wait()
        taken.append(text_data)

    slow.send = send
    slow.tell({"changed": {"nodes": 1}})
    await asyncio.sleep(0)
    for version in range(2, 5000):
        slow.tell({"changed": {"nodes": version}})
        slow.tell({"looked": [version, 2000]})
    gate.set()
    await asyncio.sleep(0.01)

    assert [json.loads(text) for text in taken] == [
        {"changed": {"nodes": 1}}, {"changed": {"nodes": 4999}, "looked": [4999, 2000]},
    ]  # fmt: skip


async def test_the_newest_look_is_told_to_who_begins_to_watch(live: None, tab_of: Callable[[str], Tab]) -> None:
    relay.looked("demo", at=1_700_000_000_000, every=2.0)
    await asyncio.sleep(0.05)
    tab = await tab_of("viewer").open()
    await tab.say({"watch": "demo", "topics": ["nodes"]})

    assert await tab.hear() == {"watching": "demo", "looked": [1_700_000_000_000, 2000]}
    await tab.disconnect()


async def test_who_is_not_signed_in_is_told_so(live: None) -> None:
    for headers in (HEADERS, [*HEADERS, (b"cookie", b"sessionid=made-up")]):
        tab = await Tab(headers).open()
        await tab.say({"watch": "demo", "topics": ["nodes"]})
        assert await tab.end() == 4401


async def test_a_socket_that_wants_nothing_is_not_kept(live: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "IDLE_SECONDS", 0.1)
    monkeypatch.setattr(hub_module, "ROUND_SECONDS", 0.1)

    assert await (await Tab(HEADERS).open()).end() == 1008
    assert hub.count == 0


async def test_a_browser_that_left_in_the_moment_it_is_ended_stops_no_round(
    live: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "IDLE_SECONDS", 0.05)
    monkeypatch.setattr(hub_module, "ROUND_SECONDS", 0.05)

    async def gone(_self: object, **_code: int) -> None:
        raise RuntimeError("Unexpected ASGI message 'websocket.close'")

    with monkeypatch.context() as leaving:
        leaving.setattr(LiveConsumer, "close", gone)
        tab = await Tab(HEADERS).open()
        async with asyncio.timeout(3):
            while hub.count:
                await asyncio.sleep(0.02)
    await tab.disconnect()

    assert await (await Tab(HEADERS).open()).end() == 1008


async def test_a_stranger_may_not_watch_and_learns_of_no_cluster(live: None, tab_of: Callable[[str], Tab]) -> None:
    for slug in ("demo", "no-such-cluster"):
        tab = await tab_of("stranger").open()
        await tab.say({"watch": slug, "topics": ["nodes"]})
        assert await tab.end() == 4403


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        (b"localhost:8000", b"http://evil.example"),
        (b"localhost:8000", b"http://localhost:9000"),
        (b"localhost:8000", b"null"),
        (b"localhost:8000", b""),
        (b"evil.example", b"http://evil.example"),
    ],
)
async def test_another_sites_page_gets_no_socket(
    live: None, cookie_of: Callable[[str], str], host: bytes, origin: bytes
) -> None:
    cookie = f"{settings.SESSION_COOKIE_NAME}={cookie_of('viewer')}".encode()
    headers = [(b"host", host), (b"origin", origin), (b"cookie", cookie)]

    connected = await Tab(headers).connects()

    assert not connected


async def test_another_address_is_refused(live: None, tab_of: Callable[[str], Tab]) -> None:
    connected = await Tab(HEADERS, "/ws/other/").connects()

    assert not connected


async def test_a_role_that_is_taken_away_ends_the_socket_at_once(
    live: None, tab_of: Callable[[str], Tab], cast: dict[str, Any]
) -> None:
    tab = await (await tab_of("viewer").open()).watch()
    other = await (await tab_of("admin").open()).watch()

    await sync_to_async(set_roles)(enter_site_by_command(), cast["viewer"], [], reason="left the team")

    assert await tab.end() == 4403
    events.changed("demo/nodes")
    assert "changed" in await other.hear()
    await other.disconnect()


@pytest.mark.parametrize("how", ["deactivated", "new password", "signed out"])
async def test_a_sign_in_that_ends_takes_its_sockets_along(
    live: None, tab_of: Callable[[str], Tab], cookie_of: Callable[[str], str], cast: dict[str, Any], how: str
) -> None:
    tab = tab_of("viewer")
    await (await tab.open()).watch()
    site, user = enter_site_by_command(), cast["viewer"]

    if how == "deactivated":
        await sync_to_async(people_actions.set_active)(site, user, False, reason="left the team")
    elif how == "new password":
        await sync_to_async(people_actions.reset_password)(site, user, reason="lost the old one")
    else:
        client = Client()
        client.cookies[settings.SESSION_COOKIE_NAME] = dict(tab.scope["headers"])[b"cookie"].decode().partition("=")[2]
        await sync_to_async(client.post)("/accounts/logout/")

    assert await tab.end() == 4401


async def test_rights_are_asked_again_by_themselves(
    live: None, tab_of: Callable[[str], Tab], cast: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "RECHECK_SECONDS", 0.0)
    monkeypatch.setattr(hub_module, "ROUND_SECONDS", 0.1)
    tab = await (await tab_of("viewer").open()).watch()

    await sync_to_async(Grant.objects.filter(user=cast["viewer"]).delete)()  # by another program

    assert await tab.end(5) == 4403


@pytest.mark.parametrize(
    "frame",
    ["no json", "[]", "{}", '{"watch": 5}', '{"watch": "demo"}', '{"watch": "demo", "topics": ["../x"]}',
     '{"watch": "demo", "topics": [1]}', '{"watch": "de mo", "topics": []}', '{"looking": 1}', '{"ping": "x"}',
     json.dumps({"watch": "demo", "topics": [f"t{n}" for n in range(41)]}), "[" * 9000],
)  # fmt: skip
async def test_nonsense_ends_the_socket(live: None, tab_of: Callable[[str], Tab], frame: str) -> None:
    tab = await tab_of("viewer").open()
    await tab.send_input({"type": "websocket.receive", "text": frame})

    assert await tab.end() == 1008


async def test_a_flood_ends_the_socket(live: None, tab_of: Callable[[str], Tab]) -> None:
    tab = await tab_of("viewer").open()
    for number in range(30):
        await tab.say({"ping": number})

    assert await tab.end() == 1008


async def test_one_session_has_a_bounded_number_of_tabs(
    live: None, cookie_of: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "SOCKETS_A_SESSION", 2)
    cookie = f"{settings.SESSION_COOKIE_NAME}={cookie_of('viewer')}".encode()
    tabs = [Tab([*HEADERS, (b"cookie", cookie)]) for _ in range(3)]
    for tab in tabs:
        await tab.open()

    assert await tabs[2].end() == 1013
    assert hub.count == 2
    for tab in tabs[:2]:
        await tab.disconnect()


async def test_a_restart_says_so_to_every_socket(live: None, tab_of: Callable[[str], Tab]) -> None:
    tabs = [await (await tab_of(role).open()).watch() for role in ("viewer", "admin")]

    await hub.stop()

    assert [await tab.end() for tab in tabs] == [1012, 1012]
    assert hub.count == 0


async def test_a_layer_that_is_gone_keeps_signals_for_when_it_is_back(
    live: None, tab_of: Callable[[str], Tab], monkeypatch: pytest.MonkeyPatch
) -> None:
    tab = await (await tab_of("viewer").open()).watch()
    real, calls = relay_module.get_channel_layer, 0

    def flaky() -> Any:
        nonlocal calls
        calls += 1
        if calls <= 2:
            raise ConnectionError("no Redis")
        return real()

    monkeypatch.setattr(relay_module, "AGAIN_SECONDS", 0.05)
    monkeypatch.setattr(relay_module, "get_channel_layer", flaky)
    events.changed("demo/nodes")

    assert "nodes" in (await tab.hear())["changed"]
    assert calls == 3
    await tab.disconnect()


async def test_five_hundred_that_come_back_at_once_are_all_let_in_and_told(
    live: None, tab_of: Callable[[str], Tab], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a restart; the signal that comes meanwhile is not lost to those who follow already."""
    monkeypatch.setattr(hub_module, "SOCKETS_A_SESSION", 1000)

    async def come_back() -> Tab:
        tab = await tab_of("viewer").open()
        await tab.say({"watch": "demo", "topics": ["nodes"]})
        assert "watching" in await tab.hear(60)
        return tab

    tabs = await asyncio.gather(*(come_back() for _ in range(500)))
    assert hub.count == 500
    events.changed("demo/nodes")

    heard = await asyncio.gather(*(tab.hear(60) for tab in tabs))

    assert len({frame["changed"]["nodes"] for frame in heard}) == 1
    await asyncio.gather(*(tab.disconnect() for tab in tabs))
    assert hub.count == 0
