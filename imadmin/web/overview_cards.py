"""The overview's pieces in words and shapes: the path of a message as cards, the nodes, the verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from imadmin.monitor.health_types import ClusterState, NodeHealth, SlotState, Verdict
from imadmin.monitor.health_words import Headline, headline, words
from imadmin.monitor.queries import Overview
from imadmin.monitor.series import Series
from imadmin.web import cells, slotmap
from imadmin.web.slot_words import NODE_STATES, SLOT_STATES
from imadmin.web.slotmap import Cell

BAD_SHAPES = ("bad", "warn")


@dataclass(frozen=True, slots=True)
class Card:
    """One step of a message’s way. value: None = unknown.  why: why the fault starts here."""

    key: str
    title: str
    unit: str
    icon: str
    url: str
    value: object
    shape: str
    says: str
    spark: Sequence[float | None] = ()
    facts: Sequence[tuple[str, object]] = ()
    why: str = ""
    is_first: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", _shown(self.value))
        object.__setattr__(self, "facts", [(name, _shown(value)) for name, value in self.facts])

    @property
    def spark_css(self) -> str:
        return self.shape if self.shape in BAD_SHAPES else ""


@dataclass(frozen=True, slots=True)
class Top:
    """The verdict's panel. css: of its frame.  notes: worth knowing, though no fault."""

    words: Headline
    css: str
    shape: str
    links: Sequence[tuple[str, str]]
    notes: Sequence[str]


@dataclass(frozen=True, slots=True)
class NodeCard:
    node: NodeHealth
    url: str
    shape: str
    word: object
    restarts: int


def top(slug: str, state: ClusterState) -> Top:
    notes = [words(finding, state) for finding in state.findings if finding.level == "note"]
    css = {"ok": "ok", "bad": "bad"}.get(state.level, "")
    shape = {"ok": "ok", "bad": "bad", "warn": "warn"}.get(state.level, "unknown")
    return Top(headline(state), css, shape, _links(slug, state),
               [f"{_capital(each.title)}. {each.effect} {each.help}" for each in notes])  # fmt: skip


def path(slug: str, seen: Overview) -> list[Card]:
    cards = [_connect(slug, seen), _send(slug, seen), _store(slug, seen), _deliver(slug, seen), _retry(slug, seen),
             _errors(slug, seen)]  # fmt: skip
    for place, card in enumerate(cards):
        if card.shape == "bad":
            cards[place] = replace(card, is_first=True)
            break
    return cards


def nodes(slug: str, seen: Overview) -> list[NodeCard]:
    return [
        NodeCard(node, _url("node", slug, node.id) if node.id else "", *NODE_STATES[node.state],
                 seen.restarts.get(node.id, 0))
        for node in seen.state.nodes
    ]  # fmt: skip


def slot_map(state: ClusterState) -> object:
    if not state.slots:
        return None
    drawn = [
        Cell(slot.id, "quiet", SLOT_STATES[slot.state][2], SlotState.UNDER_REPLICATED in slot.problems)
        for slot in state.slots
    ]
    count = len(drawn)
    says = ", ".join(f"{number} {word}" for word, number, _shape in slot_counts(state)) or _("all healthy")
    return slotmap.picture(drawn, says, columns=48 if count > 512 else 32 if count > 64 else 16, numbered=False)


def slot_counts(state: ClusterState) -> list[tuple[str, int, object]]:
    """(word, how many, its shape) for each state that isn't healthy, worst first."""
    found: list[tuple[str, int, object]] = []
    for one in SlotState:
        number = len(state.slots_in(one)) if one is not SlotState.OK else 0
        if number:
            shape = SLOT_STATES[one][2]
            drawn = slotmap.legend(shape) if shape else slotmap.legend(thin=True)
            found.append((str(SLOT_STATES[one][1]), number, drawn))
    return found


def leaders(state: ClusterState) -> str:
    """How many slots each node leads."""
    told = [(node.id, node.slots_led) for node in state.nodes if node.slots_led is not None]
    return " · ".join(f"{node}: {led}" for node, led in told)


# -- the path of a message ---------------------------------------------------------------------------------------------


def _connect(slug: str, seen: Overview) -> Card:
    state, told = seen.state, [node.view.connections for node in seen.state.answering]
    known = [count for count in told if count is not None]
    silent = state.silent
    shape = "bad" if not state.answering else "half" if silent else "ok"
    says = {"bad": _("no node answers"), "half": _("partial"), "ok": _("ok")}[shape]
    people = _("Users online") if state.verdict is Verdict.HEALTHY else _("Users online, may be off")
    facts: list[tuple[str, object]] = [(people, _newest(seen.hour["users"]))]
    facts += [(_("Node %(node)s") % {"node": node.id}, _("unknown")) for node in silent[:2] if node.id]
    if not silent:
        facts.append((_("Open sockets"), _newest(seen.hour["sockets"])))
    return Card("connect", _("Connect"), _("sessions"), "plug-connected", _url("connections", slug),
                sum(known) if known else None, shape, says, seen.hour["connections"].values, facts,
                _("Nobody can connect as far as we see") if shape == "bad" else "")  # fmt: skip


