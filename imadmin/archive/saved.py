"""Saved searches: kept under a name, pinned and looked at by each person alone, shared with all who may search here."""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from imadmin.accounts.models import User
from imadmin.accounts.permissions import Permission
from imadmin.archive import asking, counting
from imadmin.archive.counting import Tally
from imadmin.archive.models import SavedCount, SavedLook, SavedSearch
from imadmin.archive.present import present_rid
from imadmin.audit import record
from imadmin.audit.record import Target
from imadmin.clusters.access import Scope
from imadmin.core.errors import Forbidden, InvalidInput, NotFound, gettext_noop

NAME_MOST = 80
MOST = 100  # of one person or token and cluster
SHOWN_MOST = 200
SPARK_HOURS = 48

NO_SUCH = gettext_noop("There is no such saved search here, or it isn't shared with you.")
NAME_MISSING = gettext_noop("Give it a name.")
NAME_LONG = gettext_noop("Keep the name under 80 characters.")
NAME_TAKEN = gettext_noop("You have a saved search of this name on this cluster already.")
TOO_MANY = gettext_noop("You keep %(most)s searches on this cluster already. Delete one first.")
NOT_YOURS = gettext_noop("Only its owner and administrators of this cluster may change a shared search.")
NOBODY = gettext_noop("Only people and tokens keep searches.")
HIDDEN = gettext_noop("This search looks for words, and your role reads no message bodies.")


@dataclass(frozen=True, slots=True)
class Saved:
    """A saved search as one person sees it.  query: None when its words are hidden from them.

    fresh: what came since they last opened it, None = never opened, hidden, or not counted here.
    counts: messages of the latest hours, oldest first, None = not counted; empty when hidden.
    is_capped: in one of these hours there were more than could be counted.
    """

    id: int
    name: str
    query: str | None
    owner: str
    is_mine: bool
    is_shared: bool
    is_pinned: bool
    may_change: bool
    created_at: datetime
    updated_at: datetime
    seen_rid: int | None = None
    fresh: Tally | None = None
    counts: tuple[int | None, ...] = ()
    is_capped: bool = False

    @property
    def is_hidden(self) -> bool:
        return self.query is None


def listing(scope: Scope, *, with_fresh: bool = True, with_counts: bool = False) -> tuple[Saved, ...]:
    """One's own and those shared here: pinned ones first, then one's own, by name.  Raises Forbidden."""
    scope.require(Permission.SEARCH_MESSAGES)
    rows = list(_visible(scope).order_by("name", "pk")[:SHOWN_MOST])
    looks = _looks(scope, rows)
    found = [_shown(scope, row, looks.get(row.pk)) for row in rows]
    found.sort(key=lambda one: (not one.is_pinned, not one.is_mine, one.name.casefold()))
    if with_fresh:
        found = _with_fresh(scope, found)
    if with_counts:
        found = _with_counts(scope, found)
    return tuple(found)


def one(scope: Scope, search_id: int) -> Saved:
    """Raises Forbidden, NotFound."""
    row = find(scope, search_id)
    return _shown(scope, row, _looks(scope, [row]).get(row.pk))


def one_to_change(scope: Scope, search_id: int) -> Saved:
    """Raises Forbidden (somebody else's), NotFound."""
    _to_change(scope, search_id)
    return one(scope, search_id)


def find(scope: Scope, search_id: int) -> SavedSearch:
    """Raises Forbidden, NotFound: also for one that isn't shared."""
    scope.require(Permission.SEARCH_MESSAGES)
    row = _visible(scope).filter(pk=search_id).first()
    if row is None:
        raise NotFound(NO_SUCH)
    return row


# -- changing -------------------------------------------------------------------------------------------------------


