"""The live tail: a page with the newest messages of a search, and the rows that its script asks for as it follows."""

from functools import partial
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from imadmin.accounts.permissions import Permission
from imadmin.archive import tail
from imadmin.archive.asking import reader_zone
from imadmin.archive.engines.base import RID_MAX
from imadmin.archive.finding import terms_of
from imadmin.archive.grammar import QueryError
from imadmin.archive.masking import BodyAccess, ShownMessage, body_access
from imadmin.archive.operators import channel_value, quoted
from imadmin.archive.search import Count
from imadmin.archive.tail import Tail
from imadmin.clusters import access
from imadmin.clusters.access import Scope
from imadmin.gateway.types import ChannelRef
from imadmin.web import cells, message_query, messages_show, respond, states
from imadmin.web import message_words as words
from imadmin.web.tables import Column, Table, clock, mono

PAGE = "pages/tail/tail.html"
KEPT = 500  # rows that stay in the page; static/js/tail.js keeps to it
BASE = 36  # of the numbers that the script sends back


@require_safe
def page(request: HttpRequest, slug: str) -> HttpResponse:
    scope = access.enter(request, slug, Permission.SEARCH_MESSAGES)
    q = message_query.q_of(request.GET.getlist("q"))
    found, wrong = None, None
    try:
        found = tail.newest(scope, q, zone=reader_zone())
    except QueryError as error:
        wrong = message_query.wrong_of(q, error)
    box = message_query.box_context(scope, reverse("tail", args=[slug]), q, is_broken=wrong is not None)
    context = _frame(scope, q) | _source(scope) | box | {"found": found, "wrong": wrong}
    if found:
        context |= _news(scope, found)
    return respond.page(request, PAGE, context, status=422 if wrong else 200)


@require_safe
def rows(request: HttpRequest, slug: str) -> HttpResponse:
    """What came after the mark; with `count` only how much waits.  Nothing of it may be kept by a browser."""
    scope = access.enter(request, slug, Permission.SEARCH_MESSAGES)
    q = message_query.q_of(request.GET.getlist("q"))
    after = _number(request.GET.get("after", ""))
    if "count" in request.GET:
        waits = tail.waiting(scope, q, after, zone=reader_zone())
        return _private(JsonResponse({"count": waits.value, "more": waits.is_capped, "word": _many(waits)}))
    floor = _number(request.GET.get("floor", ""))
    found = tail.since(scope, q, after, zone=reader_zone(), floor=floor, have=_have(request, after))
    return _private(respond.fragment(request, f"{PAGE}#more", _news(scope, found) | _source(scope)))


def tail_url(scope: Scope, *, channel: ChannelRef | None = None, uid: str = "") -> str:
    """The tail of a channel or a person; "" for who may not see messages."""
    if not scope.can(Permission.SEARCH_MESSAGES):
        return ""
    q = f"in:{channel_value(channel)}" if channel else f"from:{quoted(uid)}"
    return f"{reverse('tail', args=[scope.slug])}?{urlencode({'q': q})}"


def _frame(scope: Scope, q: str) -> dict[str, Any]:
    slug = scope.slug
    return {
        "slug": slug,
        "q": q,
        "access": body_access(scope),
        "kept": KEPT,
        "rows_url": reverse("tail-rows", args=[slug]),
        "search_url": message_query.search_url(slug, q),
        "api_path": f"{reverse('api:tail_archive', args=[slug])}?{urlencode({'q': q})}",
    }


def _source(scope: Scope) -> dict[str, Any]:
    return {"source": tail.source_of(scope), "completeness_url": words.url_of("completeness", scope.slug)}


def _news(scope: Scope, found: Tail) -> dict[str, Any]:
    return {
        "found": found,
        "table": _table(scope, found),
        "left_out": found.left_out,
        "is_capped": found.is_capped,
        "is_behind": found.is_behind,
    }


def _table(scope: Scope, found: Tail) -> Table:
    slug = scope.slug
    snippet = partial(_snippet, slug, body_access(scope), found)
    return Table(
        columns=(
            Column("sent_at", _("Time"), lambda row: clock(row.sent_at), kind="time", phone="m2"),
            Column("from_uid", _("Sender"), lambda row: words.sender_cell(slug, row.from_uid), kind="id", phone="m1"),
            Column("text", _("Message"), snippet, kind="fill", phone="m3"),
            Column("channel", _("Channel"), lambda row: words.channel_cell(slug, row.channel), hide="p2", css="nw"),
            Column("kind", _("Type"), words.kind_tag, hide="p3", css="nw"),
            Column("seq", _("Seq"), lambda row: mono(row.seq), kind="num", hide="p3", css="faint"),
        ),
        rows=found.rows,
        caption=_("Messages, newest first"),
        empty=_nothing(slug, found),
        row_id=_row_id,
    )


def _snippet(slug: str, access: BodyAccess, found: Tail, row: ShownMessage) -> SafeString:
    return words.hit_cell(slug, row, access, terms_of(found.where), marks=messages_show.marks(row), q=found.query)


def _row_id(row: ShownMessage) -> str:
    """The place in the archive, by which the script orders rows and knows those it has."""
    return f"r{row.rid}"


def _nothing(slug: str, found: Tail) -> states.State:
    everything = states.Verb(_("Show all"), reverse("tail", args=[slug]))
    if found.query:
        return states.filtered(_("No message in the archive fits. Rows appear when one comes."), everything)
    return states.empty(_("No message yet"), _("Rows appear when the archive takes one in."))


def _have(request: HttpRequest, after: int) -> list[int]:
    """The rows that the page has shown, told as how far before the mark they are."""
    parts = request.GET.get("have", "").split(".")[: tail.HAVE_MOST]
    return [after - int(part, BASE) for part in parts if part.isascii() and part.isalnum() and len(part) < 12]


def _number(text: str) -> int:
    return min(int(text), RID_MAX) if text.isascii() and text.isdecimal() and len(text) < 20 else 0


def _many(waits: Count) -> str:
    if waits.is_capped:
        return _("Resume, more than %(count)s waiting") % {"count": cells.number(waits.value)}
    return ngettext("Resume, %(count)s waiting", "Resume, %(count)s waiting", waits.value) % {
        "count": cells.number(waits.value)
    }


def _private(response: HttpResponse) -> HttpResponse:
    response["Cache-Control"] = "private, no-store"
    return response
