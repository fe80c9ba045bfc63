"""Writing an export's file, beside the request: begun anew after a loss, whole or not there at all.

A file gets its name only when it is complete; what a killed process left is removed before the next attempt.
"""

import contextlib
import errno
import logging
import os
import secrets
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

from django.conf import settings
from django.db import transaction

from imadmin.accounts.permissions import Permission
from imadmin.archive import asking, exports, stores
from imadmin.archive import search as searching
from imadmin.archive.engines.base import StoreUnavailable
from imadmin.archive.export_file import CsvWriter, JsonlWriter, Writer
from imadmin.archive.exports import OPEN, Format, State
from imadmin.archive.masking import BodyAccess, body_access, show_stored
from imadmin.archive.models import Export
from imadmin.archive.rows import Stored
from imadmin.archive.where import Where
from imadmin.audit import record
from imadmin.clusters import access
from imadmin.clusters.access import Scope
from imadmin.core.errors import AppError, Busy, Forbidden, gettext_noop

logger = logging.getLogger(__name__)
PIECE = 500
BYTES_MOST = 1 << 30
TELL_EVERY = 1.0
PART = ".part"
LEFT_BEHIND = timedelta(hours=1)

NO_RIGHT = gettext_noop("Who asked for it may not export messages of this cluster any more.")
SWITCHED_OFF = gettext_noop("Exports were switched off before it was written.")
NO_STORE = gettext_noop("The archive could not be read. Export again.")
DISK_FULL = gettext_noop("The disk is full, so nothing was kept. Make room, then export again.")
NOT_WRITTEN = gettext_noop("The file could not be written. The server's log of that time tells more.")
OUR_FAULT = gettext_noop("A fault of the dashboard ended it; the server's log of that time tells more.")

Beat = Callable[..., None]


class _Stopped(Exception):
    """Somebody wants it to end, or the process closes."""


def carry_out(
    export_id: str, beat: Beat, should_stop: Callable[[], bool], *, why_stopped: Callable[[], str] = lambda: "person"
) -> dict[str, Any]:
    """Write the file from the beginning.  The answer says how it ended, with the rows.

    why_stopped: person ends it; closing leaves it for the next start; anything else fails it.  Raises AppError.
    """
    row = Export.objects.select_related("cluster", "owner", "token").filter(pk=export_id).first()
    if row is None or row.state not in OPEN:
        return {"state": row.state if row else "gone", "rows": row.rows if row else 0}
    try:
        scope = _scope_now(row)
        row.is_open = body_access(scope) is BodyAccess.OPEN
        where = asking.asked(scope, row.query, zone=asking.zone_of(row.zone), now=row.created_at, may_be_empty=True)
        _set(row, state=State.RUNNING, rows=0, is_open=row.is_open)
        return _write(row, where, beat, should_stop)
    except _Stopped:
        return _left(row, why_stopped())
    except StoreUnavailable as error:
        fail(row, NO_STORE)
        raise Busy(NO_STORE) from error
    except AppError as error:
        fail(row, error.message)
        raise
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        logger.exception("exports.not_written", extra={"export": row.pk})
        fail(row, DISK_FULL if full else NOT_WRITTEN)
        raise Busy(DISK_FULL if full else NOT_WRITTEN) from error
    except Exception:
        fail(row, OUR_FAULT)
        raise


def fail(row: Export, why: str, *, state: Export.State = State.FAILED) -> None:
    """Its last word, unless it has one; on the trail too."""
    with transaction.atomic():
        if not _set(row, state=state, error=why):
            return
        _tell_trail(row, "failed" if state is State.FAILED else "done", {"state": str(state), "error": why})
    _remove_parts(row)
    exports.announce(row)


def expire(now: datetime | None = None) -> dict[str, int]:
    """Remove files whose time is over, rows nobody needs any more, and what killed processes left."""
    now = now or datetime.now(UTC)
    over = list(Export.objects.filter(state=State.READY, expires_at__lte=now).select_related("cluster"))
    for row in over:
        exports.remove_file(row)
        Export.objects.filter(pk=row.pk, state=State.READY).update(state=State.EXPIRED, path="")
        exports.announce(row)
    old = Export.objects.filter(created_at__lt=now - exports.REMEMBERED).exclude(state__in=(*OPEN, State.READY))
    forgotten = old.delete()[0]
    return {"files": len(over) + _sweep(now), "rows": forgotten}


# -- writing ---------------------------------------------------------------------------------------------------------


def _scope_now(row: Export) -> Scope:
    """With what its owner may do by now.  Raises Forbidden."""
    if not settings.EXPORTS_ALLOWED:
        raise Forbidden(SWITCHED_OFF)
    try:
        scope = access.enter_for(row.principal, row.cluster)
        scope.require(Permission.SEARCH_MESSAGES)
        scope.require(Permission.EXPORT_MESSAGES)
    except AppError as error:
        raise Forbidden(NO_RIGHT) from error
    return scope


