"""A user's conversations as their client sees them: synced, hidden, marked as read.  Stored rows are in users.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from imadmin.core.errors import gettext_noop
from imadmin.gateway.cluster_types import ChannelMessages
from imadmin.gateway.errors import RefusedLocally
from imadmin.gateway.kinds.wukongim2 import guards, wire, wire_cluster, wire_messages
from imadmin.gateway.kinds.wukongim2.part import Part
from imadmin.gateway.message_types import Conversation
from imadmin.gateway.types import ChannelRef

PAGE_MOST = 500
CHANNELS_MOST = 200
RECENTS_MOST = 1000
NAME_CHANNELS = gettext_noop("Name 1 to 200 channels.")
NOT_THEIRS = gettext_noop("This is a chat of two other people.")
NO_RECENTS = gettext_noop("Ask for at least one recent message: with none the server tells no conversation at all.")
BAD_UNREAD = gettext_noop("A number of unread messages is 0 or more.")
NO_CONVERSATION = gettext_noop("There is no such conversation: setting it unread would make a broken one.")


class ConversationsPart(Part):
    async def sync_conversations(
        self, uid: str, *, recents: int = 1, only_unread: bool = False, page: int = 1, page_size: int = 100
    ) -> tuple[Conversation, ...]:
        """One page of a user's conversations, hidden ones left out; a page may be short though more follow.

        recents: newest messages of each, at least 1.  Fails behind a manager token when a channel is led by another
        node than the user: the servers ask each other without it (docs/wukongim-notes.md).
        Source: POST /conversation/sync; reference 2.7.
        """
        if recents < 1:
            raise RefusedLocally({"recents": [NO_RECENTS]})
        uid = guards.clean_uid(uid)  # without one the server breaks (5.6)
        body = {
            "uid": uid,
            "version": 0,
            "msg_count": min(recents, RECENTS_MOST),
            "only_unread": int(only_unread),
            "page": max(1, page),
            "page_size": guards.page_limit(page_size, PAGE_MOST),
        }
        return await self.link.post_question(
            "sync_conversations",
            "/conversation/sync",
            body,
            parse=lambda answer: wire_messages.conversations(answer, uid),
        )

    async def conversations_with(
        self, uid: str, channels: Sequence[ChannelRef], *, recents: int = 1
    ) -> tuple[Conversation, ...]:
        """A user's conversations with exactly these channels; unknown ones come with zeros, and get a config there.

        Source: POST /conversation/syncByChannels; reference 2.7.
        """
        if not 0 < len(channels) <= CHANNELS_MOST:
            raise RefusedLocally({"channels": [NAME_CHANNELS]})
        uid = guards.clean_uid(uid)
        keys = [{name: value for name, value in _key(uid, channel).items() if name != "uid"} for channel in channels]
        return await self.link.post_question(
            "conversations_with",
            "/conversation/syncByChannels",
            {"uid": uid, "channels": keys, "msg_count": max(1, min(recents, RECENTS_MOST))},
            parse=lambda answer: wire_messages.conversations(answer, uid),
        )

    async def conversation_channels(self, uid: str) -> tuple[ChannelRef, ...]:
        """The channels of a user's conversations, hidden ones too.  Source: POST /conversation/channels; 2.7."""
        return await self.link.post_question(
            "conversation_channels",
            "/conversation/channels",
            {"uid": guards.clean_uid(uid)},
            parse=wire_messages.channels,
        )

    async def channel_messages(
        self, uid: str, channels: Mapping[ChannelRef, int], node: int, *, recents: int = 15
    ) -> tuple[ChannelMessages, ...]:
        """Messages of these channels beyond the seq given for each, as this node has them; by stored id.

        Meant for the nodes among themselves: only what this node leads is right.
        Source: POST /conversation/syncMessages; reference 2.7.
        """
        if not 0 < len(channels) <= CHANNELS_MOST:
            raise RefusedLocally({"channels": [NAME_CHANNELS]})
        for channel in channels:
            guards.check_channel(channel)
        member = await self.roster.member(node)
        keys = [{**wire.channel_key(channel), "last_msg_seq": max(0, seq)} for channel, seq in channels.items()]
        body = {"uid": guards.clean_uid(uid), "channels": keys, "msg_count": max(1, min(recents, RECENTS_MOST))}
        return await self.link.post_question(
            "channel_messages", "/conversation/syncMessages", body, parse=wire_cluster.channel_messages,
            base=member.url, node=member.label,
        )  # fmt: skip

    async def delete_conversation(self, uid: str, channel: ChannelRef) -> None:
        """Hide a conversation from one user up to its newest message; nothing is deleted, the next message brings it
        back.  The row stays and can't be told from a visible one, so this can't be read back; an unknown conversation
        answers the same.

        channel: by its stored id.  Raises RefusedLocally, Uncertain.
        Source: POST /conversations/delete; reference 2.7.
        """
        await self.link.change("delete_conversation", "/conversations/delete", _key(uid, channel))

    async def clear_unread(self, uid: str, channel: ChannelRef) -> None:
        """Move a user's read position to the newest message.  Unknown conversations answer the same.

        Source: POST /conversations/clearUnread; reference 2.7.
        """
        await self.link.change("clear_unread", "/conversations/clearUnread", _key(uid, channel))

    async def set_unread(self, uid: str, channel: ChannelRef, unread: int) -> None:
        """Move a user's read position forward so that so many are unread; it never goes back.

        Refused for a conversation that isn't there: the server would make one with a broken position (2.7).
        Source: POST /conversations/setUnread; reference 2.7.
        """
        if unread < 0:
            raise RefusedLocally({"unread": [BAD_UNREAD]})
        if unread and channel not in await self.conversation_channels(uid):
            raise RefusedLocally({"channel": [NO_CONVERSATION]})
        body = {**_key(uid, channel), "unread": unread}
        await self.link.change("set_unread", "/conversations/setUnread", body)


def _key(uid: str, channel: ChannelRef) -> dict[str, Any]:
    """These routes name a person chat by the other person."""
    uid = guards.clean_uid(uid)
    guards.check_channel(channel)
    named = channel.id
    if channel.peers:
        first, second = channel.peers
        if uid not in (first, second):
            raise RefusedLocally({"channel": [NOT_THEIRS]})
        named = second if uid == first else first
    return {"uid": uid, "channel_id": named, "channel_type": int(channel.type)}
