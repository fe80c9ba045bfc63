"""Settings, Tokens: what scripts carry."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from imadmin.accounts.models import ApiToken
from imadmin.accounts.permissions import ROLE_WORDS, Permission, Role
from imadmin.clusters import access, grants, queries
from imadmin.clusters.queries import TokenRow
from imadmin.core.errors import NotFound, gettext_noop
from imadmin.web import cells, respond, states
from imadmin.web.forms.clusters import ReasonForm
from imadmin.web.forms.tokens import TokenForm
from imadmin.web.respond import Toast
from imadmin.web.tables import Column, Table

LIST, REVOKE, SECRET = (f"pages/settings/{name}.html" for name in ("tokens", "token_revoke", "secret"))


@require_http_methods(["GET", "POST"])
def listing(request: HttpRequest) -> HttpResponse:
    """The tokens, and the form that makes one."""
    scope = access.enter_site(request, Permission.MANAGE_SITE)
    form = TokenForm(request.POST or None, clusters=queries.slugs())
    if request.method == "POST":
        made = respond.attempt(form, lambda: grants.create_token(scope, **form.cleaned_data))
        if made:
            return respond.page(request, SECRET, _secret_context(made))
    rows = queries.tokens()
    context = {"form": form, "table": _table(rows), "total": len(rows)}
    return respond.page(request, LIST, context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
def revoke(request: HttpRequest, token_id: int) -> HttpResponse:
    scope = access.enter_site(request, Permission.MANAGE_SITE)
    token = ApiToken.objects.filter(pk=token_id).first()
    if token is None:
        raise NotFound(gettext_noop("There is no such token."))
    form = ReasonForm(request.POST or None)
    if request.method == "POST":
        revoked = respond.attempt(
            form, lambda: grants.revoke_token(scope, token_id, reason=form.cleaned_data["reason"])
        )
        if revoked is not None:
            word = _("%(name)s is revoked") if revoked else _("%(name)s was revoked already")
            toast = Toast(word % {"name": token.name}, kind="ok" if revoked else "info")
            return respond.redirect(request, reverse("settings-tokens"), toast=toast)
    return respond.page(request, REVOKE, {"form": form, "token": token}, status=422 if form.errors else 200)


def _secret_context(made: grants.NewToken) -> dict[str, Any]:
    return {
        "title": _("Token %(name)s is made") % {"name": made.token.name},
        "secret": made.secret,
        "label": _("Token"),
        "why": _("It is shown only now; we keep its hash. Send it as: Authorization: Bearer …"),
        "back": reverse("settings-tokens"),
    }


def _table(rows: tuple[TokenRow, ...]) -> Table:
    columns = [
        Column("name", _("Name"), lambda row: row.token.name, "id", "m1"),
        Column("state", _("State"), _state, "status", "m2"),
        Column("tail", _("Ends in"), lambda row: cells.mono(f"…{row.token.tail}")),
        Column("role", _("Role"), _role, phone="m3", css="nw"),
        Column("cluster", _("Cluster"), _cluster, phone="m3", css="nw"),
        Column("last_used_at", _("Last used"), lambda row: cells.when(row.token.last_used_at), "time", hide="p2"),
        Column("expires_at", _("Expires"), lambda row: cells.when(row.token.expires_at), "time", hide="p2"),
        Column("created_by", _("Made by"), lambda row: cells.visible(row.token.created_by), "fill", hide="p3"),
        Column("verbs", _("Actions"), _verbs, "actions", "m2"),
    ]
    nothing = states.empty(_("No token yet"), _("A script needs one to use the API."), icon="lock")
    return Table(columns, rows, _("Tokens"), nothing)


def _state(row: TokenRow) -> object:
    shapes = {
        "active": ("ok", _("Active")), "expired": ("stale", _("Expired")), "revoked": ("off", _("Revoked")),
    }  # fmt: skip
    return cells.status(*shapes[row.state])


def _role(row: TokenRow) -> str:
    return _(ROLE_WORDS[Role(row.role)]) if row.role else _("none")


def _cluster(row: TokenRow) -> str:
    return {"*": _("All clusters"), "": _("Its cluster was removed")}.get(row.cluster, row.cluster)


def _verbs(row: TokenRow) -> object:
    if row.state != "active":
        return ""
    url = reverse("settings-token-revoke", args=[row.token.pk])
    return cells.html('<a class="btn s danger" href="{url}">{word}</a>', url=url, word=_("Revoke…"))
