"""Replies about the cluster's configuration, slots and channel copies turned into our types.  No call is made here."""

from __future__ import annotations

from typing import Any

from imadmin.gateway.cluster_types import (
    AllowEntry,
    AllSlots,
    ChannelActivity,
    ChannelConfig,
    ChannelMessages,
    ClusterInfo,
    ConfigNode,
    ConfigSlot,
    DeviceRow,
    NodeRow,
    ReplicaOfChannel,
    ReplicaOfSlot,
    SlotConfig,
)  # fmt: skip
from imadmin.gateway.enums import DeviceLevel, NodeRole, NodeStage, ReplicaRole, named
from imadmin.gateway.kinds.wukongim2 import views_wire, wire
from imadmin.gateway.kinds.wukongim2.shapes import (
    Row,
    duration,
    flag,
    from_nanoseconds,
    from_seconds,
    number,
    numbers,
    rfc3339,
    rows,
    text,
    truth,
    whole,
)  # fmt: skip
from imadmin.gateway.types import ChannelRef, ConversationRow, UserRecord


def info(answer: Any) -> ClusterInfo:
    """camelCase, zero values left out: slot 0 has no id (2.9)."""
    row = whole(answer)
    return ClusterInfo(
        version=number(row, "version", None),
        term=number(row, "term"),
        slot_count=number(row, "slotCount", None),
        slot_replicas=number(row, "slotReplicaCount"),
        channel_replicas=number(row, "channelReplicaCount"),
        learners=numbers(row, "learners"),
        move_from=number(row, "migrateFrom"),
        move_to=number(row, "migrateTo"),
        nodes=tuple(_config_node(each) for each in rows(row.get("nodes"))),
        slots=tuple(_config_slot(each) for each in rows(row.get("slots"))),
    )


def _config_node(row: Row) -> ConfigNode:
    return ConfigNode(
        id=number(row, "id", None),
        cluster_address=text(row, "clusterAddr"),
        api_url=text(row, "apiServerAddr"),
        is_online=truth(row, "online"),
        offline_count=number(row, "offlineCount"),
        last_offline_at=from_seconds(number(row, "lastOffline")),
        may_vote=truth(row, "allowVote"),
        role=named(NodeRole, number(row, "role")),
        stage=named(NodeStage, number(row, "status")),
        created_at=from_seconds(number(row, "createdAt")),
    )


def _config_slot(row: Row) -> ConfigSlot:
    return ConfigSlot(
        id=number(row, "id"),
        leader=number(row, "leader"),
        term=number(row, "term"),
        replicas=numbers(row, "replicas"),
        learners=numbers(row, "learners"),
        move_from=number(row, "migrateFrom"),
        move_to=number(row, "migrateTo"),
        expected_leader=number(row, "expectLeader"),
        status=number(row, "status"),
    )


def nodes(answer: Any) -> tuple[NodeRow, ...]:
    return tuple(node(row) for row in rows(whole(answer)))


def node(answer: Any) -> NodeRow:
    """Zero values are left out there; a node that is offline tells neither uptime nor config_version."""
    row = whole(answer)
    return NodeRow(
        id=number(row, "id", None),
        is_leader=flag(row, "is_leader"),
        is_online=flag(row, "online"),
        role=named(NodeRole, number(row, "role")),
        stage=named(NodeStage, number(row, "status")),
        cluster_address=text(row, "cluster_addr"),
        api_url=text(row, "api_server_addr"),
        may_vote=flag(row, "allow_vote"),
        slots_held=number(row, "slot_count"),
        slots_led=number(row, "slot_leader_count"),
        offline_count=number(row, "offline_count"),
        term=number(row, "term") or None,
        config_version=number(row, "config_version") or None,
        uptime=duration(text(row, "uptime")),
        version=text(row, "app_version"),
    )


# -- slots -------------------------------------------------------------------------------------------------------------


def all_slots(answer: Any) -> AllSlots:
    return AllSlots(views_wire.slots(answer), number(whole(answer), "total"))


def slot_config(answer: Any) -> SlotConfig:
    row = whole(answer)
    return SlotConfig(
        id=number(row, "id"),
        leader=number(row, "leader_id"),
        term=number(row, "term"),
        replicas=numbers(row, "replicas"),
        last_index=number(row, "log_max_index"),
        leader_last_index=number(row, "leader_log_max_index"),
        applied_index=number(row, "applied_index"),
    )


