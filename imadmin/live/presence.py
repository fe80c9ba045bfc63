"""Who came and who went: rows from the webhook and from the differences of two looks, each change told once.

The table is bounded: the newest KEPT rows a cluster.  Both sources write here and nowhere else.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.cache import cache
from django.db import transaction
from django.db.models import Q, QuerySet

from imadmin.accounts.permissions import Permission
from imadmin.clusters.access import Scope
from imadmin.core import events
from imadmin.core.errors import InvalidInput
from imadmin.core.paging import BROKEN_CURSOR, cursor_moment, decode_cursor, encode_cursor
from imadmin.gateway.connection_types import ConnectionList
from imadmin.gateway.hook_types import OnlineChange
from imadmin.gateway.types import now
from imadmin.monitor.models import Presence

KEPT = 20_000
TRIM_SECONDS = 60
DIFFERENCES_MAX = 2000  # rows of one comparison; a restarted node would otherwise push out everything else
AGAIN = timedelta(seconds=30)  # the webhook repeats a call that it took for failed
SAME = timedelta(seconds=150)  # the two sources see the same change this far apart at most
WEBHOOK, POLLER = Presence.Source.WEBHOOK, Presence.Source.POLLER
VIEW = Permission.VIEW

Key = tuple[int, int]  # node, connection
Held = tuple[str, int | None]  # uid, device flag
Seen = Mapping[int, Mapping[int, Held]]  # by node, then by connection


@dataclass(frozen=True, slots=True)
class Difference:
    uid: str
    device_flag: int | None
    is_online: bool
    node: int
    connection: int
    left: int


# -- from the poller ---------------------------------------------------------------------------------------------------


def seen_in(listed: ConnectionList) -> dict[int, dict[int, Held]]:
    """The connections of the nodes that told all of theirs: what the others hold is unknown, not gone."""
    unsure = {failure.node for failure in listed.failed}
    found: dict[int, dict[int, Held]] = {
        node.id: {} for node in listed.nodes if node.answers and str(node.id) not in unsure
    }
    for row in listed.rows:
        if row.node_id in found:
            found[row.node_id][row.id] = (row.uid, row.device_flag)
    return found


def differences(before: Seen, after: Seen) -> list[Difference]:
    """Who left and who came, on the nodes that both looks know.  left: connections the user still has."""
    changes: list[tuple[bool, int, int, Held]] = []
    for node, held in after.items():
        known = before.get(node)
        if known is None:
            continue
        changes += [(False, node, key, who) for key, who in known.items() if held.get(key) != who]
        changes += [(True, node, key, who) for key, who in held.items() if known.get(key) != who]
    if not changes:
        return []
    concerned = {who[0] for _, _, _, who in changes}
    counts = Counter(who[0] for held in after.values() for who in held.values() if who[0] in concerned)
    return [
        Difference(who[0], who[1], is_online, node, key, counts[who[0]])
        for is_online, node, key, who in sorted(changes)
    ]


def record_differences(cluster_pk: int, slug: str, found: Sequence[Difference], at: datetime) -> int:
    """Write down what the webhook didn't tell already.  Returns how many rows were too many to keep."""
    told = {
        (row.uid, row.connection, row.is_online)
        for row in Presence.objects.filter(cluster=cluster_pk, source=WEBHOOK, at__gte=at - SAME).only(
            "uid", "connection", "is_online"
        )
    }
    news = [one for one in found if (one.uid, one.connection, one.is_online) not in told]
    kept, dropped = news[:DIFFERENCES_MAX], max(0, len(news) - DIFFERENCES_MAX)
    Presence.objects.bulk_create(
        Presence(
            cluster_id=cluster_pk, at=at, uid=one.uid[:200], device_flag=one.device_flag, is_online=one.is_online,
            source=POLLER, node=one.node, connection=one.connection, left=one.left,
        )
        for one in kept
    )  # fmt: skip
    if dropped:
        cache.set(_dropped_key(cluster_pk), {"count": dropped, "at": at}, 24 * 3600)
    if kept:
        announce(slug)
        trim(cluster_pk)
    return dropped


# -- from the webhook --------------------------------------------------------------------------------------------------


def record_told(cluster_pk: int, changes: Sequence[OnlineChange], at: datetime) -> int:
    """In the caller's transaction.  Returns how many were news: a repeated call tells nothing, and what the poller saw
    first becomes the webhook's row, which knows more."""
    uids = {change.uid for change in changes}
    recent: dict[Any, list[Presence]] = {}
    for row in _of_uids(Presence.objects.filter(cluster=cluster_pk, at__gte=at - SAME), uids):
        recent.setdefault((row.uid, row.connection, row.is_online), []).append(row)
    rows, news = [], 0
    for place, change in enumerate(changes):
        known = recent.get((change.uid, change.connection, change.is_online), [])
        if any(_is_repeated(row, change, at) for row in known):
            continue
        news += 1
        seen = next((row for row in known if row.source == POLLER), None)
        if seen:
            seen.source, seen.left, seen.device_flag = WEBHOOK, change.left, change.device_flag
            seen.save(update_fields=["source", "left", "device_flag"])
            known.remove(seen)
        rows += [] if seen else [_told(cluster_pk, change, at + timedelta(microseconds=place))]
    Presence.objects.bulk_create(rows)
    return news


