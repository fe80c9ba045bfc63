"""Keeping a person out and stopping them from sending: flags on their own entry (uid, type 1), and undoing it.

All five flags are written together, so those we don't change are kept: `ban` and `disband` as the server reads them,
the rest as we wrote them last.  A send ban can't be read back; its proof is that the entry was written anew (2.3, 5.8).
"""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime

from imadmin.accounts.permissions import Permission
from imadmin.audit.record import Target, clean_reason, recorded
from imadmin.clusters.access import Scope
from imadmin.core import events
from imadmin.core.aio import run
from imadmin.core.errors import AppError, Conflict, gettext_noop
from imadmin.core.outcomes import Result
from imadmin.directory import patience
from imadmin.directory.actions import serial
from imadmin.directory.actions.sessions import KICK_REST, clean_uid, labels, log_out_notes, log_out_steps
from imadmin.directory.ends import check_until
from imadmin.directory.models import FlagRecord, Restriction
from imadmin.directory.parts import Part, attempt, part
from imadmin.directory.remember import forget, open_rows, remember
from imadmin.directory.steps import Report, Story
from imadmin.gateway.types import ChannelFlags, ChannelRecord, ChannelRef

# The slot leader shows a write at once, the other nodes within a third of a second.
READ_BACK_TRIES = 5
READ_BACK_WAIT = 0.3

Kind = Restriction.Kind

NOT_READABLE = gettext_noop(
    "The server can't be asked whether sending is stopped; this is our record of what was written."
)
STILL_RECEIVES = gettext_noop("The user still receives messages and may log in.")
API_SENDS = gettext_noop("Messages that your backend sends in the user's name still pass.")
NEW_TOKEN = gettext_noop(
    "The login is open again. The tokens were blanked: where the server checks tokens, your backend must set a new one."
)
STILL_STOPPED = gettext_noop("Sending stays stopped, as recorded before: allow it separately.")

KEEP_OUT_SENT = gettext_noop("Write login ban and send ban to the user's own entry.")
LET_IN_SENT = gettext_noop("Take the login ban off the user's own entry.")
STOP_SENT = gettext_noop("Write the send ban to the user's own entry.")
ALLOW_SENT = gettext_noop("Take the send ban off the user's own entry.")
RECORD_SENT = gettext_noop("Keep our own record of it.")


@dataclass(frozen=True, slots=True)
class _Entry:
    """The user's own entry before we touch it, with what of it only we remember."""

    server: ChannelRecord | None
    ours: FlagRecord | None

    @property
    def is_banned(self) -> bool:
        return self.server is not None and self.server.ban

    def flags(self, *, ban: bool, send_ban: bool) -> ChannelFlags:
        return ChannelFlags(
            ban=ban,
            disband=bool(self.server and self.server.disband),
            send_ban=send_ban,
            allow_stranger=bool(self.ours and self.ours.allow_stranger),
            large=bool(self.ours and self.ours.large),
        )

    def shown(self) -> dict[str, bool | None]:
        return {"login_ban": self.is_banned, "send_ban": self.ours.send_ban if self.ours else None}


def keep_out(scope: Scope, uid: str, *, reason: str, until: datetime | None = None) -> Report:
    """Ban the login and sending first, then log the user out: the other way round they would be back at once.

    until: aware time at which they are let in again, None = when somebody does.
    Raises Forbidden, InvalidInput, GatewayError when the entry can't be read (nothing was sent then).
    """
    scope.require(Permission.RESTRICT_USERS)
    uid, story, reason, until = clean_uid(uid), Story("keep-out", uid), clean_reason(reason), check_until(until)
    with (
        _alone(scope, uid),
        recorded(scope.actor, "user.keep-out", Target("user", uid), reason, cluster=scope.slug) as entry,
    ):
        known = _read_entry(scope, uid)
        result = _write(scope, uid, story, known, known.flags(ban=True, send_ban=True), KEEP_OUT_SENT)
        remaining = None
        notes: tuple[str, ...] = ()
        if result is Result.FAILED:
            for code, sent in _LOG_OUT_PARTS:
                story.skip(code, sent)
        else:
            if result is not Result.UNKNOWN:
                _keep(story, lambda: remember(scope, Kind.KEEP_OUT, [uid], until=until, reason=reason))
            before, after = log_out_steps(scope, uid, story)
            remaining = after.value if after.is_known else None
            notes = (NOT_READABLE, *log_out_notes(story, before, after))
        report = story.report(remaining=remaining, notes=notes)
        shown = {**_after(scope, uid, result, ban=True), "sessions": labels(remaining), **_end(until)}
        entry.finish(before=known.shown(), after=shown, outcomes=report.outcomes)
    _announce(scope, uid)
    return report


