"""What a server tells by its webhook, in our words.  A hint, never the truth: calls get lost and come twice (2.15)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

ONLINE_STATUS = "user.onlinestatus"
MESSAGES = "msg.notify"
OFFLINE = "msg.offline"


class BrokenHook(ValueError):
    """A body that this server never sends."""


@dataclass(frozen=True, slots=True)
class OnlineChange:
    """A connection came or went.  connection: numbered by its node, which isn't told.

    device_left, left: how many connections the user has now on that kind of device, and altogether.
    """

    uid: str
    device_flag: int
    is_online: bool
    connection: int
    device_left: int
    left: int


class ToldMessage(NamedTuple):
    """A message as the webhook tells it.  target: the channel id; in a person channel the half of the stored id that
    isn't the sender, but of a system sender's the last half, and with ____cmd always that (so the receiver may not be
    told).  seq: 0 when it is not stored.  timestamp: seconds, the server's clock.  to_uids: of msg.offline alone.
    """

    id: int
    seq: int
    client_msg_no: str
    from_uid: str
    target: str
    channel_type: int
    timestamp: int
    payload: bytes
    expire: int = 0
    topic: str = ""
    is_stored: bool = True
    is_command: bool = False
    has_red_dot: bool = False
    is_stream: bool = False
    to_uids: tuple[str, ...] = ()

    @property
    def sent_at(self) -> datetime:
        return datetime.fromtimestamp(self.timestamp, UTC)


@dataclass(frozen=True, slots=True)
class BrokenPart:
    """One message of a call that can't be read; the others can.  raw: that part alone, written out as JSON anew."""

    why: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class HookBatch:
    """One call.  event: the server's word.  count: how many things it told, also of events nobody reads."""

    event: str
    count: int
    online: tuple[OnlineChange, ...] = ()
    messages: tuple[ToldMessage, ...] = ()
    broken: tuple[BrokenPart, ...] = ()


HookParser = Callable[[str, bytes], HookBatch]