def add(scope: Scope, *, name: str, query: str, is_shared: bool = False) -> Saved:
    """Keep a search.  One for words is on the trail even when nobody else sees it: what it counts leaves no trace.

    Raises Forbidden, InvalidInput (name, query).
    """
    scope.require(Permission.SEARCH_MESSAGES)
    principal = scope.principal
    if principal is None:
        raise Forbidden(NOBODY)
    name = _clean_name(name)
    asking.asked(scope, query, name="query")
    if _own(scope).count() >= MOST:
        raise InvalidInput({"name": [TOO_MANY]}, TOO_MANY, params={"most": MOST})
    owner = {"owner": principal} if isinstance(principal, User) else {"token": principal}
    with _unique_name(), transaction.atomic():
        row = SavedSearch.objects.create(
            cluster=scope.cluster, name=name, query=query.strip(), is_shared=is_shared, **owner
        )
        if is_shared or counting.looks_for_words(row.query):
            _tell_trail(scope, "search.share" if is_shared else "search.save", row)
    return _shown(scope, row, None)


def change(
    scope: Scope, search_id: int, *, name: str | None = None, query: str | None = None, is_shared: bool | None = None
) -> Saved:
    """Change what is given.  What others see and any new words are on the trail.

    Raises Forbidden, NotFound, InvalidInput.
    """
    row = _to_change(scope, search_id)
    was = _facts(row)
    if name is not None:
        row.name = _clean_name(name)
    if query is not None and query.strip() != row.query:
        asking.asked(scope, query, name="query")
        row.query = query.strip()
        SavedCount.objects.filter(search=row).delete()  # they counted another question
    if is_shared is not None:
        row.is_shared = is_shared
    with _unique_name(), transaction.atomic():
        row.save()
        has_new_words = row.query != was["query"] and counting.looks_for_words(row.query)
        if has_new_words or ((was["is_shared"] or row.is_shared) and was != _facts(row)):
            action = "search.share" if row.is_shared and not was["is_shared"] else "search.change"
            _tell_trail(scope, action, row, was=was)
    return one(scope, search_id)


def delete(scope: Scope, search_id: int) -> str:
    """Its name.  Raises Forbidden, NotFound."""
    row = _to_change(scope, search_id)
    with transaction.atomic():
        if row.is_shared:
            _tell_trail(scope, "search.delete", row)
        row.delete()
    return str(row.name)


def pin(scope: Scope, search_id: int, *, is_pinned: bool) -> Saved:
    """On top of one's own list, whoever saved it.  Raises Forbidden, NotFound."""
    row = find(scope, search_id)
    if isinstance(scope.principal, User):
        SavedLook.objects.update_or_create(search=row, user=scope.principal, defaults={"is_pinned": is_pinned})
    return one(scope, search_id)


def opened(scope: Scope, search_id: int) -> str:
    """Its query; what is in the archive by now counts as seen by this person.

    Raises Forbidden (its words are hidden from this role), NotFound.
    """
    row = find(scope, search_id)
    shown = _shown(scope, row, None)
    if shown.query is None:
        raise Forbidden(HIDDEN)
    newest = counting.newest_rid(scope.cluster.pk, below=present_rid(scope.cluster.pk))
    if isinstance(scope.principal, User) and newest is not None:
        SavedLook.objects.update_or_create(search=row, user=scope.principal, defaults={"seen_rid": newest})
    return shown.query


def _to_change(scope: Scope, search_id: int) -> SavedSearch:
    row = find(scope, search_id)
    if not _may_change(scope, row):
        raise Forbidden(NOT_YOURS)
    return row


def _clean_name(name: str) -> str:
    """One line that can be read.  Raises InvalidInput."""
    name = " ".join("".join(" " if unicodedata.category(sign) in ("Cc", "Cs") else sign for sign in name).split())
    if not name:
        raise InvalidInput({"name": [NAME_MISSING]}, NAME_MISSING)
    if len(name) > NAME_MOST:
        raise InvalidInput({"name": [NAME_LONG]}, NAME_LONG)
    return name


