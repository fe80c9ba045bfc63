"""What a cluster tells us, in our words: frozen values with aware times, 64-bit ids as exact Python integers."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Generic, TypeVar

from imadmin.gateway.enums import ChannelType as ChannelType
from imadmin.gateway.enums import DeviceFlag as DeviceFlag
from imadmin.gateway.enums import DeviceLevel as DeviceLevel
from imadmin.gateway.enums import Reason as Reason

T = TypeVar("T")
COMMAND_SUFFIX = "____cmd"


@dataclass(frozen=True, slots=True, order=True)
class ChannelRef:
    """A channel by its *stored* id: for a person chat `a@b`, for a person's own entry the bare uid with type 1."""

    id: str
    type: int

    @classmethod
    def person(cls, one: str, other: str) -> ChannelRef:
        """The chat of two people. The uid with the larger CRC32 is first; when equal, `other@one` (reference 1.7)."""
        first, second = (one, other) if zlib.crc32(one.encode()) > zlib.crc32(other.encode()) else (other, one)
        return cls(f"{first}@{second}", ChannelType.PERSON)

    @classmethod
    def inbox(cls, uid: str) -> ChannelRef:
        """A person's own entry: their denylist (who may not write to them), login ban and send ban live there."""
        return cls(uid, ChannelType.PERSON)

    @property
    def is_person(self) -> bool:
        return self.type == ChannelType.PERSON

    @property
    def peers(self) -> tuple[str, str] | None:
        """The two uids of a person chat, else None."""
        first, at, second = self.id.partition("@")
        return (first, second) if self.is_person and at else None

    @property
    def base(self) -> ChannelRef:
        """The channel people talk in, of the copy that carries its commands; members and lists are kept there."""
        return ChannelRef(self.id.removesuffix(COMMAND_SUFFIX), self.type)

    @property
    def is_command(self) -> bool:
        """Whether this is the twin of a channel that holds its command messages."""
        return self.id.endswith(COMMAND_SUFFIX)

    def __str__(self) -> str:
        return f"{self.type}/{self.id}"


@dataclass(frozen=True, slots=True)
class NodeFailure:
    """node: id as text, or address when the id isn't known.  reason: English template, translated where shown."""

    node: str
    reason: str
    code: str = "upstream_error"


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """A value put together from one or more nodes, and which of them are missing from it."""

    value: T
    as_of: datetime
    nodes: tuple[str, ...] = ()
    failed: tuple[NodeFailure, ...] = ()

    @property
    def is_partial(self) -> bool:
        return bool(self.failed)


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a cursor list. next_cursor: "" at the end.  limits: what this list can't promise (codes)."""

    items: tuple[T, ...]
    next_cursor: str
    as_of: datetime
    failed: tuple[NodeFailure, ...] = ()
    limits: tuple[str, ...] = ()
    scanned: int | None = None


class ContentKind(StrEnum):
    TEXT = "text"
    IMAGE = "image"
    GIF = "gif"
    VOICE = "voice"
    VIDEO = "video"
    LOCATION = "location"
    CARD = "card"
    FILE = "file"
    RICH_TEXT = "rich_text"
    FORWARD = "forward"
    COMMAND = "command"
    SYSTEM = "system"
    CUSTOM = "custom"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Content:
    """A decoded payload. text: what a person would read; fields: the JSON object, or {} when broken."""

    kind: ContentKind
    text: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    type_number: int | None = None


@dataclass(frozen=True, slots=True)
class StreamText:
    """What the events of a stream message add up to.  text: of its main stream.  is_open: more is coming, as far as
    the server knows (it forgets open ones when it stops).
    """

    text: str
    is_open: bool


@dataclass(frozen=True, slots=True)
class Message:
    """id: unique in the cluster (a seq can be given out twice after a failover). expire: seconds, 0 = never.

    has_red_dot: counts as unread for its receivers; None where the source doesn't tell.
    stream: of a stream message whose events were read along.
    """

    id: int
    seq: int
    client_msg_no: str
    from_uid: str
    channel: ChannelRef
    sent_at: datetime
    payload: bytes
    content: Content
    expire: int = 0
    topic: str = ""
    term: int | None = None
    is_stream: bool = False
    has_red_dot: bool | None = None
    stream: StreamText | None = None

    @property
    def is_command(self) -> bool:
        return self.channel.is_command


@dataclass(frozen=True, slots=True)
class MessageQuery:
    """What the server's own search can be asked (reference 2.9, 5.4). Empty fields don't filter."""

    channel: ChannelRef | None = None
    from_uid: str = ""
    message_id: int = 0
    client_msg_no: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class ChannelFlags:
    """All five are written together: the server overwrites the ones left out with 0 (reference 2.3)."""

    ban: bool = False
    disband: bool = False
    send_ban: bool = False
    allow_stranger: bool = False
    large: bool = False


