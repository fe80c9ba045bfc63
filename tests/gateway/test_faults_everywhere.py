"""Every fault on the way, to a question and to a change of each shape: the right error, nothing sent twice."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
import pytest

from imadmin.gateway import http as http_module
from imadmin.gateway.contract import Connection
from imadmin.gateway.errors import (
    BadReply,
    GatewayError,
    NotAllowed,
    RefusedLocally,
    Rejected,
    TimedOut,
    Unauthorised,
    Uncertain,
    Unreachable,
)  # fmt: skip
from imadmin.gateway.http import Http, Timeouts
from imadmin.gateway.kinds.wukongim2 import link as link_module
from imadmin.gateway.kinds.wukongim2.client import WuKongIM2
from imadmin.gateway.message_types import StreamEvent
from imadmin.gateway.types import ChannelRef, Session
from tests.gateway.conftest import ALONE, GROUP, Open, Script, streamed

EVENT = StreamEvent("e", "stream.close")
SESSION = Session(5, 1, 1, "anna", 1, "slave", "d", "127.0.0.1", 1, 1.0, 1.0, 0, 0, 5)
QUICK = Timeouts(connect=1.0, read=0.4, write=1.0, pool=1.0, total=0.8)

Ask = Callable[[WuKongIM2], Awaitable[object]]

# A question or change of each shape: by GET, by POST, of one node alone, with an answer, without one.
QUESTIONS: dict[str, tuple[str, Ask]] = {
    "get": ("/migrate/result", lambda gateway: gateway.migrate_result()),
    "get-rows": ("/channel/whitelist", lambda gateway: gateway.allowlist_entries(GROUP)),
    "get-of-a-node": ("/varz/setting", lambda gateway: gateway.server_settings(1)),
    "post": ("/messages", lambda gateway: gateway.lookup_messages(GROUP, seqs=[1])),
    "post-list": ("/route/batch", lambda gateway: gateway.addresses_for(["anna"])),
    "post-of-a-node": ("/cluster/channel/status", lambda gateway: gateway.channels_running([GROUP], 1)),
}
CHANGES: dict[str, tuple[str, Ask]] = {
    "change": ("/channel/delete", lambda gateway: gateway.disband_channel(GROUP)),
    "list": ("/channel/blacklist_set", lambda gateway: gateway.set_denylist(GROUP, ["anna"])),
    "told": ("/message/send", lambda gateway: gateway.send_message(GROUP, b"x", from_uid="anna")),
    "event": ("/message/event", lambda gateway: gateway.send_event(GROUP, "no", EVENT)),
    "of-a-node": ("/user/systemuids_add_to_cache", lambda gateway: gateway.cache_system_users(1, ["robot"])),
    "connection": ("/conn/remove", lambda gateway: gateway.remove_connection(SESSION)),
}

HTML = b"<html><body><h1>502 Bad Gateway</h1>nginx</body></html>"


def said(status: int, text: str, code: int = 400) -> object:
    return (status, {"msg": text, "status": code})


# what came back -> what a question makes of it, what a change does
FAULTS: dict[str, tuple[object, type[Exception], type[Exception]]] = {
    "refused": (httpx.ConnectError("x"), Unreachable, Unreachable),
    "no connection in time": (httpx.ConnectTimeout("x"), Unreachable, Unreachable),
    "silence": (httpx.ReadTimeout("x"), TimedOut, Uncertain),
    "reset half way": (httpx.ReadError("x"), Unreachable, Uncertain),
    "closed without an answer": (httpx.RemoteProtocolError("Server disconnected"), Unreachable, Uncertain),
    "another protocol": (httpx.RemoteProtocolError("illegal status line"), BadReply, Uncertain),
    "no json": ((200, "{"), BadReply, Uncertain),
    "nothing": ((200, ""), BadReply, Uncertain),
    "a number": ((200, "7"), BadReply, Uncertain),
    "a text": ((200, '"x"'), BadReply, Uncertain),
    "not a number": ((200, "NaN"), BadReply, Uncertain),
    "an html page": ((200, HTML), BadReply, Uncertain),
    "a bad gateway": ((502, HTML), Rejected, Uncertain),
    "an unavailable": ((503, ""), Rejected, Uncertain),
    "a panic": ((500, ""), Rejected, Uncertain),
    "no route": ((404, "404 page not found"), BadReply, BadReply),
    "moved": (lambda request: streamed(301, b"", location="http://169.254.169.254:80/"), BadReply, BadReply),
    "the token gate": ((401, ""), Unauthorised, Unauthorised),
    "the session": ((401, {"error": "token is expired"}), Unauthorised, Unauthorised),
    "the gate of a peer": (said(400, "请求状态错误！[401]"), Unauthorised, Unauthorised),
    "no right": (said(400, "没有权限", 403), NotAllowed, NotAllowed),
    "forbidden": ((403, ""), NotAllowed, NotAllowed),
    "a 400 in plain text": (
        lambda request: streamed(400, b'{"msg":"EOF in body","status":400}', **{"content-type": "text/plain"}),
        Rejected, Rejected,
    ),
    "plain text alone": ((400, "bad request"), BadReply, Uncertain),
    "given up after five seconds": (said(400, "context deadline exceeded"), TimedOut, Uncertain),
    "a dead peer": (said(400, 'Get "http://10.1.1.1:5001/x": dial tcp: connection refused'), Unreachable, Unreachable),
    "broken gzip": (lambda request: streamed(200, b"\x1f\x8bnonsense", **{"content-encoding": "gzip"}), BadReply, Uncertain),
    "another packing": (lambda request: streamed(200, b"{}", **{"content-encoding": "br"}), BadReply, Uncertain),
}  # fmt: skip


@pytest.mark.parametrize("shape", QUESTIONS)
@pytest.mark.parametrize("fault", FAULTS)
async def test_a_question_ends_in_the_right_error(script: Script, scripted: WuKongIM2, fault: str, shape: str):
    path, ask = QUESTIONS[shape]
    script.answers[path], expected, _ = FAULTS[fault]
    with pytest.raises(GatewayError) as raised:
        await ask(scripted)
    assert type(raised.value) is expected
    assert raised.value.operation and raised.value.node
    assert "10.1.1.1" not in str(raised.value) + raised.value.message and "169.254" not in str(raised.value)
    assert {request.url.host for request in script.requests} <= {"main", "node-1"}


@pytest.mark.parametrize("shape", CHANGES)
@pytest.mark.parametrize("fault", FAULTS)
async def test_a_change_ends_in_the_right_error_and_is_sent_once(
    script: Script, scripted: WuKongIM2, fault: str, shape: str
):
    path, ask = CHANGES[shape]
    script.answers[path], _, expected = FAULTS[fault]
    with pytest.raises(GatewayError) as raised:
        await ask(scripted)
    assert type(raised.value) is expected
    assert script.called(path) == 1
    assert raised.value.is_uncertain == (expected is Uncertain)


@pytest.mark.parametrize("shape", QUESTIONS)
@pytest.mark.parametrize(
    "answer", [[1], {"data": 3}, {"messages": {}}, {"data": ["x"]}, [None], {"status": "x", "logger": 5}]
)
async def test_json_of_another_shape_is_a_bad_reply_or_nothing(script: Script, scripted: WuKongIM2, shape: str, answer):
    path, ask = QUESTIONS[shape]
    script.answers[path] = (200, answer)
    try:
        found = await ask(scripted)
    except BadReply:
        return
    assert found == () or shape in ("get", "get-of-a-node"), "zero values may be left out"


async def test_a_big_answer_is_read_and_a_bigger_one_is_not(script: Script, scripted: WuKongIM2):
    rows = [{"uid": "u" * 100, "id": number} for number in range(80_000)]
    body = json.dumps(rows).encode()
    assert len(body) > 10_000_000
    script.answers["/channel/whitelist"] = (200, body)
    assert len(await scripted.allowlist_entries(GROUP)) == len(rows)
    packed = gzip.compress(body)
    script.answers["/channel/whitelist"] = lambda request: streamed(200, packed, **{"content-encoding": "gzip"})
    assert len(await scripted.allowlist_entries(GROUP)) == len(rows)
    script.answers["/channel/whitelist"] = (200, body + b" " * http_module.BODY_LIMIT)
    with pytest.raises(BadReply):
        await scripted.allowlist_entries(GROUP)


# -- on the wire -------------------------------------------------------------------------------------------------------

Behave = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def wired(behave: Behave) -> AsyncIterator[str]:
    """A server that reads the head of one request and then does that."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            await behave(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()


