"""Messages on their way in: queued by the server, not stored yet when it answers (2.1, 2.2).

An answer of 200 proves nothing: a banned channel drops the message, a hot one loses it.  Look a sent message up by its
client number (lookups.py) after a moment.  The same client number twice is stored twice, so nothing here is retried.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

from imadmin.core.errors import gettext_noop
from imadmin.gateway.errors import RefusedLocally
from imadmin.gateway.kinds.wukongim2 import guards, wire_messages
from imadmin.gateway.kinds.wukongim2.part import Part
from imadmin.gateway.message_types import BatchSent, EventPage, EventTaken, SentMessage, StreamEvent
from imadmin.gateway.types import ChannelRef

# A bigger one sent to a node that doesn't lead the channel is answered 200 and lost (2.1).
PAYLOAD_MOST = 32_767
EVENTS_MOST = 2000

NO_PAYLOAD = gettext_noop("Give the message a body; the server refuses an empty one.")
BIG_PAYLOAD = gettext_noop("A body over 32 767 bytes may be answered and lost; nothing was sent.")
NO_SENDER = gettext_noop("A batch needs a sender.")
NO_RECEIVERS = gettext_noop("Name at least one receiver.")
NO_CLIENT_NUMBER = gettext_noop("Name the message by its client number.")
NO_EVENT = gettext_noop("An event needs an id and a type.")
STREAM_KILLS = gettext_noop("A stream message ends the nodes of a cluster that has more than one, so it was not sent.")
NOT_A_TALK = gettext_noop("Name the channel that people talk in: a group, or the two people.")


class SendingPart(Part):
    async def send_message(
        self, channel: ChannelRef, payload: bytes, *, from_uid: str = "", client_msg_no: str = "", expire: int = 0,
        no_persist: bool = False, red_dot: bool = False, as_command: bool = False, is_stream: bool = False,
    ) -> SentMessage:  # fmt: skip
        """Queue a message.  from_uid: empty = the system; needed in a person chat to tell who of the two sends.

        expire: seconds, stored but never acted on.  as_command: into the channel's command twin (sync_once), for
        clients only.  is_stream: only where there is a single node, others die of it (docs/wukongim-notes.md).
        Membership and lists aren't checked for what the API sends; ban and disband drop it silently.
        Raises RefusedLocally (empty, too big, bad ids), Uncertain.  Source: POST /message/send; reference 2.1.
        """
        _check_payload(payload)
        if is_stream and len(await self.roster.members()) > 1:
            raise RefusedLocally({"is_stream": [STREAM_KILLS]})
        body = {
            **_target(channel, from_uid),
            "header": _header(no_persist=no_persist, red_dot=red_dot, sync_once=as_command),
            "payload": _encoded(payload),
            "client_msg_no": client_msg_no,
            "expire": max(0, int(expire)),
            "is_stream": int(is_stream),
        }
        return await self.link.change_told("send_message", "/message/send", body, parse=wire_messages.sent)

    async def send_command(self, uids: Sequence[str], payload: bytes, *, from_uid: str = "") -> None:
        """Queue a command for these users, kept only until each has got it once; no channel, no message id is told.

        Source: POST /message/send with subscribers and sync_once; reference 2.1.
        """
        _check_payload(payload)
        receivers = guards.clean_uids(uids)
        if not receivers:
            raise RefusedLocally({"uids": [NO_RECEIVERS]})
        for piece in guards.chunks(receivers):
            body = {
                "header": _header(sync_once=True),
                "from_uid": guards.clean_uid(from_uid, field="from_uid") if from_uid else "",
                "subscribers": list(piece),
                "payload": _encoded(payload),
            }
            await self.link.change("send_command", "/message/send", body)

    async def send_batch(self, uids: Sequence[str], payload: bytes, *, from_uid: str) -> BatchSent:
        """Queue the same message as a person chat with each of these users.  Message ids are not told.

        failed: only what the server refuses at once (a bad uid); the rest is queued.
        Source: POST /message/sendbatch; reference 2.1.
        """
        _check_payload(payload)
        if not from_uid.strip():
            raise RefusedLocally({"from_uid": [NO_SENDER]})
        receivers = guards.clean_uids(uids)
        if not receivers:
            raise RefusedLocally({"uids": [NO_RECEIVERS]})
        failed: dict[str, str] = {}
        for piece in guards.chunks(receivers):
            body = {
                "header": _header(),
                "from_uid": guards.clean_uid(from_uid, field="from_uid"),
                "subscribers": list(piece),
                "payload": _encoded(payload),
            }
            told = await self.link.change_told("send_batch", "/message/sendbatch", body, parse=wire_messages.batch_sent)
            failed |= told.failed
        return BatchSent(failed)

    async def send_event(
        self, channel: ChannelRef, client_msg_no: str, event: StreamEvent, *, from_uid: str = ""
    ) -> EventTaken:
        """Append an event to a stream message, or replace the state of one of its keys.

        The server checks neither that the message exists nor that it is still open: a delta after the end opens the
        key again.  Source: POST /message/event; reference 2.2.
        """
        if not client_msg_no.strip():
            raise RefusedLocally({"client_msg_no": [NO_CLIENT_NUMBER]})
        if not event.id.strip() or not event.type.strip():
            raise RefusedLocally({"event": [NO_EVENT]})
        body: dict[str, Any] = {
            **_target(channel, from_uid),
            "client_msg_no": client_msg_no,
            "event_id": event.id,
            "event_type": event.type,
            "event_key": event.key,
            "visibility": event.visibility,
            "headers": dict(event.headers),
        }
        if event.payload is not None:
            body["payload"] = event.payload
        return await self.link.change_told("send_event", "/message/event", body, parse=wire_messages.event_taken)

    async def event_states(
        self, channel: ChannelRef, client_msg_no: str, *, key: str = "", after: int = 0, limit: int = 200,
        include_private: bool = False, through_cluster: bool = False,
    ) -> EventPage:  # fmt: skip
        """The latest closed state of each key of a stream message; () for an unknown one.  after: an event_seq.

        through_cluster: by the route that both APIs have; it asks the node's own main API in turn.
        Source: POST /message/eventsync or /cluster/message/eventsync; reference 2.2.
        """
        if not client_msg_no.strip():
            raise RefusedLocally({"client_msg_no": [NO_CLIENT_NUMBER]})
        guards.check_channel(channel)
        body = {
            "channel_id": channel.id,  # of two people: the stored id, when no sender is named
            "channel_type": int(channel.type),
            "client_msg_no": client_msg_no,
            "event_key": key,
            "from_msg_event_seq": after,
            "limit": guards.page_limit(limit, EVENTS_MOST),
            "include_private": int(include_private),
        }
        path = "/cluster/message/eventsync" if through_cluster else "/message/eventsync"
        return await self.link.post_question("event_states", path, body, parse=wire_messages.event_page)


def _check_payload(payload: bytes) -> None:
    if not payload:
        raise RefusedLocally({"payload": [NO_PAYLOAD]})
    if len(payload) > PAYLOAD_MOST:
        raise RefusedLocally({"payload": [BIG_PAYLOAD]})


def _encoded(payload: bytes) -> str:
    return base64.b64encode(payload).decode()


def _header(*, no_persist: bool = False, red_dot: bool = False, sync_once: bool = False) -> dict[str, int]:
    return {"no_persist": int(no_persist), "red_dot": int(red_dot), "sync_once": int(sync_once)}


def _target(channel: ChannelRef, from_uid: str) -> dict[str, Any]:
    """Sender and receiver as these routes want them: of two people the other one."""
    guards.check_channel(channel)
    sender = guards.clean_uid(from_uid, field="from_uid") if from_uid else ""
    receiver = channel.id
    if channel.peers:
        if sender not in channel.peers:
            raise RefusedLocally({"from_uid": [NOT_A_TALK]})
        receiver = channel.peers[1] if sender == channel.peers[0] else channel.peers[0]
    if any(sign in receiver for sign in "@#&"):
        raise RefusedLocally({"channel": [guards.BAD_CHANNEL]})
    return {"from_uid": sender, "channel_id": receiver, "channel_type": int(channel.type)}
