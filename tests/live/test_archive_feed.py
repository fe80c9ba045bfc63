"""The webhook's messages into the archive: stored before the answer, once each, whatever comes and however often."""

import asyncio
import base64
import json
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from asgiref.sync import sync_to_async
from django.db import OperationalError, connection

from imadmin.archive import orders, writer
from imadmin.archive.engines.base import StoreUnavailable
from imadmin.archive.models import Archive
from imadmin.archive.rows import Incoming, Trait
from imadmin.archive.stores import engine_of
from imadmin.core import events
from imadmin.gateway.types import ChannelRef
from imadmin.live import archive_feed, feed_health, hook_setup, hooks, routing
from imadmin.live.hooks import BODY_MAX, Door
from tests.live.test_hooks import pages

NOTIFY = {"event": "msg.notify"}
GROUP = ChannelRef("g", 2)


def told(number: int, text: str = "", **others: Any) -> dict[str, Any]:
    """A message as the server tells it."""
    body = others.pop("payload", None) or json.dumps({"type": 1, "content": text or f"message {number}"}).encode()
    return {
        "header": {"no_persist": 0, "red_dot": 1, "sync_once": 0}, "setting": 0, "message_id": number,
        "message_idstr": str(number), "client_msg_no": f"c{number}", "message_seq": number, "from_uid": "anna",
        "channel_id": "g", "channel_type": 2, "expire": 0, "timestamp": 1_795_219_358,
        "payload": base64.b64encode(body).decode(), **others,
    }  # fmt: skip


def call_of(*messages: Any) -> bytes:
    return json.dumps(messages).encode()


@pytest.fixture
def scope(shared_cluster: Any, scope_of: Callable[[Any, str], Any]) -> Any:
    Archive.objects.create(cluster=shared_cluster, is_on=True)
    return scope_of(shared_cluster, "admin")


@pytest.fixture
def path(scope: Any) -> str:
    return hook_setup.make_secret(scope, reason="first set up")


@pytest.fixture
def engine(scope: Any) -> Any:
    return engine_of(scope.cluster.pk)