async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(2)


async def slow_head(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    for byte in b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n" + b"x-pad: 1\r\n" * 50 + b"\r\n{}":
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.02)


async def slow_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 4000\r\n\r\n")
    for _ in range(4000):
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.02)


async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b'HTTP/1.1 200 OK\r\ncontent-length: 4000\r\n\r\n{"status": "run')
    await writer.drain()


async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    await writer.drain()
    writer.transport.abort()


async def speak_ssh(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"SSH-2.0-OpenSSH_9.0\r\n\r\n")
    await writer.drain()


WIRE: dict[str, tuple[Behave, type[Exception], type[Exception]]] = {
    "hangs": (hang, TimedOut, Uncertain),
    "slow head": (slow_head, TimedOut, Uncertain),
    "slow body": (slow_body, TimedOut, Uncertain),
    "half a body": (half, Unreachable, Uncertain),
    "reset": (reset, Unreachable, Uncertain),
    "another protocol": (speak_ssh, BadReply, Uncertain),
}


@pytest.mark.parametrize("fault", WIRE)
async def test_faults_on_the_wire(fault: str, monkeypatch: pytest.MonkeyPatch):
    behave, asked, changed = WIRE[fault]
    monkeypatch.setattr(link_module, "CHANGING", QUICK)
    for name in ("get", "_call", "reply"):
        defaults = dict(getattr(link_module.Link, name).__kwdefaults__)
        monkeypatch.setattr(getattr(link_module.Link, name), "__kwdefaults__", defaults | {"timeouts": QUICK})
    async with wired(behave) as url:
        gateway = WuKongIM2(Connection(url, ""), http=Http())
        with pytest.raises(GatewayError) as question:
            await gateway.migrate_result()
        with pytest.raises(GatewayError) as change:
            await gateway.set_token("anna", "t0p-secret")
        await gateway.aclose()
    assert (type(question.value), type(change.value)) == (asked, changed)
    for error in (question.value, change.value):
        assert "127.0.0.1" not in str(error) and "t0p-secret" not in str(error)