_LOG_OUT_PARTS = (
    ("sign-out", gettext_noop("Sign out every device.")),
    ("kick", KICK_REST),
)


def let_in(scope: Scope, uid: str, *, reason: str) -> Report:
    """Undo `keep_out`. Sending stays stopped when that was recorded by itself."""
    scope.require(Permission.RESTRICT_USERS)
    uid, story = clean_uid(uid), Story("let-in", uid)
    with (
        _alone(scope, uid),
        recorded(scope.actor, "user.let-in", Target("user", uid), reason, cluster=scope.slug) as entry,
    ):
        known = _read_entry(scope, uid)
        stays_stopped = open_rows(scope, Kind.STOP_SENDING).filter(uid=uid).exists()
        was_ours = open_rows(scope, Kind.KEEP_OUT).filter(uid=uid).exists()
        notes: tuple[str, ...] = ()
        if not known.is_banned and not was_ours:
            found = gettext_noop("The login wasn't banned, by the server's word and by our record. Nothing was sent.")
            story.add("entry", Result.ALREADY, LET_IN_SENT, found)
            result = Result.ALREADY
        else:
            result = _write(scope, uid, story, known, known.flags(ban=False, send_ban=stays_stopped), LET_IN_SENT)
            if result in (Result.DONE, Result.ALREADY):
                _keep(story, lambda: forget(scope, Kind.KEEP_OUT, [uid]))
                notes = (NEW_TOKEN, STILL_STOPPED) if stays_stopped else (NEW_TOKEN,)
        report = story.report(notes=notes)
        entry.finish(before=known.shown(), after=_after(scope, uid, result, ban=False), outcomes=report.outcomes)
    _announce(scope, uid)
    return report


def stop_sending(scope: Scope, uid: str, *, reason: str, until: datetime | None = None) -> Report:
    """Refuse every message of this user from now on (reason 25), on all sessions, sockets left behind included.

    until: aware time at which sending is allowed again, None = when somebody does.
    """
    scope.require(Permission.RESTRICT_USERS)
    uid, story, reason, until = clean_uid(uid), Story("stop-sending", uid), clean_reason(reason), check_until(until)
    with (
        _alone(scope, uid),
        recorded(scope.actor, "user.stop-sending", Target("user", uid), reason, cluster=scope.slug) as entry,
    ):
        known = _read_entry(scope, uid)
        # A node that hasn't heard of the ban yet must not make us lift it.
        is_banned = known.is_banned or open_rows(scope, Kind.KEEP_OUT).filter(uid=uid).exists()
        result = _write(scope, uid, story, known, known.flags(ban=is_banned, send_ban=True), STOP_SENT)
        if result in (Result.DONE, Result.ALREADY):
            _keep(story, lambda: remember(scope, Kind.STOP_SENDING, [uid], until=until, reason=reason))
        notes = (NOT_READABLE, API_SENDS) if is_banned else (NOT_READABLE, STILL_RECEIVES, API_SENDS)
        report = story.report(notes=notes)
        shown = {**_after(scope, uid, result), **_end(until)}
        entry.finish(before=known.shown(), after=shown, outcomes=report.outcomes)
    _announce(scope, uid)
    return report


def allow_sending(scope: Scope, uid: str, *, reason: str) -> Report:
    """Undo `stop_sending`.  Raises Conflict while the user is kept out, which stops sending too."""
    scope.require(Permission.RESTRICT_USERS)
    uid, story = clean_uid(uid), Story("allow-sending", uid)
    with (
        _alone(scope, uid),
        recorded(scope.actor, "user.allow-sending", Target("user", uid), reason, cluster=scope.slug) as entry,
    ):
        if open_rows(scope, Kind.KEEP_OUT).filter(uid=uid).exists():
            raise Conflict(
                gettext_noop("This user is kept out, which stops sending too. Nothing was changed."),
                hint=gettext_noop("Let the user in first."),
            )
        known = _read_entry(scope, uid)
        result = _write(scope, uid, story, known, known.flags(ban=known.is_banned, send_ban=False), ALLOW_SENT)
        if result in (Result.DONE, Result.ALREADY):
            _keep(story, lambda: forget(scope, Kind.STOP_SENDING, [uid]))
        report = story.report(notes=(NOT_READABLE,))
        entry.finish(before=known.shown(), after=_after(scope, uid, result), outcomes=report.outcomes)
    _announce(scope, uid)
    return report


