"""A million messages that nobody holds: what is counted, listed, looked up and read is the same world."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest

from imadmin.simulator import SimState, SimulatedCluster, WorldSpec
from imadmin.simulator.seeded import Seeded

from .conftest import Api

SPEC = WorldSpec(users=3000, connections=2000, seeded_channels=2000, seeded_messages=40_007, slot_count=64)


@pytest.fixture(scope="module")
def big() -> Iterator[SimulatedCluster]:
    with SimulatedCluster(nodes=1, seed=2, world=SPEC) as running:
        yield running


@pytest.fixture
def api(big: SimulatedCluster) -> Api:
    return Api(big)


def _sync(api: Api, channel: str, start: int = 1, limit: int = 10_000) -> list[dict[str, Any]]:
    body = {"login_uid": "x", "channel_id": channel, "channel_type": 2, "pull_mode": 1, "start_message_seq": start}
    rows: list[dict[str, Any]] = api.post("/channel/messagesync", {**body, "limit": limit}).json()["messages"]
    return rows


def _all_channels(api: Api) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    offset = 0
    while True:
        page = api.json("/cluster/nodes/1001/channels", limit=500, offset_created_at=offset)
        found += page["data"]
        if not page["more"]:
            return found
        offset = found[-1]["created_at"]


def test_every_count_agrees(big: SimulatedCluster, api: Api) -> None:
    channels = _all_channels(api)
    assert len(channels) == len({row["channel_id"] for row in channels}) == 2000
    assert sum(row["last_message_seq"] for row in channels) == 40_007 == len(big.state.archive)
    for row in channels[:3] + channels[-30:-27]:
        rows = _sync(api, row["channel_id"])
        assert [one["message_seq"] for one in rows] == list(range(1, row["last_message_seq"] + 1))
        assert api.json("/channel/max_message_seq", channel_id=row["channel_id"], channel_type=2) == {
            "message_seq": len(rows)
        }


def test_a_message_is_the_same_by_every_way(api: Api) -> None:
    row = _sync(api, "c000001", 5, 2)[1]
    key = {"channel_id": "c000001", "channel_type": 2}
    assert api.post("/message", **key, message_id=row["message_id"]).json()["message_seq"] == row["message_seq"]
    found = api.json("/message/byclientmsgno", **key, client_msg_no=row["client_msg_no"])
    assert (found["message_id"], found["payload"]) == (row["message_id"], row["payload"])
    listed = api.json("/cluster/messages", message_id=row["message_id"])["data"]
    assert [one["payload"] for one in listed] == [row["payload"]]
    mine = api.json("/cluster/messages", from_uid=row["from_uid"], limit=1000)["data"]
    assert row["message_idstr"] in {one["message_id"] for one in mine}
    assert {one["from_uid"] for one in mine} == {row["from_uid"]}
    assert row["from_uid"] in api.json("/cluster/channels/c000001/2/subscribers")


def test_paging_by_id_sees_every_message_once(api: Api) -> None:
    seen: list[str] = []
    offset = 0
    while page := api.json("/cluster/messages", limit=5000, offset_message_id=offset, node_id=1001)["data"]:
        seen += [row["message_id"] for row in page]
        offset = int(page[-1]["message_id"])
    assert len(seen) == len(set(seen)) == 40_007
    assert seen == sorted(seen, reverse=True)
    newer = api.json("/cluster/messages", limit=3, offset_message_id=int(seen[10]), pre=1)["data"]
    assert [row["message_id"] for row in newer] == seen[7:10]


def test_text_is_found(api: Api) -> None:
    row = _sync(api, "c000003", 1, 1)[0]
    content = json.loads(base64.b64decode(row["payload"]))["content"]
    payload = base64.b64encode(content.encode()).decode()
    found = api.json("/cluster/messages", payload=payload, channel_id="c000003", channel_type=2)["data"]
    assert row["message_idstr"] in {one["message_id"] for one in found}
    everywhere = api.json("/cluster/messages", payload=payload, limit=5)["data"]
    assert all(content in base64.b64decode(one["payload"]).decode() for one in everywhere)


def test_new_messages_follow_the_computed_ones(big: SimulatedCluster, api: Api) -> None:
    last = len(_sync(api, "c000009"))
    said = big.call(lambda state: state.add_message("ann", "c000009", "new"))
    assert said.seq == last + 1
    assert _sync(api, "c000009", last)[-1]["message_id"] == said.id
    assert api.json("/cluster/messages", limit=1)["data"][0]["message_id"] == str(said.id)


def test_conversations_are_computed_for_whoever_is_asked_for(big: SimulatedCluster, api: Api) -> None:
    uid = big.state.cast.uids[7]
    rows = api.json("/cluster/conversations", uid=uid)["data"]
    assert rows
    assert all(uid in api.json(f"/cluster/channels/{row['channel_id']}/2/subscribers") for row in rows)
    synced = api.post("/conversation/sync", uid=uid, msg_count=1).json()
    unread = {row["channel_id"]: row["unread_count"] for row in rows}
    assert all(row["unread"] in (0, unread[row["channel_id"]]) for row in synced)
    page = api.json("/cluster/conversations", limit=50, current_page=3)["data"]
    assert len(page) == 50


def test_places_and_channels_are_each_other_s_inverse() -> None:
    seeded = Seeded([f"u{n}" for n in range(501)], 300, 10_001, 1_795_000_000_000, 7)
    assert sum(map(seeded.count, range(300))) == 10_001
    for order in (0, 1, 15, 16, 777, 10_000):
        one = seeded.nth(order)
        channel = seeded.channel_of(one.key)
        assert channel is not None
        assert seeded.at(channel, one.seq) == one == seeded.by_id(one.id) == seeded.by_client_no(one.client_msg_no)
        assert list(seeded.older_than(one.id))[:1] == [order - 1][: order > 0]
        assert list(seeded.newer_than(one.id))[:1] == [order + 1][: order < 10_000]
    for uid in ("u0", "u77", "u500"):
        assert sorted(seeded.channels_of(uid)) == [n for n in range(300) if uid in seeded.members(n)]
    assert seeded.by_id(12345) is None
    assert seeded.channel_of(("c000300", 2)) is None


def test_fifty_thousand_connections_page_in_every_order(start_cluster: Any) -> None:
    def crowd(state: SimState) -> None:
        for number in range(50_000):
            state.add_connection(f"u{number % 30_000}", 1001, in_msgs=number * 7919 % 1000, last_activity=float(number))

    cluster = start_cluster(nodes=1)
    cluster.call(crowd)
    api, seen = Api(cluster), 0
    for offset in range(0, 50_001, 10_000):
        rows = api.json("/connz", limit=10_000, offset=offset, sort="inMsgDesc")["connections"]
        counts = [row["in_msgs"] for row in rows]
        assert counts == sorted(counts, reverse=True)
        seen += len(rows)
    assert seen == 50_000
    assert api.json("/connz", uid="u29999", limit=5)["connections"][0]["uid"] == "u29999"
    assert api.json("/connz", sort="idleDesc", limit=1)["connections"][0]["id"] == 50_000
