"""Revealing masked bodies: the only way to a body for who may not read them in lists."""

from imadmin.accounts.permissions import Permission
from imadmin.archive import queries
from imadmin.archive.masking import ShownMessage, body_access, show, show_stored
from imadmin.archive.queries import MessagePage
from imadmin.archive.rows import Stored
from imadmin.audit.record import Target, recorded
from imadmin.clusters.access import Scope


def reveal(scope: Scope, message_id: int, *, reason: str) -> ShownMessage:
    """Show one body, once; who, which and why are on the trail before it is read.

    Raises Forbidden, InvalidInput (reason), NotFound, GatewayError, Busy.
    """
    scope.require(Permission.REVEAL_BODIES)
    target = Target("message", str(message_id))
    with recorded(scope.actor, "message.reveal", target, reason, cluster=scope.slug) as entry:
        found = queries.one(scope, message_id)
        shown = show_stored(found, is_open=True) if isinstance(found, Stored) else show(found, is_open=True)
        entry.finish(
            detail={
                "channel": str(found.channel),
                "sender": found.from_uid,
                "kind": shown.kind.value,
                "size": shown.size,
            }
        )
    return shown


def reveal_conversation(scope: Scope, message_id: int, *, reason: str) -> MessagePage:
    """Show a message and those around it, once; the trail names every one that was shown.  Raises as `reveal`."""
    scope.require(Permission.REVEAL_BODIES)
    target = Target("message", str(message_id))
    with recorded(scope.actor, "message.reveal_conversation", target, reason, cluster=scope.slug) as entry:
        page = queries.gathered(scope, message_id, body_access(scope), is_open=True)
        entry.finish(
            detail={
                "channel": str(page.message.channel),
                "messages": [str(item.id) for item in page.context.items],
            }
        )
    return page
