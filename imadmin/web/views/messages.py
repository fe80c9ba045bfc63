"""The search for messages in the archive: one box, its answer, how complete that is, and what one does about it."""

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from imadmin.accounts.permissions import Permission
from imadmin.archive import exports, finding, history
from imadmin.archive.asking import reader_zone
from imadmin.archive.finding import FoundPage
from imadmin.archive.grammar import QueryError
from imadmin.archive.masking import BodyAccess, body_access
from imadmin.archive.wanted import SearchFields
from imadmin.clusters import access
from imadmin.clusters.access import Scope
from imadmin.core.errors import InvalidInput
from imadmin.web import message_query as queries
from imadmin.web import messages_show as show
from imadmin.web import respond
from imadmin.web.message_words import url_of
from imadmin.web.views import saved

TEMPLATE = "pages/messages/search.html"
_OLD_NAMES = frozenset(SearchFields.__dataclass_fields__)


@require_safe
def search(request: HttpRequest, slug: str) -> HttpResponse:
    scope = access.enter(request, slug, Permission.SEARCH_MESSAGES)
    if "q" not in request.GET and _OLD_NAMES & set(request.GET):  # an address from when the server searched here
        return HttpResponseRedirect(f"{reverse('messages-server', args=[slug])}?{request.GET.urlencode()}")
    q = queries.q_of(request.GET.getlist("q"))
    cursor = request.GET.get("cursor", "")
    found: FoundPage | None = None
    context: dict[str, Any] = {"q": q, "cursor": cursor, "is_part": respond.wants_fragment(request)}
    try:
        found = finding.find(scope, q, zone=reader_zone(), cursor=cursor)
    except QueryError as error:
        context["wrong"] = queries.wrong_of(q, error)
    except InvalidInput as error:
        context["broken_cursor"] = error
    context |= _frame(scope, q, is_broken="wrong" in context)
    if found:
        context |= _answer(scope, found, cursor)
    response = respond.page_or_fragment(
        request, TEMPLATE, context, fragment="search", status=200 if found else 422, say=_say(found)
    )
    if respond.wants_fragment(request):
        response["HX-Push-Url"] = _address(slug, q, cursor)
    return response


@require_safe
def narrow(request: HttpRequest, slug: str) -> HttpResponse:
    """How many there are, and who, where, what and when they are: asked after the page itself stands."""
    scope = access.enter(request, slug, Permission.SEARCH_MESSAGES)
    q = queries.q_of(request.GET.getlist("q"))
    found = finding.facets(scope, q, zone=reader_zone())
    context = {
        "q": q,
        "is_part": respond.wants_fragment(request),
        "facets": show.facets(scope.slug, q, found),
        "matches": found.counted,
        "capped": found.is_capped,
        "can_select": show.can_select(scope),
    }
    return respond.fragment(request, f"{TEMPLATE}#narrow", context)


@require_safe
def suggest(request: HttpRequest, slug: str) -> HttpResponse:
    """What may stand where the caret is."""
    scope = access.enter(request, slug, Permission.SEARCH_MESSAGES)
    typed = request.GET.get("typed", "")[: queries.LONGEST]
    caret = request.GET.get("caret", "")
    at = int(caret) if caret.isascii() and caret.isdigit() and len(caret) < 7 else len(typed)
    before = history.offered(scope, typed, most=3) if typed.strip() and at == len(typed) else ()
    context = {"suggestions": (*finding.suggest(scope, typed, at), *before), "typed": typed}
    return respond.fragment(request, f"{TEMPLATE}#suggestions", context)


def _frame(scope: Scope, q: str, *, is_broken: bool) -> dict[str, Any]:
    """What stands around the answer, also when there is none."""
    slug, here = scope.slug, f"?{urlencode({'q': q})}" if q else ""
    return {
        **queries.box_context(scope, reverse("messages", args=[slug]), q, is_broken=is_broken),
        "q_query": urlencode({"q": q}),
        "access": body_access(scope),
        "share_path": queries.search_url(slug, q),
        "links": {
            name: f"{url}{here}" if (url := url_of(route, slug)) else ""
            for name, route in (("exports", "exports"), ("tail", "tail"), ("saved", "saved-search-new"))
        },
        "completeness_url": url_of("completeness", slug),
        "can_operate": scope.can(Permission.OPERATE_CLUSTER),
        "can_export": exports.may(scope),
        **saved.panel_context(q),
        "can_act": scope.can(Permission.KICK) or scope.can(Permission.RESTRICT_MEMBERS),
        "api_path": f"{reverse('api:search_archive', args=[slug])}{here}",
    }


def _answer(scope: Scope, found: FoundPage, cursor: str) -> dict[str, Any]:
    reach = finding.reach(scope, found.where)
    return {
        "found": found,
        "reach": reach,
        "table": show.table(scope, found, reach, cursor=cursor),
        "server": show.on_server(scope, found),
        "whole": len(found.rows) if not cursor and not found.next_cursor else None,
    }


def _address(slug: str, q: str, cursor: str) -> str:
    given = {name: value for name, value in (("q", q), ("cursor", cursor)) if value}
    return reverse("messages", args=[slug]) + (f"?{urlencode(given)}" if given else "")


def _say(found: FoundPage | None) -> str:
    if found is None:
        return _("Nothing was searched: look under the search box")
    count = len(found.rows)
    said = ngettext("%(count)s message found", "%(count)s messages found", count) % {"count": count}
    if found.next_cursor:
        said = f"{said}. {_('There are older ones.')}"
    return f"{said} {_('Bodies are masked.')}" if found.access is not BodyAccess.OPEN else said
