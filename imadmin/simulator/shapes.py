"""How a message looks in replies and in webhooks."""

from typing import Any

from . import gojson
from .ids import CMD_SUFFIX, SYSTEM_UID, ChannelType, other_of
from .model import Message


def message_object(message: Message, *, with_header: bool) -> dict[str, Any]:
    """with_header: single lookups and the first message of a page show the three flags as 0, whatever they are."""
    channel_id, from_uid = message.channel_id, message.from_uid
    if message.channel_type == ChannelType.PERSON and "@" in channel_id:
        bare = channel_id.removesuffix(CMD_SUFFIX)
        suffix = channel_id[len(bare) :]
        channel_id = (bare.partition("@")[0] if from_uid == SYSTEM_UID else other_of(bare, from_uid)) + suffix
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
        "message_seq": message.seq,
        "from_uid": "" if from_uid == SYSTEM_UID else from_uid,
        "channel_id": channel_id,
        "channel_type": message.channel_type,
    }
    if message.topic:
        shown["topic"] = message.topic
    shown |= {"expire": message.expire, "timestamp": message.timestamp, "payload": gojson.to_base64(message.payload)}
    return shown
