"""Runs every question against a real server and a simulated one of its shape, and lists where they differ."""

import json
import time
import uuid
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ..cluster import SimulatedCluster
from ..ids import person_id, slot_of
from ..world import WorldSpec
from . import messages, reads, writes
from .compare import differences
from .question import Question, Server, request

QUESTIONS: tuple[tuple[str, list[Question]], ...] = (
    ("nodes", reads.NODES),
    ("system", reads.SYSTEM),
    ("credentials", reads.CREDENTIALS),
    ("channels", writes.CHANNELS),
    ("lists", writes.LISTS),
    ("users", writes.USERS),
    ("sending", messages.SENDING),
    ("reading", messages.READING),
    ("events", messages.EVENTS),
    ("conversations", messages.CONVERSATIONS),
    ("local", messages.LOCAL),
    ("cluster", messages.IN_THE_CLUSTER),
)
METRICS = Question("", "GET", "/metrics", server="manager")


def run(
    api: str, manager: str, token: str, login: tuple[str, str], write: Callable[[str], object], only: str = ""
) -> list[str]:
    """Every difference, one a line, written as it is found."""
    real = Server(api.rstrip("/"), (manager or api).rstrip("/"), token)
    real.jwt, granted = _sign_in(real, login)
    shape = _look(real) | {"users": {login[0]: (login[1], granted)}}
    found: list[str] = []
    asked = 0
    with _like(shape, token) as cluster:
        ours = Server(cluster.nodes[0].api_url, cluster.nodes[0].manager_url, token)
        ours.jwt, _ = _sign_in(ours, login)
        names = _names(shape)
        real.names, ours.names = dict(names), dict(names)
        for group, question in _wanted(only):
            if question.single and len(shape["nodes"]) > 1:
                continue
            asked += 1
            for line in _compare(question, real, ours):
                found.append(f"{group}/{question.name} {line}")
                write(found[-1])
    write(f"{asked} questions, {len(found)} differences")
    return found


def _wanted(only: str) -> Iterator[tuple[str, Question]]:
    for group, questions in QUESTIONS:
        if not only or only in (group, "all"):
            yield from ((group, one) for one in questions)


def _compare(question: Question, real: Server, ours: Server) -> Iterable[str]:
    if question.pause:
        time.sleep(question.pause)
    return list(differences(real.ask(question), ours.ask(question), exact=question.exact))


def _sign_in(server: Server, login: tuple[str, str]) -> tuple[str, str]:
    """The token and what it is good for."""
    headers = {"token": server.token} if server.token else {}
    body = json.dumps({"username": login[0], "password": login[1]}).encode()
    answer = request("POST", f"{server.manager}/manager/login", body, headers).body
    if not isinstance(answer, dict) or "token" not in answer:
        raise SystemExit(f"{server.manager} does not let {login[0]} in")
    return str(answer["token"]), str(answer["permissions"])


def _look(real: Server) -> dict[str, Any]:
    """Which nodes there are and who leads what: the simulator is made the same."""
    nodes = real.ask(Question("", "GET", "/cluster/simpleNodes")).body["data"]
    slots: list[dict[str, Any]] = []
    while True:
        ids = ",".join(str(number) for number in range(len(slots), len(slots) + 64))
        page = real.ask(Question("", "GET", "/cluster/slots", {"ids": ids})).body
        if isinstance(page, dict):
            break
        slots += page
    leader = next((node["id"] for node in nodes if node.get("is_leader")), 0)
    own = real.ask(Question("", "GET", "/cluster/node")).body["id"]
    version = real.ask(Question("", "GET", "/varz")).body.get("version", "")
    return {
        "nodes": sorted(node["id"] for node in nodes),
        "slots": slots,
        "leader": leader,
        "own": own,
        "version": version,
        "has_clients": bool(real.ask(Question("", "GET", "/connz")).body["connections"]),
        "history": {node["id"]: node for node in nodes},
        "metrics": real.ask(METRICS).text,
    }


def _like(shape: dict[str, Any], token: str) -> SimulatedCluster:
    """A simulated cluster with the same ids, leaders and history of the slots; the asked node comes first."""
    cluster = SimulatedCluster(
        nodes=len(shape["nodes"]),
        first_node=shape["nodes"][0],
        world=WorldSpec(slot_count=len(shape["slots"])),
        manager_token=token,
        users=shape["users"],
        version=shape["version"],
    ).start()

    def copy(state: Any) -> None:
        view = state.topology.view
        view.leader = shape["leader"]
        for slot, seen in zip(view.slots, shape["slots"], strict=True):
            slot.leader, slot.replicas, slot.term = seen["leader_id"], sorted(seen["replicas"]), seen["term"]
        state.moves.balances = False
        for node in shape["nodes"] if shape["has_clients"] else ():
            state.add_connection(f"somebody-{node}", node)
        for name, family in (("append", "channel_propose_latency_bucket"), ("propose", "slot_propose_latency_bucket")):
            for node in shape["nodes"] if f"cluster_{family}" in shape["metrics"] else ():
                state.count(node, name)
        key = state.add_group("something", ["somebody-1"])
        state.add_message("somebody-1", "something", "hello")
        state.add_user("somebody-1")
        state.touch_tag(key)
        for number in range(40):
            state.touch_tag((f"another-{number}", 2))
        for number in range(40):
            state.add_message("somebody-1", f"another-{number}")
        for node in view.nodes.values():
            seen = shape["history"][node.id]
            node.offline_count, node.last_offline = seen.get("offline_count", 0), int("offline_count" in seen)

    cluster.call(copy)
    cluster.nodes.sort(key=lambda node: node.id != shape["own"])
    return cluster


def _names(shape: dict[str, Any]) -> dict[str, Any]:
    own, nodes, count = shape["own"], shape["nodes"], len(shape["slots"])
    prefix = f"rd{uuid.uuid4().hex[:8]}"
    leaders = [slot["leader_id"] for slot in shape["slots"]]
    slot = slot_of(f"{prefix}g", count)
    leader = leaders[slot]
    near = [f"{prefix}n{n}" for n in range(999) if leaders[zlib.crc32(f"{prefix}n{n}".encode()) % count] == own]
    return {
        "p": prefix,
        "node": own,
        "other": next((node for node in nodes if node != own), own),
        "near": near[0],
        "near2": near[1],
        "near_g": near[2],
        "near_h": near[3],
        "pair": person_id(f"{prefix}u1", f"{prefix}u2"),
        "slot": slot,
        "leader": leader,
        "not_leader": next((node for node in nodes if node != leader), leader),
    }
