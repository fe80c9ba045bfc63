"""Rows of the audit trail."""

from datetime import datetime
from typing import Any

from imadmin.api.schemas.common import Out
from imadmin.audit.queries import AuditRow


class AuditOut(Out):
    """A change with what came of it, or an event.

    outcome: done | partial | failed | unknown | unfinished.  hash, previous_hash: of the row itself in the chain.
    """

    id: str
    at: datetime
    actor: str
    actor_kind: str
    via: str
    session: str
    address: str
    cluster: str
    action: str
    target_kind: str
    target: str
    reason: str
    outcome: str
    before: Any = None
    after: Any = None
    detail: Any = None
    finished_at: datetime | None
    hash: str
    previous_hash: str

    @classmethod
    def of(cls, row: AuditRow) -> "AuditOut":
        entry, last = row.entry, row.result or row.entry
        same = (
            "at", "actor", "actor_kind", "via", "session", "address", "cluster", "action", "target_kind", "target",
            "reason", "hash", "previous_hash",
        )  # fmt: skip
        return cls(
            id=str(entry.pk),
            outcome=row.outcome,
            before=last.before,
            after=last.after,
            detail=last.detail,
            finished_at=row.result.at if row.result else None,
            **{name: getattr(entry, name) for name in same},
        )
