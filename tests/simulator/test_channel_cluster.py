"""One channel in the cluster: moved, stopped, started, and what its configuration shows meanwhile; tags and plugins."""

from typing import Any

import pytest

from imadmin.simulator import SimState, SimulatedCluster
from imadmin.simulator.model import Plugin

from .conftest import Api, StartCluster, eventually
from .replay import Recording, assert_shape
from .test_auth import _bearer


@pytest.fixture
def api(cluster: SimulatedCluster) -> Api:
    def stage(state: SimState) -> None:
        state.topology.view.slots[state.slot_of("g7")].leader = 1001
        state.add_group("g7", ["ann", "bob"])
        state.add_message("ann", "g7")
        config = state.channel_config(("g7", 2))
        config.leader_id, config.replicas = 1002, [1002, 1003, 1001]

    cluster.call(stage)
    return Api(cluster, 0, **_bearer())


def _config(api: Api) -> dict[str, Any]:
    return dict(api.json("/cluster/channels/g7/2/config", node_id=1001))


def test_a_channel_s_leader_moves(start_cluster: StartCluster, cluster: SimulatedCluster, api: Api) -> None:
    cluster.call(lambda state: setattr(state.timings, "offline_after", 6.0))
    assert api.post("/cluster/channels/g7/2/migrate", migrate_from=1002, migrate_to=1001).status_code == 200
    assert_shape(_config(api), Recording.load("cluster/channel-config-during-migrate").body, "during")
    eventually(lambda: "migrate_to" not in _config(api))
    after = _config(api)
    assert_shape(after, Recording.load("cluster/channel-config-after-migrate").body, "after")
    assert (after["learder_id"], after["term"]) == (1001, 2)


@pytest.mark.parametrize("target", [1002, 0, 99])
def test_a_senseless_move_stays_for_ever(api: Api, target: int) -> None:
    assert api.post("/cluster/channels/g7/2/migrate", migrate_from=1002, migrate_to=target).status_code == 200
    again = api.post("/cluster/channels/g7/2/migrate", migrate_from=1002, migrate_to=1001)
    assert again.json()["msg"] == "migrate is in progress"


def test_stopping_ends_the_leader_s_instance_and_traffic_starts_it(cluster: SimulatedCluster, api: Api) -> None:
    assert api.post("/cluster/channels/g7/2/stop").status_code == 200
    rows = {row["replica_id"]: row["running"] for row in api.json("/cluster/channels/g7/2/replicas")}
    assert rows == {1002: 0, 1003: 1, 1001: 1}
    assert api.json("/cluster/nodes/1001/channels", channel_id="g7", channel_type=2)["data"][0]["active"] == 0
    sent = {"from_uid": "ann", "channel_id": "g7", "channel_type": 2, "payload": "eA=="}
    assert api.post("/message/send", sent).status_code == 200
    eventually(lambda: all(row["running"] for row in api.json("/cluster/channels/g7/2/replicas")))
    assert api.post("/cluster/channels/g7/2/start").status_code == 200


def test_writes_leave_their_traces_in_the_slot_s_log(cluster: SimulatedCluster, api: Api) -> None:
    slot = cluster.call(lambda state: state.slot_of("fresh"))
    leader = cluster.call(lambda state: state.topology.slot_leader(slot))
    api.post("/channel", channel_id="fresh", channel_type=2, subscribers=["ann"])
    page = api.json("/cluster/logs", node_id=leader, log_type=2, slot=slot, limit=5)
    assert [row["cmd"] for row in page["logs"]][-2:][::-1] == ["CMDAddChannelInfo", "CMDAddSubscribers"] or [
        row["cmd"] for row in page["logs"]
    ][:2] == ["CMDAddSubscribers", "CMDAddChannelInfo"]
    assert '"uids":["ann"]' in str(page["logs"])
    assert page["last"] == page["applied"] == page["pre"]
    newest = page["logs"][0]["index"]
    older = api.json("/cluster/logs", node_id=leader, log_type=2, slot=slot, limit=1, next=newest)
    assert [row["index"] for row in older["logs"]] == [newest - 1]
    again = api.json("/cluster/logs", node_id=leader, log_type=2, slot=slot, limit=1, pre=newest - 1)
    assert [row["index"] for row in again["logs"]] == [newest]


