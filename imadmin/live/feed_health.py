"""How the webhook's messages get into the archive, for the webhook's page and the API; and what could not be read."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from django.core.cache import cache

from imadmin.accounts.permissions import Permission
from imadmin.archive.engines.base import StoreUnavailable
from imadmin.archive.masking import BodyAccess, body_access
from imadmin.archive.models import Archive
from imadmin.archive.stores import engine_of
from imadmin.clusters.access import Scope
from imadmin.core.errors import gettext_noop
from imadmin.live.archive_feed import UNREADABLE, rate_key
from imadmin.live.hooks import RATE_MINUTES

BROKEN_SHOWN = 20
BYTES_SHOWN = 2000

# What the door answers the server with, and what is kept, in the words of who reads the page.
WHYS = {
    "no JSON": gettext_noop("it is no JSON"),
    "no list": gettext_noop("it is no list, or one of too many"),
    "no object": gettext_noop("it is no object"),
    "online status": gettext_noop("an online status that has not the form of one"),
}
WRONG_FIELD = gettext_noop("the field “%(name)s” is missing or not what it should be")
NOT_STORED = gettext_noop("it could not be stored (%(error)s)")


@dataclass(frozen=True, slots=True)
class FeedHealth:
    """per_minute: messages stored, over the last five minutes.  lag: seconds from the newest message's time, by the
    server's clock, to its commit, by ours; negative when that clock is ahead.
    """

    is_on: bool
    seen_at: datetime | None = None
    lag: float | None = None
    taken: int = 0
    known: int = 0
    broken: int = 0
    per_minute: float = 0.0

    @property
    def is_clock_ahead(self) -> bool:
        return self.lag is not None and self.lag < -2


@dataclass(frozen=True, slots=True)
class Why:
    """What was wrong with it.  said: a msgid, to be filled with params when it is translated."""

    said: str
    params: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ShownBroken:
    """raw: None for who may not read bodies.  size: bytes that were kept."""

    number: int
    at: datetime
    event: str
    why: Why
    size: int
    raw: str | None
    is_cut: bool


@dataclass(frozen=True, slots=True)
class BrokenCalls:
    """is_readable: this person may see what was in them.  is_known: False when the archive can't be asked."""

    rows: tuple[ShownBroken, ...]
    is_readable: bool
    is_known: bool = True


def health(scope: Scope) -> FeedHealth:
    scope.require(Permission.VIEW)
    archive = Archive.objects.filter(pk=scope.cluster.pk).first()
    if archive is None:
        return FeedHealth(is_on=False)
    minute = int(time.time() // 60)
    stored = cache.get_many([rate_key(archive.pk, minute - back) for back in range(RATE_MINUTES)])
    return FeedHealth(
        is_on=archive.is_on,
        seen_at=archive.feed_seen_at,
        lag=archive.feed_lag,
        taken=archive.feed_taken,
        known=archive.feed_known,
        broken=archive.feed_broken,
        per_minute=sum(stored.values()) / RATE_MINUTES,
    )


def broken_calls(scope: Scope, *, most: int = BROKEN_SHOWN) -> BrokenCalls:
    """The newest first.  Only who may read bodies in lists sees the bytes."""
    scope.require(Permission.OPERATE_CLUSTER)
    is_readable = body_access(scope) is BodyAccess.OPEN
    if not Archive.objects.filter(pk=scope.cluster.pk).exists():  # asking would make an empty store
        return BrokenCalls((), is_readable)
    try:
        found = engine_of(scope.cluster.pk).broken(most=most)
    except StoreUnavailable:
        return BrokenCalls((), is_readable, is_known=False)
    rows = (
        ShownBroken(
            one.number,
            datetime.fromtimestamp(one.at, UTC),
            one.event,
            why_of(one.why),
            len(one.raw),
            one.raw[:BYTES_SHOWN].decode("utf-8", "backslashreplace") if is_readable else None,
            len(one.raw) > BYTES_SHOWN,
        )
        for one in found
    )
    return BrokenCalls(tuple(rows), is_readable)


def why_of(kept: str) -> Why:
    """The sentence for what was kept as the reason."""
    if kept in WHYS:
        return Why(WHYS[kept], {})
    if kept.startswith(f"{UNREADABLE}: "):
        return Why(NOT_STORED, {"error": kept.removeprefix(f"{UNREADABLE}: ")})
    return Why(WRONG_FIELD, {"name": kept})
