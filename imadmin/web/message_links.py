"""Where a link to somebody's or some channel's messages leads: the archive while it is fed, else the server itself."""

from urllib.parse import urlencode

from django.urls import reverse

from imadmin.accounts.permissions import Permission
from imadmin.archive.models import Archive
from imadmin.archive.operators import channel_value, quoted
from imadmin.clusters.access import Scope
from imadmin.gateway.types import ChannelRef
from imadmin.web import message_query


def messages_url(scope: Scope, *, sender: str = "", channel: ChannelRef | None = None) -> str:
    """ "" for who may not search."""
    if not scope.can(Permission.SEARCH_MESSAGES) or (channel is not None and not channel.id):
        return ""
    if is_fed(scope):
        terms = (f"from:{quoted(sender)}" if sender else "", f"in:{channel_value(channel)}" if channel else "")
        return message_query.search_url(scope.slug, " ".join(filter(None, terms)))
    given: dict[str, object] = {}
    if channel is not None:
        given |= {"channel_type": int(channel.type), "channel_id": channel.id}
    if sender:
        given["sender"] = sender
    return f"{reverse('messages-server', args=[scope.slug])}?{urlencode(given)}"


def is_fed(scope: Scope) -> bool:
    """Asked of our database once a request."""
    kept = scope.__dict__
    if "archive_is_fed" not in kept:
        kept["archive_is_fed"] = Archive.objects.filter(cluster=scope.cluster, is_on=True).exists()
    return bool(kept["archive_is_fed"])
