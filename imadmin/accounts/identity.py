"""A signed-in person as the audit trail knows them."""

import hashlib
from functools import partial

from django.db import transaction
from django.http import HttpRequest

from imadmin.audit.record import Actor
from imadmin.core import events


def session_mark(request: HttpRequest) -> str:
    """A short hash of the session: tells sessions apart on the trail and opens none."""
    key = getattr(request, "session", None) and request.session.session_key
    return hashlib.sha256(key.encode()).hexdigest()[:16] if key else ""


def person(request: HttpRequest, username: str) -> Actor:
    return Actor("user", username, "page", session_mark(request), request.META.get("REMOTE_ADDR", "") or "")


def stranger(request: HttpRequest) -> Actor:
    """Somebody who is not signed in: a typed name is no proof of who it was."""
    return Actor("stranger", "unknown", "page", "", request.META.get("REMOTE_ADDR", "") or "")


def rights_changed(user_key: int | None) -> None:
    """Announce that what this person may do is another, or that a sign-in of theirs ended: open sockets are asked."""
    if user_key is not None:
        transaction.on_commit(partial(events.changed, f"@people/{user_key}"))
