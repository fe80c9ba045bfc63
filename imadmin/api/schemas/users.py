"""People in the API's words.  No shape here has a place for a device token."""

from datetime import datetime
from typing import Annotated, Any, Self

from django.utils.translation import gettext
from pydantic import Field

from imadmin.api.paging import partial
from imadmin.api.schemas.common import Out, PartialOut, ReasonIn
from imadmin.directory.models import Restriction
from imadmin.directory.parts import Part, sentence
from imadmin.directory.queries.sending import Check, MaySend
from imadmin.directory.queries.users import LookupRow, UserView
from imadmin.directory.steps import Report
from imadmin.gateway.types import ChannelRef, ConversationRow, Device, Session


class ChannelOut(Out):
    """id: the stored id; of a person chat `a@b`, of a person's own entry the bare uid."""

    type: int
    id: str

    @classmethod
    def of(cls, channel: ChannelRef) -> Self:
        return cls(type=int(channel.type), id=channel.id)


class SessionOut(Out):
    """One live connection. id: unique on its node only.  idle, uptime: seconds."""

    id: str
    node_id: int
    leader_id: int
    device_flag: int | None
    device_level: str
    device_id: str
    address: str
    port: int
    uptime: float
    idle: float
    in_msgs: int
    out_msgs: int
    protocol_version: int

    @classmethod
    def of(cls, session: Session) -> Self:
        names = [name for name in cls.model_fields if name != "id"]
        return cls(id=str(session.id), **{name: getattr(session, name) for name in names})


class DeviceOut(Out):
    """has_token: whether one is stored; which is never told."""

    flag: int
    level: int
    has_token: bool
    created_at: datetime | None
    updated_at: datetime | None

    @classmethod
    def of(cls, device: Device) -> Self:
        return cls(**{name: getattr(device, name) for name in cls.model_fields})


class ConversationOut(Out):
    channel: ChannelOut
    unread: int
    last_seq: str
    read_to_seq: str
    updated_at: datetime | None

    @classmethod
    def of(cls, row: ConversationRow) -> Self:
        return cls(
            channel=ChannelOut.of(row.channel),
            unread=row.unread,
            last_seq=str(row.last_seq),
            read_to_seq=str(row.read_to_seq),
            updated_at=row.updated_at,
        )


class RestrictionOut(Out):
    """kind: deny | stop_sending | keep_out.  channel: where it holds, null for login and sending as a whole."""

    id: str
    kind: str
    uid: str
    channel: ChannelOut | None
    reason: str
    until: datetime | None
    created_at: datetime
    created_by: str
    lifted_at: datetime | None
    lifted_by: str

    @classmethod
    def of(cls, row: Restriction) -> Self:
        names = ("kind", "uid", "reason", "until", "created_at", "created_by", "lifted_at", "lifted_by")
        channel = ChannelOut.of(row.channel) if row.channel else None
        return cls(id=str(row.pk), channel=channel, **{name: getattr(row, name) for name in names})


class MissingOut(Out):
    """A part of the answer that could not be read, and why."""

    part: str
    code: str
    reason: str


class UserOut(Out):
    """What is known. null = not known (see `missing` and `partial`), never "no".

    has_row: the server keeps one only for uids that got a token.  login_allowed: no login ban.  sending_stopped: our
    record of what was written last, null when nothing was written from here or the last change ended unknown.
    """

    uid: str
    online: bool | None
    has_row: bool | None
    first_seen: datetime | None
    slot: int | None
    login_allowed: bool | None
    sending_stopped: bool | None
    sessions: list[SessionOut] | None
    devices: list[DeviceOut] | None
    conversations: int | None
    restrictions: list[RestrictionOut]
    missing: list[MissingOut]
    partial: list[PartialOut]
    as_of: datetime

    @classmethod
    def of(cls, view: UserView) -> Self:
        parts: dict[str, Part[Any]] = {
            "record": view.record, "devices": view.devices, "sessions": view.sessions, "online": view.online_rows,
            "conversations": view.conversations, "entry": view.entry,
        }  # fmt: skip
        stopped = view.flags.send_ban if view.flags and not view.unsure_since else None
        return cls(
            uid=view.uid,
            online=view.is_online,
            has_row=view.record.value is not None if view.record.is_known else None,
            first_seen=view.record.value.created_at if view.record.value else None,
            slot=view.slot,
            login_allowed=view.may_log_in,
            sending_stopped=stopped,
            sessions=[SessionOut.of(one) for one in view.sessions.value] if view.sessions.is_known else None,
            devices=[DeviceOut.of(one) for one in view.devices.value] if view.devices.is_known else None,
            conversations=len(view.conversations.value) if view.conversations.is_known else None,
            restrictions=[RestrictionOut.of(row) for row in view.restrictions],
            missing=[
                MissingOut(part=name, code=one.error.code, reason=sentence(one.error))
                for name, one in parts.items()
                if one.error
            ],
            partial=partial({each.node: each for one in parts.values() for each in one.failed}.values()),
            as_of=view.as_of,
        )


