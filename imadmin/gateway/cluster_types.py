"""The cluster as it keeps itself: its configuration, its slots, and the copies of a channel."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from imadmin.gateway.enums import DeviceLevel, NodeRole, NodeStage, ReplicaRole
from imadmin.gateway.types import ChannelRef, Message, SlotView


@dataclass(frozen=True, slots=True)
class ConfigNode:
    """A node as the configuration names it.  last_offline_at: None = never."""

    id: int
    cluster_address: str
    api_url: str
    is_online: bool
    offline_count: int
    last_offline_at: datetime | None
    may_vote: bool
    role: NodeRole | int
    stage: NodeStage | int
    created_at: datetime | None


@dataclass(frozen=True, slots=True)
class ConfigSlot:
    """learners: nodes that copy it before they hold it.  move_from, move_to: 0 = no move.  leader: 0 = nobody."""

    id: int
    leader: int
    term: int
    replicas: tuple[int, ...]
    learners: tuple[int, ...] = ()
    move_from: int = 0
    move_to: int = 0
    expected_leader: int = 0
    status: int = 0


@dataclass(frozen=True, slots=True)
class ClusterInfo:
    """The configuration as its leader has it.  version: number of changes.  term: number of its elections."""

    version: int
    term: int
    slot_count: int
    slot_replicas: int
    channel_replicas: int
    learners: tuple[int, ...]
    move_from: int
    move_to: int
    nodes: tuple[ConfigNode, ...]
    slots: tuple[ConfigSlot, ...]


@dataclass(frozen=True, slots=True)
class NodeRow:
    """A node in the server's own merged list.  uptime: seconds; None, like config_version and term, where not told."""

    id: int
    is_leader: bool
    is_online: bool
    role: NodeRole | int
    stage: NodeStage | int
    cluster_address: str
    api_url: str
    may_vote: bool
    slots_held: int
    slots_led: int
    offline_count: int
    term: int | None
    config_version: int | None
    uptime: float | None
    version: str


@dataclass(frozen=True, slots=True)
class AllSlots:
    """Every slot as its leader tells it; of one whose leader is offline log_index is 0.  total: how many there are."""

    slots: tuple[SlotView, ...]
    total: int

    @property
    def is_whole(self) -> bool:
        return len(self.slots) == self.total


@dataclass(frozen=True, slots=True)
class SlotConfig:
    """One node's copy beside the leader's: log indexes."""

    id: int
    leader: int
    term: int
    replicas: tuple[int, ...]
    last_index: int
    leader_last_index: int
    applied_index: int


@dataclass(frozen=True, slots=True)
class ReplicaOfSlot:
    """As the slot's leader collected it; offline nodes are left out.  written_at: last entry."""

    node: int
    leader: int
    role: ReplicaRole | int
    is_running: bool
    term: int
    last_index: int
    applied_index: int
    committed_index: int
    written_at: datetime | None


@dataclass(frozen=True, slots=True)
class ChannelConfig:
    """How a channel's messages are kept: which nodes have copies, who leads.  version: log index that saved it.

    move_from, move_to: 0 = no move under way.
    """

    channel: ChannelRef
    leader: int
    replicas: tuple[int, ...]
    learners: tuple[int, ...]
    replica_most: int
    term: int
    move_from: int
    move_to: int
    status: int
    version: int
    created_at: datetime | None
    updated_at: datetime | None


@dataclass(frozen=True, slots=True)
class ReplicaOfChannel:
    """One node's copy of a channel.  leader, term: of the running instance, 0 while it is idle.

    role: as configured; None where a node speaks for itself alone.
    """

    node: int
    leader: int
    role: ReplicaRole | int | None
    is_running: bool
    last_seq: int
    last_at: datetime | None
    term: int
    version: int


@dataclass(frozen=True, slots=True)
class ChannelActivity:
    """Whether the asked node has this channel running; of one it knows nothing about all is zero."""

    channel: ChannelRef
    is_running: bool
    last_seq: int
    last_at: datetime | None


@dataclass(frozen=True, slots=True)
class AllowEntry:
    """An entry of an allowlist.  id: 64 bits."""

    id: int
    uid: str
    created_at: datetime | None
    updated_at: datetime | None


@dataclass(frozen=True, slots=True)
class DeviceRow:
    """A stored device.  The token itself never leaves the gateway.  level: DeviceLevel, or the number itself."""

    uid: str
    flag: int
    level: DeviceLevel | int
    has_token: bool
    created_at: datetime | None
    updated_at: datetime | None


@dataclass(frozen=True, slots=True)
class ChannelMessages:
    """Messages of one channel beyond what a user had; newest first."""

    channel: ChannelRef
    messages: tuple[Message, ...]
    user_last_seq: int
