"""Changing who is in a channel, on its denylist or on its allowlist: previewed, written, read back, recorded.

The server answers 200 to list changes it did not make (reference 5.5), so every outcome here comes from reading the
list again.  Pages go through `preview` and `apply`; scripts that name each uid themselves may call `change_list`.
"""

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from imadmin.accounts.permissions import Permission
from imadmin.audit.record import Entry, Target, clean_reason, recorded
from imadmin.clusters.access import Scope
from imadmin.core import events
from imadmin.core.aio import run
from imadmin.core.errors import InvalidInput, Unsupported, gettext_noop
from imadmin.core.outcomes import Outcomes, Result, TargetOutcome
from imadmin.directory import patience, plans
from imadmin.directory.actions import beside, serial
from imadmin.directory.actions.list_write import ListWriter, Written
from imadmin.directory.actions.pieces import Sent
from imadmin.directory.ends import check_until
from imadmin.directory.models import Plan, Restriction
from imadmin.directory.queries.lists import ListName, read_list, why_without
from imadmin.directory.remember import forget, open_rows, remember
from imadmin.directory.uids import BadUid, UidList, clean_uids, complaints, why_bad
from imadmin.gateway.errors import CircuitOpen, RefusedLocally
from imadmin.gateway.types import ChannelRef

CHANNEL_ID_MAX = 500
INLINE_MOST = 20  # at 0.3 s a uid the most that a page should wait for

NOT_ON_LIST = gettext_noop("it was not on the list")
NOT_SENT = gettext_noop("not sent, because the cluster failed before its turn came")
STOPPED = gettext_noop("not sent, because the dashboard was stopped before its turn came")
LOST = gettext_noop("lost from the list when the change broke")
MAYBE_LOST = gettext_noop("perhaps lost from the list when the change broke")
NOT_THERE = gettext_noop("not there when read back")
STILL_THERE = gettext_noop("still there when read back")
HALF_WAY = gettext_noop(
    "The cluster stopped half way. Done is what was read back from it afterwards; the rest was not written."
)
LOST_SOME = gettext_noop(
    "The change broke half way and took people off the list who should have stayed. Add them again; until then they "
    "may not send."
)
STOPPED_HALF_WAY = gettext_noop(
    "The dashboard was stopped half way. Done is what was read back; the rest was not written."
)
MENDED = gettext_noop("The cluster broke off on the way; the list was read back after that and is as it should be.")
UNREAD = gettext_noop("The change was sent, but the list could not be read back: look at it before you try again.")
SLOW_CONVERSATIONS = gettext_noop(
    "The list is written, but the cluster gave up while it updated the conversations of these people."
)
EMPTIES = gettext_noop("This empties the allowlist: everybody who is a member may send again.")
BEGINS = gettext_noop("This switches the allowlist on: only members on it may send from then on.")
UNREADABLE = gettext_noop(
    "This server can't be asked for the list of a channel with such an id, so nobody can tell who is on it already, "
    "and the result can't be read back."
)
DROPS_ODD = gettext_noop(
    "Entries on the list that can't be uids are dropped on this occasion, since it is written whole."
)


class Verb(StrEnum):
    ADD = "add"
    REMOVE = "remove"


ACTIONS = {
    (ListName.MEMBERS, Verb.ADD): "channel.add_members",
    (ListName.MEMBERS, Verb.REMOVE): "channel.remove_members",
    (ListName.DENYLIST, Verb.ADD): "channel.deny",
    (ListName.DENYLIST, Verb.REMOVE): "channel.undeny",
    (ListName.ALLOWLIST, Verb.ADD): "channel.allow",
    (ListName.ALLOWLIST, Verb.REMOVE): "channel.unallow",
}


def permission_for(name: ListName) -> Permission:
    """Who belongs to a channel is its administrator's business; who may talk in it also a moderator's."""
    return Permission.MANAGE_CHANNELS if name is ListName.MEMBERS else Permission.RESTRICT_MEMBERS


