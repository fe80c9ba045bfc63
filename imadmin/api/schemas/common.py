"""Shapes that several nouns share."""

from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar

from django.utils.translation import gettext
from ninja import Schema
from pydantic import BaseModel, ConfigDict, Field

from imadmin.audit.record import REASON_MAX, REASON_MIN
from imadmin.core.outcomes import Outcomes

T = TypeVar("T")


class Out(BaseModel):
    """What we answer. Plain models: the ones of the API library look every field up through a wrapper made for ORM
    rows, which took longer than everything else in a list of 50."""


class In(Schema):
    """What is sent to us: unknown fields are refused, so that a typing error never passes for "not given"."""

    model_config = ConfigDict(extra="forbid")


Reason = Annotated[
    str,
    Field(description=f"why, kept on the audit trail; {REASON_MIN} to {REASON_MAX} characters", max_length=2000),
]


class ReasonIn(In):
    reason: Reason


Until = Annotated[
    datetime | None,
    Field(description="when it ends by itself (with a zone); null = until somebody lifts it"),
]


class RestrictIn(ReasonIn):
    until: Until = None


class PartialOut(Out):
    """A node that is missing from the answer."""

    node: str
    reason: str
    code: str


class Paged(Out, Generic[T]):
    """next_cursor: empty at the end.  partial: nodes missing from the answer.  limits: what this list can't promise."""

    items: list[T]
    next_cursor: str = ""
    partial: list[PartialOut] = []
    as_of: datetime
    limits: list[str] = []


class OutcomeOut(Out):
    """result: done | already | not_found | failed | unknown."""

    target: str
    result: str
    detail: str = ""


class OutcomesOut(Out):
    """What became of each target.  verdict: done | partial | failed | unknown."""

    verdict: str
    counts: dict[str, int]
    items: list[OutcomeOut]
    note: str = ""

    @classmethod
    def of(cls, outcomes: Outcomes) -> "OutcomesOut":
        return cls(
            verdict=outcomes.verdict,
            counts=outcomes.counts(),
            items=[
                OutcomeOut(target=item.target, result=item.result.value, detail=_translated(item.detail))
                for item in outcomes.items
            ],
            note=_translated(outcomes.note),
        )


def _translated(template: str) -> str:
    return gettext(template) if template else ""


class FaultOut(Out):
    """What is wrong with the characters of a query from start to end."""

    start: int
    end: int
    message: str


class ProblemOut(Out):
    """application/problem+json.  fields: only for 422, faults: of a query that can't be read.  reference: only for 500.

    node: when one node is meant.
    """

    type: str
    title: str
    status: int
    detail: str
    code: str
    hint: str = ""
    instance: str
    fields: dict[str, list[str]] | None = None
    faults: list[FaultOut] | None = None
    reference: str | None = None
    node: str | None = None


def problems(*statuses: int) -> dict[Any, Any]:
    """For `response={200: X} | problems(403, 404)`: documents the errors an operation may answer."""
    return dict.fromkeys(statuses, ProblemOut)
