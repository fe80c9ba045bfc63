"""Taking a search's result along: who may, what was asked for, who gets the file.  export_run.py writes it."""

import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO, Final, TypedDict
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import F, Q, QuerySet

from imadmin.accounts.models import ApiToken, User
from imadmin.accounts.permissions import Permission
from imadmin.archive import asking, counting, finding
from imadmin.archive.counting import Tally
from imadmin.archive.masking import BodyAccess, body_access
from imadmin.archive.models import Export
from imadmin.audit import record
from imadmin.audit.record import Target
from imadmin.clusters.access import Principal, Scope
from imadmin.core import events
from imadmin.core.errors import Busy, Conflict, Forbidden, InvalidInput, NotFound, gettext_noop
from imadmin.core.paging import cursor_place, encode_cursor

logger = logging.getLogger(__name__)
State, Format = Export.State, Export.Format
OPEN: Final = (State.WAITING, State.RUNNING)
TYPES = {Format.CSV.value: "text/csv; charset=utf-8", Format.JSONL.value: "application/x-ndjson"}
AT_ONCE = 3  # waiting or running of one person or token
PAGE_SIZE, PAGE_MOST = 50, 200
REMEMBERED = timedelta(days=30)

OFF_TITLE = gettext_noop("Exports are off here")
OFF = gettext_noop("Exports are switched off on this installation.")
OFF_HINT = gettext_noop("Whoever runs it can allow them with IMADMIN_EXPORTS=true.")
NOBODY = gettext_noop("Only people and tokens take search results along.")
NOTHING_THERE = gettext_noop("The archive of this cluster is empty, so there is nothing to export.")
BAD_FORMAT = gettext_noop("The format is csv or jsonl.")
TOO_MANY = gettext_noop("You have %(most)s exports waiting or running already.")
NO_SUCH = gettext_noop("There is no such export, or it isn't yours. Exports are remembered for 30 days.")
NOT_READY = gettext_noop("The file isn't there: the export is not finished, was stopped, or its time is over.")
FILE_GONE = gettext_noop("The file isn't in the folder of exports any more. Export again.")
ONLY_OWN = gettext_noop("Only who asked for an export may fetch its file.")
BODIES_GONE = gettext_noop("The file holds message bodies, and your role may not read them any more. Export again.")
WORDS_GONE = gettext_noop("The export searched for words, and your role reads no message bodies any more.")
STILL_OPEN = gettext_noop("It is still waiting or running. Stop it first.")
NO_TRACE = gettext_noop("The audit trail can't be written right now, so the file stays closed.")


class ExportsOff(Forbidden):
    title = OFF_TITLE


@dataclass(frozen=True, slots=True)
class ExportView:
    """An export as somebody sees it: never what is in it.  can_fetch: this person, now."""

    id: str
    query: str | None
    owner: str
    is_mine: bool
    zone: str
    format: str
    has_bom: bool
    is_open: bool
    cap: int
    reason: str
    state: str
    rows: int
    bytes: int
    is_cut: bool
    error: str
    created_at: datetime
    ready_at: datetime | None
    expires_at: datetime | None
    downloads: int
    job_run: str
    can_fetch: bool
    can_stop: bool
    can_delete: bool

    @property
    def is_under_way(self) -> bool:
        return self.state in OPEN


@dataclass(frozen=True, slots=True)
class ExportPage:
    """rows: the latest first.  next_cursor: "" on the last page."""

    rows: tuple[ExportView, ...]
    next_cursor: str


class File(TypedDict):
    """What core.downloads.download takes."""

    opened: BinaryIO
    name: str
    content_type: str
    size: int


@dataclass(frozen=True, slots=True)
class Preview:
    """matches: of this moment.  cap: most rows in the file.  access: OPEN = bodies will be in it."""

    matches: Tally
    cap: int
    access: BodyAccess

    @property
    def is_open(self) -> bool:
        return self.access is BodyAccess.OPEN

    @property
    def will_cut(self) -> bool:
        return self.matches.count > self.cap


def may(scope: Scope) -> bool:
    """Whether pages offer an export to this person at all."""
    rights = scope.can(Permission.SEARCH_MESSAGES) and scope.can(Permission.EXPORT_MESSAGES)
    return rights and bool(settings.EXPORTS_ALLOWED)


def require(scope: Scope) -> None:
    """Raises Forbidden: switched off, or the right is missing."""
    scope.require(Permission.SEARCH_MESSAGES)
    scope.require(Permission.EXPORT_MESSAGES)
    if not settings.EXPORTS_ALLOWED:
        raise ExportsOff(OFF, hint=OFF_HINT)


