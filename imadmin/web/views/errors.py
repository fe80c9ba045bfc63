"""Pages for what went wrong, in words a person can act on; also the fragments and toasts of the same errors."""

import logging
import re
import secrets
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from imadmin.core.errors import AppError, InvalidInput, NotFound, gettext_noop
from imadmin.web import respond, states
from imadmin.web.respond import Toast

logger = logging.getLogger(__name__)

_SECRET_FIELD = re.compile("csrf|password|passwd|token|secret", re.IGNORECASE)
_KEPT_MAX = 512 * 1024  # characters of a form that are kept over an ended session


def app_error(request: HttpRequest, error: AppError) -> HttpResponse:
    """A page, or for htmx a toast; a panel for elements that ask by `X-Error-As: panel`."""
    state = states.of_error(error)
    sentences = field_sentences(error)
    if not getattr(request, "htmx", None):
        retry = states.Verb(_("Try again"), request.get_full_path(), "refresh")
        verbs = (retry,) if error.retryable and request.method == "GET" else ()
        return _page(request, states.of_error(error, *verbs), error.status, sentences)
    if request.headers.get("X-Error-As") == "panel":
        retry = states.Verb(_("Try again"), respond.origin(request), "refresh")
        return _panel(states.of_error(error, retry), error.status)
    text = " ".join([str(state.why), *sentences]).strip()
    return respond.toast_only(request, Toast(str(state.title), text, kind="bad"), status=error.status)


def field_sentences(error: AppError) -> list[str]:
    """What an InvalidInput says about its fields, when there is no form to put it beside."""
    if not isinstance(error, InvalidInput):
        return []
    found = [_(sentence) for sentences in error.fields.values() for sentence in sentences]
    return [sentence % error.params if error.params else sentence for sentence in found]


def unforeseen(request: HttpRequest, error: Exception) -> HttpResponse:
    """Our own mistake during a fragment: logged under a reference that the toast names."""
    reference = _log(request, error)
    if request.headers.get("X-Error-As") == "panel":
        return _panel(states.failed(reference), 500)
    text = _("Nothing on this page changed. Quote {reference} when you report it.").replace("{reference}", reference)
    return respond.toast_only(
        request, Toast(_("This did not work: a fault of the dashboard"), text, kind="bad"), status=500
    )


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return app_error(request, NotFound(gettext_noop("No page lives at this address.")))


def permission_denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    state = states.forbidden(_("Your role doesn't allow this."))
    return _page(request, state, 403)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """The request may be broken in any part of it, so the page uses none."""
    context = {
        "title": _("This request can't be read"),
        "sentences": [_("Nothing was changed. Go back and try again from the page.")],
    }
    return render(None, "errors/plain.html", context, status=400)


def server_error(request: HttpRequest) -> HttpResponse:
    """Nothing here may fail a second time: a page without navigation, and without the request's context."""
    reference = _log(request, None)
    context = {
        "title": _("A fault of the dashboard"),
        "sentences": [
            _("This page could not be made. Quote {reference} when you report it; the log has the rest.").replace(
                "{reference}", reference
            ),
            _("If you sent a change, look at its target or the audit before you send it again."),
        ],
    }
    return render(None, "errors/plain.html", context, status=500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Most often a page that was open while somebody signed in again elsewhere: then the form can be sent again."""
    logger.warning("csrf.refused", extra={"path": request.path, "why": reason})
    if getattr(request, "htmx", None):
        toast = Toast(
            _("This page is too old to send from"),
            _("You signed in again meanwhile. Nothing was changed; send it once more."), kind="warn",
        )  # fmt: skip
        response = respond.toast_only(request, toast, status=403)
        response["X-Fresh"] = "1"
        return response
    return hold_form(request, "errors/csrf.html", status=403)


def hold_form(request: HttpRequest, template: str, *, status: int) -> HttpResponse:
    """A page that keeps the posted fields, so that they can be sent again; never passwords and tokens.

    Only for forms that came from our own pages: another site must not get its fields into a form that a person sends.
    """
    fields, lost = kept_fields(request) if comes_from_us(request) else ([], False)
    context = {"fields": fields, "lost": lost, "action": request.get_full_path(), "back": _back(request)}
    return render(request, template, context, status=status)


def comes_from_us(request: HttpRequest) -> bool:
    """Browsers name the origin of every posted form."""
    own = f"{request.scheme}://{request.get_host()}"
    return request.headers.get("origin", "") == own


def kept_fields(request: HttpRequest) -> tuple[list[tuple[str, str]], bool]:
    """(name, value) of what was posted, and whether something could not be kept."""
    kept: list[tuple[str, str]] = []
    lost, room = bool(request.FILES), _KEPT_MAX
    for name, values in request.POST.lists():
        if name == "csrfmiddlewaretoken":
            continue
        if _SECRET_FIELD.search(name):
            lost = True
            continue
        for value in values:
            room -= len(value)
            if room < 0:
                return kept, True
            kept.append((name, value))
    return kept, lost


def _page(request: HttpRequest, state: states.State, status: int, sentences: Sequence[str] = ()) -> HttpResponse:
    if getattr(request, "htmx", None):
        return respond.toast_only(request, Toast(str(state.title), str(state.why), kind="bad"), status=status)
    state = replace(state, heading="h1")
    context = {"state": state, "title": state.title, "sentences": sentences, "back": _back(request)}
    return render(request, "errors/app_error.html", context, status=status)


def _panel(state: states.State, status: int) -> HttpResponse:
    response = HttpResponse(state.html(), status=status)
    response["HX-Reswap"] = "innerHTML"
    response["X-Fragment"] = "panel"
    return response


def _back(request: HttpRequest) -> str:
    origin = respond.origin(request)
    return origin if origin != request.path else "/"


def _log(request: Any, error: Exception | None) -> str:
    reference = f"e-{secrets.token_hex(3)}"
    logger.error(
        "page.failed", extra={"reference": reference, "path": getattr(request, "path", "")}, exc_info=error or True
    )
    return reference
