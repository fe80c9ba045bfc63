"""How complete the archive is: the verdict, the figures, channel by channel; opening, closing, reading now."""

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from imadmin.accounts.permissions import Permission
from imadmin.archive import clocks, completeness, running
from imadmin.archive.completeness import ChannelPage, HeldChannel
from imadmin.clusters import access
from imadmin.clusters.access import Scope
from imadmin.jobs import archives
from imadmin.jobs.archive_jobs import channel_of
from imadmin.web import archive_words, cells, respond, states
from imadmin.web import message_words as words
from imadmin.web.forms.archive import BudgetForm, ReadForm
from imadmin.web.respond import Toast
from imadmin.web.tables import Column, Table

PAGE = "pages/messages/completeness.html"
ESTIMATE = "pages/messages/archive_cost.html"


@require_safe
def show(request: HttpRequest, slug: str) -> HttpResponse:
    scope = access.enter(request, slug)
    if respond.wants_fragment(request) and request.htmx.target == "channels":  # type: ignore[attr-defined]
        context = _channels(request, scope)
        count = len(context["page"].rows)
        say = ngettext("%(count)s channel", "%(count)s channels", count) % {"count": count}
        return respond.fragment(request, f"{PAGE}#channels", context, say=say)
    if respond.wants_fragment(request):
        return respond.fragment(request, f"{PAGE}#archive", _archive(scope))
    return respond.page(request, PAGE, _context(request, scope))


@require_safe
def cost(request: HttpRequest, slug: str) -> HttpResponse:
    """What opening would cost, counted now: a part of the page, or a page of its own without JavaScript."""
    scope = access.enter(request, slug, Permission.OPERATE_CLUSTER)
    return respond.page_or_fragment(request, ESTIMATE, {"cost": running.estimate(scope)}, fragment="cost")


@require_POST
def open_(request: HttpRequest, slug: str) -> HttpResponse:
    scope = access.enter(request, slug, Permission.OPERATE_CLUSTER)
    form = BudgetForm(request.POST)
    archive = respond.attempt(form, lambda: archives.open_(scope, **form.cleaned_data))
    toast = Toast(_("The archive is open"), _("The cluster is being read; searching works meanwhile."))
    return _after(request, scope, archive, toast, {"open_form": form})


@require_POST
def close(request: HttpRequest, slug: str) -> HttpResponse:
    scope = access.enter(request, slug, Permission.OPERATE_CLUSTER)
    form = ReadForm(request.POST)
    archive = respond.attempt(form, lambda: archives.close(scope, reason=form.cleaned_data["reason"]))
    toast = Toast(_("The archive is closed"), _("What is in it stays and can be searched."))
    return _after(request, scope, archive, toast, {"close_form": form})


@require_POST
def budget(request: HttpRequest, slug: str) -> HttpResponse:
    scope = access.enter(request, slug, Permission.OPERATE_CLUSTER)
    form = BudgetForm(request.POST)
    archive = respond.attempt(form, lambda: running.set_budget(scope, **form.cleaned_data))
    return _after(request, scope, archive, Toast(_("The budget is changed"), ""), {"budget_form": form})


@require_POST
def read(request: HttpRequest, slug: str) -> HttpResponse:
    """A round over all channels, or one channel now."""
    scope = access.enter(request, slug, Permission.OPERATE_CLUSTER)
    form = ReadForm(request.POST)

    def begin() -> str:
        name = form.cleaned_data["channel"]
        channel = channel_of(name) if name else None
        return archives.read_now(scope, reason=form.cleaned_data["reason"], channel=channel)

    run_id = respond.attempt(form, begin)
    link = reverse("job", args=[slug, run_id]) if run_id else ""
    toast = Toast(_("It is being read"), "", kind="info", link=link, link_label=_("Follow the run"))
    return _after(request, scope, run_id, toast, {"read_form": form})


def _after(request: HttpRequest, scope: Scope, done: object, toast: Toast, failed: dict[str, Any]) -> HttpResponse:
    if done is None:
        return respond.page(request, PAGE, _context(request, scope) | failed, status=422)
    return respond.redirect(request, reverse("completeness", args=[scope.slug]), toast=toast)


def _context(request: HttpRequest, scope: Scope) -> dict[str, Any]:
    """read: one channel that is to be read now; its dialog stands open then."""
    name = request.GET.get("read", "")
    return _archive(scope) | _channels(request, scope) | {
        "read_one": ReadForm(initial={"channel": name}) if name else None,
        "read_channel": name,
        "here": reverse("completeness", args=[scope.slug]),
    }  # fmt: skip


