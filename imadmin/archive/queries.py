"""Reading messages: search, one message, its conversation.  What shows bodies leaves a trace before it is shown."""

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import DatabaseError

from imadmin.accounts.permissions import Permission
from imadmin.archive.masking import BodyAccess, ShownMessage, body_access, show, show_all
from imadmin.archive.wanted import ID_MAX, SearchFields, query_of
from imadmin.audit import record
from imadmin.audit.record import Target
from imadmin.clusters.access import Scope
from imadmin.core.aio import run
from imadmin.core.errors import AppError, Busy, InvalidInput, NotFound, gettext_noop
from imadmin.gateway.errors import GatewayError, RefusedLocally
from imadmin.gateway.types import Message, MessageQuery, NodeFailure, Page, now

PAGE = 50
PAGE_MAX = 100
AROUND = 25

# The gateway names its own parameters; the person typed into ours.
_FIELD_NAMES = {"channel": "channel_id", "from_uid": "sender", "uid": "sender"}

NO_SUCH_MESSAGE = gettext_noop("No node that answered has a message with this id.")
NO_SUCH_MESSAGE_HINT = gettext_noop(
    "The id may be mistyped or belong to another cluster, the message may never have been stored (the server confirms "
    "sends it then drops), or it was lost when its channel changed its leader."
)


@dataclass(frozen=True, slots=True)
class FoundMessages:
    """One page of hits. limits: codes of what this search can't promise.  scanned: rows read, None = not told."""

    wanted: SearchFields
    query: MessageQuery
    items: tuple[ShownMessage, ...]
    next_cursor: str
    access: BodyAccess
    as_of: datetime
    failed: tuple[NodeFailure, ...]
    limits: tuple[str, ...]
    scanned: int | None


@dataclass(frozen=True, slots=True)
class Context:
    """The messages around one, by sequence number. newest_seq: the channel's, None = unknown.

    failure: why the neighbours could not be read (then only the message itself is here).
    """

    hit_id: int
    items: tuple[ShownMessage, ...]
    newest_seq: int | None
    as_of: datetime
    failure: AppError | None = None

    @property
    def before(self) -> int:
        return sum(1 for item in self.items if item.seq < self._hit.seq)

    @property
    def after(self) -> int:
        return sum(1 for item in self.items if item.seq > self._hit.seq)

    @property
    def doubled(self) -> tuple[ShownMessage, ...]:
        """Other messages at the very place of this one."""
        return tuple(item for item in self.items if item.seq == self._hit.seq and item.id != self.hit_id)

    @property
    def reaches_start(self) -> bool:
        return self.failure is None and bool(self.items) and self.items[0].seq <= 1

    @property
    def reaches_end(self) -> bool:
        return self.newest_seq is not None and bool(self.items) and self.items[-1].seq >= self.newest_seq

    @property
    def _hit(self) -> ShownMessage:
        return next(item for item in self.items if item.id == self.hit_id)


@dataclass(frozen=True, slots=True)
class MessagePage:
    """A permalink: the message and what was said around it.  trace: the audit row of this reading, None when masked."""

    message: ShownMessage
    context: Context
    access: BodyAccess
    as_of: datetime
    trace: int | None = None


def search(scope: Scope, wanted: SearchFields, *, cursor: str = "", limit: int = PAGE) -> FoundMessages:
    """Search by what the server itself can search; newest first where the server keeps an order.

    Raises Forbidden, InvalidInput (naming fields; nothing was asked), GatewayError (nobody answered), Busy.
    """
    scope.require(Permission.SEARCH_MESSAGES)
    query = query_of(scope, wanted)
    try:
        page = run(scope.gateway.search_messages(query, cursor=cursor, limit=max(1, min(limit, PAGE_MAX))))
    except RefusedLocally as error:
        raise InvalidInput(
            {_FIELD_NAMES.get(name, name): sentences for name, sentences in error.fields.items()},
            error.message,
            params=error.params,
        ) from error
    access = body_access(scope)
    if access is not BodyAccess.CLOSED:
        leave_trace(scope, "message.search", _search_target(query), _search_detail(wanted, page))
    return FoundMessages(
        wanted=wanted,
        query=query,
        items=show_all(page.items, is_open=access is BodyAccess.OPEN),
        next_cursor=page.next_cursor,
        access=access,
        as_of=page.as_of,
        failed=page.failed,
        limits=page.limits,
        scanned=page.scanned,
    )


