"""Who may do what only one may do: one embedded process per data folder, one holder of a lease row."""

import fcntl
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from imadmin.core.errors import Conflict, gettext_noop


class ProcessLease:
    """An exclusive lock on a file, held until released or until the process ends, however it ends."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle: int | None = None

    def take(self) -> None:
        """Raises Conflict naming the process that holds it."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(handle, 32).decode(errors="replace").strip() or "?"
            os.close(handle)
            raise Conflict(
                gettext_noop("imadmin already runs on this data folder (process %(pid)s): %(folder)s"),
                hint=gettext_noop("Stop that process first, or give this one its own IMADMIN_DATA_DIR."),
                params={"pid": holder, "folder": str(self._path.parent)},
            ) from None
        os.ftruncate(handle, 0)
        os.write(handle, str(os.getpid()).encode())
        self._handle = handle

    def release(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def hold(rows: QuerySet[Any], owner: str, seconds: float) -> bool:
    """Take or renew the lease on one row, by one conditional update; False when somebody else has it.

    rows: the one row, of a model with lease_owner and lease_until.  An owner that dies loses it by time alone.
    """
    now = timezone.now()
    free = Q(lease_owner__in=("", owner)) | Q(lease_until=None) | Q(lease_until__lt=now)
    return rows.filter(free).update(lease_owner=owner, lease_until=now + timedelta(seconds=seconds)) == 1


def let_go(rows: QuerySet[Any], owner: str) -> None:
    """Give the lease back, if it is still ours, so that another need not wait for its end."""
    rows.filter(lease_owner=owner).update(lease_owner="", lease_until=None)
