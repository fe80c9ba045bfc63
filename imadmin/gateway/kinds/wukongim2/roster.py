"""Which nodes there are, where each answers, and who leads the slot of an id.

Addresses come from the cluster itself (simpleNodes never fails while the asked node lives); the connection may override
them.  What was once learned is kept, so that a cluster stays reachable when the configured address dies.
"""

from __future__ import annotations

import asyncio
import time
import zlib
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from imadmin.core.errors import AppError, gettext_noop
from imadmin.gateway.errors import (
    BadReply,
    CircuitOpen,
    GatewayError,
    NoSuch,
    RefusedLocally,
    TimedOut,
    Unreachable,
)  # fmt: skip
from imadmin.gateway.http import QUICK, Reply, base_url, gather_settled
from imadmin.gateway.kinds.wukongim2 import answers, shapes, wire
from imadmin.gateway.kinds.wukongim2.link import Link
from imadmin.gateway.types import MemberView

KEEP_SECONDS = 3.0

NO_ADDRESS = gettext_noop("The cluster gives no address for this node")
NO_NODE = gettext_noop("The cluster has no such node")


@dataclass(frozen=True, slots=True)
class Member:
    """A node as the cluster lists it.  url: its main API as we reach it, "" when nobody knows."""

    row: wire.MemberRow
    url: str

    @property
    def id(self) -> int:
        return self.row.id

    @property
    def label(self) -> str:
        return str(self.row.id)


