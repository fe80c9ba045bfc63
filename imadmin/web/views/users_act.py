"""What can be done to a person: one dialog and one report for all of it.  What happens is told in directory/actions."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from imadmin.accounts.permissions import Permission
from imadmin.clusters import access
from imadmin.directory.actions import restrictions, sessions
from imadmin.directory.actions.sessions import device_name
from imadmin.directory.queries import users as queries
from imadmin.directory.steps import Report
from imadmin.web import respond
from imadmin.web.forms.users import KickForm, ReasonForm, RestrictForm, SignOutForm
from imadmin.web.views.users import PAGE, user_context

DIALOG = "pages/users/act.html"


@dataclass(frozen=True, slots=True)
class Act:
    """texts: what will happen, in the order it happens.  seconds: about how long the sequence takes, 0 = at once."""

    run: Callable[..., Report]
    permission: Permission
    title: Promise
    button: Promise
    texts: tuple[Promise, ...]
    icon: str
    kind: str = "danger"
    seconds: int = 0
    form: type[ReasonForm] = ReasonForm


ACTS = {
    "kick": Act(
        sessions.kick,
        Permission.KICK,
        gettext_lazy("Kick this session?"),
        gettext_lazy("Kick session"),
        (
            gettext_lazy("The client is told to leave, and the server detaches it two seconds later."),
            gettext_lazy(
                "The server doesn’t close the socket: it may linger for minutes, unserved. What it sends until it "
                "closes is still accepted, unless sending is stopped."
            ),
            gettext_lazy("The token stays, so the app may connect again at once."),
        ),
        "plug-connected",
        seconds=3,
        form=KickForm,
    ),
    "sign-out": Act(
        sessions.sign_out,
        Permission.KICK,
        gettext_lazy("Sign this device out?"),
        gettext_lazy("Sign out device"),
        (
            gettext_lazy("The server blanks the token it stored for this device and disconnects its sessions."),
            gettext_lazy(
                "Where the server checks tokens, the app needs a new one from your backend to connect again. Where "
                "it doesn’t, the app may be back at once."
            ),
            gettext_lazy(
                "With sessions on several nodes a sign-out reaches only some. The report names those that are left, "
                "to be kicked one by one."
            ),
        ),
        "login",
        seconds=3,
        form=SignOutForm,
    ),
    "log-out": Act(
        sessions.log_out,
        Permission.KICK,
        gettext_lazy("Log this user out now?"),
        gettext_lazy("Log out now"),
        (
            gettext_lazy("1. Every device with a row is signed out: its stored token is blanked."),
            gettext_lazy(
                "2. After three seconds every node is asked which sessions are left: a sign-out reaches one of three "
                "nodes."
            ),
            gettext_lazy("3. Those are kicked one by one, then everything is read again."),
            gettext_lazy(
                "Sockets may linger, unserved, and the app may connect again where tokens aren’t checked: keep the "
                "user out to prevent that."
            ),
        ),
        "login",
        seconds=6,
    ),
    "keep-out": Act(
        restrictions.keep_out,
        Permission.RESTRICT_USERS,
        gettext_lazy("Keep this user out?"),
        gettext_lazy("Keep out"),
        (
            gettext_lazy(
                "1. The login is banned and sending is stopped, so that sockets left behind are silent too. The ban "
                "is read back."
            ),
            gettext_lazy("2. Every device is signed out, and the sessions that are left are kicked one by one."),
            gettext_lazy(
                "It holds until its end, or until somebody lets the user in again. Their backend tokens are blanked "
                "and must be set anew then."
            ),
        ),
        "lock",
        seconds=7,
        form=RestrictForm,
    ),
    "let-in": Act(
        restrictions.let_in,
        Permission.RESTRICT_USERS,
        gettext_lazy("Let this user in again?"),
        gettext_lazy("Let in"),
        (
            gettext_lazy(
                "The login ban is taken off and read back. Sending is allowed again unless it was stopped by itself."
            ),
            gettext_lazy("The tokens stay blank: where the server checks them, your backend must set a new one."),
        ),
        "login",
        kind="primary",
    ),
    "stop-sending": Act(
        restrictions.stop_sending,
        Permission.RESTRICT_USERS,
        gettext_lazy("Stop this user sending anywhere?"),
        gettext_lazy("Stop sending"),
        (
            gettext_lazy(
                "From the next message on the server answers reason 25 to everything they send, also from sockets "
                "left behind by a kick."
            ),
            gettext_lazy("They still receive and may log in. What your backend sends in their name still passes."),
            gettext_lazy("The server can’t be asked about it later; we keep the record."),
        ),
        "ban",
        form=RestrictForm,
    ),
    "allow-sending": Act(
        restrictions.allow_sending,
        Permission.RESTRICT_USERS,
        gettext_lazy("Allow this user to send again?"),
        gettext_lazy("Allow sending"),
        (
            gettext_lazy(
                "The send ban is taken off, from the next message on. Denylists of single channels stay as they are."
            ),
        ),
        "send",
        kind="primary",
    ),
}


@require_http_methods(["GET", "POST"])
def act(request: HttpRequest, slug: str, uid: str, name: str) -> HttpResponse:
    """GET asks for the reason, POST does it and shows the user with the report on top."""
    chosen = ACTS[name]
    scope = access.enter(request, slug, chosen.permission)
    if request.method == "GET":
        return _ask(request, slug, uid, name, _empty_form(chosen, request))
    form = chosen.form(request.POST)
    wanted = getattr(form, "wanted", dict)
    report = respond.attempt(form, lambda: chosen.run(scope, uid, reason=form.cleaned_data["reason"], **wanted()))
    if report is None:
        return _ask(request, slug, uid, name, form, status=422)
    context = user_context(scope, queries.user(scope, uid), report=report)
    return respond.page_or_fragment(request, PAGE, context, fragment="user", say=context["report"]["title"])


def _empty_form(chosen: Act, request: HttpRequest) -> ReasonForm:
    """The dialog's form with what the address says.  Raises Http404 for an address that names no session or device."""
    names = [name for name in chosen.form.base_fields if name != "reason"]
    checked = chosen.form({"reason": "---", **{name: request.GET.get(name, "") for name in names}})
    if not checked.is_valid():
        raise Http404
    return chosen.form(initial={name: checked.cleaned_data[name] for name in names})


def _ask(request: HttpRequest, slug: str, uid: str, name: str, form: ReasonForm, *, status: int = 200) -> HttpResponse:
    chosen = ACTS[name]
    context = {
        "act": chosen,
        "form": form,
        "uid": uid,
        "target": _target(form),
        "action": reverse(f"user-{name}", args=[slug, uid]),
        "back": reverse("user", args=[slug, uid]),
    }
    if respond.wants_fragment(request):
        return respond.fragment(
            request, f"{DIALOG}#dialog", context, status=status, target="#act" if status == 422 else ""
        )
    return respond.page(request, DIALOG, context, status=status)


def _target(form: ReasonForm) -> str:
    """Which session or device is meant, in words."""
    values: dict[str, Any] = {name: form[name].value() for name in form.fields if name != "reason"}
    if isinstance(form, KickForm):
        return _("Session %(session)s on node %(node)s") % values
    if isinstance(form, SignOutForm) and str(values["flag"]).isdecimal():
        return _("Device %(device)s") % {"device": device_name(int(values["flag"]))}
    return ""
