"""Mass operations: the plan, how it goes, what became of each target."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from imadmin.api.schemas.common import In, Out, Reason
from imadmin.monitor import fates
from imadmin.monitor import operations as queries
from imadmin.monitor.models import OperationTarget
from imadmin.monitor.operations import Progress

NodeId = Annotated[int, Field(ge=1, lt=2**63, description="a node's id")]


class SessionKeyIn(In):
    node_id: NodeId
    session_id: Annotated[str, Field(pattern=r"^[0-9]{1,19}$", description="the connection's id on its node")]


class KickPlanIn(In):
    """Either `sessions` or `query`, never none: nothing means everybody."""

    sessions: Annotated[list[SessionKeyIn], Field(max_length=20_000)] = []
    query: Annotated[
        str, Field(max_length=2000, description="as on the page of connections: `idle:>10m -device:pc uid:u1`")
    ] = ""


class MoveIn(In):
    """source: null = whoever leads the slot."""

    slot: Annotated[int, Field(ge=0, lt=2**31)]
    source: Annotated[int | None, Field(ge=1, lt=2**63)] = None
    target: NodeId


class SlotMoveIn(In):
    source: Annotated[int | None, Field(ge=1, lt=2**63, description="null = whoever leads the slot")] = None
    target: NodeId


class MovesIn(In):
    moves: Annotated[list[MoveIn], Field(min_length=1, max_length=1024)]


class ApplyIn(In):
    reason: Reason
    hash: Annotated[str, Field(max_length=64, description="`hash` of the plan as you saw it; empty: not checked")] = ""
    per_second: Annotated[int | None, Field(description="kicks a second, 1 to 100; null: as planned")] = None


class OperationOut(Out):
    """state: planned | queued | running | paused | done | stopped | failed | lost.

    counts: targets by result (done, already, returned, still, failed, unknown, skipped, waiting).  reached: sent or
    settled.  rate: sent per second lately, null when nothing moves.  summary: what the plan was made
    from.  hash: give it back to apply, so that only this very plan is applied.
    """

    id: str
    kind: str
    state: str
    title: str
    chosen_by: str
    hash: str
    total: int
    reached: int
    counts: dict[str, int]
    per_second: int
    rate: float | None
    seconds_left: float | None
    reason: str
    actor: str
    created_at: datetime
    expires_at: datetime
    applied_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    error: str
    summary: dict[str, Any]

    @classmethod
    def of(cls, progress: Progress) -> "OperationOut":
        found = progress.operation
        summary = dict(found.summary)
        if "left_out" in summary:
            summary["left_out"] = [{**one, "why": fates.fill(*one["why"])} for one in summary["left_out"]]
        return cls(
            id=found.pk,
            kind=found.kind,
            state=progress.state,
            title=queries.title(found),
            chosen_by=queries.about(found),
            hash=found.state_hash,
            total=found.total,
            reached=progress.reached,
            counts={name or "waiting": count for name, count in sorted(progress.counts.items())},
            per_second=found.per_second,
            rate=progress.rate,
            seconds_left=progress.seconds_left,
            reason=found.reason,
            actor=found.actor,
            created_at=found.created_at,
            expires_at=found.expires_at,
            applied_at=found.applied_at,
            started_at=found.started_at,
            finished_at=found.finished_at,
            error=fates.read(found.error),
            summary=summary,
        )


class TargetOut(Out):
    """result: done | already | returned | still | failed | unknown | skipped | waiting.  tries: how often it was sent.

    target: of a kick uid, node, id, device and address; of a move slot, from, to, leader, replicas, term.
    """

    label: str
    target: dict[str, Any]
    result: str
    detail: str
    tries: int
    sent_at: datetime | None
    at: datetime | None

    @classmethod
    def of(cls, row: OperationTarget) -> "TargetOut":
        target = {**row.key, "id": str(row.key["id"])} if "id" in row.key else dict(row.key)
        return cls(
            label=row.label,
            target=target,
            result=row.result or "waiting",
            detail=fates.read(row.detail),
            tries=row.tries,
            sent_at=row.sent_at,
            at=row.at,
        )
