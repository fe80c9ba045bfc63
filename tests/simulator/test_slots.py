"""Slots change hands as on the real cluster: transfers, replica moves, elections, balancing, lagging copies."""

from collections import Counter
from typing import Any

import pytest

from imadmin.simulator import SimulatedCluster, WorldSpec
from imadmin.simulator.topology import Slot

from .conftest import Api, StartCluster, eventually
from .replay import SECRET, Recording
from .test_auth import _bearer


@pytest.fixture
def api(cluster: SimulatedCluster) -> Api:
    return Api(cluster, 0, **_bearer())


def _led_by(cluster: SimulatedCluster, node: int) -> Slot:
    found: Slot = cluster.call(lambda state: next(one for one in state.topology.view.slots if one.leader == node))
    return found


def _raw(api: Api, slot: int) -> dict[str, Any]:
    row: dict[str, Any] = api.json("/cluster/info")["slots"][slot]
    return row


def _leader(api: Api, slot: int) -> tuple[int, int]:
    row = api.json("/cluster/slots", ids=str(slot))[0]
    return row["leader_id"], row["term"]


def test_a_leader_moves_to_a_replica(cluster: SimulatedCluster, api: Api) -> None:
    slot = _led_by(cluster, 1001)
    term, before = slot.term, api.json("/cluster/info")["version"]
    cluster.stick_moves()  # a transfer is over before one can look
    assert api.post(f"/cluster/slots/{slot.id}/migrate", migrate_from=1001, migrate_to=1002).json() == {"status": 200}
    assert (_raw(api, slot.id)["migrateFrom"], _raw(api, slot.id)["migrateTo"]) == (1001, 1002)
    cluster.stick_moves(False)
    eventually(lambda: _leader(api, slot.id) == (1002, term + 1))
    assert "migrateTo" not in _raw(api, slot.id)
    assert api.json("/cluster/info")["version"] == before + 2


def test_a_replica_moves_by_way_of_a_learner(start_cluster: StartCluster) -> None:
    cluster = start_cluster(nodes=4)
    api = Api(cluster, 0, **_bearer())
    slot = cluster.call(lambda state: next(one for one in state.topology.view.slots if 1004 not in one.replicas))
    source = next(node for node in slot.replicas if node != slot.leader)
    cluster.stick_moves()
    assert api.post(f"/cluster/slots/{slot.id}/migrate", migrate_from=source, migrate_to=1004).status_code == 200
    assert _raw(api, slot.id)["learners"] == [1004]
    cluster.stick_moves(False)
    expected = sorted([*(node for node in slot.replicas if node != source), 1004])
    eventually(lambda: api.json("/cluster/slots", ids=str(slot.id))[0]["replicas"] == expected)
    assert "learners" not in _raw(api, slot.id)


@pytest.mark.parametrize("name", ["emptybody", "followers", "from-not-replica", "nobody", "zero", "badjson"])
def test_refusals_read_as_recorded(cluster: SimulatedCluster, api: Api, name: str) -> None:
    recording = Recording.load(f"cluster/slot-migrate-{name}")
    slot, body = _led_by(cluster, 1001), recording.request["json"]
    content = (
        body["raw"]
        if body and "raw" in body
        else body and {key: body[key] + 1000 * (0 < body[key] < 9) for key in body}
    )
    if isinstance(content, str) or content is None:
        reply = api._client.post(f"/cluster/slots/{slot.id}/migrate", content=content)
    else:
        reply = api.post(f"/cluster/slots/{slot.id}/migrate", content)
    assert (reply.status_code, reply.json()) == (400, recording.body)


def test_a_target_that_is_nowhere_is_taken_and_stops_the_balancing(cluster: SimulatedCluster, api: Api) -> None:
    slot = _led_by(cluster, 1001)
    assert api.post(f"/cluster/slots/{slot.id}/migrate", migrate_from=1001, migrate_to=77).status_code == 200
    assert api.post(f"/cluster/slots/{slot.id}/migrate", migrate_from=1001, migrate_to=1002).status_code == 200
    other = cluster.call(
        lambda state: next(one for one in state.topology.view.slots if one.leader == 1001 and one.id != slot.id)
    )
    api.post(f"/cluster/slots/{other.id}/migrate", migrate_from=1001, migrate_to=1002)
    eventually(lambda: _leader(api, other.id)[0] == 1002)
    assert (_raw(api, slot.id)["learners"], _raw(api, slot.id)["migrateTo"]) == ([77], 77)
    assert _leader(api, slot.id)[0] == 1001


def test_a_dead_target_gets_its_slot_when_it_returns(cluster: SimulatedCluster, api: Api) -> None:
    slot = _led_by(cluster, 1001)
    cluster.kill(1003)
    eventually(lambda: not cluster.state.topology.view.nodes[1003].online)
    assert api.post(f"/cluster/slots/{slot.id}/migrate", migrate_from=1001, migrate_to=1003).status_code == 200
    cluster.revive(1003)
    eventually(lambda: _leader(api, slot.id)[0] == 1003)