def start(
    scope: Scope,
    *,
    q: str,
    reason: str,
    format: str = Format.CSV,
    has_bom: bool = False,
    zone: ZoneInfo | None = None,
    begin: Callable[[Export], str],
) -> tuple[Export, bool]:
    """Want an export; whether it is a new one: an identical one that is under way is answered instead.

    begin: starts the job that writes it and returns its run's id; both are kept or none.
    Raises Forbidden, InvalidInput (q, format, reason), Conflict (enough of them under way), Busy.
    """
    require(scope)
    if scope.principal is None:
        raise Forbidden(NOBODY)
    zone, q = zone or asking.reader_zone(), q.strip()
    if format not in Format.values:
        raise InvalidInput({"format": [BAD_FORMAT]}, BAD_FORMAT)
    asking.asked(scope, q, zone=zone, may_be_empty=True)
    reason = record.clean_reason(reason)
    newest = counting.newest_rid(scope.cluster.pk)
    if newest is None:
        raise InvalidInput({"q": [NOTHING_THERE]}, NOTHING_THERE)
    with transaction.atomic():
        _lock(scope.principal)
        asked = {"query": q, "zone": zone.key, "format": format, "has_bom": has_bom and format == Format.CSV}
        same = _under_way(scope, scope.principal, asked)
        if same is not None:
            return same, False
        row = _wanted(scope, scope.principal, asked, newest, reason)
        row.save(force_insert=True)
        row.job_run = begin(row)
        row.save(update_fields=["job_run"])
    announce(row)
    return row, True


def _under_way(scope: Scope, principal: Principal, asked: dict[str, Any]) -> Export | None:
    """The very same that is waiting or running.  Raises Conflict when there is room for no other."""
    mine = Export.objects.filter(_is_own(principal), state__in=OPEN)
    same = mine.filter(cluster=scope.cluster, **asked).first()
    if same is None and mine.count() >= AT_ONCE:
        hint = gettext_noop("Wait for one to end, or stop one.")
        raise Conflict(TOO_MANY, hint=hint, params={"most": AT_ONCE})
    return same


def _wanted(scope: Scope, principal: Principal, asked: dict[str, Any], newest: int, reason: str) -> Export:
    """The row, not saved yet, its intent on the trail."""
    row = Export(
        id=secrets.token_hex(8),
        cluster=scope.cluster,
        owner=principal if isinstance(principal, User) else None,
        token=principal if isinstance(principal, ApiToken) else None,
        up_to_rid=newest,
        is_open=body_access(scope) is BodyAccess.OPEN,
        cap=settings.EXPORT_ROWS,
        reason=reason,
        **asked,
    )
    detail = {name: asked[name] for name in ("query", "zone", "format")} | {"cap": row.cap}
    entry = record.intend(scope.actor, "message.export", target_of(row), reason, cluster=scope.slug, detail=detail)
    row.audit_intent = entry.intent.pk
    return row


def listing(scope: Scope, *, cursor: str = "", limit: int = PAGE_SIZE) -> ExportPage:
    """One's own, the latest first; who runs the cluster sees that there are others, never what is in them.

    Raises Forbidden, InvalidInput (cursor).
    """
    require(scope)
    rows, limit = _visible(scope), max(1, min(limit, PAGE_MOST))
    if cursor:
        at, last = cursor_place(cursor)
        rows = rows.filter(Q(created_at__lt=at) | Q(created_at=at, pk__lt=last))
    found = list(rows.order_by("-created_at", "-pk")[: limit + 1])
    shown = found[:limit]
    return ExportPage(
        rows=tuple(view(scope, row) for row in shown),
        next_cursor=encode_cursor(at=shown[-1].created_at.isoformat(), id=shown[-1].pk) if len(found) > limit else "",
    )


def preview(scope: Scope, q: str, *, zone: ZoneInfo | None = None) -> Preview:
    """What an export would take.  On the trail like a search.  Raises Forbidden, InvalidInput (q), Busy."""
    require(scope)
    asking.asked(scope, q, zone=zone, may_be_empty=True)
    counted = finding.count(scope, q, zone=zone or asking.reader_zone())
    return Preview(Tally(counted.value, counted.is_capped), settings.EXPORT_ROWS, body_access(scope))


def one(scope: Scope, export_id: str) -> ExportView:
    """Raises Forbidden, NotFound."""
    return view(scope, find(scope, export_id))


def find(scope: Scope, export_id: str) -> Export:
    """Raises Forbidden, NotFound: also for somebody else's."""
    scope.require(Permission.EXPORT_MESSAGES)
    row = _visible(scope).filter(pk=export_id).first()
    if row is None:
        raise NotFound(NO_SUCH)
    return row


