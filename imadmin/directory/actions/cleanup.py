"""Cleaning up after disbanded channels: their members, and their conversations in the members' lists.

`…_found` look and touch nothing; the others do it to what was found, read back what can be read, and are recorded on
the audit trail like a person's change.  Nothing here deletes a message: the server has no way to.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from imadmin.accounts.permissions import Permission
from imadmin.audit.record import Target as AuditTarget
from imadmin.audit.record import recorded
from imadmin.clusters.access import Scope
from imadmin.clusters.cleanup import Ask, Finding, Tell, untold
from imadmin.core.aio import run
from imadmin.core.errors import AppError, gettext_noop
from imadmin.core.outcomes import Outcomes, Result, TargetOutcome
from imadmin.directory import patience
from imadmin.directory.actions.lists import ListChange, Verb, change_list
from imadmin.directory.models import FlagRecord, HiddenConversation
from imadmin.directory.queries.lists import ListName, read_list, why_without
from imadmin.gateway.types import ChannelRecord, ChannelRef, ConversationRow

PAGE = 100
PIECE = 20  # members at a time: at 0.3 s each, so that a stop is heard within seconds
MOST_CHANNELS = 200_000

SOME_UNREAD = gettext_noop("Some lists could not be read; what they hold is left for the next run.")
NODES_MISSING = gettext_noop("Not all nodes answered; channels that only they know are left for the next run.")
HIDDEN = gettext_noop("hidden up to the newest message; the server can't be asked about it later")


@dataclass(frozen=True, slots=True)
class Target:
    """A user's place in a channel, or the channel in their list.  seq: of its newest message."""

    uid: str
    channel: ChannelRef
    seq: int = 0

    @property
    def label(self) -> str:
        return f"{self.uid} · {self.channel}"


def disbanded_channels(scope: Scope, *, since: timedelta, should_stop: Ask) -> tuple[list[ChannelRef], int, bool]:
    """Channels that are disbanded and were last changed so long ago; how many were looked at; whether that was all.

    The server's list leaves out channels that were never created explicitly: those we disbanded ourselves are added.
    Raises GatewayError when nobody answers.
    """
    before = datetime.now(UTC) - since
    found: dict[ChannelRef, None] = {}
    cursor, looked, is_complete = "", 0, True
    while looked < MOST_CHANNELS and not should_stop():
        page = run(scope.gateway.channels(cursor=cursor, limit=PAGE))
        looked += len(page.items)
        is_complete = is_complete and not page.failed
        found |= {row.channel: None for row in page.items if _is_due(row, before)}
        cursor = page.next_cursor
        if not cursor:
            break
    else:
        is_complete = False
    ours = FlagRecord.objects.filter(cluster=scope.cluster, disband=True, written_at__lte=before)
    for kept in ours.iterator():
        channel = ChannelRef(kept.channel_id, kept.channel_type)
        if channel in found:
            continue
        looked += 1
        try:
            record = run(scope.gateway.channel(channel))
        except AppError:  # its node is down: the others need not wait for it
            is_complete = False
            continue
        if record is not None and record.disband:  # somebody may have opened it again elsewhere
            found[channel] = None
    return list(found), looked, is_complete


def _is_due(row: ChannelRecord, before: datetime) -> bool:
    # Nobody knows how long ago: then it waits, since what follows can't be undone by itself.
    return row.disband and not row.channel.is_person and row.updated_at is not None and row.updated_at <= before


def members_found(scope: Scope, *, since: timedelta, should_stop: Ask) -> Finding:
    """Everybody who is still a member of a disbanded channel."""
    scope.require(Permission.MANAGE_POLICIES)
    channels, looked, is_complete = disbanded_channels(scope, since=since, should_stop=should_stop)
    targets, unread = [], 0
    for channel in channels:
        if should_stop():
            break
        members = _members(scope, channel)
        if members is None:
            unread += 1
            continue
        targets += [Target(uid, channel) for uid in sorted(members)]
    return _finding(looked + len(targets), targets, is_complete, unread)