def message(scope: Scope, message_id: int) -> ShownMessage:
    """One message alone.  Raises Forbidden, NotFound, GatewayError, Busy."""
    scope.require(Permission.SEARCH_MESSAGES)
    found = _found(run(_ask_for(scope, message_id)))
    is_open = body_access(scope) is BodyAccess.OPEN
    if is_open:
        leave_trace(scope, "message.read", Target("message", str(found.id)), _read_detail(found, 1))
    return show(found, is_open=is_open)


def permalink(scope: Scope, message_id: int, *, before: int = AROUND, after: int = AROUND) -> MessagePage:
    """One message with those before and after it in its channel.

    A conversation that can't be read leaves the message itself, with the reason.
    Raises Forbidden, NotFound, GatewayError (the message itself can't be read), Busy.
    """
    scope.require(Permission.SEARCH_MESSAGES)
    hit, around, newest = run(_with_neighbours(scope, message_id, before, after))
    page = _page_of(hit, around, newest, body_access(scope))
    if page.access is not BodyAccess.OPEN:
        return page
    detail = _read_detail(hit, len(page.context.items))
    return replace(page, trace=leave_trace(scope, "message.read", Target("message", str(hit.id)), detail))


def opened(page: MessagePage, revealed: ShownMessage) -> MessagePage:
    """The page with one message shown open: what a reveal answers with."""
    items = tuple(
        replace(revealed, is_doubled=item.is_doubled) if item.id == revealed.id else item for item in page.context.items
    )
    return replace(page, message=revealed, context=replace(page.context, items=items))


def _page_of(
    hit: Message, around: tuple[Message, ...] | AppError, newest: int | None, access: BodyAccess
) -> MessagePage:
    failure = around if isinstance(around, AppError) else None
    known = () if isinstance(around, AppError) else around
    # The hit comes last: where both have the same id it is the one that was looked up by it.
    items = sorted(show_all((*known, hit), is_open=access is BodyAccess.OPEN), key=lambda item: (item.seq, item.id))
    as_of = now()
    return MessagePage(
        message=next(item for item in items if item.id == hit.id),
        context=Context(hit.id, tuple(items), newest, as_of, failure),
        access=access,
        as_of=as_of,
    )


async def _with_neighbours(
    scope: Scope, message_id: int, before: int, after: int
) -> tuple[Message, tuple[Message, ...] | AppError, int | None]:
    hit = _found(await _ask_for(scope, message_id))
    around, doubles, newest = await asyncio.gather(
        scope.gateway.messages_around(hit.channel, hit.seq, before=before, after=after),
        scope.gateway.messages_at(hit.channel, hit.seq),
        scope.gateway.max_seq(hit.channel),
        return_exceptions=True,
    )
    for answer in (around, doubles, newest):
        if isinstance(answer, BaseException) and not isinstance(answer, (GatewayError, InvalidInput)):
            raise answer
    if isinstance(around, tuple) and isinstance(doubles, tuple):
        around = (*doubles, *around)
    return (
        hit,
        around if isinstance(around, (tuple, AppError)) else (),
        newest if isinstance(newest, int) else None,
    )


async def _ask_for(scope: Scope, message_id: int) -> Message | None:
    if not 0 < message_id <= ID_MAX:
        return None
    return await scope.gateway.message(message_id)


def _found(answer: Message | None) -> Message:
    if answer is None:
        raise NotFound(NO_SUCH_MESSAGE, hint=NO_SUCH_MESSAGE_HINT)
    return answer


def _search_target(query: MessageQuery) -> Target:
    return Target("channel", str(query.channel)) if query.channel else Target("cluster", "")


def _search_detail(wanted: SearchFields, page: Page[Message]) -> dict[str, Any]:
    """The question and the number of answers, never what they say."""
    return {"query": wanted.given(), "hits": len(page.items)}


def _read_detail(found: Message, shown: int) -> dict[str, Any]:
    return {"channel": str(found.channel), "sender": found.from_uid, "messages": shown}


def leave_trace(scope: Scope, action: str, target: Target, detail: dict[str, Any]) -> int:
    """The row's id. No trace, no bodies: raises Busy when the trail can't be written."""
    if not target.id:
        target = Target(target.kind, scope.slug)
    try:
        return record.event(scope.actor, action, target, cluster=scope.slug, detail=detail).pk
    except DatabaseError as error:
        raise Busy(
            gettext_noop("The audit trail can't be written right now, so no messages are shown."),
            hint=gettext_noop("Try again in a moment."),
        ) from error
