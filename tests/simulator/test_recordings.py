"""The simulator answers recorded requests as the real server did."""

from collections.abc import Callable

import pytest

from imadmin.simulator import SimState

from .conftest import StartCluster
from .replay import Recording, all_names, assert_like, send, set_stage

NOT_SERVED_YET = (
    "messages/message-event",
    "messages/cluster-message-eventsync",
    "messages/message-sync-",
    "messages/message-sync.",
    "messages/message-syncack",
    "messages/channel-messagesync-stream",
    "conversations/syncByChannels",
    "conversations/syncMessages",
    "channels/tmpchannel",
    "system/plugin",
    "system/tag.",
    "system/tag-unknown",
    "system/tags",
    "system/stress",
    "cluster/logs",
    "cluster/channel-migrate",
    "cluster/channel-start",
    "cluster/channel-stop",
    "cluster/channel-status",
    "cluster/slot-migrate",
    "cluster/slot-election",
    "cluster/single-",
    "cluster/unknown-node-plugins",
    "cluster/unknown-node-tags",
    "cluster/channel-localReplica",
)
A_FAULT = (
    "-dead",
    "-hung",
    "node-join",
    "-joined",
    "-restart",
    "-resume",
    "zombie",
    "diverge",
    "during-migrate",
    "after-m",
)
OTHERWISE_TESTED = ("system/metrics.", "no_token", "no-token", "manager-no_auth")
BODY_NOT_RECORDED = {
    "device_quit-malformed_json": "x",
    "blacklist_add-malformed_json": "{",
    "channel-create-malformed_json": "{",
    "kick-malformed_json": "{",
    "onlinestatus-malformed_json": "[",
    "token-malformed_json": "{",
    "channel-info-malformed_json": "{",
}
FROM_A_CLUSTER = (
    "connections/connz-cluster_leader_node",
    "connections/connz-cluster_other_node",
    "connections/kick-cluster_via_leader",
    "users/onlinestatus-cluster",
)
GROUPS = ("channels", "users", "connections", "messages", "conversations", "system", "cluster")


def _is_replayed(name: str) -> bool:
    excluded = any(name.startswith(prefix) or f"{name}." == prefix for prefix in NOT_SERVED_YET)
    excluded = excluded or any(word in f"{name}." for word in A_FAULT + OTHERWISE_TESTED)
    return not excluded and Recording.load(name).status is not None


NAMES = [name for name in all_names(*GROUPS) if _is_replayed(name)]


def _lists(state: SimState) -> None:
    key = ("hb_g6", 2)
    state.store.add_to(state.store.allowed, key, ["a@b", "hb_02", "hb_01"])
    state.store.add_to(state.store.denied, key, ["x@y", "hb_02", "hb_01"])


def _spread_connections(state: SimState) -> None:
    _lead("hb_cu", 1002)(state)
    for node, device in ((1001, "d1"), (1002, "d2"), (1003, "d3")):
        state.add_connection("hb_cu", node, device_id=device)


def _lead(text: str, node: int) -> Callable[[SimState], None]:
    def prepare(state: SimState) -> None:
        state.topology.view.slots[state.slot_of(text)].leader = node
        for key, config in state.store.configs.items():
            if key[0] == text:
                config.written_by = node

    return prepare


def _system_uids(state: SimState) -> None:
    state.store.system_uids.update({"hb_s1": None, "hb_s2": None})


PREPARED: dict[str, Callable[[SimState], None]] = {
    "channels/cluster-allowlist": _lists,
    "channels/cluster-denylist": _lists,
    "channels/whitelist-get": _lists,
    "channels/cluster-subscribers-empty": lambda state: state.store.clear(state.store.members, ("hb_g2", 2)),
    "users/systemuids-get": _system_uids,
    "users/cluster-conversations-uid": lambda state: state.store.add_conversations(["hb_U"], ("hb_L", 2)),
    "users/token-banned": lambda state: state.store.save_channel("hb_U", 1, {"ban": 1}),
    "users/token-disbanded": lambda state: state.store.save_channel("hb_U", 1, {"disband": 1}),
    "users/onlinestatus-cluster": _spread_connections,
    "connections/connz-cluster_leader_node": _spread_connections,
    "connections/connz-cluster_other_node": _spread_connections,
    "cluster/channel-config": _lead("g7", 1002),
    "cluster/channel-config-no-node-on-leader": _lead("g7", 1001),
    "cluster/channel-config-no-node-on-nonleader": _lead("g7", 1002),
    "cluster/channel-config-wrongnode": _lead("g7", 1002),
    "cluster/node-channels-next": lambda state: _old_channel(state, "g0"),
    "cluster/node-channels-exact": _lead("g0", 1001),
    "cluster/node-channels-exact-othernode": _lead("g0", 1001),
}


def _old_channel(state: SimState, channel_id: str) -> None:
    _lead(channel_id, 1001)(state)
    state.store.configs[channel_id, 2].created_at = 1_795_218_000_000_000_000


@pytest.mark.parametrize("name", NAMES)
def test_answers_like_the_real_server(name: str, start_cluster: StartCluster) -> None:
    recording = Recording.load(name)
    is_cluster = name.startswith("cluster/") or name in FROM_A_CLUSTER
    token = "mtok" if recording.request["headers_of_interest"].get("token") else ""
    cluster = start_cluster(nodes=3 if is_cluster else 1, manager_token=token, version="")
    cluster.call(set_stage)
    if name in PREPARED:
        cluster.call(PREPARED[name])
    short = name.partition("/")[2]
    if short in BODY_NOT_RECORDED:
        recording.request["json"], recording.request["raw"] = None, BODY_NOT_RECORDED[short]
    node = 1 if name == "connections/connz-cluster_leader_node" else 0
    assert_like(send(cluster, recording, node=node), recording)


def test_enough_was_replayed() -> None:
    assert len(NAMES) > 280
