"""Live clients over JSON-RPC: the flow, the reasons, the kicks, the ghosts."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from imadmin.simulator import SimulatedCluster, person_id

from .conftest import Api, StartCluster, eventually
from .replay import RECORDED

TEXT = base64.b64encode(b'{"type":1,"content":"hi"}').decode()


class Client:
    """One live client."""

    def __init__(self, socket: ClientConnection, uid: str) -> None:
        self.socket = socket
        self.uid = uid
        self._count = 0

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        self._count += 1
        frame: dict[str, Any] = {"jsonrpc": "2.0", "method": method, "id": f"r{self._count}"}
        if params:
            frame["params"] = params
        await self.socket.send(json.dumps(frame))
        while (reply := await self.next()).get("id") != frame["id"]:
            pass
        return reply

    async def send(self, channel_id: str, channel_type: int = 2, **params: Any) -> dict[str, Any]:
        reply = await self.call("send", channelId=channel_id, channelType=channel_type, payload=TEXT, **params)
        return dict(reply["result"])

    async def reason(self, channel_id: str, channel_type: int = 2) -> int:
        return int((await self.send(channel_id, channel_type))["reasonCode"])

    async def next(self, timeout: float = 3) -> dict[str, Any]:
        return dict(json.loads(await asyncio.wait_for(self.socket.recv(), timeout)))


Join = Callable[..., Awaitable[Client]]


@pytest.fixture
async def join(cluster: SimulatedCluster) -> AsyncIterator[Join]:
    opened: list[ClientConnection] = []

    async def log_in(uid: str, node: int = 0, of: SimulatedCluster | None = None, **params: Any) -> Client:
        socket = await connect((of or cluster).nodes[node].ws_url)
        opened.append(socket)
        client = Client(socket, uid)
        result = (await client.call("connect", **{"uid": uid, "deviceFlag": 1, "deviceId": "d1", **params}))["result"]
        assert result["reasonCode"] == 1
        return client

    yield log_in
    for socket in opened:
        await socket.close()


async def _closes(socket: ClientConnection) -> bool:
    try:
        while True:
            await socket.recv()
    except ConnectionClosed:
        return True


async def test_login_ping_send_and_receive(cluster: SimulatedCluster, join: Join) -> None:
    cluster.call(lambda state: state.add_group("g", ["ann", "bob"]))
    ann, bob = await join("ann"), await join("bob", node=2)
    assert await ann.call("ping") == {"jsonrpc": "2.0", "id": "r2"}
    sent = await ann.send("g", clientMsgNo="n1", header={"redDot": True})
    assert list(sent) == ["header", "messageId", "messageSeq", "reasonCode"]
    received = (await bob.next())["params"]
    recorded = json.loads((RECORDED / "jsonrpc/connect-recv.json").read_text())["frames"][6]["frame"]["params"]
    assert list(received) == list(recorded)
    assert (received["messageId"], received["messageSeq"], received["clientMsgNo"]) == (sent["messageId"], 1, "n1")
    assert received["payload"] == TEXT
    await bob.socket.send(
        json.dumps({"method": "recvack", "params": {"messageId": received["messageId"], "messageSeq": 1}})
    )
    (row,) = Api(cluster).json("/connz", uid="ann", node_id=1001)["connections"]
    assert (row["in_msgs"], row["out_packets"], row["in_msg_bytes"]) == (1, 3, 0)


async def test_a_person_sees_the_peer_and_system_senders_are_nameless(cluster: SimulatedCluster, join: Join) -> None:
    ann, bob = await join("ann"), await join("bob")
    assert await ann.reason("bob", 1) == 1
    got = (await bob.next())["params"]
    assert (got["channelId"], got["fromUid"]) == ("ann", "ann")
    Api(cluster).post("/message/send", channel_id="bob", channel_type=1, payload=TEXT)
    got = (await bob.next())["params"]
    assert (got["channelId"], got["fromUid"]) == ("", "")


async def test_reasons_in_the_order_of_the_checks(cluster: SimulatedCluster, join: Join) -> None:
    api, ann = Api(cluster), await join("ann")

    def post(path: str, **body: Any) -> None:
        assert api.post(path, body).status_code == 200

    assert await ann.reason("g") == 3  # unknown channel
    post("/channel", channel_id="g", channel_type=2, subscribers=["ann", "bob"])
    assert await ann.reason("g") == 1
    post("/channel/whitelist_set", channel_id="g", channel_type=2, uids=["bob"])
    assert await ann.reason("g") == 13
    post("/channel/blacklist_add", channel_id="g", channel_type=2, uids=["ann"])
    assert await ann.reason("g") == 4
    post("/channel", channel_id="g", channel_type=2, disband=1)
    assert await ann.reason("g") == 24
    post("/channel", channel_id="g", channel_type=2, ban=1, disband=1)
    assert await ann.reason("g") == 19
    post("/channel/info", channel_id="ann", channel_type=1, send_ban=1)
    assert await ann.reason("g") == 25
    post("/channel/info", channel_id="ann", channel_type=1)
    post("/user/systemuids_add", uids=["ann"])
    assert await ann.reason("g") == 19  # a ban stops system accounts too
    post("/channel", channel_id="g", channel_type=2)
    assert await ann.reason("g") == 1
    post("/user/systemuids_remove", uids=["ann"])
    assert [await ann.reason("g", kind) for kind in (0, 99)] == [3, 3]
    assert await ann.reason("a@b") == 3
    assert await ann.reason("desk", 3) == 1


async def test_a_person_can_be_denied_by_another_or_for_both(cluster: SimulatedCluster, join: Join) -> None:
    api, ann, bob = Api(cluster), await join("ann"), await join("bob")
    api.post("/channel/blacklist_add", channel_id="bob", channel_type=1, uids=["ann"])
    assert (await ann.reason("bob", 1), await bob.reason("ann", 1)) == (4, 1)
    api.post("/channel/blacklist_remove", channel_id="bob", channel_type=1, uids=["ann"])
    api.post("/channel/info", channel_id=person_id("ann", "bob"), channel_type=1, ban=1)
    assert (await ann.reason("bob", 1), await bob.reason("ann", 1)) == (19, 19)


async def test_a_denied_member_still_receives(cluster: SimulatedCluster, join: Join) -> None:
    cluster.call(lambda state: state.add_group("g", ["ann", "bob"]))
    ann, bob = await join("ann"), await join("bob")
    Api(cluster).post("/channel/blacklist_add", channel_id="g", channel_type=2, uids=["bob"])
    assert await ann.reason("g") == 1
    assert (await bob.next())["method"] == "recv"


async def test_a_device_called_device_passes(cluster: SimulatedCluster, join: Join) -> None:
    Api(cluster).post("/channel", channel_id="g", channel_type=2, subscribers=["bob"])
    stranger = await join("stranger", deviceId="____device")
    assert await stranger.reason("g") == 1


async def test_a_kicked_client_becomes_a_ghost(cluster: SimulatedCluster, join: Join) -> None:
    cluster.call(lambda state: state.add_group("g", ["ann", "bob"]))
    ann, bob = await join("ann"), await join("bob")
    api = Api(cluster)
    (row,) = api.json("/connz", uid="ann", node_id=1001)["connections"]
    body = {"uid": "ann", "conn_id": row["id"], "node_id": row["node_id"], "op_node_id": row["leader_id"]}
    assert api.post("/conn/kick", body).json() == {"status": 200}
    recorded = json.loads((RECORDED / "jsonrpc/disconnect-kick.json").read_text())["frames"][-1]["frame"]
    assert await ann.next() == recorded
    eventually(lambda: not api.json("/connz", uid="ann", node_id=1001)["connections"])
    assert api.json("/connz", node_id=1001)["total"] == 1
    assert api.post("/user/onlinestatus", ["ann", "bob"]).json() == [{"uid": "bob", "device_flag": 1, "online": 1}]
    frame = {"method": "send", "id": "x", "params": {"channelId": "g", "channelType": 2, "payload": TEXT}}
    await ann.socket.send(json.dumps(frame))
    assert (await bob.next())["params"]["fromUid"] == "ann"  # what a ghost sends is still delivered
    with pytest.raises(TimeoutError):
        await ann.next(timeout=0.2)  # without an answer
    assert cluster.call(lambda state: state.online.open_sockets(1001)) == 2
    await ann.socket.close()
    eventually(lambda: cluster.call(lambda state: state.online.open_sockets(1001)) == 1)


async def test_device_quit_tells_the_client_and_clears_the_token(cluster: SimulatedCluster, join: Join) -> None:
    cluster.call(lambda state: state.add_user("ann", flag=1))
    ann = await join("ann")
    api = Api(cluster)
    api.post("/user/device_quit", uid="ann", device_flag=-1)
    assert await ann.next() == {"jsonrpc": "2.0", "method": "disconnect", "params": {"reasonCode": 12}}
    assert api.json("/cluster/devices", uid="ann")["data"][0]["token"] == ""
    eventually(lambda: not api.post("/user/onlinestatus", ["ann"]).json())


async def test_a_new_master_token_says_good_bye(cluster: SimulatedCluster, join: Join) -> None:
    ann = await join("ann")
    Api(cluster).post("/user/token", uid="ann", token="t2", device_flag=1, device_level=1)
    recorded = json.loads((RECORDED / "jsonrpc/disconnect-token-replaced.json").read_text())["frames"][-1]["frame"]
    assert await ann.next() == recorded


async def test_the_same_device_replaces_itself_silently(cluster: SimulatedCluster, join: Join) -> None:
    await join("ann")
    await join("ann")
    await join("ann", deviceId="d2")
    rows = Api(cluster).json("/connz", uid="ann", node_id=1001)["connections"]
    assert sorted(row["device_id"] for row in rows) == ["d1", "d2"]


@pytest.mark.parametrize(
    "first",
    [
        '{"jsonrpc":"2.0","method":"connect","id":1,"params":{"uid":"u"}}',
        '{"jsonrpc":"2.0","method":"connect","params":{"uid":"u"}}',
        '{"jsonrpc":"2.0","method":"connect","id":"1","params":{"uid":""}}',
        '{"jsonrpc":"2.0","method":"connect","id":"1","params":{"uid":"a@b"}}',
        '{"jsonrpc":"2.0","method":"send","id":"1","params":{"channelId":"a","channelType":1}}',
        "not json",
        "",
    ],
)
async def test_a_bad_first_frame_is_closed_without_a_word(cluster: SimulatedCluster, first: str) -> None:
    socket = await connect(cluster.nodes[0].ws_url)
    if first:
        await socket.send(first)
    assert await _closes(socket)


async def test_the_banned_and_the_tokenless_get_no_answer(start_cluster: StartCluster, join: Join) -> None:
    guarded = start_cluster(token_auth=True)
    guarded.call(lambda state: state.add_user("ann", token="good", flag=1))
    await join("ann", of=guarded, token="good")
    guarded.call(lambda state: state.store.save_channel("bad", 1, {"ban": 1}))
    for uid, token in (("ann", "wrong"), ("ann", ""), ("bad", "x")):
        socket = await connect(guarded.nodes[0].ws_url)
        params = {"uid": uid, "token": token, "deviceFlag": 1}
        await socket.send(json.dumps({"method": "connect", "id": "1", "params": params}))
        assert await _closes(socket)


@pytest.mark.parametrize(
    "name",
    [
        "error-malformed",
        "error-missing-params",
        "error-non-base64",
        "error-numeric-id",
        "error-payload-object",
        "error-subscribe",
        "error-unknown-method",
    ],
)
async def test_one_bad_frame_spoils_the_connection(join: Join, name: str) -> None:
    frames = json.loads((RECORDED / f"jsonrpc/{name}.json").read_text())["frames"]
    client = await join("ann")
    for one in frames[2:]:
        if one["dir"] == "client":
            await client.socket.send(one["frame"] if isinstance(one["frame"], str) else json.dumps(one["frame"]))
        else:
            assert await client.next() == one["frame"]


async def test_connecting_as_the_manager_ends_a_guarded_node(start_cluster: StartCluster) -> None:
    cluster = start_cluster(manager_token="secret")
    socket = await connect(cluster.nodes[1].ws_url)
    await socket.send('{"method":"connect","id":"1","params":{"uid":"____manager"}}')
    assert await _closes(socket)
    assert [death.node_id for death in cluster.deaths] == [1002]


async def test_a_dead_node_drops_its_clients(cluster: SimulatedCluster, join: Join) -> None:
    ann = await join("ann", node=2)
    cluster.kill(1003)
    assert await _closes(ann.socket)
    cluster.revive(1003)
    back = await join("ann", node=2)
    assert await back.call("ping")


async def test_a_hung_node_keeps_its_clients_waiting(cluster: SimulatedCluster, join: Join) -> None:
    ann = await join("ann", node=2)
    cluster.hang(1003)
    await ann.socket.send('{"method":"ping","id":"late"}')
    with pytest.raises(TimeoutError):
        await ann.next(timeout=0.2)
    cluster.resume(1003)
    assert await ann.next() == {"jsonrpc": "2.0", "id": "late"}


def test_the_websocket_port_speaks_no_http(cluster: SimulatedCluster) -> None:
    with pytest.raises(httpx.TransportError):
        httpx.get(cluster.nodes[0].ws_url.replace("ws://", "http://"))