def _archive(scope: Scope) -> dict[str, Any]:
    found = completeness.status(scope)
    shape, word, sentence = archive_words.verdict(found)
    reading = archives.reading(scope)
    may_operate = scope.can(Permission.OPERATE_CLUSTER)
    return {
        "slug": scope.slug,
        "found": found,
        "shape": shape,
        "verdict": word,
        "sentence": sentence,
        "kind": {"gaps": "warn", "waiting": "warn", "complete": "ok", "empty": "ok"}.get(found.state, "info"),
        "bytes_each": cells.size(running.bytes_each(found.totals)) if found.totals.messages else "",
        "index_share": round(100 * found.totals.index_bytes / found.totals.bytes) if found.totals.bytes else 0,
        "lag": cells.duration(found.feed_lag) if found.feed_lag is not None else "",
        "reading": reading,
        "progress": archive_words.progress(reading) if reading else "",
        "may_operate": may_operate,
        "open_form": BudgetForm(initial={"budget": found.budget}),
        "budget_form": BudgetForm(initial={"budget": found.budget}),
        "read_form": None,
        "close_form": None,
    }


# -- channels -------------------------------------------------------------------------------------------------------


def _channels(request: HttpRequest, scope: Scope) -> dict[str, Any]:
    show = request.GET.get("show", "all")
    page = completeness.channels(scope, show=show, cursor=request.GET.get("cursor", ""))
    here = reverse("completeness", args=[scope.slug])
    labels = {"all": _("All"), "gaps": _("With gaps"), "unread": _("Never read"), "whole": _("Complete")}
    return {
        "slug": scope.slug,
        "page": page,
        "segments": [(label, f"{here}?show={name}" if name != "all" else here, name == show)
                     for name, label in labels.items()],
        "table": _table(scope, page, show),
    }  # fmt: skip


def _table(scope: Scope, page: ChannelPage, show: str) -> Table:
    columns = [
        Column("channel", _("Channel"), lambda row: words.channel_cell(scope.slug, row.hold.channel), "id", "m1"),
        Column("kind", _("Kind"), lambda row: words.channel_kind(row.hold.channel), hide="p3", css="nw"),
        Column("held", _("Held"), archive_words.bar, "fill", "m3"),
        Column("messages", _("Messages"), lambda row: cells.number(row.hold.messages), "num", "m2"),
        Column("newest", _("Newest number"), lambda row: cells.number(row.newest), "num", hide="p2"),
        Column("missing", _("Missing"), _missing, "num", "m3"),
        Column("since", _("Archived since"), _since, "time", hide="p2"),
        Column("last", _("Last message"), lambda row: cells.clock(clocks.moment(row.hold.last_at)), "time", hide="p2"),
        Column("do", _("Actions"), lambda row: _verbs(scope, row), "actions"),
    ]
    here = reverse("completeness", args=[scope.slug])
    nothing = (
        states.filtered(_("No channel is like that on this page."), states.Verb(_("Show all"), here))
        if show != "all"
        else states.empty(_("No channel yet"), _("Channels come with the first round, or with the first message."))
    )
    return Table(columns, page.rows, _("Channels"), nothing)


def _missing(row: HeldChannel) -> object:
    if not row.hold.missing:
        return cells.status("ok", _("nothing"))
    return cells.html(
        '<span title="{ranges}">{count}</span>{why}',
        ranges=archive_words.ranges(row),
        count=cells.number(row.hold.missing),
        why=cells.html(' <span class="faint">{word}</span>', word=_("the server doesn’t list it"))
        if row.hold.is_unlisted
        else "",
    )


def _since(row: HeldChannel) -> object:
    """When the first message that is held was sent."""
    if row.hold.first_at is not None and row.since is None:
        return cells.html('<span class="faint">{word}</span>', word=_("the server’s clock was wrong"))
    return cells.clock(clocks.moment(row.since))


def _verbs(scope: Scope, row: HeldChannel) -> object:
    query = urlencode({"channel_id": row.hold.channel.id, "channel_type": row.hold.channel.type})
    server = f"{reverse('messages-server', args=[scope.slug])}?{query}"
    links = [cells.link(_("Search the server"), server, "btn s quiet")]
    if scope.can(Permission.OPERATE_CLUSTER) and row.can_be_read:
        here = f"{reverse('completeness', args=[scope.slug])}?{urlencode({'read': str(row.hold.channel)})}"
        links.insert(0, cells.link(_("Read now…"), here, "btn s"))
    return cells.join(links, " ")