@dataclass(frozen=True, slots=True)
class ListChange:
    """Which list of which channel, and whether uids join or leave it.  until: when a denial ends by itself, or None."""

    channel: ChannelRef
    list: ListName
    verb: Verb
    until: datetime | None = None

    @property
    def action(self) -> str:
        return ACTIONS[self.list, self.verb]

    @property
    def permission(self) -> Permission:
        return permission_for(self.list)

    @property
    def is_adding(self) -> bool:
        return self.verb is Verb.ADD


@dataclass(frozen=True, slots=True)
class ListPlan:
    """What a change would do. before/after: sizes of the list, None when unknown.  notes: what it means besides."""

    change: ListChange
    id: str
    expires_at: datetime
    changing: tuple[str, ...]
    same: tuple[str, ...]
    bad: tuple[BadUid, ...]
    duplicates: int
    before: int | None
    notes: tuple[str, ...] = ()

    @property
    def after(self) -> int | None:
        if self.before is None:
            return None
        return self.before + len(self.changing) if self.change.is_adding else self.before - len(self.changing)


def preview(scope: Scope, change: ListChange, wanted: UidList) -> ListPlan:
    """What the change would do now, kept for ten minutes.  Raises Forbidden, InvalidInput, GatewayError."""
    _authorise(scope, change)
    if not wanted.uids:
        raise InvalidInput({"uids": complaints(wanted) or [gettext_noop("Give at least one uid.")]})
    before = _read(scope, change)
    listed = frozenset(before or ())
    changing = tuple(uid for uid in wanted.uids if before is None or (uid in listed) is not change.is_adding)
    plan = plans.keep(
        scope, change.action, str(change.channel), {"uids": list(wanted.uids)}, _state(change, wanted.uids, before)
    )
    moved = frozenset(changing)
    return ListPlan(
        change=change,
        id=plan.id,
        expires_at=plan.expires_at,
        changing=changing,
        same=tuple(uid for uid in wanted.uids if uid not in moved),
        bad=wanted.bad,
        duplicates=wanted.duplicates,
        before=None if before is None else len(listed),
        notes=_notes(change, changing, before),
    )


def again(scope: Scope, change: ListChange, plan_id: str) -> ListPlan:
    """The preview of a plan made anew, for a form that has to be filled in a second time."""
    _authorise(scope, change)
    plan = plans.find(scope, plan_id, change.action, str(change.channel))
    return preview(scope, change, UidList(tuple(plan.change["uids"])))


def apply(scope: Scope, change: ListChange, plan_id: str, *, reason: str) -> Outcomes:
    """Carry out a plan of one's own, once.  Raises StateMoved with a fresh preview when the list has changed since."""
    plan, wanted, before, reason = _claimed(scope, change, plan_id, reason)
    outcomes = _carry_out(scope, change, wanted, before, reason, plan)
    plans.finish(plan, outcomes)
    return outcomes


def begin(scope: Scope, change: ListChange, plan_id: str, *, reason: str) -> Outcomes | None:
    """The same for a page: a long one goes on beside the request; then None, and `plans.progress` tells of it."""
    plan, wanted, before, reason = _claimed(scope, change, plan_id, reason)
    if len(wanted) > INLINE_MOST:
        beside.start(plan, lambda ends: _carry_out(scope, change, wanted, before, reason, plan, ends))
        return None
    outcomes = _carry_out(scope, change, wanted, before, reason, plan)
    plans.finish(plan, outcomes)
    return outcomes


def _claimed(
    scope: Scope, change: ListChange, plan_id: str, reason: str
) -> tuple[Plan, tuple[str, ...], list[str] | None, str]:
    """The plan, checked against what is there now and taken; its uids, the list as it is, the cleaned reason."""
    _authorise(scope, change)
    reason = clean_reason(reason)
    plan = plans.find(scope, plan_id, change.action, str(change.channel))
    wanted = tuple(plan.change["uids"])
    before = _read(scope, change)
    if _state(change, wanted, before) != plan.state:
        raise plans.StateMoved(preview(scope, change, UidList(wanted)))
    plans.claim(plan)
    return plan, wanted, before, reason


def change_list(scope: Scope, change: ListChange, uids: str | Sequence[str], *, reason: str) -> Outcomes:
    """Change the list at once: one uid, or a list the caller answers for.  One outcome per uid.

    Raises Forbidden, InvalidInput (naming the bad entries; nothing was changed then), GatewayError.
    """
    _authorise(scope, change)
    reason = clean_reason(reason)
    wanted = clean_uids(uids)
    return _carry_out(scope, change, wanted, _read(scope, change), reason)


