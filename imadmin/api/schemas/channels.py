"""Channels in JSON.  null always means unknown, never zero."""

from datetime import datetime
from typing import Annotated, Any, Literal

from django.utils.translation import gettext
from pydantic import Field

from imadmin.api.schemas.common import In, Out, OutcomesOut, ReasonIn, RestrictIn
from imadmin.clusters.converters import ChannelConverter
from imadmin.directory.actions.lists import ListPlan
from imadmin.directory.queries.changes import LongChange
from imadmin.directory.queries.channels import ChannelPage, state_of_record
from imadmin.directory.queries.flags import FlagState
from imadmin.gateway.types import ChannelFlags, ChannelRecord, ChannelRef, RuntimeChannel

Uids = Annotated[list[str], Field(description="1 to 5000 uids; a bad one refuses all", min_length=1, max_length=20_000)]


class ChannelIdOut(Out):
    """id: as the server stores it (`a@b` for a person chat).  path: for use in addresses, `type/id` in tilde form."""

    id: str
    type: int
    path: str


def id_out(channel: ChannelRef) -> ChannelIdOut:
    return ChannelIdOut(id=channel.id, type=int(channel.type), path=ChannelConverter().to_url(channel))


class ChannelRowOut(ChannelIdOut):
    """A row of a list. Of `source=records`: counts and state; of a node: last_seq, leader.  denied, allowed: the
    server's own counters, which grow with every uid sent and are not exact."""

    members: int | None = None
    denied: int | None = None
    allowed: int | None = None
    last_seq: str | None = None
    last_message_at: datetime | None = None
    state: Literal["open", "banned", "disbanded"] | None = None
    slot: int | None = None
    leader: int | None = None
    created_at: datetime | None = None

    @classmethod
    def of(cls, row: ChannelRecord | RuntimeChannel) -> "ChannelRowOut":
        head: dict[str, Any] = {
            "id": row.channel.id,
            "type": int(row.channel.type),
            "path": ChannelConverter().to_url(row.channel),
        }
        if isinstance(row, RuntimeChannel):
            return cls(
                **head, last_seq=str(row.last_seq), slot=row.slot, leader=row.leader_id or None,
                created_at=row.created_at,
            )  # fmt: skip
        return cls(
            **head,
            members=row.subscriber_count,
            denied=row.denylist_count,
            allowed=row.allowlist_count,
            last_seq=None if row.last_seq is None else str(row.last_seq),
            last_message_at=row.last_message_at,
            state=state_of_record(row),
            slot=row.slot,
            created_at=row.created_at,
        )


class FlagOut(Out):
    """source: server | record (what we last wrote, the server doesn't tell) | unknown (then value is null)."""

    value: bool | None
    source: str


class FlagsOut(Out):
    """state: give it back with PUT, so that a change by somebody else in between is not overwritten."""

    ban: FlagOut
    disband: FlagOut
    send_ban: FlagOut
    allow_stranger: FlagOut
    large: FlagOut
    state: str
    written_by: str | None
    written_at: datetime | None

    @classmethod
    def of(cls, flags: FlagState) -> "FlagsOut":
        values = {value.name: FlagOut(value=value.value, source=value.source) for value in flags.values}
        return cls(
            **values,
            state=flags.state,
            written_by=flags.record.written_by if flags.record else None,
            written_at=flags.record.written_at if flags.record else None,
        )


class UnknownOut(Out):
    """A part that could not be read, and why."""

    part: str
    reason: str
    code: str


