"""Datasource callbacks: what the server asks its application, and how it wants to be answered (2.16).

Only getSystemUIDs is ever asked by v2.2.5, once per start; the other four exist there without a caller.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from imadmin.gateway.hook_types import BrokenHook
from imadmin.gateway.kinds.wukongim2.shapes import WrongShape, number, text, whole
from imadmin.gateway.types import ChannelFlags, ChannelRef


class Command(StrEnum):
    SYSTEM_USERS = "getSystemUIDs"
    CHANNEL_INFO = "getChannelInfo"
    SUBSCRIBERS = "getSubscribers"
    DENYLIST = "getBlacklist"
    ALLOWLIST = "getWhitelist"


@dataclass(frozen=True, slots=True)
class DatasourceCall:
    """command: a Command, or the server's own word.  channel: what it is about; None for system users."""

    command: str
    channel: ChannelRef | None = None


def question(body: bytes) -> DatasourceCall:
    """One call of the server: `{"cmd": …, "data": {…}}`.  Raises BrokenHook for what it never sends."""
    try:
        said = whole(json.loads(body))
        command = text(said, "cmd", None)
        data = whole(said.get("data") or {})
        if not command:
            raise WrongShape("cmd")
        if command == Command.SYSTEM_USERS:
            return DatasourceCall(Command.SYSTEM_USERS)
        channel = ChannelRef(text(data, "channel_id"), number(data, "channel_type"))
    except (ValueError, RecursionError) as error:  # WrongShape is one of them
        raise BrokenHook(str(error)) from None
    known = Command(command) if command in tuple(Command) else command
    return DatasourceCall(known, channel if channel.id else None)


def uids(found: Sequence[str]) -> bytes:
    """The answer to all questions but the one for a channel's flags."""
    return json.dumps(list(found), ensure_ascii=False).encode()


def flags(found: ChannelFlags) -> bytes:
    """The answer to getChannelInfo, of which the server knows these."""
    return json.dumps({"large": int(found.large), "ban": int(found.ban), "disband": int(found.disband)}).encode()
