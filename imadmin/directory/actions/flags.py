"""Writing the flags of a channel: all five at once, because the server overwrites the ones left out (reference 2.3).

Ban and disband are read back; the other three can't be, so what we wrote is kept in our own record and shown as such.
"""

from dataclasses import replace
from datetime import UTC, datetime

from imadmin.accounts.permissions import Permission
from imadmin.audit.record import Target, clean_reason, recorded
from imadmin.clusters.access import Scope
from imadmin.core import events
from imadmin.core.aio import run
from imadmin.core.errors import AppError, Conflict, Unsupported, gettext_noop
from imadmin.core.outcomes import Outcomes, Result, TargetOutcome
from imadmin.directory import patience
from imadmin.directory.actions import serial
from imadmin.directory.models import FlagRecord
from imadmin.directory.parts import Part
from imadmin.directory.queries.flags import FLAGS, READABLE_FLAGS, FlagState, flag_state, read_flags
from imadmin.directory.queries.lists import BAD_TYPE
from imadmin.gateway.errors import CircuitOpen, GatewayError, NotAllowed, Rejected, Unauthorised
from imadmin.gateway.types import ChannelFlags, ChannelRecord, ChannelRef, now

PERSON_ENTRY = gettext_noop("The flags of a person's own entry are set on the user's page: keep out, stop sending.")
MOVED = gettext_noop("The flags have changed since they were shown; look at them again before writing.")
OUR_RECORD = gettext_noop("written; it can't be read back, so our record stands for it")
DIFFERENT = gettext_noop("the server shows another value")


def set_flags(
    scope: Scope, channel: ChannelRef, flags: ChannelFlags, *, reason: str, state: str | None = None
) -> Outcomes:
    """Write all five flags.  One outcome per flag.

    state: `FlagState.state` as it was shown; when the flags have moved since, nothing is written (Conflict).
    Raises Forbidden, InvalidInput (reason), Unsupported (a person's own entry), GatewayError when they can't be read.
    """
    scope.require(Permission.MANAGE_CHANNELS, channel)
    if why := why_no_flags(channel):
        raise Unsupported(why)
    reason = clean_reason(reason)
    target = Target("channel", str(channel))
    with serial.alone(scope.cluster.pk, f"flags {channel}"):
        before = read_flags(scope, channel)
        if state is not None and state != before.state:
            raise Conflict(MOVED)
        with recorded(scope.actor, "channel.set_flags", target, reason, cluster=scope.slug) as entry:
            failure = write(scope, channel, flags)
            after = read_back(scope, channel)
            outcomes = compare(flags, before, after, failure)
            if failure is None:
                outcomes = remembered(scope, channel, flags, outcomes)
            entry.finish(before=_plain(before), after=_plain(after) if after else None, outcomes=outcomes)
    events.changed(f"{scope.slug}/flags/{channel}")
    return outcomes


def why_no_flags(channel: ChannelRef) -> str:
    """Why the flags of this channel are not written from here, or ""."""
    if not 1 <= channel.type <= 255:
        return BAD_TYPE
    return PERSON_ENTRY if channel.is_person and not channel.peers else ""


def write(scope: Scope, channel: ChannelRef, flags: ChannelFlags) -> GatewayError | None:
    """What goes wrong on the way comes back as a value: the flags are read back in any case."""
    try:
        run(scope.gateway.set_flags(channel, flags))
    except GatewayError as error:
        return error
    return None


def read_back(scope: Scope, channel: ChannelRef) -> FlagState | None:
    try:
        record: ChannelRecord | None = run(scope.gateway.channel(channel))
    except AppError:
        return None
    return flag_state(scope, channel, Part(record, now()))


def compare(flags: ChannelFlags, before: FlagState, after: FlagState | None, failure: GatewayError | None) -> Outcomes:
    """One outcome per flag; the three that can't be read back are done when the server took the write."""
    was_refused = isinstance(failure, CircuitOpen | NotAllowed | Rejected | Unauthorised)
    why = failure.text() if failure else ""
    items = []
    for name in FLAGS:
        wanted: bool = getattr(flags, name)
        if before.get(name) == wanted and name in READABLE_FLAGS:
            items.append(TargetOutcome(name, Result.ALREADY))
        elif was_refused:
            items.append(TargetOutcome(name, Result.FAILED, why))
        elif name not in READABLE_FLAGS:
            result = Result.UNKNOWN if failure else Result.DONE
            items.append(TargetOutcome(name, result, why or OUR_RECORD))
        elif after is None:
            items.append(TargetOutcome(name, Result.UNKNOWN, why))
        elif after.get(name) == wanted:
            items.append(TargetOutcome(name, Result.DONE))
        else:
            items.append(TargetOutcome(name, Result.FAILED, why or DIFFERENT))
    return Outcomes(tuple(items))


def remembered(scope: Scope, channel: ChannelRef, flags: ChannelFlags, outcomes: Outcomes) -> Outcomes:
    """Keep what was written; the outcomes say so when that could not be kept."""
    if patience.kept(lambda: remember(scope, channel, flags), "flags"):
        return outcomes
    return replace(outcomes, note=patience.NOT_REMEMBERED)


def remember(scope: Scope, channel: ChannelRef, flags: ChannelFlags) -> None:
    """Our record of what was written last."""
    FlagRecord.objects.update_or_create(
        cluster=scope.cluster,
        channel_type=channel.type,
        channel_id=channel.id,
        defaults={
            **{name: getattr(flags, name) for name in FLAGS},
            "written_by": scope.actor.name,
            "written_at": datetime.now(UTC),
        },
    )


def _plain(state: FlagState) -> dict[str, bool | None]:
    return {value.name: value.value for value in state.values}