def _is_repeated(row: Presence, change: OnlineChange, at: datetime) -> bool:
    return row.source == WEBHOOK and row.left == change.left and at - row.at < AGAIN and row.at < at


def _of_uids(rows: QuerySet[Presence], uids: Iterable[str]) -> Iterable[Presence]:
    named = list(uids)
    for start in range(0, len(named), 500):  # SQLite takes so many values in a statement
        yield from rows.filter(uid__in=named[start : start + 500])


def _told(cluster_pk: int, change: OnlineChange, at: datetime) -> Presence:
    return Presence(
        cluster_id=cluster_pk, at=at, uid=change.uid, device_flag=change.device_flag, is_online=change.is_online,
        source=WEBHOOK, connection=change.connection, left=change.left,
    )  # fmt: skip


def announce(slug: str) -> None:
    events.changed(f"{slug}/presence")
    events.changed(f"{slug}/connections")


def trim(cluster_pk: int) -> None:
    """Let the oldest go; at most once a minute, by whichever process comes first."""
    if not cache.add(f"live/presence/trim/{cluster_pk}", 1, TRIM_SECONDS):
        return
    rows = Presence.objects.filter(cluster=cluster_pk)
    last = rows.order_by("-at", "-id").values_list("at", "id")[KEPT : KEPT + 1]
    if found := list(last):
        at, key = found[0]
        with transaction.atomic():
            rows.filter(Q(at__lt=at) | Q(at=at, id__lte=key)).delete()


# -- for pages and API -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FeedFilter:
    """Empty fields don't filter.  uid: the whole uid, or its beginning with a * at the end."""

    uid: str = ""
    device_flag: int | None = None
    source: str = ""
    is_online: bool | None = None


@dataclass(frozen=True, slots=True)
class FeedPage:
    """newest: id of the newest row there is under this filter, 0 without any: what comes later is new."""

    items: tuple[Presence, ...]
    next_cursor: str
    as_of: datetime
    newest: int = 0


def feed(scope: Scope, wanted: FeedFilter, *, cursor: str = "", limit: int = 50) -> FeedPage:
    """Rows newest first.  Raises InvalidInput for a cursor of somebody else's making."""
    scope.require(VIEW)
    rows = _filtered(scope, wanted)
    if cursor:
        at, key = _marked(cursor)
        page = rows.filter(Q(at__lt=at) | Q(at=at, id__lt=key))
    else:
        page = rows
    found = list(page.order_by("-at", "-id")[: limit + 1])
    more = found[limit - 1] if len(found) > limit else None
    marker = encode_cursor(at=more.at.isoformat(), id=more.pk) if more else ""
    newest = found[0].pk if found and not cursor else 0
    return FeedPage(tuple(found[:limit]), marker, now(), newest)


def count_after(scope: Scope, wanted: FeedFilter, newest: int, *, most: int = 1000) -> int:
    """How many rows came after that one, counted up to `most`."""
    scope.require(VIEW)
    return len(_filtered(scope, wanted).filter(pk__gt=newest).values_list("pk")[:most])


def dropped(cluster_pk: int) -> dict[str, Any] | None:
    """When a comparison last found more changes than are kept, and how many were left out."""
    found = cache.get(_dropped_key(cluster_pk))
    return found if isinstance(found, dict) else None


def _filtered(scope: Scope, wanted: FeedFilter) -> QuerySet[Presence]:
    rows = Presence.objects.filter(cluster=scope.cluster)
    if wanted.uid.endswith("*") and len(wanted.uid) > 1:
        begin = wanted.uid[:-1]  # not LIKE: to SQLite that is the same as another case
        rows = rows.filter(uid__gte=begin, uid__lt=begin + chr(0x10FFFF))
    elif wanted.uid:
        rows = rows.filter(uid=wanted.uid)
    if wanted.device_flag is not None:
        rows = rows.filter(device_flag=wanted.device_flag)
    if wanted.source:
        rows = rows.filter(source=wanted.source)
    if wanted.is_online is not None:
        rows = rows.filter(is_online=wanted.is_online)
    return rows


def _marked(cursor: str) -> tuple[datetime, int]:
    parts = decode_cursor(cursor, "at", "id")
    at, key = cursor_moment(parts["at"]), parts["id"]
    if isinstance(key, bool) or not isinstance(key, int) or not 0 <= key < 2**63:
        raise InvalidInput({"cursor": [BROKEN_CURSOR]})
    return at, key


def _dropped_key(cluster_pk: int) -> str:
    return f"live/presence/dropped/{cluster_pk}"
