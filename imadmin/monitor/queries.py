"""The overview: every node asked directly, what is known added up, what is missing named, never taken for zero."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from imadmin.accounts.permissions import Permission
from imadmin.audit import queries as audit
from imadmin.audit.models import AuditEntry
from imadmin.audit.queries import AuditFilter, AuditRow
from imadmin.clusters.access import Scope
from imadmin.core.aio import run
from imadmin.core.errors import AppError
from imadmin.gateway.errors import GatewayError, Unauthorised
from imadmin.gateway.types import NodeFailure, NodeStatus, now

LAST_ACTIONS = 8


class Verdict(StrEnum):
    OK = "ok"  # every known node answers, and they agree that they are all online under one leader
    DEGRADED = "degraded"  # some answer
    DOWN = "down"  # nobody answers
    REFUSED = "refused"  # they answer, but refuse our token or sign-in
    UNSURE = "unsure"  # all answer, but what they say doesn't fit together


@dataclass(frozen=True, slots=True)
class Sum:
    """A figure added up over the nodes that told it. value: None when nobody did."""

    value: int | None
    told_by: int
    of: int

    @property
    def is_complete(self) -> bool:
        return self.told_by == self.of and self.of > 0


@dataclass(frozen=True, slots=True)
class NodesOverview:
    """nodes: every node known, also the silent ones.  failure: why nobody could be asked at all, or None."""

    nodes: tuple[NodeStatus, ...]
    failed: tuple[NodeFailure, ...]
    verdict: Verdict
    connections: Sum
    slots_led: Sum
    as_of: datetime
    failure: AppError | None = None

    @property
    def answering(self) -> int:
        return sum(node.answers for node in self.nodes)

    @property
    def silent(self) -> tuple[NodeStatus, ...]:
        return tuple(node for node in self.nodes if not node.answers)

    @property
    def leaders(self) -> tuple[NodeStatus, ...]:
        return tuple(node for node in self.nodes if node.is_leader)

    @property
    def left_behind(self) -> tuple[NodeStatus, ...]:
        """Nodes whose view of the cluster is older than another's: what they say of others may be stale."""
        known = [node.config_version for node in self.nodes if node.config_version is not None]
        return tuple(
            node for node in self.nodes if node.config_version is not None and node.config_version < max(known)
        )

    @property
    def called_offline(self) -> tuple[NodeStatus, ...]:
        """Nodes that answer us although the cluster calls them offline."""
        return tuple(node for node in self.nodes if node.answers and node.online_by_cluster is False)


@dataclass(frozen=True, slots=True)
class LastActions:
    """are_own: only one's own are here, since the trail of others may not be read."""

    rows: tuple[AuditRow, ...]
    are_own: bool


def nodes(scope: Scope) -> NodesOverview:
    """Ask every node itself.  A cluster that is down is an answer too, not an error."""
    scope.require(Permission.VIEW)
    try:
        answer = run(scope.gateway.nodes())
    except GatewayError as error:
        nobody = Sum(None, 0, 0)
        verdict = Verdict.REFUSED if isinstance(error, Unauthorised) else Verdict.DOWN
        return NodesOverview((), (), verdict, nobody, nobody, now(), failure=error)
    return NodesOverview(
        nodes=answer.value,
        failed=answer.failed,
        verdict=verdict_of(answer.value),
        connections=_added(answer.value, lambda node: node.connections),
        slots_led=_added(answer.value, lambda node: node.slots_led),
        as_of=answer.as_of,
    )


def verdict_of(nodes: tuple[NodeStatus, ...]) -> Verdict:
    answering = [node for node in nodes if node.answers]
    if not answering:
        return Verdict.DOWN
    if len(answering) < len(nodes):
        return Verdict.DEGRADED
    # A survivor of a lost quorum says all is well; that nobody leads is the one sign that can't be faked.
    leaders = sum(node.is_leader is True for node in nodes)
    is_agreed = leaders == 1 and all(node.online_by_cluster is not False for node in nodes)
    return Verdict.OK if is_agreed else Verdict.UNSURE


def last_actions(scope: Scope, *, limit: int = LAST_ACTIONS) -> LastActions:
    """The newest changes on this cluster; only one's own without the right to read the trail."""
    scope.require(Permission.VIEW)
    may_read = scope.can(Permission.VIEW_AUDIT)
    wanted = AuditFilter(
        clusters=(scope.slug,), actor="" if may_read else scope.actor.name, phase=AuditEntry.Phase.INTENT
    )
    return LastActions(audit.page(wanted, limit=limit).rows, are_own=not may_read)


def _added(nodes: tuple[NodeStatus, ...], of: Callable[[NodeStatus], int | None]) -> Sum:
    told = [value for node in nodes if (value := of(node)) is not None]
    return Sum(sum(told) if told else None, len(told), len(nodes))
