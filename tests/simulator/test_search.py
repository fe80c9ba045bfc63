"""/cluster/messages and the readers of a channel, with their faults."""

import base64
from functools import partial
from typing import Any

import pytest

from imadmin.simulator import SimulatedCluster, person_id
from imadmin.simulator.ids import crc32
from imadmin.simulator.model import Message

from .conftest import Api, eventually

ONCE = {"sync_once": 1}


@pytest.fixture
def room(cluster: SimulatedCluster) -> list[Message]:
    """Thirty messages by two people in one channel, a few in others."""

    def write(state: Any) -> list[Message]:
        start = state.now() - 3600
        state.add_group("room", ["ann", "bob"])
        rows = [
            state.add_message(("ann", "bob")[index % 2], "room", f"message {index}", at=start + index)
            for index in range(30)
        ]
        for index in range(12):
            state.add_message("ann", f"side-{index % 4}", f"aside {index} 你好", at=start + 40 + index)
        state.add_message("ann", "bob", "between us", channel_type=1, at=start + 60)
        return rows

    return cluster.call(write)


def _seqs(reply: dict[str, Any]) -> list[int]:
    return [row["message_seq"] for row in reply["data"]]


def test_ids_are_strings_and_total_is_zero(api: Api, room: list[Message]) -> None:
    reply = api.json("/cluster/messages", limit=3)
    assert reply["total"] == 0
    assert [type(row["message_id"]) for row in reply["data"]] == [str] * 3


def test_an_id_ignores_every_other_filter(api: Api, room: list[Message]) -> None:
    reply = api.json("/cluster/messages", message_id=room[4].id, from_uid="nobody", channel_id="elsewhere")
    assert _seqs(reply) == [5]


def test_a_channel_pages_by_sequence(api: Api, room: list[Message]) -> None:
    first = api.json("/cluster/messages", channel_id="room", channel_type=2, limit=4)
    assert _seqs(first) == [30, 29, 28, 27]
    second = api.json("/cluster/messages", channel_id="room", channel_type=2, limit=4, offset_message_seq=27)
    assert _seqs(second) == [26, 25, 24, 23]


def test_a_channel_with_only_an_offset_id_is_empty(api: Api, room: list[Message]) -> None:
    reply = api.json("/cluster/messages", channel_id="room", channel_type=2, offset_message_id=room[20].id)
    assert reply["data"] == []


def test_newer_rows_come_ascending_from_the_own_node_only(api: Api, room: list[Message]) -> None:
    query = {"channel_id": "room", "channel_type": 2, "limit": 3, "pre": 1, "offset_message_seq": 5}
    assert _seqs(api.json("/cluster/messages", **query)) == [8, 7, 6]
    assert _seqs(api.json("/cluster/messages", node_id=1001, **query)) == [6, 7, 8]


def test_a_sender_pages_wrongly(api: Api, room: list[Message]) -> None:
    """The index is ordered by channel, so id paging ends before everything was seen."""
    everything = api.json("/cluster/messages", from_uid="ann", limit=1000)["data"]
    seen, offset = [], 0
    while rows := api.json("/cluster/messages", from_uid="ann", limit=3, offset_message_id=offset)["data"]:
        seen += rows
        offset = int(rows[-1]["message_id"])
    assert len(everything) == 15 + 12 + 1
    assert len(seen) < len(everything)


def test_the_latest_of_all_page_by_id(api: Api, room: list[Message]) -> None:
    seen: list[str] = []
    offset = 0
    while rows := api.json("/cluster/messages", limit=7, offset_message_id=offset)["data"]:
        seen += [row["message_id"] for row in rows]
        offset = int(rows[-1]["message_id"])
    assert len(seen) == len(set(seen)) == 30 + 12 + 1
    assert seen == sorted(seen, reverse=True)


def test_payload_is_a_case_sensitive_byte_substring(api: Api, room: list[Message]) -> None:
    def found(text: str, **more: Any) -> int:
        needle = base64.b64encode(text.encode()).decode()
        return len(api.json("/cluster/messages", payload=needle, limit=100, **more)["data"])

    assert found("你好") == 12
    assert found("MESSAGE") == 0
    assert found('"content":"message 7"') == 1
    assert found("message", channel_id="room", channel_type=2) == 30


def test_a_peer_uid_finds_no_person_chat(api: Api, room: list[Message]) -> None:
    assert api.json("/cluster/messages", channel_id="bob", channel_type=1)["data"] == []
    assert len(api.json("/cluster/messages", channel_id=person_id("ann", "bob"), channel_type=1)["data"]) == 1


