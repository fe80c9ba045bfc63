"""The connections of a cluster: the list with its filters, one in a drawer, the columns, a selection to kick."""

from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from imadmin.accounts import preferences
from imadmin.accounts.models import User
from imadmin.accounts.permissions import Permission
from imadmin.clusters import access
from imadmin.clusters.access import Scope
from imadmin.core.errors import NotFound, gettext_noop
from imadmin.monitor import connections as queries
from imadmin.monitor.actions import kick as kicking
from imadmin.monitor.connections import Filter, Listing
from imadmin.monitor.connections.index import SORTS
from imadmin.monitor.connections.queries import PAGE_SIZE
from imadmin.web import respond, states
from imadmin.web.forms.connections import FilterForm, SelectionForm
from imadmin.web.message_words import url_of
from imadmin.web.views import connections_cells as show

PAGE = "pages/connections/list.html"
FRESH_SECONDS = 1.0
GONE = gettext_noop("Node %(node)s lists no connection #%(id)s any more.")
UNKNOWN = gettext_noop("Node %(node)s doesn't answer, so it isn't known whether connection #%(id)s is there.")


@require_GET
def listing(request: HttpRequest, slug: str) -> HttpResponse:
    scope = access.enter(request, slug)
    form = FilterForm(request.GET)
    if form.is_valid() and request.GET.get("q", "").strip():
        sort = request.GET.get("sort", "")
        address = reverse("connections", args=[slug])
        return respond.redirect(request, address + show.query_of(form.wanted, sort=sort))
    context = _list_context(request, scope, form)
    status = 422 if form.errors else 200
    return respond.page_or_fragment(request, PAGE, context, fragment="results", status=status, say=context["say"])


@require_GET
def connection(request: HttpRequest, slug: str, node: int, connection: int) -> HttpResponse:
    """One connection, beside the list or as a page with the list behind it."""
    scope = access.enter(request, slug)
    context = _row_context(request, scope, node, connection)
    if respond.wants_fragment(request):
        return respond.fragment(request, f"{PAGE}#drawer", context)
    form = FilterForm(request.GET)
    return respond.page(request, PAGE, _list_context(request, scope, form, open_key=f"{node}-{connection}") | context)


@require_POST
def kick(request: HttpRequest, slug: str) -> HttpResponse:
    """Plan to kick what is marked, or all that matches: nothing is sent before the plan is applied."""
    scope = access.enter(request, slug, Permission.KICK)
    form = SelectionForm(request.POST)
    operation = respond.attempt(form, lambda: _plan(scope, form.cleaned_data["wanted"]))
    if operation is None:
        problem = " ".join(str(sentence) for found in form.errors.values() for sentence in found)
        back = reverse("connections", args=[slug]) + show.query_of(FilterForm(request.POST).checked())
        return respond.redirect(request, back, toast=respond.Toast(_("Nothing planned"), problem, kind="warn"))
    return respond.redirect(request, reverse("operation", args=[slug, operation.pk]))


def _plan(scope: Scope, wanted: Filter | queries.Keys) -> Any:
    rows = queries.select(scope, wanted)
    failed = queries.snapshot(scope).failed
    if isinstance(wanted, Filter):
        described = wanted.words() or gettext_noop("all connections")
    else:
        described = gettext_noop("chosen one by one")
    return kicking.plan(scope, rows, described, failed=failed)


@require_POST
def columns(request: HttpRequest, slug: str) -> HttpResponse:
    """Keep which columns this person wants to see."""
    access.enter(request, slug)
    if isinstance(request.user, User):
        chosen = [] if "usual" in request.POST else request.POST.getlist("column")
        preferences.remember_columns(request.user, "connections", chosen, known=tuple(show.LABELS))
    return respond.redirect(request, respond.origin(request) if _came_from_list(request, slug) else _home(slug))


def _home(slug: str) -> str:
    return reverse("connections", args=[slug])


def _came_from_list(request: HttpRequest, slug: str) -> bool:
    return respond.origin(request).startswith(_home(slug)) and respond.origin(request) != request.path


