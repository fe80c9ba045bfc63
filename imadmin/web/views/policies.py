"""Cleanup policies and holds: the panel on the jobs page, one policy with its runs, and what can be done to it."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from imadmin.accounts.permissions import Permission
from imadmin.clusters import access
from imadmin.clusters.access import Scope
from imadmin.core.errors import NotFound
from imadmin.jobs.models import JobRun
from imadmin.jobs.policy import actions, queries
from imadmin.jobs.policy.kinds import KINDS, kind_of
from imadmin.web import respond
from imadmin.web.forms.policies import HoldForm, PolicyForm
from imadmin.web.forms.users import ReasonForm
from imadmin.web.respond import Toast
from imadmin.web.views import policies_cells as cells_

DETAIL, EDIT, ACT, HOLD = (f"pages/jobs/{name}.html" for name in ("policy", "policy_edit", "policy_act", "hold"))


def panel(scope: Scope) -> dict[str, Any]:
    """What the policies part of the jobs page needs."""
    rows = queries.policies(scope)
    return {
        "policies": cells_.table(scope, rows),
        "policy_count": len(rows),
        "holds": [cells_.hold(scope, row) for row in queries.holds(scope)],
        "can_policies": scope.can(Permission.MANAGE_POLICIES),
        "kinds": [(kind.name, _(kind.title), _(kind.explains)) for kind in KINDS.values() if not _is_given(kind.name)],
    }


def _is_given(kind: str) -> bool:
    return kind in actions.GIVEN


@require_safe
def policy(request: HttpRequest, slug: str, policy_id: int) -> HttpResponse:
    scope = access.enter(request, slug)
    return respond.page_or_fragment(request, DETAIL, _detail(scope, policy_id), fragment="state")


@require_http_methods(["GET", "POST"])
def new(request: HttpRequest, slug: str, kind: str) -> HttpResponse:
    scope = access.enter(request, slug, Permission.MANAGE_POLICIES)
    chosen = kind_of(kind)
    if _is_given(kind):
        raise NotFound
    form = PolicyForm(request.POST or None, chosen)
    if request.method == "POST":
        made = respond.attempt(form, lambda: actions.create(scope, form.wanted(), reason=form.cleaned_data["reason"]))
        if made:
            toast = Toast(_("The policy is made, switched off"), _("Simulate it; then it can be switched on."))
            return respond.redirect(request, reverse("job-policy", args=[slug, made.pk]), toast=toast)
    context = {"form": form, "kind": cells_.kind_words(chosen), "back": reverse("jobs", args=[slug])}
    return respond.page(request, EDIT, context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, slug: str, policy_id: int) -> HttpResponse:
    scope = access.enter(request, slug, Permission.MANAGE_POLICIES)
    found = actions.find(scope, policy_id)
    chosen = kind_of(found.kind)
    form = PolicyForm(request.POST or None, chosen, found)
    if request.method == "POST":
        changed = respond.attempt(
            form, lambda: actions.change(scope, policy_id, form.wanted(), reason=form.cleaned_data["reason"])
        )
        if changed:
            off = not changed.is_enabled
            toast = Toast(_("The policy is changed"), _("It is switched off until it is simulated.") if off else "")
            return respond.redirect(request, reverse("job-policy", args=[slug, policy_id]), toast=toast)
    back = reverse("job-policy", args=[slug, policy_id])
    context = {"form": form, "kind": cells_.kind_words(chosen), "back": back, "policy": found}
    return respond.page(request, EDIT, context, status=422 if form.errors else 200)


@require_POST
def simulate(request: HttpRequest, slug: str, policy_id: int) -> HttpResponse:
    scope = access.enter(request, slug, Permission.MANAGE_POLICIES)
    run = actions.simulate(scope, policy_id)
    return respond.redirect(request, _state_url(slug, policy_id), toast=_begun(slug, run, _("The simulation begins")))


ACTS: dict[str, Callable[[Scope, int, str], JobRun | object]] = {
    "run": lambda scope, policy_id, reason: actions.run_now(scope, policy_id, reason=reason),
    "on": lambda scope, policy_id, reason: actions.switch(scope, policy_id, on=True, reason=reason),
    "off": lambda scope, policy_id, reason: actions.switch(scope, policy_id, on=False, reason=reason),
    "delete": lambda scope, policy_id, reason: actions.delete(scope, policy_id, reason=reason),
}


@require_http_methods(["GET", "POST"])
def act(request: HttpRequest, slug: str, policy_id: int, verb: str) -> HttpResponse:
    """GET asks for the reason, POST does it."""
    scope = access.enter(request, slug, Permission.MANAGE_POLICIES)
    found, _runs = queries.policy(scope, policy_id)
    form = ReasonForm(request.POST or None)
    if request.method == "POST":
        done = respond.attempt(form, lambda: (ACTS[verb](scope, policy_id, form.cleaned_data["reason"]),))
        if done:
            back = reverse("jobs", args=[slug]) if verb == "delete" else _state_url(slug, policy_id)
            return respond.redirect(request, back, toast=_done(slug, verb, done[0]))
    context = {
        "form": form,
        "row": found,
        "kind": cells_.kind_words(found.kind),
        "words": cells_.act_words(verb, found),
        "back": _state_url(slug, policy_id),
    }
    return respond.page(request, ACT, context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
def hold(request: HttpRequest, slug: str) -> HttpResponse:
    scope = access.enter(request, slug, Permission.MANAGE_POLICIES)
    form = HoldForm(request.POST or None)
    if request.method == "POST":
        made = respond.attempt(form, lambda: actions.hold(scope, reason=form.cleaned_data["reason"], **form.wanted()))
        if made:
            return respond.redirect(request, reverse("jobs", args=[slug]) + "#holds", toast=_("No policy touches it"))
    context = {"form": form, "title": _("Hold a user or a channel"), "button": _("Hold"), "held": None}
    return respond.page(request, HOLD, context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
def lift_hold(request: HttpRequest, slug: str, hold_id: int) -> HttpResponse:
    scope = access.enter(request, slug, Permission.MANAGE_POLICIES)
    held = next((row for row in queries.holds(scope) if row.pk == hold_id), None)
    if held is None:
        return redirect(reverse("jobs", args=[slug]))
    form = ReasonForm(request.POST or None)
    if request.method == "POST":
        lifted = respond.attempt(form, lambda: (actions.lift_hold(scope, hold_id, reason=form.cleaned_data["reason"]),))
        if lifted:
            return respond.redirect(request, reverse("jobs", args=[slug]) + "#holds", toast=_("The hold is lifted"))
    context = {"form": form, "title": _("Lift this hold?"), "button": _("Lift"), "held": cells_.hold(scope, held)}
    return respond.page(request, HOLD, context, status=422 if form.errors else 200)


def _detail(scope: Scope, policy_id: int) -> dict[str, Any]:
    row, runs = queries.policy(scope, policy_id)
    return {
        "row": row,
        "kind": cells_.kind_words(row.kind),
        "facts": cells_.facts(row),
        "simulation": cells_.simulation(row),
        "runs": cells_.runs_table(scope, runs),
        "run_count": len(runs),
        "can_policies": scope.can(Permission.MANAGE_POLICIES),
    }


def _state_url(slug: str, policy_id: int) -> str:
    return reverse("job-policy", args=[slug, policy_id])


def _begun(slug: str, run: JobRun, title: str) -> Toast:
    return Toast(title, kind="info", link=reverse("job", args=[slug, run.pk]), link_label=_("Follow it"))


def _done(slug: str, verb: str, result: object) -> Toast:
    if isinstance(result, JobRun):
        return _begun(slug, result, _("The run begins"))
    words = {"on": _("The policy is switched on"), "off": _("The policy is switched off")}
    return Toast(words.get(verb, _("The policy is deleted")))
