"""Nodes in words, cells and tables: what each does, what its counters say, what the others believe."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from imadmin.clusters.access import Scope
from imadmin.gateway.node_types import Latencies, NodeMetrics
from imadmin.monitor.health_types import NodeHealth
from imadmin.monitor.nodes import NodeRow, OneNode, Opinion, Passage, Step
from imadmin.web import cells, slotmap, states
from imadmin.web.slot_words import STEPS, node_status
from imadmin.web.slotmap import Cell
from imadmin.web.tables import Column, Table

SKEW_SHOWN = 2.0  # seconds; below that it is the precision of the question
PROXY = 1

Facts = list[tuple[object, object]]


def nodes_table(scope: Scope, rows: Sequence[NodeRow]) -> Table:
    return Table(
        columns=[
            Column("id", _("Node"), lambda row: _name(scope, row), kind="id", phone="m1"),
            Column("state", _("State"), lambda row: node_status(row.health.state, is_stuck=row.is_stuck),
                   kind="status", phone="m2"),
            Column("slots", _("Led / held"), _slots_labelled, kind="num", phone="m3"),
            Column("sockets", _("Sockets"), _sockets, kind="num", phone="m3"),
            Column("sends", _("Sent/s"), lambda row: rate(row, "sends"), kind="num"),
            Column("confirmed", _("Confirmed/s"), lambda row: rate(row, "recvacks"), kind="num", hide="p2"),
            Column("cpu", _("CPU"), _cpu, kind="num"),
            Column("memory", _("Memory"), lambda row: known(row.memory, cells.size), kind="num"),
            Column("goroutines", _("Goroutines"), lambda row: cells.number(row.health.view.goroutines), kind="num",
                   hide="p3"),
            Column("uptime", _("Uptime"), lambda row: known(row.uptime, cells.duration), kind="num"),
            Column("config", _("Config"), _config, kind="num", hide="p3"),
            Column("clock", _("Clock"), lambda row: clock(row.health), kind="num", hide="p3"),
            Column("version", _("Version"), _version, hide="p3"),
        ],
        rows=rows,
        caption=_("Nodes of the cluster"),
        empty=states.empty(_("No node is known"), _("No address of the cluster ever told which nodes there are.")),
    )  # fmt: skip


def _name(scope: Scope, row: NodeRow) -> SafeString:
    return cells.html("{link} {role}", link=_link(scope, row.id), role=role(row.health))


def _link(scope: Scope, node: int) -> SafeString:
    """Node numbers are ids: never grouped."""
    return cells.link(cells.mono(node), reverse("node", args=[scope.slug, node]))


def role(node: NodeHealth) -> SafeString:
    if node.is_config_leader:
        return cells.tag(_("cluster leader"), "info")
    if node.role is None:
        return cells.tag(_("role unknown"))
    return cells.tag(_("proxy") if node.role == PROXY else _("replica"))


def _slots(row: NodeRow) -> object:
    node = row.health
    if node.slots_led is None or node.slots_held is None:
        return cells.number(None)
    return cells.html(
        '{led} <span class="faint">/ {held}</span>',
        led=cells.number(node.slots_led),
        held=cells.number(node.slots_held),
    )


def _slots_labelled(row: NodeRow) -> object:
    """On a phone the heads are gone, so the figure says what it is."""
    return cells.html(
        '{figure} <span class="only-phone in">{word}</span>', figure=_slots(row), word=_("slots led, held")
    )


def _sockets(row: NodeRow) -> object:
    figure = cells.number(row.open_sockets)
    return cells.html('{figure} <span class="only-phone in">{word}</span>', figure=figure, word=_("sockets"))


def rate(row: NodeRow, name: str, digits: int = 1) -> object:
    """A figure a second; "…" until the second reading."""
    if row.rates is None:
        return _waiting(row)
    value = getattr(row.rates, name)
    return cells.number(None if value is None else float(value), digits)


def known(value: Any, write: Callable[[Any], str]) -> object:
    """A written figure, or a faint "unknown"."""
    return cells.number(None) if value is None else write(value)


def _waiting(row: NodeRow) -> object:
    """There is a first reading: the rate comes with the next one."""
    if row.metrics and row.metrics.answers:
        return cells.html('<span class="faint" title="{why}">…</span>', why=_("known after the next reading"))
    return cells.number(None)


def _cpu(row: NodeRow) -> object:
    """Percent of one core over the last readings; the server's own figure until there are two."""
    if row.rates and row.rates.cpu_seconds is not None:
        return percent(row.rates.cpu_seconds)
    told = row.health.view.cpu
    return cells.number(None) if told is None else percent(told / 100)


