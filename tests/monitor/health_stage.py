"""Views of nodes as a real cluster of three gives them, to be changed by a test."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from imadmin.gateway.types import ConfigView, MemberView, NodeView, SlotView
from imadmin.monitor.health import judge
from imadmin.monitor.health_types import ClusterState

T0 = datetime(2026, 11, 20, 14, 0, tzinfo=UTC)
NODES = (1, 2, 3)
SLOTS = 6


def member(node: int, **values: Any) -> MemberView:
    given: dict[str, Any] = {
        "id": node, "is_online": True, "is_leader": node == 1, "role": 0, "status": 3, "allow_vote": True,
        "cluster_address": f"10.0.0.{node}:11110", "api_url": f"http://10.0.0.{node}:5001", "offline_count": 0,
        "slot_count": SLOTS, "slots_led": 2,
    }  # fmt: skip
    return MemberView(**given | values)


def slot(number: int, **values: Any) -> SlotView:
    given: dict[str, Any] = {
        "id": number, "leader": NODES[number % 3], "term": 1, "replicas": NODES, "log_index": 10, "status": 0,
    }  # fmt: skip
    return SlotView(**given | values)


def config(**values: Any) -> ConfigView:
    given: dict[str, Any] = {
        "version": 5, "slot_count": SLOTS, "replica_count": 3, "migrate_from": 0, "migrate_to": 0, "learners": (),
        "pending": (),
    }  # fmt: skip
    return ConfigView(**given | values)


def view(node: int, **values: Any) -> NodeView:
    given: dict[str, Any] = {
        "id": node, "api_url": f"http://10.0.0.{node}:5001", "answers": True, "latency": 0.01, "is_leader": node == 1,
        "config_version": 5, "term": 2, "version": "v2.2.5", "uptime": None, "connections": 4, "memory": 1 << 27,
        "goroutines": 900, "cpu": 3.0, "retry_queue": 0, "in_msgs": 5, "out_msgs": 5, "clock_offset": 0.2,
        "members": tuple(member(each) for each in NODES), "slots": tuple(slot(number) for number in range(SLOTS)),
        "config": config() if node == 1 else None, "manager_answers": True,
    }  # fmt: skip
    return NodeView(**given | values)


def silent(node: int, error: str = "Nothing accepts connections at that address") -> NodeView:
    return NodeView(node, f"http://10.0.0.{node}:5001", answers=False, error=error, error_code="upstream_unreachable")


def healthy() -> tuple[NodeView, ...]:
    return tuple(view(node) for node in NODES)


def everywhere(views: tuple[NodeView, ...], **by_slot: Any) -> tuple[NodeView, ...]:
    """The same change to slot 0 in every view."""
    return tuple(
        replace(one, slots=(replace(one.slots[0], **by_slot), *one.slots[1:])) if one.slots else one for one in views
    )


def with_members(views: tuple[NodeView, ...], node: int, **values: Any) -> tuple[NodeView, ...]:
    """What every answering node believes of one of them, changed."""
    return tuple(
        replace(
            one, members=tuple(replace(each, **values) if each.id == node else each for each in one.members)
        )
        for one in views
    )  # fmt: skip


def after(*looks: tuple[NodeView, ...], every: float = 2.0, before: ClusterState | None = None) -> ClusterState:
    """The state after looking again and again."""
    state = before
    start = before.as_of + timedelta(seconds=every) if before else T0
    for number, views in enumerate(looks):
        state = judge(views, state, start + timedelta(seconds=every * number), slug="prod")
    assert state is not None
    return state
