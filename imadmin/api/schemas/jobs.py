"""Runs of jobs as JSON."""

from datetime import datetime
from typing import Any, Literal

from django.utils.translation import gettext
from pydantic import Field

from imadmin.api.schemas.common import In, Out, Reason
from imadmin.jobs.notes import read_error
from imadmin.jobs.queries import RunView


class NoteOut(Out):
    at: datetime | None
    text: str


class MissedOut(Out):
    """count runs of a schedule, meant for `first` to `last`, that never began. behind: the run that was in the way."""

    count: int
    first: datetime | None
    last: datetime | None
    behind: str = ""


class RunOut(Out):
    """state: queued | running | done | failed | stopped | lost (its process died) | missed (never began).

    cluster: null for a job of the site.  reached, total: how far it is; total null when unknown.  attempt: how often it
    was taken up.  missed: only for that state.
    """

    id: str
    job: str
    title: str
    cluster: str | None
    policy: int | None
    state: Literal["queued", "running", "done", "failed", "stopped", "lost", "missed"]
    trigger: str
    actor: str
    params: dict[str, Any]
    scheduled_for: datetime | None
    queued_at: datetime
    started_at: datetime | None
    heartbeat_at: datetime | None
    finished_at: datetime | None
    attempt: int
    reached: int
    total: int | None
    stop_wanted: bool
    result: dict[str, Any] | None
    error: str
    notes: list[NoteOut]
    missed: MissedOut | None

    @classmethod
    def of(cls, run: RunView) -> "RunOut":
        missed = run.missed
        return cls(
            id=run.id,
            job=run.job,
            title=gettext(run.title),
            cluster=run.cluster or None,
            policy=run.policy,
            state=run.state,  # type: ignore[arg-type]
            trigger=run.trigger,
            actor=run.actor,
            params=dict(run.params),
            scheduled_for=run.scheduled_for,
            queued_at=run.queued_at,
            started_at=run.started_at,
            heartbeat_at=run.heartbeat_at,
            finished_at=run.finished_at,
            attempt=run.attempt,
            reached=run.reached,
            total=run.total,
            stop_wanted=run.stop_wanted,
            result=dict(run.result) if run.result is not None else None,
            error=read_error(run.error),
            notes=[NoteOut(at=note.at, text=gettext(note.text)) for note in run.notes],
            missed=MissedOut(count=missed.count, first=missed.first, last=missed.last, behind=missed.behind)
            if missed
            else None,
        )


class StartIn(In):
    job: str = Field(description="name of a job that may be started by hand: sample, rollup ...", max_length=60)
    params: dict[str, str | int] = Field(default_factory=dict, description="what the job takes; most take nothing")
    reason: Reason
