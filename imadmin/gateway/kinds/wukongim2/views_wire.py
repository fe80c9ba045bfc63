"""What nodes say while they are watched, turned into our types.  No call is made here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from imadmin.gateway.kinds.wukongim2.shapes import Row, WrongShape, duration, flag, number, rows, text, whole
from imadmin.gateway.types import ConfigView, MemberView, PendingSlot, SlotView


@dataclass(frozen=True, slots=True)
class Hello:
    """What a node says of itself: /cluster/node.  A node that believes itself offline leaves version and uptime out."""

    id: int
    is_leader: bool
    config_version: int | None
    term: int | None
    version: str
    uptime: float | None


@dataclass(frozen=True, slots=True)
class Figures:
    """/varz"""

    connections: int
    memory: int
    goroutines: int
    cpu: float | None
    retry_queue: int
    in_msgs: int
    out_msgs: int
    uptime: float | None
    version: str
    manager: str


def hello(answer: Any) -> Hello:
    row = whole(answer)
    return Hello(
        id=number(row, "id", None),
        is_leader=flag(row, "is_leader"),
        config_version=number(row, "config_version") or None,
        term=number(row, "term") or None,
        version=text(row, "app_version"),
        uptime=duration(text(row, "uptime")),
    )


def members(answer: Any) -> tuple[MemberView, ...]:
    found = (
        MemberView(
            id=number(row, "id", None),
            is_online=flag(row, "online"),
            is_leader=flag(row, "is_leader"),
            role=number(row, "role"),
            status=number(row, "status"),
            allow_vote=flag(row, "allow_vote"),
            cluster_address=text(row, "cluster_addr"),
            api_url=text(row, "api_server_addr"),
            offline_count=number(row, "offline_count"),
            slot_count=number(row, "slot_count"),
            slots_led=number(row, "slot_leader_count"),
        )
        for row in rows(answer)
    )
    return tuple(sorted(found, key=lambda one: one.id))


def slots(answer: Any) -> tuple[SlotView, ...]:
    found = [
        SlotView(
            id=number(row, "id", None),
            leader=number(row, "leader_id"),
            term=number(row, "term"),
            replicas=_nodes(row, "replicas"),
            log_index=number(row, "log_index"),
            status=number(row, "status"),
        )
        for row in rows(answer)
    ]
    return tuple(sorted(found, key=lambda one: one.id))


def figures(answer: Any) -> Figures:
    row = whole(answer)
    cpu = row.get("cpu")
    return Figures(
        connections=number(row, "connections", None),
        memory=number(row, "mem", None),
        goroutines=number(row, "goroutine", None),
        cpu=float(cpu) if isinstance(cpu, int | float) and not isinstance(cpu, bool) else None,
        retry_queue=number(row, "retry_queue"),
        in_msgs=number(row, "in_msgs"),
        out_msgs=number(row, "out_msgs"),
        uptime=duration(text(row, "uptime")),
        version=text(row, "version"),
        manager=text(row, "manager_addr") if flag(row, "manager_on") else "",
    )


def config(answer: Any) -> ConfigView:
    """Zero values are left out there, so slot 0 has no id."""
    row = whole(answer)
    count = number(row, "slotCount")
    if count < 1:
        raise WrongShape("slotCount")
    pending = (_pending(slot) for slot in rows(row.get("slots")))
    return ConfigView(
        version=number(row, "version"),
        slot_count=count,
        replica_count=number(row, "slotReplicaCount"),
        migrate_from=number(row, "migrateFrom"),
        migrate_to=number(row, "migrateTo"),
        learners=_nodes(row, "learners"),
        pending=tuple(one for one in pending if one.source or one.target or one.learners),
    )


def _pending(row: Row) -> PendingSlot:
    return PendingSlot(number(row, "id"), number(row, "migrateFrom"), number(row, "migrateTo"), _nodes(row, "learners"))


def _nodes(row: Row, name: str) -> tuple[int, ...]:
    found = row.get(name) or ()
    if not all(type(node) is int for node in found):
        raise WrongShape(name)
    return tuple(found)