class ChannelOut(ChannelIdOut):
    """One channel. sending: what a member on no list would be told.  has_record: false for channels that came into
    being by use.  unknown: the parts that could not be read; their fields are null."""

    members: int | None
    denied: int | None
    allowed: int | None
    last_message_at: datetime | None
    last_seq: str | None
    slot: int | None
    leader: int | None
    replicas: list[int] | None
    sending: str
    has_record: bool | None
    flags: FlagsOut
    unknown: list[UnknownOut]
    as_of: datetime

    @classmethod
    def of(cls, page: ChannelPage, unknown: list[UnknownOut]) -> "ChannelOut":
        runtime, record, newest = page.runtime.value, page.record.value, page.newest.value
        members, denied, allowed = (
            None if part.value is None else len(part.value) for part in (page.members, page.denylist, page.allowlist)
        )
        return cls(
            **id_out(page.channel).model_dump(),
            members=members,
            denied=denied,
            allowed=allowed,
            last_message_at=newest.sent_at if newest else None,
            last_seq=str(runtime.last_seq) if runtime else None,
            slot=runtime.slot if runtime else record.slot if record else None,
            leader=(runtime.leader_id or None) if runtime else None,
            replicas=list(runtime.replicas) if runtime else None,
            sending=page.sending.value,
            has_record=bool(record) if page.record.is_known else None,
            flags=FlagsOut.of(page.flags),
            unknown=unknown,
            as_of=page.as_of,
        )


class ListedOut(Out):
    """One uid on a list."""

    uid: str


class ListIn(RestrictIn):
    """uids: exact, nothing is split.  plan: id of a preview of the same change; then uids are left out.

    until: only when adding to a denylist.
    """

    uids: Annotated[list[str], Field(description="1 to 5000 uids; a bad one refuses all", max_length=20_000)] = []
    plan: Annotated[str, Field(description="apply this preview instead of naming uids", max_length=16)] = ""


class PreviewIn(In):
    uids: Uids


class PlanOut(Out):
    """What would change. plan: apply it within ten minutes; it is refused (409) when the list has moved.

    before, after: sizes of the list, null when it can't be read.  notes: what the change means besides.
    """

    plan: str
    expires_at: datetime
    changing: list[str]
    same: list[str]
    before: int | None
    after: int | None
    notes: list[str]

    @classmethod
    def of(cls, plan: ListPlan, notes: list[str]) -> "PlanOut":
        return cls(
            plan=plan.id, expires_at=plan.expires_at, changing=list(plan.changing), same=list(plan.same),
            before=plan.before, after=plan.after, notes=notes,
        )  # fmt: skip


class BegunOut(Out):
    """The change goes on.  change: its id.  path: ask there how it comes along."""

    change: str
    path: str


class ChangeOut(Out):
    """A long change.  reached: how many of `total` uids are behind it.  outcomes: once it is over, else null.

    is_lost: nobody tells of it any more, so what it did is on the cluster and has to be looked at.  error: why it
    ended without outcomes, "" when it didn't.
    """

    change: str
    channel: ChannelIdOut
    list: str
    verb: str
    reached: int
    total: int
    is_over: bool
    is_lost: bool
    error: str
    outcomes: OutcomesOut | None

    @classmethod
    def of(cls, found: LongChange) -> "ChangeOut":
        change, told = found.change, found.progress
        return cls(
            change=found.id, channel=id_out(change.channel), list=change.list.value, verb=change.verb.value,
            reached=told.reached, total=told.total, is_over=told.is_over, is_lost=told.is_lost,
            error=gettext(told.error) if told.error else "",
            outcomes=OutcomesOut.of(told.outcomes) if told.outcomes else None,
        )  # fmt: skip


class FlagsIn(ReasonIn):
    """All five: the server overwrites what is left out."""

    ban: bool
    disband: bool
    send_ban: bool
    allow_stranger: bool
    large: bool
    state: Annotated[str, Field(description="`state` as GET gave it; empty writes in any case", max_length=64)] = ""

    def flags(self) -> ChannelFlags:
        return ChannelFlags(self.ban, self.disband, self.send_ban, self.allow_stranger, self.large)


class CreateIn(ReasonIn):
    id: Annotated[str, Field(max_length=2000)]
    type: int = 2
    members: Annotated[list[str], Field(max_length=20_000)] = []
    ban: bool = False
    disband: bool = False
    send_ban: bool = False
    allow_stranger: bool = False
    large: bool = False

    def flags(self) -> ChannelFlags:
        return ChannelFlags(self.ban, self.disband, self.send_ban, self.allow_stranger, self.large)
