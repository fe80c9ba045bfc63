"""Who is at the other end of a socket, and whether they may (still) watch a cluster: the same door as the pages'."""

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest, parse_cookie
from django.http.request import split_domain_port, validate_host

from imadmin.accounts.models import User
from imadmin.clusters import access
from imadmin.core.errors import Forbidden, NotFound, SignInRequired

Headers = list[tuple[bytes, bytes]]

SIGNED_OUT = 4401
NOT_ALLOWED = 4403


def header(headers: Headers, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in headers if key == name), "")


def session_of(headers: Headers) -> str:
    """The key of the browser's session, "" without one."""
    return parse_cookie(header(headers, b"cookie")).get(settings.SESSION_COOKIE_NAME, "")


def is_own_page(headers: Headers) -> bool:
    """Whether the page that opens the socket is ours: a browser sends cookies along from any other page too."""
    host, origin = header(headers, b"host"), header(headers, b"origin")
    scheme, _, place = origin.partition("://")
    if scheme not in ("http", "https") or not place or place.lower() != host.lower():
        return False
    allowed = settings.ALLOWED_HOSTS or (["localhost", "127.0.0.1", "[::1]"] if settings.DEBUG else [])
    return validate_host(split_domain_port(host)[0], allowed)


def who(session_key: str) -> User | None:
    """The person signed in with this session.  Read from the database each time: sessions end, people are stopped."""
    user = get_user(_request(session_key)) if session_key else None
    return user if isinstance(user, User) and user.is_active else None


def admitted(session_key: str, slug: str) -> tuple[int, int]:
    """(0, key of the person) when this session may watch this cluster, else (the code to close its socket with, 0)."""
    user = who(session_key)
    if user is None:
        return SIGNED_OUT, 0
    request = _request(session_key)
    request.user = user
    try:
        access.enter(request, slug)
    except SignInRequired:
        return SIGNED_OUT, 0
    except (NotFound, Forbidden):
        return NOT_ALLOWED, 0
    return 0, user.pk


def _request(session_key: str) -> HttpRequest:
    request = HttpRequest()
    request.session = SessionStore(session_key)
    return request
