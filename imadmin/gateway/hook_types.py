"""What a server tells by its webhook, in our words.  A hint, never the truth: calls get lost and come twice (2.15)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

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


@dataclass(frozen=True, slots=True)
class ToldMessage:
    """A message as the webhook tells it.  target: the channel id as the sender used it, in a person channel the
    receiver's uid ("" for a system sender's command).  seq: 0 when it is not stored.  to_uids: of msg.offline alone.
    """

    id: int
    seq: int
    client_msg_no: str
    from_uid: str
    target: str
    channel_type: int
    sent_at: datetime
    payload: bytes
    expire: int = 0
    topic: str = ""
    is_stored: bool = True
    is_command: bool = False
    has_red_dot: bool = False
    to_uids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HookBatch:
    """One call.  event: the server's word.  count: how many things it told, also of events nobody reads."""

    event: str
    count: int
    online: tuple[OnlineChange, ...] = ()
    messages: tuple[ToldMessage, ...] = ()


HookParser = Callable[[str, bytes], HookBatch]