def _read_entry(scope: Scope, uid: str) -> _Entry:
    """Raises GatewayError: flags that aren't known can't be kept."""
    return _Entry(run(scope.gateway.channel(ChannelRef.inbox(uid))), _flag_record(scope, uid))


def _write(scope: Scope, uid: str, story: Story, known: _Entry, flags: ChannelFlags, sent: str) -> Result:
    """Write all five flags and read the entry back until it shows the write, or doesn't."""
    failure = attempt(scope.gateway.set_flags(ChannelRef.inbox(uid), flags))
    after = _read_back(scope, uid, known, flags)
    result, found = _judge(known, flags, after, failure)
    why = (failure or after.error) if result in (Result.FAILED, Result.UNKNOWN) else None
    story.add("entry", result, sent, found, why=why)
    if result in (Result.DONE, Result.ALREADY):
        _keep(story, lambda: _remember_flags(scope, uid, flags))
    return result


def _alone(scope: Scope, uid: str) -> AbstractContextManager[None]:
    return serial.alone(scope.cluster.pk, f"entry {uid}")


def _keep(story: Story, write: Callable[[], object]) -> None:
    """Our own record; when it can't be kept that is a step that failed."""
    if not patience.kept(write, "restriction"):
        story.add("record", Result.FAILED, RECORD_SENT, patience.NOT_REMEMBERED)


def _judge(
    known: _Entry, flags: ChannelFlags, after: Part[ChannelRecord | None], failure: AppError | None
) -> tuple[Result, str]:
    is_certain = failure is not None and not failure.is_uncertain
    if not after.is_known:
        return (Result.FAILED if is_certain else Result.UNKNOWN), gettext_noop("The entry could not be read back.")
    if _shows(known, flags, after.value):
        is_new = known.is_banned != flags.ban or known.ours is None or known.ours.send_ban != flags.send_ban
        words = (
            gettext_noop("Read back: the login is banned. Sending is stopped by the same write.")
            if flags.ban
            else gettext_noop("Read back: the entry was written anew and the login is open.")
        )
        return (Result.DONE if is_new else Result.ALREADY), words
    if is_certain or after.value is None or after.value.ban != flags.ban:
        return Result.FAILED, gettext_noop("Read back: the entry is as it was before.")
    return Result.UNKNOWN, gettext_noop(
        "The entry doesn't show a new write yet, and a send ban can't be read. Look again in a minute."
    )


def _shows(known: _Entry, flags: ChannelFlags, after: ChannelRecord | None) -> bool:
    """Whether the entry bears our write: its readable flags, and that it was written since."""
    if after is None or (after.ban, after.disband) != (flags.ban, flags.disband):
        return False
    return known.server is None or known.server.ban != flags.ban or after.updated_at != known.server.updated_at


def _read_back(scope: Scope, uid: str, known: _Entry, flags: ChannelFlags) -> Part[ChannelRecord | None]:
    for attempt_number in range(READ_BACK_TRIES):
        if attempt_number:
            time.sleep(READ_BACK_WAIT)
        after = run(part(scope.gateway.channel(ChannelRef.inbox(uid)), None))
        if after.is_known and _shows(known, flags, after.value):
            break
    return after


def _flag_record(scope: Scope, uid: str) -> FlagRecord | None:
    inbox = ChannelRef.inbox(uid)
    return FlagRecord.objects.filter(cluster=scope.cluster, channel_type=inbox.type, channel_id=inbox.id).first()


def _remember_flags(scope: Scope, uid: str, flags: ChannelFlags) -> None:
    inbox = ChannelRef.inbox(uid)
    FlagRecord.objects.update_or_create(
        cluster=scope.cluster,
        channel_type=int(inbox.type),
        channel_id=inbox.id,
        defaults={
            "ban": flags.ban,
            "disband": flags.disband,
            "send_ban": flags.send_ban,
            "allow_stranger": flags.allow_stranger,
            "large": flags.large,
            "written_by": scope.actor.name,
        },
    )


def _after(scope: Scope, uid: str, result: Result, *, ban: bool | None = None) -> dict[str, bool | str | None]:
    """For the trail: what holds now, or that it isn't known."""
    if result is Result.UNKNOWN:
        return {"login_ban": "unknown" if ban is not None else None, "send_ban": "unknown"}
    ours = _flag_record(scope, uid)
    return {"login_ban": ours.ban if ours else None, "send_ban": ours.send_ban if ours else None}


def _end(until: datetime | None) -> dict[str, datetime]:
    return {"until": until} if until else {}


def _announce(scope: Scope, uid: str) -> None:
    events.changed(f"{scope.slug}/user/{uid}")
