"""Opening and closing a cluster's archive, how hard it may ask the cluster, and reading it now.  All on the trail.

The work itself is a job's, which lies above this layer: callers hand in how one is begun.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil

from imadmin.accounts.permissions import Permission
from imadmin.archive.models import Archive
from imadmin.archive.rows import Totals
from imadmin.archive.stores import engine_of
from imadmin.audit.record import Target, recorded
from imadmin.clusters.access import Scope
from imadmin.core import events
from imadmin.core.aio import run
from imadmin.core.errors import Conflict, InvalidInput, gettext_noop
from imadmin.gateway.types import ChannelRef, NodeFailure, now

Begin = Callable[[], str]  # starts the job, gives the id of its run

BUDGET_MIN, BUDGET_MAX = 1, 500
PAGE = 1000  # messages a call
BYTES_EACH = 900  # of a message with its index, until the archive itself can tell
LOOK_MOST, LOOK_SECONDS = 20_000, 8.0

BAD_BUDGET = gettext_noop("Calls a second to one node: a whole number from 1 to 500.")
IS_OPEN = gettext_noop("The archive of this cluster is open already.")
IS_CLOSED = gettext_noop("The archive of this cluster is closed.")
OPEN_FIRST = gettext_noop("Open it first.")


@dataclass(frozen=True, slots=True)
class Estimate:
    """What opening would cost.  is_whole: all channels were counted, else it is at least this much.

    calls: at the node that is asked most; seconds: at this budget.  bytes: on our disk.
    """

    channels: int
    messages: int
    calls: int
    seconds: float
    bytes: int
    budget: int
    is_whole: bool
    failed: tuple[NodeFailure, ...]
    as_of: datetime


def estimate(scope: Scope, *, budget: int | None = None) -> Estimate:
    """Count channels and messages by what the nodes list; reads no message.  Raises Forbidden, GatewayError."""
    scope.require(Permission.OPERATE_CLUSTER)
    archive = row_of(scope)
    budget = _checked(archive.budget if budget is None else budget)
    return run(_counted(scope, budget, _bytes_each(scope)))


def open_(scope: Scope, *, reason: str, begin: Begin, budget: int | None = None) -> Archive:
    """Switch the archive on and begin the first round.  Raises Forbidden, InvalidInput, Conflict (open already)."""
    scope.require(Permission.OPERATE_CLUSTER)
    archive = row_of(scope)
    wanted = _checked(archive.budget if budget is None else budget)
    with recorded(scope.actor, "archive.open", Target("cluster", scope.slug), reason, cluster=scope.slug) as entry:
        values = {"is_on": True, "opened_by": scope.actor.name[:150], "opened_at": datetime.now(UTC), "budget": wanted}
        if not _rows(scope).filter(is_on=False).update(**values, waits_for=""):
            raise Conflict(IS_OPEN)
        entry.finish(before={"is_on": False}, after={"is_on": True, "budget": wanted}, detail={"run": _begun(begin)})
    return _changed(scope)


def close(scope: Scope, *, reason: str) -> Archive:
    """Switch it off: nothing is fed or read any more, what is there stays and can be searched."""
    scope.require(Permission.OPERATE_CLUSTER)
    row_of(scope)
    with recorded(scope.actor, "archive.close", Target("cluster", scope.slug), reason, cluster=scope.slug) as entry:
        if not _rows(scope).filter(is_on=True).update(is_on=False, waits_for=""):
            raise Conflict(IS_CLOSED)
        entry.finish(before={"is_on": True}, after={"is_on": False})
    return _changed(scope)


def set_budget(scope: Scope, budget: int, *, reason: str) -> Archive:
    """A round under way follows within seconds."""
    scope.require(Permission.OPERATE_CLUSTER)
    before, budget = row_of(scope).budget, _checked(budget)
    with recorded(scope.actor, "archive.budget", Target("cluster", scope.slug), reason, cluster=scope.slug) as entry:
        _rows(scope).update(budget=budget)
        entry.finish(before={"budget": before}, after={"budget": budget})
    return _changed(scope)


def read_now(scope: Scope, *, reason: str, begin: Begin, channel: ChannelRef | None = None) -> str:
    """Begin a round over everything, or read one channel; the id of the run.  Raises Conflict (closed, under way)."""
    scope.require(Permission.OPERATE_CLUSTER)
    if not row_of(scope).is_on:
        raise Conflict(IS_CLOSED, hint=OPEN_FIRST)
    target = Target("channel", str(channel)) if channel else Target("cluster", scope.slug)
    with recorded(scope.actor, "archive.read", target, reason, cluster=scope.slug) as entry:
        run_id = begin()
        entry.finish(detail={"run": run_id})
    events.changed(f"{scope.slug}/archive")
    return run_id


def row_of(scope: Scope) -> Archive:
    return Archive.objects.get_or_create(cluster=scope.cluster)[0]


def bytes_each(totals: Totals) -> int:
    return ceil(totals.bytes / totals.messages) if totals.messages >= 1000 else BYTES_EACH


def _begun(begin: Begin) -> str:
    """A round that runs already is as good."""
    try:
        return begin()
    except Conflict:
        return ""


def _rows(scope: Scope):  # type: ignore[no-untyped-def]
    return Archive.objects.filter(pk=scope.cluster.pk)


def _changed(scope: Scope) -> Archive:
    events.changed(f"{scope.slug}/archive")
    return row_of(scope)


def _checked(budget: int) -> int:
    if not BUDGET_MIN <= budget <= BUDGET_MAX:
        raise InvalidInput({"budget": [BAD_BUDGET]}, BAD_BUDGET)
    return budget


def _bytes_each(scope: Scope) -> int:
    return bytes_each(engine_of(scope.cluster.pk).totals())


async def _counted(scope: Scope, budget: int, each: int) -> Estimate:
    walk = scope.gateway.iter_channels(most=LOOK_MOST, seconds=LOOK_SECONDS)
    channels = messages = 0
    calls: Counter[int] = Counter()
    async for row in walk:
        channels += 1
        messages += row.last_seq
        calls[row.leader_id] += ceil(row.last_seq / PAGE)
        calls[row.slot_leader_id] += channels % 100 == 1
    most = max(calls.values(), default=0)
    return Estimate(
        channels, messages, sum(calls.values()), most / budget, messages * each, budget,
        walk.is_complete, tuple(walk.failed), now(),
    )  # fmt: skip