# -- what is refused before anything is sent ---------------------------------------------------------------------------


async def test_what_a_stream_message_would_end_is_asked_for_first(script: Script, scripted: WuKongIM2):
    script.answers["/message/send"] = (200, {"status": 200, "data": {"message_id": 5, "client_msg_no": "x"}})
    assert (await scripted.send_message(GROUP, b"x", is_stream=True)).id == 5
    two = ALONE | {"id": 2, "api_server_addr": "http://node-2:5001"}
    script.answers["/cluster/simpleNodes"] = (200, {"data": [ALONE, two]})
    scripted.roster._members = ()
    with pytest.raises(RefusedLocally):
        await scripted.send_message(GROUP, b"x", is_stream=True)
    assert script.called("/message/send") == 1


async def test_rows_that_share_an_instant_are_walked_over_a_border(script: Script, scripted: WuKongIM2):
    """130 channels of one nanosecond can't be paged whole; 90 of one and 60 of another can, and each comes once."""

    def page(stamps: list[int]) -> Callable[[httpx.Request], tuple[int, object]]:
        rows = [{"channel_id": f"g{number}", "channel_type": 2, "created_at": at} for number, at in enumerate(stamps)]

        def answer(request: httpx.Request) -> tuple[int, object]:
            offset = int(request.url.params.get("offset_created_at") or 2**62)
            older = [row for row in rows if row["created_at"] < offset]
            return 200, {"data": older[:100], "more": int(len(older) > 100)}

        return answer

    script.answers["/cluster/nodes/1/channels"] = page([900] * 90 + [800] * 60 + [700] * 20)
    walk = scripted.iter_channels()
    found = [row.channel.id async for row in walk]
    assert sorted(found) == sorted(f"g{number}" for number in range(170)) and walk.is_complete
    script.answers["/cluster/nodes/1/channels"] = page([900] * 130 + [700] * 5)
    walk = scripted.iter_channels()
    found = [row.channel.id async for row in walk]
    assert len(found) == len(set(found)) == 105 and walk.limits == ["ties"] and not walk.is_complete


async def test_a_walk_names_the_node_it_lost_and_goes_on(script: Script, open_to: Open):
    two = ALONE | {"id": 2, "is_leader": 0, "api_server_addr": "http://node-2:5001"}
    script.answers["/cluster/simpleNodes"] = (200, {"data": [ALONE, two]})
    script.answers["/cluster/nodes/1/channels"] = (
        200,
        {"data": [{"channel_id": "g", "channel_type": 2, "created_at": 5}]},
    )
    script.answers["/cluster/nodes/2/channels"] = httpx.ReadError("gone")
    gateway = open_to(Connection("http://main:5001", ""), transport=httpx.MockTransport(script))
    walk = gateway.iter_channels()
    assert [row.channel for row in [one async for one in walk]] == [ChannelRef("g", 2)]
    assert [failed.node for failed in walk.failed] == ["2"] and not walk.is_complete


async def test_missing_numbers_are_told_as_gaps(script: Script, scripted: WuKongIM2):
    rows = [{"message_id": number, "message_seq": number, "payload": "e30="} for number in (1, 2, 5, 9)]
    script.answers["/cluster/nodes/1/channels"] = (
        200, {"data": [{"channel_id": "group", "channel_type": 2, "last_message_seq": 9}]},
    )  # fmt: skip
    script.answers["/channel/messagesync"] = (200, {"messages": rows, "more": 0})
    walk = scripted.iter_all_messages(GROUP)
    assert [message.seq async for message in walk] == [1, 2, 5, 9]
    assert walk.gaps == [(3, 4), (6, 8)] and not walk.is_complete
