"""Sign-ins, failed sign-ins, sign-outs and own password changes, written to the audit trail as they happen."""

from typing import Any

from allauth.account.signals import password_changed
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db import DatabaseError, OperationalError
from django.dispatch import receiver
from django.http import HttpRequest

from imadmin.accounts import identity
from imadmin.accounts.models import User
from imadmin.audit import record
from imadmin.audit.record import Target
from imadmin.core.errors import Busy, gettext_noop


@receiver(user_logged_in)
def signed_in(request: HttpRequest | None, user: User, **_: Any) -> None:
    """Raises Busy: a sign-in that leaves no trace does not happen.  Sessions made without a visitor have no address."""
    if request is not None and "REMOTE_ADDR" in request.META:
        try:
            record.event(identity.person(request, user.username), "session.sign_in", Target("person", user.username))
        except DatabaseError as error:
            raise Busy(
                gettext_noop("The audit trail can't be written right now, so you were not signed in."),
                hint=gettext_noop("Try again in a moment."),
            ) from error


@receiver(user_logged_out)
def signed_out(request: HttpRequest | None, user: User | None, **_: Any) -> None:
    if request is not None and user is not None:
        record.event(identity.person(request, user.username), "session.sign_out", Target("person", user.username))
        identity.rights_changed(user.pk)


@receiver(user_login_failed)
def sign_in_failed(credentials: dict[str, Any], request: HttpRequest | None = None, **_: Any) -> None:
    """A name nobody has is not written down: it may be a password typed into the wrong field."""
    if request is None:
        return
    name = User.objects.filter(username=str(credentials.get("username", ""))[:150]).values_list("username").first()
    try:
        record.event(
            identity.stranger(request),
            "session.sign_in",
            Target("person", name[0] if name else ""),
            outcome="failed",
            detail={"error": gettext_noop("Wrong name or password")},
        )
    except OperationalError:
        # Nothing was opened; the page still says what is wrong with the sign-in.
        return


@receiver(password_changed)
def password_was_changed(request: HttpRequest, user: User, **_: Any) -> None:
    record.event(identity.person(request, user.username), "person.change_password", Target("person", user.username))
    identity.rights_changed(user.pk)
