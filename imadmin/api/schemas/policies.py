"""Cleanup policies and holds in the API's words."""

from datetime import datetime
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from celery.schedules import ParseException, crontab
from pydantic import Field

from imadmin.api.schemas.common import In, Out, Reason, ReasonIn
from imadmin.core.errors import InvalidInput, gettext_noop
from imadmin.gateway.types import ChannelRef
from imadmin.jobs.models import Hold
from imadmin.jobs.policy.actions import Wanted
from imadmin.jobs.policy.queries import PolicyRow, channel_of
from imadmin.jobs.schedule import Cron

FIELD_MOST = 64  # characters that every field has room for in the schedules' table


class ScheduleIO(In):
    """cron: five fields (minute, hour, day of month, month, day of week), e.g. "10 3 * * *".  zone: IANA name."""

    cron: Annotated[str, Field(max_length=200)]
    zone: Annotated[str, Field(max_length=60)] = "UTC"

    def parsed(self) -> Cron:
        """Raises InvalidInput naming the field."""
        parts = self.cron.split()
        try:
            minute, hour, day, month, weekday = parts
            crontab(minute, hour, weekday, day, month)
            if max(map(len, parts)) > FIELD_MOST:
                raise ValueError
        except (ValueError, ParseException, TypeError, KeyError, IndexError):
            raise InvalidInput(
                {"cron": [gettext_noop("Write five fields: minute, hour, day of month, month, day of week.")]}
            ) from None
        try:
            ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise InvalidInput({"zone": [gettext_noop("There is no such time zone.")]}) from None
        return Cron(minute, hour, day, month, weekday, self.zone)


class PolicyChangeIn(In):
    """params: see the kind (`policies/kinds`).  cap: at most in one run.  stop_above: the safety stop, percent."""

    params: dict[str, int] = {}
    cap: int = 1000
    stop_above: int = 50
    schedule: ScheduleIO | None = None
    reason: Reason

    def wanted(self, kind: str = "") -> Wanted:
        return Wanted(kind, self.params, self.cap, self.stop_above, self.schedule.parsed() if self.schedule else None)


class PolicyIn(PolicyChangeIn):
    kind: Annotated[str, Field(max_length=40)]


class SwitchIn(ReasonIn):
    enabled: bool


class PolicyOut(Out):
    """simulated_at: when a simulation with these very settings ended; null = it may not run yet."""

    id: int
    kind: str
    params: dict[str, int]
    cap: int
    stop_above: int
    enabled: bool
    schedule: dict[str, str] | None
    simulated_at: datetime | None
    next_at: datetime | None
    last_run: str | None
    last_simulation: str | None

    @classmethod
    def of(cls, row: PolicyRow) -> Self:
        policy = row.policy
        cron = policy.schedule.crontab if policy.schedule else None
        fields = ("minute", "hour", "day_of_month", "month_of_year", "day_of_week")
        return cls(
            id=policy.pk,
            kind=policy.kind,
            params=policy.params,
            cap=policy.cap,
            stop_above=policy.stop_above,
            enabled=policy.is_enabled,
            schedule={"cron": " ".join(getattr(cron, name) for name in fields), "zone": str(cron.timezone)}
            if cron
            else None,
            simulated_at=policy.simulated_at,
            next_at=row.next_at,
            last_run=row.last.pk if row.last else None,
            last_simulation=row.simulation.pk if row.simulation else None,
        )


class BegunRunOut(Out):
    """run: ask `jobs/{run}` for its progress and result."""

    run: str


class KindOut(Out):
    """settings: name, least, most, default of each number."""

    kind: str
    title: str
    settings: list[dict[str, Any]]


class HoldIn(ReasonIn):
    """A uid, or a channel: one of them."""

    uid: Annotated[str, Field(max_length=200)] = ""
    channel_type: Annotated[int | None, Field(ge=0, le=255)] = None
    channel_id: Annotated[str, Field(max_length=500)] = ""

    def wanted(self) -> dict[str, Any]:
        channel = ChannelRef(self.channel_id, self.channel_type or 0) if self.channel_id else None
        return {"uid": self.uid, "channel": channel}


class HoldOut(Out):
    id: int
    uid: str
    channel_type: int | None
    channel_id: str
    reason: str
    created_by: str
    created_at: datetime

    @classmethod
    def of(cls, row: Hold) -> Self:
        channel = channel_of(row)
        return cls(
            id=row.pk,
            uid=row.uid,
            channel_type=int(channel.type) if channel else None,
            channel_id=channel.id if channel else "",
            reason=row.reason,
            created_by=row.created_by,
            created_at=row.created_at,
        )
