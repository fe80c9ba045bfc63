"""The replicated tables: users, devices, channels, members, lists, conversations, system accounts.

Every node of the simulator reads the same tables (three replicas on three nodes); what a caller may see of
them, and which node may write, is decided by the routes.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from .ids import CMD_SUFFIX, ChannelType, Snowflake
from .lazy import LazyDict
from .model import ChannelConfig, ChannelKey, ChannelRecord, Conversation, Device, ListEntry, User

Table = LazyDict[ChannelKey, dict[str, ListEntry]]


class Store:
    def __init__(self, clock_ns: Callable[[], int], snowflake: Snowflake) -> None:
        self._clock_ns = clock_ns
        self._snowflake = snowflake
        self.users: dict[str, User] = {}
        self.devices: dict[tuple[str, int], Device] = {}
        self.channels: dict[ChannelKey, ChannelRecord] = {}
        self.configs: dict[ChannelKey, ChannelConfig] = {}
        self.members: Table = LazyDict()
        self.denied: Table = LazyDict()
        self.allowed: Table = LazyDict()
        self.allowlist_flag: dict[ChannelKey, bool] = {}  # cached by the server; whitelist_remove forgets to clear it
        self.conversations: LazyDict[str, dict[ChannelKey, Conversation]] = LazyDict()
        self.computed_uids: Iterable[str] = ()  # whose conversations nobody has touched yet
        self.system_uids: dict[str, None] = {}
        self._last_ns = 0

    def stamp(self) -> int:
        """A creation time nobody else has: two records of one nanosecond would be lost between pages."""
        self._last_ns = max(self._clock_ns(), self._last_ns + 1)
        return self._last_ns

    def row_id(self, node_id: int = 1) -> int:
        return self._snowflake.next(node_id, self._clock_ns() // 1_000_000)

    # -- people --------------------------------------------------------------------------------------------------

    def add_user(self, uid: str) -> User:
        user = self.users.get(uid)
        if user is None:
            now = self.stamp()
            user = self.users[uid] = User(uid, now, now)
        return user

    def set_device(self, uid: str, flag: int, level: int, token: str) -> Device:
        self.add_user(uid)
        now = self.stamp()
        device = self.devices.get((uid, flag))
        if device is None:
            device = self.devices[uid, flag] = Device(self.row_id(), uid, flag, level, token, now, now)
        else:
            device.level, device.token, device.updated_at = level, token, now
        return device

    # -- channels ------------------------------------------------------------------------------------------------

    def save_channel(
        self, channel_id: str, channel_type: int, flags: dict[str, int], *, listed: bool = True, lag: float = 0.0
    ) -> None:
        """Create or overwrite: a flag that is not given becomes 0, as on the real server.

        lag: how long the other replicas go on showing what there was before.
        """
        key = (channel_id, channel_type)
        old = self.channels.get(key)
        before = self.seen_by_replica(old) if old else None
        now = self.stamp()
        record = self.channels.get(key)
        if record is None:
            record = self.channels[key] = ChannelRecord(channel_id, channel_type)
            record.created_at = now if listed else 0
        else:
            record.was_updated = True
        record.updated_at = now if record.created_at else 0
        for name in ("ban", "disband", "large", "send_ban", "allow_stranger"):
            setattr(record, name, flags.get(name, 0))
        record.before, record.replicated_at = before, time.monotonic() + lag

    def seen_by_replica(self, record: ChannelRecord) -> ChannelRecord | None:
        """A copy of the row as every node but the slot leader shows it now."""
        if time.monotonic() < record.replicated_at:
            return record.before
        return replace(record, before=None)

    def touch_channel(self, key: ChannelKey) -> None:
        """subscriber_add makes a record without a creation time; it never shows in the list."""
        if key not in self.channels:
            self.channels[key] = ChannelRecord(*key)

    def record(self, key: ChannelKey) -> ChannelRecord | None:
        return self.channels.get(key)

    def config(self, key: ChannelKey, replicas: list[int], leader_id: int, conf_version: int) -> ChannelConfig:
        """The channel's cluster config, made on first use, also by a read."""
        found = self.configs.get(key)
        if found is None:
            now = self.stamp()
            order = [leader_id] + [node for node in replicas if node != leader_id]
            found = ChannelConfig(*key, replicas=order, leader_id=leader_id, created_at=now, updated_at=now)
            found.conf_version = conf_version
            self.configs[key] = found
        return found

    # -- lists ---------------------------------------------------------------------------------------------------

    def add_to(self, table: Table, key: ChannelKey, uids: Iterable[str]) -> None:
        entries = table.setdefault(key, {})
        now = self.stamp()
        for uid in uids:
            entries.setdefault(uid, ListEntry(uid, now, now))

    def remove_from(self, table: Table, key: ChannelKey, uids: Iterable[str]) -> None:
        entries = table.get(key, {})
        for uid in uids:
            entries.pop(uid, None)

    def clear(self, table: Table, key: ChannelKey) -> None:
        table.pop(key, None)

    # -- conversations -------------------------------------------------------------------------------------------

    def add_conversation(self, uid: str, key: ChannelKey, *, save_after: float = 0.0) -> Conversation:
        mine = self.conversations.setdefault(uid, {})
        found: Conversation | None = mine.get(key)
        if found is None:
            now = self._clock_ns() // 1_000_000_000
            kind = 1 if key[0].endswith(CMD_SUFFIX) else 0
            found = mine[key] = Conversation(self.row_id(), uid, *key, created_at=now, updated_at=now, kind=kind)
            found.changed = self.stamp()
            found.saved_at = time.monotonic() + save_after if save_after else 0.0
        return found

    def add_conversations(self, uids: Iterable[str], key: ChannelKey, *, save_after: float = 0.0) -> None:
        if key[1] == ChannelType.LIVE:
            return
        for uid in uids:
            self.add_conversation(uid, key, save_after=save_after)

    def all_conversations(self) -> Iterator[Conversation]:
        for mine in self.conversations.values():
            yield from mine.values()
        for uid in self.computed_uids:
            if uid not in self.conversations:
                yield from (self.conversations.peek(uid) or {}).values()

    def drop_conversations(self, uids: Iterable[str], key: ChannelKey) -> None:
        for uid in uids:
            self.conversations.get(uid, {}).pop(key, None)
