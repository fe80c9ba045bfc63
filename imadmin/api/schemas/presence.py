"""Who came and who went; the webhook that tells it."""

from datetime import datetime

from imadmin.api.schemas.common import Out
from imadmin.live.feed_health import FeedHealth
from imadmin.live.hook_setup import HookHealth
from imadmin.monitor.models import Presence


class PresenceOut(Out):
    """A connection that began or ended.  source: webhook | poller (a comparison of who is connected).

    node: null when the webhook told it, which doesn't say.  left: the user's connections that remain, where told.
    """

    id: str
    at: datetime
    uid: str
    is_online: bool
    device_flag: int | None
    source: str
    node: str | None
    connection: str | None
    left: int | None

    @classmethod
    def of(cls, row: Presence) -> "PresenceOut":
        return cls(
            id=str(row.pk),
            at=row.at,
            uid=row.uid,
            is_online=row.is_online,
            device_flag=row.device_flag,
            source=row.source,
            node=None if row.node is None else str(row.node),
            connection=None if row.connection is None else str(row.connection),
            left=row.left,
        )


class FeedOut(Out):
    """The webhook's messages on their way into the archive.  lag_seconds: from the newest message's time, by the
    server's clock, to its commit, by ours.  known: were there already.  broken: could not be read.
    """

    is_on: bool
    last_stored_at: datetime | None
    lag_seconds: float | None
    stored: int
    known: int
    broken: int
    per_minute: float

    @classmethod
    def of(cls, feed: FeedHealth) -> "FeedOut":
        return cls(
            is_on=feed.is_on,
            last_stored_at=feed.seen_at,
            lag_seconds=feed.lag,
            stored=feed.taken,
            known=feed.known,
            broken=feed.broken,
            per_minute=feed.per_minute,
        )


class WebhookOut(Out):
    """The webhook's door and what came through it.  refused: calls with a wrong secret.  broken: not what it sends."""

    is_open: bool
    made_at: datetime | None
    made_by: str
    last_seen_at: datetime | None
    last_refused_at: datetime | None
    calls: int
    refused: int
    broken: int
    online_changes: int
    messages: int
    offline_messages: int
    calls_per_minute: float
    archive: FeedOut

    @classmethod
    def of(cls, hook: HookHealth, feed: FeedHealth) -> "WebhookOut":
        return cls(
            is_open=hook.is_open,
            made_at=hook.made_at,
            made_by=hook.made_by,
            last_seen_at=hook.last_seen_at,
            last_refused_at=hook.last_refused_at,
            calls=hook.received,
            refused=hook.refused,
            broken=hook.broken,
            online_changes=hook.online,
            messages=hook.messages,
            offline_messages=hook.offline,
            calls_per_minute=hook.per_minute,
            archive=FeedOut.of(feed),
        )


class WebhookAddressOut(Out):
    """url: with the secret; for `webhook.httpAddr` of every node."""

    url: str