class LookupOut(Out):
    """online: null when the node that would know didn't answer.  flags: kinds of device that are online."""

    uid: str
    online: bool | None
    flags: list[int]
    restrictions: list[RestrictionOut]

    @classmethod
    def of(cls, row: LookupRow) -> Self:
        return cls(
            uid=row.uid,
            online=row.is_online,
            flags=list(row.flags),
            restrictions=[RestrictionOut.of(one) for one in row.restrictions],
        )


class KickIn(ReasonIn):
    """Which session: its node and its id on that node, as `sessions` tells them."""

    node_id: Annotated[int, Field(ge=1, le=2**63 - 1)]
    session_id: Annotated[str, Field(pattern=r"^[1-9][0-9]{0,17}$", description="a 64-bit id, as text")]


class StepOut(Out):
    """sent: what was asked for.  found: what was read back, or what went wrong."""

    code: str
    target: str
    result: str
    sent: str
    found: str


class ReportOut(Out):
    """What became of each step.  verdict: done | partial | failed | unknown.  remaining: sessions still connected,
    null when that isn't known or wasn't asked.  notes: what to know whatever happened."""

    action: str
    uid: str
    verdict: str
    steps: list[StepOut]
    remaining: list[SessionOut] | None
    notes: list[str]

    @classmethod
    def of(cls, report: Report) -> Self:
        return cls(
            action=report.action,
            uid=report.uid,
            verdict=report.verdict,
            steps=[
                StepOut(
                    code=step.code,
                    target=step.target,
                    result=step.result.value,
                    sent=step.sent_text(),
                    found=step.found_text(),
                )
                for step in report.steps
            ],
            remaining=None if report.remaining is None else [SessionOut.of(one) for one in report.remaining],
            notes=report.notes_text(),
        )


class CheckOut(Out):
    """state: passed | refused | exempt (passes at once) | neutral (decides nothing) | unknown.  source: read | record |
    rule (by the kind of channel) | unreadable.  reached: false after the check that decided."""

    code: str
    title: str
    state: str
    passed: bool | None
    words: str
    source: str
    as_of: datetime | None
    reason: int | None
    reached: bool
    restriction: RestrictionOut | None

    @classmethod
    def of(cls, check: Check) -> Self:
        return cls(
            code=check.code,
            title=gettext(check.title),
            state=check.state.value,
            passed=check.passed,
            words=check.text(),
            source=check.source.value,
            as_of=check.as_of,
            reason=int(check.reason) if check.reason else None,
            reached=check.is_reached,
            restriction=RestrictionOut.of(check.rule) if check.rule else None,
        )


class MaySendOut(Out):
    """allowed: null when it can't be said.  reason: the number the server answers.  sure: nothing unknown before it."""

    uid: str
    channel: ChannelOut
    allowed: bool | None
    reason: int | None
    sure: bool
    words: str
    checks: list[CheckOut]
    as_of: datetime

    @classmethod
    def of(cls, found: MaySend) -> Self:
        return cls(
            uid=found.sender,
            channel=ChannelOut.of(found.channel),
            allowed=found.answer,
            reason=int(found.reason) if found.reason else None,
            sure=found.is_sure,
            words=found.words(),
            checks=[CheckOut.of(check) for check in found.checks],
            as_of=found.as_of,
        )
