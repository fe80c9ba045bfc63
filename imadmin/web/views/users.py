"""Looking people up, and one person with all that is known of them."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET

from imadmin.accounts.permissions import Permission
from imadmin.clusters import access
from imadmin.clusters.access import Scope
from imadmin.directory.queries import sending
from imadmin.directory.queries import users as queries
from imadmin.directory.queries.users import UserView
from imadmin.directory.steps import Report
from imadmin.web import respond
from imadmin.web.forms.users import LookupForm, MaySendForm
from imadmin.web.message_words import url_of
from imadmin.web.views import users_show as show
from imadmin.web.views import users_told as told
from imadmin.web.views.tail import tail_url

LIST, PAGE, CAN = (f"pages/users/{name}.html" for name in ("list", "user", "can"))


@require_GET
def listing(request: HttpRequest, slug: str) -> HttpResponse:
    """The lookup: one uid goes to its page, several give a list. Below it, who is restricted."""
    scope = access.enter(request, slug)
    form = LookupForm(request.GET if "uids" in request.GET else None)
    found = None
    if form.is_bound:
        found = respond.attempt(form, lambda: queries.look_up(scope, form.cleaned_data["uids"]))
        if found and len(found.rows) == 1 and not found.bad:
            return respond.redirect(request, reverse("user", args=[slug, found.rows[0].uid]))
        if found and not found.rows:
            form.add_error("uids", show.bad_uids(found))
    page = queries.restrictions(scope, cursor=request.GET.get("cursor", ""))
    count = len(found.rows) if found else 0
    context = {
        "form": form,
        "found": found,
        "found_table": show.lookup_table(scope, found.rows) if found and found.rows else None,
        "found_count": count,
        "bad": show.bad_uids(found) if found and found.rows else "",
        "restrictions": page,
        "restrictions_table": show.restrictions_table(scope, page.rows),
    }
    say = ngettext("%(count)s user", "%(count)s users", count) % {"count": count} if found else ""
    status = 422 if form.errors else 200
    return respond.page_or_fragment(request, LIST, context, fragment="results", say=say, status=status)


@require_GET
def user(request: HttpRequest, slug: str, uid: str) -> HttpResponse:
    scope = access.enter(request, slug)
    view = queries.user(scope, uid)
    context = user_context(scope, view)
    if "to" in request.GET:
        context |= _explained(scope, view.uid, request)
    return respond.page_or_fragment(request, PAGE, context, fragment="user")


@require_GET
def may_send(request: HttpRequest, slug: str, uid: str) -> HttpResponse:
    """Only the explainer; without htmx the user's page with the answer in it."""
    scope = access.enter(request, slug)
    explained = _explained(scope, uid.strip(), request)
    status = 422 if explained["can_form"].errors else 200
    context = {**explained, "uid": uid.strip(), "may_send_url": reverse("user-may-send", args=[slug, uid.strip()])}
    say = explained["answer"]["title"] if explained["answer"] else ""
    if respond.wants_fragment(request):
        return respond.fragment(request, CAN, context, status=status, say=say)
    return respond.page(request, PAGE, {**user_context(scope, queries.user(scope, uid)), **context}, status=status)


def _explained(scope: Scope, uid: str, request: HttpRequest) -> dict[str, Any]:
    form = MaySendForm(request.GET)
    found = respond.attempt(form, lambda: sending.may_send(scope, uid, form.channel()))
    return {"can_form": form, "answer": told.answer(scope, found) if found else None}


def user_context(scope: Scope, view: UserView, *, report: Report | None = None) -> dict[str, Any]:
    """Everything the page needs, the report of an action on top if there is one."""
    slug, uid = scope.slug, view.uid
    return {
        "view": view,
        "uid": uid,
        "can_form": MaySendForm(),
        "answer": None,
        "can_kick": scope.can(Permission.KICK),
        "can_restrict": scope.can(Permission.RESTRICT_USERS),
        "may_send_url": reverse("user-may-send", args=[slug, uid]),
        "messages_url": show.messages_url(scope, uid),
        "tail_url": tail_url(scope, uid=uid),
        "audit_url": show.audit_url(scope, uid),
        "inbox_url": show.inbox_url(scope, uid),
        "status": show.presence(view),
        "facts": show.facts(view),
        "failed": [*view.sessions.failed, *view.online_rows.failed],
        "sessions_remark": show.sessions_remark(view.sessions),
        "sessions_table": show.sessions_table(scope, uid, view.sessions.value),
        "devices": show.devices(scope, view),
        "restrictions": [show.restriction(scope, row) for row in view.restrictions],
        "chats_table": show.chats_table(scope, view),
        "chats_count": len(view.conversations.value) if view.conversations.is_known else None,
        "staff": show.staff(view),
        "report": told.report(scope, report) if report else None,
        "self_url": url_of("user", slug, uid),
    }
