"""How views answer: a whole page or a named part of it, with toasts and the status line beside it.

A request of htmx's gets the part, anything else the page; a change asked for without JavaScript ends in a redirect.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import wraps
from typing import Any, TypeVar
from urllib.parse import urlsplit

from django.contrib import messages
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods
from django_htmx.http import HttpResponseClientRedirect

from imadmin.core.errors import InvalidInput

T = TypeVar("T")
Context = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Toast:
    """kind: ok | half | warn | bad | info.  link: shown as link_label.  undo_url: its Undo button posts there."""

    title: str
    text: str = ""
    kind: str = "ok"
    link: str = ""
    link_label: str = ""
    undo_url: str = ""

    @property
    def role(self) -> str:
        return "alert" if self.kind == "bad" else "status"


def form_of(page: str) -> Callable[[Callable[..., HttpResponse]], Callable[..., HttpResponse]]:
    """A view that takes a form and may answer at its own address; whoever asks for that address gets the page instead.

    page: a URL name with the same parameters.  It is asked for by who copies the address, opens a tab again, and by the
    parts of the answer that follow the cluster.
    """

    def decorate(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @require_http_methods(["GET", "HEAD", "POST"])
        @wraps(view)
        def either(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if request.method == "POST":
                return view(request, *args, **kwargs)
            return HttpResponseRedirect(reverse(page, args=args, kwargs=kwargs))

        return either

    return decorate


def wants_fragment(request: HttpRequest) -> bool:
    """htmx asks for a part; a boosted link or a restored history entry wants the page."""
    htmx: Any = getattr(request, "htmx", None)
    return bool(htmx) and not (htmx.boosted or htmx.history_restore_request)


def page_or_fragment(
    request: HttpRequest,
    template: str,
    context: Context | None = None,
    *,
    fragment: str,
    status: int = 200,
    say: str = "",
) -> HttpResponse:
    """The page, or only its part `fragment` for htmx. say: what the status line tells a screen reader ("37 users")."""
    if wants_fragment(request):
        return _part(request, f"{template}#{fragment}", context or {}, status=status, say=say)
    return _vary(render(request, template, dict(context or {}), status=status))


def page(request: HttpRequest, template: str, context: Context | None = None, *, status: int = 200) -> HttpResponse:
    """A page without parts."""
    return _vary(render(request, template, dict(context or {}), status=status))


def fragment(
    request: HttpRequest,
    name: str,
    context: Context | None = None,
    *,
    status: int = 200,
    toast: Toast | str = "",
    say: str = "",
    target: str = "",
    page: Context | Callable[[], Context] | None = None,
    back: str = "",
) -> HttpResponse:
    """Answer a change (or a small question) with the part it concerns: name is "pages/x/y.html#part".

    Without htmx: a change that went well becomes a toast after a redirect to `back` (or where it came from); anything
    else is the whole page, with `page` as the rest of its context; without `page` the part stands alone in the layout.
    target: a CSS selector to swap instead of the asker's target (the form, when the form was wrong).
    """
    toasts = [Toast(toast) if isinstance(toast, str) else toast] if toast else []
    context = dict(context or {})
    if wants_fragment(request):
        response = _part(request, name, context, status=status, say=say, toasts=toasts)
        if target:
            response["HX-Retarget"], response["HX-Reswap"] = target, "outerHTML"
        return response
    if request.method == "POST" and status < 400:
        return redirect(request, back or origin(request), toast=toast)
    for item in toasts:
        remember(request, item)
    if page is None:
        part = render_to_string(name, context, request)
        return _vary(
            render(request, "layouts/alone.html", {"part": part, "back": back or origin(request)}, status=status)
        )
    rest = page() if callable(page) else page
    return _vary(render(request, name.partition("#")[0], {**rest, **context}, status=status))


def redirect(request: HttpRequest, url: str, *, toast: Toast | str = "") -> HttpResponse:
    """Go to another page of ours; the toast is shown there."""
    if toast:
        remember(request, Toast(toast) if isinstance(toast, str) else toast)
    if getattr(request, "htmx", None):
        return HttpResponseClientRedirect(url)
    response = HttpResponseRedirect(url)
    response.status_code = 303
    return response


def attempt(form: BaseForm, act: Callable[[], T]) -> T | None:
    """Check the form, then act; what the action says about its input is put beside the fields.

    None when the form has errors now: answer it again with status 422, what was typed is kept.
    """
    if not form.is_valid():
        return None
    try:
        return act()
    except InvalidInput as error:
        put_errors(form, error)
        return None


def put_errors(form: BaseForm, error: InvalidInput) -> None:
    """Sentences beside the fields they name; what names no field of the form goes above it."""
    for name, sentences in error.fields.items():
        for sentence in sentences:
            text = _(sentence)
            form.add_error(name if name in form.fields else None, text % error.params if error.params else text)
    if not error.fields:
        form.add_error(None, error.text(_))


def toast_only(request: HttpRequest, toast: Toast, *, status: int, extra: str = "") -> HttpResponse:
    """For htmx: nothing on the page is replaced, a toast tells what happened. extra: further out-of-band markup."""
    body = render_to_string("components/toast_list.html", {"toasts": [toast], "oob": True}, request)
    response = HttpResponse(body + extra, status=status)
    response["HX-Reswap"] = "none"
    response["X-Fragment"] = "toast"
    return _vary(response)


def remember(request: HttpRequest, toast: Toast) -> None:
    """Keep a toast for the next page that is shown to this person."""
    messages.info(request, json.dumps(asdict(toast)), fail_silently=True)


def remembered(request: HttpRequest) -> list[Toast]:
    """Toasts kept for this page, also plain messages of libraries."""
    found = []
    for message in messages.get_messages(request):
        try:
            found.append(Toast(**json.loads(str(message))))
        except (ValueError, TypeError):
            found.append(Toast(str(message), kind="bad" if message.level >= messages.ERROR else "info"))
    return found


def origin(request: HttpRequest) -> str:
    """Where the request came from if that is one of our pages, else its own path (without a query)."""
    referer = request.headers.get("referer", "")
    if url_has_allowed_host_and_scheme(referer, {request.get_host()}, require_https=request.is_secure()):
        parts = urlsplit(referer)
        path = "/" + parts.path.lstrip("/\\")  # "//elsewhere" would lead away
        return f"{path}?{parts.query}" if parts.query else path
    return request.path


def _part(
    request: HttpRequest, name: str, context: Context, *, status: int, say: str = "", toasts: list[Toast] | None = None
) -> HttpResponse:
    body = render_to_string(name, dict(context), request)
    if say:
        body += render_to_string("components/say.html", {"say": say})
    if toasts:
        body += render_to_string("components/toast_list.html", {"toasts": toasts, "oob": True}, request)
    response = HttpResponse(body, status=status)
    response["X-Fragment"] = "part"
    return _vary(response)


def _vary(response: HttpResponse) -> HttpResponse:
    """A cache must not give the part to someone who wants the page."""
    response["Vary"] = ", ".join(filter(None, (response.get("Vary", ""), "HX-Request")))
    return response
