"""How messages and channel configs look wherever they are shown."""

from typing import Any

from . import gojson
from .ids import SYSTEM_UID, ChannelType, rfc3339
from .model import ChannelConfig, Message


def message_object(message: Message, *, with_header: bool, events: dict[str, Any] | None = None) -> dict[str, Any]:
    """with_header: single lookups and the first message of a page show the three flags as 0, whatever they are."""
    channel_id, from_uid = message.channel_id, message.from_uid
    if message.channel_type == ChannelType.PERSON and "@" in channel_id:
        # The last half that isn't the sender's uid as shown, so a system account's own half may be it; with ____cmd at
        # its end the second half never is the sender.
        shown_from = "" if from_uid == SYSTEM_UID else from_uid
        channel_id = next((half for half in reversed(channel_id.split("@")) if half != shown_from), channel_id)
    shown: dict[str, Any] = {
        "header": {
            "no_persist": int(with_header and message.no_persist),
            "red_dot": int(with_header and message.red_dot),
            "sync_once": int(with_header and message.sync_once),
        },
        "setting": message.setting,
        "message_id": message.id,
        "message_idstr": str(message.id),
        "client_msg_no": message.client_msg_no,
        **_stream_fields(events or {}),
        "message_seq": message.seq,
        "from_uid": "" if from_uid == SYSTEM_UID else from_uid,
        "channel_id": channel_id,
        "channel_type": message.channel_type,
    }
    if message.topic:
        shown["topic"] = message.topic
    shown |= {"expire": message.expire, "timestamp": message.timestamp, "payload": gojson.to_base64(message.payload)}
    return shown


def _stream_fields(events: dict[str, Any]) -> dict[str, Any]:
    """In Go's order, the text as base64; empty ones are left out."""
    order = ("end", "end_reason", "error", "stream_data", "event_meta", "event_sync_hint")
    shown = {name: events[name] for name in order if events.get(name)}
    if "stream_data" in shown:
        shown["stream_data"] = gojson.to_base64(shown["stream_data"].encode())
    return shown


def stored_config(config: ChannelConfig) -> dict[str, Any]:
    """A channel's config as it is stored: zero values are left out, and its leader is misspelt."""
    row: dict[str, Any] = {
        "channel_id": config.channel_id,
        "channel_type": config.channel_type,
        "replica_max_count": config.replica_max,
        "replicas": list(config.replicas),
        "learners": list(config.learners),
        "learder_id": config.leader_id,
        "term": config.term,
        "migrate_from": config.migrate_from,
        "migrate_to": config.migrate_to,
        "status": config.status,
        "conf_version": config.conf_version,
        "created_at": rfc3339(config.created_at),
        "updated_at": rfc3339(config.updated_at),
    }
    return {name: value for name, value in row.items() if value}