def percent(share: float) -> SafeString:
    return cells.html("{number} %", number=cells.number(share * 100, 1 if share < 0.1 else 0))


def _config(row: NodeRow) -> object:
    version = row.health.view.config_version
    if version is None:
        return cells.number(None)
    if row.behind:
        return cells.html("{version} {status}", version=str(version), status=cells.status("half", f"-{row.behind}"))
    return str(version)


def clock(node: NodeHealth) -> object:
    offset = node.view.clock_offset
    if offset is None:
        return cells.number(None)
    if abs(offset) < SKEW_SHOWN:
        return cells.html('<span class="faint">{word}</span>', word=_("right"))
    return cells.status("warn", f"{offset:+.1f} s")


def _version(row: NodeRow) -> object:
    version = row.health.view.version
    return cells.mono(version) if version else cells.number(None)


# -- one node ---------------------------------------------------------------------------------------------------------


def facts(one: OneNode) -> Facts:
    node = one.row.health
    view = node.view
    return [
        (_("Role"), role(node)),
        (_("Slots led, held"), _slots(one.row)),
        (_("Uptime"), known(one.row.uptime, cells.duration)) if node.answers else (_("Last seen"), _last_seen(node)),
        (_("Answers in"), cells.number(None) if view.latency is None else _ms(view.latency * 1000)),
        (_("Config version"), _config(one.row)),
        (_("Clock"), clock(node)),
        (_("Version"), _version(one.row)),
    ]


def _last_seen(node: NodeHealth) -> object:
    if node.last_seen is None:
        return cells.html('<span class="faint">{word}</span>', word=_("not since imadmin started"))
    return cells.when(node.last_seen)


def figures(row: NodeRow) -> Facts:
    """Everything its counters tell, with the unit in the label or beside the figure."""
    told, view = row.metrics, row.health.view
    if told is None:
        return []
    return [
        (_("Open sockets"), cells.number(told.open_sockets)),
        (_("Connections by its own count"), cells.number(view.connections)),
        (_("Users in memory"), cells.number(told.users_in_memory)),
        (_("Channels that run"), cells.number(told.active_channels)),
        (_("Messages sent by clients"), _both(row, "sends")),
        (_("Deliveries confirmed by clients"), _both(row, "recvacks")),
        (_("Pings"), _both(row, "pings")),
        (_("Waiting for another try"), cells.number(view.retry_queue)),
        (_("Memory"), known(told.resident_bytes, cells.size)),
        (_("Heap"), known(told.heap_bytes, cells.size)),
        (_("Goroutines"), cells.number(told.goroutines)),
        (_("CPU"), _cpu(row)),
        (_("Open files"), _of(told.open_fds, told.max_fds)),
        (_("To and from other nodes"), _traffic(row)),
        (_("Writes to channels that failed"), cells.number(told.channel_proposals_failed_total)),
        (_("Writes to channels above half a second"), _slow(told)),
        (_("A write to a channel takes"), _mean(told.channel_propose)),
        (_("A write to a slot takes"), _mean(told.slot_propose)),
    ]


def _both(row: NodeRow, name: str) -> object:
    total = getattr(row.metrics, f"{name}_total") if row.metrics else None
    if total is None:
        return cells.number(None)
    return cells.html(
        '{total} <span class="faint">· {rate} {word}</span>',
        total=cells.number(total), rate=rate(row, name), word=_("a second"),
    )  # fmt: skip


def _of(count: int | None, most: int | None) -> object:
    if count is None:
        return cells.number(None)
    limit = _("of %(most)s") % {"most": cells.number(most)} if most else ""
    return cells.html('{count} <span class="faint">{limit}</span>', count=cells.number(count), limit=limit)


def _traffic(row: NodeRow) -> object:
    if row.rates is None or row.rates.cluster_in_bytes is None or row.rates.cluster_out_bytes is None:
        return _waiting(row)
    total = int(row.rates.cluster_in_bytes + row.rates.cluster_out_bytes)
    return _("%(size)s a second") % {"size": cells.size(total)}


def _slow(told: NodeMetrics) -> object:
    return _of(told.channel_proposals_over_500ms_total, told.channel_proposals_total)


def _mean(found: Latencies | None) -> object:
    if found is None or found.mean_ms is None:
        return cells.html('<span class="faint">{word}</span>', word=_("none yet"))
    within = next((bound for bound, held in found.buckets if held >= found.count * 0.95), None)
    tail = _("95 of 100 within %(time)s") % {"time": _ms(within)} if within and within != float("inf") else ""
    return cells.html('{mean} <span class="faint">{tail}</span>', mean=_ms(found.mean_ms), tail=tail)


