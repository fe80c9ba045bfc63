"""Slots in cells, pictures and tables: the map by writes, leader or lag; the unhealthy ones; copies; who led when."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from imadmin.clusters.access import Scope
from imadmin.gateway.types import now
from imadmin.monitor.health_types import SlotHealth, SlotState
from imadmin.monitor.models import SlotChange
from imadmin.monitor.slots import Copy, Goal, OneSlot, SlotsView
from imadmin.web import cells, slotmap, states
from imadmin.web.forms.slots import LAG, LEADER
from imadmin.web.slot_words import SLOT_STATES, slot_status
from imadmin.web.slotmap import Cell
from imadmin.web.tables import Column, Table

SHADES = ("h1", "h2", "h3", "h4")
LEADER_SHADES = ("n1", "n2", "n3", "n4", "n5")
ROWS_SHOWN = 20
SLIGHT_LAG, SOME_LAG = 2, 50
Shade = Callable[[SlotHealth], str]


@dataclass(frozen=True, slots=True)
class Map:
    """The picture with its words and legends.  data: what static/js/slotmap.js reads."""

    picture: SafeString
    data: SafeString
    shades: Sequence[tuple[SafeString, object, str]]
    states: Sequence[tuple[SafeString, object, int]]
    scale: object


def slot_map(scope: Scope, view: SlotsView, *, by: str, led: int | None, chosen: int | None) -> Map:
    slots = view.state.slots
    nodes = sorted({slot.leader for slot in slots if slot.leader})
    shade, shades, scale = _shading(scope, view, nodes, by, led)
    drawn = [
        Cell(slot.id, shade(slot), SLOT_STATES[slot.state][2], SlotState.UNDER_REPLICATED in slot.problems)
        for slot in slots
    ]
    return Map(
        picture=slotmap.picture(drawn, says(view), chosen=chosen),
        data=_data(slots, nodes, chosen),
        shades=shades,
        states=_legend(view),
        scale=scale,
    )


def says(view: SlotsView) -> str:
    """The map in a sentence."""
    total = len(view.state.slots)
    counted = ", ".join(
        f"{SLOT_STATES[state][1]} {view.counts[state]}" for state in SlotState if view.counts[state]
    )  # fmt: skip
    return _("%(total)s slots: %(counted)s. The table below lists those that are not healthy.") % {
        "total": total, "counted": counted,
    }  # fmt: skip


def _shading(
    scope: Scope, view: SlotsView, nodes: list[int], by: str, led: int | None
) -> tuple[Shade, Sequence[tuple[SafeString, object, str]], object]:
    """How a healthy slot is shaded, what the shades stand for (cell, words, link), and the scale in words."""
    if by == LEADER:
        return _by_leader(scope, nodes, led)
    if by == LAG:
        shades = [
            (slotmap.legend(shade=shade), words, "")
            for shade, words in zip(SHADES, (_("level"), "1–2", "3–50", _("more")), strict=True)
        ]
        return (lambda slot: _lag_shade(slot.lag), shades, _("Entries that the worst running replica lacks just now"))
    return _by_writes(view)


def _by_writes(view: SlotsView) -> tuple[Shade, Sequence[tuple[SafeString, object, str]], object]:
    """Quarters of the slots that get any; until two looks are there, of all entries ever written."""
    per_slot: dict[int, float]
    if view.writes.is_known:
        per_slot = view.writes.per_minute
        scale = _("Log entries a minute, over the last %(time)s") % {"time": cells.duration(view.writes.seconds)}
    else:
        per_slot = {slot.id: slot.log_index for slot in view.state.slots if slot.log_index is not None}
        scale = _("All log entries ever written; how many a minute shows at the next look")
    ranked = sorted({value for value in per_slot.values() if value})

    def shade(slot: SlotHealth) -> str:
        value = per_slot.get(slot.id)
        if not value:
            return SHADES[0]
        return SHADES[1 + min(2, 3 * bisect_left(ranked, value) // len(ranked))]

    most = ranked[-1] if ranked else 0
    ends = (_("none"), "", "", cells.number(float(most), 0 if most >= 10 else 1) if most else _("many"))
    return shade, [(slotmap.legend(shade=css), word, "") for css, word in zip(SHADES, ends, strict=True)], scale


def _by_leader(
    scope: Scope, nodes: list[int], led: int | None
) -> tuple[Shade, Sequence[tuple[SafeString, object, str]], object]:
    """A colour a node; of more nodes than colours, and for who can't tell colours, one node at a time."""
    url = reverse("slots", args=[scope.slug])
    colours = {node: LEADER_SHADES[place] for place, node in enumerate(nodes) if place < len(LEADER_SHADES)}

    def shade(slot: SlotHealth) -> str:
        if led is not None:
            return "h4" if slot.leader == led else "h1"
        return colours.get(slot.leader, "quiet")

    shades = [
        (
            slotmap.legend(shade=("h4" if node == led else "h1") if led is not None else colours.get(node, "quiet")),
            str(node),
            f"{url}?by={LEADER}" if node == led else f"{url}?by={LEADER}&led={node}",
        )
        for node in nodes
    ]
    scale = (
        _("Only those led by node %(node)s stand out") % {"node": led} if led else _("Choose a node to see it alone")
    )
    return shade, shades, scale


