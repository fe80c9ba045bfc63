"""What the parts of the client share: the link, the roster, questions to all nodes, cursors."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from imadmin.core import paging
from imadmin.core.errors import AppError, InvalidInput, gettext_noop
from imadmin.gateway.errors import GatewayError, NoSuch, RefusedLocally, TimedOut, Unreachable
from imadmin.gateway.http import SCANNING, Reply, Timeouts, gather_settled
from imadmin.gateway.kinds.wukongim2.link import Link
from imadmin.gateway.kinds.wukongim2.roster import Member, Roster
from imadmin.gateway.kinds.wukongim2.wire import Listed
from imadmin.gateway.types import NodeFailure

T = TypeVar("T")

FANNING = Timeouts(read=4.0, total=6.0)
OWN = Timeouts(read=3.0, total=5.0)

OFFLINE = gettext_noop("The cluster calls this node offline")
NO_ADDRESS = gettext_noop("The cluster gives no address for this node")


@dataclass(frozen=True, slots=True)
class Gathered(Generic[T]):
    """Answers of the cluster as a whole, or of single nodes; and who is missing from them."""

    answers: tuple[T, ...]
    failed: tuple[NodeFailure, ...]


class Part:
    """Base of the parts; holds no state of its own."""

    link: Link
    roster: Roster
    list_lock: asyncio.Lock
    list_pause: float

    async def everywhere(
        self, operation: str, path: str, params: dict[str, Any], *,
        parse: Callable[[Any], T], timeouts: Timeouts = FANNING,
    ) -> Gathered[T]:  # fmt: skip
        """Ask the cluster for a merged answer; when a node fails that, each living node for its own rows (5.3, 5.9).

        While a node dies every merged answer fails for some seconds.  Raises the first error when nobody answered.
        """
        members = await self.roster.members()
        offline = tuple(failure(member.label, OFFLINE) for member in members if not member.row.is_online)
        living = [member for member in members if member.row.is_online]
        first: GatewayError | None = None
        if not any(self.link.http.is_suspect(member.url) for member in living):
            try:
                merged = await self.link.get(
                    operation, path, params, parse=parse, timeouts=timeouts, turns=False
                )  # after silence each node is asked for its own
                return Gathered((merged,), offline)
            except NoSuch:
                raise
            except TimedOut as error:
                if timeouts is SCANNING:  # the nodes go on reading all the same: again would be that work twice
                    raise
                first = error
            except GatewayError as error:
                first = error
        found = await self.each(
            living,
            lambda member: self.link.get_from(
                operation, member.url, path, {**params, "node_id": member.id},
                parse=parse, node=member.label, timeouts=OWN if timeouts is FANNING else timeouts,
            ),
        )  # fmt: skip
        if not found.answers:
            raise first or Unreachable(operation=operation)
        return Gathered(found.answers, found.failed + offline)

    async def at_slot_leader(
        self, operation: str, path: str, key: str, params: dict[str, Any], *, read: Callable[[Reply], T]
    ) -> T:
        """Rows of one uid or channel from the node that leads its slot; while it is away, from the first that answers.

        The leader has a change as soon as it is confirmed, its replicas a moment later; a node that no longer holds
        the slot shows stale rows (5.3).
        """
        leader = await self.roster.slot_leader(key)
        members = [member for member in await self.roster.members() if member.url]
        first: GatewayError | None = None
        for member in sorted(members, key=lambda member: leader is None or member.id != leader.id):
            try:
                reply = await self.link.reply_from(
                    operation, member.url, path, {**params, "node_id": member.id}, node=member.label, timeouts=OWN
                )
                return read(reply)
            except GatewayError as error:
                first = first or error
        raise first or Unreachable(operation=operation)

    async def each(self, members: Iterable[Member], ask: Callable[[Member], Any]) -> Gathered[Any]:
        """The same question to several nodes at once; the ones without an answer are named."""
        asked = [member for member in members if member.url]
        missing = [failure(member.label, NO_ADDRESS) for member in members if not member.url]
        results = await gather_settled(*(ask(member) for member in asked))
        pairs = list(zip(asked, results, strict=True))
        failed = [failed_with(member.label, result) for member, result in pairs if isinstance(result, AppError)]
        return Gathered(
            tuple(result for _, result in pairs if not isinstance(result, AppError)), tuple(failed + missing)
        )


def failure(node: str, reason: str, code: str = "upstream_unreachable") -> NodeFailure:
    return NodeFailure(node, reason, code)


def failed_with(node: str, error: AppError) -> NodeFailure:
    return NodeFailure(node, reason_of(error), error.code)


def reason_of(error: AppError) -> str:
    """The error as a sentence without parameters, as it is translated where it is shown."""
    if isinstance(error, InvalidInput):
        return next((sentence for found in error.fields.values() for sentence in found), error.message)
    return error.title if error.params else error.message


def merged(
    answers: Iterable[Listed[T]], limit: int, *, key: Callable[[T], object]
) -> tuple[list[tuple[int, T | None]], bool]:
    """Rows of one or several nodes by their instant, newest first, each once; and if more follow.

    A node asked for its own rows answers one more than the limit and never says that there is more (2.9).
    """
    rows: dict[object, tuple[int, T | None]] = {}
    told_more = False
    for answer in answers:
        told_more = told_more or answer.has_more
        for created_at, item in answer.items:
            rows.setdefault(key(item) if item is not None else created_at, (created_at, item))
    ordered = sorted(rows.values(), key=lambda row: row[0], reverse=True)
    return ordered[:limit], told_more or len(ordered) > limit


def one_page(answers: Iterable[Listed[T]], limit: int, *, key: Callable[[T], object]) -> tuple[tuple[T, ...], int]:
    """The same without what stands for nothing, and the instant the next page starts at (0 = none)."""
    page, has_more = merged(answers, limit, key=key)
    following = page[-1][0] if has_more and page else 0
    return tuple(item for _, item in page if item is not None), max(following, 0)


def encode_cursor(kind: str, offset: int) -> str:
    """kind: which list this marker belongs to."""
    return paging.encode_cursor(list=kind, offset=offset)


def decode_cursor(kind: str, cursor: str) -> int:
    """0 for the first page.  Raises RefusedLocally for anything that isn't a marker of this list."""
    if not cursor:
        return 0
    try:
        found = paging.decode_cursor(cursor, "list", "offset")
    except InvalidInput as error:
        raise RefusedLocally(error.fields) from None
    offset = found["offset"]
    if found["list"] == kind and type(offset) is int and 0 < offset < 2**64:
        return offset
    raise RefusedLocally({"cursor": [paging.BROKEN_CURSOR]})
