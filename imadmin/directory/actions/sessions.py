"""Ending a person's connections: one of them, those of a device, or all.

The server answers 200 to all of it and only detaches: every step is read back before it is told (reference 5.1, 5.8).
"""

import time

from imadmin.accounts.permissions import Permission
from imadmin.audit.record import Target, recorded
from imadmin.clusters.access import Scope
from imadmin.core import events
from imadmin.core.aio import run
from imadmin.core.errors import AppError, InvalidInput, NotFound, gettext_noop
from imadmin.core.outcomes import Result
from imadmin.directory.parts import Part, attempt, both, part, part_of_nodes
from imadmin.directory.steps import Report, Story
from imadmin.directory.uids import why_bad
from imadmin.gateway.types import Device, DeviceFlag, Session

# The server detaches two seconds after it told the client to go; a look before that still shows the session.
SIGN_OUT_WAIT = 3.0
KICK_WAIT = 2.5
# Kicks that arrive together end like a sign-out: the server's batch of closings stops at the first socket of another
# node. Seen with up to 0.05 s between them, never with 0.2 s.
KICK_GAP = 0.3
KICK_ROUNDS = 2
KICK_MAX = 60  # a round

ALL_FLAGS = -1
SIGNED_OUT_BY_ALL = (DeviceFlag.APP, DeviceFlag.WEB, DeviceFlag.PC)

GHOST = gettext_noop(
    "The server only detaches a kicked session. Its socket may stay open, unserved, for some minutes, and what it "
    "sends until it closes is still accepted unless sending is stopped."
)
TOKEN_CLEARED = gettext_noop(
    "The stored token is blank now. Where the server checks tokens, the app needs a new one from your backend to "
    "connect."
)
MAY_RETURN = gettext_noop("The app may connect again at once: keep the user out to prevent that.")

KICK_SENT = gettext_noop("Kick session %(session)s, through the user's slot leader.")
SIGN_OUT_SENT = gettext_noop("Sign out %(device)s: the server blanks the stored token and disconnects.")
KICK_REST = gettext_noop("Kick what is left, one by one.")
READ_SENT = gettext_noop("Ask every node which sessions are left.")
NONE_LEFT = gettext_noop("None left on any node.")
NONE_OF_DEVICE = gettext_noop("None of this device is left on any node.")
ONLINE_SENT = gettext_noop("Ask the cluster whether the user is online.")


def clean_uid(uid: str) -> str:
    """Raises InvalidInput naming `uid`."""
    uid = uid.strip()
    if why := why_bad(uid):
        raise InvalidInput({"uid": [why]})
    return uid


def kick(scope: Scope, uid: str, *, node_id: int, session_id: int, reason: str) -> Report:
    """End one session. It may come back at once: its token is kept.

    Raises Forbidden, InvalidInput, GatewayError when the sessions can't be read (nothing was sent then).
    """
    scope.require(Permission.KICK)
    uid, story = clean_uid(uid), Story("kick", uid)
    label = f"{node_id} #{session_id}"
    with recorded(scope.actor, "user.kick", Target("user", uid), reason, cluster=scope.slug) as entry:
        before = run(scope.gateway.sessions(uid))
        session = next((one for one in before.value if (one.node_id, one.id) == (node_id, session_id)), None)
        after: Part[tuple[Session, ...]] | None = None
        if session:
            failure = attempt(scope.gateway.kick_session(session))
            time.sleep(KICK_WAIT)
            after = read_sessions(scope, uid)
            tell_kick(story, session, after, failure)
        elif str(node_id) in {failed.node for failed in before.failed}:
            found = gettext_noop(
                "Node %(node)s doesn't answer, so it isn't known whether the session is there. Nothing was sent."
            )
            story.add("kick", Result.UNKNOWN, READ_SENT, found, target=label, node=node_id)
        else:
            found = gettext_noop("There is no such session any more. Nothing was sent.")
            story.add("kick", Result.NOT_FOUND, READ_SENT, found, target=label)
        left = after if after else Part(before.value, before.as_of, None, before.failed)
        report = story.report(
            remaining=left.value if left.is_known else None, notes=(GHOST, MAY_RETURN) if session else ()
        )
        entry.finish(before=labels(before.value), after=labels(report.remaining), outcomes=report.outcomes)
    _announce(scope, uid)
    return report


