"""What a real v2.2.5 answered, read back by the gateway: shapes as they were recorded, not as anybody recalls them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from imadmin.gateway.contract import Connection
from imadmin.gateway.errors import NoSuch, NotAllowed, Rejected, Unauthorised, Unreachable
from imadmin.gateway.http import Http
from imadmin.gateway.kinds.wukongim2.client import WuKongIM2
from imadmin.gateway.types import ChannelFlags, ChannelRef, ContentKind, MessageQuery, OnlineDevice

RECORDED = Path(__file__).parent / "recorded" / "wukongim-v2.2.5"
STAGE = {
    "/cluster/simpleNodes": "cluster/simpleNodes-healthy",
    "/cluster/node": "cluster/node",
    "/cluster/info": "cluster/info-healthy",
    "/cluster/slots": "cluster/slots",
    "/cluster/allslot": "cluster/allslot-healthy",
    "/varz": "cluster/varz-node1",
}


def reply(name: str) -> httpx.Response:
    found = json.loads((RECORDED / f"{name}.json").read_text("utf-8"))["response"]
    body = found["body"]
    text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)

    async def pieces() -> AsyncIterator[bytes]:
        yield text.encode()

    return httpx.Response(found["status"], content=pieces(), headers={"content-type": found["content_type"] or ""})


Replay = Callable[..., WuKongIM2]


@pytest.fixture
async def replay() -> AsyncIterator[Replay]:
    """Opens a gateway to a server that answers from recordings: path -> name of the recording."""
    opened: list[WuKongIM2] = []

    def to(**extra: Any) -> WuKongIM2:
        told = STAGE | extra.pop("answers", {})

        def answer(request: httpx.Request) -> httpx.Response:
            return reply(told[request.url.path])

        http = Http(transport=httpx.MockTransport(answer))
        opened.append(WuKongIM2(Connection("http://main:5001", "http://manager:5300", **extra), http=http))
        return opened[-1]

    yield to
    for gateway in opened:
        await gateway.aclose()


async def test_messages_of_a_channel(replay: Replay):
    gateway = replay(answers={"/cluster/messages": "messages/cluster-messages-channel"})
    page = await gateway.search_messages(MessageQuery(channel=ChannelRef("ma_group", 2)), limit=3)
    assert [message.id for message in page.items] == [2123931187658362880, 2123928030001762304, 2123928011081256960]
    assert [message.is_stream for message in page.items] == [False, True, False]
    assert page.items[0].content.text == "again"
    assert page.items[0].content.kind is ContentKind.TEXT


async def test_messages_read_in_their_channel(replay: Replay):
    gateway = replay(
        answers={
            "/channel/messagesync": "messages/channel-messagesync-person",
            "/cluster/nodes/1/channels": "cluster/node-channels",
        }
    )
    chat = ChannelRef.person("ma_alice", "ma_bob")
    found = await gateway._synced(chat, {"login_uid": "ma_bob", "channel_id": "ma_alice"}, 1, 50)
    assert {message.channel for message in found} == {chat}
    assert [message.seq for message in found] == sorted(message.seq for message in found)
    assert [message.has_red_dot for message in found[:2]] == [None, True]


async def test_channel_records(replay: Replay):
    gateway = replay(answers={"/cluster/channels": "channels/cluster-channels"})
    page = await gateway.channels(limit=3)
    assert all(record.channel.id for record in page.items), "the row with an empty id stands for nothing"
    assert page.next_cursor
    assert await gateway.channel(ChannelRef("hb_zzz", 2)) is None


@pytest.mark.parametrize(
    ("name", "is_there"), [("cluster-channels-exact", True), ("cluster-channels-exact_unknown", False)]
)
async def test_one_channel_record(replay: Replay, name: str, is_there: bool):
    record = await replay(answers={"/cluster/channels": f"channels/{name}"}).channel(ChannelRef("hb_g6", 2))
    assert (record is not None) is is_there
    if record:
        assert record.subscriber_count is record.last_seq is record.created_at is None


@pytest.mark.parametrize("name", ["subscribers", "denylist", "allowlist"])
async def test_lists(replay: Replay, name: str):
    gateway = replay(answers={f"/cluster/channels/g/2/{name}": f"channels/cluster-{name}"})
    uids = await getattr(gateway, name)(ChannelRef("g", 2))
    assert uids and all(isinstance(uid, str) for uid in uids)


async def test_users_and_their_absence(replay: Replay):
    user = await replay(answers={"/cluster/users": "users/cluster-users-uid"}).user("hb_n1")
    assert user is not None and user.slot == 7
    for name in ("users/cluster-users-unknown", "cluster/users-exact-unknown-4nodes"):
        assert await replay(answers={"/cluster/users": name}).user("nobody") is None


async def test_devices_without_their_tokens(replay: Replay):
    devices = await replay(answers={"/cluster/devices": "users/cluster-devices-uid"}).devices("hb_t1")
    assert [device.flag for device in devices] == sorted({device.flag for device in devices})
    assert not any(device.has_token for device in devices)
    for name in ("users/cluster-devices-unknown_uid", "users/cluster-devices-unknown_flag"):
        assert await replay(answers={"/cluster/devices": name}).devices("nobody") == ()


async def test_conversations(replay: Replay):
    rows = await replay(answers={"/cluster/conversations": "users/cluster-conversations-uid"}).conversations("hb_U")
    assert ChannelRef("hb_L", 2) in {row.channel for row in rows}
    assert all(row.updated_at and row.updated_at.year == 2026 for row in rows)


async def test_connections_seen_from_several_nodes_are_one(replay: Replay):
    gateway = replay(answers={"/connz": "connections/connz-cluster_leader_node"})
    answer = await gateway.sessions("hb_cu")
    keys = [(session.node_id, session.id) for session in answer.value]
    assert keys and len(keys) == len(set(keys))
    assert {session.uid for session in answer.value} == {"hb_cu"}


async def test_who_is_online(replay: Replay):
    gateway = replay(answers={"/user/onlinestatus": "users/onlinestatus-cluster"})
    gateway.roster._slot_count = 4  # the recorded slots are 1, 2 and 3
    uids = [f"hb_{number}" for number in range(40)]
    answer = await gateway.online_devices(uids)
    assert answer.value == (OnlineDevice("hb_cu", 1),)
    assert answer.is_partial, "slot 0 isn't among the recorded ones"


async def test_system_users(replay: Replay):
    assert await replay(answers={"/user/systemuids": "users/systemuids-get-empty"}).system_users() == ()
    assert await replay(answers={"/user/systemuids": "users/systemuids-get"}).system_users()


async def test_every_node_from_one_recording(replay: Replay):
    answer = await replay().nodes()
    assert [node.id for node in answer.value] == [1, 2, 3]
    assert [node.answers for node in answer.value] == [True, False, False], "node 1 speaks at every address here"
    assert answer.value[0].version is None
    assert answer.value[1].is_leader


@pytest.mark.parametrize("view", ["cluster/node-dead-simpleNodes", "cluster/two-of-three-dead-simple-200"])
async def test_nodes_after_a_death(replay: Replay, view: str):
    answer = await replay(answers={"/cluster/simpleNodes": view}).nodes()
    assert len(answer.value) == 3
    assert answer.is_partial


async def test_a_runtime_channel(replay: Replay):
    names = {f"/cluster/nodes/{node}/channels": "cluster/node-channels-exact-othernode" for node in (2, 3)}
    gateway = replay(answers={"/cluster/nodes/1/channels": "cluster/node-channels-exact", **names})
    found = await gateway.runtime_channel(ChannelRef("g0", 2))
    assert found is not None and found.slot == 51 and found.last_seq == 5
    unknown = {f"/cluster/nodes/{node}/channels": "cluster/node-channels-exact-unknown" for node in (1, 2, 3)}
    assert await replay(answers=unknown).runtime_channel(ChannelRef("nope", 2)) is None


@pytest.mark.parametrize(("name", "seq"), [("channel-max-message-seq", 5), ("channel-max-message-seq-unknown", None)])
async def test_the_newest_seq(replay: Replay, name: str, seq: int | None):
    gateway = replay(answers={"/channel/max_message_seq": f"messages/{name}"})
    assert await gateway.max_seq(ChannelRef("g", 2)) == seq


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("auth/mt-main-notoken", Unauthorised),
        ("auth/jwt-expired", Unauthorised),
        ("auth/mt-hazard-onlinestatus-remote", Unauthorised),
        ("auth/perm-slot-migrate-manager-viewer", NotAllowed),
        ("cluster/node-dead-users-400", Unreachable),
        ("cluster/config-leader-dead-info-400", Unreachable),
        ("messages/message-not-found", NoSuch),
        ("channels/cluster-channels-ban", Rejected),
        ("cluster/slots-badid", Rejected),
    ],
)
async def test_refusals_mean_what_they_mean(replay: Replay, name: str, error: type[Exception]):
    with pytest.raises(error) as raised:
        await replay(answers={"/user/systemuids": name}).system_users()
    assert "127.0.0.1" not in str(raised.value)


@pytest.mark.parametrize("name", ["channels/channel-create", "channels/channel-info"])
async def test_confirmed_changes(replay: Replay, name: str):
    await replay(answers={"/channel": name}).set_flags(ChannelRef("g", 2), ChannelFlags())


async def test_signing_in(replay: Replay):
    gateway = replay(
        answers={"/manager/login": "auth/login-ok-manager", "/user/systemuids": "users/systemuids-get"},
        jwt_user="admin", jwt_password="pwd",
    )  # fmt: skip
    assert await gateway.system_users()
    refused = replay(answers={"/manager/login": "auth/login-wrong-password"}, jwt_user="admin", jwt_password="no")
    with pytest.raises(Unauthorised):
        await refused.system_users()
