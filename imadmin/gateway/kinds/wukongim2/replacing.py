"""Lists replaced and emptied, channels closed: the changes that leave nothing of what was (2.3, 2.4, 2.5)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from imadmin.core.errors import gettext_noop
from imadmin.gateway.cluster_types import AllowEntry
from imadmin.gateway.errors import RefusedLocally
from imadmin.gateway.kinds.wukongim2 import guards, wire, wire_cluster
from imadmin.gateway.kinds.wukongim2.lists import ListsPart
from imadmin.gateway.types import ChannelRef

LAST_ENTRY = gettext_noop(
    "This would remove the last entry and leave a channel where nobody may send; empty the list instead."
)
NO_TEMP_CHANNEL = gettext_noop("Give the id of a temporary channel, without @, # or &.")
NO_UIDS = gettext_noop("Name at least one user.")


class ReplacingPart(ListsPart):
    """Changes raise as those of ListsPart do."""

    async def disband_channel(self, channel: ChannelRef) -> None:
        """Close a channel for good: sends end with reason 24.  Deletes nothing; set_flags opens it again.

        An unknown channel gets a record for it.  Source: POST /channel/delete; reference 2.3, 5.2.
        """
        guards.check_group(channel)
        async with self.list_lock:
            await self.link.change("disband_channel", "/channel/delete", wire.channel_key(channel))

    async def set_subscribers(self, channel: ChannelRef, uids: Sequence[str]) -> None:
        """Replace all members; [] leaves none.  Beyond 200 uids the first 200 replace and the rest is added.

        Those who leave keep their conversation.  Source: POST /channel/subscriber_add with reset,
        /channel/subscriber_remove_all; reference 2.4.
        """
        guards.check_group(channel)
        wanted = guards.clean_uids(uids, field="subscribers")
        if not wanted:
            await self.remove_all_subscribers(channel)
            return
        path = "/channel/subscriber_add"
        async with self.list_lock:
            await self._send("set_subscribers", channel, "subscribers", guards.chunks(wanted), first=path, rest=path,
                             first_extra={"reset": 1})  # fmt: skip

    async def remove_all_subscribers(self, channel: ChannelRef) -> None:
        """Nobody is a member any more; conversations stay.  Source: POST /channel/subscriber_remove_all; 2.4."""
        guards.check_group(channel)
        await self._clear("remove_all_subscribers", "/channel/subscriber_remove_all", channel)

    async def set_temp_subscribers(self, channel_id: str, uids: Sequence[str]) -> None:
        """Who gets the messages of a temporary channel (type 8), held in the memory of one node and read back nowhere.

        Meant for the nodes among themselves: `send_command` is what makes such channels.
        Source: POST /tmpchannel/subscriber_set; reference 2.4.
        """
        wanted = guards.clean_uids(uids)
        if not wanted:
            raise RefusedLocally({"uids": [NO_UIDS]})
        if not channel_id.strip() or any(sign in channel_id for sign in "@#&"):
            raise RefusedLocally({"channel_id": [NO_TEMP_CHANNEL]})
        body = {"channel_id": channel_id, "uids": list(wanted)}
        await self.link.change("set_temp_subscribers", "/tmpchannel/subscriber_set", body)  # noqa: S108 - a route

    async def set_denylist(self, channel: ChannelRef, uids: Sequence[str]) -> None:
        """Replace the denylist; [] lets everybody send.  Source: POST /channel/blacklist_set, …_add; reference 2.5."""
        guards.check_inbox_or_group(channel)
        pieces = guards.chunks(guards.clean_uids(uids)) or [()]
        async with self.list_lock:
            await self._send("set_denylist", channel, "uids", pieces, first="/channel/blacklist_set",
                             rest="/channel/blacklist_add")  # fmt: skip

    async def clear_denylist(self, channel: ChannelRef) -> None:
        """Nobody is denied any more.  Source: POST /channel/blacklist_remove_all; reference 2.5."""
        guards.check_inbox_or_group(channel)
        await self._clear("clear_denylist", "/channel/blacklist_remove_all", channel)

    async def remove_from_allowlist(self, channel: ChannelRef, uids: Sequence[str]) -> None:
        """Take some off the allowlist, never the last one: that would leave a list that lets nobody send (2.5).

        Raises RefusedLocally when none would be left; clear_allowlist opens the channel to everybody.
        Source: POST /channel/whitelist_remove, after GET /channel/whitelist; reference 2.5.
        """
        guards.check_inbox_or_group(channel)
        going = guards.clean_uids(uids)
        async with self.list_lock:
            there = {entry.uid for entry in await self.allowlist_entries(channel)}
            if there and not there - set(going):
                raise RefusedLocally({"uids": [LAST_ENTRY]})
            if there & set(going):
                path = "/channel/whitelist_remove"
                await self._write("remove_from_allowlist", path, channel, "uids", going)

    async def clear_allowlist(self, channel: ChannelRef) -> None:
        """Everybody may send again, at once.  Source: POST /channel/whitelist_remove_all; reference 2.5."""
        guards.check_inbox_or_group(channel)
        await self._clear("clear_allowlist", "/channel/whitelist_remove_all", channel)

    async def allowlist_entries(self, channel: ChannelRef) -> tuple[AllowEntry, ...]:
        """The allowlist with the time of each entry; () for an unknown channel.  Any id may be asked for.

        Source: GET /channel/whitelist; reference 2.5.
        """
        guards.check_channel(channel)
        return await self.link.get(
            "allowlist_entries", "/channel/whitelist", wire.channel_key(channel), parse=wire_cluster.allow_entries
        )

    async def _clear(self, operation: str, path: str, channel: ChannelRef) -> None:
        async with self.list_lock:
            body: dict[str, Any] = wire.channel_key(channel)
            await self.link.change(operation, path, body)
