"""Reading messages: search, one message, its conversation.  What shows bodies leaves a trace before it is shown."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import DatabaseError

from imadmin.accounts.permissions import Permission
from imadmin.archive import copies
from imadmin.archive.masking import BodyAccess, ShownMessage, body_access, show, show_all, show_stored, told_traits
from imadmin.archive.rows import Stored
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
    """A permalink: the message and what was said around it.  trace: the audit row of this reading, None when masked.

    why_copy: why all of it is the archive's, None when it is the server's; up_to: how far the archive knows then.
    changed: the message as the archive knows it, when it was revoked or edited since the server stored it.
    """

    message: ShownMessage
    context: Context
    access: BodyAccess
    as_of: datetime
    trace: int | None = None
    why_copy: AppError | None = None
    up_to: datetime | None = None
    changed: ShownMessage | None = None


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
    """One message alone, or the archive's copy of it.  Raises Forbidden, NotFound, GatewayError, Busy."""
    scope.require(Permission.SEARCH_MESSAGES)
    is_open = body_access(scope) is BodyAccess.OPEN
    found = one(scope, message_id)
    if is_open:
        leave_trace(scope, "message.read", Target("message", str(found.id)), _read_detail(found, 1))
    return show_stored(found, is_open=is_open) if isinstance(found, Stored) else show(found, is_open=is_open)


def one(scope: Scope, message_id: int) -> Message | Stored:
    """Unmasked and without a trace: whoever asks sees to both.  Raises NotFound, GatewayError."""
    try:
        return _found(run(_ask_for(scope, message_id)))
    except (NotFound, GatewayError):
        copy = copies.one(scope, message_id) if 0 < message_id <= ID_MAX else None
        if copy is None:
            raise
        return copy


def permalink(scope: Scope, message_id: int, *, before: int = AROUND, after: int = AROUND) -> MessagePage:
    """One message with those before and after it in its channel.

    A conversation that can't be read leaves the message itself, with the reason; a message that the server hasn't, or
    can't give, comes with its conversation from the archive.
    Raises Forbidden, NotFound, GatewayError (the message itself can't be read), Busy.
    """
    scope.require(Permission.SEARCH_MESSAGES)
    access = body_access(scope)
    page = gathered(scope, message_id, access, is_open=access is BodyAccess.OPEN, before=before, after=after)
    if page.access is not BodyAccess.OPEN:
        return page
    detail = _read_detail(page.message, len(page.context.items))
    return replace(page, trace=leave_trace(scope, "message.read", Target("message", str(page.message.id)), detail))


def gathered(
    scope: Scope, message_id: int, access: BodyAccess, *, is_open: bool, before: int = AROUND, after: int = AROUND
) -> MessagePage:
    """The page, open or masked as told and without a trace: whoever asks sees to both."""
    try:
        hit, around, newest = run(_with_neighbours(scope, message_id, before, after))
    except (NotFound, GatewayError) as error:
        is_id = 0 < message_id <= ID_MAX
        copy = copies.copy_of(scope, message_id, error, before=before, after=after) if is_id else None
        if copy is None:
            raise
        return _page_of_copy(copy, access, is_open=is_open)
    page = _page_of(hit, around, newest, access, is_open=is_open)
    stored = copies.known(scope, [item.id for item in page.context.items])
    return _with_marks(page, stored, is_open=is_open)


def opened(page: MessagePage, revealed: ShownMessage) -> MessagePage:
    """The page with one message shown open: what a reveal answers with."""
    items = tuple(
        replace(revealed, is_doubled=item.is_doubled, traits=item.traits | revealed.traits)
        if item.id == revealed.id
        else item
        for item in page.context.items
    )
    return replace(page, message=revealed, context=replace(page.context, items=items))


def _page_of(
    hit: Message, around: tuple[Message, ...] | AppError, newest: int | None, access: BodyAccess, *, is_open: bool
) -> MessagePage:
    failure = around if isinstance(around, AppError) else None
    known = () if isinstance(around, AppError) else around
    # The hit comes last: where both have the same id it is the one that was looked up by it.
    items = sorted(show_all((*known, hit), is_open=is_open), key=lambda item: (item.seq, item.id))
    as_of = now()
    return MessagePage(
        message=next(item for item in items if item.id == hit.id),
        context=Context(hit.id, tuple(items), newest, as_of, failure),
        access=access,
        as_of=as_of,
    )


def _page_of_copy(copy: copies.Copy, access: BodyAccess, *, is_open: bool) -> MessagePage:
    items = tuple(show_stored(row, is_open=is_open) for row in copy.around)
    as_of = now()
    return MessagePage(
        message=next(item for item in items if item.id == copy.hit.id),
        context=Context(copy.hit.id, items, copy.newest_seq, as_of),
        access=access,
        as_of=as_of,
        why_copy=copy.why,
        up_to=copy.up_to,
    )


def _with_marks(page: MessagePage, stored: Mapping[int, Stored], *, is_open: bool) -> MessagePage:
    """The server's messages with what the archive knows became of them; the texts stay the server's."""
    items = tuple(
        replace(item, traits=told_traits(stored[item.id], is_open=is_open)) if item.id in stored else item
        for item in page.context.items
    )
    own = stored.get(page.message.id)
    return replace(
        page,
        message=next(item for item in items if item.id == page.message.id),
        context=replace(page.context, items=items),
        changed=show_stored(own, is_open=is_open) if own is not None and copies.has_changed(own) else None,
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


def _read_detail(found: Message | Stored | ShownMessage, shown: int) -> dict[str, Any]:
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
