"""What a person searched for before: one's own alone, the newest use of each query, in each cluster."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import DatabaseError, transaction
from django.db.models import F, QuerySet

from imadmin.accounts.models import User
from imadmin.accounts.permissions import Permission
from imadmin.archive.models import PastSearch
from imadmin.archive.operators import Suggestion
from imadmin.clusters.access import Scope
from imadmin.core.errors import NotFound, gettext_noop

logger = logging.getLogger(__name__)
MOST = 200
LONGEST = 2000
COUNTED_MOST = 1000
PIECE = 50  # forgotten at once when there are more than MOST

BEFORE = gettext_noop("searched before")
NO_SUCH = gettext_noop("There is no such search in your history.")


@dataclass(frozen=True, slots=True)
class Past:
    """hits: how many the search found when it was used last, None = not counted; is_capped: those and more."""

    id: int
    query: str
    used_at: datetime
    uses: int
    hits: int | None
    is_capped: bool = False


def remember(scope: Scope, q: str, hits: int | None = None) -> None:
    """Keep that this person searched for q.  Tokens have no history; what can't be kept doesn't end the search."""
    q = q.strip()
    if not isinstance(scope.principal, User) or not q or len(q) > LONGEST or "\x00" in q:
        return
    try:
        with transaction.atomic():
            _remember(scope, scope.principal, q, hits)
    except DatabaseError as error:
        logger.warning("history.not_kept", extra={"error": type(error).__name__})


def _remember(scope: Scope, user: User, q: str, hits: int | None) -> None:
    now = datetime.now(UTC)
    if _own(scope).filter(query=q).update(used_at=now, uses=F("uses") + 1, hits=hits):
        return
    PastSearch.objects.create(cluster=scope.cluster, user=user, query=q, used_at=now, hits=hits)
    old = list(_newest(scope).values_list("pk", flat=True)[MOST : MOST + PIECE])
    if old:
        PastSearch.objects.filter(pk__in=old).delete()


def counted(scope: Scope, q: str, hits: int, *, is_capped: bool) -> None:
    """How many a search that they used found, told after the search itself; of more than COUNTED_MOST, that alone."""
    q = q.strip()
    if "\x00" in q or len(q) > LONGEST or (is_capped and hits < COUNTED_MOST):
        return  # the count ended early: it tells neither how many nor that there are many
    hits = COUNTED_MOST + 1 if is_capped else hits
    try:
        _own(scope).filter(query=q).exclude(hits=hits).update(hits=hits)
    except DatabaseError as error:
        logger.warning("history.not_kept", extra={"error": type(error).__name__})


def listing(scope: Scope, *, most: int = MOST) -> tuple[Past, ...]:
    """One's own searches, the latest first.  Raises Forbidden."""
    scope.require(Permission.SEARCH_MESSAGES)
    return _shown(_newest(scope)[:most])


def suggestions(scope: Scope, typed: str, *, most: int = 5) -> tuple[Past, ...]:
    """One's own searches that hold what is typed, the latest first; all of the latest while nothing is typed."""
    if not scope.can(Permission.SEARCH_MESSAGES):
        return ()
    rows = _newest(scope)
    typed = typed.strip().replace("\x00", "")[:LONGEST]
    if typed:
        rows = rows.filter(query__icontains=typed).exclude(query=typed)
    return _shown(rows[:most])


def offered(scope: Scope, typed: str, *, most: int = 5) -> tuple[Suggestion, ...]:
    """The same for the search box: each takes the place of all that is typed."""
    return tuple(Suggestion(0, len(typed), one.query, BEFORE) for one in suggestions(scope, typed, most=most))


def forget(scope: Scope, past_id: int) -> None:
    """Raises Forbidden, NotFound: also for what somebody else searched for."""
    scope.require(Permission.SEARCH_MESSAGES)
    if not _own(scope).filter(pk=past_id).delete()[0]:
        raise NotFound(NO_SUCH)


def forget_all(scope: Scope) -> int:
    """How many there were.  Raises Forbidden."""
    scope.require(Permission.SEARCH_MESSAGES)
    return _own(scope).delete()[0]


def _own(scope: Scope) -> QuerySet[PastSearch]:
    if not isinstance(scope.principal, User):
        return PastSearch.objects.none()
    return PastSearch.objects.filter(cluster=scope.cluster, user=scope.principal)


def _newest(scope: Scope) -> QuerySet[PastSearch]:
    return _own(scope).order_by("-used_at", "-pk")


def _shown(rows: Sequence[PastSearch] | QuerySet[PastSearch]) -> tuple[Past, ...]:
    return tuple(_past(row) for row in rows)


def _past(row: PastSearch) -> Past:
    is_capped = row.hits is not None and row.hits > COUNTED_MOST
    return Past(row.pk, row.query, row.used_at, row.uses, COUNTED_MOST if is_capped else row.hits, is_capped)
