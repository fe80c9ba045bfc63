"""What a finding is called, what it means for people and what helps, in the reader's language.

The server's own reasons are among the gateway's texts; numbers of nodes and slots are never grouped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, ngettext_lazy

from imadmin.monitor.health_types import ClusterState, Finding, Level, SlotState, Verdict

Text = str | Promise


@dataclass(frozen=True, slots=True)
class Words:
    """title: a clause that can follow another.  cause: how it is known.  help: what to do about it."""

    title: str
    cause: str
    effect: str
    help: str


@dataclass(frozen=True, slots=True)
class Headline:
    """What stands at the top of the overview."""

    title: str
    summary: str
    cause: str
    effect: str
    help: str


@dataclass(frozen=True, slots=True)
class _Entry:
    """Texts, or pairs of texts that follow the count."""

    title: Any
    effect: Text
    help: Any
    cause: Text = ""


VERDICTS = {
    Verdict.HEALTHY: gettext_lazy("Healthy"),
    Verdict.DEGRADED: gettext_lazy("Degraded"),
    Verdict.DOWN: gettext_lazy("Down"),
    Verdict.UNKNOWN: gettext_lazy("Unknown"),
}

IN_FRESHEST_VIEW = gettext_lazy("In the newest view of the nodes that answer")

ENTRIES: dict[str, _Entry] = {
    "nobody_answers": _Entry(
        gettext_lazy("no node answers"),
        gettext_lazy("As far as can be seen from here nobody can connect or send."),
        gettext_lazy("Check that the server processes run, and that this machine reaches their addresses."),
    ),
    "all_refuse": _Entry(
        gettext_lazy("the nodes refuse our token or sign-in"),
        gettext_lazy("Nothing can be said of the cluster; it may be well."),
        gettext_lazy("Enter the right credentials under Settings, Clusters."),
        gettext_lazy("They answer, but not to us"),
    ),
    "silent": _Entry(
        ngettext_lazy(
            "node %(nodes)s doesn’t answer", "%(count)s of %(total)s nodes (%(nodes)s) don’t answer", "count"
        ),
        gettext_lazy("Clients that were connected there have to connect anew."),
        ngettext_lazy(
            "Look at the process and the log of node %(nodes)s; start it again if it ended or hangs.",
            "Look at the processes and logs of nodes %(nodes)s; start them again if they ended or hang.", "count",
        ),
    ),
    "no_quorum": _Entry(
        ngettext_lazy(
            "%(count)s of %(total)s slots has no quorum", "%(count)s of %(total)s slots have no quorum", "count"
        ),
        gettext_lazy(
            "Changes there fail after five seconds, and messages to their channels are answered with 200 and lost. "
            "The nodes that are left don’t notice."
        ),
        gettext_lazy("Bring nodes back until each slot has more than half of its replicas."),
        gettext_lazy("Fewer than half of their replicas answer"),
    ),
    "leaderless": _Entry(
        ngettext_lazy("%(count)s slot has no leader", "%(count)s slots have no leader", "count"),
        gettext_lazy("Messages to %(percent)s of the channels are lost until another node leads."),
        gettext_lazy("Wait: another leader takes about seven seconds. If it lasts, look at the slots."),
        gettext_lazy("The node that should lead them doesn’t serve"),
    ),
    "no_config_leader": _Entry(
        gettext_lazy("nobody leads the cluster"),
        gettext_lazy(
            "A node that dies now isn’t noticed and its slots aren’t taken over; nothing can be moved. "
            "Messages to slots with a leader go on."
        ),
        gettext_lazy("Check that more than half of the nodes run and reach each other at their cluster addresses."),
        gettext_lazy("No node that answers names a cluster leader, in two looks"),
    ),
    "leaders_disagree": _Entry(
        gettext_lazy("the nodes disagree on who leads the cluster"),
        gettext_lazy("Taking over and moving slots can’t be relied on; messages go on."),
        gettext_lazy("If it lasts over a minute, restart the node that joined or started last."),
        gettext_lazy("They name different cluster leaders, or some name none, in two looks"),
    ),
    "join_stuck": _Entry(
        ngettext_lazy("node %(nodes)s is stuck joining", "nodes %(nodes)s are stuck joining", "count"),
        gettext_lazy("Lists that the server merges fail meanwhile; messages and slots work."),
        gettext_lazy("Restart node %(nodes)s; that has ended it in seconds before. The server can’t remove a node."),
        gettext_lazy("The join has been pending for more than a minute"),
    ),
    "refused": _Entry(
        ngettext_lazy("node %(nodes)s refuses our token", "nodes %(nodes)s refuse our token", "count"),
        gettext_lazy("Nothing is known of it; its slots count as lost here."),
        gettext_lazy("Give all nodes the same manager token."),
        gettext_lazy("It answers, but not to us"),
    ),
    "called_offline": _Entry(
        ngettext_lazy(
            "node %(nodes)s answers, but the others call it offline",
            "nodes %(nodes)s answer, but the others call them offline", "count",
        ),
        gettext_lazy("It leads no slots meanwhile."),
        gettext_lazy(
            "Wait some seconds after a start. If it lasts, check that the other nodes reach its cluster address."
        ),
    ),
    "electing": _Entry(
        ngettext_lazy("%(count)s slot elects a leader", "%(count)s slots elect a leader", "count"),
        gettext_lazy("Their channels wait, usually less than a second."),
        gettext_lazy("Wait. If it lasts, check that another replica of these slots is online."),
    ),
    "lagging": _Entry(
        ngettext_lazy("%(count)s slot has a replica behind", "%(count)s slots have a replica behind", "count"),
        gettext_lazy("Should the leader die now, its last changes may be lost."),
        gettext_lazy("Look at the slots, and at disk and load of the nodes that are behind."),
        gettext_lazy("Behind in three looks in a row without catching up"),
    ),
    "under_replicated": _Entry(
        ngettext_lazy(
            "%(count)s of %(total)s slots lacks a replica", "%(count)s of %(total)s slots lack a replica", "count"
        ),
        gettext_lazy("All works, but one more node away may stop them."),
        gettext_lazy("Bring the missing node back."),
    ),
    "view_split": _Entry(
        gettext_lazy("the nodes see the cluster differently"),
        gettext_lazy("What a list shows depends on the node that was asked."),
        gettext_lazy("If it lasts, restart the node whose view is older."),
        gettext_lazy("They disagree on slots or on the configuration for more than five seconds"),
    ),
    "view_missing": _Entry(
        ngettext_lazy("node %(nodes)s doesn’t tell its slots", "nodes %(nodes)s don’t tell their slots", "count"),
        gettext_lazy("How far its replicas are behind is unknown."),
        gettext_lazy("Look at its log."),
    ),
    "slots_unknown": _Entry(
        gettext_lazy("no node tells its slots"),
        gettext_lazy("Whether messages can be stored is unknown."),
        gettext_lazy("Look at the log of the nodes."),
    ),
    "joining": _Entry(
        ngettext_lazy("node %(nodes)s is joining", "nodes %(nodes)s are joining", "count"),
        gettext_lazy("Slots move to it; lists that the server merges fail meanwhile."),
        gettext_lazy("Wait; it takes some seconds."),
    ),
    "moving": _Entry(
        ngettext_lazy("%(count)s slot is moving", "%(count)s slots are moving", "count"),
        gettext_lazy("Their leaders change within a second."),
        gettext_lazy("Wait."),
    ),
    "move_stuck": _Entry(
        ngettext_lazy("%(count)s slot is stuck moving", "%(count)s slots are stuck moving", "count"),
        gettext_lazy("As long as it is pending, the cluster balances no leaders at all."),
        gettext_lazy("Bring the node that it moves to back. The server can’t cancel a move."),
        gettext_lazy("The move has been pending for more than a minute"),
    ),
    "retry_growing": _Entry(
        gettext_lazy("the retry queue grows"),
        gettext_lazy("Messages reach some receivers late or not at all."),
        gettext_lazy("Look for connections that take messages without acknowledging them."),
        gettext_lazy("%(queued)s messages wait to be sent again, more in each look"),
    ),
    "own_clock": _Entry(
        gettext_lazy("this machine’s clock differs from all nodes’ by %(seconds)s s"),
        gettext_lazy("Ages and times shown here are off by as much."),
        gettext_lazy("Set the clock of the machine that runs this dashboard."),
    ),
    "clock_skew": _Entry(
        ngettext_lazy(
            "the clock of node %(nodes)s is off by %(seconds)s s",
            "the clocks of nodes %(nodes)s are off, by up to %(seconds)s s", "count",
        ),
        gettext_lazy("Times of its messages are off by as much; sign-ins may be refused there."),
        gettext_lazy("Set the clock of that machine."),
    ),
    "manager_silent": _Entry(
        ngettext_lazy(
            "the manager API of node %(nodes)s doesn’t answer", "the manager APIs of nodes %(nodes)s don’t answer",
            "count",
        ),
        gettext_lazy("Open sockets and message rates of that node are unknown; all else works."),
        gettext_lazy("Check manager.on and manager.addr in its configuration, if you want its metrics."),
    ),
    "sign_in_refused": _Entry(
        gettext_lazy("the manager API refuses our user name or password"),
        gettext_lazy("What needs a sign-in fails; watching goes by the token and goes on."),
        gettext_lazy("Enter the right password under Settings, Clusters."),
    ),
}  # fmt: skip


def words(finding: Finding, state: ClusterState) -> Words:
    entry, params = ENTRIES[finding.code], _params(finding, state)
    reason = finding.params.get("reason")
    cause = _(str(reason)) if reason else str(entry.cause or IN_FRESHEST_VIEW) % params
    effect = str(entry.effect) % params
    if finding.code == "silent" and finding.params.get("sessions"):
        effect = _("About %(sessions)s sessions were connected there; their clients connect anew.") % params
    return Words(str(entry.title % params), cause, effect, str(entry.help % params))


def headline(state: ClusterState) -> Headline:
    """The verdict in a sentence: the cause, and what follows from it."""
    serious = [finding for finding in state.findings if finding.level is not Level.NOTE]
    if not serious:
        return _calm(state)
    said = [words(finding, state) for finding in serious]
    also = [each for finding, each in zip(serious, said, strict=True) if _matters(finding) and each is not said[0]]
    shown = [said[0], *also[:1]]
    title = _("%(verdict)s: %(what)s") % {
        "verdict": VERDICTS[state.verdict], "what": _(", ").join(each.title for each in shown),
    }  # fmt: skip
    worst = next((each for finding, each in zip(serious, said, strict=True) if finding.level is Level.BAD), said[0])
    effects = [said[0].effect, *(_effects_on_slots(state))] if worst is said[0] else [said[0].effect]
    return Headline(title, worst.effect if worst is not said[0] else _still_works(state), said[0].cause,
                    " ".join(dict.fromkeys(effects)), said[0].help)  # fmt: skip


def percent_of_slots(count: int, total: int) -> str:
    share = 100 * count / total if total else 0.0
    return f"{number_format(share, 0 if share >= 10 or share == int(share) else 1)} %"


def _calm(state: ClusterState) -> Headline:
    if state.verdict is Verdict.UNKNOWN:
        return Headline(_("Unknown: nobody has looked yet"), "", "", "", "")
    nodes = len(state.nodes)
    title = ngettext(
        "Healthy: the one node answers", "Healthy: all %(count)s nodes answer and agree", nodes
    ) % {"count": nodes}  # fmt: skip
    summary = ngettext(
        "The one slot has a leader and all of its replicas.",
        "Each of the %(count)s slots has a leader and all of its replicas.", len(state.slots),
    ) % {"count": number_format(len(state.slots), use_l10n=False)}  # fmt: skip
    return Headline(title, summary, "", "", "")


def _still_works(state: ClusterState) -> str:
    if state.verdict is Verdict.DOWN:
        return _("What stands below comes from our own samples and records.") if not state.answering else ""
    if state.verdict is Verdict.UNKNOWN or not state.slots:
        return ""
    lost = [slot for slot in state.slots if slot.state in (SlotState.NO_QUORUM, SlotState.LEADERLESS)]
    if lost:
        return _("Messages to %(percent)s of the channels are lost at the moment; the rest is delivered.") % {
            "percent": percent_of_slots(len(lost), len(state.slots))
        }
    return _("Every slot has a leader: messages are stored and delivered.")


def _effects_on_slots(state: ClusterState) -> list[str]:
    thin = state.finding("under_replicated")
    if thin is None or not state.nodes:
        return []
    return [
        ngettext(
            "%(count)s slot lacks a replica.", "%(count)s of %(total)s slots lack a replica.", len(thin.slots)
        ) % {"count": len(thin.slots), "total": len(state.slots)}
    ]  # fmt: skip


def _matters(finding: Finding) -> bool:
    """Whether it belongs into the title beside the cause; replicas missing go without saying."""
    return finding.code != "under_replicated"


def _params(finding: Finding, state: ClusterState) -> dict[str, Any]:
    about_slots = bool(finding.slots) and finding.code not in ("view_split",)
    sessions = finding.params.get("sessions")
    return {
        **finding.params,
        "count": len(finding.slots) if about_slots else len(finding.nodes),
        "total": len(state.slots) if about_slots else len(state.nodes),
        "nodes": ", ".join(map(str, finding.nodes)),
        "percent": percent_of_slots(len(finding.slots), len(state.slots)),
        "sessions": number_format(sessions, use_l10n=True) if sessions else "",
        "seconds": number_format(abs(finding.params.get("seconds", 0.0)), 0),
    }
