"""Reading channels: the lists of channels, and one channel with all that is known of it.

A part that can't be read is unknown, with the reason; the rest of the page stands.  Nothing here changes anything.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from django.utils.translation import gettext

from imadmin.clusters.access import Scope
from imadmin.core.aio import run
from imadmin.core.errors import AppError, InvalidInput
from imadmin.directory.parts import Part, part
from imadmin.directory.queries.flags import FlagState, flag_state
from imadmin.directory.queries.lists import ListName, capped, holds, read_list, why_without
from imadmin.gateway.contract import Gateway
from imadmin.gateway.types import (
    ChannelRecord,
    ChannelRef,
    ChannelType,
    Message,
    MessageQuery,
    Page,
    RuntimeChannel,
    now,
)  # fmt: skip

# These types let everybody send, whatever the lists say (reference 5.8).
UNGUARDED = frozenset({ChannelType.CUSTOMER_SERVICE, ChannelType.INFO})
# ... and these pass the ban and disband checks as well.
UNCLOSABLE = UNGUARDED | {ChannelType.VISITORS, ChannelType.AGENT}


class Sending(StrEnum):
    """Whether somebody may send in a channel, and what decides it; in the order the server checks (reference 5.8)."""

    BANNED = "banned"
    DISBANDED = "disbanded"
    EVERYBODY = "everybody"
    SYSTEM = "system"
    DENIED = "denied"
    NOT_MEMBER = "not_member"
    NOT_ALLOWED = "not_allowed"
    ALLOWED = "allowed"
    UNKNOWN = "unknown"


# -- the lists ---------------------------------------------------------------------------------------------------------


def records(scope: Scope, *, type: int | None = None, cursor: str = "", limit: int = 50) -> Page[ChannelRecord]:
    """The server's own list, newest first: only channels made by a create call, never person chats or implicit ones."""
    return run(scope.gateway.channels(type=type, cursor=cursor, limit=capped(limit)))


def used_on(scope: Scope, node_id: int, *, cursor: str = "", limit: int = 50) -> Page[RuntimeChannel]:
    """Every channel ever used whose slot this node leads; the sum over all nodes holds each channel exactly once."""
    return run(scope.gateway.node_channels(node_id, cursor=cursor, limit=capped(limit)))


def listed_channels(
    scope: Scope, *, node: int | None = None, type: int | None = None, cursor: str = "", limit: int = 50
) -> Part[Page[ChannelRecord] | Page[RuntimeChannel] | None]:
    """Either list for a page that stands also when nobody answers.  Raises InvalidInput (cursor)."""
    try:
        if node is None:
            return Part(records(scope, type=type, cursor=cursor, limit=limit), now())
        return Part(used_on(scope, node, cursor=cursor, limit=limit), now())
    except InvalidInput:
        raise
    except AppError as error:
        return Part(None, now(), error)


def node_ids(scope: Scope) -> tuple[int, ...]:
    """The nodes whose lists can be chosen, dead ones too; empty when the cluster doesn't say."""
    try:
        return run(scope.gateway.node_ids())
    except AppError:
        return ()


def state_of_record(record: ChannelRecord) -> Literal["open", "banned", "disbanded"]:
    """With both flags clients are told of the ban."""
    return "banned" if record.ban else "disbanded" if record.disband else "open"


