"""Every knob, and what a cluster says while one is turned."""

import json
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import pytest

from imadmin.simulator import SimState, SimulatedCluster
from imadmin.simulator.topology import Topology

from .conftest import Api, StartCluster, eventually
from .replay import CLIENT, Recording, assert_shape

FAN_OUTS = (
    "/cluster/nodes",
    "/cluster/allslot",
    "/cluster/users",
    "/cluster/channels",
    "/cluster/messages",
    "/cluster/conversations",
    "/cluster/devices",
)


@pytest.fixture
def patient(start_cluster: StartCluster) -> SimulatedCluster:
    """A cluster that takes its time to mark a dead node offline."""
    return start_cluster(timings=None, offline_after=30)


def _freeze(state: SimState) -> None:
    """No timer of a failover runs any more."""
    state.topology.timings.offline_after = 10_000


def test_a_dead_node_fails_every_fan_out_until_it_is_offline(patient: SimulatedCluster) -> None:
    patient.kill(1003)
    api = Api(patient)
    for path in FAN_OUTS:
        reply = api.get(path)
        assert reply.status_code == 400
        assert f"dial tcp {patient.nodes[2].api_url.removeprefix('http://')}: connect: connection refused" in reply.text
    assert api.json("/health") == {"status": "ok"}
    assert [row.get("online") for row in api.json("/cluster/simpleNodes")["data"]] == [1, 1, 1]
    assert len(api.json("/cluster/slots", ids="0,1,2")) == 3
    assert api.get("/cluster/users", node_id=1001).status_code == 200
    with pytest.raises(httpx.ConnectError):
        Api(patient, 2).get("/health")


def test_the_dial_error_reads_as_recorded(patient: SimulatedCluster) -> None:
    patient.kill(1003)
    recorded = Recording.load("cluster/node-dead-users-400").body["msg"]
    said = Api(patient).get("/cluster/users", limit=3).json()["msg"]
    host = patient.nodes[2].api_url
    assert said.replace(host, "H").replace(host[7:], "A").replace("1003", "3") == recorded.replace(
        "http://127.0.0.1:6103", "H"
    ).replace("127.0.0.1:6103", "A")


def test_reading_a_channel_of_a_dead_leader(patient: SimulatedCluster) -> None:
    group = patient.call(lambda state: next(f"g{n}" for n in range(99) if state.leader_of(f"g{n}") == 1003))
    patient.call(lambda state: state.add_message("a", group))
    patient.kill(1003)
    api = Api(patient)
    reply = api.post("/channel/messagesync", login_uid="a", channel_id=group, channel_type=2, limit=2)
    assert reply.json() == Recording.load("cluster/node-dead-msgsync-tled-400").body
    assert api.post("/channel/subscriber_add", channel_id=group, channel_type=2, subscribers=["x"]).status_code == 400
    sent = api.post("/message/send", from_uid="a", channel_id=group, channel_type=2, payload="eA==")
    assert sent.status_code == 200  # and lost
    assert patient.call(lambda state: state.archive.last_seq((group, 2))) == 1


def test_leaders_move_and_come_home(cluster: SimulatedCluster) -> None:
    cluster.kill(1003)
    api = Api(cluster)
    eventually(lambda: all(row["leader_id"] != 1003 for row in api.json("/cluster/slots", ids=_ids())))
    assert api.json("/health") == {"status": "ok"}
    row = eventually(lambda: (reply := api.get("/cluster/nodes")).status_code == 200 and reply.json()["data"][2])
    assert_shape(row, Recording.load("cluster/node-dead-nodes").body["data"][2], "dead node")
    assert len(api.json("/cluster/slots/0/replicas")) == 2
    assert api.get("/cluster/nodes/1003/channels").json()["msg"] == "node offline"
    cluster.revive(1003)
    assert Api(cluster, 2).json("/health") == {"status": "ok"}
    eventually(lambda: [row["leader_id"] for row in api.json("/cluster/slots", ids=_ids())].count(1003) >= 21)
    assert api.json("/cluster/simpleNodes")["data"][2]["offline_count"] == 1


def _ids() -> str:
    return ",".join(map(str, range(64)))


def test_the_config_leader_is_replaced(cluster: SimulatedCluster) -> None:
    leader = cluster.call(lambda state: state.topology.view.leader)
    cluster.kill(leader)
    api = Api(cluster, 0 if leader != 1001 else 1)
    assert api.get("/cluster/info").status_code == 400
    eventually(lambda: api.get("/cluster/info").status_code == 200)
    assert api.json("/cluster/info")["term"] == 3