class Roster:
    """The members of one cluster, asked for at most every few seconds."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._fixed, self._extra = _overrides(link.connection.node_apis)
        self.given_managers, _ = _overrides(link.connection.node_managers)
        self._learned: dict[str, int] = {}
        self._members: tuple[Member, ...] = ()
        self._asked_at = -KEEP_SECONDS
        self._slot_count: int | None = None
        self._lock = asyncio.Lock()
        link.others = self._addresses
        link.name_of = self._name_of

    async def members(self) -> tuple[Member, ...]:
        """All nodes, by id; as last known while nobody tells.  Raises GatewayError when nobody ever told."""
        async with self._lock:
            if not self._members or time.monotonic() - self._asked_at >= KEEP_SECONDS:
                try:
                    rows = await self._link.get("nodes", "/cluster/simpleNodes", parse=wire.members, timeouts=QUICK)
                except (Unreachable, TimedOut, CircuitOpen, BadReply):
                    if not self._members:
                        raise
                    self._asked_at = time.monotonic()
                else:
                    await self.learn_extra()
                    self.learn(rows)
            return self._members

    async def known_members(self) -> tuple[Member, ...]:
        """As `members`, however long ago they were asked for: enough for who asks every node itself anyway."""
        is_complete = all(base in self._learned for base in self._extra)
        return self._members if self._members and is_complete else await self.members()

    def learn(self, rows: Sequence[wire.MemberRow]) -> None:
        """What a node just said of who there is."""
        self._members = self.placed(rows)
        self._asked_at = time.monotonic()

    def learn_members(self, members: Iterable[MemberView]) -> None:
        """As `learn`, from a view that was read while watching."""
        self.learn(
            [
                wire.MemberRow(
                    one.id, one.api_url, one.cluster_address, one.is_online, one.is_leader, one.role, one.status,
                    one.slots_led, one.slot_count,
                )
                for one in members
            ]
        )  # fmt: skip

    async def member(self, node_id: int) -> Member:
        """One node with an address.  Raises NoSuch: an unknown node id must not get into a question (5.6)."""
        for member in await self.members():
            if member.id == node_id:
                if not member.url:
                    raise NoSuch(NO_ADDRESS, node=member.label, operation="nodes")
                return member
        raise NoSuch(NO_NODE, node=str(node_id), operation="nodes")

    def placed(self, rows: Sequence[wire.MemberRow]) -> tuple[Member, ...]:
        """Rows of simpleNodes with the addresses we use for them, by id."""
        given = {node: base for base, node in self._learned.items()} | self._fixed
        alone = len(rows) == 1  # then it is the configured address, whatever the node calls itself

        def address(row: wire.MemberRow) -> str:
            return given.get(row.id) or (self._link.api if alone else _reported(row.api_url))

        return tuple(Member(row, address(row)) for row in sorted(rows, key=lambda row: row.id))

    async def slot_leader(self, key: str) -> Member | None:
        """Who leads the slot of this uid or stored channel id; None while that can't be said (5.3)."""
        leaders = await self.slot_leaders([key])
        return leaders.get(key)

    async def slot_leaders(self, keys: Iterable[str]) -> dict[str, Member]:
        """Leaders by key; a key is missing when its slot has no leader or nobody knows."""
        count = await self.slot_count()
        if not count:
            return {}
        slots = {key: slot_of(key, count) for key in keys}
        wanted = ",".join(str(slot) for slot in sorted(set(slots.values())))
        try:
            leaders = await self._link.get(
                "slots", "/cluster/slots", {"ids": wanted}, parse=wire.slot_leaders, timeouts=QUICK
            )
        except GatewayError:
            return {}
        members = {member.id: member for member in await self.members() if member.url}
        found = {key: members.get(leaders.get(slot, 0)) for key, slot in slots.items()}
        return {key: member for key, member in found.items() if member}

    async def slot_count(self) -> int | None:
        """Fixed for a cluster's life.  `info` and `allslot` fail without a config leader; then slots led are added."""
        if self._slot_count is None:
            for path, name in (("/cluster/info", "slotCount"), ("/cluster/allslot", "total")):
                try:
                    self._slot_count = await self._link.get("slots", path, parse=_positive(name), timeouts=QUICK)
                except GatewayError:
                    continue
                return self._slot_count
            members = [member.row for member in await self.members()]
            led = sum(row.slots_led for row in members)
            return led if led and led >= max(row.slots_held for row in members) else None
        return self._slot_count

    def _addresses(self) -> tuple[str, ...]:
        found = [*self._fixed.values(), *self._extra, *(member.url for member in self._members if member.row.is_online)]
        return tuple(base for base in dict.fromkeys(found) if base)

    def _name_of(self, base: str) -> str:
        given = {address: str(node) for node, address in self._fixed.items()}
        known = {member.url: member.label for member in self._members}
        learned = {address: str(node) for address, node in self._learned.items()}
        return (known | learned | given).get(base, "")

    async def learn_extra(self) -> None:
        """Addresses given without a node id: ask each who it is, until it says so once."""
        unknown = [base for base in self._extra if base not in self._learned]
        asked = (self._link.watch("nodes", base, "/cluster/node") for base in unknown)
        for base, reply in zip(unknown, await gather_settled(*asked), strict=True):
            if isinstance(reply, Reply):
                with suppress(GatewayError):
                    self._learned[base] = answers.read(reply, wire.node_self).id

    async def meet(self) -> tuple[tuple[int, str, AppError], ...]:
        """Learn who there is from the first given address that tells.  While none does: node (0: unnamed), url, why."""
        given = self._given_addresses()
        asked = (self._link.watch("nodes", base, "/cluster/simpleNodes", node=_label(given[base])) for base in given)
        silent = []
        for base, reply in zip(given, await gather_settled(*asked), strict=True):
            try:
                if isinstance(reply, AppError):
                    raise reply
                self.learn(answers.read(reply, wire.members))
            except AppError as error:
                silent.append((given[base], base, error))
            else:
                return ()
        return tuple(silent)

    @property
    def known(self) -> tuple[Member, ...]:
        """All nodes as last told by anyone; nobody is asked."""
        return self._members

    @property
    def known_slot_count(self) -> int | None:
        return self._slot_count

    def learn_slot_count(self, count: int) -> None:
        self._slot_count = count

    def _given_addresses(self) -> dict[str, int]:
        """Where the cluster was said to be, before it told anything itself; 0: nobody said which node that is."""
        named = {base: node for node, base in self._fixed.items()} | self._learned
        return dict.fromkeys((self._link.api, *self._extra), 0) | named


def _positive(name: str) -> Callable[[Any], int]:
    def parse(answer: Any) -> int:
        found = shapes.number(shapes.whole(answer), name)
        if found < 1:
            raise shapes.WrongShape(name)
        return found

    return parse


def _label(node: int) -> str:
    return str(node) if node else ""


def slot_of(key: str, count: int) -> int:
    """The slot of a uid or stored channel id (1.7)."""
    return zlib.crc32(key.encode()) % count


def _overrides(texts: tuple[str, ...]) -> tuple[dict[int, str], tuple[str, ...]]:
    """Addresses given as `1001=http://host:5001` or, when the node may say itself who it is, as `http://host:5001`."""
    fixed: dict[int, str] = {}
    extra: list[str] = []
    for text in filter(None, (text.strip() for text in texts)):
        node, equals, address = text.partition("=")
        if equals and node.strip().isdecimal():
            fixed[int(node)] = base_url(address, field_name="node_apis")
        else:
            extra.append(base_url(text, field_name="node_apis"))
    return fixed, tuple(extra)


def _reported(text: str) -> str:
    try:
        return base_url(text)
    except RefusedLocally:
        return ""
