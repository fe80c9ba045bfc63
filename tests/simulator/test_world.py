"""The demo world: the same for the same seed, alive, and full of things to find."""

import json
from argparse import ArgumentParser
from collections import Counter
from typing import Any

import pytest

from imadmin.simulator import DEMO, SimulatedCluster, WorldSpec
from imadmin.simulator.command import add_arguments, describe

from .conftest import Api, StartCluster, eventually

STILL = WorldSpec(users=300, groups=60, person_chats=140, messages=6000)


def _portrait(cluster: SimulatedCluster) -> Any:
    """Everything of a world that does not depend on the moment it began."""

    def draw(state: Any) -> Any:
        return {
            "users": list(state.store.users),
            "devices": [(one.uid, one.flag, one.token) for one in state.store.devices.values()],
            "channels": [(one.channel_id, one.ban, one.disband) for one in state.store.channels.values()],
            "members": {key: list(members) for key, members in state.store.members.items()},
            "leaders": [slot.leader for slot in state.topology.view.slots],
            "messages": [
                (key, one.seq, one.from_uid, one.payload, one.client_msg_no)
                for key, log in state.archive.logs.items()
                for one in log
            ],
            "ages": [round(state.origin - one.timestamp) // 10 for log in state.archive.logs.values() for one in log][
                :50
            ],
        }

    return cluster.call(draw)


@pytest.fixture
def demo(start_cluster: StartCluster) -> SimulatedCluster:
    return start_cluster(world=STILL)


def test_the_same_seed_makes_the_same_world(start_cluster: StartCluster) -> None:
    first, second, other = (_portrait(start_cluster(world=STILL, seed=seed)) for seed in (1, 1, 2))
    ages = first.pop("ages"), second.pop("ages")
    assert first == second
    assert all(abs(one - two) <= 1 for one, two in zip(*ages, strict=True))
    assert first["users"] != other["users"]


def test_it_is_big_enough_and_bilingual(demo: SimulatedCluster) -> None:
    def look(state: Any) -> tuple[int, int, int, str]:
        text = b"".join(one.payload for one in state.archive.by_id.values()).decode("utf-8", "replace")
        return len(state.store.users), len(state.store.channels), len(state.archive), text

    users, channels, messages, text = demo.call(look)
    assert (users > 250, channels > 60, messages) == (True, True, 6000)
    for word in ("退款", "优惠券", "refund", "快递", "raid"):
        assert word.lower() in text.lower()


def test_it_holds_every_kind_of_content(demo: SimulatedCluster) -> None:
    kinds: Counter[Any] = Counter()
    for message in demo.call(lambda state: list(state.archive.by_id.values())):
        try:
            body = json.loads(message.payload)
            kinds[body.get("type", "none") if isinstance(body, dict) else "no object"] += 1
        except ValueError:
            kinds["broken"] += 1
    assert {1, 2, 3, 4, 5, 6, 7, 8, 11, 99, "none", "broken", "no object"} <= set(kinds)
    assert any(isinstance(kind, int) and 1000 < kind < 2000 for kind in kinds)
    assert kinds[1] > 4000


def test_moderators_find_something_to_do(demo: SimulatedCluster) -> None:
    def look(state: Any) -> Any:
        records = state.store.channels.values()
        return {
            "banned groups": sum(one.ban for one in records if one.channel_type == 2),
            "disbanded": sum(one.disband for one in records),
            "send-banned": sum(one.send_ban for one in records),
            "denied": len(state.store.denied),
            "allowed": len(state.store.allowed),
            "system": len(state.store.system_uids),
            "unlisted": sum(not one.created_at for one in records),
            "kinds": len({one.channel_type for one in records}) - 6,
        }

    assert all(count > 0 for count in demo.call(look).values())


def test_every_history_row_lies_in_the_past_and_in_order(demo: SimulatedCluster) -> None:
    messages = demo.call(lambda state: [list(log) for log in state.archive.logs.values()])
    for log in messages:
        assert [one.id for one in log] == sorted(one.id for one in log)
    newest = Api(demo).json("/cluster/messages", limit=1)["data"][0]
    assert newest["timestamp"] <= demo.call(lambda state: state.now())


def test_the_living_world_goes_on(start_cluster: StartCluster) -> None:
    small = WorldSpec(users=40, groups=6, person_chats=5, messages=50, connections=20, traffic_per_second=40)
    cluster = start_cluster(world=small)
    eventually(lambda: cluster.call(lambda state: len(state.archive)) > 60)
    assert cluster.call(lambda state: sum(state.online.count(node) for node in state.node_ids)) >= 15
    cluster.kill(1003)
    eventually(lambda: cluster.call(lambda state: sum(state.online.count(node) for node in (1001, 1002))) >= 18)


def test_the_demo_has_the_promised_size() -> None:
    assert (DEMO.users, DEMO.groups, DEMO.connections) == (300, 60, 200)
    assert 1 <= DEMO.traffic_per_second <= 3


def test_the_command_offers_its_options_and_prints_the_knobs(cluster: SimulatedCluster) -> None:
    parser = ArgumentParser()
    add_arguments(parser)
    options = vars(parser.parse_args(["--nodes", "2", "--seed", "9", "--port", "0", "--world", "empty"]))
    given = {"nodes": 2, "seed": 9, "port": 0, "token": "", "world": "empty", "slots": 0, "record_diff": ""}
    assert options.items() >= given.items()
    text = "\n".join(describe(cluster, ""))
    assert cluster.control_url + "/kill/1003" in text
    assert all(node.api_url in text for node in cluster.nodes)
