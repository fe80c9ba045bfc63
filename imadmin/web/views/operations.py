"""Mass operations: the list, and one page for each from its plan to its result."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from imadmin.accounts.permissions import Permission
from imadmin.clusters import access
from imadmin.clusters.access import Scope
from imadmin.clusters.models import Cluster
from imadmin.core.errors import InvalidInput
from imadmin.jobs import operations as steering
from imadmin.monitor import fates
from imadmin.monitor import operations as queries
from imadmin.monitor.actions import again as anew
from imadmin.monitor.actions import drafts
from imadmin.monitor.actions import operations as actions
from imadmin.monitor.models import Operation
from imadmin.monitor.operations import Progress
from imadmin.web import cells, operation_words, respond, states
from imadmin.web.forms.operations import ApplyForm
from imadmin.web.tables import Column, Table

LIST, PAGE = "pages/operations/list.html", "pages/operations/operation.html"
ROWS, PLAN_ROWS = 50, 20

# The least that any of them needs; the kind's own right is checked by the action.
TO_STEER = Permission.KICK


@require_GET
def listing(request: HttpRequest, slug: str) -> HttpResponse:
    scope = access.enter(request, slug)
    page = queries.listing(scope, cursor=request.GET.get("cursor", ""))
    context = {
        "slug": slug,
        "page": page,
        "table": _list_table(slug, page.rows),
        "is_later": bool(request.GET.get("cursor")),
    }
    return respond.page_or_fragment(request, LIST, context, fragment="rows")


@require_GET
def operation(request: HttpRequest, slug: str, operation_id: str) -> HttpResponse:
    """The plan, its progress or its result, whichever it is now."""
    scope = access.enter(request, slug)
    context = _context(request, scope, queries.progress(scope, operation_id))
    return respond.page_or_fragment(request, PAGE, context, fragment="operation")


@require_POST
def apply(request: HttpRequest, slug: str, operation_id: str) -> HttpResponse:
    scope = access.enter(request, slug, TO_STEER)
    draft = actions.find(scope, operation_id)
    form = _apply_form(scope, draft, request.POST)
    try:
        applied = respond.attempt(form, lambda: steering.apply(scope, operation_id, **form.wanted()))
    except drafts.PlanMoved as error:
        return _look_again(request, slug, error)
    if applied is None:
        context = _context(request, scope, queries.progress(scope, operation_id), form=form)
        return respond.page_or_fragment(request, PAGE, context, fragment="operation", status=422)
    return respond.redirect(request, reverse("operation", args=[slug, operation_id]))


@require_POST
def pause(request: HttpRequest, slug: str, operation_id: str) -> HttpResponse:
    return _steer(request, slug, operation_id, actions.pause)


@require_POST
def resume(request: HttpRequest, slug: str, operation_id: str) -> HttpResponse:
    return _steer(request, slug, operation_id, steering.resume)


@require_POST
def stop(request: HttpRequest, slug: str, operation_id: str) -> HttpResponse:
    return _steer(request, slug, operation_id, steering.stop)


@require_POST
def discard(request: HttpRequest, slug: str, operation_id: str) -> HttpResponse:
    scope = access.enter(request, slug, TO_STEER)
    actions.discard(scope, operation_id)
    toast = respond.Toast(_("The plan is thrown away"), _("Nothing was changed."), kind="info")
    return respond.redirect(request, reverse("operations", args=[slug]), toast=toast)


@require_POST
def again(request: HttpRequest, slug: str, operation_id: str) -> HttpResponse:
    """A new plan for what is left; where nothing is, that is said."""
    scope = access.enter(request, slug, TO_STEER)
    try:
        planned = anew.plan(scope, operation_id)
    except InvalidInput as error:
        toast = respond.Toast(_("Nothing is left to do"), error.text(_), kind="info")
        return respond.redirect(request, reverse("operation", args=[slug, operation_id]), toast=toast)
    return respond.redirect(request, reverse("operation", args=[slug, planned.pk]))


@require_GET
def as_csv(request: HttpRequest, slug: str, operation_id: str) -> HttpResponse:
    scope = access.enter(request, slug)
    found = queries.progress(scope, operation_id).operation
    body = "".join(queries.csv_lines(found, show=request.GET.get("show", "all")))
    response = HttpResponse("\N{BYTE ORDER MARK}" + body, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{slug}-{found.kind}-{found.pk}.csv"'
    return response


def _steer(request: HttpRequest, slug: str, operation_id: str, act: Callable[[Scope, str], Operation]) -> HttpResponse:
    scope = access.enter(request, slug, TO_STEER)
    act(scope, operation_id)
    return respond.redirect(request, reverse("operation", args=[slug, operation_id]))


def _look_again(request: HttpRequest, slug: str, error: drafts.PlanMoved) -> HttpResponse:
    """The plan is refused: the fresh one is shown instead."""
    if error.fresh is None:
        toast = respond.Toast(
            _("The plan was refused"), _("What it wanted is so by now; nothing was done."), kind="info"
        )
        return respond.redirect(request, reverse("operations", args=[slug]), toast=toast)
    toast = respond.Toast(
        _("The plan was refused, nothing was done"),
        _("The cluster has changed since it was made. This is the new plan: look at it before you apply it."),
        kind="warn",
    )
    return respond.redirect(request, reverse("operation", args=[slug, error.fresh.pk]), toast=toast)


# -- contexts ----------------------------------------------------------------------------------------------------------


def _context(
    request: HttpRequest, scope: Scope, progress: Progress, *, form: ApplyForm | None = None
) -> dict[str, Any]:
    found, slug = progress.operation, scope.slug
    address = reverse("operation", args=[slug, found.pk])
    context = {
        "slug": slug,
        "progress": progress,
        "op": found,
        "title": queries.title(found),
        "about": cells.visible(queries.about(found)),
        "status": operation_words.state_status(progress.state),
        "state": progress.state,
        "can_act": scope.can(drafts.PERMISSIONS[found.kind]),
        "is_own": drafts.is_own(scope, found),
        "address": address,
        "live_topic": f"operation-{found.pk}",
        "is_kick": found.kind == drafts.KICK,
        "error": fates.read(found.error),
        "api_path": f"/api/v1/clusters/{slug}/operations/{found.pk}",
        "can_audit": scope.can(Permission.VIEW_AUDIT),
        "at_once": [*found.summary.get("nodes", {}).items()],
    }
    if progress.is_plan:
        return context | _plan_context(request, scope, progress, form)
    return context | _result_context(request, slug, progress, address)


def _plan_context(request: HttpRequest, scope: Scope, progress: Progress, form: ApplyForm | None) -> dict[str, Any]:
    found = progress.operation
    cursor, everything = request.GET.get("cursor", ""), bool(request.GET.get("all"))
    page = queries.targets(found, cursor=cursor, limit=ROWS if cursor or everything else PLAN_ROWS)
    summary = found.summary
    leaders = [
        (node, before, summary["after"][node], summary["after"][node] - before)
        for node, before in summary.get("leaders", {}).items()
    ]
    return {
        "page": page,
        "table": operation_words.plan_table(scope.slug, found, page.rows),
        "form": form or _apply_form(scope, found),
        "expect": operation_words.expected(found),
        "devices": [*summary.get("devices", {}).items()],
        "leaders": leaders,
        "left_out": [(one, fates.fill(*one["why"])) for one in summary.get("left_out", [])],
        "read_at": found.created_at,
        "hash": " ".join(found.state_hash[first : first + 4] for first in range(0, 16, 4)),
        "environment": scope.cluster.get_environment_display(),
        "seconds": found.total / found.per_second,
        "is_later": bool(cursor),
        "everything": everything,
        "step": 2,
    }


def _result_context(request: HttpRequest, slug: str, progress: Progress, address: str) -> dict[str, Any]:
    found = progress.operation
    show = request.GET.get("show") or ("look" if progress.needs_a_look else "all")
    page = queries.targets(found, show=show, cursor=request.GET.get("cursor", ""), limit=ROWS)
    words = fates.words_of(found.kind)
    empty = operation_words.nothing_shown(found, show, progress.is_over)
    ways = [("all", _("All"), None), ("look", _("Needs a look"), progress.needs_a_look), ("done", _("Done"), None)]
    if show not in ("all", "look", "done"):
        ways.append((show, _(words["" if show == "waiting" else show]), None))
    left = sum(progress.counts.get(fate, 0) for fate in anew.LEFT)
    return {
        "page": page,
        "show": show,
        "live_url": f"{address}?{query}" if (query := request.GET.urlencode()) else address,
        "ways": [(f"{address}?show={name}", word, count, name == show) for name, word, count in ways],
        "table": operation_words.result_table(slug, found, page.rows, empty=empty),
        "tally": [
            (fates.SHAPES[one.fate], _(words[one.fate]), one.count, f"{address}?show={one.fate or 'waiting'}")
            for one in progress.tally
        ],
        "left": left if progress.is_over else 0,
        "is_later": bool(request.GET.get("cursor")),
        "step": 4 if progress.is_over else 3,
        "can_pause": progress.state in (Operation.State.RUNNING, Operation.State.QUEUED) and not found.pause_wanted,
        "can_resume": progress.state in (Operation.State.PAUSED, Operation.State.LOST)
        or (progress.state == Operation.State.QUEUED and bool(found.started_at)),
        "can_stop": not progress.is_over and not found.stop_wanted,
    }


def _apply_form(scope: Scope, draft: Operation, data: Any = None) -> ApplyForm:
    return ApplyForm(
        data,
        slug=scope.slug,
        is_paced=draft.kind == drafts.KICK,
        is_production=scope.cluster.environment == Cluster.Environment.PRODUCTION,
        initial={"hash": draft.state_hash, "per_second": draft.per_second},
    )


def _list_table(slug: str, rows: Any) -> Table:
    def name(row: Progress) -> Any:
        return cells.link(queries.title(row.operation), reverse("operation", args=[slug, row.operation.pk]))

    return Table(
        columns=[
            Column("title", _("Operation"), name, kind="id", phone="m1"),
            Column("state", _("State"), lambda row: operation_words.state_status(row.state), kind="status", phone="m3"),
            Column("done", _("Done"), lambda row: row.counts.get("done", 0), kind="num", phone="m3"),
            Column("look", _("Need a look"), lambda row: cells.number(row.needs_a_look), kind="num", hide="p2"),
            Column("about", _("Chosen by, reason"), _about, kind="fill", hide="p2"),
            Column("who", _("By"), lambda row: cells.visible(row.operation.actor), hide="p3"),
            Column("when", _("Made"), lambda row: cells.when(row.operation.applied_at or row.operation.created_at),
                   kind="time", phone="m2"),
        ],
        rows=rows,
        caption=_("Operations"),
        empty=states.empty(
            _("No operations yet"),
            _("Kicking a selection of connections, or moving slots, begins as a plan and shows up here."),
        ),
    )  # fmt: skip


def _about(row: Progress) -> str:
    found = row.operation
    return cells.visible(" · ".join(filter(None, (queries.about(found), found.reason))))
