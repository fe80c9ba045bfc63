"""Planning to kick many sessions: who is chosen, on which nodes and devices.  Carried out by kick_run.py."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from imadmin.clusters.access import Scope
from imadmin.gateway.errors import GatewayError
from imadmin.gateway.types import DeviceFlag, NodeFailure
from imadmin.monitor import connections
from imadmin.monitor.actions import drafts
from imadmin.monitor.actions.pace import spread
from imadmin.monitor.models import Operation

PER_SECOND = 50


class Row(Protocol):
    """What a session's row has, whichever list it is from."""

    @property
    def node_id(self) -> int: ...
    @property
    def id(self) -> int: ...
    @property
    def leader_id(self) -> int: ...
    @property
    def uid(self) -> str: ...
    @property
    def device_flag(self) -> int | None: ...
    @property
    def device_id(self) -> str: ...
    @property
    def address(self) -> str: ...
    @property
    def uptime(self) -> float: ...
    @property
    def idle(self) -> float: ...


def plan(scope: Scope, rows: Iterable[Row], described_as: str, *, failed: Sequence[NodeFailure] = ()) -> Operation:
    """What kicking these sessions would do.  Nothing is sent.

    described_as: how they were chosen, for the page and the trail ("uid u1*, node 1001").  failed: nodes that are
    missing from the choice.  Raises Forbidden, InvalidInput (none, too many).
    """
    chosen = list({(row.node_id, row.id): row for row in rows}.values())
    ordered = [chosen[position] for position in spread([row.uid for row in chosen])]
    nodes = Counter(str(row.node_id) for row in ordered)
    devices = Counter(device_name(row.device_flag) for row in ordered)
    summary = {
        "described_as": described_as[:500],
        "nodes": dict(sorted(nodes.items())),
        "devices": dict(sorted(devices.items())),
        "uids": len({row.uid for row in ordered}),
        "missing": [failure.node for failure in failed],
        "bystanders": bystanders(scope, ordered),
    }
    targets = [drafts.Target(f"{row.uid} {row.node_id} #{row.id}", _key(row)) for row in ordered]
    state = sorted((row.node_id, row.id, row.uid) for row in ordered)
    return drafts.keep(scope, drafts.KICK, targets, summary=summary, change={}, state=state, per_second=PER_SECOND)


def check(scope: Scope, draft: Operation) -> None:
    """Sessions that left meanwhile are told as already gone, new ones are not included: nothing to refuse here."""


def bystanders(scope: Scope, rows: Sequence[Row]) -> int | None:
    """How many sessions of others the server will stop serving, None when that can't be told now.

    Whenever a connection ends, the leader of its user's slot also forgets its *own* connection of the same number, kick
    or not: that one stays listed and open, and gets no answers until its client connects again.
    """
    try:
        found = connections.snapshot(scope).listing.rows
    except GatewayError:
        return None
    chosen = {(row.node_id, row.id) for row in rows}
    endangered = {(row.leader_id, row.id) for row in rows if row.leader_id not in (0, row.node_id)}
    return sum(1 for row in found if row.key in endangered and row.key not in chosen)


def device_name(flag: int | None) -> str:
    if flag is None:
        return "unknown"
    return next((known.name for known in DeviceFlag if known == flag), f"#{flag}")


def _key(row: Row) -> dict[str, Any]:
    return {
        "uid": row.uid,
        "node": row.node_id,
        "id": row.id,
        "leader": row.leader_id,
        "flag": row.device_flag,
        "device": row.device_id,
        "address": row.address,
        "uptime": int(row.uptime),
        "idle": int(row.idle),
    }
