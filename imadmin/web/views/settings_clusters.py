"""Settings, Clusters: list, add, edit, try the connection, remove."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from imadmin.accounts.permissions import Permission
from imadmin.clusters import access, actions
from imadmin.clusters.models import Cluster
from imadmin.gateway.types import ProbeReport, ProbeStep, StepResult
from imadmin.web import cells, respond, states, tables
from imadmin.web.context import ENVIRONMENT_WORDS
from imadmin.web.forms.clusters import ClusterForm, RemoveClusterForm
from imadmin.web.respond import Toast
from imadmin.web.tables import Column, Table

LIST, FORM, REMOVE = (f"pages/settings/{name}.html" for name in ("clusters", "cluster", "cluster_remove"))
PROBE = "pages/settings/probe.html#probe"
STEP_SHAPES = {StepResult.OK: "ok", StepResult.WARN: "warn", StepResult.FAILED: "bad", StepResult.SKIPPED: "off"}


@require_GET
def listing(request: HttpRequest) -> HttpResponse:
    access.enter_site(request, Permission.MANAGE_SITE)
    return respond.page(request, LIST, _list_context())


@require_http_methods(["GET", "POST"])
def add(request: HttpRequest) -> HttpResponse:
    scope = access.enter_site(request, Permission.MANAGE_SITE)
    form = ClusterForm(request.POST or None)
    if request.method == "POST":
        cluster = respond.attempt(form, lambda: actions.add_cluster(scope, form.draft(), reason=_reason(form)))
        if cluster:
            toast = Toast(_("%(name)s is added") % {"name": cluster.name}, _("Give people roles on it under People."))
            return respond.redirect(request, reverse("settings-clusters"), toast=toast)
    return respond.page(request, FORM, _form_context(form), status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, slug: str) -> HttpResponse:
    scope = access.enter_site(request, Permission.MANAGE_SITE)
    cluster = actions.stored(slug)
    form = ClusterForm(request.POST or None, cluster=cluster)
    if request.method == "POST":
        changed = respond.attempt(form, lambda: actions.edit_cluster(scope, slug, form.draft(), reason=_reason(form)))
        if changed:
            toast = Toast(_("%(name)s is saved") % {"name": changed.name})
            return respond.redirect(request, reverse("settings-clusters"), toast=toast)
    return respond.page(request, FORM, _form_context(form), status=422 if form.errors else 200)


@require_POST
def try_new(request: HttpRequest) -> HttpResponse:
    """The connection test of what is in the form, before anything is saved."""
    return _try(request, ClusterForm(request.POST))


@require_POST
def try_edited(request: HttpRequest, slug: str) -> HttpResponse:
    """The same for a stored cluster; secrets left empty are the stored ones."""
    access.enter_site(request, Permission.MANAGE_SITE)
    return _try(request, ClusterForm(request.POST, cluster=actions.stored(slug)))


@require_POST
def test(request: HttpRequest, slug: str) -> HttpResponse:
    """The connection test of a cluster as it is stored."""
    scope = access.enter_site(request, Permission.MANAGE_SITE)
    report = actions.test_cluster(scope, slug)
    if respond.wants_fragment(request):
        return respond.fragment(request, PROBE, _probe_context(report, slug))
    return respond.page(request, LIST, _list_context() | _probe_context(report, slug))


@require_http_methods(["GET", "POST"])
def remove(request: HttpRequest, slug: str) -> HttpResponse:
    scope = access.enter_site(request, Permission.MANAGE_SITE)
    cluster = actions.stored(slug)
    form = RemoveClusterForm(request.POST or None)
    if request.method == "POST":
        typed = {"typed": request.POST.get("typed", ""), "reason": request.POST.get("reason", "")}
        if respond.attempt(form, lambda: actions.remove_cluster(scope, slug, **typed)):
            toast = Toast(_("%(name)s is removed") % {"name": cluster.name}, _("The cluster itself was not touched."))
            return respond.redirect(request, reverse("settings-clusters"), toast=toast)
    context = {"form": form, "cluster": cluster, "roles": cluster.grants.count()}
    return respond.page(request, REMOVE, context, status=422 if form.errors else 200)


def _try(request: HttpRequest, form: ClusterForm) -> HttpResponse:
    scope = access.enter_site(request, Permission.MANAGE_SITE)
    slug = form.cluster.slug if form.cluster else ""
    report = respond.attempt(form, lambda: actions.test_draft(scope, form.draft(), slug))
    context = _probe_context(report, slug or _("the new cluster")) if report else {"refused": _refusals(form)}
    status = 200 if report else 422
    if respond.wants_fragment(request):
        return respond.fragment(request, PROBE, context, status=status)
    return respond.page(request, FORM, _form_context(form) | context, status=status)


def _reason(form: ClusterForm) -> str:
    return str(form.cleaned_data["reason"])


def _form_context(form: ClusterForm) -> dict[str, Any]:
    """Secrets are never sent back, so a person is told to enter them again."""
    again = [name for name in ("token", "jwt_password") if form.is_bound and form.data.get(name)]
    slug = form.cluster.slug if form.cluster else ""
    test_url = reverse("settings-cluster-try", args=[slug]) if slug else reverse("settings-cluster-try-new")
    return {"form": form, "cluster": form.cluster, "again": again, "try_url": test_url}


def _refusals(form: ClusterForm) -> list[dict[str, Any]]:
    """Field errors for the panel of the test, which stands beside the form."""
    return [
        {"label": form[name].label if name in form.fields else "", "sentences": sentences}
        for name, sentences in form.errors.items()
    ]


def _probe_context(report: ProbeReport, name: str) -> dict[str, Any]:
    bad = sum(step.result is StepResult.FAILED for step in report.steps)
    warn = sum(step.result is StepResult.WARN for step in report.steps)
    return {"report": report, "steps": [_step(step) for step in report.steps], "name": name, "bad": bad, "warn": warn}


def _step(step: ProbeStep) -> dict[str, str]:
    words = {
        StepResult.OK: _("Fine"), StepResult.WARN: _("Look at this"), StepResult.FAILED: _("Wrong"),
        StepResult.SKIPPED: _("Not tried"),
    }  # fmt: skip
    return {
        "shape": STEP_SHAPES[step.result],
        "word": words[step.result],
        "tried": _filled(step.tried, step),
        "found": _filled(step.found, step),
        "hint": _filled(step.hint, step),
    }


def _filled(template: str, step: ProbeStep) -> str:
    if not template:
        return ""
    text = _(template)
    return cells.visible(text % step.params if step.params else text)


def _list_context() -> dict[str, Any]:
    columns = [
        Column("name", _("Cluster"), _name, "id", "m1"),
        Column("environment", _("Environment"), lambda row: ENVIRONMENT_WORDS[row.environment], phone="m2", css="nw"),
        Column("slug", _("Short name"), lambda row: cells.mono(row.slug), hide="p2"),
        Column("api_url", _("Main API"), lambda row: cells.mono(row.api_url), phone="m3"),
        Column("manager_url", _("Manager API"), lambda row: cells.mono(row.manager_url), hide="p3"),
        Column("secrets", _("Secrets"), _secrets, "fill", hide="p2"),
        Column("verbs", _("Actions"), _verbs, "actions", "m2"),
    ]
    add_one = states.Verb(_("Add a cluster"), reverse("settings-cluster-add"), "plus")
    nothing = states.empty(_("No cluster yet"), _("Nothing is managed from here until one is added."), add_one)
    rows = list(Cluster.objects.all())
    return {"table": Table(columns, rows, _("Clusters"), nothing), "total": len(rows)}


def _name(row: Cluster) -> object:
    return tables.link(cells.visible(row.name), reverse("settings-cluster-edit", args=[row.slug]))


def _secrets(row: Cluster) -> str:
    """Which are stored; never what they are."""
    words = [_("token")] * bool(row.sealed_token) + [_("account %(user)s") % {"user": row.jwt_user}] * bool(
        row.jwt_user
    )
    return ", ".join(words) or _("none stored")


def _verbs(row: Cluster) -> object:
    return cells.html(
        '<button class="btn s" type="submit" form="test" formaction="{url}" hx-post="{url}" hx-target="#probe"'
        ' hx-swap="outerHTML" hx-disabled-elt="this">{word}<span class="vh"> {name}</span></button>',
        url=reverse("settings-cluster-test", args=[row.slug]), word=_("Test"), name=row.name,
    )  # fmt: skip
