"""A fourth node joins: each step as it was seen, and stuck half way as it was seen once."""

from collections import Counter
from typing import Any

from imadmin.simulator import SimulatedCluster, WorldSpec

from .conftest import Api, StartCluster, eventually
from .replay import Recording


def _info(api: Api) -> dict[str, Any]:
    reply = api.get("/cluster/info")
    return dict(reply.json()) if reply.status_code == 200 else {}


def _start(start_cluster: StartCluster) -> SimulatedCluster:
    return start_cluster(world=WorldSpec(slot_count=16))


def test_it_joins_step_by_step(start_cluster: StartCluster) -> None:
    cluster = _start(start_cluster)
    api = Api(cluster)
    assert cluster.join() == 1004
    first = _info(api)
    recorded = Recording.load("cluster/node-join-info-joining-1").body
    assert list(first) == list(recorded)
    assert (first["learners"], first["migrateFrom"], first["migrateTo"]) == ([1004], 1004, 1004)
    assert list(first["nodes"][3]) == list(recorded["nodes"][3])
    assert api.get("/cluster/nodes").json()["msg"] == 'Get "/cluster/node": unsupported protocol scheme ""'
    eventually(lambda: _info(api)["nodes"][3]["status"] == 2)
    moving = eventually(lambda: [slot for slot in _info(api)["slots"] if slot.get("learners") == [1004]])
    assert (len(moving), {slot["migrateTo"] for slot in moving}) == (12, {1004})
    eventually(lambda: not any("learners" in slot for slot in _info(api)["slots"]))
    slots = api.json("/cluster/allslot")["data"]
    assert Counter(node for slot in slots for node in slot["replicas"]) == dict.fromkeys((1001, 1002, 1003, 1004), 12)
    eventually(lambda: set(Counter(row["leader_id"] for row in api.json("/cluster/allslot")["data"]).values()) == {4})
    assert [row["status"] for row in api.json("/cluster/nodes")["data"]] == [3, 3, 3, 3]
    assert Api(cluster, 3).json("/health") == {"status": "ok"}
    assert Api(cluster, 3).get("/cluster/users").status_code == 200


def test_it_may_get_stuck_until_it_is_restarted(start_cluster: StartCluster) -> None:
    cluster = _start(start_cluster)
    api = Api(cluster)
    cluster.join(stuck=True)
    eventually(lambda: not _info(api))
    assert [row.get("is_leader") for row in api.json("/cluster/simpleNodes")["data"]] == [None, None, None, 1]
    assert not any(row.get("is_leader") for row in Api(cluster, 3).json("/cluster/simpleNodes")["data"])
    assert api.get("/cluster/allslot").status_code == 400
    assert api.post("/channel", channel_id="g", channel_type=2).status_code == 200
    cluster.kill(1004)
    cluster.revive(1004)
    eventually(lambda: _info(api).get("nodes", [{}])[-1].get("status") == 3)
    eventually(lambda: not any("learners" in slot for slot in _info(api)["slots"]))
    eventually(lambda: api.get("/cluster/nodes").status_code == 200)
