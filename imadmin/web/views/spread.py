"""Who else wrote this: one text, its copies and near copies, and from there to the pages that act on senders."""

import re
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from imadmin.accounts.permissions import Permission
from imadmin.archive import spread as spreading
from imadmin.archive.asking import reader_zone
from imadmin.archive.masking import body_access
from imadmin.archive.spread import Spread
from imadmin.clusters import access
from imadmin.clusters.access import Scope
from imadmin.clusters.converters import ChannelConverter
from imadmin.gateway.types import ChannelRef
from imadmin.monitor.connections.terms import MOST_TERMS
from imadmin.web import respond
from imadmin.web.forms.spread import SPANS, ChosenForm, SpreadForm
from imadmin.web.message_words import url_of
from imadmin.web.views import spread_show as show
from imadmin.web.views.channels_cells import quoted

PAGE = "pages/spread/spread.html"


@require_safe
def page(request: HttpRequest, slug: str) -> HttpResponse:
    scope = access.enter(request, slug, Permission.REVEAL_BODIES)
    is_asked = bool(request.GET.get("id") or request.GET.get("text"))
    form = SpreadForm(_with_days(request.GET) if is_asked else None)
    found = respond.attempt(form, lambda: _found(scope, form)) if is_asked else None
    context = {
        "form": form,
        "slug": slug,
        "access": body_access(scope),
        "is_asked": is_asked,
        "found": found,
        **(_answer(scope, found) if found else {}),
    }
    status = 422 if form.errors else 200
    fragment = "same" if request.htmx.target == "same" else "spread"  # type: ignore[attr-defined]
    return respond.page_or_fragment(request, PAGE, context, fragment=fragment, status=status, say=_say(found))


@require_POST
def chosen(request: HttpRequest, slug: str) -> HttpResponse:
    """From marked senders to the page that can act on them; nothing is changed here."""
    scope = access.enter(request, slug, Permission.REVEAL_BODIES)
    form = ChosenForm(request.POST)
    url = _next_url(scope, form) if form.is_valid() else ""
    if url:
        return respond.redirect(request, url)
    problem = " ".join(str(text) for texts in form.errors.values() for text in texts) or _("Choose a channel too.")
    return respond.redirect(
        request, respond.origin(request), toast=respond.Toast(_("Nothing was opened"), problem, kind="warn")
    )


def spread_url(scope: Scope, *, message_id: int) -> str:
    """Who else wrote this message; "" for who may not know."""
    if not scope.can(Permission.REVEAL_BODIES):
        return ""
    return f"{reverse('spread', args=[scope.slug])}?{urlencode({'id': message_id})}"


def _with_days(given: QueryDict) -> QueryDict:
    """A day number of one's own in the address is no reason to answer nothing."""
    found = given.copy()
    if found.get("days") not in {str(days) for days, _word in SPANS}:
        found["days"] = str(spreading.DAYS)
    return found


def _found(scope: Scope, form: SpreadForm) -> Spread:
    return spreading.spread(
        scope,
        message_id=form.message_id,
        text=form.cleaned_data["text"],
        days=int(form.cleaned_data["days"]),
        zone=reader_zone(),
    )


def _answer(scope: Scope, found: Spread) -> dict[str, Any]:
    asked = {"message_id": found.source.id} if found.source else {"text": found.text or ""}
    return {
        "source": show.source(scope, found),
        "verdict": show.verdict(found),
        "span": dict(SPANS).get(found.days, ""),
        "chart": show.chart(found),
        "bars_table": show.bars_table(found),
        "writers_table": show.writers_table(scope, found),
        "writers_more": len(found.writers) - show.WRITERS,
        "places_table": show.places_table(scope, found),
        "places_more": len(found.places) - show.PLACES,
        "variants": show.variants(scope, found),
        "variants_more": len(found.variants) - show.VARIANTS,
        "rows_table": show.rows_table(scope, found),
        "deny_channels": show.deny_channels(found) if scope.can(Permission.RESTRICT_MEMBERS) else (),
        "can_kick": scope.can(Permission.KICK),
        "can_restrict": scope.can(Permission.RESTRICT_USERS),
        "api_path": f"{reverse('api:spread_archive', args=[scope.slug])}?{urlencode({**asked, 'days': found.days})}",
    }


def _say(found: Spread | None) -> str:
    if found is None:
        return ""
    return ngettext("%(count)s message", "%(count)s messages", found.total) % {"count": found.total}


def _next_url(scope: Scope, form: ChosenForm) -> str:
    slug, uids = scope.slug, form.cleaned_data["uids"]
    lines = "\n".join(quoted(uid) for uid in uids)
    match form.cleaned_data["go"]:
        case "connections":
            if len(uids) > MOST_TERMS:
                form.add_error(None, _("The list of connections takes at most 20 uids at a time."))
                return ""
            return f"{reverse('connections', args=[slug])}?{urlencode([('uid', f'={uid}') for uid in uids])}"
        case "users":
            return f"{reverse('users', args=[slug])}?{urlencode({'uids': lines})}"
        case _:
            channel = _channel(form.cleaned_data["channel"])
            url = url_of("channel-denylist", slug, channel) if channel else ""
            return f"{url}?{urlencode({'verb': 'add', 'uids': lines})}" if url else ""


def _channel(text: str) -> ChannelRef | None:
    try:
        return ChannelConverter().to_python(text) if re.fullmatch(ChannelConverter.regex, text) else None
    except ValueError:
        return None
