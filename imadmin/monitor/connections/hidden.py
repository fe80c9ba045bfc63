"""Sockets that the server hides: ghosts, which it forgot but left open, and deaf clients, which it doesn't serve.

It lists neither.  Both show as differences that last: open sockets in a node's metrics, sockets that its
connz counts, rows that it lists (reference 5.1, 5.9).
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from imadmin.accounts.permissions import Permission
from imadmin.clusters.access import Scope
from imadmin.gateway.types import NodeFailure
from imadmin.monitor.connections.kept import Look, NodeLook, look, snapshot

LOOK_SECONDS = 1.0
LASTS_SECONDS = 20.0  # to sign in takes a client 6 s at most, so what stays longer is no newcomer


@dataclass(frozen=True, slots=True)
class NodeGhosts:
    """None = unknown.  sockets >= total >= listed, apart from what changes between the readings.

    open_unserved: sockets beyond total, now; ghosts: those that lasted.  without_row: total beyond rows, now; deaf:
    those that lasted.  The lasting ones are None until the node was looked at for `LASTS_SECONDS`.
    remembered: rows of it that only other nodes tell.  why: the reason why its metrics are missing.
    """

    id: int
    sockets: int | None
    total: int | None
    listed: int | None
    open_unserved: int | None
    without_row: int | None
    ghosts: int | None
    deaf: int | None
    remembered: int = 0
    why: str = ""

    @property
    def state(self) -> str:
        """ok | found | watching (not looked at for long enough) | unknown."""
        if self.total is None or self.sockets is None:
            return "found" if self.deaf else "unknown"
        if self.ghosts or self.deaf:
            return "found"
        if self.ghosts is None and (self.open_unserved or self.without_row):
            return "watching"
        return "ok"


@dataclass(frozen=True, slots=True)
class Ghosts:
    """looked_for: seconds between the first and the last look; looks: how many."""

    nodes: tuple[NodeGhosts, ...]
    failed: tuple[NodeFailure, ...]
    as_of: datetime
    looked_for: float
    looks: int

    @property
    def is_lasting(self) -> bool:
        return self.looked_for >= LASTS_SECONDS

    @property
    def ghosts(self) -> int | None:
        return _sum([node.ghosts for node in self.nodes])

    @property
    def deaf(self) -> int | None:
        return _sum([node.deaf for node in self.nodes])


def ghosts(scope: Scope) -> Ghosts:
    """What the looks of the last minutes amount to, a new one taken when the last is older than a few seconds.

    Raises GatewayError when no node answers.
    """
    scope.require(Permission.VIEW)
    recent = _just_long_enough(list(look(scope.gateway, within=LOOK_SECONDS)))
    last = recent[-1]
    found = snapshot(scope)
    nodes = tuple(_judge(node.id, last.nodes.get(node.id), recent, node.remembered) for node in found.listing.nodes)
    as_of = datetime.now(UTC) - timedelta(seconds=time.monotonic() - last.at)
    return Ghosts(nodes, found.failed, as_of, last.at - recent[0].at, len(recent))


def _just_long_enough(looks: list[Look]) -> list[Look]:
    """The newest looks that reach back as far as something must last; all of them while they don't."""
    last = looks[-1].at
    reaching = [index for index, one in enumerate(looks) if last - one.at >= LASTS_SECONDS]
    return looks[reaching[-1] :] if reaching else looks


def _judge(node: int, now: NodeLook | None, looks: Sequence[Look], remembered: int) -> NodeGhosts:
    if now is None:
        return NodeGhosts(node, None, None, None, None, None, None, None, remembered)
    return NodeGhosts(
        id=node,
        sockets=now.sockets,
        total=now.total,
        listed=now.listed,
        open_unserved=_unserved(now),
        without_row=_without_row(now),
        ghosts=_lasting(node, looks, _unserved),
        deaf=_lasting(node, looks, _without_row),
        remembered=remembered,
        why=now.why,
    )


def _unserved(one: NodeLook) -> int | None:
    return None if one.sockets is None or one.total is None else max(0, one.sockets - one.total)


def _without_row(one: NodeLook) -> int | None:
    return None if one.total is None or one.listed is None else max(0, one.total - one.listed)


def _lasting(node: int, looks: Sequence[Look], figure: Callable[[NodeLook], int | None]) -> int | None:
    """The least of all looks since the node last failed to tell; None when those don't reach back far enough."""
    found: list[int] = []
    since = looks[-1].at
    for one in reversed(looks):
        seen = one.nodes.get(node)
        value = figure(seen) if seen else None
        if value is None:
            break
        found.append(value)
        since = one.at
    if not found:
        return None
    least = min(found)
    return least if looks[-1].at - since >= LASTS_SECONDS or not least else None


def _sum(figures: Sequence[int | None]) -> int | None:
    known = [figure for figure in figures if figure is not None]
    return sum(known) if len(known) == len(figures) and known else None
