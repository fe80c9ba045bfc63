"""What happens around every view: headers, language and zone, the door, and errors turned into answers.

Views raise; they catch nothing.  Paths under /api/ and /hooks/ have their own door and their own errors.
"""

import logging
from collections.abc import Callable
from urllib.parse import urlencode

from django.conf import settings
from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.http.multipartparser import MultiPartParserError
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation

from imadmin.core.errors import AppError, Busy, gettext_noop
from imadmin.web import cells, respond
from imadmin.web.views import errors

logger = logging.getLogger(__name__)
Next = Callable[[HttpRequest], HttpResponse]

_MACHINES = ("/api/", "/hooks/", "/healthz", "/readyz", "/metrics")
_OPEN = (*_MACHINES, "/static/", "/accounts/login/", "/accounts/inactive/", "/preferences/")
# Django has a handler for each of these, and it is one of ours.
_OF_DJANGO = (Http404, PermissionDenied, SuspiciousOperation, BadRequest, MultiPartParserError)


class SecurityHeadersMiddleware:
    """What Django and the CSP don't set. Pages hold other people's data, so nothing of ours is stored by a browser."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
        response.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        response.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        response.setdefault("Cache-Control", "no-store")
        return response


class PreferencesMiddleware:
    """Language and time zone for this request: the person's choice, else a cookie, else the browser's wish."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        language = getattr(request.user, "language", "") or translation.get_language_from_request(request)
        if language not in dict(settings.LANGUAGES):
            language = settings.LANGUAGE_CODE
        zone = cells.known_zone(getattr(request.user, "timezone", "")) or cells.known_zone(
            request.COOKIES.get("imadmin_zone", "")[:50]
        )
        with translation.override(language), timezone.override(zone or timezone.get_default_timezone()):
            request.LANGUAGE_CODE = translation.get_language()
            response = self.get_response(request)
            response.setdefault("Content-Language", translation.get_language() or language)
        return response


class SignInRequiredMiddleware:
    """Every page needs a person. What somebody typed before their session ended is not lost."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith(_OPEN) or request.user.is_authenticated:
            return self.get_response(request)
        if getattr(request, "htmx", None):
            return self._for_htmx(request)
        if request.method == "POST":
            return self._keep_form(request)
        target = request.get_full_path() if request.path != "/" else ""
        return redirect(f"{reverse(settings.LOGIN_URL)}{'?' + urlencode({'next': target}) if target else ''}")

    def _for_htmx(self, request: HttpRequest) -> HttpResponse:
        """A dialog over the page as it is; a redirect would throw away the form behind it."""
        layer = render_to_string("errors/signed_out_dialog.html", {"next": respond.origin(request)}, request)
        response = HttpResponse(layer, status=401)
        response["HX-Reswap"] = "none"
        response["X-Fragment"] = "dialog"
        return response

    def _keep_form(self, request: HttpRequest) -> HttpResponse:
        response = errors.hold_form(request, "errors/signed_out_form.html", status=401)
        response["Cache-Control"] = "no-store"
        return response


class ErrorsMiddleware:
    """Turns the error tree into a page, a toast or a panel, with the status that belongs to it."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if request.path.startswith(_MACHINES):
            return None
        if isinstance(exception, OperationalError) and "locked" in str(exception):
            logger.warning("database.locked", extra={"path": request.path})
            exception = _busy(request)
        if isinstance(exception, AppError):
            return errors.app_error(request, exception)
        if getattr(request, "htmx", None) and not isinstance(exception, _OF_DJANGO):
            return errors.unforeseen(request, exception)
        return None


def _busy(request: HttpRequest) -> Busy:
    """The database may have given up in the middle of a change, after the cluster was written to."""
    if request.method in ("GET", "HEAD"):
        return Busy(
            gettext_noop("The database is busy with another change. Nothing was changed."),
            hint=gettext_noop("Try again in a moment."),
        )
    return Busy(
        gettext_noop("The database was busy, so this was not finished. The change may or may not have happened."),
        hint=gettext_noop("Look at the target, then try again in a moment."),
    )