def test_the_configuration_s_log_tells_what_happened(cluster: SimulatedCluster, api: Api) -> None:
    cluster.kill(1003)
    eventually(lambda: all(slot.leader != 1003 for slot in cluster.state.topology.view.slots))
    logs = api.json("/cluster/logs", node_id=1001, limit=50)["logs"]
    assert [row["index"] for row in logs] == sorted((row["index"] for row in logs), reverse=True)
    assert {row["cmd"] for row in logs} >= {
        "CMDTypeConfigChange",
        "CMDTypeConfigApiServerAddrChange",
        "CMDTypeNodeOnlineStatusChange",
        "CMDTypeSlotUpdate",
    }


def test_a_tag_is_made_by_a_message_and_removed(cluster: SimulatedCluster, api: Api) -> None:
    assert api.get("/tag", channel_id="g7", channel_type=2).json()["msg"] == "tag not found"
    sent = {"from_uid": "ann", "channel_id": "g7", "channel_type": 2, "payload": "eA=="}
    api.post("/message/send", sent)
    row = eventually(lambda: api.json("/tags", node_id=1002, channel_id="g7", channel_type=2))[0]
    assert sorted(uid for node in row["nodes"] for uid in node["uids"]) == ["ann", "bob"]
    assert api.post("/tag/remove", tag_key=row["key"], node_id=1002).json() == {"status": 200}
    assert api.json("/tags", node_id=1002, tag_key=row["key"]) == []


def test_a_plugin_hides_its_secrets_and_goes(cluster: SimulatedCluster, api: Api) -> None:
    fields = [{"name": "key", "type": "secret", "label": "Key"}, {"name": "model", "type": "string", "label": "Model"}]
    plugin = Plugin("bot", 1002, "Bot", 1, 1, {"key": "s3cret", "model": "m"}, fields, methods=["Receive"], is_ai=1)
    cluster.call(lambda state: state.plugins.append(plugin))
    row = api.json("/plugins", node_id=1002, type="ai")[0]
    assert (row["config"], row["no"], "priority" in row) == ({"key": "******", "model": "m"}, "bot", False)
    api.post("/pluginconfig/bot", config={"key": "******", "model": "n"}, node_id=1002)
    assert plugin.config == {"key": "s3cret", "model": "n"}
    assert Api(cluster, 1).get("/plugins/bot/hello").json() == {"plugin": "bot", "path": "hello"}
    assert api.post("/plugin/bind", plugin_no="bot", uid="ann").status_code == 200
    assert [one["uid"] for one in api.json("/plugin/bind", uid="ann")] == ["ann"]
    assert api.post("/plugin/unbind", plugin_no="bot", uid="ann").status_code == 200
    assert api.json("/plugin/bind", uid="ann") == []
    assert api.post("/plugin/uninstall", plugin_no="bot", node_id=1002).status_code == 200
    assert api.json("/plugins", node_id=1002) == []


def test_offline_commands_are_handed_out_and_acknowledged(cluster: SimulatedCluster, api: Api) -> None:
    sent = {"from_uid": "ann", "channel_id": "g7", "channel_type": 2, "payload": "eA==", "header": {"sync_once": 1}}
    api.post("/message/send", sent)
    rows = eventually(lambda: api.post("/message/sync", uid="bob", limit=5).json())
    assert [row["channel_id"] for row in rows] == ["g7____cmd"]
    assert api.post("/message/syncack", uid="bob", last_message_seq=1).json() == {"status": 200}
    assert api.post("/message/sync", uid="bob", limit=5).json() == []


def test_unread_of_an_empty_channel_underflows(api: Api) -> None:
    assert api.post("/conversations/setUnread", uid="ann", channel_id="empty", channel_type=2, unread=3).json() == {
        "status": 200
    }
    row = next(one for one in api.json("/cluster/conversations", uid="ann")["data"] if one["channel_id"] == "empty")
    assert row["readed_to_msg_seq"] == 2**64 - 1
