"""An archive's state and completeness as JSON."""

from datetime import datetime
from typing import Literal

from django.utils.translation import gettext
from pydantic import Field

from imadmin.api.schemas.common import In, Out, PartialOut, Reason
from imadmin.archive.clocks import moment
from imadmin.archive.completeness import Completeness, HeldChannel
from imadmin.archive.running import BUDGET_MAX, BUDGET_MIN, Estimate, bytes_each
from imadmin.jobs.archives import Reading


class ReadingOut(Out):
    """A round under way.  run: its id in the list of runs."""

    run: str
    state: Literal["queued", "running"]
    reached: int
    total: int | None
    per_second: float | None
    seconds_left: float | None


class ArchiveOut(Out):
    """state: off | empty | filling (being read for the first time) | waiting (rests, see waits_for) | gaps | complete.

    expected: the newest sequence numbers of all channels, added up; missing: how many of them are not held.
    channels_unlisted, missing_unlisted: of these, channels that the server has nothing of: they can't be read.
    first_at, last_at: times that can be; a message whose clock was wrong doesn't count.
    up_to: when the last whole round began: everything the cluster had then is held, gaps aside; null = never read
    whole.  What came later is known by the webhook, last at feed_seen_at, and may lack messages until the next round.
    budget: calls a second to each node.
    """

    state: Literal["off", "empty", "filling", "waiting", "gaps", "complete"]
    is_on: bool
    waits_for: str
    messages: int
    channels: int
    channels_with_gaps: int
    channels_unread: int
    expected: int
    missing: int
    channels_unlisted: int
    missing_unlisted: int
    bytes: int
    bytes_per_message: int
    index_bytes: int
    first_at: datetime | None
    last_at: datetime | None
    up_to: datetime | None
    feed_seen_at: datetime | None
    feed_lag_seconds: float | None
    round_started_at: datetime | None
    round_ended_at: datetime | None
    budget: int
    reading: ReadingOut | None
    as_of: datetime

    @classmethod
    def of(cls, found: Completeness, reading: Reading | None) -> "ArchiveOut":
        totals, coverage = found.totals, found.coverage
        return cls(
            state=found.state,
            is_on=found.is_on,
            waits_for=gettext(found.waits_for) if found.waits_for else "",
            messages=totals.messages,
            channels=coverage.channels,
            channels_with_gaps=coverage.with_gaps,
            channels_unread=coverage.unread,
            expected=coverage.expected,
            missing=coverage.missing,
            channels_unlisted=coverage.unlisted,
            missing_unlisted=coverage.missing_unlisted,
            bytes=totals.bytes,
            bytes_per_message=bytes_each(totals) if totals.messages else 0,
            index_bytes=totals.index_bytes,
            first_at=moment(totals.first_at),
            last_at=moment(totals.last_at),
            up_to=found.up_to,
            feed_seen_at=found.feed_seen_at,
            feed_lag_seconds=found.feed_lag,
            round_started_at=found.round_started_at,
            round_ended_at=found.round_ended_at,
            budget=found.budget,
            reading=_reading(reading) if reading else None,
            as_of=found.as_of,
        )


class RangeOut(Out):
    """Sequence numbers, both ends included."""

    first: int
    last: int


class HeldChannelOut(Out):
    """channel: type/id.  newest: the newest number known.  gaps: the first hundred.

    first_at, last_at: of the messages that are held, by the server's clock.  is_unlisted: the server was asked for this
    channel and has nothing of it, so what is missing can't be read.
    """

    channel: str
    channel_id: str
    channel_type: int
    messages: int
    newest: int
    missing: int
    gaps: list[RangeOut]
    is_unlisted: bool
    first_at: datetime | None
    last_at: datetime | None
    asked_at: datetime | None

    @classmethod
    def of(cls, row: HeldChannel) -> "HeldChannelOut":
        hold = row.hold
        return cls(
            channel=str(hold.channel),
            channel_id=hold.channel.id,
            channel_type=hold.channel.type,
            messages=hold.messages,
            newest=row.newest,
            missing=hold.missing,
            gaps=[RangeOut(first=first, last=last) for first, last in hold.gaps[:100]],
            is_unlisted=hold.is_unlisted,
            first_at=moment(hold.first_at),
            last_at=moment(hold.last_at),
            asked_at=moment(hold.seen_at),
        )


class EstimateOut(Out):
    """What opening would cost.  is_whole: all channels were counted, else it is at least this much.  seconds: of the
    first round.  bytes: on the dashboard's disk."""

    channels: int
    messages: int
    calls: int
    seconds: float
    bytes: int
    budget: int
    is_whole: bool
    partial: list[PartialOut]
    as_of: datetime

    @classmethod
    def of(cls, found: Estimate) -> "EstimateOut":
        missing = [PartialOut(node=one.node, reason=gettext(one.reason), code=one.code) for one in found.failed]
        return cls(
            channels=found.channels, messages=found.messages, calls=found.calls, seconds=found.seconds,
            bytes=found.bytes, budget=found.budget, is_whole=found.is_whole, partial=missing, as_of=found.as_of,
        )  # fmt: skip


class OpenIn(In):
    reason: Reason
    budget: int | None = Field(None, ge=BUDGET_MIN, le=BUDGET_MAX, description="calls a second to each node")


class BudgetIn(In):
    reason: Reason
    budget: int = Field(ge=BUDGET_MIN, le=BUDGET_MAX, description="calls a second to each node")


class RepairIn(In):
    reason: Reason
    channel: str = Field("", max_length=600, description="type/id of one channel; empty: a round over all")


class BegunOut(Out):
    """run: follow it with `get_run`."""

    run: str


def _reading(reading: Reading) -> ReadingOut:
    return ReadingOut(
        run=reading.run.id,
        state="queued" if reading.run.state == "queued" else "running",
        reached=reading.run.reached,
        total=reading.run.total,
        per_second=reading.per_second,
        seconds_left=reading.seconds_left,
    )
