"""Ids, hashes, constants and text formats exactly as the real server computes them.

No state lives here: everything is a pure function of its arguments.
"""

import time
import zlib
from enum import IntEnum
from functools import lru_cache

SYSTEM_UID = "____system"
MANAGER_UID = "____manager"
SYSTEM_DEVICE = "____device"
CMD_SUFFIX = "____cmd"
FORBIDDEN = frozenset("@#&")
SNOWFLAKE_EPOCH_MS = 1288834974657


class ChannelType(IntEnum):
    PERSON = 1
    GROUP = 2
    CUSTOMER_SERVICE = 3
    COMMUNITY = 4
    TOPIC = 5
    INFO = 6
    DATA = 7
    TEMP = 8
    LIVE = 9
    VISITORS = 10
    AGENT = 11
    AGENT_GROUP = 12


class Reason(IntEnum):
    SUCCESS = 1
    NOT_SUBSCRIBER = 3
    IN_DENYLIST = 4
    KICKED = 12
    NOT_IN_ALLOWLIST = 13
    SYSTEM_ERROR = 15
    BAN = 19
    DISBANDED = 24
    SEND_BAN = 25


CHANNEL_TYPE_TEXT = {
    0: "未知(0)",
    1: "个人",
    2: "群组",
    3: "客服",
    4: "社区",
    5: "社区话题",
    6: "资讯",
    7: "数据",
    8: "临时",
    9: "直播",
    10: "访客",
    11: "单聊agent",
    12: "群聊agent",
}
DEVICE_TEXT = {0: "App", 1: "Web", 2: "PC"}
DEVICE_FLAG_TEXT = {0: "APP", 1: "WEB", 2: "PC"}
DEVICE_LEVEL_TEXT = {0: "从", 1: "主"}


def channel_type_text(channel_type: int) -> str:
    return CHANNEL_TYPE_TEXT.get(channel_type, f"未知({channel_type})")


def has_forbidden(text: str) -> bool:
    return not FORBIDDEN.isdisjoint(text)


def crc32(text: str) -> int:
    return zlib.crc32(text.encode())


def slot_of(text: str, slot_count: int) -> int:
    """The slot that owns a uid or a stored channel id."""
    return crc32(text) % slot_count


@lru_cache(maxsize=65536)
def hash64(text: str) -> int:
    """FNV-1a, the primary key of users and list entries; list routes answer in this order."""
    value = 0xCBF29CE484222325
    for byte in text.encode("utf-8", "surrogatepass"):
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return value


def channel_hash(channel_id: str, channel_type: int) -> int:
    return hash64(f"{channel_id}-{channel_type}")


def person_id(from_uid: str, to_uid: str) -> str:
    """Stored id of a person chat: the uid with the larger CRC32 comes first."""
    if crc32(from_uid) > crc32(to_uid):
        return f"{from_uid}@{to_uid}"
    return f"{to_uid}@{from_uid}"


def stored_id(channel_id: str, channel_type: int, login_uid: str) -> str:
    """What the business view of a channel is stored under.

    A stored id, or one of a command channel, is paired all the same: `a@b____cmd` is reached by `b____cmd` only, and
    only where the CRC32 of `a` is the larger one.
    """
    if channel_type == ChannelType.PERSON:
        return person_id(login_uid, channel_id)
    return channel_id


def other_of(stored: str, uid: str) -> str:
    """The peer of `uid` in a person chat's stored id."""
    first, _, second = stored.partition("@")
    return second if first == uid else first


class Snowflake:
    """Message and row ids: 41 bits of milliseconds, 10 of node, 12 of sequence."""

    def __init__(self) -> None:
        self._last: dict[int, tuple[int, int]] = {}

    def next(self, node_id: int, at_ms: int) -> int:
        last_ms, sequence = self._last.get(node_id, (0, 0))
        if at_ms <= last_ms:
            at_ms, sequence = last_ms, sequence + 1
            if sequence > 4095:
                at_ms, sequence = at_ms + 1, 0
        else:
            sequence = 0
        self._last[node_id] = (at_ms, sequence)
        return ((at_ms - SNOWFLAKE_EPOCH_MS) << 22) | ((node_id & 1023) << 12) | sequence


def duration(seconds: float) -> str:
    """Go's duration text cut to seconds, e.g. 1h2m3s."""
    total = max(0, int(seconds))
    hours, minutes, rest = total // 3600, total // 60 % 60, total % 60
    if hours:
        return f"{hours}h{minutes}m{rest}s"
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"


def minute_text(seconds: float) -> str:
    """`YYYY-MM-DD HH:MM` in the server's local time; nothing for a zero time."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds)) if seconds else ""


def second_text(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds)) if seconds else ""


@lru_cache(maxsize=8192)
def _utc_second(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


def rfc3339(nanoseconds: int, *, fraction: bool = True) -> str:
    """Go's RFC 3339 with nanoseconds, trailing zeros removed."""
    text = _utc_second(nanoseconds // 1_000_000_000)
    rest = f"{nanoseconds % 1_000_000_000:09d}".rstrip("0") if fraction else ""
    return f"{text}.{rest}Z" if rest else f"{text}Z"