def test_a_survivor_without_quorum_says_all_is_well(cluster: SimulatedCluster) -> None:
    cluster.kill(1002)
    cluster.kill(1003)
    api = Api(cluster)
    eventually(lambda: api.get("/cluster/info").json().get("msg") == "leader not found")
    assert api.json("/health") == {"status": "ok"}
    assert [row.get("online") for row in api.json("/cluster/simpleNodes")["data"]] == [1, 1, 1]
    assert not any(row.get("is_leader") for row in api.json("/cluster/simpleNodes")["data"])
    group = cluster.call(lambda state: next(f"g{n}" for n in range(99) if state.leader_of(f"g{n}") == 1001))
    reply = api.post("/channel", channel_id=group, channel_type=2)
    assert reply.json() == Recording.load("cluster/two-of-three-dead-channel-create-own").body
    cluster.revive(1002)
    cluster.revive(1003)
    eventually(lambda: api.get("/cluster/info").status_code == 200)


def test_a_returning_node_speaks_from_an_old_view(start_cluster: StartCluster) -> None:
    cluster = start_cluster()
    cluster.kill(1003)
    eventually(lambda: not cluster.state.topology.view.nodes[1003].online)
    cluster.call(_freeze)
    cluster.revive(1003)
    old, new = Api(cluster, 2).json("/cluster/node"), Api(cluster, 0).json("/cluster/node")
    assert old["config_version"] < new["config_version"]


def test_a_hung_node_answers_after_resume(cluster: SimulatedCluster) -> None:
    cluster.hang(1003)
    with pytest.raises(httpx.ReadTimeout):
        CLIENT.get(cluster.nodes[2].api_url + "/health", timeout=0.2)
    with pytest.raises(httpx.ReadTimeout):
        CLIENT.get(cluster.nodes[0].api_url + "/varz?node_id=1003", timeout=0.2)
    assert Api(cluster).get("/cluster/simpleNodes").status_code == 200
    cluster.resume(1003)
    assert Api(cluster, 2).json("/varz")["server_id"] == "1003"


def test_a_death_unnoticed_without_quorum_is_noticed_later(cluster: SimulatedCluster) -> None:
    cluster.kill(1002)
    cluster.kill(1003)
    cluster.revive(1002)
    eventually(lambda: not cluster.state.topology.view.nodes[1003].online)
    eventually(lambda: Api(cluster).get("/cluster/nodes").status_code == 200)


def test_a_slow_node_is_slow_for_its_peers_too(cluster: SimulatedCluster) -> None:
    cluster.slow(1003, 0.5)
    with pytest.raises(httpx.ReadTimeout):
        CLIENT.get(cluster.nodes[2].api_url + "/health", timeout=0.1)
    with pytest.raises(httpx.ReadTimeout):
        CLIENT.get(cluster.nodes[0].api_url + "/cluster/nodes", timeout=0.1)
    cluster.heal(1003)
    assert Api(cluster, 2).get("/health").status_code == 200


@pytest.mark.parametrize("mode", ["garbage", "html", "wrong_shape"])
def test_replies_that_are_no_replies(cluster: SimulatedCluster, mode: str) -> None:
    cluster.break_node(1003, mode)
    reply = Api(cluster, 2).get("/cluster/nodes")
    assert reply.status_code == 200
    if mode == "wrong_shape":
        assert not isinstance(reply.json(), dict)
    else:
        with pytest.raises(ValueError):
            json.loads(reply.content)
    assert Api(cluster).get("/cluster/nodes").status_code == 400
    cluster.heal(1003)
    assert Api(cluster).get("/cluster/nodes").status_code == 200


def test_broken_connections_and_bodies(cluster: SimulatedCluster) -> None:
    api = Api(cluster, 2)
    cluster.break_node(1003, "reset")
    with pytest.raises(httpx.TransportError):
        api.get("/health")
    cluster.break_node(1003, "empty")
    assert (api.get("/health").status_code, api.get("/health").content) == (200, b"")
    cluster.break_node(1003, "500")
    assert (api.get("/health").status_code, api.get("/health").content) == (500, b"")
    cluster.break_node(1003, "gzip_garbage")
    with pytest.raises(httpx.DecodingError):
        api.get("/health")
    cluster.break_node(1003, "big")
    with CLIENT.stream("GET", cluster.nodes[2].api_url + "/cluster/users") as reply:
        size = 0
        for chunk in reply.iter_raw():
            size += len(chunk)
            if size > 10_000_000:
                break
    assert size > 10_000_000
    with pytest.raises(ValueError, match="mode must be one of"):
        cluster.break_node(1003, "nonsense")


