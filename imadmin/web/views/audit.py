"""The audit trail: rows newest first, one row in a drawer, the proof of the chain."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from imadmin.accounts.permissions import Permission
from imadmin.audit import queries
from imadmin.audit.queries import AuditFilter, AuditRow
from imadmin.clusters import access
from imadmin.clusters import queries as clusters
from imadmin.core.errors import NotFound, gettext_noop
from imadmin.core.outcomes import RESULT_WORDS, Result
from imadmin.web import audit_words, cells, respond, states
from imadmin.web.forms.audit import AuditFilterForm
from imadmin.web.tables import Column, Table

PAGE = "pages/audit/audit.html"


@require_GET
def listing(request: HttpRequest) -> HttpResponse:
    access.enter_site(request, Permission.VIEW_AUDIT)
    context = _list_context(request)
    status = 422 if context["form"].errors else 200
    return respond.page_or_fragment(request, PAGE, context, fragment="rows", status=status)


@require_GET
def entry(request: HttpRequest, entry_id: int) -> HttpResponse:
    """One row, beside the list or as a page with the list behind it."""
    access.enter_site(request, Permission.VIEW_AUDIT)
    row = queries.entry(AuditFilter(clusters=access.audited_clusters(request)), entry_id) if entry_id < 2**63 else None
    if row is None:
        raise NotFound(gettext_noop("There is no such row, or it is about a cluster whose trail you may not read."))
    context = _row_context(request, row)
    if respond.wants_fragment(request):
        return respond.fragment(request, f"{PAGE}#drawer", context)
    return respond.page(request, PAGE, _list_context(request, shown=row.entry.pk) | context)


@require_POST
def verify(request: HttpRequest) -> HttpResponse:
    """Walk the whole chain now."""
    access.enter_site(request, Permission.MANAGE_SITE)
    chain = {"chain": queries.verify(), "may_verify": True}
    if respond.wants_fragment(request):
        return respond.fragment(request, f"{PAGE}#chain", chain)
    return respond.page(request, PAGE, _list_context(request) | chain)


def _list_context(request: HttpRequest, shown: int = 0) -> dict[str, Any]:
    allowed = access.audited_clusters(request)
    names = clusters.slugs() if allowed is None else [pair for pair in clusters.slugs() if pair[0] in allowed]
    form = AuditFilterForm(request.GET, clusters=names, actions=queries.actions())
    context: dict[str, Any] = {"form": form, "may_verify": allowed is None, "query": _query(request)}
    if not form.is_valid():
        return context | {"table": states.filtered(_("The filters can't be used; see beside the fields."))}
    page = queries.page(form.wanted(allowed), cursor=request.GET.get("cursor", ""))
    return context | {
        "table": _table(request, page.rows, shown, is_filtered=any(form.cleaned_data.values())),
        "next_cursor": page.next_cursor,
        "total": len(page.rows),
    }


def _table(request: HttpRequest, rows: tuple[AuditRow, ...], shown: int, *, is_filtered: bool) -> Table:
    query = _query(request)
    columns = [
        Column("id", _("Row"), lambda row: row.entry.pk, "text", css="num faint mono"),
        Column("at", _("Time"), lambda row: cells.clock(row.entry.at), "time", "m2"),
        Column("actor", _("Who"), lambda row: cells.visible(row.entry.actor), phone="m3", css="nw"),
        Column("action", _("Did"), lambda row: _action(row, query), "id", "m1"),
        Column("cluster", _("Cluster"), lambda row: row.entry.cluster, hide="p3", css="nw"),
        Column("target", _("Target"), _target, phone="m3", css="cut"),
        Column("outcome", _("Outcome"), outcome, "status", "m3"),
        Column("reason", _("Reason"), lambda row: cells.visible(row.entry.reason), "fill", hide="p2"),
    ]
    nothing = (
        states.filtered(_("No row fits these filters."), states.Verb(_("Clear all"), reverse("audit")))
        if is_filtered
        else states.empty(_("Nothing on the trail yet"), _("Every change and every revealed body will be here."))
    )
    return Table(columns, rows, _("Audit rows"), nothing, is_open=lambda row: row.entry.pk == shown)


def _query(request: HttpRequest) -> str:
    """The filters in force, so that a row opens beside the same list."""
    return f"?{request.GET.urlencode()}" if request.GET else ""


def _action(row: AuditRow, query: str) -> object:
    url = reverse("audit-entry", args=[row.entry.pk]) + query
    return cells.link(audit_words.action(row.entry.action), url, more="drawer")


def _target(row: AuditRow) -> object:
    target = row.entry.target
    return cells.mono(target if len(target) <= 60 else f"{target[:60]}…")


def outcome(row: AuditRow) -> object:
    """The outcome as status, with its counts when there were several targets."""
    shape, word = audit_words.OUTCOMES.get(row.outcome, ("unknown", row.outcome))
    counts = _counts(row)
    return cells.status(shape, word, counts if "," in counts else "")


def _counts(row: AuditRow) -> str:
    """ "33 done, 4 already so"."""
    detail = (row.result or row.entry).detail
    counts = detail.get("counts") if isinstance(detail, dict) else None
    if not isinstance(counts, dict):
        return ""
    return ", ".join(f"{number} {_result_word(name)}" for name, number in counts.items())


def _row_context(request: HttpRequest, row: AuditRow) -> dict[str, Any]:
    result = row.result or row.entry
    detail = result.detail if isinstance(result.detail, dict) else {}
    rest = {name: value for name, value in detail.items() if name not in ("counts", "not_done", "error")}
    return {
        "row": row,
        "entry": row.entry,
        "result": row.result,
        "action_word": audit_words.action(row.entry.action),
        "via_word": _(audit_words.VIA.get(row.entry.via, row.entry.via)),
        "outcome_html": outcome(row),
        "counts": _counts(row),
        "not_done": [_not_done(item) for item in detail.get("not_done", [])][:200],
        "error": _(detail["error"]) if detail.get("error") else "",
        "more": [f"{name}: {audit_words.plain(value)}" for name, value in rest.items()],
        "target_url": audit_words.target_url(row.entry),
        "lines": audit_words.diff(result.before, result.after),
        "links": [_link(each) for each in (row.entry, row.result) if each],
        "took": (row.result.at - row.entry.at).total_seconds() * 1000 if row.result else None,
        "close": reverse("audit") + _query(request),
        "open": reverse("audit-entry", args=[row.entry.pk]),
    }


def _not_done(item: Any) -> dict[str, str]:
    target, result, why = (*item, "", "", "")[:3] if isinstance(item, list) else (str(item), "", "")
    return {"target": target, "word": _result_word(result), "why": _(why) if why else ""}


def _result_word(name: str) -> str:
    return _(RESULT_WORDS[Result(name)]) if name in set(Result) else name


def _link(each: Any) -> dict[str, Any]:
    """One row of the chain: its number and hash, and whether it still fits."""
    return {"id": each.pk, "hash": each.hash, "before": each.previous_hash, "fits": each.computed_hash() == each.hash}