@pytest.fixture
async def caller(path: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[httpx.AsyncClient]:
    """Calls the door of a process of its own; what it counted is written down when the test asks."""
    made = Door()
    monkeypatch.setattr(routing, "door", made)
    monkeypatch.setattr(hook_setup, "door", made)
    transport = httpx.ASGITransport(app=routing.Http(pages))
    await archive_feed.archive_feed.start()
    await made.start()
    async with httpx.AsyncClient(transport=transport, base_url=f"http://imadmin{path}", timeout=30) as client:
        yield client
    await made.stop()
    await archive_feed.archive_feed.stop()


async def say(caller: httpx.AsyncClient, *messages: Any) -> int:
    return (await caller.post("", params=NOTIFY, content=call_of(*messages))).status_code


async def counted(scope: Any) -> feed_health.FeedHealth:
    await archive_feed.archive_feed._flush()
    return await sync_to_async(feed_health.health)(scope)


def kept(engine: Any) -> list[int]:
    return sorted(row.id for row in engine.scan(None, most=100_000))


async def test_messages_are_in_the_archive_before_the_answer(caller: httpx.AsyncClient, engine: Any) -> None:
    assert await say(caller, told(1, "退款 please"), told(2)) == 200

    rows = engine.newest_in(GROUP)
    assert [(row.id, row.seq, row.from_uid, row.text) for row in rows] == [
        (2, 2, "anna", "message 2"),
        (1, 1, "anna", "退款 please"),
    ]


async def test_an_archive_that_is_off_takes_nothing_and_the_server_hears_200(
    caller: httpx.AsyncClient, scope: Any
) -> None:
    await Archive.objects.aupdate(is_on=False)
    hooks_door = routing.door
    hooks_door.forget()

    assert await say(caller, told(1)) == 200

    assert (await counted(scope)).taken == 0
    await hooks_door._flush()
    assert (await sync_to_async(hook_setup.health)(scope)).messages == 1
    assert not Path(await sync_to_async(lambda: str(engine_of(scope.cluster.pk)._file.path))()).exists()


async def test_replayed_five_times_and_in_another_order_it_is_stored_once(
    caller: httpx.AsyncClient, engine: Any, scope: Any
) -> None:
    calls = [[told(number) for number in range(start, start + 20)] for start in (1, 21, 41)]

    for again in range(5):
        for call in calls if again % 2 else reversed(calls):
            assert await say(caller, *(call if again % 2 else reversed(call))) == 200

    assert kept(engine) == list(range(1, 61))
    hold = engine.hold(GROUP)
    assert (hold.spans, hold.messages) == (((1, 60),), 60)
    health = await counted(scope)
    assert (health.taken, health.known, health.broken) == (60, 240, 0)
    assert health.per_minute == 60 / 5 and health.seen_at


async def test_a_call_cut_in_the_middle_stores_nothing_of_itself(
    path: str, caller: httpx.AsyncClient, engine: Any
) -> None:
    body, sent = call_of(told(1), told(2)), []

    async def cut() -> dict[str, Any]:
        sent.append(1)
        if len(sent) == 1:
            return {"type": "http.request", "body": body[:100], "more_body": True}
        return {"type": "http.disconnect"}

    replies: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        replies.append(message)

    await routing.door({"path": path, "method": "POST", "headers": [], "query_string": b"event=msg.notify"}, cut, send)
    shorter = await caller.post("", params=NOTIFY, content=body[:-20])

    assert (replies[0]["status"], shorter.status_code) == (400, 400)
    assert kept(engine) == []


async def test_a_wrong_secret_stores_nothing(path: str, caller: httpx.AsyncClient, engine: Any) -> None:
    reply = await caller.post(f"http://imadmin{path}x", params=NOTIFY, content=call_of(told(1)))

    assert reply.status_code == 404
    assert kept(engine) == []


async def test_ten_megabytes_are_refused_unread(path: str, caller: httpx.AsyncClient, engine: Any) -> None:
    async def never() -> dict[str, Any]:
        raise AssertionError("the body was read")

    replies: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        replies.append(message)

    headers = [(b"content-length", str(BODY_MAX + 1).encode())]
    scope = {"path": path, "method": "POST", "headers": headers, "query_string": b"event=msg.notify"}
    await routing.door(scope, never, send)

    assert replies[0]["status"] == 413


async def test_a_body_that_comes_too_slowly_is_given_up(
    path: str, caller: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hooks, "BODY_SECONDS", 0.05)
    replies: list[dict[str, Any]] = []

    async def slow() -> dict[str, Any]:
        await asyncio.sleep(60)
        raise AssertionError

    async def send(message: dict[str, Any]) -> None:
        replies.append(message)

    await routing.door({"path": path, "method": "POST", "headers": [], "query_string": b"event=msg.notify"}, slow, send)

    assert replies[0]["status"] == 408
    assert routing.door._calls == 0


async def test_what_is_not_json_is_filed_for_a_look_but_only_so_often(
    caller: httpx.AsyncClient, engine: Any, scope: Any
) -> None:
    for _ in range(archive_feed.BROKEN_BODIES_MOST + 5):
        assert (await caller.post("", params=NOTIFY, content=b"not json <b>")).status_code == 400

    filed = engine.broken()
    assert len(filed) == archive_feed.BROKEN_BODIES_MOST
    assert (filed[0].event, filed[0].why, filed[0].raw) == ("msg.notify", "no JSON", b"not json <b>")
    assert (await counted(scope)).broken == archive_feed.BROKEN_BODIES_MOST + 5


async def test_one_broken_message_costs_the_others_nothing_and_is_filed(
    caller: httpx.AsyncClient, engine: Any, scope: Any
) -> None:
    assert await say(caller, told(1), told(2, payload=b"x") | {"payload": "%%%"}, told(3)) == 200

    assert kept(engine) == [1, 3]
    (filed,) = engine.broken()
    assert filed.why == "payload" and json.loads(filed.raw)["message_id"] == 2
    health = await counted(scope)
    assert (health.taken, health.broken) == (2, 1)


async def test_a_message_that_no_store_takes_is_filed_and_the_others_kept(
    caller: httpx.AsyncClient, engine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = type(engine).ingest

    def picky(self: Any, incoming: Any, broken: Any = ()) -> Any:
        if any(one.id == 2 for one in incoming):
            raise ValueError("cannot be read")
        return real(self, incoming, broken)

    monkeypatch.setattr(type(engine), "ingest", picky)

    assert await say(caller, told(1), told(2), told(3)) == 200

    assert kept(engine) == [1, 3]
    assert engine.broken()[0].why == "could not be stored: ValueError"


async def test_the_same_id_of_another_cluster_is_another_message(
    caller: httpx.AsyncClient, engine: Any, scope: Any
) -> None:
    other_engine = engine_of(scope.cluster.pk + 1000)
    await say(caller, told(1, "ours"))
    writer.write(scope.cluster.pk + 1000, [Incoming(1, 1, GROUP, "zoe", 5, b"theirs")])

    assert (engine.by_ids([1])[1].text, other_engine.by_ids([1])[1].text) == ("ours", "theirs")


@pytest.mark.parametrize("timestamp", [0, -5, 1, 2**31 - 1, 2**32 - 1])
async def test_a_server_whose_clock_is_wrong_loses_nothing(
    caller: httpx.AsyncClient, engine: Any, scope: Any, timestamp: int
) -> None:
    assert await say(caller, told(1, timestamp=timestamp), told(2)) == 200

    assert kept(engine) == [1, 2]
    assert engine.by_ids([1])[1].sent_at == max(0, timestamp)
    assert (await counted(scope)).is_clock_ahead == (timestamp > time.time())


@pytest.mark.parametrize(
    "text",
    [
        "   ",
        "‮txt.exe‬ הפוך",
        "<script>alert(1)</script><img src=x onerror=1>",
        "a\0b",
        "\ud800",
        "💸" * 300,
        "x" * 1_000_000,
    ],
    ids=["spaces", "overrides", "html", "nul", "half", "emoji", "a megabyte"],
)
async def test_bodies_of_every_sort_are_kept_as_they_came(caller: httpx.AsyncClient, engine: Any, text: str) -> None:
    payload = json.dumps({"type": 1, "content": text}).encode()

    assert await say(caller, told(1, payload=payload), told(2)) == 200

    assert engine.by_ids([1])[1].payload == payload
    assert kept(engine) == [1, 2]


async def test_messages_that_are_not_stored_there_are_not_stored_here(caller: httpx.AsyncClient, engine: Any) -> None:
    fleeting = told(1) | {"header": {"no_persist": 1, "red_dot": 0, "sync_once": 0}}

    assert await say(caller, fleeting, told(2, message_seq=0), told(3)) == 200

    assert kept(engine) == [3]


async def test_a_full_disk_makes_the_server_try_again_and_leaves_nothing_half(
    caller: httpx.AsyncClient, engine: Any
) -> None:
    await say(caller, told(1))
    with engine._file.writing() as link:
        pages = link.db.execute("PRAGMA page_count").fetchone()[0]
    link.db.execute(f"PRAGMA max_page_count={pages + 1}")
    big = [told(number, "x" * 4000 + str(number)) for number in range(2, 80)]

    assert await say(caller, *big) == 503

    assert kept(engine) == [1]
    link.db.execute("PRAGMA max_page_count=1000000")
    assert await say(caller, *big) == 200
    assert len(kept(engine)) == 79 and not list(engine.verify())


async def test_a_locked_archive_makes_the_server_try_again(
    caller: httpx.AsyncClient, engine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await say(caller, told(1))
    monkeypatch.setattr(engine._file, "_busy_ms", 50)
    engine.close()
    other = sqlite3.connect(engine._file.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    assert await say(caller, told(2)) == 503
    other.execute("ROLLBACK")
    other.close()

    assert await say(caller, told(2)) == 200
    assert kept(engine) == [1, 2]


async def test_pages_whose_database_is_locked_hold_no_message_up(caller: httpx.AsyncClient, engine: Any) -> None:
    def locked() -> Any:
        connection.cursor().execute("BEGIN IMMEDIATE" if connection.vendor == "sqlite" else "BEGIN")

    await sync_to_async(locked)()
    try:
        assert await say(caller, told(1)) == 200
    finally:
        await sync_to_async(lambda: connection.cursor().execute("ROLLBACK"))()
    assert kept(engine) == [1]


async def test_several_nodes_at_once_are_all_stored_and_pages_hear_of_it_twice_a_second_at_most(
    caller: httpx.AsyncClient, engine: Any
) -> None:
    heard: list[str] = []
    stop = events.listen(lambda signal: heard.append(signal.topic))
    calls = [[told(number) for number in range(start, start + 50)] for start in range(1, 1001, 50)]

    replies = await asyncio.gather(*(say(caller, *call) for call in calls))
    await archive_feed.archive_feed._signal()
    await archive_feed.archive_feed._signal()
    stop()

    assert set(replies) == {200}
    assert kept(engine) == list(range(1, 1001))
    assert 1 <= heard.count("demo/archive") <= 3


async def test_a_database_that_is_away_for_a_moment_ends_nothing(
    caller: httpx.AsyncClient, engine: Any, scope: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive_feed, "SIGNAL_SECONDS", 0.01)
    monkeypatch.setattr(archive_feed, "SWEEP_SECONDS", 0.01)
    feed = archive_feed.Feed()
    monkeypatch.setattr(archive_feed, "archive_feed", feed)
    refused: list[str] = []

    def away(*_: Any) -> Any:
        refused.append("away")
        raise OperationalError("the connection is closed")

    with monkeypatch.context() as broken:
        broken.setattr(archive_feed, "_slugs", away)
        broken.setattr(archive_feed, "_archives_on", away)
        feed._news.add(scope.cluster.pk)
        await feed.start()
        async with asyncio.timeout(20):
            while len(refused) < 4:
                await asyncio.sleep(0.01)
    heard: list[str] = []
    stop = events.listen(lambda signal: heard.append(signal.topic))
    async with asyncio.timeout(20):
        while "demo/archive" not in heard:  # the news of before is told after all
            await asyncio.sleep(0.01)
    stop()
    await feed.stop()


async def test_one_archive_that_can_not_be_swept_keeps_no_other_from_it(
    scope: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    swept: list[Any] = []

    def sweep(engine: Any, at: int, **_: Any) -> int:
        swept.append(engine)
        raise ValueError("cannot be read")

    monkeypatch.setattr(orders, "sweep", sweep)

    await asyncio.to_thread(archive_feed._sweep, {scope.cluster.pk: False, scope.cluster.pk + 1000: True})

    assert len(swept) == 2


# -- commands about other messages -------------------------------------------------------------------------------------


def command(number: int, word: str, by: str = "anna", **param: Any) -> dict[str, Any]:
    payload = json.dumps({"type": 99, "cmd": word, "param": param}).encode()
    return told(number, payload=payload, from_uid=by, channel_id="g____cmd", message_seq=number)


@pytest.mark.parametrize(
    "word", ["messageRevoke", "message_revoke", "revoke", "recall", "messageDelete", "MSG-RECALLED"]
)
@pytest.mark.parametrize("by", ["anna", ""])
async def test_a_revoked_message_keeps_its_body_and_gets_a_mark(
    caller: httpx.AsyncClient, engine: Any, word: str, by: str
) -> None:
    assert await say(caller, told(1, "secret"), told(2), command(3, word, by, message_id="1")) == 200

    row = engine.by_ids([1])[1]
    assert Trait.REVOKED in row.traits and row.text == "secret"
    assert Trait.REVOKED not in engine.by_ids([2])[2].traits


async def test_nobody_hides_what_others_wrote(caller: httpx.AsyncClient, engine: Any) -> None:
    assert await say(caller, told(1), command(2, "messageRevoke", "mallory", message_id=1)) == 200
    assert await say(caller, command(3, "messageEdit", "mallory", message_id=1, content="I owe mallory")) == 200

    row = engine.by_ids([1])[1]
    assert (row.traits & (Trait.REVOKED | Trait.EDITED), row.text) == (Trait(0), "message 1")


async def test_a_command_that_comes_before_its_message_waits_for_it(caller: httpx.AsyncClient, engine: Any) -> None:
    await say(caller, command(9, "messageRevoke", message_ids=[1, 2]))
    await say(caller, told(1))
    assert orders.sweep(engine, int(time.time())) == 1

    await say(caller, told(2))
    assert orders.sweep(engine, int(time.time())) == 1

    assert all(Trait.REVOKED in row.traits for row in engine.by_ids([1, 2]).values())
    assert engine.notes(orders.PREFIX) == {}


async def test_the_newest_edit_is_what_is_said_whatever_comes_last(caller: httpx.AsyncClient, engine: Any) -> None:
    await say(caller, told(1, "first"))
    await say(caller, command(12, "messageEdit", message_id=1, content="third"))
    await say(caller, command(11, "message_edit", message_id=1, content='{"type": 1, "content": "second"}'))

    row = engine.by_ids([1])[1]
    assert (row.text, row.said, Trait.EDITED in row.traits) == ("third", "third", True)
    assert json.loads(row.payload)["content"] == "first"


async def test_a_message_is_named_by_its_client_number_in_its_own_channel_alone(
    caller: httpx.AsyncClient, engine: Any
) -> None:
    await say(caller, told(1), told(2, client_msg_no="c1", channel_id="h"))

    await say(caller, command(3, "revoke", client_msg_no="c1"))

    marked = {number: Trait.REVOKED in row.traits for number, row in engine.by_ids([1, 2]).items()}
    assert marked == {1: True, 2: False}


async def test_an_order_is_kept_before_its_command_so_that_a_death_in_between_loses_nothing(
    caller: httpx.AsyncClient, engine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await say(caller, told(1))
    with monkeypatch.context() as patched:
        patched.setattr(orders, "carry_out", lambda *_: (_ for _ in ()).throw(StoreUnavailable("died")))
        assert await say(caller, command(2, "revoke", message_id=1)) == 503

    assert orders.sweep(engine, int(time.time())) == 1
    assert Trait.REVOKED in engine.by_ids([1])[1].traits
