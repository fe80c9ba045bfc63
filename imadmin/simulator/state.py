"""Everything one simulated cluster knows, and quick ways for tests to change it.

All of it belongs to the simulator's event loop: from a test thread use `cluster.call(fn)`.
"""

import asyncio
import random
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from . import gojson
from .archive import Archive
from .chatter import Cast
from .closing import Closings
from .events import Events
from .failover import Failover
from .faults import NodeFaults, Wedge
from .hooks import Hooks
from .ids import ChannelType, Snowflake, person_id, slot_of
from .joining import Joining
from .misdeeds import Misdeeds
from .model import ChannelConfig, ChannelKey, Connection, Device, ListEntry, Message, Plugin, PluginUser, Tag
from .moves import Moves
from .online import Online
from .shapes import stored_config
from .store import Store
from .topology import Timings, Topology, build_topology

REQUESTS_KEPT = 10_000
TAGS_KEPT = 20_000


@dataclass(frozen=True, slots=True)
class Death:
    node_id: int
    cause: str


@dataclass(frozen=True, slots=True)
class Address:
    """Where a node listens; `cluster_addr` and `tcp_addr` are only shown."""

    node_id: int
    host: str
    api_port: int
    manager_port: int
    ws_port: int

    @property
    def api(self) -> str:
        return f"{self.host}:{self.api_port}"

    @property
    def tcp_addr(self) -> str:
        return f"{self.host}:{self.ws_port + 1}"

    @property
    def cluster_addr(self) -> str:
        return f"{self.host}:{self.ws_port + 2}"


@dataclass(frozen=True, slots=True)
class Settings:
    """What the real server reads from its configuration file."""

    manager_token: str = ""
    users: dict[str, tuple[str, str]] = field(default_factory=dict)
    jwt_secret: str = "secret_wukongim"  # noqa: S105 - the real server's public default
    token_auth: bool = False
    allowlist_off_for_person: bool = True
    version: str = ""
    slot_count: int = 64
    replica_count: int = 3
    jwt_lifetime: float = 720 * 3600
    clinging: float = 0.25  # share of the world's clients that keep their socket when kicked
    deaf_share: float = 0.75  # of clients elsewhere whose slot leader was killed and restarted


