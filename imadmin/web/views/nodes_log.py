"""The log of the cluster's configuration in words: who went offline, what moved, as one node's own copy has it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from imadmin.gateway.node_types import LogEntry
from imadmin.web import cells, states
from imadmin.web.slot_words import COMMANDS
from imadmin.web.tables import Column, Table

MANY_SLOTS = 8


def log_table(entries: Sequence[LogEntry]) -> Table:
    return Table(
        columns=[
            Column("index", _("Entry"), lambda entry: str(entry.index), kind="id", phone="m1"),
            Column("command", _("What"), _command, phone="m2", css="nw"),
            Column("data", _("Of what"), log_words, kind="fill", phone="m3"),
            Column("term", _("Term"), lambda entry: str(entry.term), kind="num", hide="p2"),
            Column("at", _("At, node’s clock"), lambda entry: cells.visible(entry.at_text), css="nw faint"),
        ],
        rows=entries,
        caption=_("Changes of the configuration, newest first"),
        empty=states.empty(_("Nothing in its log"), _("The node keeps no entry of the configuration.")),
        plain=True,
    )


def _command(entry: LogEntry) -> object:
    word = COMMANDS.get(entry.command)
    return word if word else cells.mono(entry.command)


def log_words(entry: LogEntry) -> str:
    """What an entry of the configuration's log says, from the few fields that are known; nothing else is shown."""
    rows = entry.data if isinstance(entry.data, list) else [entry.data]
    said = [text for row in rows if isinstance(row, dict) and (text := _row_words(row))]
    shown = "; ".join(said[:MANY_SLOTS])
    rest = len(said) - MANY_SLOTS
    if rest > 0:
        shown += " " + ngettext("and %(count)s more", "and %(count)s more", rest) % {"count": rest}
    return cells.visible(shown)


def _row_words(row: Mapping[str, Any]) -> str:
    if "slotCount" in row:
        nodes = row.get("nodes")
        count = len(nodes) if isinstance(nodes, list) else 0
        return _("%(slots)s slots, %(nodes)s nodes") % {"slots": row["slotCount"], "nodes": count}
    if "online" in row and "nodeId" in row:
        return (_("node %(node)s online") if row["online"] else _("node %(node)s offline")) % {"node": row["nodeId"]}
    if "apiServerAddr" in row and "nodeId" in row:
        return _("node %(node)s at %(address)s") % {"node": row["nodeId"], "address": row["apiServerAddr"]}
    if "fromNodeId" in row:
        return _("slot %(slot)s from %(source)s to %(target)s") % {
            "slot": row.get("slotId", 0), "source": row["fromNodeId"], "target": row.get("toNodeId", "?"),
        }  # fmt: skip
    if "slotId" in row:
        return _("slot %(slot)s") % {"slot": row["slotId"]}
    if "leader" in row or "replicas" in row:
        return _slot_words(row)
    node = row.get("nodeId", row.get("id"))
    return _("node %(node)s") % {"node": node} if node is not None else ""


def _slot_words(row: Mapping[str, Any]) -> str:
    said = _("slot %(slot)s led by %(leader)s, term %(term)s") % {
        "slot": row.get("id", 0), "leader": row.get("leader", 0), "term": row.get("term", 0),
    }  # fmt: skip
    if row.get("migrateTo"):
        said += " " + _("(%(source)s to %(target)s)") % {
            "source": row.get("migrateFrom", "?"), "target": row["migrateTo"],
        }  # fmt: skip
    return said
