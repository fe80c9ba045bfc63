"""Slots and nodes in words and shapes: their states, the steps of a node on its way in or out."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from imadmin.monitor.health_types import NodeState, SlotState
from imadmin.monitor.nodes import Step
from imadmin.web import cells
from imadmin.web.nav import Text

# state -> (status shape, word, shape on the map)
SLOT_STATES: Mapping[SlotState, tuple[str, Text, str]] = {
    SlotState.NO_QUORUM: ("bad", gettext_lazy("No quorum"), "noq"),
    SlotState.LEADERLESS: ("bad", gettext_lazy("No leader"), "none"),
    SlotState.ELECTING: ("warn", gettext_lazy("Electing"), "elect"),
    SlotState.MOVING: ("move", gettext_lazy("Moving"), "move"),
    SlotState.LAGGING: ("half", gettext_lazy("Behind"), "behind"),
    SlotState.UNDER_REPLICATED: ("half", gettext_lazy("Replica missing"), ""),
    SlotState.OK: ("ok", gettext_lazy("Healthy"), ""),
    SlotState.UNKNOWN: ("unknown", gettext_lazy("Unknown"), "unknown"),
}
SLOT_MEANS: Mapping[SlotState, Text] = {
    SlotState.NO_QUORUM: gettext_lazy(
        "Too few of its replicas are on nodes that run, so nothing can be written: channels and users of "
        "this slot can’t be changed, and messages to them are answered with 200 and lost."
    ),
    SlotState.LEADERLESS: gettext_lazy(
        "The node that leads it doesn’t answer. Until the cluster notices, about six seconds, whatever is "
        "written to it fails or is lost."
    ),
    SlotState.ELECTING: gettext_lazy("Its replicas choose a leader; that takes about a third of a second."),
    SlotState.MOVING: gettext_lazy("Its leader or a replica of it is on the way to another node."),
    SlotState.LAGGING: gettext_lazy(
        "A replica has been behind for three looks; were its leader lost now, that replica would lack entries."
    ),
    SlotState.UNDER_REPLICATED: gettext_lazy("It works, with fewer replicas than it should have."),
    SlotState.OK: gettext_lazy("It has a leader, and all replicas keep up."),
    SlotState.UNKNOWN: gettext_lazy("No node tells anything of it."),
}
NODE_STATES: Mapping[NodeState, tuple[str, Text]] = {
    NodeState.OK: ("ok", gettext_lazy("Online")),
    NodeState.SILENT: ("bad", gettext_lazy("No answer")),
    NodeState.REFUSED: ("warn", gettext_lazy("Refuses us")),
    NodeState.CALLED_OFFLINE: ("warn", gettext_lazy("Called offline")),
    NodeState.JOINING: ("run", gettext_lazy("Joining")),
    NodeState.JOIN_STUCK: ("bad", gettext_lazy("Join is stuck")),
    NodeState.BEHIND: ("half", gettext_lazy("Older view")),
}
NODE_MEANS: Mapping[NodeState, Text] = {
    NodeState.SILENT: gettext_lazy(
        "It doesn’t answer us. The cluster itself notices after about six seconds; until then calls that touch "
        "it fail or hang."
    ),
    NodeState.REFUSED: gettext_lazy(
        "It answers, but refuses our token: compare the manager token in its configuration."
    ),
    NodeState.CALLED_OFFLINE: gettext_lazy(
        "It answers us, but the others call it offline: they can’t reach it at its cluster address. Check the "
        "network between the nodes."
    ),
    NodeState.JOINING: gettext_lazy(
        "It is on its way into the cluster. Lists put together by the server fail meanwhile; ours don’t."
    ),
    NodeState.JOIN_STUCK: gettext_lazy(
        "It has been joining for more than a minute. Restart the process of this node: once, that ended it in "
        "three seconds. Messages and slots work meanwhile."
    ),
    NodeState.BEHIND: gettext_lazy(
        "What it believes of the cluster has been older than the others’ view for more than five seconds. If "
        "that lasts, restart it."
    ),
}
STEPS: Mapping[Step, Text] = {
    Step.WILL_JOIN: gettext_lazy("Known to the cluster"),
    Step.JOINING: gettext_lazy("Learns the configuration"),
    Step.JOINED: gettext_lazy("Joined"),
    Step.COPYING: gettext_lazy("Copies its slots"),
    Step.SILENT: gettext_lazy("Stopped answering"),
    Step.CALLED_OFFLINE: gettext_lazy("Declared offline by the cluster"),
    Step.LED_ELSEWHERE: gettext_lazy("Its slots are led by other nodes"),
    Step.REPLACED: gettext_lazy("Its replicas are replaced elsewhere"),
}
COMMANDS: Mapping[str, Text] = {
    "CMDTypeConfigChange": gettext_lazy("Configuration set"),
    "CMDTypeConfigApiServerAddrChange": gettext_lazy("API address told"),
    "CMDTypeNodeJoin": gettext_lazy("Node announced"),
    "CMDTypeNodeJoining": gettext_lazy("Node joins"),
    "CMDTypeNodeJoined": gettext_lazy("Node joined"),
    "CMDTypeNodeOnlineStatusChange": gettext_lazy("Node online or offline"),
    "CMDTypeNodeStatusChange": gettext_lazy("Node’s step of joining"),
    "CMDTypeSlotMigrate": gettext_lazy("Move asked for"),
    "CMDTypeSlotUpdate": gettext_lazy("Slots changed"),
    "CMDTypeSlotStatusChange": gettext_lazy("Election asked for"),
}


def slot_status(state: SlotState, detail: object = "") -> SafeString:
    shape, word, _map = SLOT_STATES[state]
    return cells.status(shape, word, detail)


def node_status(state: NodeState, *, is_stuck: bool = False) -> SafeString:
    shape, word = NODE_STATES[state]
    if is_stuck and state is NodeState.OK:
        shape, word = "bad", _("Move is stuck")
    return cells.status(shape, word)
