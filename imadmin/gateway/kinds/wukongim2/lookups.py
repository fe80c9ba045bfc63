"""Single messages and stretches of one channel, by every key the server has (2.1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from imadmin.core.errors import gettext_noop
from imadmin.gateway.errors import NoSuch, RefusedLocally, Rejected
from imadmin.gateway.kinds.wukongim2 import guards, wire, wire_messages
from imadmin.gateway.kinds.wukongim2.messages import MessagesPart, reader_of
from imadmin.gateway.message_types import ChannelSpan
from imadmin.gateway.types import ChannelRef, Message

KEYS_MOST = 200
NOT_READABLE = gettext_noop("The command channel of two people can only be searched, not read.")
NO_KEYS = gettext_noop("Name at least one message.")
MANY_KEYS = gettext_noop("At most 200 messages at once.")
BAD_SEQ = gettext_noop("Sequence numbers go from 1 to 4 294 967 295 here.")
BAD_RANGE = gettext_noop("Sequence numbers start at 0, and reading older ones ends below where it starts.")


class LookupsPart(MessagesPart):
    async def lookup_messages(
        self, channel: ChannelRef, *, seqs: Sequence[int] = (), ids: Sequence[int] = (),
        client_msg_nos: Sequence[str] = (),
    ) -> tuple[Message, ...]:  # fmt: skip
        """Messages of one channel by any of their keys; those that aren't there are left out.

        An id is found wherever it is, whatever the channel; then the message's own channel isn't told, so such hits
        are dropped unless their seq agrees.  Of several with one client number the newest is found.
        Raises RefusedLocally (no keys, too many).  Source: POST /messages; reference 2.1.
        """
        count = len(seqs) + len(ids) + len(client_msg_nos)
        if not 0 < count <= KEYS_MOST:
            raise RefusedLocally({"keys": [MANY_KEYS if count else NO_KEYS]})
        if any(not 0 < seq < 2**32 for seq in seqs) or any(not 0 < each < 2**63 for each in ids):
            raise RefusedLocally({"keys": [BAD_SEQ]})
        body = {
            **_reader(channel),
            "channel_type": int(channel.type),
            "message_seqs": list(seqs),
            "message_ids": list(ids),
            "client_msg_nos": list(client_msg_nos),
        }
        return await self.link.post_question(
            "lookup_messages", "/messages", body, parse=lambda answer: wire_messages.looked_up(answer, channel)
        )

    async def lookup_message(self, channel: ChannelRef, message_id: int) -> Message | None:
        """One message by its id; the server doesn't check that it is of this channel, use `message` to be sure.

        Source: POST /message; reference 2.1.
        """
        if not 0 < message_id < 2**63:
            raise RefusedLocally({"message_id": [BAD_SEQ]})
        body = {**_reader(channel), "channel_type": int(channel.type), "message_id": message_id}
        try:
            return await self.link.post_question(
                "lookup_message", "/message", body, parse=lambda answer: wire_messages.one_message(answer, channel)
            )
        except NoSuch:
            return None

    async def message_by_client_number(self, channel: ChannelRef, client_msg_no: str) -> Message | None:
        """The oldest message of the channel with this client number; None when there is none (yet).

        Source: GET /message/byclientmsgno; reference 2.1.
        """
        guards.check_channel(channel)
        if not client_msg_no.strip():
            raise RefusedLocally({"client_msg_no": [NO_KEYS]})
        params = {**wire.channel_key(channel), "client_msg_no": client_msg_no}
        try:
            return await self.link.get(
                "message_by_client_number", "/message/byclientmsgno", params,
                parse=lambda answer: wire_messages.one_message(answer, channel),
            )  # fmt: skip
        except NoSuch:
            return None

    async def last_message(self, channel: ChannelRef) -> Message | None:
        """The newest message; None for a channel without any.  Raises when a node that is needed doesn't answer.

        A channel that was never used is answered like a failure by its slot leader, so that is looked up first.
        Source: GET /channel/last_message; reference 2.1.
        """
        reader = _reader(channel)
        if await self.runtime_channel(channel) is None:
            return None
        try:
            return await self.link.get(
                "last_message", "/channel/last_message", {**reader, "channel_type": int(channel.type)},
                parse=lambda answer: wire_messages.one_message(answer, channel),
            )  # fmt: skip
        except (NoSuch, Rejected):
            return None

    async def read_channel(
        self, channel: ChannelRef, *, start: int = 0, end: int = 0, newer: bool = False, limit: int = 100
    ) -> ChannelSpan:
        """A stretch of a channel, always ascending.  start 0: the newest.

        newer: seqs from start on, below end (0 = to the end); else older: seqs down from start, above end.
        A channel that was never used is not asked for: reading would create its config for good.
        Raises RefusedLocally for a range the server answers wrongly.
        Source: POST /channel/messagesync; reference 2.1.
        """
        reader = _reader(channel)
        limit = guards.page_limit(limit, 1000)
        if min(start, end) < 0 or (not newer and start and end > start):
            raise RefusedLocally({"start": [BAD_RANGE]})
        if await self.runtime_channel(channel) is None:
            return ChannelSpan((), is_full=False)
        body: dict[str, Any] = {
            **reader,
            "channel_type": int(channel.type),
            "start_message_seq": start,
            "end_message_seq": end,
            "limit": limit,
            "pull_mode": int(newer and start > 0),
            "event_summary_mode": "basic",
        }
        return await self.link.post_question(
            "read_channel", "/channel/messagesync", body, parse=lambda answer: wire_messages.span(answer, channel)
        )

    async def offline_commands(self, uid: str, *, limit: int = 200) -> tuple[Message, ...]:
        """Commands that wait for this user, as their client would get them.  Deprecated there, [] when switched off.

        Source: POST /message/sync; reference 2.1.
        """
        body = {"uid": guards.clean_uid(uid), "message_seq": 0, "limit": guards.page_limit(limit, 200)}
        return await self.link.post_question("offline_commands", "/message/sync", body, parse=wire_messages.commands)

    async def acknowledge_commands(self, uid: str, last_seq: int) -> None:
        """Tell that the commands last read are had; they are not given again.

        Source: POST /message/syncack; reference 2.1.
        """
        body = {"uid": guards.clean_uid(uid), "last_message_seq": max(1, int(last_seq))}
        await self.link.change("acknowledge_commands", "/message/syncack", body)


def _reader(channel: ChannelRef) -> dict[str, str]:
    guards.check_channel(channel)
    found = reader_of(channel)
    if found is None:
        raise RefusedLocally({"channel": [NOT_READABLE]})
    return found
