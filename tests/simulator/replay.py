"""Sends recorded requests to the simulator and compares its replies with the real server's, value types and all."""

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from imadmin.simulator import SimState, SimulatedCluster
from imadmin.simulator.ids import person_id
from imadmin.simulator.model import Message
from imadmin.simulator.tokens import make

RECORDED = Path(__file__).parent.parent / "contract" / "recorded" / "wukongim-v2.2.5"
SECRET = "simulated-cluster-secret"
NODE_FIELDS = ("node_id", "op_node_id", "migrate_from", "migrate_to")
# one client without kept connections: each test has ports of its own, and a TLS context a call would cost more
CLIENT = httpx.Client(verify=False, timeout=20, limits=httpx.Limits(max_keepalive_connections=0))


@dataclass(frozen=True)
class Recording:
    name: str
    request: dict[str, Any]
    status: int | None
    content_type: str
    body: Any

    @classmethod
    def load(cls, name: str) -> "Recording":
        content = json.loads((RECORDED / f"{name}.json").read_text("utf-8"))
        reply = content["response"] or {}
        body = reply.get("body")
        return cls(name, content["request"], reply.get("status"), reply.get("content_type") or "", body)


def all_names(*groups: str) -> list[str]:
    return sorted(
        str(path.relative_to(RECORDED).with_suffix(""))
        for group in groups
        for path in (RECORDED / group).glob("*.json")
    )


def our_node(value: Any) -> Any:
    """The recordings' nodes are 1, 2, 3; ours 1001, 1002, 1003."""
    return 1000 + int(value) if str(value) in ("1", "2", "3") else value


def send(
    cluster: SimulatedCluster, recording: Recording, headers: dict[str, str] | None = None, node: int = 0
) -> httpx.Response:
    request = recording.request
    target = cluster.nodes[node]
    base = target.manager_url if request["base"] == "manager" else target.api_url
    path = request["path"]
    for number in "123":
        path = path.replace(f"/cluster/nodes/{number}/", f"/cluster/nodes/100{number}/")
    query = {name: our_node(value) if name in NODE_FIELDS else value for name, value in request["query"].items()}
    body: Any = request["json"] if request["json"] is not None else request.get("raw")
    if isinstance(body, dict) and set(body) == {"raw"}:
        body = body["raw"]
    if isinstance(body, dict):
        body = {name: our_node(value) if name in NODE_FIELDS else value for name, value in body.items()}
    content = body if isinstance(body, str) or body is None else json.dumps(body)
    if headers is None:
        headers = {"token": "mtok", "Authorization": f"Bearer {make('admin', SECRET, 3600)[0]}"}
    return CLIENT.request(request["method"], base + path, params=query, content=content, headers=headers)


def assert_like(response: httpx.Response, recording: Recording) -> None:
    """Same status, content type family and shape; error bodies word for word."""
    assert response.status_code == recording.status, response.text
    family = response.headers.get("content-type", "").partition(";")[0]
    if recording.content_type:
        assert family == recording.content_type.partition(";")[0]
    if recording.body == "" or recording.body is None:
        assert response.text in ("", "null")
        return
    if isinstance(recording.body, str):
        assert response.text == recording.body
        return
    body = response.json()
    if recording.status == 400 or not isinstance(recording.body, dict | list):
        assert body == recording.body
    else:
        assert_shape(body, recording.body, recording.name)


def assert_shape(ours: Any, theirs: Any, place: str) -> None:
    """Same keys in the same order, same JSON types; a list has the shape of the recorded list's elements."""
    assert kind(ours) == kind(theirs), f"{place}: {ours!r} is not like {theirs!r}"
    if isinstance(theirs, dict):
        assert list(ours) == list(theirs), place
        for key, value in theirs.items():
            assert_shape(ours[key], value, f"{place}.{key}")
    elif isinstance(theirs, list):
        assert bool(ours) == bool(theirs), f"{place}: {ours!r} is not like {theirs!r}"
        shapes = {_outline(one) for one in theirs}
        for index, one in enumerate(ours):
            assert _outline(one) in shapes, f"{place}[{index}]: {one!r}"


def kind(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return str(type(value).__name__)
    return "number" if isinstance(value, int | float) else type(value).__name__


def _outline(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ",".join(f"{key}:{_outline(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + (_outline(value[0]) if value else "") + "]"
    return kind(value)


# -- the stage: what the recordings were made with -----------------------------------------------------------------


def set_stage(state: SimState) -> None:
    """Puts the people, channels and messages of the recordings into an empty cluster."""
    for uid in ("hb_n1", "hb_t1", "hb_k1", "u0", "u1", "u5"):
        state.add_user(uid, flag=0, level=1)
        state.add_user(uid, flag=1)
    state.add_user("hb_n1", flag=77, level=9)
    for name in ("ma_group", "hb_g1", "hb_g2", "hb_g6", "hb_fl", "g0", "g1", "g2", "g3", "g5", "g7", "g8", "g14"):
        state.add_group(name, ["ma_alice", "ma_bob", "ma_carol", "hb_u1", "u0"])
    state.add_group("hb_ch10", ["hb_u1"], ban=1)
    for number in range(20):
        state.add_group(f"h{number}", ["u0", "u1"])
    for uid in ("hb_wt", "hb_evil2", "hb_wr", "hb_b07", "hb_b08", "u6", "u7"):
        state.add_connection(uid, 1001, device_flag=1, in_packets=2, out_packets=3)
    for channel in ("g0", "g5", "g7", "g8"):
        for number in range(5):
            state.add_message("u0", channel, f"message {number}")
    for message in _recorded_messages():
        _store(state, message)


def _store(state: SimState, message: Message) -> None:
    missing = message.seq - state.archive.last_seq(message.key) - 1
    for _ in range(missing):
        filler = Message(0, 0, "filler", "ma_bob", *message.key, b"x", message.timestamp)
        filler.id = message.id - missing - 1000 + state.archive.last_seq(message.key)
        state.archive.store(filler)
    state.channel_config(message.key).last_append = state.now_ns()
    state.archive.store(message)
    if message.channel_type == 1 and "____cmd" not in message.channel_id:
        state.store.add_conversations(message.channel_id.split("@"), message.key)
    if message.channel_id == "ma_group____cmd":
        state.store.add_conversations(["ma_bob"], message.key)


def _recorded_messages() -> list[Message]:
    found: dict[int, Message] = {}
    for name in all_names("messages", "conversations"):
        for row in _rows_with_payload(Recording.load(name).body):
            message = _message(row)
            found[message.id] = message
    return sorted(found.values(), key=lambda one: (one.key, one.seq))


def _rows_with_payload(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, list):
        return [row for one in value for row in _rows_with_payload(one)]
    if not isinstance(value, dict):
        return []
    if {"message_id", "message_seq", "payload"} <= set(value):
        return [value]
    return [row for one in value.values() for row in _rows_with_payload(one)]


def _message(row: dict[str, Any]) -> Message:
    from_uid, channel_id = row["from_uid"] or "____system", row["channel_id"]
    if row["channel_type"] == 1 and "@" not in channel_id:
        peer = {"____system": "ma_s2"}.get(channel_id, channel_id) if from_uid == "____system" else channel_id
        channel_id = person_id(from_uid, peer)
    return Message(
        int(row["message_id"]),
        row["message_seq"],
        row["client_msg_no"],
        from_uid,
        channel_id,
        row["channel_type"],
        base64.b64decode(row["payload"]),
        row["timestamp"],
        setting=row.get("setting", 2 * row.get("is_stream", 0)),
        expire=row["expire"],
        red_dot=bool(row.get("header", {}).get("red_dot")),
    )
