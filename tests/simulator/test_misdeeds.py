"""What the real server does to messages now and then, by knob: lost, stuck, vanished, doubled, and deadly calls."""

import asyncio
from typing import Any

import pytest

from imadmin.simulator import Reason, SimState, SimulatedCluster
from imadmin.simulator.behaviour import Draft, send_from_client

from .conftest import Api, StartCluster, eventually
from .replay import RECORDED
from .test_auth import _bearer
from .test_clients import Join, join  # noqa: F401 - a fixture


@pytest.fixture
def api(cluster: SimulatedCluster) -> Api:
    cluster.call(lambda state: state.add_group("tea", ["ann", "bob"]))
    return Api(cluster, 0, **_bearer())


def _send(api: Api, number: str) -> None:
    body = {"from_uid": "ann", "channel_id": "tea", "channel_type": 2, "payload": "eA==", "client_msg_no": number}
    assert api.post("/message/send", body).status_code == 200


def _numbers(api: Api) -> list[tuple[int, str]]:
    body = {"login_uid": "ann", "channel_id": "tea", "channel_type": 2, "limit": 100, "pull_mode": 1}
    rows = api.post("/channel/messagesync", {**body, "start_message_seq": 1}).json()["messages"]
    return [(row["message_seq"], row["client_msg_no"]) for row in rows]


def _client_reason(cluster: SimulatedCluster) -> int:
    def send(state: SimState) -> int:
        one = state.add_connection("ann", 1001)
        reason: Reason = send_from_client(state, one, Draft("ann", "tea", 2, b"x"))[1]
        return int(reason)

    return int(cluster.call(send))


def test_a_wedged_channel_loses_what_it_accepts_until_it_is_stopped(cluster: SimulatedCluster, api: Api) -> None:
    _send(api, "before")
    eventually(lambda: _numbers(api) == [(1, "before")])
    cluster.wedge_channel("tea")
    _send(api, "lost")
    assert _client_reason(cluster) == Reason.SYSTEM_ERROR
    eventually(lambda: cluster.state.misdeeds.lost == 2)
    status = api.post("/cluster/channel/status", channels=[{"channel_id": "tea", "channel_type": 2}]).json()
    assert (status[0]["running"], status[0]["last_msg_seq"]) == (1, 1)
    assert api.post("/cluster/channels/tea/2/stop").status_code == 200
    _send(api, "after")
    eventually(lambda: _numbers(api) == [(1, "before"), (2, "after")])


async def test_a_client_hears_of_a_wedged_channel_when_the_server_gives_up(
    cluster: SimulatedCluster,
    join: Join,  # noqa: F811
) -> None:
    await asyncio.to_thread(cluster.call, lambda state: state.add_group("tea", ["ann"]))
    ann = await join("ann")
    await asyncio.to_thread(cluster.wedge_channel, "tea")
    answer = await ann.send("tea")
    assert (answer["reasonCode"], answer["messageSeq"]) == (15, 0)
    assert (RECORDED / "jsonrpc/send-wedged-channel.json").exists()


def test_a_diverged_channel_shows_messages_that_vanish_and_gives_their_numbers_again(
    cluster: SimulatedCluster, api: Api
) -> None:
    _send(api, "one")
    eventually(lambda: len(_numbers(api)) == 1)
    cluster.diverge_channel("tea")
    for number in ("two", "three"):
        _send(api, number)
    eventually(lambda: len(_numbers(api)) == 3)
    rows = {row["role_format"]: row["last_msg_seq"] for row in api.json("/cluster/channels/tea/2/replicas")}
    assert rows == {"leader": 3, "follower": 1}
    assert cluster.heal_channel("tea") == 2
    assert _numbers(api) == [(1, "one")]
    _send(api, "new two")
    eventually(lambda: _numbers(api) == [(1, "one"), (2, "new two")])
    found = api.json("/cluster/messages", channel_id="tea", limit=20)["data"]
    assert sorted(row["client_msg_no"] for row in found if row["message_seq"] == 2) == ["new two", "two"]


def test_a_sequence_number_given_out_twice(cluster: SimulatedCluster, api: Api) -> None:
    first = cluster.call(lambda state: state.add_message("ann", "tea", "a"))
    assert cluster.repeat_seq("tea") == 1
    second = cluster.call(lambda state: state.add_message("ann", "tea", "b"))
    assert (first.seq, second.seq, first.id == second.id) == (1, 1, False)


def test_a_blank_uid_kills_again_and_again(start_cluster: StartCluster) -> None:
    cluster = start_cluster(nodes=1)
    cluster.keep_poison()
    api = Api(cluster)
    for _ in range(2):
        with pytest.raises(Exception, match="disconnected"):
            api.post("/channel/blacklist_add", channel_id="g", channel_type=2, uids=["ann", ""])
        cluster.revive(1001)
    assert api.get("/health").status_code == 200
    inner: Any = cluster.call(lambda state: next(f"g{n}" for n in range(999) if state.slot_of(f"g{n}") == 0))
    with pytest.raises(Exception, match="disconnected"):
        api.post("/channel", channel_id=inner, channel_type=2)
    cluster.revive(1001)
    cluster.keep_poison(False)
    assert api.post("/channel", channel_id=inner, channel_type=2).status_code == 200


def test_without_most_replicas_a_message_is_accepted_and_lost(cluster: SimulatedCluster, api: Api) -> None:
    cluster.kill(1002)
    cluster.kill(1003)
    _send(api, "lost")
    assert _client_reason(cluster) == Reason.SYSTEM_ERROR


def test_a_stream_message_kills_every_node_it_is_sent_on_to(cluster: SimulatedCluster, api: Api) -> None:
    def on(node: int, prefix: str) -> str:
        name: str = cluster.call(
            lambda state: next(f"{prefix}{n}" for n in range(99) if state.leader_of(f"{prefix}{n}") == node)
        )
        return name

    def deaths() -> list[int]:
        return sorted(death.node_id for death in cluster.deaths)

    far, own = on(1003, "g"), on(1001, "h")
    body = {"from_uid": on(1001, "u"), "channel_id": far, "channel_type": 2, "payload": "eA==", "is_stream": 1}
    assert Api(cluster, 2).post("/message/send", {**body, "from_uid": ""}).status_code == 200
    eventually(lambda: cluster.state.archive.last_seq((far, 2)) == 1)
    assert deaths() == []  # to its leader itself, and nobody elsewhere to get it
    assert api.post("/message/send", body).status_code == 200
    eventually(lambda: deaths() == [1003])
    cluster.call(lambda state: state.add_group(own, [f"m{number}" for number in range(40)]))
    assert api.post("/message/send", {**body, "channel_id": own}).status_code == 200
    eventually(lambda: 1002 in deaths())


async def test_a_client_can_do_the_same(cluster: SimulatedCluster, join: Join) -> None:  # noqa: F811
    uid = await asyncio.to_thread(
        cluster.call, lambda state: next(f"u{n}" for n in range(99) if state.leader_of(f"u{n}") == 1001)
    )
    far = await asyncio.to_thread(
        cluster.call, lambda state: next(f"g{n}" for n in range(99) if state.leader_of(f"g{n}") == 1002)
    )
    await asyncio.to_thread(cluster.call, lambda state: state.add_group(far, [uid]))
    client = await join(uid)
    answer = await client.send(far, setting={"stream": True})
    assert answer["reasonCode"] == Reason.SYSTEM_ERROR
    assert [death.node_id for death in cluster.deaths] == [1002]
