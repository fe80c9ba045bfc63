"""Live clients: the recorded frames are sent to the simulator and its frames held beside the recorded ones."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from imadmin.simulator import SimState, SimulatedCluster, Timings
from tests.simulator.replay import RECORDED, assert_shape

SILENT = ("connect-bad-uid", "connect-banned-user", "connect-empty-uid", "connect-no-id", "connect-numeric-id",
          "connect-send-first", "connect-silent")  # fmt: skip
TIMED = ("disconnect-replaced",)  # the older socket gets no frame at all: tests/simulator/test_clients
FRAMES = sorted(path.stem for path in (RECORDED / "jsonrpc").glob("*.json") if path.stem not in (*SILENT, *TIMED))
TIMINGS = Timings(
    offline_after=0.4, propose_timeout=0.2, connect_within=0.4, refuse_after=0.2, recv_retry=2.0, store_after=0.005
)
Act = Callable[[SimulatedCluster], None]


def _frames(name: str) -> list[dict[str, Any]]:
    frames: list[dict[str, Any]] = json.loads((RECORDED / f"jsonrpc/{name}.json").read_text("utf-8"))["frames"]
    return frames


def _api(cluster: SimulatedCluster, path: str, **body: Any) -> None:
    from tests.simulator.replay import CLIENT

    assert CLIENT.post(cluster.nodes[0].api_url + path, json=body).status_code == 200


def _stage(state: SimState) -> None:
    state.add_group("ma_group", ["ma_alice", "ma_bob"])
    state.add_group("rg", ["sa"])
    state.add_group("k4", ["wv"])
    state.misdeeds.wedge(("k4", 2))
    state.store.save_channel("banned_u", 1, {"ban": 1})


def _restrict(step: int) -> Callable[[SimState], None]:
    """What was done between the sends of `send-reason-codes`, before each of them."""

    def prepare(state: SimState) -> None:
        store, key = state.store, ("rg", 2)
        flags = {2: {"ban": 1, "disband": 1}, 3: {"disband": 1}, 4: {}}.get(step)
        if flags is not None:
            store.save_channel(*key, flags)
        if step == 4:
            store.add_to(store.denied, key, ["sa"])
        if step == 5:
            store.clear(store.denied, key)
            store.add_to(store.allowed, key, ["somebody"])
            store.allowlist_flag[key] = True
        if step == 6:
            store.clear(store.allowed, key)
            store.allowlist_flag[key] = False
            store.add_to(store.denied, ("pb", 1), ["sa"])
        if step in (7, 8):
            store.save_channel("sa", 1, {"send_ban": int(step == 7)})

    return prepare


def _say(cluster: SimulatedCluster, from_uid: str, channel_id: str, kind: int, **fields: Any) -> None:
    _api(
        cluster, "/message/send", from_uid=from_uid, channel_id=channel_id, channel_type=kind, payload="eA==", **fields
    )


def _event(cluster: SimulatedCluster, number: str, kind: str) -> None:
    payload = {"kind": "text", "delta": "x"} if kind == "stream.delta" else {}
    _api(cluster, "/message/event", channel_id="ma_group", channel_type=2, client_msg_no="ws-st", event_id=number,
         event_type=kind, payload=payload)  # fmt: skip


OUTSIDE: dict[str, dict[int, Act]] = {  # what others did before the frame of that place arrived
    "connect-recv": {
        2: lambda sim: _say(sim, "ma_alice", "ma_group", 2),
        6: lambda sim: _say(sim, "", "ma_bob", 1, header={"red_dot": 1}),
        7: lambda sim: _say(sim, "ma_alice", "ma_group", 2),
        8: lambda sim: _say(sim, "ma_alice", "ma_group", 2, header={"no_persist": 1}),
        9: lambda sim: _say(sim, "ma_alice", "ma_group", 2, header={"sync_once": 1}),
        10: lambda sim: _api(sim, "/message/send", from_uid="ma_alice", subscribers=["ma_bob"], payload="eA==",
                             header={"sync_once": 1}),
        11: lambda sim: _say(sim, "ma_alice", "ma_bob", 1),
        12: lambda sim: _say(sim, "ma_alice", "ma_group", 2, client_msg_no="ws-st", is_stream=1),
        13: lambda sim: _event(sim, "e1", "stream.delta"),
        14: lambda sim: _event(sim, "e2", "stream.close"),
    },
    "connect-send": {
        4: lambda sim: _say(sim, "ma_bob", "ma_alice", 1, header={"red_dot": 1}),
        6: lambda sim: _say(sim, "ma_bob", "ma_group", 2),
    },
    "disconnect-kick": {2: lambda sim: _api(sim, "/conn/kick", uid="kk", conn_id=1)},
    "disconnect-token-replaced": {
        2: lambda sim: _api(sim, "/user/token", uid="tk", token="new", device_flag=1, device_level=1)
    },
    "recv-not-acknowledged": {2: lambda sim: _say(sim, "rb", "ra", 1)},
}  # fmt: skip


async def _outside(cluster: SimulatedCluster, name: str, place: int) -> None:
    if act := OUTSIDE.get(name, {}).get(place):
        await asyncio.to_thread(act, cluster)
    if name == "send-reason-codes" and place % 2 == 0 and place > 1:
        await asyncio.to_thread(cluster.call, _restrict(place // 2))


@pytest.fixture
def cluster() -> Any:
    with SimulatedCluster(nodes=1, world="empty", timings=TIMINGS) as running:
        running.call(_stage)
        yield running


@pytest.mark.parametrize("name", FRAMES)
async def test_frames_are_like_the_recorded_ones(name: str, cluster: SimulatedCluster) -> None:
    async with connect(cluster.nodes[0].ws_url) as socket:
        for place, one in enumerate(_frames(name)):
            await _outside(cluster, name, place)
            if one["dir"] == "client":
                text = one["frame"] if isinstance(one["frame"], str) else json.dumps(one["frame"])
                await socket.send(text)
            else:
                _compare(json.loads(await asyncio.wait_for(socket.recv(), 5)), one["frame"], f"{name}[{place}]")


def _compare(ours: dict[str, Any], theirs: dict[str, Any], place: str) -> None:
    assert_shape(ours, theirs, place)
    if "error" in theirs:
        assert ours == theirs
    if "reasonCode" in theirs.get("result", {}):
        assert ours["result"]["reasonCode"] == theirs["result"]["reasonCode"], place
        assert (ours["result"].get("messageSeq") == 0) == (theirs["result"].get("messageSeq") == 0), place
    if theirs.get("method") == "disconnect":
        assert ours["params"] == theirs["params"]


async def _ends(socket: ClientConnection) -> bool:
    try:
        while True:
            await asyncio.wait_for(socket.recv(), 5)
    except ConnectionClosed:
        return True


@pytest.mark.parametrize("name", SILENT)
async def test_a_refused_client_gets_no_answer(name: str, cluster: SimulatedCluster) -> None:
    async with connect(cluster.nodes[0].ws_url) as socket:
        for one in _frames(name):
            await socket.send(json.dumps(one["frame"]))
        assert await _ends(socket)
