"""One list of one channel: its members, its denylist or its allowlist, read whole and cut into pages by uid."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from imadmin.clusters.access import Scope
from imadmin.core.aio import run
from imadmin.core.errors import InvalidInput, gettext_noop
from imadmin.core.paging import decode_cursor, encode_cursor
from imadmin.gateway.contract import Gateway
from imadmin.gateway.types import ChannelRef

PAGE_MAX = 200

PAIR_MEMBERS = gettext_noop("A person chat has no members list: its members are its two people.")
PAIR_LISTS = gettext_noop("A list kept under a pair has no effect; what counts is each person's own denylist.")
INBOX_MEMBERS = gettext_noop("A person's own entry has no members.")
BAD_TYPE = gettext_noop("The server takes channels of type 1 to 255.")


class ListName(StrEnum):
    MEMBERS = "members"
    DENYLIST = "denylist"
    ALLOWLIST = "allowlist"


def why_without(channel: ChannelRef, name: ListName) -> str:
    """Why this channel has no such list to change, or ""."""
    if not 1 <= channel.type <= 255:
        return BAD_TYPE
    if channel.peers:
        return PAIR_MEMBERS if name is ListName.MEMBERS else PAIR_LISTS
    return INBOX_MEMBERS if channel.is_person and name is ListName.MEMBERS else ""


async def read_list(gateway: Gateway, channel: ChannelRef, name: ListName) -> list[str]:
    """All uids on a list, as the server keeps it."""
    match name:
        case ListName.MEMBERS:
            return await gateway.subscribers(channel)
        case ListName.DENYLIST:
            return await gateway.denylist(channel)
        case _:
            return await gateway.allowlist(channel)


@dataclass(frozen=True, slots=True)
class Cut:
    """A slice of sorted uids."""

    uids: tuple[str, ...]
    matching: int
    first: int
    next_cursor: str


def cut(uids: Sequence[str], *, q: str = "", cursor: str = "", limit: int = 50) -> Cut:
    """Filter sorted uids by a part of the uid and take the page after the cursor.  Raises InvalidInput (cursor)."""
    wanted = q.casefold()
    found = [uid for uid in uids if wanted in uid.casefold()] if wanted else uids
    start = 0
    if cursor:
        after = decode_cursor(cursor, "after")["after"]
        if not isinstance(after, str):
            raise InvalidInput({"cursor": [gettext_noop("This page marker is broken; start from the first page.")]})
        start = bisect_right(found, after)
    shown = tuple(found[start : start + capped(limit)])
    has_more = start + len(shown) < len(found)
    return Cut(shown, len(found), start + 1, encode_cursor(after=shown[-1]) if has_more else "")


def listed(scope: Scope, channel: ChannelRef, name: ListName, *, q: str = "", cursor: str = "", limit: int = 50) -> Cut:
    """One list by itself.  Raises GatewayError, InvalidInput (cursor)."""
    return cut(sorted(set(run(read_list(scope.gateway, channel, name)))), q=q, cursor=cursor, limit=limit)


def holds(ordered: Sequence[str], uid: str) -> bool:
    at = bisect_right(ordered, uid)
    return at > 0 and ordered[at - 1] == uid


def capped(limit: int) -> int:
    return max(1, min(limit, PAGE_MAX))
