"""What an event is called, and the line below it, in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, ngettext_lazy

from imadmin.monitor.events import EventRow
from imadmin.monitor.health_types import Verdict
from imadmin.monitor.health_words import ENTRIES, VERDICTS

Text = str | Promise

TITLES: dict[str, Any] = {
    "watch_began": gettext_lazy("Watching began"),
    "node_silent": gettext_lazy("Node %(node)s stopped answering"),
    "node_refused": gettext_lazy("Node %(node)s refuses our token"),
    "node_back": gettext_lazy("Node %(node)s answers again"),
    "node_restarted": gettext_lazy("Node %(node)s was restarted"),
    "node_offline": gettext_lazy("Node %(node)s is called offline by the others"),
    "node_online": gettext_lazy("Node %(node)s is online again"),
    "node_joining": gettext_lazy("Node %(node)s is joining"),
    "node_join_stuck": gettext_lazy("Node %(node)s is stuck joining"),
    "node_joined": gettext_lazy("Node %(node)s joined"),
    "node_left": gettext_lazy("Node %(node)s is no longer a member"),
    "config_leader": gettext_lazy("Node %(node)s leads the cluster now"),
    "slot_leader": gettext_lazy("Slot %(slot)s has another leader"),
    "slot_leaders": ngettext_lazy("%(count)s slot has another leader", "%(count)s slots have another leader", "count"),
    "no_quorum": ngettext_lazy("%(count)s slot lost its quorum", "%(count)s slots lost their quorum", "count"),
    "no_quorum_over": gettext_lazy("All slots have a quorum again"),
    "leaderless": ngettext_lazy("%(count)s slot lost its leader", "%(count)s slots lost their leader", "count"),
    "leaderless_over": gettext_lazy("All slots have a leader again"),
    "no_config_leader": gettext_lazy("Nobody leads the cluster"),
    "no_config_leader_over": gettext_lazy("The cluster has a leader again"),
    "leaders_disagree": gettext_lazy("The nodes disagree on who leads the cluster"),
    "leaders_disagree_over": gettext_lazy("The nodes agree on the cluster’s leader again"),
    "lagging": ngettext_lazy("%(count)s slot has a replica behind", "%(count)s slots have a replica behind", "count"),
    "lagging_over": gettext_lazy("All replicas caught up"),
    "view_split": gettext_lazy("The nodes see the cluster differently"),
    "view_split_over": gettext_lazy("The nodes see the same cluster again"),
    "retry_growing": gettext_lazy("The retry queue grows"),
    "retry_growing_over": gettext_lazy("The retry queue no longer grows"),
    "clock_skew": gettext_lazy("A node’s clock is off"),
    "clock_skew_over": gettext_lazy("The clocks agree again"),
    "own_clock": gettext_lazy("This machine’s clock differs from all nodes’"),
    "own_clock_over": gettext_lazy("This machine’s clock is right again"),
    "manager_silent": gettext_lazy("A manager API doesn’t answer"),
    "manager_silent_over": gettext_lazy("All manager APIs answer again"),
    "moving": ngettext_lazy("%(count)s slot is moving", "%(count)s slots are moving", "count"),
    "moving_over": gettext_lazy("No slot is moving any more"),
    "move_stuck": ngettext_lazy("%(count)s slot is stuck moving", "%(count)s slots are stuck moving", "count"),
    "move_stuck_over": gettext_lazy("No slot is stuck moving any more"),
    "operation_began": gettext_lazy("An operation began"),
    "operation_over": gettext_lazy("An operation is over"),
}

GROUP_WORDS: dict[str, Text] = {
    "nodes": gettext_lazy("Nodes"),
    "slots": gettext_lazy("Slots"),
    "leader": gettext_lazy("Cluster leader"),
    "verdict": gettext_lazy("Verdict"),
    "operations": gettext_lazy("Operations"),
    "other": gettext_lazy("Clocks, retries, metrics"),
}

MOVES = frozenset({"slot_leader", "slot_leaders", "config_leader", "moving", "node_joining"})


@dataclass(frozen=True, slots=True)
class EventWords:
    """shape: a status glyph."""

    title: str
    detail: str
    shape: str


def words(row: EventRow) -> EventWords:
    params = {"node": row.node if row.node is not None else "?", "slot": row.slot, "count": 0, **row.params}
    if row.kind == "verdict":
        title = str(VERDICTS.get(Verdict(row.params.get("after", "unknown")), ""))
        title = _("The cluster is now: %(verdict)s") % {"verdict": title}
    else:
        title = str(TITLES.get(row.kind, row.kind) % params)
    shape = "move" if row.kind in MOVES else row.level
    return EventWords(title, _detail(row, row.params), shape)


def _detail(row: EventRow, params: Mapping[str, Any]) -> str:
    kind = row.kind
    if kind in ("slot_leader", "config_leader"):
        return f"{params.get('before') or '–'} → {params.get('after', row.node) or '–'}"
    if kind == "slot_leaders" and params.get("before"):
        return _("node %(node)s led them before") % {"node": params["before"]}
    if kind == "node_silent":
        return _silence(params)
    if kind == "node_back" and params.get("seconds"):
        return _("it was away for %(count)s s") % {"count": params["seconds"]}
    if kind == "verdict":
        entry = ENTRIES.get(params.get("cause", ""))
        known = {"nodes": "…", "count": 2, "total": "…", "seconds": "…"}
        return str(entry.title % known) if entry and params.get("cause") in PLAIN_CAUSES else ""
    if kind == "watch_began":
        return _("%(nodes)s nodes, %(slots)s slots") % {"nodes": params.get("nodes"), "slots": params.get("slots")}
    if params.get("slots"):
        listed = ", ".join(str(slot) for slot in params["slots"])
        return f"{listed}, …" if params.get("count", 0) > len(params["slots"]) else listed
    if params.get("nodes"):
        return ", ".join(str(node) for node in params["nodes"])
    return ""


# Titles without numbers, so that they are right without the state they were about.
PLAIN_CAUSES = frozenset(
    {"nobody_answers", "all_refuse", "no_config_leader", "leaders_disagree", "view_split", "retry_growing"}
)


def _silence(params: Mapping[str, Any]) -> str:
    reason = _(params["reason"]) if params.get("reason") else ""
    if not params.get("connections"):
        return reason
    sessions = ngettext(
        "%(count)s session was connected there", "%(count)s sessions were connected there", params["connections"]
    ) % {"count": params["connections"]}
    return f"{reason}; {sessions}" if reason else sessions
