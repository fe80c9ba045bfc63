"""Every error of the API as application/problem+json (RFC 9457): AppError, bad input, unknown paths, our own faults.

Routers raise; nothing here knows a noun.  `fields` names what was wrong by its place in what was sent.
"""

import json
import logging
import secrets
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.db import DatabaseError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError

from imadmin.core.errors import AppError, Busy, InvalidInput, NotFound, SignInRequired, gettext_noop

logger = logging.getLogger(__name__)
CONTENT_TYPE = "application/problem+json"
RETRY_SECONDS = "2"

NO_SUCH_ADDRESS = gettext_noop("There is no such address in this API.")
OUR_FAULT = gettext_noop("Something went wrong on our side; the change may or may not have happened.")
QUOTE_IT = gettext_noop("Quote the reference %(reference)s when you report it.")
TRY_AGAIN = gettext_noop("Look at the target, then try again in a moment.")


class BadJson(AppError):
    code = "bad_json"
    status = 400
    title = gettext_noop("The body isn't JSON that can be read")


class TooBig(AppError):
    code = "too_big"
    status = 413
    title = gettext_noop("The body is too large")


class WrongMethod(AppError):
    code = "wrong_method"
    status = 405
    title = gettext_noop("This address doesn't take that method")


class Locked(Busy):
    """The database gave up waiting; unlike Busy it may have happened in the middle of a change."""

    code = "locked"
    title = gettext_noop("Our database was busy, so this was not finished")


# What pydantic found, in words a person can act on; %(x)s are pydantic's own figures.
FIELD_SENTENCES: Mapping[str, str] = {
    "missing": gettext_noop("Give a value."),
    "extra_forbidden": gettext_noop("This field isn't known here."),
    "string_type": gettext_noop("Write a text."),
    "string_too_short": gettext_noop("Write at least %(min_length)s characters."),
    "string_too_long": gettext_noop("Write at most %(max_length)s characters."),
    "int_type": gettext_noop("Write a whole number."),
    "int_parsing": gettext_noop("Write a whole number."),
    "int_parsing_size": gettext_noop("This number is too large."),
    "int_from_float": gettext_noop("Write a whole number."),
    "bool_type": gettext_noop("Write true or false."),
    "bool_parsing": gettext_noop("Write true or false."),
    "list_type": gettext_noop("Write a list."),
    "too_short": gettext_noop("Give at least %(min_length)s."),
    "too_long": gettext_noop("Give at most %(max_length)s."),
    "greater_than_equal": gettext_noop("The smallest value is %(ge)s."),
    "less_than_equal": gettext_noop("The largest value is %(le)s."),
    "greater_than": gettext_noop("The value must be more than %(gt)s."),
    "less_than": gettext_noop("The value must be less than %(lt)s."),
    "datetime_from_date_parsing": gettext_noop("Write a time like 2026-01-31T08:00:00Z."),
    "datetime_parsing": gettext_noop("Write a time like 2026-01-31T08:00:00Z."),
    "datetime_type": gettext_noop("Write a time like 2026-01-31T08:00:00Z."),
    "timezone_aware": gettext_noop("Write the time with its zone, like 2026-01-31T08:00:00Z."),
    "enum": gettext_noop("Choose one of %(expected)s."),
    "literal_error": gettext_noop("Choose one of %(expected)s."),
    "model_attributes_type": gettext_noop("Write an object with named fields."),
    "model_type": gettext_noop("Write an object with named fields."),
}
OTHERWISE = gettext_noop("This value can't be used.")


