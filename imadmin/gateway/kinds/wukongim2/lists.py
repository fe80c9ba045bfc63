"""Members, denylist, allowlist: read whole, changed in small pieces with pauses, one change at a time (5.5, 5.6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from imadmin.gateway.errors import GatewayError, ListWriteBroken, TimedOut, Uncertain
from imadmin.gateway.kinds.wukongim2 import guards, wire
from imadmin.gateway.kinds.wukongim2.part import Part
from imadmin.gateway.types import ChannelFlags, ChannelRef


class ListsPart(Part):
    """All changes raise RefusedLocally (nothing was sent), Uncertain (one piece, may have happened: read back) and
    ListWriteBroken (ended between two pieces).  Person channels: `channel` is the bare uid of the receiver."""

    async def subscribers(self, channel: ChannelRef) -> list[str]:
        """All members, in the server's order; [] for an unknown channel.

        Raises RefusedLocally for an id that can't stand in a path.
        Source: GET /cluster/channels/:id/:type/subscribers; reference 2.9.
        """
        return await self._uids("subscribers", channel)

    async def denylist(self, channel: ChannelRef) -> list[str]:
        """All uids that may not send; as `subscribers`.  Source: GET .../denylist; reference 2.5."""
        return await self._uids("denylist", channel)

    async def allowlist(self, channel: ChannelRef) -> list[str]:
        """All uids that alone may send, [] = everybody; as `subscribers`.  Source: GET .../allowlist; reference 2.5."""
        return await self._uids("allowlist", channel)

    async def create_channel(self, channel: ChannelRef, flags: ChannelFlags, subscribers: Sequence[str] = ()) -> None:
        """Make a channel with its record and members; an existing one gets these flags and more members.

        Raises RefusedLocally for person channels with members, Uncertain, ListWriteBroken.
        Source: POST /channel, then POST /channel/subscriber_add; reference 2.3, 2.4.
        """
        uids = guards.clean_uids(subscribers, field="subscribers")
        if uids:
            guards.check_group(channel)
        guards.check_channel_to_change(channel)
        head = {**wire.channel_key(channel), **wire.flags(flags)}
        path = "/channel/info" if channel.peers else "/channel"
        async with self.list_lock:
            await self.link.change("create_channel", path, head)
            await self._write("create_channel", "/channel/subscriber_add", channel, "subscribers", uids)

    async def add_subscribers(self, channel: ChannelRef, uids: Sequence[str]) -> None:
        """Add members; each gets a conversation.  Source: POST /channel/subscriber_add; reference 2.4, 5.5."""
        guards.check_group(channel)
        await self._change("add_subscribers", "/channel/subscriber_add", channel, "subscribers", uids)

    async def remove_subscribers(self, channel: ChannelRef, uids: Sequence[str]) -> None:
        """Remove members and their conversations.  Source: POST /channel/subscriber_remove; reference 2.4, 5.5, 5.6."""
        guards.check_group(channel)
        await self._change("remove_subscribers", "/channel/subscriber_remove", channel, "subscribers", uids)

    async def add_to_denylist(self, channel: ChannelRef, uids: Sequence[str]) -> None:
        """Refuse these senders from their next message on (reason 4); they go on receiving.

        Source: POST /channel/blacklist_add; reference 2.5, 5.5, 5.6, 5.8.
        """
        guards.check_inbox_or_group(channel)
        await self._change("add_to_denylist", "/channel/blacklist_add", channel, "uids", uids)

    async def remove_from_denylist(self, channel: ChannelRef, uids: Sequence[str]) -> None:
        """Let these senders send again; their conversation comes back.  Source: POST /channel/blacklist_remove; 2.5."""
        guards.check_inbox_or_group(channel)
        await self._change("remove_from_denylist", "/channel/blacklist_remove", channel, "uids", uids)

    async def add_to_allowlist(self, channel: ChannelRef, uids: Sequence[str]) -> None:
        """Let these senders send too; the first entry switches the list on.  Nobody leaves it, whatever breaks.

        Source: POST /channel/whitelist_add; reference 2.5.
        """
        guards.check_inbox_or_group(channel)
        await self._change("add_to_allowlist", "/channel/whitelist_add", channel, "uids", uids)

    async def set_allowlist(self, channel: ChannelRef, uids: Sequence[str]) -> None:
        """Replace the allowlist; [] lets everybody send.

        Never entry by entry: removing the last one leaves a channel where nobody may send (2.5).  Beyond 200 uids the
        first 200 replace the list and the rest is added, so for a moment the list is shorter than wanted.
        Source: POST /channel/whitelist_set, /channel/whitelist_add; reference 2.5.
        """
        guards.check_inbox_or_group(channel)
        wanted = guards.clean_uids(uids)
        pieces = guards.chunks(wanted) or [()]
        async with self.list_lock:
            await self._send("set_allowlist", channel, "uids", pieces, first="/channel/whitelist_set",
                             rest="/channel/whitelist_add")  # fmt: skip

    async def _uids(self, name: str, channel: ChannelRef) -> list[str]:
        guards.check_channel(channel)
        path = f"/cluster/channels/{guards.path_id(channel.id)}/{int(channel.type)}/{name}"
        return await self.link.get(name, path, parse=wire.uids)

    async def _change(self, operation: str, path: str, channel: ChannelRef, field: str, uids: Sequence[str]) -> None:
        cleaned = guards.clean_uids(uids, field=field)
        async with self.list_lock:
            await self._write(operation, path, channel, field, cleaned)

    async def _write(self, operation: str, path: str, channel: ChannelRef, field: str, uids: tuple[str, ...]) -> None:
        await self._send(operation, channel, field, guards.chunks(uids), first=path, rest=path)

    async def _send(
        self, operation: str, channel: ChannelRef, field: str, pieces: list[tuple[str, ...]], *, first: str, rest: str,
        first_extra: dict[str, int] | None = None,
    ) -> None:  # fmt: skip
        """One piece after the other.  What broke before anything was done is raised as it is."""
        async for number, piece in guards.paced(pieces, self.list_pause):
            extra = {} if number else first_extra or {}
            body: dict[str, Any] = {**wire.channel_key(channel), field: list(piece), **extra}
            try:
                await self.link.change(operation, rest if number else first, body)
            except GatewayError as error:
                may_be_done = isinstance(error, (Uncertain, TimedOut))
                if not number and (not may_be_done or len(pieces) == 1):
                    raise
                raise ListWriteBroken(
                    done=tuple(uid for done in pieces[:number] for uid in done),
                    unsure=piece,
                    unsent=tuple(uid for unsent in pieces[number + 1 :] for uid in unsent),
                    cause=error,
                ) from error
