"""What a node tells of itself as a server: addresses, variables, settings, sign-in, plugins, tags."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from imadmin.gateway.enums import PluginStatus
from imadmin.gateway.types import ChannelRef, Session


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where clients connect to; "" = not offered.  The server doesn't balance: always the asked node's own."""

    tcp: str
    websocket: str
    secure_websocket: str
    uids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ConnectionPage:
    """One page of one node's own list.  total: its sockets, whatever the filter, also those not signed in; not rows.

    has_more: as many rows as asked for came.
    """

    rows: tuple[Session, ...]
    total: int
    offset: int
    has_more: bool
    as_of: datetime


@dataclass(frozen=True, slots=True)
class Variables:
    """One node's figures.  memory: bytes.  cpu: percent of one core.  uptime: seconds, None when it isn't told.

    in_messages, out_messages, in_bytes, out_bytes: since the start; they add unlike things, good for a trend alone.
    """

    node: int
    name: str
    version: str
    commit: str
    connections: int
    uptime: float | None
    goroutines: int
    memory: int
    cpu: float | None
    in_messages: int
    out_messages: int
    in_bytes: int
    out_bytes: int
    retry_queue: int
    tcp_address: str
    websocket_address: str
    secure_websocket_address: str
    manager_address: str
    is_manager_on: bool
    api_url: str
    manager_uid: str
    is_manager_token_on: bool
    busiest: tuple[Session, ...] = ()


@dataclass(frozen=True, slots=True)
class ServerSettings:
    is_tracing: bool
    is_loki_on: bool
    is_prometheus_on: bool
    is_stress_on: bool


@dataclass(frozen=True, slots=True)
class Health:
    """The node's view of its slots, no more: it stays ok while other nodes are dead (reference 2.8).

    reason: the server's own words, "" when ok.
    """

    is_ok: bool
    reason: str


@dataclass(frozen=True, slots=True)
class MigrateResult:
    """The import from v1.  status: running | completed | migrated; "running" too when none was ever asked for."""

    status: str
    step: str
    tries: int
    has_error: bool


@dataclass(frozen=True, slots=True)
class SignedIn:
    """token: secret, and not in the repr.  permissions: as configured there, like *:* or *:r or slotMigrate:rw."""

    user: str
    permissions: str
    expires_at: datetime
    token: str = field(repr=False)

    def may_write(self, resource: str) -> bool:
        """Whether this account passes the check of a guarded route (reference 1.5)."""
        rights = dict(part.partition(":")[::2] for part in self.permissions.split(",") if ":" in part)
        return any(rights.get(name, "") == "*" or "w" in rights.get(name, "") for name in (resource, "*"))


@dataclass(frozen=True, slots=True)
class TagNode:
    """Receivers whose slots this node leads."""

    leader: int
    uids: tuple[str, ...]
    slots: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Tag:
    """A node's cached list of who gets a channel's messages.

    *_text: the node's local time to the minute, without its zone; exact times where one tag alone is asked for.
    """

    key: str
    channel: ChannelRef
    nodes: tuple[TagNode, ...]
    uses: int
    config_version: int
    created_at: datetime | None = None
    used_at: datetime | None = None
    created_text: str = ""
    expires_text: str = ""
    used_text: str = ""


@dataclass(frozen=True, slots=True)
class Plugin:
    """A plugin on one node.  config: secrets come as ******, and sent back like that stay as they are.

    status: PluginStatus, or the number itself.
    """

    node: int
    no: str
    name: str
    version: str
    status: PluginStatus | int
    methods: tuple[str, ...]
    priority: int
    is_ai: bool
    config: Mapping[str, Any]
    config_template: Mapping[str, Any]
    created_at: datetime | None
    updated_at: datetime | None


@dataclass(frozen=True, slots=True)
class PluginBinding:
    """no: "" where somebody bound a user to nothing."""

    no: str
    uid: str
    created_at: datetime | None
    updated_at: datetime | None


@dataclass(frozen=True, slots=True)
class PluginAnswer:
    """What a plugin itself said; nothing of it is checked."""

    status: int
    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class SeriesPoint:
    """One moment of a series that Prometheus holds.  values: by name; by_node: by name, then by the label `id`."""

    at: datetime
    values: Mapping[str, float]
    by_node: Mapping[str, Mapping[str, float]]