def sign_out(scope: Scope, uid: str, *, flag: int, reason: str) -> Report:
    """Blank the stored token of one kind of device and disconnect its sessions, as far as the server manages.

    Raises Forbidden, InvalidInput, NotFound (no row for that device: the server would answer 200 and do nothing),
    GatewayError when the devices can't be read (nothing was sent then).
    """
    scope.require(Permission.KICK)
    uid, story = clean_uid(uid), Story("sign-out", uid)
    with recorded(scope.actor, "user.sign-out", Target("user", uid), reason, cluster=scope.slug) as entry:
        rows = [row for row in run(scope.gateway.devices(uid)) if row.flag == flag]
        if not rows:
            raise NotFound(
                gettext_noop("The server has no row for this device, so it can't be signed out."),
                hint=gettext_noop("Kick its sessions instead."),
            )
        failure = attempt(scope.gateway.quit_device(uid, flag))
        time.sleep(SIGN_OUT_WAIT)
        devices, sessions = _read_both(scope, uid)
        tell_sign_out(story, (flag,), tuple(rows), devices, failure)
        left = _tell_left(story, sessions, flag)
        notes = (TOKEN_CLEARED, GHOST) if story.steps[0].result is Result.DONE else (GHOST,)
        report = story.report(remaining=left, notes=notes)
        entry.finish(before=_tokens(rows), after=_tokens(devices.value), outcomes=report.outcomes)
    _announce(scope, uid)
    return report


def log_out(scope: Scope, uid: str, *, reason: str) -> Report:
    """Sign out every device, then kick whatever is left on any node, then look again.

    Raises Forbidden, InvalidInput.  A part that fails is told in its step; the steps after it still run where they can.
    """
    scope.require(Permission.KICK)
    uid, story = clean_uid(uid), Story("log-out", uid)
    with recorded(scope.actor, "user.log-out", Target("user", uid), reason, cluster=scope.slug) as entry:
        before, after = log_out_steps(scope, uid, story)
        notes = (*log_out_notes(story, before, after), MAY_RETURN)
        report = story.report(remaining=after.value if after.is_known else None, notes=notes)
        entry.finish(before=labels(before.value), after=labels(report.remaining), outcomes=report.outcomes)
    _announce(scope, uid)
    return report


Sessions = Part[tuple[Session, ...]]


def log_out_steps(scope: Scope, uid: str, story: Story) -> tuple[Sessions, Sessions]:
    """The sequence of reference 5.8, told into `story`: sessions before and after."""
    devices, before = _read_both(scope, uid)
    rows = tuple(row for row in devices.value if row.flag in SIGNED_OUT_BY_ALL)
    if rows or not devices.is_known:
        failure = attempt(scope.gateway.quit_device(uid, ALL_FLAGS))
        if failure is None or failure.is_uncertain:
            time.sleep(SIGN_OUT_WAIT)
        seen, left = _read_both(scope, uid)
        tell_sign_out(story, SIGNED_OUT_BY_ALL, rows if devices.is_known else None, seen, failure)
    else:
        found = gettext_noop(
            "The server keeps no device of this user, so there is no token to blank. Nothing was sent."
        )
        story.add("sign-out", Result.ALREADY, SIGN_OUT_SENT, found, device="APP, WEB, PC")
        left = before
    if not left.is_known:
        story.add("read-sessions", Result.UNKNOWN, READ_SENT, "", why=left.error)
        story.skip("kick", KICK_REST)
        story.skip("online", ONLINE_SENT)
        return before, left
    _tell_read(story, left)
    after = _kick_all(scope, uid, story, left)
    _tell_online(scope, uid, story, after)
    return before, after