def change_or_begin(
    scope: Scope, change: ListChange, uids: str | Sequence[str], *, reason: str
) -> tuple[str, Outcomes | None]:
    """`change_list` for who must not wait: a long one goes on beside the request, then None and its plan's id."""
    _authorise(scope, change)
    reason = clean_reason(reason)
    wanted = clean_uids(uids)
    if len(wanted) <= INLINE_MOST:
        return "", _carry_out(scope, change, wanted, _read(scope, change), reason)
    plan = preview(scope, change, UidList(wanted))
    return plan.id, begin(scope, change, plan.id, reason=reason)


def _authorise(scope: Scope, change: ListChange) -> None:
    scope.require(change.permission, change.channel)
    if why := why_without(change.channel, change.list):
        raise Unsupported(why)
    if change.until and not (change.list is ListName.DENYLIST and change.is_adding):
        raise InvalidInput({"until": [gettext_noop("Only a denial can have an end.")]})
    check_until(change.until)
    if len(change.channel.id) > CHANNEL_ID_MAX:
        raise InvalidInput(
            {"channel": [gettext_noop("Channel ids longer than 500 characters can't be changed from here.")]}
        )


def _read(scope: Scope, change: ListChange) -> list[str] | None:
    """The list as it is; None when the server can't be asked for it.  Other errors mean: don't begin."""
    try:
        return run(read_list(scope.gateway, change.channel, change.list))
    except RefusedLocally:
        if change.list is ListName.ALLOWLIST:
            raise
        return None


def _state(change: ListChange, wanted: Sequence[str], before: list[str] | None) -> str:
    """What must not have moved: for the wanted uids whether they are in; the allowlist is written whole, so all of it.

    In a big group people come and go all the time; that alone must not refuse a plan.
    """
    listed = frozenset(before or ())
    return plans.state_of(listed if change.list is ListName.ALLOWLIST else listed & frozenset(wanted), before is None)


def _notes(change: ListChange, changing: Sequence[str], before: list[str] | None) -> tuple[str, ...]:
    if before is None:
        return (UNREADABLE,)
    if change.list is not ListName.ALLOWLIST:
        return ()
    notes = []
    if change.is_adding and not before and changing:
        notes.append(BEGINS)
    if not change.is_adding and before and len(changing) == len(set(before)):
        notes.append(EMPTIES)
    if not change.is_adding and any(why_bad(uid) for uid in before):
        notes.append(DROPS_ODD)
    return tuple(notes)


def _carry_out(
    scope: Scope,
    change: ListChange,
    wanted: Sequence[str],
    before: list[str] | None,
    reason: str,
    plan: Plan | None = None,
    is_stopping: Callable[[], bool] = lambda: False,
) -> Outcomes:
    """Do it.  A plan of which nothing was begun is not used up."""
    is_begun = False
    target = Target("channel", str(change.channel))
    try:
        with _undisturbed(scope, change):
            if change.list is ListName.ALLOWLIST:
                before = _read(scope, change)  # it may be written whole, so from what it is now
            with recorded(scope.actor, change.action, target, reason, cluster=scope.slug) as entry:
                is_begun = True
                outcomes = _do(scope, change, wanted, before, entry, plan, is_stopping)
    except Exception:
        if plan and not is_begun:
            plans.release(plan)
        raise
    events.changed(f"{scope.slug}/{change.list}/{change.channel}")
    return outcomes


def _undisturbed(scope: Scope, change: ListChange) -> AbstractContextManager[None]:
    """Members and denylist are changed uid by uid, which two may do at once."""
    if change.list is ListName.ALLOWLIST:
        return serial.alone(scope.cluster.pk, f"{change.list} {change.channel}")
    return nullcontext()