def _lag_shade(lag: int | None) -> str:
    if lag is None:
        return "quiet"
    return SHADES[0 if not lag else 1 if lag <= SLIGHT_LAG else 2 if lag <= SOME_LAG else 3]


def _legend(view: SlotsView) -> Sequence[tuple[SafeString, object, int]]:
    """Every state with its shape and how many there are; the two that are rare only when they are there."""
    rare = {SlotState.NO_QUORUM, SlotState.UNDER_REPLICATED, SlotState.UNKNOWN}
    counts = view.counts
    return [
        (
            slotmap.legend(SLOT_STATES[state][2], "h2", thin=state is SlotState.UNDER_REPLICATED),
            SLOT_STATES[state][1],
            counts[state],
        )
        for state in SlotState
        if counts[state] or state not in rare
    ]


def _data(slots: Sequence[SlotHealth], nodes: list[int], chosen: int | None) -> SafeString:
    """One character a slot for its state and its leader: a thousand of them are two kilobytes."""
    order = list(SlotState)
    place = {node: position + 1 for position, node in enumerate(nodes)}
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"
    leaders = "".join(digits[found] if (found := place.get(slot.leader, 0)) < len(digits) else "0" for slot in slots)
    return cells.attributes(
        {
            "data-slotmap": True,
            "data-words": json.dumps({digits[at]: str(SLOT_STATES[state][1]) for at, state in enumerate(order)}),
            "data-states": "".join(digits[order.index(slot.state)] for slot in slots),
            "data-nodes": " ".join(["", *map(str, nodes)]),
            "data-leaders": leaders,
            "data-say-slot": _("Slot {slot}"),
            "data-say-led": _("led by {node}"),
            "data-say-unled": _("led by nobody"),
            "data-say-idle": _("arrow keys move, Enter opens"),
            "data-chosen": "" if chosen is None else chosen,
        }
    )


# -- tables -----------------------------------------------------------------------------------------------------------


def unhealthy_table(scope: Scope, view: SlotsView, since: dict[int, Any], *, everything: bool) -> Table:
    rows = view.unhealthy if everything else view.unhealthy[:ROWS_SHOWN]
    return Table(
        columns=[
            Column("id", _("Slot"), lambda slot: _slot_link(scope, slot.id), kind="id", phone="m1"),
            Column("state", _("State"), lambda slot: slot_status(slot.state), kind="status", phone="m3"),
            Column("leader", _("Leader"), lambda slot: node_ids([slot.leader], slot.live)),
            Column("replicas", _("Replicas on"), lambda slot: node_ids(slot.replicas, slot.live)),
            Column("lag", _("Lag"), kind="num"),
            Column("term", _("Term"), lambda slot: str(slot.term), kind="num", hide="p2"),
            Column("since", _("Since"), lambda slot: cells.when(since[slot.id]) if slot.id in since else "",
                   kind="time", phone="m2"),
        ],
        rows=rows,
        caption=_("Slots that are not healthy, worst first"),
        empty=states.empty(_("All slots are healthy"), _("Each has a leader, and all its replicas keep up.")),
    )  # fmt: skip


