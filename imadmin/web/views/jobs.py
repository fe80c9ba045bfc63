"""Jobs: the runs with filters, one run with its story, starting one by hand and stopping one."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from imadmin.accounts.permissions import Permission
from imadmin.clusters import access
from imadmin.clusters.access import Scope
from imadmin.core.outcomes import Result
from imadmin.jobs import actions, queries
from imadmin.jobs.queries import RunFilter, RunPage, RunView
from imadmin.web import cells, job_words, respond, states
from imadmin.web.forms.jobs import RunFilterForm, StartForm
from imadmin.web.forms.users import ReasonForm
from imadmin.web.respond import Toast
from imadmin.web.tables import Column, Table
from imadmin.web.views import policies

LIST, PAGE = "pages/jobs/list.html", "pages/jobs/run.html"
POLICIES = "pages/jobs/policies.html"


@require_safe
def listing(request: HttpRequest, slug: str) -> HttpResponse:
    """Policies above, runs below; each part follows by itself."""
    scope = access.enter(request, slug)
    if respond.wants_fragment(request) and request.htmx.target == "policies":  # type: ignore[attr-defined]
        return respond.fragment(request, f"{POLICIES}#policies", policies.panel(scope))
    context = _runs_context(request, scope)
    status = 422 if context["form"].errors else 200
    say = ngettext("%(count)s run", "%(count)s runs", context["count"]) % {"count": context["count"]}
    if respond.wants_fragment(request):
        return respond.fragment(request, f"{LIST}#runs", context, status=status, say=say)
    return respond.page(request, LIST, context | _around(scope), status=status)


@require_POST
def start(request: HttpRequest, slug: str) -> HttpResponse:
    scope = access.enter(request, slug, Permission.MANAGE_POLICIES)
    form = StartForm(request.POST, jobs=queries.startable(scope))
    row = respond.attempt(
        form, lambda: actions.run_now(scope, form.cleaned_data["job"], reason=form.cleaned_data["reason"])
    )
    if row is None:
        context = _runs_context(request, scope) | _around(scope) | {"start_form": form}
        return respond.page(request, LIST, context, status=422)
    toast = Toast(_("The job is queued"), _("It begins as soon as a worker has a place."), kind="info")
    return respond.redirect(request, reverse("job", args=[slug, row.pk]), toast=toast)


@require_safe
def run(request: HttpRequest, slug: str, run_id: str) -> HttpResponse:
    scope = access.enter(request, slug)
    return respond.page_or_fragment(request, PAGE, _run_context(scope, run_id), fragment="run")


@require_POST
def stop(request: HttpRequest, slug: str, run_id: str) -> HttpResponse:
    """Ends after the piece at hand; what was done stays done."""
    scope = access.enter(request, slug, Permission.MANAGE_POLICIES)
    form = ReasonForm(request.POST)
    outcomes = respond.attempt(form, lambda: actions.stop(scope, run_id, reason=form.cleaned_data["reason"]))
    if outcomes is None:
        context = _run_context(scope, run_id) | {"stop_form": form}
        return respond.fragment(request, f"{PAGE}#run", context, status=422, page={})
    (outcome,) = outcomes.items
    done = outcome.result is Result.DONE
    toast = Toast(_("Told to stop") if done else _("Nothing to stop"), _(outcome.detail), kind="ok" if done else "info")
    back = reverse("job", args=[slug, run_id])
    return respond.fragment(request, f"{PAGE}#run", _run_context(scope, run_id), toast=toast, back=back)


# -- the list -------------------------------------------------------------------------------------------------------


def _around(scope: Scope) -> dict[str, Any]:
    """What is on the page besides the runs."""
    startable = queries.startable(scope)
    return {"start_form": StartForm(jobs=startable) if startable else None} | policies.panel(scope)


def _runs_context(request: HttpRequest, scope: Scope) -> dict[str, Any]:
    form = RunFilterForm(request.GET, jobs=queries.listed(scope))
    wanted = form.wanted() if form.is_valid() else RunFilter()
    page = queries.page(scope, wanted, cursor=request.GET.get("cursor", ""))
    is_filtered = bool(wanted.job or wanted.state)
    return {
        "form": form,
        "page": page,
        "count": len(page.rows),
        "table": _table(scope, page, is_filtered),
        "segments": _segments(scope, wanted, page),
        "nobody_works": page.worker_seen is None,
        "nobody_schedules": page.beat_seen is None,
    }


def _segments(scope: Scope, wanted: RunFilter, page: RunPage) -> list[tuple[str, str, int | None, bool]]:
    """Label, address, count and whether it is the one shown."""
    at = reverse("jobs", args=[scope.slug])
    return [
        (_("All"), at, None, not wanted.state),
        (_("Under way"), f"{at}?state=open", page.counts["open"], wanted.state == "open"),
        (_("Trouble"), f"{at}?state=trouble", page.counts["trouble"], wanted.state == "trouble"),
    ]


def _table(scope: Scope, page: RunPage, is_filtered: bool) -> Table:
    columns = [
        Column("job", _("Job"), lambda row: _name(scope, row), "id", "m1"),
        Column("state", _("State"), job_words.state, "status", "m3"),
        Column("progress", _("Progress"), job_words.progress, css="w-prog", hide="p2"),
        Column("result", _("Result"), lambda row: cells.visible(job_words.sentence(row)), "fill", "m3"),
        Column("by", _("Wanted"), lambda row: cells.visible(job_words.wanted_by(row)), hide="p3", css="nw dim"),
        Column("started", _("Started"), lambda row: cells.clock(row.started_at or row.queued_at), "time", "m2"),
    ]
    at = reverse("jobs", args=[scope.slug])
    nothing = (
        states.filtered(_("No run fits these filters."), states.Verb(_("Clear all"), at))
        if is_filtered
        else states.empty(_("No run yet"), _("Scheduled jobs, cleanup policies and mass operations will be here."))
    )
    return Table(columns, page.rows, _("Runs"), nothing)


def _name(scope: Scope, row: RunView) -> object:
    found = cells.link(job_words.title(row), reverse("job", args=[scope.slug, row.id]))
    return found if row.cluster else cells.join([found, cells.tag(_("all clusters"))], " ")


# -- one run --------------------------------------------------------------------------------------------------------


def _run_context(scope: Scope, run_id: str) -> dict[str, Any]:
    found = queries.one(scope, run_id)
    may_change = scope.can(Permission.MANAGE_POLICIES) and (bool(found.cluster) or scope.can(Permission.MANAGE_SITE))
    return {
        "run": found,
        "title": job_words.title(found),
        "status": job_words.state(found),
        "sentence": "" if found.error else job_words.sentence(found),
        "error": job_words.sentence(found) if found.error else "",
        "error_kind": {"missed": "warn", "stopped": "info"}.get(found.state, "bad"),
        "progress": job_words.progress(found),
        "reached": job_words.number(found.reached),
        "total": job_words.number(found.total) if found.total else "",
        "lasted": job_words.lasted(found),
        "wanted_by": job_words.wanted_by(found),
        "figures": job_words.figures(found.result) if found.result else [],
        "params": [] if found.missed else job_words.figures(found.params),
        "subject_url": job_words.page_of_subject(scope.slug, found),
        "steps": _story(found),
        "can_stop": may_change and found.is_open and not found.stop_wanted,
        "stop_form": None,
    }


def _story(run: RunView) -> list[dict[str, Any]]:
    """What happened to it, in order: shape, what, when, more."""
    steps: list[dict[str, Any]] = []

    def add(shape: str, what: str, at: Any, more: str = "") -> None:
        steps.append({"shape": shape, "what": what, "at": at, "more": more})

    if run.scheduled_for:
        add("info", _("Meant for"), run.scheduled_for)
    if run.missed:
        add("warn", _("Noticed as missed"), run.finished_at)
        return steps
    add("info", _("Wanted"), run.queued_at, job_words.wanted_by(run))
    if run.started_at:
        attempt = _("attempt %(number)s of %(most)s") % {"number": run.attempt, "most": run.attempts}
        more = attempt if run.attempts > 1 else ""
        add("info", _("Begun"), run.started_at, " · ".join(filter(None, (more, run.worker))))
    for note in run.notes:
        add("info", _(note.text), note.at)
    if run.stop_wanted:
        add("pause", _("Told to stop"), None)
    if run.state == "running":
        add("run", _("Running"), run.heartbeat_at, _("last told of itself"))
    elif run.state == "queued":
        add("off", _("Waits for a worker"), None)
    elif run.finished_at:
        shape, word = job_words.STATES.get(run.state, ("unknown", run.state))
        add(shape, str(word), run.finished_at, _("after %(time)s") % {"time": job_words.lasted(run)})
    return steps
