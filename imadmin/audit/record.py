"""Writing the trail: `recorded` around a change, `event` for what simply happened."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import DatabaseError, transaction

from imadmin.audit.models import AuditEntry, AuditHead
from imadmin.core.errors import AppError, Busy, InvalidInput, gettext_noop
from imadmin.core.outcomes import Outcomes, Result

logger = logging.getLogger(__name__)
REASON_MIN, REASON_MAX = 2, 500  # two characters are a reason in Chinese
LIST_MAX = 1000  # longer lists are cut in the trail, with their length kept


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does it. kind: user | token | command | system.  via: page | api | job | command.  session: a short hash."""

    kind: str
    name: str
    via: str
    session: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """What it is done to. kind: channel | user | message | cluster | person | token | session | site."""

    kind: str
    id: str


class Entry:
    """The open entry inside `recorded`: call `finish` once the result is known."""

    def __init__(self, intent: AuditEntry) -> None:
        self.intent = intent
        self.is_finished = False

    def finish(
        self,
        *,
        before: Any = None,
        after: Any = None,
        outcomes: Outcomes | None = None,
        outcome: str = "done",
        detail: Any = None,
    ) -> None:
        """Write the outcome row.  Raises Busy when the change is made but the trail can't be written."""
        if outcomes is not None:
            asked_for_nothing_new = {item.result for item in outcomes.items} == {Result.ALREADY}
            outcome = "already" if asked_for_nothing_new else outcomes.verdict
            detail = {"counts": outcomes.counts(), **_failures(outcomes), **(detail or {})}
        self.is_finished = True
        try:
            _append(
                phase=AuditEntry.Phase.OUTCOME,
                intent=self.intent,
                before=_storable(before),
                after=_storable(after),
                outcome=outcome,
                detail=_storable(detail),
                **{name: getattr(self.intent, name) for name in _IDENTITY},
            )
        except DatabaseError as error:
            logger.critical("audit.outcome_lost", extra={"intent": self.intent.pk, "outcome": outcome})
            raise Busy(
                gettext_noop("The change was sent, but its result could not be written to the audit trail."),
                hint=gettext_noop("Look at the target before trying again; the intent is on the trail."),
            ) from error


_IDENTITY = (
    "actor_kind", "actor", "via", "session", "address", "cluster", "action", "target_kind", "target", "reason",
)  # fmt: skip


def clean_reason(reason: str) -> str:
    """Raises InvalidInput naming `reason` when it is missing or too long."""
    reason = " ".join(reason.split())
    if len(reason) < REASON_MIN:
        raise InvalidInput({"reason": [gettext_noop("Say why, in a few words: it is kept on the audit trail.")]})
    if len(reason) > REASON_MAX:
        raise InvalidInput({"reason": [gettext_noop("Keep the reason under 500 characters.")]})
    return reason


def intend(
    actor: Actor,
    action: str,
    target: Target,
    reason: str,
    *,
    cluster: str = "",
    needs_reason: bool = True,
    detail: Any = None,
) -> Entry:
    """Write the intent of a change that is carried out beside the request; `reopen` finds it again by its id.

    detail: what is wanted, where the outcome may come much later or never.
    Raises InvalidInput (reason), Busy (nothing was done: the trail can't be written).
    """
    reason = clean_reason(reason) if needs_reason else " ".join(reason.split())[:REASON_MAX]
    try:
        intent = _append(
            phase=AuditEntry.Phase.INTENT,
            detail=_storable(detail),
            **_identity(actor, action, target, reason, cluster),
        )
    except DatabaseError as error:
        raise Busy(
            gettext_noop("The audit trail can't be written right now, so nothing was changed."),
            hint=gettext_noop("Try again in a moment."),
        ) from error
    return Entry(intent)


def reopen(intent_id: int | None) -> Entry | None:
    """The open entry of an intent that another process wrote; None when there is none, or it has its outcome."""
    if intent_id is None:
        return None
    intent = AuditEntry.objects.filter(pk=intent_id, phase=AuditEntry.Phase.INTENT, outcomes=None).first()
    return Entry(intent) if intent else None