def remove_members(
    scope: Scope, targets: Sequence[Target], *, reason: str, should_stop: Ask, tell: Tell = untold
) -> Outcomes:
    """Take these people out of these channels, a channel at a time; their conversations with them go too (2.4)."""
    scope.require(Permission.MANAGE_POLICIES)
    of_channel: dict[ChannelRef, list[str]] = defaultdict(list)
    for target in targets:
        of_channel[target.channel].append(target.uid)
    items: list[TargetOutcome] = []
    for channel, uids in of_channel.items():
        for start in range(0, len(uids), PIECE):
            if should_stop():
                return Outcomes(tuple(items))
            piece = uids[start : start + PIECE]
            try:
                done = change_list(scope, ListChange(channel, ListName.MEMBERS, Verb.REMOVE), piece, reason=reason)
                items += [TargetOutcome(f"{one.target} · {channel}", one.result, one.detail) for one in done.items]
            except AppError as error:
                result = Result.UNKNOWN if error.is_uncertain else Result.FAILED
                items += [TargetOutcome(f"{uid} · {channel}", result, error.text()) for uid in piece]
            tell(len(items))
    return Outcomes(tuple(items))


def conversations_found(scope: Scope, *, since: timedelta, should_stop: Ask) -> Finding:
    """Conversations with disbanded channels in the lists of their members that we have not hidden yet.

    Only members can be asked about: nobody knows who else once had a channel in their list.
    """
    scope.require(Permission.MANAGE_POLICIES)
    channels, looked, is_complete = disbanded_channels(scope, since=since, should_stop=should_stop)
    wanted: dict[str, set[ChannelRef]] = defaultdict(set)
    unread = 0
    for channel in channels:
        if should_stop():
            break
        members = _members(scope, channel)
        unread += members is None
        for uid in members or ():
            wanted[uid].add(channel)
    targets = []
    for uid, theirs in sorted(wanted.items()):
        if should_stop():
            break
        try:
            rows = run(scope.gateway.conversations(uid))
        except AppError:
            unread += 1
            continue
        looked += len(rows)
        targets += [
            Target(uid, row.channel, row.last_seq)
            for row in rows
            if row.channel in theirs and not _is_hidden(scope, row)
        ]
    return _finding(looked, targets, is_complete, unread)


def hide_conversations(
    scope: Scope, targets: Sequence[Target], *, reason: str, should_stop: Ask, tell: Tell = untold
) -> Outcomes:
    """Hide these conversations from these users, one by one.  Done: the server took it (see HiddenConversation)."""
    scope.require(Permission.MANAGE_POLICIES)
    items: list[TargetOutcome] = []
    for target in targets:
        if should_stop():
            break
        items.append(_hide(scope, target, reason))
        tell(len(items))
    return Outcomes(tuple(items))


def _hide(scope: Scope, target: Target, reason: str) -> TargetOutcome:
    who = AuditTarget("user", target.uid)
    try:
        with recorded(scope.actor, "conversation.hide", who, reason, cluster=scope.slug) as entry:
            run(scope.gateway.delete_conversation(target.uid, target.channel))
            patience.kept(lambda: _remember(scope, target), "hidden conversation")
            entry.finish(after={"channel": str(target.channel), "up_to_seq": target.seq})
    except AppError as error:
        result = Result.UNKNOWN if error.is_uncertain else Result.FAILED
        return TargetOutcome(target.label, result, error.text())
    return TargetOutcome(target.label, Result.DONE, HIDDEN)


def _remember(scope: Scope, target: Target) -> None:
    HiddenConversation.objects.update_or_create(
        cluster=scope.cluster,
        channel_type=int(target.channel.type),
        channel_id=target.channel.id,
        uid=target.uid,
        defaults={"up_to_seq": target.seq},
    )


def _is_hidden(scope: Scope, row: ConversationRow) -> bool:
    return HiddenConversation.objects.filter(
        cluster=scope.cluster,
        channel_type=int(row.channel.type),
        channel_id=row.channel.id,
        uid=row.uid,
        up_to_seq__gte=row.last_seq,
    ).exists()


def _members(scope: Scope, channel: ChannelRef) -> list[str] | None:
    """None when they can't be read."""
    if why_without(channel, ListName.MEMBERS):
        return []
    try:
        return run(read_list(scope.gateway, channel, ListName.MEMBERS))
    except AppError:
        return None


def _finding(looked: int, targets: Sequence[Target], is_complete: bool, unread: int) -> Finding:
    notes = (*(() if is_complete else (NODES_MISSING,)), *((SOME_UNREAD,) if unread else ()))
    return Finding(looked, tuple(targets), is_complete=not notes, notes=notes)