def log_out_notes(story: Story, before: Sessions, after: Sessions) -> tuple[str, ...]:
    """Only what applies: nothing lingers where nothing was connected."""
    is_cleared = any(step.code == "sign-out" and step.result is Result.DONE for step in story.steps)
    was_there = bool(before.value or after.value) or not (before.is_complete and after.is_complete)
    return ((TOKEN_CLEARED,) if is_cleared else ()) + ((GHOST,) if was_there else ())


def _kick_all(scope: Scope, uid: str, story: Story, left: Sessions) -> Sessions:
    """Row by row on the user's slot leader: a sign-out reaches only some of several nodes (reference 5.1)."""
    if not left.value:
        result = Result.ALREADY if left.is_complete else Result.UNKNOWN
        story.add("kick", result, KICK_REST, gettext_noop("No session is left to kick."))
        return left
    failures: dict[tuple[int, int], AppError | None] = {}
    wanted, after = left.value[:KICK_MAX], left
    for _ in range(KICK_ROUNDS):
        for session in wanted:
            failures[session_key(session)] = attempt(scope.gateway.kick_session(session))
            time.sleep(KICK_GAP)
        time.sleep(KICK_WAIT)
        after = read_sessions(scope, uid)
        listed = {session_key(one) for one in after.value}
        wanted = tuple(one for one in wanted if session_key(one) in listed)
        if not wanted:
            break
    for session in left.value[:KICK_MAX]:
        tell_kick(story, session, after, failures[session_key(session)])
    if len(left.value) > KICK_MAX:
        found = gettext_noop("%(count)s more sessions were not kicked this time: log the user out again.")
        story.add("kick-rest", Result.FAILED, KICK_REST, found, count=len(left.value) - KICK_MAX)
    known = {session_key(one) for one in left.value}
    fresh = [one for one in after.value if session_key(one) not in known]
    if fresh:
        story.add(
            "returned",
            Result.FAILED,
            READ_SENT,
            gettext_noop("The user connected again meanwhile: %(sessions)s."),
            sessions=", ".join(labels(fresh) or ()),
        )
    return after


def tell_kick(story: Story, session: Session, after: Sessions, failure: AppError | None) -> None:
    """Gone is what its own node no longer lists."""
    still_there = session_key(session) in {session_key(one) for one in after.value}
    if not after.is_known:
        result, found = _blind(failure), gettext_noop("The sessions could not be read back.")
    elif still_there:
        result, found = Result.FAILED, gettext_noop("It is still listed.")
    elif after.lacks(session.node_id):
        result, found = Result.UNKNOWN, gettext_noop("It isn't listed any more, but its own node doesn't answer.")
    else:
        result, found = Result.DONE, gettext_noop("It is gone from the lists of all nodes that answer.")
    why = (failure or after.error) if result in (Result.UNKNOWN, Result.FAILED) else None
    story.add("kick", result, KICK_SENT, found, target=label_of(session), why=why, session=label_of(session))


def tell_sign_out(
    story: Story,
    flags: tuple[int, ...],
    before: tuple[Device, ...] | None,
    after: Part[tuple[Device, ...]],
    failure: AppError | None,
) -> None:
    """A blank token is the proof; a device without one before can't prove anything but was told to go.

    before: None when the devices could not be read.
    """
    had_token = any(row.has_token for row in before or ())
    names = ", ".join(device_name(flag) for flag in flags)
    kept = [device_name(row.flag) for row in after.value if row.flag in flags and row.has_token]
    why: AppError | None = None
    if not after.is_known:
        result, found, why = (
            _blind(failure),
            gettext_noop("The devices could not be read back."),
            failure or after.error,
        )
    elif kept:
        result, found, why = Result.FAILED, gettext_noop("A token is still stored for %(kept)s."), failure
    elif before is None:
        result = Result.DONE if failure is None else _blind(failure)
        found = gettext_noop("Read back: no token is stored. Whether one was before isn't known.")
        why = failure
    elif failure is not None and not had_token:
        result = _blind(failure)
        found, why = gettext_noop("No token was stored before, so nothing tells whether it arrived."), failure
    elif had_token:
        result, found = Result.DONE, gettext_noop("Read back: no token is stored any more.")
    else:
        result, found = (
            Result.ALREADY,
            gettext_noop("No token was stored before either; sessions were told to disconnect."),
        )
    story.add("sign-out", result, SIGN_OUT_SENT, found, why=why, device=names, kept=", ".join(kept))