@contextmanager
def recorded(
    actor: Actor, action: str, target: Target, reason: str, *, cluster: str = "", needs_reason: bool = True
) -> Iterator[Entry]:
    """Write the intent, run the change, write what came of it, also when it raises.

    The intent is committed before the body runs, so a process that dies half way leaves an intent without outcome.
    Raises InvalidInput (reason), Busy (nothing was done: the trail can't be written).
    """
    entry = intend(actor, action, target, reason, cluster=cluster, needs_reason=needs_reason)
    try:
        yield entry
    except Exception as error:
        if not entry.is_finished:
            # A fault of the dashboard may come after something was sent.
            uncertain = error.is_uncertain if isinstance(error, AppError) else True
            text = error.text() if isinstance(error, AppError) else type(error).__name__
            entry.finish(outcome="unknown" if uncertain else "failed", detail={"error": text})
        raise
    if not entry.is_finished:
        entry.finish()


def event(
    actor: Actor,
    action: str,
    target: Target,
    *,
    reason: str = "",
    cluster: str = "",
    outcome: str = "done",
    detail: Any = None,
) -> AuditEntry:
    """Something that happened and needs no outcome: a search, a reading, a sign-in."""
    return _append(
        phase=AuditEntry.Phase.EVENT,
        outcome=outcome,
        detail=_storable(detail),
        **_identity(actor, action, target, reason, cluster),
    )


def _identity(actor: Actor, action: str, target: Target, reason: str, cluster: str) -> dict[str, str]:
    """The columns of _IDENTITY: who, from where, what, to what, why."""
    return {
        "actor_kind": actor.kind,
        "actor": actor.name,
        "via": actor.via,
        "session": actor.session,
        "address": actor.address,
        "cluster": cluster,
        "action": action,
        "target_kind": target.kind,
        "target": target.id,
        "reason": reason,
    }


def _append(**fields: Any) -> AuditEntry:
    """Chain one row to the end. The head row is locked first, so two writers can't take the same place."""
    fields |= {name: _storable_text(fields[name]) for name in _IDENTITY}
    with transaction.atomic(durable=False):
        head, _ = AuditHead.objects.select_for_update().get_or_create(pk=1)
        entry = AuditEntry(
            id=head.last_id + 1,
            at=datetime.now(UTC),
            previous_hash=head.last_hash,
            **fields,
        )
        entry.hash = entry.computed_hash()
        entry.save(force_insert=True)
        head.last_id, head.last_hash = entry.pk, entry.hash
        head.save(update_fields=["last_id", "last_hash"])
    return entry


def _failures(outcomes: Outcomes) -> dict[str, Any]:
    bad = [
        (item.target, item.result.value, item.detail)
        for item in outcomes.items
        if item.result not in ("done", "already")
    ]
    return {"not_done": [list(row) for row in bad[:LIST_MAX]]} if bad else {}


def _storable(value: Any) -> Any:
    """JSON-ready: sets sorted, long lists cut with a note of their length, texts that every database takes."""
    if isinstance(value, str):
        return _storable_text(value)
    if isinstance(value, (set, frozenset)):
        value = sorted(value)
    if isinstance(value, (list, tuple)):
        cut = [_storable(item) for item in value[:LIST_MAX]]
        return cut if len(value) <= LIST_MAX else {"first": cut, "of": len(value)}
    if isinstance(value, dict):
        return {_storable_text(str(key)): _storable(item) for key, item in value.items()}
    if isinstance(value, datetime):
        return value.isoformat()
    return value


def _storable_text(text: str) -> str:
    """Ids come from outside: a NUL or half a surrogate pair would make the row, and so the change, impossible."""
    return text.replace("\x00", "\N{SYMBOL FOR NULL}").encode("utf-8", "backslashreplace").decode()
