"""Setting up the webhook: the address with its secret, the settings to paste, and whether the server calls."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from imadmin.accounts.permissions import Permission
from imadmin.clusters import access
from imadmin.clusters.access import Scope
from imadmin.gateway.hook_types import MESSAGES, ONLINE_STATUS
from imadmin.live import feed_health, hook_setup
from imadmin.web import respond
from imadmin.web.forms.live import HookForm

PAGE = "pages/live/hook.html"
FOLLOWING = ("health", "feed", "broken")  # parts of the page that ask for themselves


@require_safe
def setup(request: HttpRequest, slug: str) -> HttpResponse:
    scope = access.enter(request, slug, Permission.OPERATE_CLUSTER)
    target = getattr(getattr(request, "htmx", None), "target", None)
    return respond.page_or_fragment(
        request, PAGE, _context(scope), fragment=target if target in FOLLOWING else "health"
    )


@respond.form_of("hook")
def make(request: HttpRequest, slug: str) -> HttpResponse:
    """Open the door or change its lock.  The answer shows the address: it is never put into a redirect."""
    scope = access.enter(request, slug, Permission.OPERATE_CLUSTER)
    return _shown(request, scope, "make", hook_setup.make_secret)


@respond.form_of("hook")
def show(request: HttpRequest, slug: str) -> HttpResponse:
    scope = access.enter(request, slug, Permission.OPERATE_CLUSTER)
    return _shown(request, scope, "show", hook_setup.reveal)


@respond.form_of("hook")
def close(request: HttpRequest, slug: str) -> HttpResponse:
    scope = access.enter(request, slug, Permission.OPERATE_CLUSTER)
    form = HookForm(request.POST)
    closed = respond.attempt(form, lambda: hook_setup.close(scope, reason=form.cleaned_data["reason"]))
    if closed is None:
        return respond.page(request, PAGE, _context(scope) | {"close_form": form}, status=422)
    toast = _("The webhook is closed") if closed else _("The webhook was closed already")
    return respond.redirect(request, reverse("hook", args=[slug]), toast=toast)


def _shown(request: HttpRequest, scope: Scope, name: str, act: Any) -> HttpResponse:
    form = HookForm(request.POST)
    path = respond.attempt(form, lambda: act(scope, reason=form.cleaned_data["reason"]))
    if path is None:
        return respond.page(request, PAGE, _context(scope) | {f"{name}_form": form}, status=422)
    return respond.page(request, PAGE, _context(scope) | {"settings": settings_for(request.build_absolute_uri(path))})


def settings_for(url: str) -> dict[str, str]:
    """What to put into the server's configuration (reference 2.15, 4.1), as a file and as environment.

    Many tries: the server sends a batch again every second, and drops it for good after the last one.
    """
    lines = (
        ("httpAddr", f'"{url}"'),
        ("focusEvents", f'["{ONLINE_STATUS}", "{MESSAGES}"]'),
        ("msgNotifyEventCountPerPush", "100"),
        ("msgNotifyEventPushInterval", "500ms"),
        ("msgNotifyEventRetryMaxCount", "300"),
    )
    env = {**dict(lines), "focusEvents": f'"{ONLINE_STATUS} {MESSAGES}"'}
    return {
        "url": url,
        "yaml": "webhook:\n" + "".join(f"  {name}: {value}\n" for name, value in lines),
        "env": "".join(f"WK_WEBHOOK_{name.upper()}={value}\n" for name, value in env.items()),
    }


def _context(scope: Scope) -> dict[str, Any]:
    return {
        "slug": scope.slug,
        "hook": hook_setup.health(scope),
        "feed": feed_health.health(scope),
        "broken": feed_health.broken_calls(scope),
        "settings": None,
    }