def problem(request: HttpRequest, error: AppError, **extra: Any) -> HttpResponse:
    """The reply for one error; `extra` are further members of the problem."""
    body: dict[str, Any] = {
        "type": f"/api/v1/docs#error-{error.code}",
        "title": gettext(error.title),
        "status": error.status,
        "detail": error.text(gettext),
        "code": error.code,
        "hint": _sentence(error.hint, error.params),
        "instance": request.path,
    }
    if isinstance(error, InvalidInput):
        body["fields"] = {
            name: [_sentence(text, error.params) for text in sentences] for name, sentences in error.fields.items()
        }
    if faults := getattr(error, "faults", ()):
        body["faults"] = [{"start": fault.start, "end": fault.end, "message": fault.text(gettext)} for fault in faults]
    if node := getattr(error, "node", ""):
        body["node"] = gettext(node)
    response = HttpResponse(json.dumps(body | extra), status=error.status, content_type=CONTENT_TYPE)
    if error.status == 401:
        response["WWW-Authenticate"] = "Bearer"
    if error.retryable and error.status == 503:
        response["Retry-After"] = RETRY_SECONDS
    return response


def problems_only(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Turn the bare 405 that the library answers by itself into a problem."""

    @wraps(view)
    def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = view(request, *args, **kwargs)
        if response.status_code != 405 or response.get("Content-Type") == CONTENT_TYPE:
            return response
        refused = problem(request, WrongMethod())
        refused["Allow"] = response["Allow"]
        return refused

    return inner


def unknown_address(request: HttpRequest, **_path: Any) -> HttpResponse:
    return problem(request, NotFound(NO_SUCH_ADDRESS, hint=gettext_noop("See /api/v1/docs for what there is.")))


def install(api: NinjaAPI) -> None:
    """Teach the API this file's replies."""
    handlers: dict[type[Exception], Callable[[HttpRequest, Any], HttpResponse]] = {
        AppError: problem,
        ValidationError: _invalid,
        HttpError: _http_error,
        Http404: lambda request, _error: problem(request, NotFound()),
        RequestDataTooBig: lambda request, _error: problem(request, TooBig()),
        OperationalError: _database,
        Exception: _our_fault,
    }
    for kind, handler in handlers.items():
        api.add_exception_handler(kind, handler)


def _invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    fields: dict[str, list[str]] = {}
    for found in error.errors:
        fields.setdefault(_field_name(found["loc"]), []).append(_field_sentence(found))
    return problem(request, InvalidInput(fields))


def _field_name(place: tuple[Any, ...]) -> str:
    """`uids.3` from ("body", "body", "uids", 3): where it was sent, and the one body's own name, say nothing."""
    parts = place[1:]
    if place[0] == "body" and len(parts) > 1:
        parts = parts[1:]
    return ".".join(str(part) for part in parts) or "body"


def _field_sentence(found: Mapping[str, Any]) -> str:
    """Never the value itself: it may be a secret, and the sender knows it."""
    if found["type"] == "value_error":
        # Raised by our own schemas with a sentence of ours; pydantic puts "Value error, " before it.
        return gettext(str(found.get("ctx", {}).get("error", OTHERWISE)))
    template = FIELD_SENTENCES.get(found["type"])
    return _sentence(template, found.get("ctx", {})) if template else gettext(OTHERWISE)


def _http_error(request: HttpRequest, error: HttpError) -> HttpResponse:
    if error.status_code == 401:
        return problem(request, SignInRequired(gettext_noop("Send an API token: Authorization: Bearer imadmin_…")))
    if error.status_code == 400:
        return problem(request, BadJson())
    other = AppError(str(error))
    other.status = error.status_code
    return problem(request, other)


def _database(request: HttpRequest, error: DatabaseError) -> HttpResponse:
    if "locked" not in str(error).lower():
        return _our_fault(request, error)
    return problem(request, Locked(hint=TRY_AGAIN))


def _our_fault(request: HttpRequest, error: Exception) -> HttpResponse:
    reference = f"e-{secrets.token_hex(4)}"
    logger.error("api.failed", extra={"reference": reference, "path": request.path}, exc_info=error)
    fault = AppError(OUR_FAULT, hint=QUOTE_IT, params={"reference": reference})
    return problem(request, fault, reference=reference)


def _sentence(template: str, params: Mapping[str, Any]) -> str:
    """Translated and filled in; a template whose figures are missing is shown as it is."""
    if not template:
        return ""
    translated = gettext(template)
    if not params or "%(" not in translated:
        return translated
    try:
        return translated % params
    except (KeyError, ValueError, TypeError):
        return translated
