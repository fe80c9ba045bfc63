"""The feed: who connected and who disconnected, newest first, as the webhook and our own comparisons tell."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from imadmin.accounts.permissions import Permission
from imadmin.clusters import access
from imadmin.clusters.access import Scope
from imadmin.gateway.types import DeviceFlag
from imadmin.live import hook_setup, presence
from imadmin.live.presence import FeedFilter, FeedPage
from imadmin.monitor.models import Presence
from imadmin.web import cells, respond, states
from imadmin.web.forms.live import FeedForm
from imadmin.web.tables import Column, Table, ident, status, tag

PAGE = "pages/live/feed.html"
DEVICE_WORDS = {DeviceFlag.APP: "App", DeviceFlag.WEB: "Web", DeviceFlag.PC: "PC", DeviceFlag.SYSTEM: "System"}
COUNT_MOST = 1000


@require_safe
def feed(request: HttpRequest, slug: str) -> HttpResponse:
    scope = access.enter(request, slug)
    form = FeedForm(request.GET)
    if not form.is_valid():
        nothing = states.filtered(_("The filters can't be used; see beside the fields."))
        context = _frame(scope, form) | {"table": nothing, "page": None}
        return respond.page_or_fragment(request, PAGE, context, fragment="rows", status=422)
    wanted = form.wanted()
    if respond.wants_fragment(request) and request.htmx.target == "waiting":  # type: ignore[attr-defined]
        return respond.fragment(request, f"{PAGE}#waiting", _waiting(request, scope, wanted))
    page = presence.feed(scope, wanted, cursor=request.GET.get("cursor", ""))
    context = _frame(scope, form) | {
        "page": page,
        "table": _table(scope, page, wanted),
        "is_later": bool(request.GET.get("cursor")),
        "newest": page.newest,
        "waiting": 0,
    }
    return respond.page_or_fragment(request, PAGE, context, fragment="rows")


def _waiting(request: HttpRequest, scope: Scope, wanted: FeedFilter) -> dict[str, Any]:
    """How many rows came since the ones that a paused page shows."""
    given = request.GET.get("newest", "")
    newest = int(given) if given.isascii() and given.isdecimal() and len(given) < 19 else 0
    count = presence.count_after(scope, wanted, newest, most=COUNT_MOST)
    return {"newest": newest, "waiting": count, "waiting_word": _waiting_word(count)}


def _waiting_word(count: int) -> str:
    if count >= COUNT_MOST:
        return _("more than %(count)s rows wait") % {"count": cells.number(COUNT_MOST)}
    return ngettext("%(count)s row waits", "%(count)s rows wait", count) % {"count": cells.number(count)}


def _frame(scope: Scope, form: FeedForm) -> dict[str, Any]:
    return {
        "form": form,
        "slug": scope.slug,
        "hook": hook_setup.health(scope),
        "dropped": presence.dropped(scope.cluster.pk),
        "may_operate": scope.can(Permission.OPERATE_CLUSTER),
        "kept": presence.KEPT,
        "api_path": f"/api/v1/clusters/{scope.slug}/presence",
    }


def _table(scope: Scope, page: FeedPage, wanted: FeedFilter) -> Table:
    slug = scope.slug
    columns = [
        Column("at", _("Time"), lambda row: cells.clock(row.at), "time", "m2"),
        Column("uid", _("Uid"), lambda row: ident(row.uid, reverse("user", args=[slug, row.uid]), _("Copy uid")),
               "id", "m1"),
        Column("what", _("What"), _what, "status", "m3"),
        Column("device", _("Device"), lambda row: device_word(row.device_flag), phone="m3"),
        Column("left", _("Connections left"), lambda row: row.left, "num", hide="p2"),
        Column("connection", _("Connection"), _connection, phone="", hide="p2"),
        Column("source", _("Told by"), _source, phone="", hide="p3"),
    ]  # fmt: skip
    return Table(columns, page.items, _("Connects and disconnects"), _nothing(slug, wanted), row_id=_row_id)


def device_word(flag: int | None) -> str:
    if flag is None:
        return _("unknown")
    return DEVICE_WORDS[DeviceFlag(flag)] if flag in set(DeviceFlag) else str(flag)


def _row_id(row: Presence) -> str:
    return f"p{row.pk}"


def _what(row: Presence) -> object:
    return status("ok", _("Connected")) if row.is_online else status("off", _("Disconnected"))


def _connection(row: Presence) -> object:
    """The webhook doesn't tell the node, and each node numbers its own."""
    if row.connection is None:
        return ""
    if row.node is None:
        return cells.html('<span class="faint">#{id}</span>', id=row.connection)
    return cells.html('{node} <span class="faint">#{id}</span>', node=row.node, id=row.connection)


def _source(row: Presence) -> object:
    return tag(_("webhook"), "info") if row.source == Presence.Source.WEBHOOK else tag(_("comparison"))


def _nothing(slug: str, wanted: FeedFilter) -> states.State:
    if wanted != FeedFilter():
        everything = states.Verb(_("Show all"), reverse("live-feed", args=[slug]))
        return states.filtered(_("Nobody like this came or went lately."), everything)
    return states.empty(
        _("Nobody came or went yet"),
        _("Rows appear when a connection begins or ends. What happened before imadmin watched isn't known."),
    )