def _send(slug: str, seen: Overview) -> Card:
    sends = seen.hour["sends"]
    facts = [(_("Packets from clients"), _newest(seen.hour["incoming"]))]
    return Card("send", _("Send"), _("per min"), "send", _url("stats", slug), _newest(sends),
                *_told(sends, seen.state), sends.values, facts)  # fmt: skip


def _store(slug: str, seen: Overview) -> Card:
    state = seen.state
    total = len(state.slots)
    lost = len(state.slots_in(SlotState.NO_QUORUM)) + len(state.slots_in(SlotState.LEADERLESS))
    shaky = any(state.slots_in(one) for one in (SlotState.ELECTING, SlotState.LAGGING, SlotState.UNDER_REPLICATED))
    shape = "unknown" if not total else "bad" if lost else "warn" if shaky else "ok"
    says = {"unknown": _("unknown"), "bad": _("failing"), "warn": _("degraded"), "ok": _("ok")}[shape]
    lags = [slot.lag for slot in state.slots if slot.lag is not None]
    thin = state.finding("under_replicated")
    facts: list[tuple[str, object]] = [(_("Worst lag"), max(lags) if lags else None)]
    if thin:
        facts.append((_("Lack a replica"), len(thin.slots)))
    why = ngettext(
        "Fault starts here: %(count)s slot can’t store", "Fault starts here: %(count)s slots can’t store", lost
    ) % {"count": lost}  # fmt: skip
    value = _("%(some)s of %(all)s") % {"some": total - lost, "all": total} if total else None
    return Card("store", _("Store"), _("slots that can"), "database", _url("slots", slug), value, shape, says,
                seen.hour["lag"].values, facts, why if lost else "")  # fmt: skip


def _deliver(slug: str, seen: Overview) -> Card:
    outgoing = seen.hour["outgoing"]
    return Card("deliver", _("Deliver"), _("packets/min"), "message", _url("stats", slug), _newest(outgoing),
                *_told(outgoing, seen.state), outgoing.values)  # fmt: skip


def _retry(slug: str, seen: Overview) -> Card:
    queues = [node.view.retry_queue for node in seen.state.answering if node.view.retry_queue is not None]
    growing = seen.state.finding("retry_growing")
    known = [value for value in seen.hour["retries"].values if value is not None]
    facts: list[tuple[str, object]] = []
    if len(known) > 1:
        facts.append((_("Change in a minute"), f"{known[-1] - known[-2]:+d}"))
    shape = "warn" if growing else "ok" if queues else "unknown"
    says = {"warn": _("growing"), "ok": _("ok"), "unknown": _("unknown")}[shape]
    return Card("retry", _("Retry"), _("queued"), "repeat", _url("stats", slug), sum(queues) if queues else None,
                shape, says, seen.hour["retries"].values, facts)  # fmt: skip


def _errors(slug: str, seen: Overview) -> Card:
    bad, warnings = seen.troubles["bad"], seen.troubles["warn"]
    shape = "warn" if bad else "ok"
    return Card("errors", _("Troubles"), _("last hour"), "bug", _url("events", slug), bad + warnings, shape,
                _("degraded") if bad else _("ok"), seen.hour["verdict"].values,
                [(_("Bad"), bad), (_("Warnings"), warnings)])  # fmt: skip


def _told(series: Series, state: ClusterState) -> tuple[str, str]:
    """What can be said of a flow: that it is known and from which nodes, not that it should be more."""
    if _newest(series) is None:
        return "unknown", _("no samples yet") if series.is_empty else _("unknown")
    if not state.answering:
        return "unknown", _("from before")
    return ("half", _("partial")) if state.silent else ("ok", _("known"))


def _newest(series: Series) -> int | None:
    """Of the last three minutes: an older figure is no news."""
    return next((value for value in reversed(series.values[-3:]) if value is not None), None)


def _links(slug: str, state: ClusterState) -> list[tuple[str, str]]:
    """Where the next step is taken."""
    found = []
    silent = [node.id for node in state.silent if node.id]
    if len(silent) == 1 and (url := _url("node", slug, silent[0])):
        found.append((_("Node %(node)s") % {"node": silent[0]}, url))
    elif silent and (url := _url("nodes", slug)):
        found.append((_("Nodes"), url))
    about_slots = state.verdict is not Verdict.HEALTHY and any(finding.slots for finding in state.findings)
    if about_slots and (url := _url("slots", slug)):
        found.append((_("Slots"), url))
    return found


def _shown(value: object) -> object:
    return cells.number(value) if isinstance(value, int) else value


def _url(name: str, *args: object) -> str:
    """ "" where an installation has no such page."""
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return ""


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
