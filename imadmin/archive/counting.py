"""How many messages a saved search finds: those that are new to somebody, and those of each full hour."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from zoneinfo import ZoneInfo

from django.core.cache import cache
from django.db.models import Max

from imadmin.accounts.models import User
from imadmin.archive import asking, grammar, stores
from imadmin.archive import search as searching
from imadmin.archive.engines.base import RID_MAX, Engine, StoreUnavailable
from imadmin.archive.models import SavedCount, SavedSearch
from imadmin.archive.present import present_rid
from imadmin.archive.where import All, Sent
from imadmin.clusters.models import Cluster
from imadmin.core.errors import InvalidInput

MOST = 1000
NEWER_SECONDS = 0.4  # for all that one page counts; what isn't reached in it stays uncounted there
REMEMBERED = 60
HOUR = timedelta(hours=1)
MISSED_MOST = 48  # hours that are counted afterwards
AGAIN = 2  # hours counted a second time: some messages come late
KEPT = timedelta(days=30)
SEARCHES_MOST = 200
COUNTS_MOST = 5000  # of one run


@dataclass(frozen=True, slots=True)
class Tally:
    """is_capped: there are more."""

    count: int
    is_capped: bool = False


@dataclass(frozen=True, slots=True)
class Counted:
    searches: int
    hours: int


@lru_cache(maxsize=2048)
def looks_for_words(query: str) -> bool:
    """Whether it tells what messages say; one that can't be understood (any more) is taken for one that does."""
    try:
        return asking.says_words(grammar.parse(query, zone=ZoneInfo("UTC"), now=datetime.now(UTC)))
    except InvalidInput:
        return True


def newest_rid(cluster_pk: int, *, below: int = RID_MAX) -> int | None:
    """The place of the newest message in the archive (before `below`), None when there is none.  Raises Busy."""
    newest = stores.engine_of(cluster_pk).scan(None, below=below, most=1)
    return newest[0].rid if newest else None


def newer(
    cluster_pk: int, asked: Iterable[tuple[str, int]], *, zone: ZoneInfo, seconds: float = NEWER_SECONDS
) -> dict[tuple[str, int], Tally]:
    """For each (query, rid): how many messages are newer.  What can't be counted now, or in time, is left out."""
    asked = list(asked)
    found: dict[tuple[str, int], Tally] = {}
    if not asked:
        return found
    try:
        newest = newest_rid(cluster_pk, below=present_rid(cluster_pk))
        until = time.monotonic() + seconds
        for query, rid in asked:
            if newest is None or rid >= newest:
                found[query, rid] = Tally(0)
            elif time.monotonic() < until and (tally := _newer(cluster_pk, query, rid, newest, zone)):
                found[query, rid] = tally
    except StoreUnavailable:
        return {}
    return found


def _newer(cluster_pk: int, query: str, rid: int, newest: int, zone: ZoneInfo) -> Tally | None:
    """Remembered for as long as nothing comes in: the newest message is part of the key."""
    asked = f"{cluster_pk}\0{query}\0{rid}\0{newest}\0{zone.key}".encode(errors="replace")
    key = f"saved-newer:{sha256(asked).hexdigest()}"
    tally: Tally | None = cache.get(key)
    if tally is None:
        try:
            where = grammar.parse(query, zone=zone, now=datetime.now(UTC))
        except InvalidInput:
            return None
        counted = searching.count(stores.engine_of(cluster_pk), where, below=newest + 1, above=rid, most=MOST)
        tally = Tally(counted.value, counted.is_capped)
        cache.set(key, tally, REMEMBERED)
    return tally


# -- by the hour -----------------------------------------------------------------------------------------------------


def count_hours(
    cluster: Cluster, *, should_stop: Callable[[], bool], beat: Callable[..., None], now: datetime | None = None
) -> Counted:
    """Count the full hours that are missing of each saved search, those that wait longest first.  Raises Busy."""
    end = (now or datetime.now(UTC)).replace(minute=0, second=0, microsecond=0)
    SavedCount.objects.filter(search__cluster=cluster, hour__lt=end - KEPT).delete()
    rows = list(
        SavedSearch.objects.filter(cluster=cluster)
        .select_related("owner")
        .annotate(last=Max("counts__hour"))
        .order_by("last", "pk")[:SEARCHES_MOST]
    )
    rows.sort(key=lambda row: row.last or datetime.min.replace(tzinfo=UTC))
    engine, searches, hours = stores.engine_of(cluster.pk), 0, 0
    for number, row in enumerate(rows):
        if should_stop() or hours >= COUNTS_MOST:
            break
        beat(number, len(rows))
        try:
            counts = list(_hours(engine, row, row.last, end, should_stop))
        except InvalidInput:
            continue  # this version doesn't understand it any more; its owner sees so on the page
        SavedCount.objects.bulk_create(
            counts, update_conflicts=True, unique_fields=["search", "hour"], update_fields=["count", "is_capped"]
        )
        searches, hours = searches + 1, hours + len(counts)
    return Counted(searches, hours)


def _hours(
    engine: Engine, row: SavedSearch, last: datetime | None, end: datetime, should_stop: Callable[[], bool]
) -> Iterable[SavedCount]:
    """A relative time means what it meant at the end of that hour."""
    zone = asking.zone_of(row.owner.timezone if isinstance(row.owner, User) else "")
    first = max(end - MISSED_MOST * HOUR, last - (AGAIN - 1) * HOUR if last else end - MISSED_MOST * HOUR)
    while first < end and not should_stop():
        where = grammar.parse(row.query, zone=zone, now=first + HOUR)
        within = Sent(int(first.timestamp()), int((first + HOUR).timestamp()))
        found = searching.count(engine, All((where, within)), most=MOST)
        yield SavedCount(search=row, hour=first, count=found.value, is_capped=found.is_capped)
        first += HOUR
