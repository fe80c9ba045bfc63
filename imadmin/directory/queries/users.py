"""Looking people up: one with all that is known, several with their online state, and who is restricted.

The server keeps rows only for uids that went through `/user/token`, so a uid without a row may well be online: nothing
here turns "no row" into "no user".  Every part may be missing by itself.
"""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeVar

from imadmin.accounts.permissions import Permission
from imadmin.audit.queries import AuditFilter, AuditRow, page
from imadmin.clusters.access import Scope
from imadmin.core.aio import run
from imadmin.core.errors import InvalidInput, gettext_noop
from imadmin.core.paging import decode_cursor, encode_cursor
from imadmin.directory.models import FlagRecord, Restriction
from imadmin.directory.parts import Part, part, part_of_nodes
from imadmin.directory.queries.sending import last_unsure
from imadmin.directory.uids import BadUid, parse_uids, read_uids, why_bad
from imadmin.gateway.contract import Gateway
from imadmin.gateway.errors import TimedOut
from imadmin.gateway.types import (
    ChannelRecord,
    ChannelRef,
    ChannelType,
    ConversationRow,
    Device,
    OnlineDevice,
    Session,
    UserRecord,
    now,
)  # fmt: skip

LOOKUP_MAX = 200
STAFF_SHOWN = 10
PAGE_MAX = 200
# One person's parts are asked for at once. A part asks node after node, and all of a hung cluster in turn is too long.
PART_SECONDS = 8.0

IN_VAIN = gettext_noop("The cluster gave no answer to this in time.")

T = TypeVar("T")

Kind = Restriction.Kind


@dataclass(frozen=True, slots=True)
class UserView:
    """restrictions: open ones.  flags: what we last wrote to the user's entry.  unsure_since: the last such write ended
    unknown.  staff: what colleagues did here; None when the person asking may not read the trail."""

    uid: str
    record: Part[UserRecord | None]
    devices: Part[tuple[Device, ...]]
    sessions: Part[tuple[Session, ...]]
    online_rows: Part[tuple[OnlineDevice, ...]]
    conversations: Part[tuple[ConversationRow, ...]]
    entry: Part[ChannelRecord | None]
    restrictions: tuple[Restriction, ...]
    flags: FlagRecord | None
    unsure_since: datetime | None
    staff: tuple[AuditRow, ...] | None
    as_of: datetime

    @property
    def is_online(self) -> bool | None:
        """None when some node that might hold a session didn't answer."""
        if self.sessions.value or self.online_rows.value:
            return True
        return False if self.sessions.is_complete and self.online_rows.is_complete else None

    @property
    def is_ghostly(self) -> bool:
        """Said to be online by the slot leader while no node lists a session: a leftover row."""
        return bool(self.online_rows.value) and self.sessions.is_complete and not self.sessions.value

    @property
    def may_log_in(self) -> bool | None:
        if not self.entry.is_known:
            return None
        return not (self.entry.value and self.entry.value.ban)

    @property
    def may_take_tokens(self) -> bool | None:
        """`disband` on the entry only makes the server refuse new tokens."""
        if not self.entry.is_known:
            return None
        return not (self.entry.value and (self.entry.value.ban or self.entry.value.disband))

    @property
    def slot(self) -> int | None:
        return self.record.value.slot if self.record.value else None

    @property
    def leader_id(self) -> int | None:
        """Who leads the user's slot, as the sessions tell."""
        return next((session.leader_id for session in self.sessions.value if session.leader_id), None)

    @property
    def is_kept_out_by_us(self) -> bool:
        return any(row.kind == Kind.KEEP_OUT for row in self.restrictions)

    @property
    def is_stopped_by_us(self) -> bool:
        return any(row.kind == Kind.STOP_SENDING for row in self.restrictions)

    @property
    def has_nothing(self) -> bool:
        """Everything answered, and no part knows this uid."""
        parts = (self.record, self.devices, self.sessions, self.online_rows, self.conversations, self.entry)
        return all(one.is_complete for one in parts) and not any(one.value for one in parts) and not self.restrictions


def user(scope: Scope, uid: str) -> UserView:
    """Raises InvalidInput for a uid nobody can have; nothing else: what fails is told in its part."""
    uid = uid.strip()
    if why := why_bad(uid):
        raise InvalidInput({"uid": [why]})
    record, devices, sessions, online, conversations, entry = run(_read(scope.gateway, uid))
    rows = open_restrictions(scope, uid=uid)
    flags = FlagRecord.objects.filter(cluster=scope.cluster, channel_type=ChannelType.PERSON, channel_id=uid).first()
    staff = staff_actions(scope, uid) if scope.can(Permission.VIEW_AUDIT) else None
    return UserView(
        uid, record, devices, sessions, online, conversations, entry, rows, flags, last_unsure(scope, uid), staff, now()
    )


async def _read(
    gateway: Gateway, uid: str
) -> tuple[
    Part[UserRecord | None],
    Part[tuple[Device, ...]],
    Part[tuple[Session, ...]],
    Part[tuple[OnlineDevice, ...]],
    Part[tuple[ConversationRow, ...]],
    Part[ChannelRecord | None],
]:
    return await asyncio.gather(
        part(_in_time(gateway.user(uid)), None),
        part(_in_time(gateway.devices(uid)), ()),
        part_of_nodes(_in_time(gateway.sessions(uid)), ()),
        part_of_nodes(_in_time(gateway.online_devices([uid])), ()),
        part(_in_time(_chats(gateway, uid)), ()),
        part(_in_time(gateway.channel(ChannelRef.inbox(uid))), None),
    )


