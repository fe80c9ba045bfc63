"""Reading and proving the trail."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.db.models import Exists, OuterRef, Q
from django.db.models.expressions import Combinable

from imadmin.audit.models import AuditEntry, AuditHead
from imadmin.core.errors import InvalidInput, gettext_noop
from imadmin.core.paging import decode_cursor, encode_cursor

PAGE_MAX = 200
UNFINISHED = "unfinished"
OUTCOMES = ("done", "already", "partial", "failed", "unknown", UNFINISHED)


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """clusters: slugs one may see, None = all.  What is empty doesn't filter.  outcome: as AuditRow tells it."""

    clusters: tuple[str, ...] | None = None
    cluster: str = ""
    actor: str = ""
    action: str = ""
    target_kind: str = ""
    target: str = ""
    since: datetime | None = None
    until: datetime | None = None
    outcome: str = ""
    phase: str = ""
    actions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AuditRow:
    """An intent or event with its outcome, if there is one. outcome: done|already|partial|failed|unknown|unfinished."""

    entry: AuditEntry
    result: AuditEntry | None

    @property
    def outcome(self) -> str:
        if self.entry.phase == AuditEntry.Phase.EVENT:
            return self.entry.outcome or "done"
        return self.result.outcome if self.result else UNFINISHED


@dataclass(frozen=True, slots=True)
class AuditPage:
    rows: tuple[AuditRow, ...]
    next_cursor: str


def page(wanted: AuditFilter, *, cursor: str = "", limit: int = 50) -> AuditPage:
    """Newest first, intents and events with their outcomes.  Raises InvalidInput for a broken cursor."""
    rows = AuditEntry.objects.exclude(phase=AuditEntry.Phase.OUTCOME)
    if wanted.clusters is not None:
        rows = rows.filter(cluster__in=wanted.clusters)
    for name in ("cluster", "actor", "action", "target_kind", "target", "phase"):
        if value := getattr(wanted, name):
            rows = rows.filter(**{name: value})
    if wanted.actions:
        rows = rows.filter(action__in=wanted.actions)
    if wanted.since:
        rows = rows.filter(at__gte=wanted.since)
    if wanted.until:
        rows = rows.filter(at__lt=wanted.until)
    if wanted.outcome:
        rows = rows.filter(_ended(wanted.outcome))
    if cursor:
        before = decode_cursor(cursor, "before")["before"]
        if not isinstance(before, int) or isinstance(before, bool) or not 0 < before < 2**63:
            raise InvalidInput({"cursor": [gettext_noop("This page marker is broken; start from the first page.")]})
        rows = rows.filter(id__lt=before)
    limit = max(1, min(limit, PAGE_MAX))
    found = list(rows.order_by("-id").prefetch_related("outcomes")[: limit + 1])
    shown = tuple(AuditRow(entry, next(iter(entry.outcomes.all()), None)) for entry in found[:limit])
    return AuditPage(shown, encode_cursor(before=found[limit - 1].pk) if len(found) > limit else "")


def entry(wanted: AuditFilter, entry_id: int) -> AuditRow | None:
    """One row by id (an outcome's id finds its intent), only when the filter's clusters allow it."""
    rows = AuditEntry.objects.exclude(phase=AuditEntry.Phase.OUTCOME).filter(Q(pk=entry_id) | Q(outcomes=entry_id))
    if wanted.clusters is not None:
        rows = rows.filter(cluster__in=wanted.clusters)
    found = rows.prefetch_related("outcomes").first()
    return AuditRow(found, next(iter(found.outcomes.all()), None)) if found else None


def actions() -> tuple[str, ...]:
    """Every action that is on the trail, by one step through the index each: the trail itself may be long."""
    table = connection.ops.quote_name(AuditEntry._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH RECURSIVE found(action) AS (SELECT MIN(action) FROM {table} UNION ALL "  # noqa: S608  (no input)
            f"SELECT (SELECT MIN(action) FROM {table} WHERE action > found.action) FROM found "
            "WHERE found.action IS NOT NULL) SELECT action FROM found WHERE action IS NOT NULL"
        )
        return tuple(row[0] for row in cursor.fetchall())


@dataclass(frozen=True, slots=True)
class ChainReport:
    """rows: how many were checked.  first_bad: the first row that doesn't hold, with what is wrong, or None."""

    rows: int
    first_bad: int | None
    problem: str
    head: str = ""


def verify() -> ChainReport:
    """Walk the whole chain: order, hashes, links and the recorded end.

    The end is read before and after: rows written meanwhile are no fault, rows behind the recorded end are.
    """
    head = AuditHead.objects.filter(pk=1).first()
    end = head.last_id if head else 0
    previous, expected, count = "", 1, 0
    for row in _all_rows():
        count += 1
        if row.pk != expected:
            return ChainReport(count, expected, gettext_noop("the row is missing"))
        if row.previous_hash != previous:
            return ChainReport(count, row.pk, gettext_noop("the row isn't linked to the one before it"))
        if row.computed_hash() != row.hash:
            return ChainReport(count, row.pk, gettext_noop("the row was altered"))
        if head and row.pk == end and row.hash != head.last_hash:
            return ChainReport(count, row.pk, gettext_noop("the row isn't the one that was recorded last"))
        previous, expected = row.hash, row.pk + 1
    if expected <= end:
        return ChainReport(count, expected, gettext_noop("rows are missing at the end"))
    now = AuditHead.objects.filter(pk=1).first()
    if expected - 1 > (now.last_id if now else 0):
        return ChainReport(
            count, (now.last_id if now else 0) + 1, gettext_noop("the row was added past the recorded end")
        )
    return ChainReport(count, None, "", previous)


def _all_rows() -> Iterator[AuditEntry]:
    return AuditEntry.objects.order_by("id").iterator(chunk_size=2000)


def _ended(outcome: str) -> Combinable | Q:
    """Rows whose outcome is this one; an intent that has none is "unfinished"."""
    results = AuditEntry.objects.filter(intent=OuterRef("pk"))
    if outcome == UNFINISHED:
        return Q(phase=AuditEntry.Phase.INTENT) & ~Exists(results)
    return Q(phase=AuditEntry.Phase.EVENT, outcome=outcome) | Q(Exists(results.filter(outcome=outcome)))