def open_file(scope: Scope, export_id: str) -> File:
    """The file, open for reading, after this fetch is on the trail.

    Raises Forbidden (not the owner, switched off, a right that is gone), NotFound (not there, its time is over), Busy.
    """
    row = find(scope, export_id)
    require(scope)
    if not _is_mine(scope, row):
        raise Forbidden(ONLY_OWN)
    if row.is_open and not scope.can(Permission.READ_BODIES):
        raise Forbidden(BODIES_GONE)
    if counting.looks_for_words(row.query) and not asking.may_ask_words(scope):
        raise Forbidden(WORDS_GONE)
    if not _is_there(row):
        raise NotFound(NOT_READY)
    try:
        file = path_of(row).open("rb")
    except OSError as error:
        raise NotFound(FILE_GONE) from error
    try:
        detail = {"query": row.query, "rows": row.rows, "bytes": row.bytes, "format": row.format}
        record.event(scope.actor, "message.export_fetch", target_of(row), cluster=scope.slug, detail=detail)
        Export.objects.filter(pk=row.pk).update(downloads=F("downloads") + 1)
    except DatabaseError as error:
        file.close()
        raise Busy(NO_TRACE, hint=gettext_noop("Try again in a moment.")) from error
    name = f"messages-{scope.slug}-{row.created_at:%Y%m%d-%H%M%S}.{row.format}"
    return File(opened=file, name=name, content_type=TYPES[row.format], size=row.bytes)


def delete(scope: Scope, export_id: str) -> None:
    """The file and the row.  Raises Forbidden, NotFound, Conflict (still under way)."""
    row = find(scope, export_id)
    deleted, _ = Export.objects.filter(pk=row.pk).exclude(state__in=OPEN).delete()
    if not deleted:
        raise Conflict(STILL_OPEN)
    remove_file(row)
    record.event(scope.actor, "message.export_delete", target_of(row), cluster=scope.slug, detail={"query": row.query})
    announce(row)


# -- shared with the run ---------------------------------------------------------------------------------------------


def folder() -> Path:
    """Where the files are: only this account may look into it."""
    found = Path(settings.EXPORT_DIR)
    found.mkdir(mode=0o700, parents=True, exist_ok=True)
    return found


def path_of(row: Export) -> Path:
    return folder() / Path(row.path or f"{row.pk}.{row.format}").name


def remove_file(row: Export) -> None:
    """A file that can't be removed now is found again by the cleanup: nothing refers to it any more."""
    try:
        path_of(row).unlink(missing_ok=True)
    except OSError as error:
        logger.warning("exports.not_removed", extra={"export": row.pk, "error": type(error).__name__})


def target_of(row: Export) -> Target:
    return Target("export", str(row.pk))


def announce(row: Export) -> None:
    events.changed(f"{row.cluster.slug}/jobs")


def _lock(principal: Principal) -> None:
    """Two wishes of the same person are counted one after the other."""
    kind = User if isinstance(principal, User) else ApiToken
    kind.objects.select_for_update().get(pk=principal.pk)


def _is_own(principal: Principal | None) -> Q:
    if principal is None:
        return Q(pk=None)
    return Q(owner=principal) if isinstance(principal, User) else Q(token=principal)


def _is_mine(scope: Scope, row: Export) -> bool:
    return scope.principal is not None and row.principal == scope.principal


def _is_there(row: Export) -> bool:
    return row.state == State.READY and row.expires_at is not None and row.expires_at > datetime.now(UTC)


def _visible(scope: Scope) -> QuerySet[Export]:
    rows = Export.objects.filter(cluster=scope.cluster).select_related("owner", "token", "cluster")
    return rows if scope.can(Permission.OPERATE_CLUSTER) else rows.filter(_is_own(scope.principal))


def view(scope: Scope, row: Export) -> ExportView:
    is_mine = _is_mine(scope, row)
    is_hidden = not is_mine and not asking.may_ask_words(scope) and counting.looks_for_words(row.query)
    may_read = scope.can(Permission.READ_BODIES) or not row.is_open
    return ExportView(
        id=row.pk,
        query=None if is_hidden else row.query,
        owner=row.owner_name,
        is_mine=is_mine,
        zone=row.zone,
        format=row.format,
        has_bom=row.has_bom,
        is_open=row.is_open,
        cap=row.cap,
        reason=row.reason,
        state=State.EXPIRED if row.state == State.READY and not _is_there(row) else row.state,
        rows=row.rows,
        bytes=row.bytes,
        is_cut=row.is_cut,
        error=row.error,
        created_at=row.created_at,
        ready_at=row.ready_at,
        expires_at=row.expires_at,
        downloads=row.downloads,
        job_run=row.job_run,
        can_fetch=is_mine and may_read and _is_there(row) and settings.EXPORTS_ALLOWED,
        can_stop=row.state in OPEN,
        can_delete=row.state not in OPEN,
    )
