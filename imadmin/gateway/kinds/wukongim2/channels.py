"""Channels: stored records, the cluster's view of every channel ever used, flags."""

from __future__ import annotations

from imadmin.gateway.errors import GatewayError, NoSuch, RefusedLocally
from imadmin.gateway.kinds.wukongim2 import answers, guards, wire
from imadmin.gateway.kinds.wukongim2.part import OWN, Part, decode_cursor, encode_cursor, one_page
from imadmin.gateway.types import ChannelFlags, ChannelRecord, ChannelRef, Page, RuntimeChannel, now

# What a page of channels can't promise (Page.limits).
RECORDS_ONLY = "records-only"  # person chats and channels made by adding members aren't in this list
LIST_COUNTERS_INEXACT = "list-counters-inexact"  # deny and allow counts grow with every uid sent

_RECORDS, _RUNTIME = "records", "runtime"


class ChannelsPart(Part):
    async def channels(self, *, type: int | None = None, cursor: str = "", limit: int = 50) -> Page[ChannelRecord]:
        """Channel records, newest first; a page may be short though more follow (rows that stand for nothing).

        Members and last_* are computed; deny and allow counts are what was ever sent.  Person chats have no record: see
        `node_channels`.  Source: GET /cluster/channels, all nodes; reference 2.9, 5.3.
        """
        if type is not None and not 1 <= type <= 255:
            raise RefusedLocally({"type": [guards.BLANK_CHANNEL]})
        limit = guards.page_limit(limit)
        offset = decode_cursor(_RECORDS, cursor)
        gathered = await self.everywhere(
            "channels",
            "/cluster/channels",
            {"channel_type": type, "offset_created_at": offset or None, "limit": limit},
            parse=wire.channel_page,
        )
        items, following = one_page(gathered.answers, limit, key=channel_of)
        return Page(
            items,
            encode_cursor(_RECORDS, following) if following else "",
            now(),
            gathered.failed,
            (RECORDS_ONLY, LIST_COUNTERS_INEXACT),
        )

    async def node_channels(self, node_id: int, *, cursor: str = "", limit: int = 50) -> Page[RuntimeChannel]:
        """Every channel ever used whose slot this node leads, newest first, person chats and command copies included.

        Raises NoSuch for a node the cluster doesn't have.  Source: GET /cluster/nodes/:id/channels; reference 2.9, 5.4.
        """
        limit = guards.page_limit(limit)
        offset = decode_cursor(_RUNTIME, cursor)
        member = await self.roster.member(node_id)
        found = await self.link.get_from(
            "node_channels",
            member.url,
            f"/cluster/nodes/{member.id}/channels",
            {"offset_created_at": offset or None, "limit": limit},
            parse=wire.runtime_page,
            node=member.label,
        )
        items, following = one_page((found,), limit, key=channel_of)
        return Page(items, encode_cursor(_RUNTIME, following) if following else "", now())

    async def channel(self, channel: ChannelRef) -> ChannelRecord | None:
        """The stored record of a channel; None when there is none (the channel may be in use all the same).

        Counts and last_* are None, which an exact lookup doesn't compute; created_at too (last change there).
        Source: GET /cluster/channels?channel_id&channel_type, at the slot leader; reference 2.9.
        """
        guards.check_channel(channel)
        found = await self.at_slot_leader(
            "channel",
            "/cluster/channels",
            channel.id,
            {**wire.channel_key(channel), "limit": guards.PAGE_LIMIT},
            read=lambda reply: answers.read(reply, wire.exact_channel),
        )
        return max((record for record in found if record.channel == channel), key=_updated, default=None)

    async def runtime_channel(self, channel: ChannelRef) -> RuntimeChannel | None:
        """A channel as its slot leader sees it; None when nothing was ever sent to or read from it.

        The slot leader is asked; should the slot have moved meanwhile, the other nodes too.
        Source: GET /cluster/nodes/:id/channels?channel_id&channel_type; reference 2.9.
        """
        guards.check_channel(channel)
        leader = await self.roster.slot_leader(channel.id)
        members = [member for member in await self.roster.members() if member.url]
        unsure: GatewayError | None = None
        for member in sorted(members, key=lambda member: leader is None or member.id != leader.id):
            try:
                found = await self.link.get_from(
                    "runtime_channel",
                    member.url,
                    f"/cluster/nodes/{member.id}/channels",
                    {**wire.channel_key(channel), "limit": 1},
                    parse=wire.runtime_page,
                    node=member.label,
                    timeouts=OWN,
                )
            except NoSuch:
                return None
            except GatewayError as error:
                unsure = unsure or error
                continue
            for _, runtime in found.items:
                if runtime and runtime.channel == channel:
                    return runtime
        if unsure:
            raise unsure
        return None

    async def set_flags(self, channel: ChannelRef, flags: ChannelFlags) -> None:
        """Write all five flags, making the record where there is none.  Only ban and disband can be read back.

        Person channels: the bare uid (its login and send ban), or the stored pair (ban stops both).
        Raises RefusedLocally for ids the server would store as junk, Uncertain.
        Source: POST /channel/info (persons), POST /channel (others); reference 2.3, 5.8.
        """
        guards.check_channel_to_change(channel)
        path = "/channel/info" if channel.is_person else "/channel"
        await self.link.change("set_flags", path, {**wire.channel_key(channel), **wire.flags(flags)})


def channel_of(row: ChannelRecord | RuntimeChannel) -> ChannelRef:
    return row.channel


def _updated(record: ChannelRecord) -> float:
    return record.updated_at.timestamp() if record.updated_at else 0.0