class SimState:
    def __init__(self, addresses: Iterable[Address], settings: Settings, timings: Timings, seed: int) -> None:
        self.settings = settings
        self.seed = seed
        self.addresses = {one.node_id: one for one in addresses}
        self.node_ids = sorted(self.addresses)
        self.origin = time.time()  # the demo world's "now" at start
        self.written_at: float | None = None  # the moment at which history is being written
        self.snowflake = Snowflake()
        places = {one.node_id: (one.cluster_addr, f"http://{one.api}") for one in self.addresses.values()}
        rng = random.Random(f"topology-{seed}")
        self.topology: Topology = build_topology(places, settings.slot_count, rng, timings, settings.replica_count)
        self.topology.on_leaders_moved = self._leaders_moved
        self.moves = Moves(self.topology)
        self.failover = Failover(self.topology, self.moves)
        self.failover.on_restarted = self._restarted
        self.joining = Joining(self.topology, self.moves)
        self._left_alone: dict[int, list[Connection]] = {}
        self.store = Store(self.now_ns, self.snowflake)
        self.archive = Archive()
        self.events = Events()
        self.temporary: dict[ChannelKey, tuple[str, ...]] = {}  # who gets the messages of temporary channels
        self.tags: dict[ChannelKey, Tag] = {}
        self.plugins: list[Plugin] = []
        self.plugin_users: dict[tuple[str, str], PluginUser] = {}
        self.handed_out: dict[str, list[tuple[ChannelKey, int]]] = {}  # commands that wait for their syncack
        self.misdeeds = Misdeeds(self.archive)
        self.online = Online(self.node_ids, self.leader_of_uid, settings.clinging)
        self.closings = Closings(self.online, self.leader_of_uid, lambda node: self.topology.live[node].alive)
        self.hooks = Hooks(self.node_ids, timings)
        self.online.on_online, self.online.on_offline = self._came_online, self.went_offline
        self.faults = {node: NodeFaults() for node in self.node_ids}
        self.wedged: dict[int, Wedge] = {}
        self.deaths: list[Death] = []
        self.requests: deque[tuple[int, str, str, str, str, bytes]] = deque(maxlen=REQUESTS_KEPT)
        self.counters: dict[int, dict[str, int]] = {node: {} for node in self.node_ids}
        self.cast = Cast()
        self.close_ports: Callable[[int], None] = lambda node_id: None

    # -- time and place ------------------------------------------------------------------------------------------

    @property
    def timings(self) -> Timings:
        return self.topology.timings

    def now(self, node_id: int = 0) -> float:
        skew = self.faults[node_id].clock_skew if node_id else 0.0
        return (time.time() if self.written_at is None else self.written_at) + skew

    def now_ns(self, node_id: int = 0) -> int:
        if not node_id and self.written_at is None:
            return time.time_ns()
        return int(self.now(node_id) * 1_000_000) * 1000

    def slot_of(self, text: str) -> int:
        return slot_of(text, self.settings.slot_count)

    def keeps(self, node_id: int, text: str) -> bool:
        """Has the node a copy of the slot of a uid or a stored channel id?"""
        view = self.topology.view
        return len(view.nodes) <= view.slot_replicas or node_id in view.slots[self.slot_of(text)].replicas

    def leader_of(self, text: str) -> int:
        """The node leading the slot of a stored channel id or a uid."""
        return self.topology.slot_leader(self.slot_of(text))

    def leader_of_uid(self, uid: str) -> int:
        return self.leader_of(uid)

    def running_on(self, node_id: int) -> int:
        """Channels with a running instance on the node."""
        return sum(one.running for one in self.store.configs.values() if node_id in one.replicas)

    def memory(self, node_id: int) -> int:
        """Resident bytes, growing with what the node has to remember."""
        uptime = int(self.now() - self.topology.live[node_id].started_at)
        held = min(len(self.archive), 3_000_000) * 900 + self.online.open_sockets(node_id) * 9000
        return 110_000_000 + held + uptime % 17 * 65_536

    def count(self, node_id: int, name: str, by: int = 1) -> None:
        counters = self.counters[node_id]
        counters[name] = counters.get(name, 0) + by

    # -- channels ------------------------------------------------------------------------------------------------

    def channel_config(self, key: ChannelKey) -> ChannelConfig:
        """The channel's cluster config; elects a new leader if the old one is known to be offline."""
        slot = self.slot_of(key[0])
        entry = self.topology.view.slots[slot]
        config = self.store.configs.get(key)
        if config is None:
            config = self.store.config(key, entry.replicas, entry.leader, 0)
            config.replica_max = self.topology.view.channel_replicas
            self.save_config(config)
            return config
        if not self.topology.view.nodes[config.leader_id].online:
            config.leader_id, config.term = entry.leader, config.term + 1
            self.save_config(config)
        return config

    def save_config(self, config: ChannelConfig) -> None:
        """Written to the channel's slot; its index there is the config's version."""
        slot = self.slot_of(config.channel_id)
        config.conf_version = self.topology.log_slot(
            slot, self.now_ns(), "CMDChannelClusterConfigSave", stored_config(config)
        )
        config.written_by = self.topology.slot_leader(slot)

    def save_conversations(self, uid: str) -> None:
        """The periodic save of somebody's read positions: an entry in his slot's log, when it can be written."""
        slot = self.slot_of(uid)
        leader = self.topology.slot_leader(slot)
        if slot not in self.wedged and self.topology.slot_has_quorum(slot) and self.topology.answers(leader):
            self.topology.log_slot(slot, self.now_ns(), "CMDAddOrUpdateConversationsBatchIfNotExist", [{"uid": uid}])
            self.count(leader, "propose")

    def members(self, key: ChannelKey) -> Iterable[str]:
        members: dict[str, ListEntry] = self.store.members.get(key, {})
        return members

    def touch_tag(self, key: ChannelKey) -> None:
        """A message goes through the channel: its tag is made, or used once more."""
        now, tag = self.now(), self.tags.get(key)
        if tag is None:
            if len(self.tags) >= TAGS_KEPT:
                del self.tags[next(iter(self.tags))]
            self.tags[key] = Tag(uuid.uuid4().hex, key, now, now)
        else:
            tag.last_get, tag.get_count = now, tag.get_count + 1

    # -- faults --------------------------------------------------------------------------------------------------

    def die(self, node_id: int, cause: str) -> None:
        """A deadly call ends a node, as it ends the real process."""
        self.deaths.append(Death(node_id, cause))
        self.kill(node_id)

    def kill(self, node_id: int) -> None:
        if not self.topology.live[node_id].alive:
            return
        self.faults[node_id].awake.set()
        self._left_alone[node_id] = [one for one in self.online.all() if one.registered_at == node_id != one.node_id]
        self.failover.went_away(node_id, hung=False)
        self.online.node_died(node_id)
        self.hooks.node_died(node_id)
        self.close_ports(node_id)
        delay = 20 * self.topology.pace
        asyncio.get_running_loop().call_later(delay, self.online.forget_dead, node_id)

    def add_node(self, address: Address, *, stuck: bool = False) -> None:
        """A node that joins a running cluster; what it goes through is in `joining`."""
        node_id = address.node_id
        self.addresses[node_id] = address
        self.node_ids = sorted(self.addresses)
        self.faults[node_id], self.counters[node_id] = NodeFaults(), {}
        self.online.add_node(node_id)
        self.hooks.add_node(node_id)
        self.joining.begin(node_id, address.cluster_addr, f"http://{address.api}", now=self.now(), stuck=stuck)

    def _restarted(self, node_id: int) -> None:
        """Clients of other nodes whose user it led before go deaf (reference 5.9); only a reconnect helps them."""
        self.joining.restarted(node_id)
        rng = random.Random(f"deaf-{self.seed}")
        for one in self._left_alone.pop(node_id, []):
            if one.here and rng.random() < self.settings.deaf_share:
                self.online.deafen(one)

    def _came_online(self, one: Connection) -> None:
        if self.hooks.url:
            leader = self.leader_of(one.uid)
            self.hooks.online_changed(leader, one, self.online.online_at(leader, one.uid), online=True)

    def went_offline(self, one: Connection) -> None:
        """Its socket is closed: neither a kick nor a removal tells anybody before that, and slot 0 never does."""
        slot = self.slot_of(one.uid)
        if self.hooks.url and slot and self.topology.answers(one.node_id):
            leader = self.topology.slot_leader(slot)
            self.hooks.online_changed(leader, one, self.online.online_at(leader, one.uid), online=False)

    def _leaders_moved(self) -> None:
        lost = self.online.leaders_moved()
        delay = 4 * self.topology.pace
        asyncio.get_running_loop().call_later(delay, self.online.register_again, lost)

    # -- conveniences for tests and the world --------------------------------------------------------------------

    def add_user(self, uid: str, *, token: str = "", flag: int = 0, level: int = 0) -> Device:
        """A uid with a user and a device row, as `POST /user/token` leaves it."""
        self.topology.log_slot(self.slot_of(uid), self.now_ns(), "CMDAddDevice", {"uid": uid, "device_flag": flag})
        return self.store.set_device(uid, flag, level, token or f"tok-{uid}-{flag}")

    def add_group(
        self,
        channel_id: str,
        members: Iterable[str] = (),
        channel_type: int = ChannelType.GROUP,
        *,
        listed: bool = True,
        **flags: int,
    ) -> ChannelKey:
        """A channel with members and their conversations, as `POST /channel` leaves it."""
        key = (channel_id, int(channel_type))
        if listed:
            self.store.save_channel(*key, flags=flags)
        else:
            self.store.touch_channel(key)
        self.store.add_to(self.store.members, key, members)
        self.store.add_conversations(members, key)
        data = {"channel_id": channel_id, "channel_type": int(channel_type)}
        self.topology.log_slot(self.slot_of(channel_id), self.now_ns(), "CMDAddChannelInfo", data)
        return key

    def add_message(
        self,
        from_uid: str,
        channel_id: str,
        payload: bytes | str | dict[str, object] = "hello",
        channel_type: int = ChannelType.GROUP,
        *,
        at: float | None = None,
        client_msg_no: str = "",
        **fields: int | bool,
    ) -> Message:
        """Store one message at once, past every check. Person chats: channel_id is the peer's uid.

        payload: bytes as they are, a dict as compact JSON, a text as `{"type":1,"content":text}`.
        """
        if isinstance(payload, str):
            payload = {"type": 1, "content": payload}
        body = payload if isinstance(payload, bytes) else gojson.dumps(payload)
        stored = person_id(from_uid, channel_id) if channel_type == ChannelType.PERSON else channel_id
        key = (stored, int(channel_type))
        config = self.channel_config(key)
        moment = self.now() if at is None else at
        message = Message(
            id=self.snowflake.next(config.leader_id, int(moment * 1000)),
            seq=0,
            client_msg_no=client_msg_no or f"{uuid.uuid4().hex}0",
            from_uid=from_uid,
            channel_id=stored,
            channel_type=int(channel_type),
            payload=body,
            timestamp=int(moment),
            term=config.term,
        )
        for name, value in fields.items():
            setattr(message, name, value)
        if channel_type == ChannelType.PERSON:
            self.store.add_conversations((from_uid, channel_id), key)
        config.last_append = int(moment * 1_000_000_000)
        config.running = True
        return self.archive.store(message)

    def add_connection(self, uid: str, node_id: int = 0, **fields: object) -> Connection:
        """A connection without a socket, as the demo world has them."""
        node_id = node_id or self.node_ids[0]
        now = self.now()
        connection = Connection(
            id=self.online.next_id(node_id),
            uid=uid,
            node_id=node_id,
            device_flag=1,
            device_id="web",
            connected_at=now,
            last_activity=now,
        )
        for name, value in fields.items():
            setattr(connection, name, value)
        return self.online.add(connection)
