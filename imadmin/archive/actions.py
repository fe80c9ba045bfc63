"""Revealing one masked body: the only way to a body for who may not read them in lists."""

from imadmin.accounts.permissions import Permission
from imadmin.archive.masking import ShownMessage, show
from imadmin.archive.queries import NO_SUCH_MESSAGE, NO_SUCH_MESSAGE_HINT
from imadmin.archive.wanted import ID_MAX
from imadmin.audit.record import Target, recorded
from imadmin.clusters.access import Scope
from imadmin.core.aio import run
from imadmin.core.errors import NotFound


def reveal(scope: Scope, message_id: int, *, reason: str) -> ShownMessage:
    """Show one body, once; who, which and why are on the trail before it is read.

    Raises Forbidden, InvalidInput (reason), NotFound, GatewayError, Busy.
    """
    scope.require(Permission.REVEAL_BODIES)
    target = Target("message", str(message_id))
    with recorded(scope.actor, "message.reveal", target, reason, cluster=scope.slug) as entry:
        found = run(scope.gateway.message(message_id)) if 0 < message_id <= ID_MAX else None
        if found is None:
            raise NotFound(NO_SUCH_MESSAGE, hint=NO_SUCH_MESSAGE_HINT)
        shown = show(found, is_open=True)
        entry.finish(
            detail={
                "channel": str(found.channel),
                "sender": found.from_uid,
                "kind": shown.kind.value,
                "size": shown.size,
            }
        )
    return shown
