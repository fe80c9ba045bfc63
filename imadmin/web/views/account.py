"""One's own account: how the dashboard looks and speaks, and the way to the password."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from imadmin.accounts import actions
from imadmin.accounts.models import User
from imadmin.accounts.permissions import Permission
from imadmin.clusters import access, queries
from imadmin.core.errors import SignInRequired
from imadmin.web import respond
from imadmin.web.forms.account import PreferencesForm
from imadmin.web.respond import Toast
from imadmin.web.views.settings_people import role_tags

PAGE = "pages/account/account.html"
NAMES = ("language", "theme", "density", "timezone")
COOKIES = (settings.LANGUAGE_COOKIE_NAME, "imadmin_theme", "imadmin_density")


@require_GET
def settings_start(request: HttpRequest) -> HttpResponse:
    """`/settings/`: the first page of the settings this person has."""
    scope = access.enter_site(request)
    return redirect("settings-clusters" if scope.can(Permission.MANAGE_SITE) else "account")


@require_http_methods(["GET", "POST"])
def account(request: HttpRequest) -> HttpResponse:
    user = access.principal_of(request)
    if not isinstance(user, User):
        raise SignInRequired
    chosen = {name: getattr(user, name) for name in NAMES} | {"density": user.density or "compact"}
    form = PreferencesForm(request.POST or None, initial=chosen)
    if request.method == "POST":
        actor = access.actor_of(request)
        changed = respond.attempt(form, lambda: actions.change_preferences(actor, user, **form.cleaned_data))
        if changed is not None:
            # Cookies of the quick buttons must not outvote what was chosen here.
            translation.activate(user.language or translation.get_language_from_request(request))
            response = respond.redirect(request, reverse("account"), toast=Toast(_("Your account is saved")))
            for cookie in COOKIES:
                response.delete_cookie(cookie, samesite="Lax")
            return response
    context = {"form": form, "roles": role_tags(queries.person(user.username))}
    return respond.page(request, PAGE, context, status=422 if form.errors else 200)