def _ms(value: float) -> str:
    return _("{n} s").replace("{n}", f"{value / 1000:.1f}") if value >= 1000 else f"{value:.0f} ms"


UNITS = {"cpu": "permille", "memory": "mib", "latency": "ms"}


def history(one: OneNode) -> list[tuple[object, object, SafeString, object]]:
    """(name, newest, line of the last hour, lowest to highest) of each figure that was ever told."""
    found: list[tuple[object, object, SafeString, object]] = []
    for figure, series in one.history.items():
        known = [value for value in series.values if value is not None]
        if not known:
            continue
        unit = UNITS.get(figure, "")
        span = cells.html("{low} – {high}", low=_amount(min(known), unit), high=_amount(max(known), unit))
        found.append((_history_name(figure), _amount(series.values[-1], unit), cells.spark(series.values), span))
    return found


def _history_name(figure: str) -> str:
    names = {
        "sockets": _("Open sockets"), "sends": _("Messages sent a minute"), "cpu": _("CPU"), "memory": _("Memory"),
        "goroutines": _("Goroutines"), "latency": _("Answers in"), "lag": _("Entries behind"),
        "retries": _("Waiting for another try"),
    }  # fmt: skip
    return names[figure]


def _amount(value: int | None, unit: str) -> object:
    if value is None:
        return cells.number(None)
    if unit == "permille":
        return percent(value / 1000)
    if unit == "mib":
        return cells.size(value * 1024 * 1024)
    return _ms(value) if unit == "ms" else cells.number(value)


def own_map(one: OneNode) -> SafeString:
    """The slots it leads and holds among all: dark is led, light is held, an outline is neither."""
    led, held = set(one.led), set(one.held)
    drawn = [
        Cell(slot.id, "h4" if slot.id in led else "h2", "" if slot.id in held or slot.id in led else "unknown")
        for slot in one.state.slots
    ]
    say = _("Leads %(led)s and holds %(held)s of %(all)s slots") % {
        "led": len(led), "held": len(held), "all": len(drawn),
    }  # fmt: skip
    return slotmap.picture(drawn, say) if drawn else cells.html("")


def steps(passages: Sequence[Passage]) -> list[tuple[str, object, str]]:
    """(shape, words, count) of each step of a node's way in or out."""
    found: list[tuple[str, object, str]] = []
    for one in passages:
        is_loss = one.step in (Step.SILENT, Step.CALLED_OFFLINE)
        shape = ("bad" if is_loss else "ok") if one.is_done else "run" if one.is_now else "off"
        found.append((shape, STEPS[one.step], _counted(one)))
    return found


def _counted(one: Passage) -> str:
    if one.have is None:
        return ""
    if one.step is Step.LED_ELSEWHERE:
        return ngettext("it still leads %(count)s slot", "it still leads %(count)s slots", one.have) % {
            "count": one.have
        }
    if one.step is Step.REPLACED:
        return ngettext(
            "%(count)s slot still counts on it", "%(count)s slots still count on it", one.have
        ) % {"count": one.have}  # fmt: skip
    return _("%(have)s of %(all)s slots") % {"have": one.have, "all": one.of} if one.of else ""


def opinions_table(scope: Scope, opinions: Sequence[Opinion]) -> Table:
    return Table(
        columns=[
            Column("by", _("Node"), lambda one: _link(scope, one.by), kind="id", phone="m1"),
            Column("online", _("Believes it"), _believes, kind="status", phone="m2"),
            Column("led", _("Leads"), lambda one: _of_member(one, "slots_led"), kind="num"),
            Column("flaps", _("Times offline"), lambda one: _of_member(one, "offline_count"), kind="num"),
        ],
        rows=opinions,
        caption=_("What the other nodes believe of it"),
        empty=states.empty(_("Nobody to ask"), _("No other node answers.")),
        plain=True,
    )  # fmt: skip


def _of_member(one: Opinion, name: str) -> SafeString:
    return cells.number(getattr(one.member, name) if one.member else None)


def _believes(one: Opinion) -> SafeString:
    if one.member is None:
        return cells.status("unknown", _("not a member"))
    if one.member.is_leader:
        return cells.status("ok", _("online, leads"))
    return cells.status("ok", _("online")) if one.member.is_online else cells.status("bad", _("offline"))
