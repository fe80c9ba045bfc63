"""The flags of a channel: what they are, how we know, and writing all five at once."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from imadmin.accounts.permissions import Permission
from imadmin.clusters import access
from imadmin.clusters.access import Scope
from imadmin.core.errors import Conflict
from imadmin.core.outcomes import Outcomes, Result
from imadmin.directory.actions.flags import set_flags, why_no_flags
from imadmin.directory.queries import channels
from imadmin.directory.queries.flags import FLAGS
from imadmin.gateway.types import ChannelRef
from imadmin.web import respond
from imadmin.web.forms.channels import FLAG_LABELS, FlagsForm
from imadmin.web.views.channels_detail import DETAIL, shared_context


@require_http_methods(["GET", "HEAD", "POST"])
def flags_tab(request: HttpRequest, slug: str, channel: ChannelRef) -> HttpResponse:
    if request.method == "POST":
        return _write(request, access.enter(request, slug, Permission.MANAGE_CHANNELS), channel)
    scope = access.enter(request, slug)
    context = _context(request, scope, channel)
    return respond.page(request, DETAIL, context, status=200 if context["page"].is_found else 404)


def _write(request: HttpRequest, scope: Scope, channel: ChannelRef) -> HttpResponse:
    page = channels.detail(scope, channel)
    form = FlagsForm(request.POST, page.flags)
    moved = None
    try:
        outcomes = respond.attempt(
            form,
            lambda: set_flags(
                scope,
                channel,
                form.flags(),
                reason=form.cleaned_data["reason"],
                state=form.cleaned_data["state"] or None,
            ),
        )
    except Conflict as error:
        # Shown again with what is there now, the reason kept.
        outcomes, moved = None, error
        form = FlagsForm(None, page.flags, {"reason": request.POST.get("reason", "")})
    if outcomes is None:
        context = _context(request, scope, channel) | {"form": form, "moved": moved}
        return respond.page_or_fragment(request, DETAIL, context, fragment="body", status=422)
    context = _context(request, scope, channel) | {
        "flag_outcomes": _named(outcomes),
        "undo_url": _undo(scope, channel, outcomes, form),
    }
    return respond.page_or_fragment(request, DETAIL, context, fragment="body", say=_("Flags written and read back"))


def _context(request: HttpRequest, scope: Scope, channel: ChannelRef) -> dict[str, Any]:
    page = channels.detail(scope, channel)
    wished = {name: request.GET[name] for name in FLAGS if request.GET.get(name) in ("0", "1")}
    return shared_context(scope, page, "flags") | {
        "form": FlagsForm(None, page.flags, wished),
        "values": [(FLAG_LABELS[value.name], value) for value in page.flags.values],
        "wished": wished,
        "why_no_flags": why_no_flags(channel),
    }


def _named(outcomes: Outcomes) -> list[tuple[Any, Any]]:
    return [(FLAG_LABELS[item.target], item) for item in outcomes.items]


def _undo(scope: Scope, channel: ChannelRef, outcomes: Outcomes, form: FlagsForm) -> str:
    """The same form with the visible flags that were changed turned back; it asks for a reason again."""
    changed = [name for name in ("ban", "disband") if name in outcomes.of(Result.DONE)]
    if not changed:
        return ""
    query = "&".join(f"{name}={'0' if form.cleaned_data[name] == '1' else '1'}" for name in changed)
    return f"{reverse('channel-flags', args=[scope.slug, channel])}?{query}"