def test_an_election_ends_at_another_replica(cluster: SimulatedCluster, api: Api) -> None:
    slot = _led_by(cluster, 1001)
    term = slot.term
    cluster.stick_moves()
    assert api.post(f"/cluster/slots/{slot.id}/election").json() == {"status": 200}
    assert api.get("/health").json() == {"message": "slot not ready", "status": "error"}
    cluster.stick_moves(False)
    leader, now = eventually(lambda: (found := _leader(api, slot.id))[0] != 1001 and found)
    assert (leader in (1002, 1003), now) == (True, term + 1)
    assert api.get("/health").status_code == 200


def test_an_election_on_one_node_never_ends(single: SimulatedCluster) -> None:
    api = Api(single, 0, **_bearer())
    assert api.post("/cluster/slots/2/election").status_code == 200
    assert api.post("/cluster/slots/1/migrate", migrate_from=1001, migrate_to=77).status_code == 200
    assert api.get("/health").status_code == 500
    single.kill(1001)
    single.revive(1001)
    assert eventually(lambda: api.get("/health").json()) == {"message": "slot not ready", "status": "error"}
    assert api.post("/channel", channel_id="c6", channel_type=2).status_code == 200


def test_too_many_leaders_are_moved_back(cluster: SimulatedCluster, api: Api) -> None:
    slots = cluster.call(lambda state: [one.id for one in state.topology.view.slots if one.leader == 1001][:4])
    for slot in slots:
        api.post(f"/cluster/slots/{slot}/migrate", migrate_from=1001, migrate_to=1002)

    def loads() -> Counter[int]:
        return Counter(row["leader_id"] for row in api.json("/cluster/allslot")["data"])

    eventually(lambda: max(loads().values()) <= 22)


def test_without_quorum_both_are_refused(cluster: SimulatedCluster, api: Api) -> None:
    cluster.kill(1002)
    cluster.kill(1003)
    eventually(lambda: api.get("/cluster/info").json().get("msg") == "leader not found")
    slot = _led_by(cluster, 1001)
    body = Recording.load("cluster/two-of-three-dead-slot-election").body
    assert api.post(f"/cluster/slots/{slot.id}/election").json() == body
    assert api.post(f"/cluster/slots/{slot.id}/migrate", migrate_from=1001, migrate_to=1002).json() == body


def test_a_viewer_may_do_neither(cluster: SimulatedCluster) -> None:
    viewer = Api(cluster, 0, **_bearer("viewer", SECRET))
    for path in ("migrate", "election"):
        assert viewer.post(f"/cluster/slots/1/{path}").json() == {"msg": "没有权限", "status": 403}


def test_many_slots_and_few_replicas(start_cluster: StartCluster) -> None:
    cluster = start_cluster(nodes=4, world=WorldSpec(slot_count=1024, replica_count=2))
    rows = Api(cluster).json("/cluster/allslot")["data"]
    assert len(rows) == 1024
    assert {len(row["replicas"]) for row in rows} == {2}
    assert Counter(row["leader_id"] for row in rows) == dict.fromkeys((1001, 1002, 1003, 1004), 256)
    assert all(row["leader_id"] in row["replicas"] for row in rows)


def test_a_lagging_replica_falls_behind_until_it_is_healed(cluster: SimulatedCluster, api: Api) -> None:
    slot = cluster.call(lambda state: state.slot_of("g"))
    leader = _leader(api, slot)[0]
    follower = next(node for node in (1001, 1002, 1003) if node != leader)
    cluster.lag(follower, slot)
    for _ in range(3):
        assert api.post("/channel/info", channel_id="g", channel_type=2).status_code == 200
    at = {
        node: Api(cluster, node - 1001).json("/cluster/slots", ids=str(slot))[0]["log_index"]
        for node in (leader, follower)
    }
    assert at[leader] == at[follower] + 3
    rows = {row["replica_id"]: row["last_log_seq"] for row in api.json(f"/cluster/slots/{slot}/replicas")}
    assert (rows[leader], rows[follower]) == (at[leader], at[follower])
    cluster.unlag(follower)
    assert Api(cluster, follower - 1001).json("/cluster/slots", ids=str(slot))[0]["log_index"] == at[leader]


def test_a_config_leader_that_is_left_alone_goes_on_calling_itself_so(cluster: SimulatedCluster) -> None:
    cluster.kill(1001)
    cluster.kill(1003)
    api = Api(cluster, 1, **_bearer())
    slot = _led_by(cluster, 1002)
    assert api.post(f"/cluster/slots/{slot.id}/election").json()["msg"] == "context deadline exceeded"
    assert [row.get("is_leader") for row in api.json("/cluster/simpleNodes")["data"]] == [None, 1, None]
    assert api.get("/cluster/info").status_code == 200
    assert "connection refused" in api.get("/cluster/allslot").json()["msg"]