def _blind(failure: AppError | None) -> Result:
    """What can be said without reading back: only a call that certainly never arrived has failed."""
    return Result.FAILED if failure is not None and not failure.is_uncertain else Result.UNKNOWN


def _tell_left(story: Story, sessions: Sessions, flag: int) -> tuple[Session, ...] | None:
    """What a sign-out left of its own device; a device whose kind the server doesn't say counts too."""
    if not sessions.is_known:
        story.add("read-sessions", Result.UNKNOWN, READ_SENT, "", why=sessions.error)
        return None
    left = tuple(one for one in sessions.value if one.device_flag in (flag, None))
    if left:
        found = gettext_noop(
            "Still connected: %(sessions)s. A sign-out reaches only some of several nodes; kick these one by one."
        )
        story.add("read-sessions", Result.FAILED, READ_SENT, found, sessions=", ".join(labels(left) or ()))
    else:
        _tell_read(story, Part(left, sessions.as_of, None, sessions.failed), NONE_OF_DEVICE)
    return left


def _tell_read(story: Story, left: Sessions, none: str = NONE_LEFT) -> None:
    missing = ", ".join(failure.node for failure in left.failed)
    if missing:
        found = gettext_noop("%(count)s left on the nodes that answer; unknown on %(missing)s.")
        story.add("read-sessions", Result.UNKNOWN, READ_SENT, found, count=len(left.value), missing=missing)
    else:
        found = gettext_noop("%(count)s left.") if left.value else none
        story.add("read-sessions", Result.DONE, READ_SENT, found, count=len(left.value))


def _tell_online(scope: Scope, uid: str, story: Story, after: Sessions) -> None:
    online = run(part_of_nodes(scope.gateway.online_devices([uid]), ()))
    rows = [row for row in online.value if row.uid == uid]
    if not online.is_known:
        story.add("online", Result.UNKNOWN, ONLINE_SENT, "", why=online.error)
    elif rows and after.is_complete and not after.value:
        found = gettext_noop(
            "It still says online, though no node lists a session: a leftover that goes when it is next written to."
        )
        story.add("online", Result.UNKNOWN, ONLINE_SENT, found)
    elif rows:
        story.add("online", Result.FAILED, ONLINE_SENT, gettext_noop("The user is still online."))
    elif online.is_complete:
        story.add("online", Result.DONE, ONLINE_SENT, gettext_noop("The user is offline."))
    else:
        missing = ", ".join(failure.node for failure in online.failed)
        story.add("online", Result.UNKNOWN, ONLINE_SENT, gettext_noop("Unknown on %(missing)s."), missing=missing)


def read_sessions(scope: Scope, uid: str) -> Sessions:
    return run(part_of_nodes(scope.gateway.sessions(uid), ()))


def _read_both(scope: Scope, uid: str) -> tuple[Part[tuple[Device, ...]], Sessions]:
    gateway = scope.gateway
    return run(both(part(gateway.devices(uid), ()), part_of_nodes(gateway.sessions(uid), ())))


def session_key(session: Session) -> tuple[int, int]:
    return session.node_id, session.id


def label_of(session: Session) -> str:
    return f"{session.node_id} #{session.id}"


def labels(sessions: tuple[Session, ...] | list[Session] | None) -> list[str] | None:
    return None if sessions is None else [label_of(one) for one in sessions]


def device_name(flag: int | None) -> str:
    return next((known.name for known in DeviceFlag if known == flag), f"#{flag}")


def _tokens(rows: list[Device] | tuple[Device, ...]) -> dict[str, str]:
    """For the trail: whether a token is stored, never which."""
    return {device_name(row.flag): "token stored" if row.has_token else "no token" for row in rows}


def _announce(scope: Scope, uid: str) -> None:
    events.changed(f"{scope.slug}/user/{uid}")