@pytest.mark.parametrize("written", [True, False])
def test_a_wedged_slot_gives_up_and_does_not_say_whether(cluster: SimulatedCluster, written: bool) -> None:
    slot = cluster.call(lambda state: state.slot_of("g"))
    cluster.wedge_slot(slot, written=written, seconds=0.05)
    api = Api(cluster)
    reply = api.post("/channel/whitelist_set", channel_id="g", channel_type=2, uids=["a"])
    assert (reply.status_code, reply.json()["msg"]) == (400, "context deadline exceeded")
    assert api.json("/cluster/channels/g/2/allowlist") == (["a"] if written else [])
    cluster.heal_slot(slot)
    assert api.post("/channel/whitelist_set", channel_id="g", channel_type=2, uids=["b"]).status_code == 200


def test_a_wedged_conversation_leaves_the_list_written(cluster: SimulatedCluster) -> None:
    cluster.wedge_slot(cluster.call(lambda state: state.slot_of("stuck")), seconds=0.05)
    api = Api(cluster)
    reply = api.post("/channel/blacklist_add", channel_id="g", channel_type=2, uids=["fine", "stuck"])
    assert reply.status_code == 400
    assert sorted(api.json("/cluster/channels/g/2/denylist")) == ["fine", "stuck"]


def test_a_clock_that_is_off(cluster: SimulatedCluster) -> None:
    cluster.clock_skew(1003, 7200)
    dates = [parsedate_to_datetime(Api(cluster, node).get("/health").headers["date"]) for node in (0, 2)]
    assert 7100 < (dates[1] - dates[0]).total_seconds() < 7300


def test_requests_and_deaths_are_recorded(cluster: SimulatedCluster) -> None:
    Api(cluster, 1).post("/channel/info", channel_id="g", channel_type=2)
    CLIENT.get(cluster.nodes[0].manager_url + "/metrics?x=1")
    first, second = cluster.requests
    assert first[:5] == (1002, "main", "POST", "/channel/info", "")
    assert json.loads(first[5]) == {"channel_id": "g", "channel_type": 2}
    assert second == (1001, "manager", "GET", "/metrics", "x=1", b"")
    assert cluster.deaths == []


def test_knobs_over_http(cluster: SimulatedCluster) -> None:
    def turn(path: str) -> Any:
        return CLIENT.post(cluster.control_url + path)

    def nodes() -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = CLIENT.get(cluster.control_url + "/").json()["nodes"]
        return listed

    assert turn("/kill/1003").status_code == 200
    assert nodes()[2]["alive"] is False
    turn("/revive/1003")
    eventually(lambda: nodes()[2]["alive"])
    turn("/hang/1002")
    assert nodes()[1]["hung"] is True
    turn("/resume/1002")
    turn("/slow/1001?seconds=0.01")
    turn("/break/1001?mode=html")
    assert (nodes()[0]["slow"], nodes()[0]["broken"]) == (0.01, "html")
    turn("/heal/1001")
    turn("/wedge/7?seconds=1")
    assert CLIENT.get(cluster.control_url).json()["wedged_slots"] == [7]
    turn("/unwedge/7")
    assert turn("/break/1001?mode=nonsense").status_code == 400
    assert turn("/explode/1001").status_code == 404
    assert turn("/kill/77").status_code == 400


def test_a_start_on_a_taken_port_fails_loudly(cluster: SimulatedCluster) -> None:
    taken = int(cluster.nodes[0].api_url.rpartition(":")[2])
    with pytest.raises(OSError):
        SimulatedCluster(nodes=1, ports=taken, world="empty").start()


def test_a_call_from_the_loop_itself_is_refused(cluster: SimulatedCluster) -> None:
    with pytest.raises(RuntimeError, match="already on the simulator's loop"):
        cluster.call(lambda state: cluster.kill(1003))


def test_a_stopped_cluster_can_start_again() -> None:
    cluster = SimulatedCluster(nodes=1, world="empty")
    for _ in range(2):
        with cluster:
            assert Api(cluster).get("/health").status_code == 200
    with pytest.raises(RuntimeError):
        cluster.call(lambda state: state)


def test_the_leaders_of_a_single_node_stay(single: SimulatedCluster) -> None:
    topology: Topology = single.state.topology
    assert {slot.leader for slot in topology.view.slots} == {1001}
    single.kill(1001)
    single.revive(1001)
    assert Api(single).get("/health").status_code == 200
