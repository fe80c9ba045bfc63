"""Saved searches, the history and exports as tables and words."""

from collections.abc import Sequence
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from imadmin.archive.counting import Tally
from imadmin.archive.exports import ExportView
from imadmin.archive.history import Past
from imadmin.archive.saved import Saved
from imadmin.web import cells, states
from imadmin.web.message_query import search_url
from imadmin.web.tables import Column, Table

ACT = "row-act"  # the form that the buttons in rows belong to

EXPORT_STATES = {
    "waiting": ("off", gettext_lazy("Waiting")),
    "running": ("run", gettext_lazy("Writing")),
    "ready": ("ok", gettext_lazy("Ready")),
    "failed": ("bad", gettext_lazy("Failed")),
    "stopped": ("off", gettext_lazy("Stopped")),
    "expired": ("off", gettext_lazy("Expired")),
}


def q_query(q: str | None) -> str:
    return f"?{urlencode({'q': q})}" if q is not None else ""


def tally(found: Tally) -> str:
    return f"{cells.number(found.count)}{'+' if found.is_capped else ''}"


def fresh(one: Saved) -> SafeString:
    """What is new to this person, in words."""
    if one.is_hidden:
        return SafeString("")
    if one.fresh is None:
        word = _("not opened yet") if one.seen_rid is None else _("not counted")
        return cells.html('<span class="faint">{word}</span>', word=word)
    if not one.fresh.count:
        return cells.html('<span class="faint">{word}</span>', word=_("nothing new"))
    return cells.html("<b>{text}</b>", text=_("%(count)s new") % {"count": tally(one.fresh)})


def owner(one: Saved) -> str:
    if one.is_mine:
        return _("you, shared") if one.is_shared else _("you")
    return cells.visible(one.owner)


def saved_table(slug: str, rows: Sequence[Saved], *, can_pin: bool = True) -> Table:
    columns = [
        Column("name", _("Name"), lambda one: _name(slug, one), kind="id", phone="m1"),
        Column("query", _("Search"), _query, kind="fill", phone="m3"),
        Column("fresh", _("Since you looked"), fresh, phone="m3", css="nw"),
        Column("counts", _("Last 48 h"), _spark, hide="p2", css="nw"),
        Column("owner", _("Saved by"), owner, hide="p3", css="nw dim"),
        Column("do", _("Actions"), lambda one: _saved_verbs(slug, one, can_pin=can_pin), kind="actions", phone="m2"),
    ]
    return Table(
        columns,
        rows,
        _("Saved searches"),
        states.empty(
            _("No saved search yet"),
            _("Search for something, then use the bookmark beside the search box."),
            states.Verb(_("Search messages"), reverse("messages", args=[slug]), "search"),
            icon="bookmark",
        ),
    )


def _name(slug: str, one: Saved) -> object:
    mark = cells.html("{icon}", icon=cells.icon("bookmark")) if one.is_pinned else ""
    text = cells.visible(one.name)
    shown = (
        cells.html('<span dir="auto">{text}</span>', text=text)
        if one.is_hidden
        else cells.link(text, reverse("saved-search-open", args=[slug, one.id]))
    )
    return cells.join([mark, shown], " ") if mark else shown


def _query(one: Saved) -> object:
    if one.query is None:
        return cells.html('<span class="masked">{text}</span>', text=_("its words are hidden from your role"))
    return cells.html('<span class="mono">{text}</span>', text=cells.visible(one.query))


def _spark(one: Saved) -> object:
    """The line, and its sum for those who don't see it."""
    known = [count for count in one.counts if count is not None]
    if not known:
        return cells.html('<span class="faint">{word}</span>', word="" if one.is_hidden else _("not counted yet"))
    total = cells.html('<span class="num">{number}</span>', number=tally(Tally(sum(known), one.is_capped)))
    return cells.join([cells.spark(list(one.counts)), total], " ")


def _saved_verbs(slug: str, one: Saved, *, can_pin: bool) -> object:
    pieces: list[object] = []
    if can_pin:
        label = _("Take %(name)s off the top") if one.is_pinned else _("Pin %(name)s to the top")
        pieces.append(
            _button(
                "bookmark", label % {"name": cells.visible(one.name)}, reverse("saved-search-pin", args=[slug, one.id]),
                "pinned", "" if one.is_pinned else "1", pressed=one.is_pinned,
            )
        )  # fmt: skip
    if one.may_change:
        if one.is_mine:
            label = _("Stop sharing %(name)s") if one.is_shared else _("Share %(name)s")
            pieces.append(
                _button(
                    "share", label % {"name": cells.visible(one.name)},
                    reverse("saved-search-share", args=[slug, one.id]), "shared", "" if one.is_shared else "1",
                    pressed=one.is_shared,
                )
            )  # fmt: skip
        url = reverse("saved-search-edit", args=[slug, one.id])
        label = _("Edit %(name)s") % {"name": cells.visible(one.name)}
        pieces.append(
            cells.html(
                '<a class="btn s quiet" href="{url}" aria-label="{label}">{word}</a>',
                url=url, label=label, word=_("Edit"),
            )
        )  # fmt: skip
    return cells.html('<span class="row">{pieces}</span>', pieces=cells.join(pieces))


