"""The rows a cluster keeps: messages, channels, users, devices, conversations, connections.

Plain data; who may change them and how they are found again lives in `store` and `archive`.
"""

from dataclasses import dataclass, field
from typing import Protocol

ChannelKey = tuple[str, int]  # stored id, type


@dataclass(slots=True)
class Message:
    id: int
    seq: int
    client_msg_no: str
    from_uid: str
    channel_id: str  # stored id
    channel_type: int
    payload: bytes
    timestamp: int
    setting: int = 0
    expire: int = 0
    topic: str = ""
    no_persist: bool = False
    red_dot: bool = False
    sync_once: bool = False
    term: int = 1

    @property
    def key(self) -> ChannelKey:
        return self.channel_id, self.channel_type


@dataclass(slots=True)
class ChannelRecord:
    """A row of the channel table. `created_at` is 0 when only subscriber_add made it: such rows are never listed."""

    channel_id: str
    channel_type: int
    ban: int = 0
    disband: int = 0
    large: int = 0
    send_ban: int = 0
    allow_stranger: int = 0
    created_at: int = 0
    updated_at: int = 0
    was_updated: bool = False
    allowlist_count: int = 0  # raised by the number of uids sent, as the real counter
    denylist_count: int = 0
    before: "ChannelRecord | None" = None  # what other replicas still show; None: no row yet
    replicated_at: float = 0.0  # monotonic; from then on they show this one


@dataclass(slots=True)
class ChannelConfig:
    """Where a channel's log lives; made by the first use of the channel, also by reading it."""

    channel_id: str
    channel_type: int
    replicas: list[int]
    leader_id: int
    created_at: int
    updated_at: int
    term: int = 1
    conf_version: int = 1
    status: int = 0
    migrate_from: int = 0
    migrate_to: int = 0
    learners: list[int] = field(default_factory=list)
    started_at: int = 0
    replica_max: int = 3
    stopped_on: set[int] = field(default_factory=set)  # nodes whose instance was stopped by hand
    last_append: int = 0
    running: bool = False
    written_by: int = 0  # the slot leader that saved it last; it shows the row without its id


@dataclass(slots=True)
class User:
    uid: str
    created_at: int
    updated_at: int


@dataclass(slots=True)
class Device:
    id: int
    uid: str
    flag: int
    level: int
    token: str
    created_at: int
    updated_at: int


@dataclass(slots=True)
class Conversation:
    id: int
    uid: str
    channel_id: str
    channel_type: int
    created_at: int
    updated_at: int
    read_to: int = 0
    deleted_to: int = 0
    kind: int = 0  # 0 chat, 1 command
    saved_at: float = 0.0  # monotonic; until then it is in its leader's memory only
    changed: int = 0  # when its row was written last, exactly: lists are in this order, not by message


@dataclass(slots=True)
class ListEntry:
    uid: str
    created_at: int
    updated_at: int


@dataclass(slots=True)
class Tag:
    """Who gets a channel's messages, as the nodes remember it for a while."""

    key: str
    channel: ChannelKey
    created_at: float
    last_get: float
    get_count: int = 0


@dataclass(slots=True)
class Plugin:
    no: str
    node_id: int
    name: str
    created_at: int
    updated_at: int
    config: dict[str, object] = field(default_factory=dict)
    config_fields: list[dict[str, str]] = field(default_factory=list)
    status: int = 1  # 1 normal, 2 error, 3 offline, 4 disabled
    version: str = ""
    methods: list[str] = field(default_factory=list)
    priority: int = 0
    is_ai: int = 0


@dataclass(slots=True)
class PluginUser:
    plugin_no: str
    uid: str
    created_at: int
    updated_at: int


class ClientSocket(Protocol):
    """What a live websocket offers the rest of the simulator."""

    def push(self, frame: dict[str, object]) -> None: ...


@dataclass(slots=True)
class Connection:
    """One authenticated client. Two flags, because its node and its user's slot leader each keep their own row."""

    id: int
    uid: str
    node_id: int
    device_flag: int
    device_id: str
    connected_at: float
    device_level: int = 0
    ip: str = "127.0.0.1"
    port: int = 0
    version: int = 5
    last_activity: float = 0.0
    in_msgs: int = 0
    out_msgs: int = 0
    in_packets: int = 1
    out_packets: int = 1
    in_msg_bytes: int = 0
    out_msg_bytes: int = 0
    in_packet_bytes: int = 0
    out_packet_bytes: int = 0
    here: bool = True  # its node still lists it
    registered_at: int = 0  # the slot leader that knows of it; 0 when none does
    is_forgotten: bool = False  # still listed, but its node has lost sight of its socket: no pong, no message
    is_deaf: bool = False  # its socket is open, but nobody is at the other end
    socket: ClientSocket | None = field(default=None, repr=False)

    @property
    def is_simulated(self) -> bool:
        """Part of the demo world, without a real socket."""
        return self.socket is None
