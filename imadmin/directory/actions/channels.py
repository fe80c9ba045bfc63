"""Making a channel: the record, its flags and its first members in one go, read back part by part."""

from collections.abc import Sequence

from imadmin.accounts.permissions import Permission
from imadmin.audit.record import Target, clean_reason, recorded
from imadmin.clusters.access import Scope
from imadmin.core import events
from imadmin.core.aio import run
from imadmin.core.errors import AppError, Conflict, InvalidInput, gettext_noop
from imadmin.core.outcomes import Outcomes, Result, TargetOutcome
from imadmin.directory.actions import serial
from imadmin.directory.actions.flags import remembered
from imadmin.directory.actions.lists import CHANNEL_ID_MAX, NOT_THERE, UNREAD
from imadmin.directory.queries.lists import ListName, read_list
from imadmin.directory.uids import clean_uids
from imadmin.gateway.errors import GatewayError, ListWriteBroken
from imadmin.gateway.types import ChannelFlags, ChannelRef

RECORD = gettext_noop("channel record")
EXISTS = gettext_noop("This channel is there already. Nothing was changed; open it to change its flags and members.")
NO_RECORD = gettext_noop("no record when read back")


def create_channel(
    scope: Scope, channel: ChannelRef, flags: ChannelFlags, members: str | Sequence[str] = "", *, reason: str
) -> Outcomes:
    """Make a channel.  One outcome for its record and one per first member.

    Raises Forbidden, InvalidInput (id, type, members, reason), Conflict (it exists), GatewayError.
    """
    scope.require(Permission.MANAGE_CHANNELS, channel)
    reason = clean_reason(reason)
    _check_new(channel)
    wanted = clean_uids(members, field="members") if members else ()
    target = Target("channel", str(channel))
    with serial.alone(scope.cluster.pk, f"flags {channel}"):
        if run(scope.gateway.channel(channel)) is not None:
            # Creating over it would overwrite its flags.
            raise Conflict(EXISTS)
        with recorded(scope.actor, "channel.create", target, reason, cluster=scope.slug) as entry:
            failure = _create(scope, channel, flags, wanted)
            outcomes = _read_back(scope, channel, wanted, failure)
            after = {
                "flags": {name: getattr(flags, name) for name in flags.__slots__},
                "members": outcomes.of(Result.DONE)[1:],
            }
            if failure is None:
                outcomes = remembered(scope, channel, flags, outcomes)
            entry.finish(before=None, after=after, outcomes=outcomes)
    events.changed(f"{scope.slug}/channels")
    return outcomes


def _check_new(channel: ChannelRef) -> None:
    """What the server would take and then never let anyone change or read again."""
    problems: dict[str, list[str]] = {}
    if not channel.id.strip():
        problems["id"] = [gettext_noop("Give the channel an id.")]
    elif any(sign in channel.id for sign in "@#&"):
        problems["id"] = [gettext_noop("Channel ids can't hold @, # or &.")]
    elif any(ord(character) < 32 or ord(character) == 127 for character in channel.id):
        problems["id"] = [gettext_noop("Channel ids can't hold control characters.")]
    elif len(channel.id) > CHANNEL_ID_MAX:
        problems["id"] = [gettext_noop("Keep the id under 500 characters.")]
    if not 1 <= channel.type <= 255:
        problems["type"] = [gettext_noop("The server takes channels of type 1 to 255.")]
    elif channel.is_person:
        problems["type"] = [
            gettext_noop("Person chats begin by themselves with the first message; they aren't created.")
        ]
    if problems:
        raise InvalidInput(problems)


def _create(scope: Scope, channel: ChannelRef, flags: ChannelFlags, members: tuple[str, ...]) -> GatewayError | None:
    try:
        run(scope.gateway.create_channel(channel, flags, members))
    except GatewayError as error:
        return error
    return None


def _read_back(scope: Scope, channel: ChannelRef, members: tuple[str, ...], failure: GatewayError | None) -> Outcomes:
    why = failure.text() if failure else ""
    try:
        is_there = run(scope.gateway.channel(channel)) is not None
        record = TargetOutcome(RECORD, Result.DONE if is_there else Result.FAILED, "" if is_there else why or NO_RECORD)
    except AppError:
        record = TargetOutcome(RECORD, Result.UNKNOWN, why)
    listed: list[str] | None = None
    if members:
        try:
            listed = run(read_list(scope.gateway, channel, ListName.MEMBERS))
        except AppError:
            listed = None
    unsent = failure.unsent if isinstance(failure, ListWriteBroken) else ()
    why = why or ("" if listed is None else NOT_THERE)
    people = Outcomes.of_presence(members, (), listed, unsent=frozenset(unsent), why=why)
    return Outcomes((record, *people.items), UNREAD if members and listed is None else "")
