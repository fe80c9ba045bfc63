"""The simulator answers recorded requests as the real server did."""

from collections.abc import Callable

import pytest

from imadmin.simulator import SimState
from imadmin.simulator.model import PluginUser

from .conftest import StartCluster
from .replay import Recording, all_names, assert_like, send, set_stage

NOT_SERVED_YET = ("cluster/single-",)
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


def _slot_51(state: SimState) -> None:
    state.topology.view.slots[51].leader = 1001
    state.topology.view.slots[0].leader = 1001


def _led_by_second(*channels: str) -> Callable[[SimState], None]:
    """Channels whose own leader is the second node, their slot's the first."""

    def prepare(state: SimState) -> None:
        for channel in channels:
            _lead(channel, 1001)(state)
            config = state.channel_config((channel, 2))
            config.leader_id, config.replicas = 1002, [1002, 1003, 1001]

    return prepare


def _in_progress(state: SimState) -> None:
    for channel in ("g14", "g15", "g18"):
        _led_by_second(channel)(state)
        state.channel_config((channel, 2)).migrate_from = 1002


def _event(state: SimState, number: str, event_id: str, kind: str, payload: object, **fields: object) -> None:
    event = {
        "event_key": "main",
        "event_type": kind,
        "event_id": event_id,
        "visibility": "",
        "occurred_at": 1795218630473,
    }
    event |= {"payload": payload, **fields}
    if kind == "stream.delta":
        state.events.delta(("ma_group", 2), number, event)
    else:
        state.events.store(("ma_group", 2), number, event)


def _stream(state: SimState) -> None:
    _event(state, "ma-st1", "e1", "stream.delta", {"kind": "text", "delta": "你好 world"})
    _event(state, "ma-st1", "e3", "stream.close", {"end_reason": 0})
    _event(state, "ma-st1", "e4", "stream.finish", {}, event_key="__finish__")
    _event(state, "ma-st2", "e1", "stream.error", {"error": "model failed"})
    _event(state, "ws-st", "e1", "stream.delta", {"kind": "text", "delta": "你"})
    _event(state, "ws-st", "e2", "stream.close", {})


def _stream_with_late_words(state: SimState) -> None:
    state.archive.cut(("ma_group", 2), 7)
    _stream(state)
    _event(state, "ma-st1", "e5", "stream.delta", {"kind": "text", "delta": "late"})
    _event(state, "ma-st1", "e7", "my.custom", {"x": 1}, event_key="k1", visibility="private")


def _tags(state: SimState) -> None:
    state.add_group("hb_dv", ["hb_wt", "hb_evil2"])
    state.touch_tag(("hb_dv", 2))


def _bindings(state: SimState) -> None:
    for number, plugin in enumerate(("", "p1")):
        state.plugin_users[plugin, "hb_n1"] = PluginUser(plugin, "hb_n1", number + 1, number + 1)


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
    "cluster/slot-migrate-followers": _slot_51,
    "cluster/slot-migrate-leader-transfer": _slot_51,
    "cluster/slot-migrate-zero": _slot_51,
    "cluster/channel-migrate-followers": _led_by_second("g7"),
    "cluster/channel-migrate-leader-viewer": _led_by_second("g7"),
    "cluster/channel-migrate-odd-same": _led_by_second("g14"),
    "cluster/channel-migrate-odd-unknown-node": _led_by_second("g15"),
    "cluster/channel-migrate-odd-zero": _led_by_second("g18"),
    "cluster/channel-migrate-odd-same-then-again": _in_progress,
    "cluster/channel-migrate-odd-unknown-node-then-again": _in_progress,
    "cluster/channel-migrate-odd-zero-then-again": _in_progress,
    "messages/message-eventsync": _stream,
    "messages/cluster-message-eventsync": _stream,
    "messages/channel-messagesync-stream": _stream_with_late_words,
    "messages/channel-messagesync-stream-basic": _stream_with_late_words,
    "conversations/syncByChannels": _stream,
    "conversations/sync": _stream,
    "system/tag": _tags,
    "system/tags": _tags,
    "system/plugin-bind-get": _bindings,
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
    headers = {"token": "mtok"} if name.endswith("no_permission") else None
    assert_like(send(cluster, recording, headers, node=node), recording)


def test_enough_was_replayed() -> None:
    assert len(NAMES) > 280