async def _in_time(question: Coroutine[Any, Any, T]) -> T:
    """Raises TimedOut when the cluster as a whole takes too long."""
    try:
        async with asyncio.timeout(PART_SECONDS):
            return await question
    except TimeoutError:
        raise TimedOut(IN_VAIN, operation="user") from None


async def _chats(gateway: Gateway, uid: str) -> tuple[ConversationRow, ...]:
    """Without the copies kept for commands."""
    return tuple(row for row in await gateway.conversations(uid) if not row.channel.is_command)


def devices(scope: Scope, uid: str) -> tuple[Device, ...]:
    """Raises InvalidInput, GatewayError."""
    return run(scope.gateway.devices(_checked(uid)))


def sessions(scope: Scope, uid: str) -> Part[tuple[Session, ...]]:
    """Raises InvalidInput, GatewayError when no node answered."""
    found = run(part_of_nodes(scope.gateway.sessions(_checked(uid)), ()))
    if found.error:
        raise found.error
    return found


def conversations(scope: Scope, uid: str) -> tuple[ConversationRow, ...]:
    """Raises InvalidInput, GatewayError."""
    return run(_chats(scope.gateway, _checked(uid)))


def _checked(uid: str) -> str:
    if why := why_bad(uid):
        raise InvalidInput({"uid": [why]})
    return uid.strip()


# -- several at once ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LookupRow:
    """is_online: None when the node that would know didn't answer.  flags: kinds of device online."""

    uid: str
    is_online: bool | None
    flags: tuple[int, ...]
    restrictions: tuple[Restriction, ...]


@dataclass(frozen=True, slots=True)
class Lookup:
    rows: tuple[LookupRow, ...]
    bad: tuple[BadUid, ...]
    online: Part[tuple[OnlineDevice, ...]]


def look_up(scope: Scope, uids: str | list[str]) -> Lookup:
    """Online state of pasted uids, in their order.  Raises InvalidInput (uids): none, or too many."""
    found = parse_uids(uids) if isinstance(uids, str) else read_uids(uids)
    if len(found.uids) > LOOKUP_MAX:
        raise InvalidInput({"uids": [gettext_noop("Look up at most 200 at once.")]})
    if not found.uids and not found.bad:
        raise InvalidInput({"uids": [gettext_noop("Give at least one uid.")]})
    online: Part[tuple[OnlineDevice, ...]] = Part((), now())
    if found.uids:
        online = run(part_of_nodes(scope.gateway.online_devices(found.uids), ()))
    flags: dict[str, list[int]] = {}
    for row in online.value:
        flags.setdefault(row.uid, []).append(row.flag)
    held: dict[str, list[Restriction]] = {}
    for restriction in Restriction.objects.filter(cluster=scope.cluster, lifted_at=None, uid__in=found.uids):
        held.setdefault(restriction.uid, []).append(restriction)
    unheard = False if online.is_complete else None
    rows = tuple(
        LookupRow(
            uid, True if uid in flags else unheard, tuple(sorted(set(flags.get(uid, ())))), tuple(held.get(uid, ()))
        )
        for uid in found.uids
    )
    return Lookup(rows, found.bad, online)


# -- restrictions -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RestrictionPage:
    rows: tuple[Restriction, ...]
    next_cursor: str
    as_of: datetime


def open_restrictions(scope: Scope, *, uid: str) -> tuple[Restriction, ...]:
    """Of one user, newest first."""
    rows = Restriction.objects.filter(cluster=scope.cluster, uid=uid, lifted_at=None)
    return tuple(rows.order_by("-created_at", "-pk")[:PAGE_MAX])


def restrictions(
    scope: Scope,
    *,
    state: Literal["open", "lifted", "all"] = "open",
    uid: str = "",
    kind: str = "",
    cursor: str = "",
    limit: int = 50,
) -> RestrictionPage:
    """Ours on this cluster, newest first.  Raises InvalidInput for a broken cursor."""
    rows = Restriction.objects.filter(cluster=scope.cluster)
    if state != "all":
        rows = rows.filter(lifted_at__isnull=state == "open")
    if uid:
        rows = rows.filter(uid=uid)
    if kind:
        rows = rows.filter(kind=kind)
    if cursor:
        before = decode_cursor(cursor, "before")["before"]
        if not isinstance(before, int) or isinstance(before, bool) or not 0 < before < 2**63:
            raise InvalidInput({"cursor": [gettext_noop("This page marker is broken; start from the first page.")]})
        rows = rows.filter(pk__lt=before)
    limit = max(1, min(limit, PAGE_MAX))
    found = list(rows.order_by("-pk")[: limit + 1])
    following = encode_cursor(before=found[limit - 1].pk) if len(found) > limit else ""
    return RestrictionPage(tuple(found[:limit]), following, now())


def staff_actions(scope: Scope, uid: str) -> tuple[AuditRow, ...]:
    """What colleagues did to this user on this cluster, newest first.  Needs VIEW_AUDIT."""
    scope.require(Permission.VIEW_AUDIT)
    return page(AuditFilter(clusters=(scope.slug,), target_kind="user", target=uid), limit=STAFF_SHOWN).rows