def test_messagesync_reads_both_ways(api: Api, room: list[Message]) -> None:
    def sync(**fields: Any) -> list[int]:
        body = {"login_uid": "ann", "channel_id": "room", "channel_type": 2, **fields}
        return [row["message_seq"] for row in api.post("/channel/messagesync", body).json()["messages"]]

    assert sync(limit=3) == [28, 29, 30]
    assert sync(start_message_seq=10, limit=3) == [8, 9, 10]
    assert sync(start_message_seq=10, end_message_seq=8, limit=9) == [9, 10]
    assert sync(start_message_seq=10, end_message_seq=13, limit=9) == []
    assert sync(start_message_seq=10, limit=3, pull_mode=1) == [10, 11, 12]
    assert sync(start_message_seq=10, end_message_seq=12, limit=9, pull_mode=1) == [10, 11]


def test_both_people_of_a_chat_see_it_under_the_other_name(api: Api, room: list[Message]) -> None:
    for me, peer in (("ann", "bob"), ("bob", "ann")):
        body = {"login_uid": me, "channel_id": peer, "channel_type": 1, "limit": 5}
        (row,) = api.post("/channel/messagesync", body).json()["messages"]
        assert (row["from_uid"], row["channel_id"]) == ("ann", "bob")


def test_the_first_header_of_a_page_is_wrong(cluster: SimulatedCluster, api: Api) -> None:
    cluster.call(lambda state: [state.add_message("ann", "room", red_dot=True) for _ in range(3)])
    body = {"login_uid": "ann", "channel_id": "room", "channel_type": 2, "limit": 5}
    rows = api.post("/channel/messagesync", body).json()["messages"]
    assert [row["header"]["red_dot"] for row in rows] == [0, 1, 1]


def test_reading_an_unknown_channel_makes_its_config(cluster: SimulatedCluster, api: Api) -> None:
    leader = cluster.call(lambda state: state.leader_of("ghost"))
    path = f"/cluster/nodes/{leader}/channels"
    assert api.get(path, channel_id="ghost", channel_type=2).status_code == 400
    api.post("/channel/messagesync", login_uid="x", channel_id="ghost", channel_type=2, limit=1)
    assert api.json("/channel/max_message_seq", channel_id="ghost", channel_type=2) == {"message_seq": 0}
    assert api.json(path, channel_id="ghost", channel_type=2)["data"][0]["last_message_seq"] == 0


def test_only_the_slot_leader_knows_a_channel_that_was_never_used(cluster: SimulatedCluster, apis: list[Api]) -> None:
    leader = cluster.call(lambda state: state.leader_of("ghost"))
    ghost = {"channel_id": "ghost", "channel_type": 2}
    for node, api in zip(cluster.nodes, apis, strict=True):
        newest, last = api.get("/channel/max_message_seq", **ghost), api.get("/channel/last_message", **ghost)
        if node.id == leader:
            assert (newest.status_code, newest.json()["msg"]) == (400, "not found")
            assert (last.status_code, last.json()["msg"]) == (400, "获取频道所在节点失败！")
        else:
            assert (newest.status_code, newest.json()) == (200, {"message_seq": 0})
            assert (last.status_code, last.json()) == (200, {"status": 404})
    assert cluster.call(lambda state: ("ghost", 2) not in state.store.configs)


def _newest(state: Any, chat: tuple[str, int]) -> int:
    return int(state.archive.last_seq(chat))


def test_commands_between_two_people_are_paired_once_more(cluster: SimulatedCluster, api: Api) -> None:
    """By the stored id they are never found, by the pair only where the first uid's CRC32 is the larger one."""
    reached = set()
    for number in range(12):
        stored = person_id(f"ann{number}", f"bob{number}")
        first, _, second = stored.partition("@")
        body = {"channel_type": 1, "limit": 5}
        chat = (f"{stored}____cmd", 1)
        api.post("/message/send", from_uid=first, channel_id=second, channel_type=1, payload="aGk=", header=ONCE)
        eventually(partial(cluster.call, _newest, chat))
        by_id = api.post("/channel/messagesync", login_uid=first, channel_id=chat[0], **body).json()
        assert by_id["messages"] == []
        junk = (person_id(first, chat[0]), 1)
        assert junk in cluster.call(lambda state: set(state.store.configs))
        by_pair = api.post("/channel/messagesync", login_uid=first, channel_id=f"{second}____cmd", **body).json()
        found = len(by_pair["messages"])
        assert found == (crc32(first) > crc32(f"{second}____cmd"))
        reached.add(found)
        assert api.json("/channel/max_message_seq", channel_id=chat[0], channel_type=1) == {"message_seq": 1}
        assert len(api.json("/cluster/messages", channel_id=chat[0], channel_type=1)["data"]) == 1
    assert reached == {0, 1}


def test_a_message_is_never_found_by_client_number(api: Api, room: list[Message]) -> None:
    number = room[0].client_msg_no
    assert api.post("/message", channel_id="room", channel_type=2, client_msg_no=number).json() == {"status": 404}
    found = api.json("/message/byclientmsgno", channel_id="room", channel_type=2, client_msg_no=number)
    assert found["message_seq"] == 1