@dataclass(frozen=True, slots=True)
class ChannelRecord:
    """A stored channel record. Counts and last_* are None where the server doesn't compute them."""

    channel: ChannelRef
    ban: bool
    disband: bool
    subscriber_count: int | None = None
    denylist_count: int | None = None
    allowlist_count: int | None = None
    last_seq: int | None = None
    last_message_at: datetime | None = None
    slot: int | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RuntimeChannel:
    """A channel as a slot leader's cluster view lists it: every channel ever used (reference 2.9)."""

    channel: ChannelRef
    last_seq: int
    leader_id: int
    replicas: tuple[int, ...]
    slot: int
    slot_leader_id: int
    is_active: bool
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """One live connection, keyed by (node_id, id). Durations in seconds."""

    id: int
    node_id: int
    leader_id: int
    uid: str
    device_flag: int | None
    device_level: str
    device_id: str
    address: str
    port: int
    uptime: float
    idle: float
    in_msgs: int
    out_msgs: int
    protocol_version: int


@dataclass(frozen=True, slots=True)
class Device:
    """A device row. The stored token itself never leaves the gateway."""

    uid: str
    flag: int
    level: int
    has_token: bool
    created_at: datetime | None
    updated_at: datetime | None


@dataclass(frozen=True, slots=True)
class OnlineDevice:
    uid: str
    flag: int


@dataclass(frozen=True, slots=True)
class UserRecord:
    uid: str
    created_at: datetime | None
    updated_at: datetime | None
    slot: int | None


@dataclass(frozen=True, slots=True)
class ConversationRow:
    uid: str
    channel: ChannelRef
    unread: int
    last_seq: int
    read_to_seq: int
    updated_at: datetime | None


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """One node, asked directly. None = unknown (it did not say), never zero. uptime: seconds. memory: bytes."""

    id: int
    cluster_address: str
    api_url: str
    answers: bool
    is_leader: bool | None
    online_by_cluster: bool | None
    connections: int | None
    version: str | None
    uptime: float | None
    memory: int | None
    goroutines: int | None
    slots_led: int | None
    config_version: int | None
    latency: float | None
    error: str = ""
    role: int = 0
    status: int = 3


@dataclass(frozen=True, slots=True)
class MemberView:
    """A member of the cluster, as one node believes it to be (GET /cluster/simpleNodes).

    role: 0 replica, 1 proxy.  status: 1 will join, 2 joining, 3 joined.  offline_count: only ever grows.
    """

    id: int
    is_online: bool
    is_leader: bool
    role: int
    status: int
    allow_vote: bool
    cluster_address: str
    api_url: str
    offline_count: int
    slot_count: int
    slots_led: int


@dataclass(frozen=True, slots=True)
class SlotView:
    """A slot, as one node believes it to be (GET /cluster/slots?ids=). status: 0 normal, 1 electing, 2 leader transfer.

    log_index: of that node's own copy.  leader: 0 = nobody.  term: number of leader changes.
    """

    id: int
    leader: int
    term: int
    replicas: tuple[int, ...]
    log_index: int
    status: int


@dataclass(frozen=True, slots=True)
class PendingSlot:
    """A slot with a move under way: from one replica to another node; learners copy before they become replicas."""

    id: int
    source: int
    target: int
    learners: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ConfigView:
    """The cluster's configuration as its leader holds it (GET /cluster/info of that node).

    migrate_*, learners: of the configuration group itself, while a node joins; 0 and () otherwise.
    """

    version: int
    slot_count: int
    replica_count: int
    migrate_from: int
    migrate_to: int
    learners: tuple[int, ...]
    pending: tuple[PendingSlot, ...]


@dataclass(frozen=True, slots=True)
class NodeView:
    """What one node says, asked directly. answers=False: it said nothing in time, error says why; the rest is unknown.

    latency, uptime: seconds.  members, slots: its own view of the whole cluster; slots () when they were not asked for.
    connections, memory (bytes), goroutines, retry_queue, cpu (percent): from its varz; None where it didn't tell.
    clock_offset: its clock minus ours in seconds, to about half a second; None where it didn't tell.
    config: only of the config leader.  manager_answers: None where it has no manager API or nobody tried.
    sign_in_refused: our user and password are; only of the node whose manager API is the configured one.
    id: 0 = an address that never told which node it is.
    """

    id: int
    api_url: str
    answers: bool
    latency: float | None = None
    error: str = ""
    error_code: str = ""
    is_leader: bool | None = None
    config_version: int | None = None
    term: int | None = None
    version: str | None = None
    uptime: float | None = None
    connections: int | None = None
    memory: int | None = None
    goroutines: int | None = None
    cpu: float | None = None
    retry_queue: int | None = None
    in_msgs: int | None = None
    out_msgs: int | None = None
    clock_offset: float | None = None
    manager_url: str = ""
    members: tuple[MemberView, ...] = ()
    slots: tuple[SlotView, ...] = ()
    config: ConfigView | None = None
    manager_answers: bool | None = None
    sign_in_refused: bool = False


class StepResult(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAILED = "bad"
    SKIPPED = "off"


@dataclass(frozen=True, slots=True)
class ProbeStep:
    """One step of a connection test: what was tried, what answered and is wrong, what helps (templates + params)."""

    code: str
    result: StepResult
    tried: str
    found: str
    hint: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ProbeReport:
    steps: tuple[ProbeStep, ...]
    as_of: datetime

    @property
    def is_usable(self) -> bool:
        return all(step.result is not StepResult.FAILED for step in self.steps)


def now() -> datetime:
    return datetime.now(UTC)
