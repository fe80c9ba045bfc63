"""Theme, row height and language from the top bar, also for those who are not signed in; and a fresh form token."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.views.decorators.http import require_GET, require_POST

from imadmin.accounts import preferences
from imadmin.accounts.models import User
from imadmin.web import respond

_YEAR = 365 * 24 * 3600
_COOKIES = {"theme": "imadmin_theme", "density": "imadmin_density", "language": settings.LANGUAGE_COOKIE_NAME}


@require_POST
def change(request: HttpRequest) -> HttpResponse:
    """One or more of theme, density, language; then back to where one was."""
    wishes = {
        name: request.POST[name]
        for name, choices in preferences.CHOICES.items()
        if name in request.POST and request.POST[name] in choices
    }
    if isinstance(request.user, User):
        preferences.remember(request.user, **wishes)
    quiet = request.headers.get("X-Quiet")
    response = HttpResponse(status=204) if quiet else respond.redirect(request, respond.origin(request))
    for name, wish in wishes.items():
        response.set_cookie(
            _COOKIES[name], wish, max_age=_YEAR, samesite="Lax", httponly=True, secure=settings.SESSION_COOKIE_SECURE
        )
    return response


@require_GET
def fresh_token(request: HttpRequest) -> JsonResponse:
    """A form token for a page whose own got too old; other sites can't read it."""
    return JsonResponse({"token": get_token(request)})
