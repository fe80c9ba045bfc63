"""The webhook's door: stored before it says so, cheap to the wrong, harmless to the nosy."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from asgiref.sync import sync_to_async
from django.db import DatabaseError

from imadmin.audit.models import AuditEntry
from imadmin.core import events
from imadmin.core.errors import Forbidden, InvalidInput
from imadmin.live import hook_setup, hooks, presence, routing
from imadmin.live.hooks import BODY_MAX, Door
from imadmin.monitor.models import Hook, Presence

CAME = json.dumps(["w-c-0-1-51-1-1", "王小-明-1-1-52-1-1"]).encode()
ONLINE = {"event": "user.onlinestatus"}


async def pages(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 418, "headers": []})
    await send({"type": "http.response.body", "body": b"pages"})


@pytest.fixture
def scope(shared_cluster: Any, scope_of: Callable[[Any, str], Any]) -> Any:
    return scope_of(shared_cluster, "admin")


@pytest.fixture
def path(scope: Any) -> str:
    return hook_setup.make_secret(scope, reason="first set up")


@pytest.fixture
def door(monkeypatch: pytest.MonkeyPatch) -> Door:
    made = Door()
    monkeypatch.setattr(routing, "door", made)
    monkeypatch.setattr(hook_setup, "door", made)
    return made


@pytest.fixture
async def caller(door: Door) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=routing.Http(pages))
    await door.start()
    async with httpx.AsyncClient(transport=transport, base_url="http://imadmin") as client:
        yield client
    await door.stop()


async def health(scope: Any, door: Door) -> hook_setup.HookHealth:
    await door._flush()
    return await sync_to_async(hook_setup.health)(scope)


async def test_who_came_is_stored_before_the_answer(
    path: str, scope: Any, door: Door, caller: httpx.AsyncClient
) -> None:
    heard: list[str] = []
    stop = events.listen(lambda signal: heard.append(signal.topic))

    reply = await caller.post(path, params=ONLINE, content=CAME)

    stop()
    assert (reply.status_code, reply.json()) == (200, {"status": 200})
    found = await sync_to_async(
        lambda: list(Presence.objects.values_list("uid", "device_flag", "connection", "left"))
    )()
    assert found == [("w-c", 0, 51, 1), ("王小-明", 1, 52, 1)]
    assert heard == ["demo/presence", "demo/connections"]
    told = await health(scope, door)
    assert (told.received, told.online, told.refused, told.broken) == (1, 2, 0, 0)
    assert told.last_seen_at and told.per_minute > 0


async def test_a_database_that_takes_nothing_makes_the_server_try_again(
    path: str, caller: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*_: Any) -> int:
        raise DatabaseError("database is locked")

    with monkeypatch.context() as patched:
        patched.setattr(presence, "record_told", locked)
        assert (await caller.post(path, params=ONLINE, content=CAME)).status_code == 503

    assert (await caller.post(path, params=ONLINE, content=CAME)).status_code == 200
    assert await Presence.objects.acount() == 2


async def test_half_of_a_call_is_never_kept(
    path: str, caller: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: Any) -> None:
        raise DatabaseError("disk full")

    monkeypatch.setitem(hooks._ingest, "user.onlinestatus", [*hooks._ingest["user.onlinestatus"], breaks])

    assert (await caller.post(path, params=ONLINE, content=CAME)).status_code == 503
    assert await Presence.objects.acount() == 0


async def test_messages_are_counted_and_handed_to_whoever_stores_them(
    path: str, scope: Any, door: Door, caller: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = json.dumps([{"message_id": 5, "message_seq": 1, "channel_id": "g", "channel_type": 2, "payload": ""}] * 3)
    taken: list[int] = []
    monkeypatch.setitem(hooks._ingest, "msg.notify", [lambda owner, batch, at: taken.append(batch.count)])

    assert (await caller.post(path, params={"event": "msg.notify"}, content=body)).status_code == 200
    assert (
        await caller.post(path, params={"event": "msg.offline"}, content=json.dumps(json.loads(body)[0]))
    ).status_code == 200

    told = await health(scope, door)
    assert (taken, told.messages, told.offline) == ([3], 3, 1)


@pytest.mark.parametrize(
    "make", [lambda path: path[:-1] + ("A" if path[-1] != "A" else "B"), lambda path: path.replace("demo", "other"),
             lambda path: "/hooks/", lambda path: "/hooks/wukongim/demo/", lambda path: "/hooks/wukongim/demo/../x",
             lambda path: path + "/more", lambda path: path.replace("wukongim", "openim")],
)  # fmt: skip
async def test_a_wrong_address_is_no_address(path: str, caller: httpx.AsyncClient, make: Callable[[str], str]) -> None:
    reply = await caller.post(make(path), params=ONLINE, content=CAME)

    assert (reply.status_code, reply.json()["msg"]) == (404, "not found")
    assert await Presence.objects.acount() == 0


async def test_wrong_secrets_are_counted_without_asking_the_database_each_time(
    path: str, scope: Any, door: Door, caller: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    real = hooks._owners
    monkeypatch.setattr(hooks, "_owners", lambda: asked.append(1) or real())

    for number in range(50):
        await caller.post(f"/hooks/wukongim/demo/guess{number}", content=CAME)

    told = await health(scope, door)
    assert told.refused == 50 and told.last_refused_at
    assert len(asked) <= 2


async def test_too_big_is_refused_before_it_is_read(path: str, scope: Any, door: Door) -> None:
    sent: list[dict[str, Any]] = []

    async def never() -> dict[str, Any]:
        raise AssertionError("the body was read")

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    headers = [(b"content-length", str(BODY_MAX + 1).encode())]
    await door({"path": path, "method": "POST", "headers": headers, "query_string": b"event=msg.notify"}, never, send)

    assert sent[0]["status"] == 413
    assert (await health(scope, door)).broken == 1


async def test_a_body_without_a_length_is_read_only_so_far(path: str, door: Door) -> None:
    sent: list[dict[str, Any]] = []
    pieces = 0

    async def endless() -> dict[str, Any]:
        nonlocal pieces
        pieces += 1
        return {"type": "http.request", "body": b"x" * 1024 * 1024, "more_body": True}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await door({"path": path, "method": "POST", "headers": [], "query_string": b""}, endless, send)

    assert sent[0]["status"] == 413
    assert pieces == BODY_MAX // 1024 // 1024 + 1


@pytest.mark.parametrize("body", [b"", b"not json", b"\xff\xfe", b'["u-0-1"]'])
async def test_what_is_not_from_this_server_is_counted_as_broken(
    path: str, scope: Any, door: Door, caller: httpx.AsyncClient, body: bytes
) -> None:
    assert (await caller.post(path, params=ONLINE, content=body)).status_code == 400
    assert (await health(scope, door)).broken == 1


async def test_only_posts_are_taken(path: str, caller: httpx.AsyncClient) -> None:
    assert (await caller.get(path)).status_code == 405
    assert (await caller.get("/c/demo/")).status_code == 418


async def test_more_calls_at_once_than_memory_is_set_aside_for_are_sent_away(
    path: str, door: Door, caller: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hooks, "BUSY_SECONDS", 0.05)
    door._calls = hooks.CALLS_MAX

    assert (await caller.post(path, params=ONLINE, content=CAME)).status_code == 503


async def test_a_changed_secret_closes_the_old_address_at_once(
    path: str, scope: Any, caller: httpx.AsyncClient
) -> None:
    assert (await caller.post(path, params=ONLINE, content=CAME)).status_code == 200

    fresh = await sync_to_async(hook_setup.make_secret)(scope, reason="it was on a screen")

    assert (await caller.post(path, params=ONLINE, content=CAME)).status_code == 404
    assert (await caller.post(fresh, params=ONLINE, content=CAME)).status_code == 200
    await sync_to_async(hook_setup.close)(scope, reason="no longer used")
    assert (await caller.post(fresh, params=ONLINE, content=CAME)).status_code == 404


async def test_many_calls_at_once_are_all_stored(path: str, caller: httpx.AsyncClient) -> None:
    bodies = [json.dumps([f"u{n}-0-1-{n}-1-1"]).encode() for n in range(1, 9)]

    replies = await asyncio.gather(*(caller.post(path, params=ONLINE, content=body) for body in bodies))

    taken = sum(reply.status_code == 200 for reply in replies)
    assert taken == await Presence.objects.acount()
    assert {reply.status_code for reply in replies} <= {200, 503}


def test_setting_up_is_on_the_trail_and_the_secret_is_nowhere(scope: Any, path: str) -> None:
    secret = path.rpartition("/")[2]
    shown = hook_setup.reveal(scope, reason="another node")

    assert shown == path
    assert list(AuditEntry.objects.filter(phase="intent").values_list("action", flat=True)) == [
        "hook.open",
        "hook.reveal",
    ]
    stored = Hook.objects.get()
    assert secret not in stored.sealed_secret + stored.secret_hash
    assert not any(secret in str(row) for row in AuditEntry.objects.values_list("before", "after", "detail", "reason"))


def test_setting_up_needs_a_reason_and_the_right(scope: Any, scope_of: Callable[[Any, str], Any]) -> None:
    with pytest.raises(InvalidInput):
        hook_setup.make_secret(scope, reason=" ")
    for role in ("viewer", "support", "moderator"):
        with pytest.raises(Forbidden):
            hook_setup.make_secret(scope_of(scope.cluster, role), reason="curious")
    assert not Hook.objects.exists()