def slot_replicas(answer: Any) -> tuple[ReplicaOfSlot, ...]:
    return tuple(
        ReplicaOfSlot(
            node=number(row, "replica_id", None),
            leader=number(row, "leader_id"),
            role=named(ReplicaRole, number(row, "role")),
            is_running=flag(row, "running"),
            term=number(row, "term"),
            last_index=number(row, "last_log_seq"),
            applied_index=number(row, "applied_index"),
            committed_index=number(row, "committed_index"),
            written_at=from_nanoseconds(number(row, "last_log_time")),
        )
        for row in rows(answer)
    )


# -- channels ----------------------------------------------------------------------------------------------------------


def channel_config(answer: Any) -> ChannelConfig:
    row = whole(answer)
    return ChannelConfig(
        channel=ChannelRef(text(row, "channel_id"), number(row, "channel_type")),
        leader=number(row, "learder_id"),  # as the server writes it
        replicas=numbers(row, "replicas"),
        learners=numbers(row, "learners"),
        replica_most=number(row, "replica_max_count"),
        term=number(row, "term"),
        move_from=number(row, "migrate_from"),
        move_to=number(row, "migrate_to"),
        status=number(row, "status"),
        version=number(row, "conf_version"),
        created_at=rfc3339(row, "created_at"),
        updated_at=rfc3339(row, "updated_at"),
    )


def channel_replicas(answer: Any) -> tuple[ReplicaOfChannel, ...]:
    found = (channel_replica(row) for row in rows(answer))
    return tuple(sorted(found, key=lambda one: one.node))


def channel_replica(answer: Any) -> ReplicaOfChannel:
    row = whole(answer)
    return ReplicaOfChannel(
        node=number(row, "replica_id"),
        leader=number(row, "leader_id"),
        role=named(ReplicaRole, number(row, "role")) if "role" in row else None,
        is_running=flag(row, "running"),
        last_seq=number(row, "last_msg_seq"),
        last_at=from_nanoseconds(number(row, "last_msg_time")),
        term=number(row, "term"),
        version=number(row, "conf_version"),
    )


def activities(answer: Any) -> tuple[ChannelActivity, ...]:
    return tuple(
        ChannelActivity(
            ChannelRef(text(row, "channel_id"), number(row, "channel_type")),
            flag(row, "running"),
            number(row, "last_msg_seq"),
            from_nanoseconds(number(row, "last_msg_time")),
        )
        for row in rows(answer)
    )


def allow_entries(answer: Any) -> tuple[AllowEntry, ...]:
    return tuple(
        AllowEntry(number(row, "id"), text(row, "uid", None), rfc3339(row, "created_at"), rfc3339(row, "updated_at"))
        for row in rows(answer)
    )


# -- pages of tables ---------------------------------------------------------------------------------------------------


def user_page(answer: Any) -> wire.Listed[UserRecord]:
    found = whole(answer)
    stamps = [number(row, "created_at") for row in rows(found)]
    return wire.Listed(tuple(zip(stamps, wire.users(answer), strict=True)), flag(found, "more"))


def device_page(answer: Any) -> wire.Listed[DeviceRow]:
    found = whole(answer)
    return wire.Listed(tuple((number(row, "created_at"), _device(row)) for row in rows(found)), flag(found, "more"))


def _device(row: Row) -> DeviceRow:
    return DeviceRow(
        uid=text(row, "uid", None),
        flag=number(row, "device_flag"),
        level=named(DeviceLevel, number(row, "device_level")),
        has_token=bool(text(row, "token")),  # looked at for being there; it goes no further
        created_at=from_nanoseconds(number(row, "created_at")),
        updated_at=from_nanoseconds(number(row, "updated_at")),
    )


def conversation_page(answer: Any) -> tuple[ConversationRow, ...]:
    return tuple(wire.conversations(answer))


def channel_messages(answer: Any) -> tuple[ChannelMessages, ...]:
    """Channels come by their stored id here; messages newest first."""
    return tuple(_channel_messages(row) for row in rows(answer))


def _channel_messages(row: Row) -> ChannelMessages:
    channel = ChannelRef(text(row, "channel_id"), number(row, "channel_type"))
    found = wire.synced_messages(row, channel)
    return ChannelMessages(channel, tuple(reversed(found)), number(row, "user_last_msg_seq"))