def _list_context(request: HttpRequest, scope: Scope, form: FilterForm, *, open_key: str = "") -> dict[str, Any]:
    sort, is_falling = _sort(request.GET)
    chosen = _columns(request)
    context: dict[str, Any] = {
        "form": form,
        "chips": [],
        "say": "",
        "list_url": request.get_full_path(),
        "hidden": _hidden(request.GET),
        "columns": [{"name": name, "label": label, "on": name in chosen} for name, label in show.LABELS.items()],
        "can_kick": scope.can(Permission.KICK),
    }
    if not form.is_valid():
        return context | {
            "broken": states.State(
                _("Nothing was asked"),
                _("A condition can’t be read; the reason stands under the box."),
                icon="zoom-question",
                heading="h2",
            )
        }
    wanted = form.wanted
    sort_text = request.GET.get("sort", "")
    page = _page(request.GET)
    found = queries.listing(
        scope, wanted,
        sort=sort, descending=is_falling, offset=(page - 1) * PAGE_SIZE,
        max_age=FRESH_SECONDS if "fresh" in request.GET else None,
        after_signal=respond.wants_fragment(request),
    )  # fmt: skip
    page = found.offset // PAGE_SIZE + 1
    query = show.query_of(wanted, sort=sort_text, page=page if page > 1 else "")
    return context | {
        "found": found,
        "wanted": wanted,
        "list_url": reverse("connections", args=[scope.slug]) + query,
        "fresh_url": show.query_of(wanted, sort=sort_text, fresh=1),
        "csv_query": show.query_of(wanted),
        "pairs": wanted.pairs(),
        "chips": show.chips(wanted, sort_text),
        "facets": show.facets(found, wanted, sort_text),
        "gaps": show.gaps(scope, found),
        "incomplete": show.incomplete(found),
        "table": show.table(
            scope, found, wanted,
            columns=chosen, sort=sort, is_falling=is_falling, query=query, open_key=open_key,
        ),
        "pager": _pager(found, wanted, sort_text, page),
        "say": _say(found),
    }  # fmt: skip


def _columns(request: HttpRequest) -> tuple[str, ...]:
    if not isinstance(request.user, User):
        return show.USUAL
    return preferences.columns(request.user, "connections", known=tuple(show.LABELS), usual=show.USUAL)


def _sort(given: QueryDict) -> tuple[str, bool]:
    """A column and whether it falls; a word that is none is left aside."""
    text = given.get("sort", "")
    name = text.removeprefix("-")
    return (name, text.startswith("-")) if name in SORTS else ("node", False)


def _page(given: QueryDict) -> int:
    text = given.get("page", "")
    return max(1, int(text)) if text.isascii() and text.isdecimal() and len(text) < 7 else 1


def _hidden(given: QueryDict) -> list[tuple[str, str]]:
    """What the box sends along: the filters that are there already, and the order."""
    kept = (*show.FACET_TITLES, "uid", "rate", "known", "sort")
    return [(name, value) for name in dict.fromkeys(kept) for value in given.getlist(name) if value]


def _say(found: Listing) -> str:
    words = ngettext("%(count)s connection", "%(count)s connections", found.matching)
    return words % {"count": found.matching}


def _pager(found: Listing, wanted: Filter, sort: str, page: int) -> dict[str, Any]:
    last = found.offset + len(found.rows)
    return {
        "first": found.offset + 1 if found.rows else 0,
        "last": last,
        "next": show.query_of(wanted, sort=sort, page=page + 1) if last < found.matching else "",
        "back": (show.query_of(wanted, sort=sort, page=page - 1 if page > 2 else "") or "?") if page > 1 else "",
        "answered": len(found.answering),
        "nodes": len(found.nodes),
        "milliseconds": round(found.took * 1000),
    }


def _row_context(request: HttpRequest, scope: Scope, node: int, id: int) -> dict[str, Any]:
    """Raises NotFound when its node says that there is no such connection."""
    found, row, is_told = queries.connection(scope, node, id)
    if row is None:
        asked = found.per_node.get(node)
        silent = asked is not None and not asked.answers
        raise NotFound(UNKNOWN if silent else GONE, params={"node": node, "id": id})
    query = f"?{request.GET.urlencode()}" if request.GET else ""
    slug = scope.slug
    return {
        "row": row,
        "is_told": is_told,
        "row_as_of": found.as_of,
        "row_device": show.device(row),
        "row_address": show.address_of(row),
        "user_url": url_of("user", slug, row.uid),
        "same_uid_url": reverse("connections", args=[slug]) + show.query_of(show.exactly(row.uid)),
        "kick_url": show.kick_url(scope, row) if scope.can(Permission.KICK) else "",
        "close": reverse("connections", args=[slug]) + query,
        "open": reverse("connection", args=[slug, node, id]),
    }