# -- one channel -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ChannelPage:
    """One channel. record, runtime: None inside a known part = there is none.  Lists are in uid order.

    pair: for a person chat, each person with whether they are on the other's denylist.
    """

    channel: ChannelRef
    as_of: datetime
    record: Part[ChannelRecord | None]
    runtime: Part[RuntimeChannel | None]
    members: Part[tuple[str, ...] | None]
    denylist: Part[tuple[str, ...] | None]
    allowlist: Part[tuple[str, ...] | None]
    newest: Part[Message | None]
    system: Part[frozenset[str] | None]
    flags: FlagState
    pair: tuple[tuple[str, str, bool | None], ...] = ()

    @property
    def is_found(self) -> bool:
        """False only when every part was read and none of them knows the channel."""
        told: list[Part[Any]] = [self.record, self.runtime, self.denylist, self.allowlist]
        if not self.channel.peers:
            told.append(self.members)
        return any(part.value or not part.is_known for part in told)

    @property
    def is_inbox(self) -> bool:
        return self.channel.is_person and not self.channel.peers

    @property
    def missing(self) -> tuple[AppError, ...]:
        """Why parts are unknown, each reason once."""
        told: tuple[Part[Any], ...] = (
            self.record, self.runtime, self.members, self.denylist, self.allowlist, self.newest, self.system,
        )  # fmt: skip
        return tuple({why_unknown(part.error): part.error for part in told if part.error}.values())

    @property
    def sending(self) -> Sending:
        """What a member who is on no list would be told."""
        closed = self._closed()
        if closed is not None or self.channel.is_person:
            return closed or Sending.ALLOWED
        if self.channel.type in UNGUARDED:
            return Sending.EVERYBODY
        if self.allowlist.value is None:
            return Sending.UNKNOWN
        return Sending.NOT_ALLOWED if self.allowlist.value else Sending.ALLOWED

    def sending_of(self, uid: str) -> Sending:
        """Whether this uid may send here, by what was read; UNKNOWN as soon as a part that decides is missing."""
        closed = self._closed()
        if closed is not None:
            return closed
        if self.channel.type in UNGUARDED:
            return Sending.EVERYBODY
        if self.system.value is not None and uid in self.system.value:
            return Sending.SYSTEM
        if self.denylist.value is None or self.members.value is None or self.allowlist.value is None:
            return Sending.UNKNOWN
        if holds(self.denylist.value, uid):
            return Sending.DENIED
        if not holds(self.members.value, uid):
            return Sending.NOT_MEMBER
        if self.allowlist.value and not holds(self.allowlist.value, uid):
            return Sending.NOT_ALLOWED
        return Sending.ALLOWED

    def part(self, name: ListName) -> Part[tuple[str, ...] | None]:
        return {
            ListName.MEMBERS: self.members, ListName.DENYLIST: self.denylist, ListName.ALLOWLIST: self.allowlist,
        }[name]  # fmt: skip

    def _closed(self) -> Sending | None:
        if self.channel.type in UNCLOSABLE or self.is_inbox:
            return None
        if not self.record.is_known:
            return Sending.UNKNOWN
        if self.record.value and (self.record.value.ban or self.record.value.disband):
            return Sending.BANNED if self.record.value.ban else Sending.DISBANDED
        return None


def detail(scope: Scope, channel: ChannelRef) -> ChannelPage:
    """Everything about one channel, all asked at once; what could not be read is left out with the reason."""
    gateway = scope.gateway
    record, runtime, members, denylist, allowlist, newest, system, *inboxes = run(
        _all(
            gateway.channel(channel),
            gateway.runtime_channel(channel),
            *(_list_or_none(gateway, channel, name) for name in ListName),
            gateway.search_messages(MessageQuery(channel=channel), limit=1),
            gateway.system_users(),
            *(gateway.denylist(ChannelRef.inbox(peer)) for peer in channel.peers or ()),
        )
    )
    found = newest.value.items if newest.value else ()
    return ChannelPage(
        channel=channel,
        as_of=now(),
        record=record,
        runtime=runtime,
        members=_ordered(members),
        denylist=_ordered(denylist),
        allowlist=_ordered(allowlist),
        newest=Part(found[0] if found else None, newest.as_of, newest.error),
        system=Part(None if system.value is None else frozenset(system.value), system.as_of, system.error),
        flags=flag_state(scope, channel, record),
        pair=_pair(channel, inboxes),
    )


def why_unknown(error: AppError) -> str:
    """Why a part could not be read, in one sentence; what was refused before it was asked names its field."""
    if isinstance(error, InvalidInput):
        return " ".join(gettext(sentence) for found in error.fields.values() for sentence in found)
    return error.text(gettext)


# -- pieces ------------------------------------------------------------------------------------------------------------


async def _list_or_none(gateway: Gateway, channel: ChannelRef, name: ListName) -> list[str]:
    if name is ListName.MEMBERS and channel.peers:
        return list(channel.peers)
    return [] if why_without(channel, name) else await read_list(gateway, channel, name)


async def _all(*questions: Coroutine[Any, Any, Any]) -> list[Part[Any]]:
    return list(await asyncio.gather(*(part(question, None) for question in questions)))


def _ordered(found: Part[list[str] | None]) -> Part[tuple[str, ...] | None]:
    uids = None if found.value is None else tuple(sorted(set(found.value)))
    return Part(uids, found.as_of, found.error)


def _pair(channel: ChannelRef, inboxes: Sequence[Part[list[str] | None]]) -> tuple[tuple[str, str, bool | None], ...]:
    """(writer, receiver, is the writer on the receiver's denylist) both ways."""
    if not channel.peers:
        return ()
    one, other = channel.peers
    of_one, of_other = (inbox.value for inbox in inboxes)
    return (
        (one, other, None if of_other is None else one in of_other),
        (other, one, None if of_one is None else other in of_one),
    )
