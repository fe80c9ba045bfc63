"""Reads of runs for the pages, the API and the command."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.core.cache import cache
from django.db.models import Count, Q, QuerySet

from imadmin.accounts.permissions import Permission
from imadmin.clusters.access import Scope, SiteScope
from imadmin.core.errors import InvalidInput, NotFound
from imadmin.core.paging import BROKEN_CURSOR, cursor_place, encode_cursor
from imadmin.jobs import beat, registry, worker
from imadmin.jobs.actions import NO_SUCH_RUN, visible
from imadmin.jobs.models import JobRun
from imadmin.jobs.notes import Note, read_notes
from imadmin.jobs.registry import Job

State = JobRun.State
UNDER_WAY = (State.QUEUED, State.RUNNING)
TROUBLE = (State.FAILED, State.LOST, State.MISSED)
# What a list may be narrowed to: groups of states, and each state by itself.
SHOWN = {"open": UNDER_WAY, "trouble": TROUBLE} | {str(state): (state,) for state in State}
PAGE_SIZE = 50


@dataclass(frozen=True, slots=True)
class Missed:
    """A span of a schedule in which nothing ran.  behind: the run that was in the way, "" when nobody looked."""

    count: int
    first: datetime | None
    last: datetime | None
    behind: str = ""


@dataclass(frozen=True, slots=True)
class RunView:
    """A run as it is shown.  title, error, say: msgids.  is_routine: kept only for a while when it went well."""

    id: str
    job: str
    title: str
    cluster: str
    policy: int | None
    params: Mapping[str, Any]
    state: str
    trigger: str
    actor: str
    scheduled_for: datetime | None
    queued_at: datetime
    started_at: datetime | None
    heartbeat_at: datetime | None
    finished_at: datetime | None
    attempt: int
    attempts: int
    worker: str
    reached: int
    total: int | None
    notes: tuple[Note, ...]
    result: Mapping[str, Any] | None
    error: str
    stop_wanted: bool
    is_routine: bool
    by_hand: bool
    missed: Missed | None

    @property
    def is_open(self) -> bool:
        return self.state in UNDER_WAY

    @property
    def share(self) -> float | None:
        """How far it is, 0 to 1; None when nobody can say."""
        return min(self.reached / self.total, 1.0) if self.total else None

    @property
    def seconds(self) -> float | None:
        """From the first start to the end, or until now."""
        if not self.started_at:
            return None
        return ((self.finished_at or datetime.now(UTC)) - self.started_at).total_seconds()


@dataclass(frozen=True, slots=True)
class RunFilter:
    """state: a key of SHOWN or "".  routine: also routine runs that went well."""

    job: str = ""
    state: str = ""
    routine: bool = False
    policy: int | None = None


@dataclass(frozen=True, slots=True)
class RunPage:
    """folded: routine runs that went well are left out.  worker_seen, beat_seen: when these last told of themselves."""

    rows: tuple[RunView, ...]
    next_cursor: str
    as_of: datetime
    folded: bool = False
    counts: Mapping[str, int] = field(default_factory=dict)
    worker_seen: datetime | None = None
    beat_seen: datetime | None = None


def page(scope: SiteScope, wanted: RunFilter, *, cursor: str = "", limit: int = PAGE_SIZE) -> RunPage:
    """Runs, newest first.  Raises InvalidInput (cursor, state)."""
    if wanted.state and wanted.state not in SHOWN:
        raise InvalidInput({"state": [BROKEN_CURSOR]})
    rows = visible(scope)
    folded = not (wanted.routine or wanted.job or wanted.state or wanted.policy)
    rows = narrowed(rows, wanted)
    if folded:
        rows = rows.exclude(state=State.DONE, job__in=[job.name for job in registry.known().values() if job.routine])
    if cursor:
        rows = _after(rows, cursor)
    found = list(rows.order_by("-queued_at", "-pk")[: limit + 1])
    more = len(found) > limit
    found = found[:limit]
    seen = _seen()
    return RunPage(
        rows=tuple(map(view, found)),
        next_cursor=encode_cursor(at=found[-1].queued_at.isoformat(), id=found[-1].pk) if more else "",
        as_of=datetime.now(UTC),
        folded=folded,
        counts=_counts(scope),
        worker_seen=seen.get(worker.SEEN_KEY),
        beat_seen=seen.get(beat.SEEN_KEY),
    )


def narrowed(rows: QuerySet[JobRun], wanted: RunFilter) -> QuerySet[JobRun]:
    if wanted.job:
        rows = rows.filter(job=wanted.job)
    if wanted.state:
        rows = rows.filter(state__in=SHOWN[wanted.state])
    if wanted.policy:
        rows = rows.filter(policy=wanted.policy)
    return rows


def one(scope: SiteScope, run_id: str) -> RunView:
    """Raises NotFound, also for a run one may not see."""
    row = visible(scope).filter(pk=run_id).first()
    if row is None:
        raise NotFound(NO_SUCH_RUN)
    return view(row)


def listed(scope: SiteScope) -> list[Job]:
    """Jobs whose runs this person may see."""
    is_owner = scope.can(Permission.MANAGE_SITE)
    return [job for job in registry.known().values() if is_owner or not job.site]


def startable(scope: SiteScope) -> list[Job]:
    """Jobs this person may start by hand here, by name."""
    if not scope.can(Permission.MANAGE_POLICIES):
        return []
    found = (job for job in listed(scope) if job.by_hand and (job.site or isinstance(scope, Scope)))
    return sorted(found, key=lambda job: job.name)


def view(row: JobRun) -> RunView:
    job = registry.known().get(row.job)
    return RunView(
        id=row.pk,
        job=row.job,
        title=registry.title_of(row.job),
        cluster=row.cluster.slug if row.cluster else "",
        policy=row.policy.pk if row.policy else None,
        params=row.params,
        state=row.state,
        trigger=row.trigger,
        actor=row.actor,
        scheduled_for=row.scheduled_for,
        queued_at=row.queued_at,
        started_at=row.started_at,
        heartbeat_at=row.heartbeat_at,
        finished_at=row.finished_at,
        attempt=row.attempt,
        attempts=job.attempts if job and job.lost == "again" else 1,
        worker=row.worker,
        reached=row.reached,
        total=row.total,
        notes=read_notes(row.note),
        result=row.result if isinstance(row.result, dict) else None,
        error=row.error,
        stop_wanted=row.stop_wanted,
        is_routine=bool(job and job.routine),
        by_hand=bool(job and job.by_hand),
        missed=_missed(row),
    )


def _missed(row: JobRun) -> Missed | None:
    if row.state != State.MISSED:
        return None
    params = row.params
    return Missed(
        int(params.get("count", 0)), _moment(params.get("from")), _moment(params.get("until")), params.get("behind", "")
    )


def _moment(text: Any) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) and text else None


def _counts(scope: SiteScope) -> dict[str, int]:
    counted = visible(scope).aggregate(
        open=Count("pk", filter=Q(state__in=UNDER_WAY)), trouble=Count("pk", filter=Q(state__in=TROUBLE))
    )
    return {"open": counted["open"], "trouble": counted["trouble"]}


def _seen() -> Mapping[str, datetime]:
    try:
        found: Mapping[str, datetime] = cache.get_many([worker.SEEN_KEY, beat.SEEN_KEY])
    except Exception:  # a Redis that is away: nobody can say
        return {}
    return found


def _after(rows: QuerySet[JobRun], cursor: str) -> QuerySet[JobRun]:
    at, last = cursor_place(cursor)
    return rows.filter(Q(queued_at__lt=at) | Q(queued_at=at, pk__lt=last))
