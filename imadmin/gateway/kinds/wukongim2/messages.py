"""Messages: the server's own search with its rules (5.4), and reading a channel around a message."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable
from typing import Any

from imadmin.core.errors import gettext_noop
from imadmin.gateway.errors import NoSuch, RefusedLocally
from imadmin.gateway.http import SCANNING, gather_settled
from imadmin.gateway.kinds.wukongim2 import guards, wire
from imadmin.gateway.kinds.wukongim2.channels import ChannelsPart
from imadmin.gateway.kinds.wukongim2.part import FANNING, decode_cursor, encode_cursor
from imadmin.gateway.types import ChannelRef, Message, MessageQuery, NodeFailure, Page, now

# What a page of messages can't promise (Page.limits).
SENDER_INDEX_ORDER = "sender-index-order"  # rows come by channel, not by time: the newest may be missing
NOT_PAGEABLE = "not-pageable"  # one answer is all there is
CUT_AT_LIMIT = "cut-at-limit"  # there is more that can't be reached this way
CASE_SENSITIVE = "case-sensitive"
RAW_BYTES = "raw-bytes"  # matched on the stored bytes: JSON keys too, and not what a sender escaped otherwise

TEXT_NEEDS_CHANNEL = gettext_noop(
    "Name a channel: without one the server reads every message on every node, for minutes, and keeps the memory."
)
BAD_MESSAGE_ID = gettext_noop("A message id is a whole number above 0.")
BAD_SPAN = gettext_noop("Ask for a sequence number from 1 on, and for at most 1000 messages around it.")

_BY_SEQ, _BY_ID = "seq", "id"

Found = tuple[tuple[Message, ...], tuple[NodeFailure, ...]]


class MessagesPart(ChannelsPart):
    async def search_messages(self, query: MessageQuery, *, cursor: str = "", limit: int = 50) -> Page[Message]:
        """Messages matching all fields, newest first (by seq within one channel).

        Paged inside one channel and over the unfiltered latest; other questions have one page, see Page.limits (codes
        above).  A page holds at most 99.  Text is matched on the UTF-8 bytes of the body, needs a channel, and
        `scanned` says then how many rows the server may have read (None when unknown).
        Raises RefusedLocally: text without a channel, a broken cursor.
        Source: GET /cluster/messages, all nodes; reference 2.9, 5.4.
        """
        if query.text and query.channel is None:
            raise RefusedLocally({"text": [TEXT_NEEDS_CHANNEL]}, TEXT_NEEDS_CHANNEL)
        limit = guards.page_limit(limit, guards.PAGE_LIMIT - 1)
        if query.message_id:
            return await self._by_message_id(query)
        if query.channel is not None:
            return await self._in_channel(query, query.channel, cursor, limit)
        if query.from_uid:
            return await self._by_sender(query)
        if query.client_msg_no:
            return await self._by_client_number(query)
        return await self._latest(cursor, limit)

    async def message(self, message_id: int) -> Message | None:
        """One message by its id, from anywhere; None when no node has it.

        Raises RefusedLocally for an id below 1.  Source: GET /cluster/messages?message_id; reference 2.9, 5.4 (1).
        """
        if not 0 < message_id < 2**63:
            raise RefusedLocally({"message_id": [BAD_MESSAGE_ID]})
        found, _ = await self._found("message", {"message_id": message_id, "limit": guards.PAGE_LIMIT})
        return next((message for message in found if message.id == message_id), None)

    async def messages_around(
        self, channel: ChannelRef, seq: int, *, before: int = 25, after: int = 25
    ) -> tuple[Message, ...]:
        """Messages of one channel around a sequence number, ascending; () for a channel that was never used.

        One more is read in front and dropped: the first of every answer shows a blank header.
        A never used channel isn't asked for, as reading it would create its config for good.
        Raises RefusedLocally for a bad span.
        Source: POST /channel/messagesync, for commands between two people GET /cluster/messages; reference 2.1, 5.4.
        """
        guards.check_channel(channel)
        if seq < 1 or before < 0 or after < 0 or before + after + 2 > 1000:
            raise RefusedLocally({"seq": [BAD_SPAN]})
        if await self.runtime_channel(channel) is None:
            return ()
        start, end = max(1, seq - before), seq + after
        reader = reader_of(channel)
        if reader is None:
            params = {**wire.channel_key(channel), "offset_message_seq": end + 1, "limit": end + 1 - start}
            found = (await self._found("messages_around", params))[0][::-1]
        else:
            found = tuple(await self._synced(channel, reader, max(1, start - 1), end))
        return tuple(message for message in found if start <= message.seq <= end)

    async def _synced(self, channel: ChannelRef, reader: dict[str, str], start: int, end: int) -> list[Message]:
        """Both ends included, ascending."""
        span = {"start_message_seq": start, "end_message_seq": end + 1, "limit": end + 1 - start}
        return await self.link.post_question(
            "messages_around",
            "/channel/messagesync",
            {**reader, "channel_type": int(channel.type), **span, "pull_mode": 1, "event_summary_mode": "basic"},
            parse=lambda answer: wire.synced_messages(answer, channel),
        )

    async def messages_at(self, channel: ChannelRef, seq: int) -> tuple[Message, ...]:
        """What the nodes keep under one sequence number, by id: more than one after a failover gave it out twice.

        A channel's leader knows only its own; a deposed one still has the other.
        Source: GET /cluster/messages, all nodes; reference 5.4 (2), 5.9.
        """
        guards.check_channel(channel)
        params = {
            "channel_id": channel.id,
            "channel_type": channel.type,
            "offset_message_seq": seq + 1,  # exclusive
            "limit": 2,
        }
        found, _ = await self._found("messages_at", params)
        return tuple(sorted((message for message in found if message.seq == seq), key=lambda message: message.id))

    async def max_seq(self, channel: ChannelRef) -> int | None:
        """The newest sequence number; 0 for an empty channel, None for one that was never used.

        Source: GET /channel/max_message_seq; reference 2.1.
        """
        guards.check_channel(channel)
        params = wire.channel_key(channel)
        try:
            newest = await self.link.get("max_seq", "/channel/max_message_seq", params, parse=wire.max_seq)
        except NoSuch:
            return None
        if newest:
            return newest
        # Only the slot leader says that there is no such channel; every other node says 0.
        return None if await self.runtime_channel(channel) is None else 0

    async def _by_message_id(self, query: MessageQuery) -> Page[Message]:
        """The server ignores all other filters beside an id, so they are applied here."""
        found = await self.message(query.message_id)
        return Page((found,) if found and _matches(found, query) else (), "", now())

    async def _in_channel(self, query: MessageQuery, channel: ChannelRef, cursor: str, limit: int) -> Page[Message]:
        guards.check_channel(channel)
        offset = decode_cursor(_BY_SEQ, cursor)
        params: dict[str, Any] = {
            "channel_id": channel.id,
            "channel_type": int(channel.type),
            "from_uid": query.from_uid or None,
            "client_msg_no": query.client_msg_no or None,
            "offset_message_seq": offset or None,  # the seq alone: an id beside it ends pages early
            "limit": limit + 1,
        }
        payloads: list[str | None] = [*_variants(query.text)] or [None]
        pages = [await self._found("search_messages", {**params, "payload": payload}) for payload in payloads]
        (newest,) = await gather_settled(self.max_seq(channel)) if query.text else (None,)
        messages, failed = _merged(pages, key=lambda message: (message.seq, message.id))
        items = _whole_seqs(messages, limit)
        return Page(
            items,
            encode_cursor(_BY_SEQ, items[-1].seq) if len(messages) > limit and items[-1].seq > 1 else "",
            now(),
            failed,
            (CASE_SENSITIVE, RAW_BYTES) if query.text else (),
            (min(newest, offset - 1) if offset else newest) if isinstance(newest, int) else None,
        )

    async def _by_sender(self, query: MessageQuery) -> Page[Message]:
        """The sender index isn't in time order and can't be paged: one big answer instead."""
        uid = guards.clean_uid(query.from_uid, field="from_uid")
        params = {"from_uid": uid, "client_msg_no": query.client_msg_no or None, "limit": guards.SENDER_LIMIT}
        messages, failed = await self._found("search_messages", params)
        cut = (CUT_AT_LIMIT,) if len(messages) >= guards.SENDER_LIMIT else ()
        return Page(messages, "", now(), failed, (SENDER_INDEX_ORDER, NOT_PAGEABLE, *cut))

    async def _by_client_number(self, query: MessageQuery) -> Page[Message]:
        params = {"client_msg_no": query.client_msg_no, "limit": guards.PAGE_LIMIT}
        messages, failed = await self._found("search_messages", params)
        cut = (CUT_AT_LIMIT,) if len(messages) >= guards.PAGE_LIMIT else ()
        return Page(messages, "", now(), failed, (NOT_PAGEABLE, *cut))

    async def _latest(self, cursor: str, limit: int) -> Page[Message]:
        offset = decode_cursor(_BY_ID, cursor)
        messages, failed = await self._found(
            "search_messages", {"offset_message_id": offset or None, "limit": limit + 1}
        )
        items = messages[:limit]
        return Page(items, encode_cursor(_BY_ID, items[-1].id) if len(messages) > limit else "", now(), failed)

    async def _found(self, operation: str, params: dict[str, Any]) -> Found:
        timeouts = SCANNING if params.get("payload") else FANNING
        gathered = await self.everywhere(
            operation, "/cluster/messages", params, parse=wire.found_messages, timeouts=timeouts
        )
        return _merged([(found, gathered.failed) for found in gathered.answers], key=lambda message: (message.id,))


def _whole_seqs(messages: tuple[Message, ...], limit: int) -> tuple[Message, ...]:
    """The first ones, but never half of those that share a seq: the next page starts below the last seq shown."""
    if len(messages) <= limit:
        return messages
    cut = messages[limit].seq
    before = tuple(message for message in messages[:limit] if message.seq != cut)
    return before or tuple(message for message in messages if message.seq == cut)


def _merged(pages: Iterable[tuple[Iterable[Message], tuple[NodeFailure, ...]]], key: Callable[[Message], Any]) -> Found:
    """Each message once, newest first by the key; each failure once."""
    messages: dict[int, Message] = {}
    failed: dict[NodeFailure, None] = {}
    for found, missing in pages:
        messages.update((message.id, message) for message in found)
        failed.update(dict.fromkeys(missing))
    return tuple(sorted(messages.values(), key=key, reverse=True)), tuple(failed)


def _matches(message: Message, query: MessageQuery) -> bool:
    return (
        query.channel in (None, message.channel)
        and query.from_uid in ("", message.from_uid)
        and query.client_msg_no in ("", message.client_msg_no)
        and (not query.text or any(base64.b64decode(text) in message.payload for text in _variants(query.text)))
    )


def _variants(text: str) -> tuple[str, ...]:
    r"""The bytes to look for, base64: as written, as inside JSON, and as a sender writes who escapes to \uXXXX."""
    if not text:
        return ()
    forms = (json.dumps(text, ensure_ascii=False)[1:-1], json.dumps(text)[1:-1], text)
    encoded = (form.encode("utf-8", errors="ignore") for form in forms)
    return tuple(base64.b64encode(raw).decode() for raw in dict.fromkeys(encoded) if raw)


def reader_of(channel: ChannelRef) -> dict[str, str] | None:
    """login_uid and channel_id for reading; None for an id that the server would pair with one of them again (2.1)."""
    if not channel.is_person:
        return {"login_uid": guards.SYSTEM_UID, "channel_id": channel.id}
    is_command = channel.is_command
    if channel.peers and not is_command and ChannelRef.person(*channel.peers) == channel:
        return {"login_uid": channel.peers[0], "channel_id": channel.peers[1]}
    return None
