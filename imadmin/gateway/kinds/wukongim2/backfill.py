"""Every message of a channel, exactly once and in order: the way to fill or repair an archive (5.4)."""

from __future__ import annotations

from typing import Any

from imadmin.core.errors import gettext_noop
from imadmin.gateway.errors import CircuitOpen, RefusedLocally, Unreachable
from imadmin.gateway.kinds.wukongim2 import guards, wire
from imadmin.gateway.kinds.wukongim2.lookups import LookupsPart
from imadmin.gateway.kinds.wukongim2.messages import reader_of
from imadmin.gateway.message_types import Stretch
from imadmin.gateway.types import ChannelRef, Message, MessageQuery
from imadmin.gateway.walks import Pieces, Walk

PAGE = 1000
MOST, SECONDS = 10_000_000, 3600.0
BAD_START = gettext_noop("Sequence numbers are counted from 1 on.")


class BackfillPart(LookupsPart):
    def iter_all_messages(
        self, channel: ChannelRef, *, from_seq: int = 1, most: int = MOST, seconds: float = SECONDS
    ) -> Walk[Message]:
        """A channel's messages from a sequence number on, ascending, to the newest at the time.

        Take it up again with the last seq + 1.  Numbers that are missing in between are told as gaps; after a failover
        a number may have been given out anew, so keep messages by their id.  Raises what reading raises.
        Source: POST /channel/messagesync, for commands between two people GET /cluster/messages; reference 5.4, 5.9.
        """
        guards.check_channel(channel)
        if from_seq < 1:
            raise RefusedLocally({"from_seq": [BAD_START]})
        return Walk(lambda walk: self._stretches(walk, channel, from_seq), most=most, seconds=seconds)

    async def messages_between(
        self, channel: ChannelRef, first: int, last: int, *, node: int = 0, doubles: bool = False
    ) -> Stretch:
        """The next page of a channel's messages from `first` to `last`, both included; Stretch.next_seq goes on.

        For channels that the server lists (iter_channels): nobody checks here, and reading another would create it.
        node: who leads the channel, asked first.  doubles: also what other nodes keep under these numbers, which were
        given out anew after a failover.
        Source: POST /channel/messagesync; GET /cluster/messages; reference 2.1, 5.4, 5.9.
        """
        guards.check_channel(channel)
        if not 1 <= first <= last:
            raise RefusedLocally({"from_seq": [BAD_START]})
        if reader_of(channel) is None:
            return await self._searched(channel, first, last)
        stretch = await self._read(channel, first, last, node)
        if not doubles:
            return stretch
        searched = await self._searched(channel, first, last if stretch.next_seq is None else stretch.next_seq - 1)
        both = {message.id: message for message in (*searched.messages, *stretch.messages)}
        ordered = tuple(sorted(both.values(), key=lambda one: (one.seq, one.id)))
        nexts = [each for each in (stretch.next_seq, searched.next_seq) if each is not None]
        following = min(nexts, default=None)
        kept = tuple(message for message in ordered if following is None or message.seq < following)
        return Stretch(kept, following, searched.failed)

    async def _read(self, channel: ChannelRef, first: int, last: int, node: int) -> Stretch:
        """One more is read in front and dropped, as in `_stretch`."""
        limit = min(PAGE, last - first + 2)
        body = {
            **(reader_of(channel) or {}), "channel_type": int(channel.type), "start_message_seq": max(1, first - 1),
            "end_message_seq": last + 1, "limit": limit, "pull_mode": 1, "event_summary_mode": "basic",
        }  # fmt: skip
        found = await self._at_leader(node, body, channel)
        is_over = len(found) < limit or found[-1].seq >= last
        kept = tuple(message for message in found if first <= message.seq <= last)
        return Stretch(kept, None if is_over else found[-1].seq + 1)

    async def _at_leader(self, node: int, body: dict[str, Any], channel: ChannelRef) -> list[Message]:
        """Each node answers, by passing it on to the leader: asked itself, it costs one node less."""
        member = next((each for each in self.roster.known if each.id == node and each.url), None)

        def parse(answer: Any) -> list[Message]:
            return wire.synced_messages(answer, channel)

        if member is not None and member.row.is_online:
            try:
                return await self.link.post_question(
                    "messages_between", "/channel/messagesync", body, parse=parse, base=member.url, node=member.label
                )
            except (Unreachable, CircuitOpen):
                pass
        return await self.link.post_question("messages_between", "/channel/messagesync", body, parse=parse)

    async def _searched(self, channel: ChannelRef, first: int, last: int) -> Stretch:
        """What all nodes keep of a window: the search goes down from an offset."""
        until = min(last, first + PAGE - 1)
        while True:
            params = {**wire.channel_key(channel), "offset_message_seq": until + 1, "limit": PAGE}
            found, failed = await self._found("messages_between", params)
            rows = sorted((one for one in found if first <= one.seq <= until), key=lambda one: (one.seq, one.id))
            reaches = min((one.seq for one in found), default=0)  # the search knows no lower end
            if len(found) < PAGE or until == first or reaches < first or (rows and rows[0].seq == first):
                return Stretch(tuple(rows), until + 1 if until < last else None, failed)
            until = first + (until - first) // 2  # doubled numbers filled the page, so what is below was cut off

    def iter_latest_messages(self, *, most: int = 10_000, seconds: float = 60.0) -> Walk[Message]:
        """All messages there are, newest id first; ten times as costly as channel by channel, for a short tail only.

        Source: GET /cluster/messages, all nodes; reference 5.4.
        """
        return Walk(self._latest_pages, most=most, seconds=seconds)

    async def _latest_pages(self, walk: Walk[Message]) -> Pieces[Message]:
        cursor = ""
        while True:
            page = await self.search_messages(MessageQuery(), cursor=cursor, limit=guards.PAGE_LIMIT - 1)
            walk.failed += [failed for failed in page.failed if failed not in walk.failed]
            yield page.items
            cursor = page.next_cursor
            if not cursor:
                return

    async def _stretches(self, walk: Walk[Message], channel: ChannelRef, wanted: int) -> Pieces[Message]:
        runtime = await self.runtime_channel(channel)  # reading a never used one would create its config for good
        if runtime is None:
            return
        newest = runtime.last_seq
        while True:
            if reader_of(channel) is None:
                found, is_last = await self._window(walk, channel, wanted, newest)
            else:
                found, is_last = await self._stretch(channel, wanted)
            for message in found:
                if message.seq > wanted:
                    walk.missing(wanted, message.seq - 1)
                wanted = max(wanted, message.seq + 1)
            yield found
            if is_last:
                return

    async def _stretch(self, channel: ChannelRef, wanted: int) -> tuple[list[Message], bool]:
        """One more is read in front and dropped: the first of every answer shows a blank header (2.1)."""
        start = max(1, wanted - 1)
        reader = reader_of(channel) or {}
        body = {
            **reader, "channel_type": int(channel.type), "start_message_seq": start, "end_message_seq": 0,
            "limit": PAGE, "pull_mode": 1, "event_summary_mode": "basic",
        }  # fmt: skip
        found = await self.link.post_question(
            "iter_all_messages", "/channel/messagesync", body,
            parse=lambda answer: wire.synced_messages(answer, channel),
        )  # fmt: skip
        return [message for message in found if message.seq >= wanted], len(found) < PAGE

    async def _window(
        self, walk: Walk[Message], channel: ChannelRef, wanted: int, newest: int
    ) -> tuple[list[Message], bool]:
        """Where a channel can only be searched: the search goes down from an offset, so window by window."""
        params = {**wire.channel_key(channel), "offset_message_seq": wanted + PAGE, "limit": PAGE}
        found, failed = await self._found("iter_all_messages", params)
        walk.failed += [one for one in failed if one not in walk.failed]
        rows = sorted((message for message in found if message.seq >= wanted), key=lambda one: (one.seq, one.id))
        return rows, wanted + PAGE > newest
