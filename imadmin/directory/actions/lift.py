"""Lifting restrictions whose end has come: the actions a person would use, done by the system.

What cannot be lifted (a node is down, the entry cannot be read) is tried again later and later, and shown as overdue
until it worked; the restriction stays on record meanwhile, since it holds.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db.models import Q

from imadmin.audit.record import Target, event
from imadmin.clusters import access
from imadmin.clusters.access import Scope
from imadmin.core import events
from imadmin.core.errors import AppError, gettext_noop
from imadmin.core.outcomes import Result
from imadmin.directory.actions import restrictions
from imadmin.directory.actions.lists import ListChange, Verb, change_list
from imadmin.directory.models import Restriction
from imadmin.directory.queries.lists import ListName
from imadmin.directory.remember import forget, open_rows
from imadmin.gateway.types import ChannelRef

logger = logging.getLogger(__name__)
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=30), timedelta(minutes=10)
AT_ONCE = 200  # of one channel: a piece that the cluster takes

REASON = gettext_noop("The restriction ended as set.")
NOT_LIFTED = gettext_noop("The cluster was asked, but the restriction is still there or can't be read back.")
Kind = Restriction.Kind


@dataclass(frozen=True, slots=True)
class Lifted:
    """lifted, failed: rows.  waiting: rows that are due but failed before and wait for their next try."""

    lifted: int
    failed: int
    waiting: int


def due(now: datetime | None = None) -> Sequence[Restriction]:
    """Open restrictions whose end has come and that may be tried now, oldest end first."""
    now = now or datetime.now(UTC)
    rows = Restriction.objects.filter(lifted_at=None, until__lte=now)
    return list(
        rows.filter(Q(lift_again_at=None) | Q(lift_again_at__lte=now)).select_related("cluster").order_by("until", "pk")
    )


def lift_ended(*, now: datetime | None = None, should_stop: Callable[[], bool] = lambda: False) -> Lifted:
    """Lift what has ended.  Safe to run twice: what is lifted already is found so.

    should_stop: asked between two changes.
    """
    now = now or datetime.now(UTC)
    denied: dict[tuple[int, int, str], list[Restriction]] = defaultdict(list)
    alone = []
    for row in due(now):
        if row.kind == Kind.DENY and row.channel_type is not None:
            denied[row.cluster_id, row.channel_type, row.channel_id].append(row)
        else:
            alone.append(row)
    lifted = failed = 0
    batches = [rows[start : start + AT_ONCE] for rows in denied.values() for start in range(0, len(rows), AT_ONCE)]
    for batch in (*batches, *([row] for row in alone)):
        if should_stop():
            break
        done = _lift(batch, now)
        lifted, failed = lifted + done, failed + len(batch) - done
    waiting = Restriction.objects.filter(lifted_at=None, until__lte=now, lift_again_at__gt=now).count()
    return Lifted(lifted, failed, waiting)


def _lift(rows: list[Restriction], now: datetime) -> int:
    """One batch of one channel, or one person.  Returns how many are lifted; the rest are put off."""
    scope = access.enter_by_job(rows[0].cluster)
    try:
        freed, why = (_undeny if rows[0].kind == Kind.DENY else _free)(scope, rows)
    except AppError as error:
        freed, why = frozenset(), error.text()
    except Exception:
        logger.exception("restriction.lift_broken", extra={"cluster": scope.slug})
        freed, why = frozenset(), NOT_LIFTED
    left = [row for row in rows if row.uid not in freed]
    for row in left:
        _put_off(row, now, why or NOT_LIFTED)
    events.changed(f"{scope.slug}/restrictions")
    return len(rows) - len(left)


def _undeny(scope: Scope, rows: list[Restriction]) -> tuple[frozenset[str], str]:
    """Raises what the list action raises."""
    channel = ChannelRef(rows[0].channel_id, rows[0].channel_type or 0)
    change = ListChange(channel, ListName.DENYLIST, Verb.REMOVE)
    outcomes = change_list(scope, change, [row.uid for row in rows], reason=REASON)
    freed = frozenset((*outcomes.of(Result.DONE), *outcomes.of(Result.NOT_FOUND)))
    details = [item.detail for item in outcomes.items if item.target not in freed and item.detail]
    return freed, details[0] if details else ""


def _free(scope: Scope, rows: list[Restriction]) -> tuple[frozenset[str], str]:
    row = rows[0]
    if row.kind == Kind.STOP_SENDING and open_rows(scope, Kind.KEEP_OUT).filter(uid=row.uid).exists():
        # Who is kept out can't send either: only our record ends, and letting them in will open sending too.
        forget(scope, Kind.STOP_SENDING, [row.uid])
        event(scope.actor, "user.allow-sending", Target("user", row.uid), reason=REASON, cluster=scope.slug,
              detail={"still": "kept out"})  # fmt: skip
        return frozenset({row.uid}), ""
    act = restrictions.let_in if row.kind == Kind.KEEP_OUT else restrictions.allow_sending
    report = act(scope, row.uid, reason=REASON)
    is_open = Restriction.objects.filter(pk=row.pk, lifted_at=None).exists()
    bad = [step for step in report.steps if step.result in (Result.FAILED, Result.UNKNOWN)]
    if not is_open:
        return frozenset({row.uid}), ""
    return frozenset(), (bad[0].why.text() if bad[0].why else bad[0].found) if bad else ""


def _put_off(row: Restriction, now: datetime, why: str) -> None:
    tries = min(row.lift_tries + 1, 1000)
    wait = min(FIRST_WAIT * 2 ** min(tries - 1, 10), LONGEST_WAIT)
    Restriction.objects.filter(pk=row.pk, lifted_at=None).update(
        lift_tries=tries, lift_again_at=now + wait, lift_error=why
    )
