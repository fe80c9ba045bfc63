"""What a cluster tells and asks by itself: typed, answered, and driven by the simulator and by hand."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imadmin.gateway.hook_types import BrokenHook, HookBatch
from imadmin.gateway.kinds.wukongim2 import datasource, grpc_hook, webhook
from imadmin.gateway.kinds.wukongim2.client import WuKongIM2
from imadmin.gateway.kinds.wukongim2.datasource import Command, DatasourceCall
from imadmin.gateway.receiver import Receiver
from imadmin.gateway.types import ChannelFlags, ChannelRef
from imadmin.simulator import SimulatedCluster
from tests.gateway.conftest import GROUP

ONLINE = b'["w-c-0-1-51-1-1"]'


async def posted(url: str, body: bytes) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.post(url, content=body)


async def test_a_clusters_webhook_arrives_typed(cluster: SimulatedCluster, gateway: WuKongIM2):
    told: list[HookBatch] = []
    async with Receiver(on_batch=told.append) as receiver:
        cluster.use_webhook(receiver.webhook_url)
        await gateway.create_channel(GROUP, ChannelFlags(), ["anna", "ben"])
        sent = await gateway.send_message(GROUP, b'{"type":1,"content":"hello"}', from_uid="anna")
        for _ in range(100):
            if {batch.event for batch in told} >= {"msg.notify", "msg.offline"}:
                break
            await asyncio.sleep(0.1)
    messages = [message for batch in told for message in batch.messages if batch.event == "msg.notify"]
    assert sent.id in [message.id for message in messages]
    away = [
        uid for batch in told for message in batch.messages if batch.event == "msg.offline" for uid in message.to_uids
    ]
    assert "ben" in away


async def test_a_receiver_that_fails_says_so_and_hears_it_again():
    heard: list[HookBatch] = []

    def stumble(batch: HookBatch) -> None:
        heard.append(batch)
        if len(heard) == 1:
            raise RuntimeError("not yet")

    async with Receiver(on_batch=stumble) as receiver:
        url = f"{receiver.webhook_url}?event=user.onlinestatus"
        assert [(await posted(url, ONLINE)).status_code for _ in range(2)] == [500, 200]
        assert (await posted(url, b"nonsense")).status_code == 400
        assert (await posted(receiver.webhook_url.replace("webhook", "other"), b"{}")).status_code == 404
    assert len(heard) == 2


async def test_the_datasource_is_answered():
    def members(command: Command, channel: ChannelRef) -> list[str]:
        return [f"{command.name.lower()} of {channel}"]

    async with Receiver(
        system_users=lambda: ["robot", "机器人"], members=members, flags=lambda channel: ChannelFlags(ban=True)
    ) as receiver:

        async def ask(command: str, **data: object) -> httpx.Response:
            return await posted(receiver.datasource_url, json.dumps({"cmd": command, "data": data}).encode())

        assert (await ask("getSystemUIDs")).json() == ["robot", "机器人"]
        key = {"channel_id": "g", "channel_type": 2}
        assert (await ask("getSubscribers", **key)).json() == ["subscribers of 2/g"]
        assert (await ask("getBlacklist", **key)).json() == ["denylist of 2/g"]
        assert (await ask("getWhitelist", **key)).json() == ["allowlist of 2/g"]
        assert (await ask("getChannelInfo", **key)).json() == {"large": 0, "ban": 1, "disband": 0}
        assert (await ask("getSubscribers")).status_code == 400
        assert (await ask("getSomething", **key)).status_code == 400


def test_what_the_server_asks_is_typed():
    assert datasource.question(b'{"cmd":"getSystemUIDs","data":{}}') == DatasourceCall(Command.SYSTEM_USERS)
    asked = datasource.question(b'{"cmd":"getFuture","data":{"channel_id":"g","channel_type":77}}')
    assert asked == DatasourceCall("getFuture", ChannelRef("g", 77))


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"cmd":1}', b'{"cmd":"","data":{}}', b'{"cmd":"x","data":[1]}', b"[" * 9999]
)
def test_what_the_server_never_asks_is_broken(body: bytes):
    with pytest.raises(BrokenHook):
        datasource.question(body)


# -- gRPC --------------------------------------------------------------------------------------------------------------


def varint(number: int) -> bytes:
    out = b""
    while number > 0x7F:
        out, number = out + bytes([number & 0x7F | 0x80]), number >> 7
    return out + bytes([number])


def request(event: str, data: bytes) -> bytes:
    name = event.encode()
    return b"\x0a" + varint(len(name)) + name + b"\x12" + varint(len(data)) + data


def test_a_grpc_call_is_the_same_batch():
    frame = grpc_hook.framed(request("user.onlinestatus", ONLINE))
    assert grpc_hook.batch(frame) == webhook.batch("user.onlinestatus", ONLINE)
    assert grpc_hook.event_response(is_success=True) == b"\0\0\0\0\x02\x08\x01"
    assert grpc_hook.event_response(is_success=False) == b"\0\0\0\0\0"


def test_fields_of_a_later_version_are_passed_over():
    later = b"\x18\x96\x01" + b"\x21" + b"8" * 8 + b"\x2d" + b"4" * 4 + b"\x32\x03new"
    assert grpc_hook.event_request(later + request("x", b"y") + later) == ("x", b"y")


@given(st.text(), st.binary())
def test_whatever_was_put_in_comes_out(event: str, data: bytes):
    assert grpc_hook.event_request(grpc_hook.unframed(grpc_hook.framed(request(event, data)))) == (event, data)


@given(st.binary())
def test_any_bytes_are_a_request_or_broken(raw: bytes):
    for read in (
        grpc_hook.unframed,
        grpc_hook.event_request,
        grpc_hook.batch,
        lambda body: webhook.batch("msg.notify", body),
    ):
        try:
            read(raw)
        except BrokenHook:
            continue


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(["message_id", "payload", "header"]), inner)
    ),
)


@given(st.sampled_from(["msg.notify", "msg.offline", "user.onlinestatus", "new"]), json_values)
def test_any_json_is_a_batch_or_broken(event: str, said: object):
    try:
        found = webhook.batch(event, json.dumps(said).encode())
    except BrokenHook:
        return
    assert found.count >= 0


@given(
    st.text(min_size=1, max_size=60).filter(lambda uid: "\0" not in uid),
    st.integers(0, 255),
    st.booleans(),
    st.integers(0, 2**63 - 1),
)
def test_every_uid_comes_out_of_an_online_change(uid: str, flag: int, is_online: bool, connection: int):
    said = f"{uid}-{flag}-{int(is_online)}-{connection}-1-2"
    (change,) = webhook.batch("user.onlinestatus", json.dumps([said]).encode()).online
    assert (change.uid, change.device_flag, change.is_online, change.connection) == (uid, flag, is_online, connection)
