"""The webhook: three events, batched, retried and lost as the real server does it (reference 2.15).

Each node sends its own: messages from where the channel is led, online changes from where the user's slot is led.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence

from . import gojson
from .ids import SYSTEM_UID
from .model import Connection, Message
from .outgoing import post_json
from .topology import Timings

PER_PUSH = 100
TRIES = 5
BACKLOG = 5 * PER_PUSH
INTERVAL = 0.5  # seconds between two looks at the queue
RETRY = 1.0
ONLINE_POLL = 2.0
ANSWER_WITHIN = 10.0


class NodeHooks:
    """One node's queues and the loops that empty them."""

    def __init__(self, hooks: "Hooks", node_id: int) -> None:
        self._hooks = hooks
        self._node_id = node_id
        self.queue: deque[dict[str, object]] = deque()  # on disk: a kill keeps it
        self.cache: list[dict[str, object]] = []
        self.changes: list[str] = []  # in memory
        self._failures: dict[object, int] = {}
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        if not self._tasks:
            self._tasks = [asyncio.ensure_future(self._messages()), asyncio.ensure_future(self._online())]

    def stop(self, *, killed: bool) -> None:
        """A batch that was being retried comes back after a kill and is lost by a proper stop."""
        for task in self._tasks:
            task.cancel()
        self._tasks = []
        if killed:
            self.queue.extendleft(reversed(self.cache))
        self.cache, self.changes = [], []
        self._failures.clear()

    async def _messages(self) -> None:
        while True:
            await asyncio.sleep(INTERVAL * self._hooks.pace)
            while self.queue:
                self.cache.append(self.queue.popleft())
                if len(self.cache) >= PER_PUSH:
                    await self._push()
            if self.cache:
                await self._push()

    async def _push(self) -> None:
        batch, self.cache = self.cache, []
        if await self._hooks.post("msg.notify", batch):
            for one in batch:
                self._failures.pop(one["message_id"], None)
            return
        for one in batch:
            self._failures[one["message_id"]] = self._failures.get(one["message_id"], 0) + 1
        again = [one for one in batch if self._failures[one["message_id"]] < TRIES]
        self.cache = [*again, *self.cache][-BACKLOG:]
        if again:
            await asyncio.sleep(RETRY * self._hooks.pace)

    async def _online(self) -> None:
        failures = 0
        while True:
            count = len(self.changes)
            if not count:
                await asyncio.sleep(ONLINE_POLL * self._hooks.pace)
                continue
            while not await self._hooks.post("user.onlinestatus", self.changes[:count]):
                failures += 1
                await asyncio.sleep(RETRY * self._hooks.pace)
                if failures >= TRIES:
                    break
            failures = 0
            del self.changes[:count]


class Hooks:
    def __init__(self, node_ids: Iterable[int], timings: Timings) -> None:
        self.url = ""
        self.focus: tuple[str, ...] = ()
        self.to_lose = 0
        self._timings = timings
        self._nodes = {node: NodeHooks(self, node) for node in node_ids}
        self._single: set[asyncio.Task[bool]] = set()
        self.sent: deque[tuple[str, int]] = deque(maxlen=1000)  # event and status, 0 for no answer

    @property
    def pace(self) -> float:
        return self._timings.hook_pace

    def add_node(self, node_id: int) -> None:
        self._nodes[node_id] = NodeHooks(self, node_id)

    def wants(self, event: str) -> bool:
        return bool(self.url) and (not self.focus or event in self.focus)

    async def post(self, event: str, body: object) -> bool:
        """True for exactly 200 in time; a batch that is lost by knob counts as sent."""
        if not self.url:
            return True
        if self.to_lose > 0:
            self.to_lose -= 1
            return True
        status = await post_json(f"{self.url}?event={event}", gojson.dumps(body), within=ANSWER_WITHIN * self.pace)
        self.sent.append((event, status))
        return status == 200

    # -- events --------------------------------------------------------------------------------------------------

    def message_stored(self, node_id: int, row: dict[str, object]) -> None:
        if self.wants("msg.notify"):
            node = self._nodes[node_id]
            node.queue.append(row)
            node.start()

    def message_missed(
        self, node_id: int, row: dict[str, object], message: Message, target: str, uids: Sequence[str]
    ) -> None:
        """One request for a message and a node, never repeated; the raw sender and channel, not the peer's view."""
        if not uids or not self.wants("msg.offline"):
            return
        raw = {**row, "from_uid": message.from_uid or SYSTEM_UID, "channel_id": target}
        task = asyncio.ensure_future(self.post("msg.offline", raw | {"to_uids": list(uids), "source_id": node_id}))
        self._single.add(task)
        task.add_done_callback(self._single.discard)

    def online_changed(self, leader: int, one: Connection, mine: Sequence[Connection], *, online: bool) -> None:
        """mine: the connections of the user that the leader knows after the change."""
        if not self.wants("user.onlinestatus"):
            return
        same = sum(other.device_flag == one.device_flag for other in mine)
        node = self._nodes[leader]
        node.changes.append(f"{one.uid}-{one.device_flag}-{int(online)}-{one.id}-{same}-{len(mine)}")
        node.start()

    # -- nodes ---------------------------------------------------------------------------------------------------

    def node_died(self, node_id: int, *, killed: bool = True) -> None:
        self._nodes[node_id].stop(killed=killed)

    def node_returned(self, node_id: int) -> None:
        node = self._nodes[node_id]
        if node.queue:
            node.start()

    def close(self) -> None:
        for node in self._nodes.values():
            node.stop(killed=False)
        for task in list(self._single):
            task.cancel()
