"""The server's own search for messages: one form, one answer, what it cost and what it can't promise."""

from collections import Counter
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlencode

from django.core.exceptions import NON_FIELD_ERRORS
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from imadmin.accounts.permissions import Permission
from imadmin.archive import costs, queries
from imadmin.archive.masking import BodyAccess, ShownMessage, body_access
from imadmin.archive.queries import FoundMessages
from imadmin.clusters import access
from imadmin.web import cells, respond, states
from imadmin.web import message_words as words
from imadmin.web.forms.messages import MessageSearchForm
from imadmin.web.tables import Column, Table, clock, mono

TEMPLATE = "pages/messages/server.html"
FACETS = 6


@require_safe
def search(request: HttpRequest, slug: str) -> HttpResponse:
    scope = access.enter(request, slug, Permission.SEARCH_MESSAGES)
    form = MessageSearchForm(request.GET)
    cursor = request.GET.get("cursor", "")
    found = respond.attempt(form, lambda: queries.search(scope, form.wanted(), cursor=cursor))
    context = {
        "is_part": respond.wants_fragment(request),
        "form": form,
        "access": body_access(scope),
        "found": found,
        "cursor": cursor,
        "asked": bool(found and found.wanted.given()),
        "first_page": "" if found else _first_page(request, form),
        **(_answer(slug, found, cursor) if found else {}),
    }
    response = respond.page_or_fragment(
        request, TEMPLATE, context, fragment="search", status=200 if found else 422, say=_say(found)
    )
    if found and respond.wants_fragment(request):
        response["HX-Push-Url"] = _address(slug, found, cursor)
    return response


def _first_page(request: HttpRequest, form: MessageSearchForm) -> str:
    """The same search without its page marker, when nothing but the marker was wrong."""
    if set(form.errors) != {NON_FIELD_ERRORS} or not request.GET.get("cursor"):
        return ""
    query = request.GET.copy()
    del query["cursor"]
    return f"{request.path}?{query.urlencode()}" if query else request.path


def _answer(slug: str, found: FoundMessages, cursor: str) -> dict[str, object]:
    channel = found.query.channel
    return {
        "cost": costs.cost_of(found),
        "strange_kind": channel.type if channel and channel.type not in words.CHANNEL_KINDS else None,
        "table": _table(slug, found, cursor),
        "facets": _facets(slug, found),
        "api_path": f"{reverse('api:search_messages', args=[slug])}{_query(found.wanted.given())}",
    }


def _table(slug: str, found: FoundMessages, cursor: str) -> Table:
    snippet = partial(words.snippet_cell, slug, access=found.access, wanted=found.wanted.text)
    return Table(
        columns=(
            Column("sent_at", _("Time"), lambda row: clock(row.sent_at), kind="time", phone="m2"),
            Column("from_uid", _("Sender"), lambda row: words.sender_cell(slug, row.from_uid), kind="id", phone="m1"),
            Column("text", _("Message"), snippet, kind="fill", phone="m3"),
            Column("channel", _("Channel"), lambda row: words.channel_cell(slug, row.channel), hide="p2", css="nw"),
            Column("kind", _("Type"), words.kind_tag, hide="p3", css="nw"),
            Column("seq", _("Seq"), _seq_cell, kind="num", hide="p3", css="faint"),
        ),
        rows=found.items,
        caption=_("Messages, newest first"),
        empty=states.empty(
            _("No message found"),
            _(costs.why_nothing(found.query, is_later_page=bool(cursor))),
            states.Verb(_("Latest messages"), reverse("messages-server", args=[slug]), "refresh"),
            icon="zoom-question",
        ),
    )


def _seq_cell(row: ShownMessage) -> object:
    if not row.is_doubled:
        return mono(row.seq)
    twice = cells.glyph("warn", _("This place in the channel was given out twice"))
    return cells.html("{twice} {seq}", twice=twice, seq=mono(row.seq))


@dataclass(frozen=True, slots=True)
class Facet:
    """One value among the messages on this page. share: of the most frequent one."""

    label: str
    url: str
    count: int
    share: float


def _facets(slug: str, found: FoundMessages) -> list[tuple[str, list[Facet]]]:
    """Who and where on this page: what it takes to narrow, counted only over what is shown."""
    senders = Counter(item.from_uid for item in found.items if item.from_uid not in ("", words.SYSTEM_UID))
    channels = Counter(item.channel for item in found.items)
    in_channel = _given(found, "channel_type", "channel_id", "uid_one", "uid_two", "text")
    by_sender = _given(found, "sender", "text")
    who = [(uid, {**in_channel, "sender": uid}, count) for uid, count in senders.most_common(FACETS)]
    where = [
        (channel.id, {"channel_type": int(channel.type), "channel_id": channel.id, **by_sender}, count)
        for channel, count in channels.most_common(FACETS)
    ]
    address = reverse("messages-server", args=[slug])
    return [
        (
            title,
            [
                Facet(cells.visible(label), address + _query(query), count, count / rows[0][2])
                for label, query, count in rows
            ],
        )
        for title, rows in ((_("Sender"), who), (_("Channel"), where))
        if len(rows) > 1
    ]


def _given(found: FoundMessages, *names: str) -> dict[str, object]:
    return {name: value for name, value in found.wanted.given().items() if name in names}


def _query(values: dict[str, object]) -> str:
    return f"?{urlencode(values)}" if values else ""


def _address(slug: str, found: FoundMessages, cursor: str) -> str:
    given = {**found.wanted.given(), **({"cursor": cursor} if cursor else {})}
    return f"{reverse('messages-server', args=[slug])}{_query(given)}"


def _say(found: FoundMessages | None) -> str:
    if found is None:
        return _("Nothing was searched: look at the fields")
    count = len(found.items)
    said = ngettext("%(count)s message found", "%(count)s messages found", count) % {"count": count}
    return f"{said}. {_('Bodies are masked.')}" if found.access is not BodyAccess.OPEN else said