class _unique_name:
    """A second name of the same owner, also one saved in the same moment, is a sentence beside the field."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: object, _trace: object) -> None:
        if isinstance(error, IntegrityError):
            raise InvalidInput({"name": [NAME_TAKEN]}, NAME_TAKEN) from error


# -- who sees what ---------------------------------------------------------------------------------------------------


def _visible(scope: Scope) -> QuerySet[SavedSearch]:
    rows = SavedSearch.objects.filter(cluster=scope.cluster).select_related("owner", "token")
    return rows.filter(_is_own(scope) | Q(is_shared=True))


def _own(scope: Scope) -> QuerySet[SavedSearch]:
    return SavedSearch.objects.filter(_is_own(scope), cluster=scope.cluster)


def _is_own(scope: Scope) -> Q:
    principal = scope.principal
    if principal is None:
        return Q(pk=None)
    return Q(owner=principal) if isinstance(principal, User) else Q(token=principal)


def _is_mine(scope: Scope, row: SavedSearch) -> bool:
    return scope.principal is not None and row.principal == scope.principal


def _may_change(scope: Scope, row: SavedSearch) -> bool:
    return _is_mine(scope, row) or scope.can(Permission.OPERATE_CLUSTER)


def _shown(scope: Scope, row: SavedSearch, look: SavedLook | None) -> Saved:
    is_mine = _is_mine(scope, row)
    is_hidden = not is_mine and not asking.may_ask_words(scope) and counting.looks_for_words(row.query)
    return Saved(
        id=row.pk,
        name=row.name,
        query=None if is_hidden else row.query,
        owner=row.owner_name,
        is_mine=is_mine,
        is_shared=row.is_shared,
        is_pinned=bool(look and look.is_pinned),
        may_change=_may_change(scope, row),
        created_at=row.created_at,
        updated_at=row.updated_at,
        seen_rid=look.seen_rid if look else None,
    )


def _looks(scope: Scope, rows: Iterable[SavedSearch]) -> dict[int, SavedLook]:
    if not isinstance(scope.principal, User):
        return {}
    return {look.search_id: look for look in SavedLook.objects.filter(user=scope.principal, search__in=list(rows))}


def _with_fresh(scope: Scope, found: list[Saved]) -> list[Saved]:
    """A query whose words one may not look for isn't counted either: a number tells whether somebody said them."""
    asked = [
        (one.query, one.seen_rid) for one in found if one.query and one.seen_rid is not None and _may_count(scope, one)
    ]
    tallies = counting.newer(scope.cluster.pk, asked, zone=asking.reader_zone())
    return [replace(one, fresh=tallies.get((one.query or "", one.seen_rid or 0))) for one in found]


def _may_count(scope: Scope, saved: Saved) -> bool:
    return saved.query is not None and (asking.may_ask_words(scope) or not counting.looks_for_words(saved.query))


def _with_counts(scope: Scope, found: list[Saved]) -> list[Saved]:
    end = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    begin = end - timedelta(hours=SPARK_HOURS)
    shown = [one.id for one in found if _may_count(scope, one)]
    counts: dict[int, dict[datetime, int]] = {}
    capped: set[int] = set()
    for search, hour, count, is_capped in SavedCount.objects.filter(
        search__in=shown, hour__gte=begin, hour__lt=end
    ).values_list("search", "hour", "count", "is_capped"):
        counts.setdefault(search, {})[hour] = count
        if is_capped:
            capped.add(search)
    hours = [begin + timedelta(hours=number) for number in range(SPARK_HOURS)]
    return [
        replace(one, counts=tuple(counts[one.id].get(hour) for hour in hours), is_capped=one.id in capped)
        if one.id in counts
        else one
        for one in found
    ]


def _facts(row: SavedSearch) -> dict[str, object]:
    return {"name": row.name, "query": row.query, "is_shared": row.is_shared}


def _tell_trail(scope: Scope, action: str, row: SavedSearch, *, was: dict[str, object] | None = None) -> None:
    detail = {**_facts(row), "owner": row.owner_name, **({"was": was} if was else {})}
    record.event(scope.actor, action, Target("search", str(row.pk)), cluster=scope.slug, detail=detail)
