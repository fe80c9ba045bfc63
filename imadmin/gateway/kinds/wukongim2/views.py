"""Watching: every node asked itself, in parallel, by a few cheap local calls, never through another (5.9).

A node first says who it is; only one that does is asked the rest, so that a dead or hung one costs one call a look.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime

from imadmin.core.errors import AppError, gettext_noop
from imadmin.gateway.errors import BadReply, GatewayError, RefusedLocally, Rejected, TimedOut, Unauthorised, Unreachable
from imadmin.gateway.http import CUT_READ, Reply, gather_settled
from imadmin.gateway.kinds.wukongim2 import answers, managers, views_wire
from imadmin.gateway.kinds.wukongim2.part import NO_ADDRESS, Part, reason_of
from imadmin.gateway.types import ConfigView, MemberView, NodeView, SlotView

MANAGER_EVERY = 30.0  # seconds: nothing of the verdict hangs on it
MANAGER_PATIENCE = 0.5
SLOTS_AT_MOST = 4096

ANOTHER_NODE = gettext_noop("Another node answers at this node's address")
NO_SLOTS = gettext_noop("The node doesn't tell its slots")


@dataclass(slots=True)
class ManagerChecks:
    """When each manager API was last tried, whether it answered, and the try that is under way."""

    tried: dict[str, float] = field(default_factory=dict)
    found: dict[str, bool] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    under_way: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    def due(self, url: str) -> bool:
        return url not in self.tried or time.monotonic() - self.tried[url] >= MANAGER_EVERY

    def begin(self, url: str, check: asyncio.Task[None]) -> None:
        self.tried[url], self.under_way[url] = time.monotonic(), check

    def learn(self, url: str, answers: bool) -> None:
        self.found[url] = answers

    def answers(self, url: str) -> bool | None:
        return self.found.get(url)


@dataclass(frozen=True, slots=True)
class _Met:
    """A node that said who it is."""

    hello: views_wire.Hello
    latency: float
    clock_offset: float | None


class ViewsPart(Part):
    manager_checks: ManagerChecks
    slot_lock: asyncio.Lock

    async def node_views(self, *, slots: bool = True) -> tuple[NodeView, ...]:
        """What each node says and believes, by id; a silent one is a view with answers=False and the reason.

        Never raises because of a node.  Nodes are the ones listed by the freshest view (the highest config version),
        the ones met, and while nobody tells the ones last known; an address that never told its id has id 0.
        Source: GET /cluster/node, then /cluster/simpleNodes, /cluster/slots?ids= and /varz, of the config leader also
        /cluster/info; twice a minute whether the manager API answers.  Reference 2.8, 2.9, 5.9.
        """
        await self.roster.learn_extra()
        if not self.roster.known and (silent := await self.roster.meet()):
            return tuple(_silent(node, url, error) for node, url, error in sorted(silent, key=lambda one: one[:2]))
        views: dict[int, NodeView] = {}
        for _ in range(2):  # the freshest view may know nodes, or addresses, that nobody named before
            unasked = [one for one in self.roster.known if not _is_asked(views.get(one.id), one.url)]
            found = await gather_settled(*(self._view(member.id, member.url, slots=slots) for member in unasked))
            views |= {view.id: view for view in found}
            told = [view for view in views.values() if view.answers and view.members]
            if not told:
                break
            self.roster.learn_members(max(told, key=freshness).members)
        listed = {member.id for member in self.roster.known}
        return tuple(view for node, view in sorted(views.items()) if view.answers or node in listed)

    async def _view(self, node: int, url: str, *, slots: bool) -> NodeView:
        label = str(node) if node else ""
        try:
            if not url:
                raise Unreachable(NO_ADDRESS, node=label, operation="nodes")
            met = await self._meet(node, url, label)
        except (GatewayError, RefusedLocally) as error:
            return _silent(node, url, error)
        hello = met.hello
        members, own_slots, figures, config = await gather_settled(
            self._members(url, label),
            self._slots(url, label) if slots else _nothing(),
            self._figures(url, label),
            self._config(url, label) if hello.is_leader else _nothing(),
        )
        for answer in (members, own_slots, figures):
            if (answer is members and isinstance(answer, AppError)) or isinstance(answer, (Unreachable, TimedOut)):
                return _silent(hello.id, url, answer)  # it went silent between two calls
        said = figures if isinstance(figures, views_wire.Figures) else None
        lost = own_slots if isinstance(own_slots, AppError) else None
        manager = self._manager_url(hello.id, url, said.manager) if said else ""
        return NodeView(
            id=hello.id,
            api_url=url,
            answers=True,
            latency=met.latency,
            error=reason_of(lost) if lost else "",
            error_code=lost.code if lost else "",
            is_leader=hello.is_leader,
            config_version=hello.config_version,
            term=hello.term,
            version=(hello.version or (said.version if said else "")) or None,
            uptime=said.uptime if said else hello.uptime,
            connections=said.connections if said else None,
            memory=said.memory if said else None,
            goroutines=said.goroutines if said else None,
            cpu=said.cpu if said else None,
            retry_queue=said.retry_queue if said else None,
            in_msgs=said.in_msgs if said else None,
            out_msgs=said.out_msgs if said else None,
            clock_offset=met.clock_offset,
            manager_url=manager,
            members=members,
            slots=() if lost else own_slots or (),
            config=config if isinstance(config, ConfigView) else None,
            manager_answers=await self._manager_answers(manager, label),
            sign_in_refused=manager in self.manager_checks.refused,
        )

    async def _meet(self, node: int, url: str, label: str) -> _Met:
        asked_at, started = time.time(), time.monotonic()
        try:
            reply = await self.link.watch("nodes", url, "/cluster/node", node=label)
        except Unreachable as error:
            if error.message != CUT_READ:  # a kept connection may have ended with the process that held it
                raise
            asked_at, started = time.time(), time.monotonic()
            reply = await self.link.watch("nodes", url, "/cluster/node", node=label)
        hello = answers.read(reply, views_wire.hello)
        if node and hello.id != node:
            raise Unreachable(ANOTHER_NODE, node=label, operation="nodes")
        return _Met(hello, time.monotonic() - started, _clock_offset(reply, asked_at))

    async def _members(self, url: str, label: str) -> tuple[MemberView, ...]:
        return answers.read(await self.link.watch("nodes", url, "/cluster/simpleNodes", node=label), views_wire.members)

    async def _figures(self, url: str, label: str) -> views_wire.Figures:
        return answers.read(await self.link.watch("nodes", url, "/varz", node=label), views_wire.figures)

    async def _config(self, url: str, label: str) -> ConfigView:
        found = answers.read(await self.link.watch("nodes", url, "/cluster/info", node=label), views_wire.config)
        self.roster.learn_slot_count(found.slot_count)
        return found

    async def _slots(self, url: str, label: str) -> tuple[SlotView, ...]:
        async with self.slot_lock:  # the first node that is asked counts for all
            count = self.roster.known_slot_count or await self._count_slots(url, label)
        return await self._slots_to(url, label, count)

    async def _slots_to(self, url: str, label: str, count: int, first: int = 0) -> tuple[SlotView, ...]:
        ids = ",".join(str(slot) for slot in range(first, count))
        reply = await self.link.watch("slots", url, "/cluster/slots", {"ids": ids}, node=label)
        return answers.read(reply, views_wire.slots)

    async def _count_slots(self, url: str, label: str) -> int:
        """How many slots there are, asked of this node alone: the lowest number it doesn't know.  Once in a life."""
        known, unknown = 0, 64
        while unknown <= SLOTS_AT_MOST and await self._has_slot(url, label, unknown - 1):
            known, unknown = unknown, unknown * 2
        while unknown - known > 1:
            middle = (known + unknown) // 2
            known, unknown = (middle, unknown) if await self._has_slot(url, label, middle - 1) else (known, middle)
        if not known:
            raise BadReply(NO_SLOTS, node=label, operation="slots")
        self.roster.learn_slot_count(known)
        return known

    async def _has_slot(self, url: str, label: str, slot: int) -> bool:
        try:
            return bool(await self._slots_to(url, label, slot + 1, slot))
        except Rejected:
            return False

    def _manager_url(self, node: int, api_url: str, listens_on: str) -> str:
        """Where the node's manager API answers: as given, else as far as it can be told."""
        if given := self.roster.given_managers.get(node):
            return given
        if api_url == self.link.api and self.link.manager:
            return self.link.manager
        return managers.address(api_url, listens_on)

    async def _manager_answers(self, manager: str, label: str) -> bool | None:
        """As far as it is known soon: a manager API that hangs doesn't delay the look."""
        if manager and self.manager_checks.due(manager):
            check = asyncio.create_task(self._check_manager(manager, label))
            self.manager_checks.begin(manager, check)
            await asyncio.wait({check}, timeout=MANAGER_PATIENCE)
        return self.manager_checks.answers(manager)

    async def _check_manager(self, manager: str, label: str) -> None:
        """Any answer will do, also a refusal."""
        try:
            await self.link.watch("nodes", manager, "/manager/login", node=label)
        except BadReply:
            pass
        except (GatewayError, RefusedLocally):
            self.manager_checks.learn(manager, False)
            return
        self.manager_checks.learn(manager, True)
        if manager == self.link.manager:
            await self._check_sign_in(manager)

    async def _check_sign_in(self, manager: str) -> None:
        """All else here goes by the token alone, and would never notice."""
        try:
            await self.link.sign_in.bearer()
        except Unauthorised:
            self.manager_checks.refused.add(manager)
        except GatewayError:
            pass
        else:
            self.manager_checks.refused.discard(manager)


async def _nothing() -> None:
    return None


def _silent(node: int, url: str, error: AppError) -> NodeView:
    return NodeView(node, url, answers=False, error=reason_of(error), error_code=error.code)


def _is_asked(view: NodeView | None, url: str) -> bool:
    return view is not None and (view.answers or view.api_url == url)


def freshness(view: NodeView) -> tuple[int, int]:
    """Which of two views is the newer one: more config changes, then more elections."""
    return (view.config_version or 0, view.term or 0)


def _clock_offset(reply: Reply, asked_at: float) -> float | None:
    """To about half a second: the Date header counts whole seconds; half of the call's time is taken off."""
    try:
        theirs = parsedate_to_datetime(reply.date)
    except (TypeError, ValueError):
        return None
    return round(theirs.timestamp() + 0.5 - (asked_at + reply.elapsed / 2), 1)