def _button(icon: str, label: str, url: str, name: str, value: str, *, pressed: bool | None = None) -> SafeString:
    """A button in a row; it belongs to the one form beside the table, which carries the token."""
    state = "" if pressed is None else cells.html(' aria-pressed="{on}"', on="true" if pressed else "false")
    return cells.html(
        '<button class="btn s quiet icon" type="submit" form="{form}" formaction="{url}" name="{name}" value="{value}"'
        ' aria-label="{label}" title="{label}"{state}>{icon}</button>',
        form=ACT, url=url, name=name, value=value, label=label, state=state, icon=cells.icon(icon),
    )  # fmt: skip


def _found(one: Past) -> object:
    if one.hits is None:
        return ""
    return cells.html("{number}{more}", number=cells.number(one.hits), more="+" if one.is_capped else "")


def history_table(slug: str, rows: Sequence[Past]) -> Table:
    columns = [
        Column("query", _("Search"), lambda one: _past(slug, one), kind="id", phone="m1", css="fill"),
        Column("hits", _("Found"), _found, kind="num", hide="p2"),
        Column("uses", _("Times"), kind="num", hide="p2"),
        Column("used_at", _("Last"), kind="time", phone="m2"),
        Column(
            "do",
            _("Actions"),
            lambda one: _button(
                "x",
                _("Forget %(query)s") % {"query": cells.visible(one.query)[:80]},
                reverse("past-search-forget", args=[slug, one.id]),
                "forget",
                "1",
            ),
            kind="actions",
        ),
    ]
    return Table(
        columns,
        rows,
        _("Your search history"),
        states.empty(_("No history yet"), _("What you search for in this cluster is listed here, for you alone.")),
    )


def _past(slug: str, one: Past) -> object:
    return cells.link(cells.visible(one.query), search_url(slug, one.query), "mono")


# -- exports ---------------------------------------------------------------------------------------------------------


def export_state(one: ExportView) -> SafeString:
    shape, word = EXPORT_STATES.get(one.state, ("unknown", one.state))
    detail = _("cut") if one.is_cut and one.state == "ready" else ""
    return cells.status(shape, str(word), detail)


def export_table(slug: str, rows: Sequence[ExportView], *, is_later: bool = False) -> Table:
    """is_later: not the first page, so an empty one doesn't say that there is none."""
    columns = [
        Column("query", _("Search"), lambda one: _export_name(slug, one), kind="id", phone="m1", css="fill"),
        Column("state", _("State"), export_state, kind="status", phone="m3"),
        Column("rows", _("Messages"), kind="num", hide="p2"),
        Column("bytes", _("Size"), lambda one: cells.size(one.bytes) if one.bytes else "", kind="num", hide="p3"),
        Column("format", _("Format"), lambda one: one.format.upper(), hide="p3", css="nw"),
        Column("owner", _("Asked by"), lambda one: _("you") if one.is_mine else cells.visible(one.owner), hide="p3"),
        Column("created_at", _("Asked"), kind="time", phone="m2"),
        Column("expires_at", _("Until"), _until, kind="time", hide="p2"),
        Column("do", _("Actions"), lambda one: _export_verbs(slug, one), kind="actions"),
    ]
    return Table(
        columns,
        rows,
        _("Exports"),
        states.empty(_("Nothing older"), _("This was the last page."), icon="download")
        if is_later
        else states.empty(
            _("No export yet"),
            _("Files that you ask for are listed here until their time is over."),
            icon="download",
        ),
    )


def shown_query(one: ExportView) -> str:
    if one.query is None:
        return _("its words are hidden from your role")
    return cells.visible(one.query) if one.query else _("every message")


def _export_name(slug: str, one: ExportView) -> object:
    return cells.link(shown_query(one), reverse("export", args=[slug, one.id]), "mono")


def _until(one: ExportView) -> object:
    return cells.when(one.expires_at) if one.expires_at and one.state == "ready" else ""


def _export_verbs(slug: str, one: ExportView) -> object:
    if not one.can_fetch:
        return ""
    return cells.html(
        '<a class="btn s" href="{url}" download>{icon}{word}</a>',
        url=reverse("export-file", args=[slug, one.id]), icon=cells.icon("download"), word=_("Download"),
    )  # fmt: skip