def since_by_slot(view: SlotsView) -> dict[int, Any]:
    """Since when the worst finding that names a slot lasts."""
    found: dict[int, Any] = {}
    for finding in view.state.findings:
        for slot in finding.slots:
            found.setdefault(slot, finding.since)
    return found


def node_ids(nodes: Sequence[int], live: Sequence[int]) -> SafeString:
    """Node numbers; those that don't run are faint and struck for who can't see faint."""
    shown = [
        cells.mono(node) if node in live else cells.html('<s class="faint mono">{node}</s>', node=node)
        for node in nodes
        if node
    ]
    return cells.join(shown, ", ") if shown else cells.html('<span class="faint">{word}</span>', word=_("nobody"))


def copies_table(one: OneSlot) -> Table:
    return Table(
        columns=[
            Column("node", _("Replica on"), lambda copy: cells.mono(copy.node), kind="id", phone="m1"),
            Column("state", _("State"), _copy_state, kind="status", phone="m2"),
            Column("last", _("Last log"), lambda copy: _index(copy.last_index), kind="num", phone="m3"),
            Column("committed", _("Committed"), lambda copy: _index(_told(copy, "committed_index")), kind="num"),
            Column("applied", _("Applied"), lambda copy: _index(_told(copy, "applied_index")), kind="num"),
            Column("term", _("Term"), lambda copy: _index(_told(copy, "term")), kind="num"),
        ],
        rows=one.copies,
        caption=_("Replicas of the slot"),
        plain=True,
    )


def _copy_state(copy: Copy) -> SafeString:
    if not copy.is_live:
        return cells.status("bad" if copy.error else "unknown", _("No answer"))
    if copy.is_leader:
        return cells.status("ok", _("Leader"))
    if copy.is_learner:
        return cells.status("move", _("Learning"), _lacks(copy))
    if copy.behind:
        return cells.status("half" if copy.behind > SLIGHT_LAG else "ok", _("Follows"), _lacks(copy))
    return cells.status("ok" if copy.behind is not None else "unknown", _("Follows"))


def _lacks(copy: Copy) -> str:
    return ngettext("%(count)s behind", "%(count)s behind", copy.behind) % {"count": copy.behind} if copy.behind else ""


def _told(copy: Copy, name: str) -> int | None:
    return getattr(copy.told, name) if copy.told else None


def _index(value: int | None) -> object:
    """Log positions are sequences: never grouped."""
    return cells.number(None) if value is None else str(value)


def history_table(rows: Sequence[SlotChange]) -> Table:
    return Table(
        columns=[
            Column("at", _("When"), lambda row: cells.clock(row.at), kind="id", phone="m1"),
            Column("leader", _("Led by"), lambda row: _who(row.leader), phone="m2"),
            Column("before", _("Before"), lambda row: _before(row), phone="m3"),
            Column("term", _("Term"), lambda row: str(row.term), kind="num"),
            Column("for", _("For"), lambda row: cells.duration(_lasted(rows, row)), kind="num"),
        ],
        rows=rows,
        caption=_("Leaders of the slot, newest first"),
        empty=states.empty(
            _("No change seen"),
            _("Changes of leader are written down while imadmin watches, and kept for 30 days."),
        ),
    )  # fmt: skip


def _lasted(rows: Sequence[SlotChange], row: SlotChange) -> float:
    place = next(position for position, one in enumerate(rows) if one is row)
    until = rows[place - 1].at if place else now()
    return (until - row.at).total_seconds()


def _who(node: int) -> SafeString:
    return cells.mono(node) if node else cells.html('<span class="faint">{word}</span>', word=_("nobody"))


def _before(row: SlotChange) -> SafeString:
    if row.before is None:
        return cells.html('<span class="faint">{word}</span>', word=_("first seen"))
    return _who(row.before)


def goal_why(goal: Goal) -> str:
    """Why this move can't be asked for, in the reader's language."""
    return _(goal.why) % dict(goal.params) if goal.why else ""


def _slot_link(scope: Scope, slot: int) -> SafeString:
    return cells.link(str(slot), reverse("slot", args=[scope.slug, slot]))
