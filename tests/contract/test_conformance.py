"""The simulator is held to the real server: every recording is sent to it, or named with the test that covers it.

Plain answers are replayed in tests/simulator/test_recordings; here are those of faults, credentials and single nodes.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from imadmin.simulator import SimState, SimulatedCluster, Timings, WorldSpec
from tests.contract import stage
from tests.simulator.replay import (
    CLIENT,
    RECORDED,
    Recording,
    all_names,
    assert_like,
    assert_shape,
    our_node,
    send,
    set_stage,
)

FAULTS = [name for name in stage.recordings("cluster/") if stage.fault_of(name)]
AUTH = [name for name in stage.recordings("auth/") if name not in stage.ELSEWHERE]
SINGLE = stage.recordings("cluster/single-")
JOINED = stage.recordings("cluster/node-joined")
DYING = [name for name in all_names("channels") if name.endswith("server_dies")]
Start = Callable[..., SimulatedCluster]


def quick(offline_after: float = 0.4) -> Timings:
    return Timings(
        offline_after=offline_after, propose_timeout=0.2, detach_after=0.2, replica_lag=0.0, store_after=0.005
    )


@pytest.fixture(scope="module")
def clusters() -> Iterator[Start]:
    """One cluster for each fault and moment: the questions change nothing that the others ask for."""
    running: dict[Any, SimulatedCluster] = {}

    def start(key: Any, **options: Any) -> SimulatedCluster:
        if key not in running:
            running[key] = SimulatedCluster(**{"world": "empty", "version": "", **options}).start()
        return running[key]

    yield start
    for cluster in running.values():
        cluster.stop()


def test_no_recording_is_left_out() -> None:
    told = {*FAULTS, *AUTH, *SINGLE, *JOINED, *DYING, *stage.TOLD_OTHERWISE, *stage.WITHOUT_TOKEN, *stage.ELSEWHERE}
    told |= set(stage.recordings("cluster/node-join-")) | {"users/token-no_token"}
    assert set(all_names(*stage.GROUPS)) == told
    frames = {path.stem for path in (RECORDED / "jsonrpc").glob("*.json")}
    from tests.contract.test_conformance_clients import FRAMES, SILENT, TIMED

    assert frames == {*FRAMES, *SILENT, *TIMED}
    assert (RECORDED / "webhooks/retries.json").exists()  # tests/simulator/test_hooks


# -- faults ----------------------------------------------------------------------------------------------------------


def _note(name: str) -> str:
    content = json.loads((RECORDED / f"{name}.json").read_text("utf-8"))
    return str((content["response"] or {}).get("note", ""))


def _has_moved(cluster: SimulatedCluster, target: int) -> bool:
    def look(state: SimState) -> bool:
        view = state.topology.view
        settled = all(slot.leader != target and not slot.status for slot in view.slots)
        return settled and not view.nodes[target].online and state.topology.has_config_leader

    return bool(cluster.call(look))


def _broken(clusters: Start, scenario: str, moment: str) -> SimulatedCluster:
    from tests.simulator.conftest import eventually

    def fresh() -> SimulatedCluster:
        pace = {"early": 600.0, "between": 9.0}.get(moment, 0.4)
        cluster = clusters((scenario, moment), timings=quick(pace))
        if not cluster.requests and not cluster.state.store.users:
            cluster.call(stage.set_fault_stage, scenario)
            if moment == "electing":
                cluster.stick_moves()
            stage.break_it(cluster, scenario)
        return cluster

    cluster, target = fresh(), stage.SCENARIOS[scenario]
    if scenario == "two-of-three-dead":
        eventually(lambda: not cluster.state.topology.view.leader)
    elif moment == "late":
        eventually(lambda: _has_moved(cluster, target))
    elif moment == "between":
        eventually(lambda: cluster.state.topology.view.leader not in (0, target))
    elif moment == "electing":
        eventually(lambda: not cluster.state.topology.view.nodes[target].online)
    return cluster


def _moment(recording: Recording) -> str:
    if recording.name.endswith("health-500"):
        return "electing"
    if recording.name.endswith("two-of-three-dead") or stage.fault_of(recording.name) == "two-of-three-dead":
        return "late"
    if recording.name.endswith("config-leader-dead-allslot-400"):
        return "between"  # a new config leader is there, the old one not yet offline
    return "early" if stage.is_early(recording, _note(recording.name)) else "late"


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_looks_as_recorded(name: str, clusters: Start) -> None:
    recording, scenario = Recording.load(name), stage.fault_of(name)
    cluster = _broken(clusters, scenario, _moment(recording))
    asked = recording.request["node"] - 1
    if name.endswith("after-send"):
        cluster.call(lambda state: state.channel_config(("g8", 2)))
    if name.endswith("config-idle"):  # not written by the node that answers
        cluster.call(lambda state: setattr(state.store.configs["g8", 2], "written_by", 0))
    if recording.status is None:
        with pytest.raises(httpx.ReadTimeout):
            _send(cluster, recording, asked, timeout=0.3)
        return
    reply = _send(cluster, recording, asked)
    assert reply.status_code == recording.status, reply.text
    if recording.status == 400:
        assert stage.comparable(reply.json()) == stage.comparable(recording.body)
    else:
        _assert_like_after_a_fault(reply, recording)


def _send(cluster: SimulatedCluster, recording: Recording, node: int, timeout: float = 5) -> httpx.Response:
    request = recording.request
    path = request["path"]
    for number in "123":
        path = path.replace(f"/cluster/nodes/{number}/", f"/cluster/nodes/100{number}/")
    query = {name: our_node(value) if name == "node_id" else value for name, value in request["query"].items()}
    body = request["json"]
    if isinstance(body, dict):
        body = {name: our_node(value) if name.startswith("migrate") else value for name, value in body.items()}
    base = cluster.nodes[node]
    url = (base.manager_url if request["base"] == "manager" else base.api_url) + path
    return CLIENT.request(
        request["method"], url, params=query, json=body, headers=stage.bearer("admin"), timeout=timeout
    )


def _assert_like_after_a_fault(reply: httpx.Response, recording: Recording) -> None:
    """Fields come and go with what happened to a node before: kinds are compared, and keys that are always there."""
    ours, theirs = reply.json(), recording.body
    if isinstance(theirs, dict) and isinstance(theirs.get("data"), list):
        assert {key for row in ours["data"] for key in row} >= _common(theirs["data"]), recording.name
        assert _common(ours["data"]) <= {key for row in theirs["data"] for key in row}, recording.name
    elif recording.name.endswith(("-info", "-info-200", "-node")):
        assert set(theirs) - {"offline_count", "last_offline", "slot_leader_count"} <= set(ours)
    elif "onlinestatus" in recording.name or "connz" in recording.name:
        assert type(ours) is type(theirs)
    else:
        assert_shape(ours, theirs, recording.name)


def _common(rows: list[dict[str, Any]]) -> set[str]:
    """Keys that every row has, whatever happened before the recording was made."""
    return set.intersection(*(set(row) for row in rows)) - {"offline_count", "last_offline"} if rows else set()


# -- credentials -----------------------------------------------------------------------------------------------------


def _prepare_auth(state: SimState, name: str) -> None:
    set_stage(state)
    for uid in ("u4", "u6"):
        stage.lead(uid, 1001)(state)
        state.add_connection(uid, 1001)
    stage.lead("u1", 1002)(state)
    far = 1001 if "-local" in name else 1002
    stage.lead("g2", far)(state)
    stage.lead("g1", far)(state)
    slot = 6 if "forwarded" in name else 1
    state.topology.view.slots[slot].leader = 1002 if "forwarded" in name else 1001
    for channel in ("g1", "g2"):
        state.channel_config((channel, 2)).leader_id = far
        state.add_message("u1", channel, "hi")
    state.add_message("u1", "g2____cmd", "command")
    state.channel_config(("g2____cmd", 2)).leader_id = 1002
    state.store.add_conversations(["u4"], ("g2____cmd", 2))
    state.store.add_conversations(["u4"], ("g2", 2))
    for config in state.store.configs.values():
        config.running = True
    state.touch_tag(("g0", 2))
    state.touch_tag(("g2", 2))


@pytest.mark.parametrize("name", AUTH)
def test_credentials_open_what_they_opened(name: str, clusters: Start) -> None:
    recording = Recording.load(name)
    is_empty = name.endswith(("guest-read", "message-sync-after", "systemuids-get-nonleader"))
    cluster = clusters(("auth", name), timings=quick(), **stage.options_of(name))
    if not is_empty:
        cluster.call(_prepare_auth, name)
    wanted = dict(recording.request["headers_of_interest"])
    headers = stage.headers_of(name, wanted)
    if "Authorization" in recording.request["query"]:
        recording.request["query"] = stage.bearer("admin")
    reply = send(cluster, recording, headers, node=recording.request["node"] - 1)
    if recording.status == 400:
        assert reply.json() == recording.body
    else:
        assert_like(reply, recording)


@pytest.mark.parametrize("name", sorted(stage.WITHOUT_TOKEN))
def test_without_credentials(name: str, clusters: Start) -> None:
    recording = Recording.load(name)
    cluster = clusters("guarded", manager_token="mtok", timings=quick())
    assert_like(send(cluster, recording, {}), recording)


# -- single nodes, joins, deaths -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SINGLE)
def test_a_single_node_as_recorded(name: str, clusters: Start) -> None:
    recording = Recording.load(name)
    cluster = clusters(("single", name), nodes=1, timings=quick())
    if "candidate" in name or "election" in name:
        cluster.call(lambda state: state.moves.elect(state.topology.view.slots[2]))
    if "migrating" in name or "learner" in name:
        cluster.call(lambda state: state.moves.migrate(state.topology.view.slots[1], 1001, 77))
        cluster.call(lambda state: state.topology.log_slot(1, state.now_ns()))
    assert_like(send(cluster, recording), recording)


@pytest.mark.parametrize("name", JOINED)
def test_four_nodes_as_recorded(name: str, clusters: Start) -> None:
    recording = Recording.load(name)
    cluster = clusters("four", nodes=4, timings=quick(), world=WorldSpec(slot_count=16))
    if not cluster.state.store.users:
        cluster.call(set_stage)
    node = recording.request["node"] - 1
    if name.endswith("channel-config"):
        cluster.call(stage.lead("h0", 1003))
        cluster.call(lambda state: setattr(state.channel_config(("h0", 2)), "written_by", 1003))
    if "users-exact" in name:
        cluster.call(_keep_on, recording.request["query"]["uid"], 1001 if name.endswith("missing-on-node4") else 1002)
        cluster.call(_keep_everywhere if name.endswith("-exact") else lambda state: None)
    request = recording.request
    request["query"] = {key: value + 1000 if key == "node_id" else value for key, value in request["query"].items()}
    reply = send(cluster, recording, node=node)
    assert reply.status_code == recording.status
    if recording.status != 200:
        assert (reply.json() if reply.content else "") == recording.body
        return
    _assert_like_after_a_fault(reply, recording)


def _keep_on(state: SimState, uid: str, first: int) -> None:
    """Copies of the uid's slot on three of the four nodes, on the asked one unless the recording's lacked it."""
    state.add_user(uid)
    slot = state.topology.view.slots[state.slot_of(uid)]
    slot.replicas = [1001, 1002, 1003]
    slot.leader = first


def _keep_everywhere(state: SimState) -> None:
    for slot in state.topology.view.slots:
        slot.replicas = [1001, 1002, 1003, 1004]


@pytest.mark.parametrize("name", DYING)
def test_a_deadly_call_drops_the_connection(name: str, clusters: Start) -> None:
    recording = Recording.load(name)
    cluster = clusters(("dying", name), nodes=1, timings=quick())
    with pytest.raises(httpx.TransportError):
        send(cluster, recording, {})
    assert len(cluster.deaths) == 1
