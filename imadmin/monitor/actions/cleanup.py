"""Cleaning up connections: idle ones, and older ones of the same user and kind of device.  Kicked as an operation.

`…_found` look and touch nothing; a node that doesn't answer is missing from it and said so.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from imadmin.accounts.permissions import Permission
from imadmin.clusters.access import Scope
from imadmin.clusters.cleanup import Ask, Finding, Tell
from imadmin.core.aio import run
from imadmin.core.errors import gettext_noop
from imadmin.core.outcomes import Outcomes
from imadmin.gateway.connection_types import ConnectionList, ConnectionRow
from imadmin.gateway.types import ChannelRef
from imadmin.monitor import fates
from imadmin.monitor.actions import drafts, operations
from imadmin.monitor.actions import kick as kicks
from imadmin.monitor.models import Operation

NODES_MISSING = gettext_noop("Not all nodes answered; their connections are left for the next run.")


@dataclass(frozen=True, slots=True)
class Target:
    """A connection that would be kicked."""

    row: ConnectionRow
    channel: ChannelRef | None = None

    @property
    def uid(self) -> str:
        return self.row.uid

    @property
    def label(self) -> str:
        return f"{self.row.uid} {self.row.node_id} #{self.row.id}"


def idle_found(scope: Scope, *, idle: timedelta) -> Finding:
    """Connections without any packet for so long, the longest idle first.  Raises GatewayError when nobody answers."""
    scope.require(Permission.MANAGE_POLICIES)
    connections = run(scope.gateway.connections())
    rows = [row for row in connections.rows if row.idle >= idle.total_seconds()]
    return _found(sorted(rows, key=lambda row: (-row.idle, row.key)), connections)


def duplicates_found(scope: Scope, *, keep: int) -> Finding:
    """All but the newest `keep` connections of each user and kind of device, the oldest first."""
    scope.require(Permission.MANAGE_POLICIES)
    connections = run(scope.gateway.connections())
    of_device: dict[tuple[str, int | None], list[ConnectionRow]] = defaultdict(list)
    for row in connections.rows:
        of_device[row.uid, row.device_flag].append(row)
    older = [row for rows in of_device.values() for row in sorted(rows, key=lambda row: (row.uptime, row.key))[keep:]]
    return _found(sorted(older, key=lambda row: (-row.uptime, row.key)), connections)


def _found(rows: Iterable[ConnectionRow], connections: ConnectionList) -> Finding:
    notes = (NODES_MISSING,) if connections.failed else ()
    return Finding(len(connections.rows), tuple(Target(row) for row in rows), is_complete=not notes, notes=notes)


def kick(
    scope: Scope,
    targets: Sequence[Target],
    *,
    reason: str,
    should_stop: Ask,
    tell: Tell,
) -> Outcomes:
    """Kick them paced and read back, as an operation with its own page and trail.  One outcome a connection.

    What an earlier run of the same policy began and a dead process left is carried to its end instead of a second
    operation beside it; the rest is for the next run.
    """
    operation = _left_behind(scope)
    if operation is None:
        draft = kicks.plan(scope, [target.row for target in targets], reason)
        operation = operations.apply(scope, draft.pk, reason=reason)
    operations.carry_out(
        operation.pk,
        lambda reached=None, total=None, note="": tell(reached) if reached is not None else None,
        lambda: False,
        wants_stop=should_stop,
    )
    return outcomes_of(operation)


def _left_behind(scope: Scope) -> Operation | None:
    """An operation in this actor's name that was begun and not ended, taken up again."""
    names = {"actor_kind": scope.actor.kind, "actor": scope.actor.name[:150]}
    under_way = (Operation.State.QUEUED, Operation.State.RUNNING, Operation.State.LOST)
    left = Operation.objects.filter(cluster=scope.cluster, kind=drafts.KICK, state__in=under_way, **names).first()
    if left is not None and left.state != Operation.State.QUEUED:
        operations.resume(scope, left.pk)
    return left


def outcomes_of(operation: Operation) -> Outcomes:
    """What became of each target, in the words every change uses."""
    rows = operation.targets.order_by("position").values_list("label", "result", "detail")
    return fates.outcomes(list(rows))