def _do(
    scope: Scope,
    change: ListChange,
    wanted: Sequence[str],
    before: list[str] | None,
    entry: Entry,
    plan: Plan | None,
    is_stopping: Callable[[], bool],
) -> Outcomes:
    """Write, read back, remember, outcome."""
    listed = frozenset(before or ())
    todo = [uid for uid in wanted if before is None or (uid in listed) is not change.is_adding]
    tell: Callable[[int], None] = (lambda count: plans.tell(plan, count)) if plan else (lambda count: None)
    writer = ListWriter(scope, change.channel, change.list, change.is_adding, tell, is_stopping)
    written = writer.write(todo, before) if todo else Written(Sent(), before)
    outcomes = _outcomes(change, wanted, before, written)
    if change.list is ListName.DENYLIST and not patience.kept(
        lambda: _remember(scope, change, outcomes, entry.intent.reason), "restriction"
    ):
        outcomes = replace(outcomes, note=patience.NOT_REMEMBERED)
    asked = frozenset((*wanted, *written.lost))
    entry.finish(
        before=None if before is None else listed & asked,
        after=None if written.after is None else frozenset(written.after) & asked,
        outcomes=outcomes,
        detail={"size": [_size(before), _size(written.after)], **({"until": change.until} if change.until else {})},
    )
    return outcomes


def _size(uids: list[str] | None) -> int | None:
    return None if uids is None else len(set(uids))


def _outcomes(change: ListChange, wanted: Sequence[str], before: list[str] | None, written: Written) -> Outcomes:
    """One outcome per uid, from what was on the list before and is on it now; and one for each who was lost by it."""
    sent, after = written.sent, written.after
    failure, unsent = sent.failure, frozenset(sent.unsent)
    if isinstance(failure, CircuitOpen):
        unsent = frozenset(wanted)
    why = failure.text() if failure else (NOT_THERE if change.is_adding else STILL_THERE)
    not_sent = STOPPED if sent.is_stopped else NOT_SENT
    if before is None:
        # Nobody knows who was on it, so "already so" would be a guess.
        return Outcomes(
            tuple(
                TargetOutcome(uid, Result.FAILED, not_sent)
                if uid in unsent
                else TargetOutcome(uid, Result.UNKNOWN, why if failure else "")
                for uid in wanted
            ),
            UNREAD,
        )
    found = Outcomes.of_presence(wanted, before, after, present=change.is_adding, unsent=unsent, why=why).items
    lost = (
        TargetOutcome(uid, Result.UNKNOWN, MAYBE_LOST) if after is None else TargetOutcome(uid, Result.FAILED, LOST)
        for uid in written.lost
    )
    items = (*(_told(change, item, unsent, not_sent) for item in found), *lost)
    return Outcomes(items, _note(change, items, written))


def _told(change: ListChange, item: TargetOutcome, unsent: Collection[str], not_sent: str) -> TargetOutcome:
    if item.result is Result.ALREADY and not change.is_adding:
        return TargetOutcome(item.target, Result.NOT_FOUND, NOT_ON_LIST)
    if item.result is Result.FAILED and item.target in unsent:
        return TargetOutcome(item.target, Result.FAILED, not_sent)
    return item


def _note(change: ListChange, items: Sequence[TargetOutcome], written: Written) -> str:
    if written.after is None:
        return UNREAD
    if written.lost:
        return LOST_SOME
    if written.sent.is_stopped:
        return STOPPED_HALF_WAY
    if written.sent.failure is None:
        return ""
    if any(item.result is Result.FAILED for item in items):
        return HALF_WAY
    return MENDED if change.list is ListName.ALLOWLIST else SLOW_CONVERSATIONS


def _remember(scope: Scope, change: ListChange, outcomes: Outcomes, reason: str) -> None:
    if change.is_adding:
        ours = open_rows(scope, Restriction.Kind.DENY, channel=change.channel)
        known = set(ours.values_list("uid", flat=True)) if outcomes.of(Result.ALREADY) else set()
        # Who was denied by somebody else stays so: only our own rows take a new end.
        uids = (*outcomes.of(Result.DONE), *(uid for uid in outcomes.of(Result.ALREADY) if uid in known))
        remember(scope, Restriction.Kind.DENY, uids, channel=change.channel, until=change.until, reason=reason)
    else:
        gone = (*outcomes.of(Result.DONE), *outcomes.of(Result.NOT_FOUND))
        forget(scope, Restriction.Kind.DENY, gone, channel=change.channel)
