"""May this slot be moved, or elected anew?  From what the nodes say; the servers check next to nothing themselves."""

from __future__ import annotations

from imadmin.core.errors import gettext_noop
from imadmin.gateway.types import MemberView, NodeView, SlotView

JOINED = 3

NO_SLOT = gettext_noop("The cluster has no slot %(slot)s.")
NO_NODE = gettext_noop("The cluster has no node %(node)s. The server would accept it and wait for ever.")
NOT_ONLINE = gettext_noop("Node %(node)s is not online. The move would stay pending until it comes back.")
SAME_NODE = gettext_noop("It is to move from a node to the same node.")
NO_COPY = gettext_noop("Node %(node)s holds no copy of slot %(slot)s.")
NOT_LEADER = gettext_noop(
    "Node %(target)s holds a copy of slot %(slot)s already, so only its leader can move there, and that is node "
    "%(leader)s."
)
NOBODY_ELSE = gettext_noop("No other node that is online holds a copy of slot %(slot)s: the election would never end.")

Why = tuple[str, dict[str, int]]


def freshness(view: NodeView) -> tuple[int, int]:
    """Which of two views is the newer one: more config changes, then more elections."""
    return (view.config_version or 0, view.term or 0)


def freshest(views: tuple[NodeView, ...]) -> NodeView | None:
    told = [view for view in views if view.answers and view.slots]
    return max(told, key=freshness) if told else None


def members_of(views: tuple[NodeView, ...]) -> dict[int, MemberView]:
    """As the freshest view lists them, by id."""
    view = freshest(views)
    return {member.id: member for member in view.members} if view else {}


def slot_of(views: tuple[NodeView, ...], slot: int) -> SlotView | None:
    view = freshest(views)
    return next((one for one in view.slots if one.id == slot), None) if view else None


def is_ready(views: tuple[NodeView, ...], member: MemberView) -> bool:
    """Online, joined, and it answers us: what a move to it needs."""
    answering = {view.id for view in views if view.answers}
    return member.is_online and member.status == JOINED and member.id in answering


def why_no_move(views: tuple[NodeView, ...], slot: int, source: int, target: int) -> Why | None:
    """Why the server must not be asked for this move, or None."""
    found = slot_of(views, slot)
    if found is None:
        return NO_SLOT, {"slot": slot}
    if source == target:
        return SAME_NODE, {}
    members = members_of(views)
    if target not in members:
        return NO_NODE, {"node": target}
    if not is_ready(views, members[target]):
        return NOT_ONLINE, {"node": target}
    if source not in found.replicas:
        return NO_COPY, {"node": source, "slot": slot}
    if target in found.replicas and source != found.leader:
        return NOT_LEADER, {"target": target, "slot": slot, "leader": found.leader}
    return None


def why_no_election(views: tuple[NodeView, ...], slot: int) -> Why | None:
    """Why it would never end, or None."""
    found = slot_of(views, slot)
    if found is None:
        return NO_SLOT, {"slot": slot}
    living = {node for node, member in members_of(views).items() if is_ready(views, member)}
    if not living & (set(found.replicas) - {found.leader}):
        return NOBODY_ELSE, {"slot": slot}
    return None
