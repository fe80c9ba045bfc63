"""The archive's copy of a message and of its conversation, for when the server no longer has it or says nothing."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from imadmin.archive import completeness, stores
from imadmin.archive.engines.base import Engine, StoreUnavailable
from imadmin.archive.rows import Stored, Trait
from imadmin.clusters.access import Scope
from imadmin.core.errors import AppError

logger = logging.getLogger(__name__)
T = TypeVar("T")

_CHANGED = Trait.REVOKED | Trait.EDITED


@dataclass(frozen=True, slots=True)
class Copy:
    """hit among its neighbours, oldest first.  why: what the server answered instead.  up_to: when it last heard of
    the cluster."""

    hit: Stored
    around: tuple[Stored, ...]
    newest_seq: int | None
    why: AppError
    up_to: datetime | None


def copy_of(scope: Scope, message_id: int, why: AppError, *, before: int, after: int) -> Copy | None:
    """None when the archive has none, or can't be read: then the server's answer stands."""

    def look(engine: Engine) -> Copy | None:
        hit = engine.by_ids([message_id]).get(message_id)
        if hit is None:
            return None
        around = tuple(engine.around(hit.channel, hit.seq, before=before, after=after))
        hold = engine.hold(hit.channel)
        newest = (hold.server_seq or hold.spans[-1][1] if hold.spans else hold.server_seq) if hold else None
        rows = {row.id: row for row in (*around, hit)}.values()
        reach = completeness.of_channels(scope, [hit.channel])
        heard = max((at for at in (reach.up_to, reach.feed_seen_at) if at), default=None)
        return Copy(hit, tuple(sorted(rows, key=lambda row: (row.seq, row.id))), newest, why, heard)

    return _looked(scope, look, None)


def one(scope: Scope, message_id: int) -> Stored | None:
    return known(scope, [message_id]).get(message_id)


def known(scope: Scope, ids: Sequence[int]) -> dict[int, Stored]:
    """What the archive has of these; nothing when it can't be read."""
    return _looked(scope, lambda engine: engine.by_ids(ids), {})


def has_changed(stored: Stored | None) -> bool:
    """Something became of it that the server's own copy doesn't show."""
    return stored is not None and bool(stored.traits & _CHANGED)


def _looked(scope: Scope, look: Callable[[Engine], T], otherwise: T) -> T:
    try:
        return look(stores.engine_of(scope.cluster.pk))
    except (StoreUnavailable, AppError) as error:
        logger.warning("archive.copy_unread", extra={"cluster": scope.slug, "error": type(error).__name__})
        return otherwise
