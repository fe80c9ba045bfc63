"""The cluster's tables page by page, and walks through all of a kind (2.9, 5.3, 5.4).

Pages go by the instant a row was made, exclusive.  A walk asks again from the last instant on, so that rows made at
the same nanosecond are not left out at a border.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from imadmin.core.errors import gettext_noop
from imadmin.gateway.cluster_types import DeviceRow
from imadmin.gateway.errors import GatewayError, RefusedLocally
from imadmin.gateway.kinds.wukongim2 import guards, wire, wire_cluster
from imadmin.gateway.kinds.wukongim2.channels import channel_of
from imadmin.gateway.kinds.wukongim2.part import (
    OFFLINE,
    OWN,
    Gathered,
    Part,
    decode_cursor,
    encode_cursor,
    failed_with,
    failure,
    merged,
    one_page,
)  # fmt: skip
from imadmin.gateway.kinds.wukongim2.roster import Member
from imadmin.gateway.types import ChannelRecord, ConversationRow, Page, RuntimeChannel, UserRecord, now
from imadmin.gateway.walks import RECORDS_ONLY, SLOTS_MOVED, TIES, Pieces, Walk

T = TypeVar("T")
PAGE = guards.PAGE_LIMIT
MOST, SECONDS = 1_000_000, 600.0

# What a page of conversations can't promise (Page.limits).
NODE_BY_NODE = "node-by-node"  # each node's own page: rows up to nodes times the limit, not in one order

BAD_PAGE = gettext_noop("Pages are counted from 1 on.")


class TablesPart(Part):
    async def users(self, *, cursor: str = "", limit: int = 50) -> Page[UserRecord]:
        """Everybody who was ever given a token, newest first; who only connected has no row.

        Source: GET /cluster/users, all nodes; reference 2.9, 5.3.
        """
        return await self._table("users", "/cluster/users", wire_cluster.user_page, _uid, cursor, limit)

    async def all_devices(self, *, cursor: str = "", limit: int = 50) -> Page[DeviceRow]:
        """Devices that were ever given a token, newest first; never the token.

        Source: GET /cluster/devices, all nodes; reference 2.9, 5.3, 5.7.
        """
        return await self._table("all_devices", "/cluster/devices", wire_cluster.device_page, _device, cursor, limit)

    async def all_conversations(self, *, page: int = 1, limit: int = 50) -> Page[ConversationRow]:
        """Stored conversations of everybody; page by number, and each page costs as much as all before it (5.5).

        Source: GET /cluster/conversations, all nodes; reference 2.9.
        """
        if page < 1:
            raise RefusedLocally({"page": [BAD_PAGE]})
        limit = guards.page_limit(limit)
        gathered = await self.everywhere(
            "all_conversations", "/cluster/conversations", {"current_page": page, "limit": limit},
            parse=wire_cluster.conversation_page,
        )  # fmt: skip
        rows = {(row.uid, row.channel): row for found in gathered.answers for row in found}
        following = str(page + 1) if len(rows) >= limit else ""
        return Page(tuple(rows.values()), following, now(), gathered.failed, (NODE_BY_NODE,))

    async def _table(
        self, name: str, path: str, parse: Callable[[Any], wire.Listed[T]], key: Callable[[T], object],
        cursor: str, limit: int,
    ) -> Page[T]:  # fmt: skip
        limit = guards.page_limit(limit)
        offset = decode_cursor(name, cursor)
        gathered = await self.everywhere(name, path, {"offset_created_at": offset or None, "limit": limit}, parse=parse)
        items, following = one_page(gathered.answers, limit, key=key)
        return Page(items, encode_cursor(name, following) if following else "", now(), gathered.failed)

    # -- all of a kind -----------------------------------------------------------------------------------------------

    def iter_channels(self, *, resume: str = "", most: int = MOST, seconds: float = SECONDS) -> Walk[RuntimeChannel]:
        """Every channel ever used, each once: person chats, command copies and temporary ones too, node by node.

        resume: `mark` of a walk that was broken off; a few rows may come again then.

        Complete unless the walk says otherwise: each stands under the node that leads its slot, and that is checked
        before and after.  Source: GET /cluster/nodes/:id/channels of every node; reference 5.4.
        """
        return Walk(lambda walk: self._channels_of_all(walk, resume), most=most, seconds=seconds)

    def iter_records(self, *, most: int = MOST, seconds: float = SECONDS) -> Walk[ChannelRecord]:
        """Every listed channel record, newest first; always with the limit records-only, as the server lists no others.

        Source: GET /cluster/channels, all nodes; reference 2.9.
        """

        async def pieces(walk: Walk[ChannelRecord]) -> Pieces[ChannelRecord]:
            walk.doubt(RECORDS_ONLY)
            async for piece in self._rows_of_all("iter_records", "/cluster/channels", wire.channel_page, channel_of,
                                                 walk):  # fmt: skip
                yield piece

        return Walk(pieces, most=most, seconds=seconds)

    def iter_users(self, *, most: int = MOST, seconds: float = SECONDS) -> Walk[UserRecord]:
        """Everybody who was ever given a token, newest first.  Source: GET /cluster/users, all nodes; 2.9."""
        return Walk(
            lambda walk: self._rows_of_all("iter_users", "/cluster/users", wire_cluster.user_page, _uid, walk),
            most=most, seconds=seconds,
        )  # fmt: skip

    def iter_devices(self, *, most: int = MOST, seconds: float = SECONDS) -> Walk[DeviceRow]:
        """Every stored device, newest first; never the token.  Source: GET /cluster/devices, all nodes; 2.9."""
        return Walk(
            lambda walk: self._rows_of_all("iter_devices", "/cluster/devices", wire_cluster.device_page, _device, walk),
            most=most, seconds=seconds,
        )  # fmt: skip

    async def _rows_of_all(
        self, operation: str, path: str, parse: Callable[[Any], wire.Listed[T]], key: Callable[[T], object],
        walk: Walk[T],
    ) -> Pieces[T]:  # fmt: skip
        async def ask(offset: int) -> Gathered[wire.Listed[T]]:
            return await self.everywhere(
                operation, path, {"offset_created_at": offset or None, "limit": PAGE}, parse=parse
            )

        async for piece in _all_pages(ask, key, walk):
            yield piece

    async def _channels_of_all(self, walk: Walk[RuntimeChannel], resume: str) -> Pieces[RuntimeChannel]:
        before = await self._leaders_of_slots()
        members = await self.roster.members()
        seen: set[object] = set()
        node, _, instant = resume.partition(":")
        at_node, at = (int(node), int(instant)) if node.isdecimal() and instant.isdecimal() else (0, 0)
        for member in members:
            if member.id < at_node:
                continue
            if not member.url or not member.row.is_online:
                if member.id in before.values() or not before:
                    walk.failed.append(failure(member.label, OFFLINE))
                continue
            try:
                start = at if member.id == at_node else 0
                async for piece in _all_pages(
                    self._channels_under(member), channel_of, walk, seen, start=start, name=f"{member.id}:"
                ):
                    yield piece
                async for piece in self._cut_off(walk, member, seen):
                    yield piece
            except GatewayError as error:
                walk.failed.append(failed_with(member.label, error))
        if (
            not before
            or set(before.values()) - {member.id for member in members}
            or before != (await self._leaders_of_slots())
        ):
            walk.doubt(SLOTS_MOVED)

    def _channels_under(self, member: Member, *, pre: int | None = None) -> Callable[[int], Any]:
        async def ask(offset: int) -> Gathered[wire.Listed[RuntimeChannel]]:
            found = await self.link.get_from(
                "iter_channels", member.url, f"/cluster/nodes/{member.id}/channels",
                {"offset_created_at": offset or None, "limit": PAGE, "pre": pre}, parse=wire.runtime_page,
                node=member.label, timeouts=OWN,
            )  # fmt: skip
            return Gathered((found,), ())

        return ask

    async def _cut_off(self, walk: Walk[RuntimeChannel], member: Member, seen: set[object]) -> Pieces[RuntimeChannel]:
        """What the walk down didn't reach: it ends, as if at the end, at the first channel whose row was made anew.

        Upwards nothing is cut, but up to two rows next to the cursor are left out: so pages overlap, and begin at a
        row whose instant is its true one, which the lowest of half a page is unless all of that half were made anew.
        """
        up, down = self._channels_under(member, pre=1), self._channels_under(member)
        offset = 0
        while True:
            (page,) = (await up(offset)).answers
            pages = [page]
            if not offset and page.has_more:
                pages += (await down(min(instant for instant, _ in page.items))).answers  # the two oldest
            rows = [item for each in pages for _, item in each.items if item is not None]
            fresh = [item for item in rows if item.channel not in seen]
            seen.update(item.channel for item in fresh)
            yield fresh
            if not page.has_more or (not offset and not fresh):
                return
            following = min(instant for instant, _ in page.items[len(page.items) // 2 :])
            if following <= offset:
                walk.doubt(TIES)
                return
            offset = following

    async def _leaders_of_slots(self) -> dict[int, int]:
        """{} while nobody tells."""
        count = await self.roster.slot_count()
        if not count:
            return {}
        ids = ",".join(str(slot) for slot in range(count))
        try:
            return await self.link.get("iter_channels", "/cluster/slots", {"ids": ids}, parse=wire.slot_leaders)
        except GatewayError:
            return {}


async def _all_pages(
    ask: Callable[[int], Any], key: Callable[[T], object], walk: Walk[T], seen: set[object] | None = None, *,
    start: int = 0, name: str = "",
) -> Pieces[T]:  # fmt: skip
    """Page after page, each beginning at the instant where the one before ended; rows that were seen are left out."""
    seen = set() if seen is None else seen
    offset = start
    while True:
        walk.mark = f"{name}{offset}" if name else ""
        gathered: Gathered[wire.Listed[T]] = await ask(offset)
        walk.failed += [failed for failed in gathered.failed if failed not in walk.failed]
        page, has_more = merged(gathered.answers, PAGE + 1, key=key)
        fresh = [item for _, item in page if item is not None and key(item) not in seen]
        seen.update(key(item) for item in fresh)
        yield fresh
        if not page or not (has_more or len(page) > PAGE):
            return
        last = page[-1][0]
        if last < 1:
            walk.doubt(TIES)  # rows without an instant can't be asked on from
            return
        if offset and last + 1 >= offset:  # a whole page of one instant: the rest of it is out of reach
            walk.doubt(TIES)
            offset = last
        else:
            offset = last + 1


def _uid(row: UserRecord) -> str:
    return row.uid


def _device(row: DeviceRow) -> tuple[str, int]:
    return row.uid, row.flag
