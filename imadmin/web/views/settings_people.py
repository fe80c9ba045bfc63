"""Settings, People: who may sign in, and who holds which role."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from imadmin.accounts import actions as people
from imadmin.accounts.permissions import ROLE_WORDS, Permission
from imadmin.clusters import access, grants, queries
from imadmin.clusters.queries import PersonRow
from imadmin.web import cells, respond, tables
from imadmin.web.forms.people import ActiveForm, AddPersonForm, PasswordForm, RolesForm
from imadmin.web.respond import Toast
from imadmin.web.tables import Column, Table

LIST, ADD, PERSON, SECRET = (f"pages/settings/{name}.html" for name in ("people", "person_add", "person", "secret"))


@require_GET
def listing(request: HttpRequest) -> HttpResponse:
    access.enter_site(request, Permission.MANAGE_SITE)
    rows = queries.people()
    columns = [
        Column("username", _("Name"), _name, "id", "m1"),
        Column("state", _("State"), _state, "status", "m2"),
        Column("roles", _("Roles"), role_tags, phone="m3"),
        Column("last_login", _("Last sign-in"), lambda row: cells.when(row.user.last_login), "time", hide="p2"),
        Column("date_joined", _("Added"), lambda row: cells.when(row.user.date_joined), "time", hide="p3"),
    ]
    return respond.page(request, LIST, {"table": Table(columns, rows, _("People")), "total": len(rows)})


@require_http_methods(["GET", "POST"])
def add(request: HttpRequest) -> HttpResponse:
    scope = access.enter_site(request, Permission.MANAGE_SITE)
    form = AddPersonForm(request.POST or None, clusters=queries.slugs())
    if request.method == "POST":
        added = respond.attempt(
            form,
            lambda: grants.add_person(
                scope,
                form.cleaned_data["username"],
                password=form.cleaned_data["password"],
                is_owner=form.cleaned_data["is_owner"],
                roles=form.wanted(),
                reason=form.cleaned_data["reason"],
            ),
        )
        if added:
            return _told(request, added, _("%(name)s is added"))
    return respond.page(request, ADD, {"form": form}, status=422 if form.errors else 200)


@require_GET
def person(request: HttpRequest, username: str) -> HttpResponse:
    access.enter_site(request, Permission.MANAGE_SITE)
    return respond.page(request, PERSON, _person_context(queries.person(username)))


@require_POST
def roles(request: HttpRequest, username: str) -> HttpResponse:
    scope = access.enter_site(request, Permission.MANAGE_SITE)
    row = queries.person(username)
    form = RolesForm(request.POST, clusters=queries.slugs())
    changed = respond.attempt(
        form,
        lambda: grants.set_rights(
            scope,
            row.user,
            is_owner=form.cleaned_data["is_owner"],
            roles=form.wanted(),
            reason=form.cleaned_data["reason"],
        ),
    )
    if changed is None:
        return respond.page(request, PERSON, _person_context(queries.person(username), roles_form=form), status=422)
    toast = (
        Toast(_("Roles are saved"))
        if changed
        else Toast(_("Nothing to change: the roles were so already"), kind="info")
    )
    return respond.redirect(request, _url(row), toast=toast)


@require_POST
def password(request: HttpRequest, username: str) -> HttpResponse:
    scope = access.enter_site(request, Permission.MANAGE_SITE)
    row = queries.person(username)
    form = PasswordForm(request.POST)
    reset = respond.attempt(
        form,
        lambda: people.reset_password(
            scope, row.user, password=form.cleaned_data["password"], reason=form.cleaned_data["reason"]
        ),
    )
    if reset is None:
        return respond.page(request, PERSON, _person_context(row, password_form=form), status=422)
    return _told(request, reset, _("%(name)s has a new password"))


@require_POST
def active(request: HttpRequest, username: str) -> HttpResponse:
    scope = access.enter_site(request, Permission.MANAGE_SITE)
    row = queries.person(username)
    form = ActiveForm(request.POST)
    changed = respond.attempt(
        form,
        lambda: people.set_active(scope, row.user, form.cleaned_data["is_active"], reason=form.cleaned_data["reason"]),
    )
    if changed is None:
        return respond.page(request, PERSON, _person_context(row, active_form=form), status=422)
    word = _("%(name)s may sign in again") if form.cleaned_data["is_active"] else _("%(name)s can't sign in any more")
    return respond.redirect(request, _url(row), toast=Toast(word % {"name": cells.visible(username)}))


def role_tags(row: PersonRow) -> object:
    """ "Owner", "prod-sh: Moderator, Support" as tags."""
    tags = [cells.tag(_("Owner"), "info")] if row.user.is_owner else []
    for held in row.grants:
        place = _("all clusters") if held.cluster == grants.EVERYWHERE else held.cluster
        tags.append(cells.tag(f"{place}: {', '.join(_(ROLE_WORDS[role]) for role in held.roles)}"))
    return cells.join(tags, " ") if tags else cells.html('<span class="faint">{word}</span>', word=_("no role"))


def _told(request: HttpRequest, made: people.NewPassword, title: str) -> HttpResponse:
    """A made password is shown on this one page; a typed one needs no page."""
    title = title % {"name": cells.visible(made.user.username)}
    back = reverse("settings-person", args=[made.user.username])
    if not made.password:
        return respond.redirect(request, back, toast=Toast(title))
    context = {
        "title": title,
        "secret": made.password,
        "label": _("Password"),
        "why": _("It is shown only now. Hand it over by a safe way; it can be changed under Your account."),
        "back": back,
    }
    return respond.page(request, SECRET, context)


def _person_context(row: PersonRow, **forms: Any) -> dict[str, Any]:
    held = [f"{grant.cluster}:{role.value}" for grant in row.grants for role in grant.roles]
    initial = {"is_owner": row.user.is_owner, "roles": held}
    context = {
        "row": row,
        "roles_form": RolesForm(clusters=queries.slugs(), initial=initial, auto_id="roles_%s"),
        "password_form": PasswordForm(auto_id="password_%s"),
        "active_form": ActiveForm(initial={"is_active": "0" if row.user.is_active else "1"}, auto_id="active_%s"),
    }
    return context | forms


def _name(row: PersonRow) -> object:
    return tables.link(cells.visible(row.user.username), _url(row))


def _state(row: PersonRow) -> object:
    return cells.status("ok", _("May sign in")) if row.user.is_active else cells.status("off", _("Deactivated"))


def _url(row: PersonRow) -> str:
    return reverse("settings-person", args=[row.user.username])
