"""What an HTTP answer of WuKongIM v2 means: its statuses are 200, 400, 401 and 500, the rest stands in the body (1.6).

Its texts are matched on but never passed on: they hold peer addresses, Go struct dumps and tokens.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from imadmin.core.errors import gettext_noop
from imadmin.gateway.errors import (
    BadReply,
    GatewayError,
    NoSuch,
    NotAllowed,
    Rejected,
    TimedOut,
    Unauthorised,
    Uncertain,
    Unreachable,
)  # fmt: skip
from imadmin.gateway.http import Reply, unreadable
from imadmin.gateway.kinds.wukongim2.shapes import WrongShape

T = TypeVar("T")

GAVE_UP_SECONDS = 4.5  # proposals end after exactly five (5.5)

TOKEN_REFUSED = gettext_noop("The node refuses the manager token")
SIGN_IN_REFUSED = gettext_noop("The node refuses our sign-in")
RELAYED_REFUSAL = gettext_noop("A node was refused by another one: the manager token gets lost between them")
PEER_SILENT = gettext_noop("A node that is needed for this doesn't answer the others")
BROKE_DOWN = gettext_noop("The server broke down over this question")
BROKE_DOWN_CHANGING = gettext_noop("The server broke down over this change: it may or may not have happened")
NO_ROUTE = gettext_noop("The server doesn't know this route; is it the right address and version?")
ELSEWHERE = gettext_noop("The address sends us elsewhere, which we don't follow")
WRONG_SHAPE = gettext_noop("The answer has another shape than this server's")
NO_LEADER = gettext_noop("The cluster has no leader for this at the moment")
BANNED = gettext_noop("The server refuses: it is banned or disbanded there")


def read(reply: Reply, parse: Callable[[Any], T]) -> T:
    """The answer to a question, parsed.  Raises what the answer amounts to, BadReply for another shape."""
    if reply.status != 200:
        raise _failure(reply)
    body = reply.json()
    if _status(body) == 404:
        raise NoSuch(**_where(reply))
    try:
        return parse(body)
    except WrongShape as error:
        raise BadReply(WRONG_SHAPE, **_where(reply)) from error


def read_body(reply: Reply, quick: Callable[[bytes], T | None], careful: Callable[[Any], T]) -> T:
    """As `read`, for big answers: the body itself first, its decoded JSON when `quick` gives None."""
    found = quick(reply.body) if reply.status == 200 else None
    return read(reply, careful) if found is None else found


def confirm(reply: Reply) -> None:
    """Nothing, when the server says it took a change; that it really did is read back by who asked."""
    if reply.status != 200:
        raise _failure(reply)
    status = _status(reply.json())
    if status == 404:
        raise NoSuch(**_where(reply))
    if status in (19, 24):
        raise Rejected(BANNED, **_where(reply))
    if status != 200:
        raise unreadable(reply.call, WRONG_SHAPE)


def told(reply: Reply, parse: Callable[[Any], T]) -> T:
    """What the server says of a change it took; an answer that can't be read leaves it uncertain."""
    if reply.status != 200:
        raise _failure(reply)
    body = reply.json()
    if _status(body) not in (None, 200):
        confirm(reply)
    try:
        return parse(body)
    except WrongShape as error:
        raise unreadable(reply.call, WRONG_SHAPE) from error


def _where(reply: Reply) -> dict[str, str]:
    return {"node": reply.call.label, "operation": reply.call.operation}


def _status(body: Any) -> int | None:
    status = body.get("status") if isinstance(body, dict) else None
    return status if isinstance(status, int) else None


def _failure(reply: Reply) -> GatewayError:
    where = _where(reply)
    if reply.status == 401:
        return Unauthorised(SIGN_IN_REFUSED if is_session_refused(reply) else TOKEN_REFUSED, **where)
    if reply.status == 400:
        return _said_no(reply)
    if reply.status == 404:
        return BadReply(NO_ROUTE, **where)
    if 300 <= reply.status < 400:
        return BadReply(ELSEWHERE, **where)
    if reply.status == 403:
        return NotAllowed(**where)
    if not reply.call.is_read:
        return Uncertain(BROKE_DOWN_CHANGING, **where)
    return Rejected(BROKE_DOWN, **where)


def _said_no(reply: Reply) -> GatewayError:
    """A 400: the body tells apart what is missing, forbidden, unreachable, given up and refused (1.6, 5.5)."""
    where = _where(reply)
    try:
        body = reply.json()
    except GatewayError as error:
        return error
    if _status(body) is None and not (isinstance(body, dict) and "msg" in body):
        return unreadable(reply.call, WRONG_SHAPE)
    text = str(body.get("msg", ""))
    if _status(body) == 403:
        return NotAllowed(**where)
    if text == "not found" or text.endswith(": not found"):
        return NoSuch(**where)
    if "deadline exceeded" in text or reply.elapsed >= GAVE_UP_SECONDS:
        return TimedOut(**where) if reply.call.is_read else Uncertain(**where)
    if "[401]" in text or "status code: 401" in text or text == "EOF":
        return Unauthorised(RELAYED_REFUSAL, **where)
    if "dial tcp" in text or "connection refused" in text or "unsupported protocol scheme" in text:
        return Unreachable(PEER_SILENT, **where)
    if "connection reset" in text or "i/o timeout" in text:
        return Unreachable(PEER_SILENT, **where) if reply.call.is_read else Uncertain(**where)
    if "leader not found" in text or text == "not leader":
        return Unreachable(NO_LEADER, **where)
    return Rejected(**where)


def is_session_refused(reply: Reply) -> bool:
    """A 401 of the asked node itself about our sign-in; an empty one is relayed from another's token gate (1.4)."""
    if reply.status != 401:
        return False
    try:
        return isinstance(reply.json(), dict) and "error" in reply.json()
    except GatewayError:
        return False


def is_broken_down(reply: Reply) -> bool:
    """A recovered panic: 500 with nothing in it, or a peer's one as told by the asked node (5.3)."""
    if reply.status == 500:
        return not reply.body
    if reply.status != 400:
        return False
    try:
        body = reply.json()
    except GatewayError:
        return False
    return isinstance(body, dict) and "[500]" in str(body.get("msg", ""))


def is_unknown_plugin(reply: Reply) -> bool:
    """The server's own answer in place of a plugin's, when there is none or it doesn't run (2.13)."""
    if reply.status != 400:
        return False
    try:
        return _status(reply.json()) in (404, 503)
    except GatewayError:
        return False