def _write(row: Export, where: Where, beat: Beat, should_stop: Callable[[], bool]) -> dict[str, Any]:
    _remove_parts(row)
    part = exports.folder() / f"{row.pk}.{secrets.token_hex(4)}{PART}"
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            rows, is_cut = _fill(file, row, where, beat, should_stop)
            file.flush()
            os.fsync(file.fileno())
            size = file.tell()
        return _finish(row, part, rows, size, is_cut)
    finally:
        part.unlink(missing_ok=True)


def _fill(file: BinaryIO, row: Export, where: Where, beat: Beat, should_stop: Callable[[], bool]) -> tuple[int, bool]:
    """How many messages were written, and whether there are more."""
    zone = asking.zone_of(row.zone)
    writer: Writer = CsvWriter(zone, has_bom=row.has_bom) if row.format == Format.CSV else JsonlWriter(zone)
    file.write(writer.head())
    rows, told_at, is_cut = 0, time.monotonic(), False
    for piece in _pieces(row, where):
        if should_stop():
            raise _Stopped
        for stored in piece:
            if rows >= row.cap or file.tell() >= BYTES_MOST:
                is_cut = True
                break
            file.write(writer.line(show_stored(stored, is_open=row.is_open)))
            rows += 1
        beat(rows)
        if time.monotonic() - told_at >= TELL_EVERY:
            told_at = time.monotonic()
            if not _set(row, rows=rows):
                raise _Stopped
        if is_cut:
            file.write(writer.cut(rows))
            break
    return rows, is_cut


def _pieces(row: Export, where: Where) -> Iterator[tuple[Stored, ...]]:
    """What the query finds, newest first; one more than the cap, to know whether it cuts."""
    engine = stores.engine_of(row.cluster_id)
    below: int | None = row.up_to_rid + 1
    while below is not None:
        found = searching.find(engine, where, below=below, most=min(PIECE, row.cap + 1))
        yield found.rows
        below = found.next_below


def _finish(row: Export, part: Path, rows: int, size: int, is_cut: bool) -> dict[str, Any]:
    """The name, the state and the trail's outcome.  A row that ended meanwhile gets no file."""
    now, name = datetime.now(UTC), f"{row.pk}.{row.format}"
    values = {
        "state": State.READY,
        "path": name,
        "rows": rows,
        "bytes": size,
        "is_cut": is_cut,
        "error": "",
        "ready_at": now,
        "expires_at": now + timedelta(hours=settings.EXPORT_HOURS),
    }
    target = exports.folder() / name
    with transaction.atomic():
        if not _set(row, **values):
            raise _Stopped
        detail = {"query": row.query, "rows": rows, "bytes": size, "cut": is_cut, "bodies": row.is_open}
        _tell_trail(row, "done", detail)
        part.replace(target)
    exports.announce(row)
    return {"state": str(State.READY), "rows": rows}


def _left(row: Export, why: str) -> dict[str, Any]:
    """Told to end: by a person for good, by a closing process only for now; time being up is a failure."""
    row.refresh_from_db()
    if row.state not in OPEN:
        return {"state": row.state, "rows": row.rows}
    if why == "person":
        fail(row, "", state=State.STOPPED)
    elif why == "closing":
        _set(row, state=State.WAITING, rows=0)
    elif why == "deadline":
        fail(row, gettext_noop("It took longer than an export may. Narrow the search."))
    return {"state": row.state, "rows": 0}


def _set(row: Export, **values: Any) -> bool:
    """Only while it is under way: who stopped or failed it has the last word."""
    done = bool(Export.objects.filter(pk=row.pk, state__in=OPEN).update(**values))
    if done:
        for name, value in values.items():
            setattr(row, name, value)
    return done


def _remove_parts(row: Export) -> None:
    """What a killed process left of it."""
    with contextlib.suppress(OSError):  # the cleanup tries again
        for left in exports.folder().glob(f"{row.pk}.*{PART}"):
            left.unlink(missing_ok=True)


def _tell_trail(row: Export, outcome: str, detail: dict[str, Any]) -> None:
    entry = record.reopen(row.audit_intent)
    if entry is not None:
        entry.finish(outcome=outcome, detail=detail)


def _sweep(now: datetime) -> int:
    """Files that belong to no finished export, once they are old enough not to be somebody's at this moment."""
    kept = set(Export.objects.filter(state=State.READY).values_list("path", flat=True))
    removed = 0
    for file in exports.folder().iterdir():
        old = datetime.fromtimestamp(file.stat().st_mtime, UTC) < now - LEFT_BEHIND
        if old and file.name not in kept and file.suffix in (PART, ".csv", ".jsonl"):
            file.unlink(missing_ok=True)
            removed += 1
    return removed
