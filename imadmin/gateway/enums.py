"""The numbers of this world with their names.  A number that has no name here survives as a plain integer."""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import TypeVar

E = TypeVar("E", bound=IntEnum)

SYSTEM_UID = "____system"  # the account a server itself sends as; it is on nobody's list of system users


class ChannelType(IntEnum):
    """Reference 1.7. Unknown numbers survive as plain integers in ChannelRef.type."""

    PERSON = 1
    GROUP = 2
    CUSTOMER_SERVICE = 3
    COMMUNITY = 4
    COMMUNITY_TOPIC = 5
    INFO = 6
    DATA = 7
    TEMP = 8
    LIVE = 9
    VISITORS = 10
    AGENT = 11
    AGENT_GROUP = 12


class DeviceFlag(IntEnum):
    APP = 0
    WEB = 1
    PC = 2
    SYSTEM = 99


class DeviceLevel(IntEnum):
    """A master ends the other connections of its kind when it signs in."""

    SLAVE = 0
    MASTER = 1


class Reason(IntEnum):
    """Why the server refuses a packet or ends a connection; reference 1.7."""

    UNKNOWN = 0
    SUCCESS = 1
    AUTH_FAIL = 2
    NOT_SUBSCRIBER = 3
    IN_DENYLIST = 4
    NO_CHANNEL = 5
    USER_NOT_ON_NODE = 6
    SENDER_OFFLINE = 7
    BAD_MESSAGE_KEY = 8
    BAD_PAYLOAD = 9
    FORWARD_FAILED = 10
    NOT_ALLOWED = 11
    KICKED = 12
    NOT_IN_ALLOWLIST = 13
    TOKEN_QUERY_FAILED = 14
    SYSTEM_ERROR = 15
    BAD_CHANNEL_ID = 16
    NODE_MISMATCH = 17
    NODE_NOT_MATCHING = 18
    BAN = 19
    HEADER_UNSUPPORTED = 20
    NO_CLIENT_KEY = 21
    RATE_LIMIT = 22
    TYPE_UNSUPPORTED = 23
    DISBANDED = 24
    SEND_BANNED = 25


class NodeRole(IntEnum):
    REPLICA = 0
    PROXY = 1


class NodeStage(IntEnum):
    """How far a node has come into the cluster; the server calls it the node's status."""

    WILL_JOIN = 1
    JOINING = 2
    JOINED = 3


class ReplicaRole(IntEnum):
    UNKNOWN = 0
    FOLLOWER = 1
    CANDIDATE = 2
    LEADER = 3
    LEARNER = 4


class PluginStatus(IntEnum):
    NORMAL = 1
    ERROR = 2
    OFFLINE = 3
    DISABLED = 4


class ConnectionSort(StrEnum):
    """What one node's list of connections can be sorted by; with `.descending` the other way round.

    UPTIME: longest connected first.  IDLE: longest idle first.
    """

    ID = "id"
    IN_MESSAGES = "inMsg"
    OUT_MESSAGES = "outMsg"
    IN_MESSAGE_BYTES = "inMsgBytes"
    OUT_MESSAGE_BYTES = "outMsgBytes"
    IN_PACKETS = "inPacket"
    OUT_PACKETS = "outPacket"
    IN_PACKET_BYTES = "inPacketBytes"
    OUT_PACKET_BYTES = "outPacketBytes"
    UPTIME = "uptime"
    IDLE = "idle"
    PROTOCOL_VERSION = "protoVersion"

    @property
    def descending(self) -> str:
        return f"{self.value}Desc"


def named(kind: type[E], number: int) -> E | int:
    """The member of that number, or the number itself when nobody gave it a name."""
    try:
        return kind(number)
    except ValueError:
        return number
