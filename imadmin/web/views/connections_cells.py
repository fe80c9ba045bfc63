"""Connections in words, cells and tables: the list with its columns, the facets, what is missing."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from imadmin.accounts.permissions import Permission
from imadmin.clusters.access import Scope
from imadmin.gateway.connection_types import ConnectionRow
from imadmin.gateway.types import DeviceFlag
from imadmin.monitor.connections import Filter, Listing, Term
from imadmin.monitor.connections.queries import FacetValue
from imadmin.web import cells, states
from imadmin.web.message_words import url_of
from imadmin.web.tables import Column, Select, Table

DEVICE_WORDS: Mapping[str, str | Promise] = {"app": "APP", "web": "WEB", "pc": "PC", "other": gettext_lazy("other")}
_DEVICE_ICONS = {DeviceFlag.APP: "device-mobile", DeviceFlag.WEB: "world", DeviceFlag.PC: "server-2"}
_DEVICE_KEYS: dict[int | None, str] = {DeviceFlag.APP: "app", DeviceFlag.WEB: "web", DeviceFlag.PC: "pc"}
LEVEL_WORDS: Mapping[str, str | Promise] = {"master": gettext_lazy("master"), "slave": gettext_lazy("slave")}

FACET_TITLES = {
    "node": gettext_lazy("Node"), "device": gettext_lazy("Device"), "level": gettext_lazy("Level"),
    "idle": gettext_lazy("Idle"), "age": gettext_lazy("Connected for"), "ip": gettext_lazy("Network"),
    "version": gettext_lazy("Protocol version"),
}  # fmt: skip
SPAN_WORDS: Mapping[str, str | Promise] = {
    "<1m": gettext_lazy("under 1 min"), "1m-10m": gettext_lazy("1 to 10 min"), ">=10m": gettext_lazy("over 10 min"),
    "<5m": gettext_lazy("under 5 min"), "5m-1h": gettext_lazy("5 min to 1 h"), "1h-1d": gettext_lazy("1 h to 1 d"),
    ">=1d": gettext_lazy("over 1 d"),
}  # fmt: skip

# Columns that can be chosen, in the list's order; the uid is always there.
LABELS: Mapping[str, str | Promise] = {
    "device": gettext_lazy("Device"), "node": gettext_lazy("Node"), "ip": gettext_lazy("Address"),
    "in": gettext_lazy("Messages in"), "out": gettext_lazy("Out"), "in_bytes": gettext_lazy("Bytes in"),
    "out_bytes": gettext_lazy("Bytes out"), "rate": gettext_lazy("Messages / s"), "idle": gettext_lazy("Idle"),
    "age": gettext_lazy("Up"), "version": gettext_lazy("Protocol version"), "device_id": gettext_lazy("Device id"),
    "leader": gettext_lazy("Slot leader"),
}  # fmt: skip
USUAL = ("device", "node", "ip", "in", "out", "idle", "age")
FALLING_FIRST = frozenset({"in", "out", "in_bytes", "out_bytes", "rate", "idle", "age"})


def key_of(row: ConnectionRow) -> str:
    return f"{row.node_id}-{row.id}"


def address_of(row: ConnectionRow) -> str:
    host = f"[{row.address}]" if ":" in row.address else row.address
    return f"{host}:{row.port}"


def table(
    scope: Scope, listing: Listing, wanted: Filter, *, columns: Sequence[str], sort: str, is_falling: bool,
    query: str, open_key: str = "", chosen: frozenset[str] = frozenset(),
) -> Table:  # fmt: skip
    """query: the filters in force, so that a row opens beside the same list."""
    can_kick = scope.can(Permission.KICK)
    made = _columns(scope, query)
    return Table(
        columns=[made["uid"], *(made[name] for name in columns), made["do"]],
        rows=listing.rows,
        caption=_("Connections"),
        empty=_nothing(scope, listing, wanted),
        select=Select(key_of, _select_label, name="target") if can_kick else None,
        sort=(sort, "descending" if is_falling else "ascending"),
        sort_url=lambda key: sort_url(wanted, key, sort, is_falling),
        stale=wanted.is_remembered,
        is_open=lambda row: key_of(row) == open_key,
        row_id=lambda row: f"c-{key_of(row)}",
        chosen=chosen,
    )


def _select_label(row: ConnectionRow) -> str:
    told = {"node": row.node_id, "id": row.id, "uid": cells.visible(row.uid)}
    return _("Select connection %(node)s #%(id)s of %(uid)s") % told


def sort_url(wanted: Filter, key: str, sort: str, is_falling: bool) -> str:
    falls = not is_falling if key == sort else key in FALLING_FIRST
    return query_of(wanted, sort=f"-{key}" if falls else key) or "?"


def query_of(wanted: Filter, *, sort: str = "", **more: object) -> str:
    """The address of the list with these filters, from the question mark on."""
    pairs: list[tuple[str, object]] = [*wanted.pairs()]
    if sort:
        pairs.append(("sort", sort))
    pairs += [(name, value) for name, value in more.items() if value]
    return f"?{urlencode(pairs)}" if pairs else ""


def _columns(scope: Scope, query: str) -> dict[str, Column]:
    slug = scope.slug

    def uid(row: ConnectionRow) -> object:
        return cells.ident(row.uid, url_of("user", slug, row.uid), _("Copy uid"))

    def number(name: str, field: str, **more: Any) -> Column:
        return Column(name, LABELS[name], lambda row: cells.number(getattr(row, field)), "num", sort=name, **more)

    def seconds(name: str, field: str, **more: Any) -> Column:
        return Column(name, LABELS[name], lambda row: cells.duration(getattr(row, field)), "num", sort=name, **more)

    made = [
        Column("uid", _("Uid"), uid, "id", "m1", css="slim", sort="uid"),
        Column("device", LABELS["device"], device, phone="m3", css="nw", sort="device"),
        Column("node", LABELS["node"], lambda row: _node(row, slug, query), phone="m3", css="nw", sort="node"),
        Column("ip", LABELS["ip"], lambda row: cells.mono(address_of(row)), phone="m3", css="slim", sort="ip"),
        number("in", "in_msgs", hide="p3"),
        number("out", "out_msgs", hide="p3"),
        Column("in_bytes", LABELS["in_bytes"], lambda row: cells.size(row.in_bytes), "num", hide="p3", sort="in_bytes"),
        Column(
            "out_bytes", LABELS["out_bytes"], lambda row: cells.size(row.out_bytes), "num", hide="p3", sort="out_bytes"
        ),
        Column("rate", LABELS["rate"], lambda row: cells.number(row.rate, 2), "num", hide="p3", sort="rate"),
        seconds("idle", "idle", phone="m2", css="nw"),
        seconds("age", "uptime", hide="p2", css="nw dim"),
        Column("version", LABELS["version"], lambda row: row.protocol_version, "num", hide="p3", sort="version"),
        Column(
            "device_id",
            LABELS["device_id"],
            lambda row: cells.mono(row.device_id),
            hide="p3",
            css="slim",
            sort="device_id",
        ),
        Column("leader", LABELS["leader"], lambda row: row.leader_id, "num", hide="p3", sort="leader"),
        Column("do", _("Actions"), lambda row: menu(scope, row), "actions"),
    ]
    return {column.key: column for column in made}


def device(row: ConnectionRow) -> SafeString:
    level = LEVEL_WORDS.get(row.device_level, row.device_level)
    return cells.html(
        '<span class="row" title="{id}">{icon}{name} <span class="faint sm">{level}</span></span>',
        id=cells.visible(row.device_id), name=DEVICE_WORDS[_DEVICE_KEYS.get(row.device_flag, "other")], level=level,
        icon=cells.icon(next((icon for flag, icon in _DEVICE_ICONS.items() if flag == row.device_flag), "plug")),
    )  # fmt: skip


def _node(row: ConnectionRow, slug: str, query: str) -> SafeString:
    shown = cells.html('{node} <span class="faint mono">#{id}</span>', node=row.node_id, id=row.id)
    return cells.link(shown, reverse("connection", args=[slug, row.node_id, row.id]) + query, "hitlink", more="drawer")


def menu(scope: Scope, row: ConnectionRow) -> SafeString:
    """What can be done with one row; the menu opens without a script."""
    items = [
        (_("Open user"), url_of("user", scope.slug, row.uid), "user"),
        (_("Connections of this uid"), query_of(exactly(row.uid)), "plug-connected"),
    ]
    if scope.can(Permission.KICK):
        items.append((_("Kick…"), kick_url(scope, row), "ban"))
    links = cells.join(
        cells.html('<li><a href="{url}">{icon}{label}</a></li>', url=url, icon=cells.icon(icon), label=label)
        for label, url, icon in items
    )
    return cells.html(
        '<button class="btn s quiet icon" type="button" popovertarget="{id}" aria-haspopup="menu" aria-label="{label}">'
        '{dots}</button><div class="menu pop" id="{id}" popover data-menu><ul>{links}'
        '<li><button type="button" data-copy="{address}">{copy}{copy_label}</button></li></ul></div>',
        id=f"m-{key_of(row)}", dots=cells.icon("dots"), links=links, copy=cells.icon("copy"), address=address_of(row),
        copy_label=_("Copy address"), label=_("Actions on %(what)s") % {"what": cells.visible(row.uid)},
    )  # fmt: skip


def exactly(uid: str) -> Filter:
    return Filter((Term("uid", f"={uid}"),))


def kick_url(scope: Scope, row: ConnectionRow) -> str:
    asked = urlencode({"node": row.node_id, "session": row.id})
    return f"{url_of('user-kick', scope.slug, row.uid)}?{asked}"


def _nothing(scope: Scope, listing: Listing, wanted: Filter) -> states.State:
    everything = states.Verb(_("Clear all"), reverse("connections", args=[scope.slug]))
    if listing.of:
        why = ngettext(
            "None of the %(count)s connection fits the filters.", "None of the %(count)s connections fits the filters.",
            listing.of,
        )  # fmt: skip
        return states.filtered(why % {"count": cells.number(listing.of)}, everything)
    if wanted.is_remembered:
        return states.empty(
            _("Nothing is remembered"), _("No node tells of a connection elsewhere that its own node doesn’t tell.")
        )
    if listing.silent:
        return states.empty(_("No connection on the nodes that answer"), _("What the others hold is unknown."))
    return states.empty(_("Nobody is connected"), _("Every node answered, and none lists a connection."), icon="plug")


# -- facets -----------------------------------------------------------------------------------------------------------


def facets(listing: Listing, wanted: Filter, sort: str) -> list[dict[str, Any]]:
    return [
        {
            "name": facet.name,
            "title": FACET_TITLES[facet.name],
            "values": [_facet_value(value, wanted, sort, _most(facet.values)) for value in facet.values],
        }
        for facet in listing.facets
        if len(facet.values) > 1 or any(value.is_chosen for value in facet.values)
    ]


def _most(values: Sequence[FacetValue]) -> int:
    return max((value.count or 0 for value in values), default=0)


def _facet_value(value: FacetValue, wanted: Filter, sort: str, most: int) -> dict[str, Any]:
    return {
        "word": word_of(value.term.field, value.term.value),
        "count": cells.number(value.count),
        "url": query_of(wanted.toggled(value.term), sort=sort) or "?",
        "is_chosen": value.is_chosen,
        "meter": cells.meter((value.count or 0) / most if most else 0, "info" if value.is_chosen else ""),
    }


_WORDS: Mapping[str, Mapping[str, str | Promise]] = {
    "device": DEVICE_WORDS, "level": LEVEL_WORDS, "idle": SPAN_WORDS, "age": SPAN_WORDS,
}  # fmt: skip


def word_of(field: str, value: str) -> object:
    return _WORDS.get(field, {}).get(value, value)


def chips(wanted: Filter, sort: str) -> list[dict[str, Any]]:
    """The filters in force, each with the address without it."""
    made = [
        {
            "name": term.field,
            "value": term.value,
            "negated": term.is_negated,
            "remove": query_of(wanted.without(term=term), sort=sort) or "?",
        }
        for term in wanted.terms
    ]
    if wanted.is_remembered:
        told = query_of(Filter(wanted.terms), sort=sort) or "?"
        made.append({"name": "known", "value": "remembered", "negated": False, "remove": told})
    return made


# -- what is missing --------------------------------------------------------------------------------------------------


def gaps(scope: Scope, listing: Listing) -> list[dict[str, Any]]:
    """Each node that didn't answer: why, what it had, what others remember of it."""
    reasons = {failure.node: failure.reason for failure in listing.failed}
    return [
        {
            "node": node.id,
            "reason": _(reasons[str(node.id)]) if str(node.id) in reasons else "",
            "had": listing.known.get(node.id),
            "remembered": node.remembered,
            "url": f"{reverse('connections', args=[scope.slug])}?known=remembered&node={node.id}",
        }
        for node in listing.silent
    ]


def incomplete(listing: Listing) -> list[dict[str, object]]:
    """Nodes that answered, but not with everything."""
    silent = {str(node.id) for node in listing.silent}
    return [
        {"node": failure.node, "reason": _(failure.reason)} for failure in listing.failed if failure.node not in silent
    ]
