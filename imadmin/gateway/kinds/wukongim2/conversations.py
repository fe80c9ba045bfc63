"""A user's conversations as changes: hidden, marked as read.  Reading them is in users.py."""

from __future__ import annotations

from typing import Any

from imadmin.core.errors import gettext_noop
from imadmin.gateway.errors import RefusedLocally
from imadmin.gateway.kinds.wukongim2 import guards
from imadmin.gateway.kinds.wukongim2.part import Part
from imadmin.gateway.types import ChannelRef

NOT_THEIRS = gettext_noop("This is a chat of two other people.")


class ConversationsPart(Part):
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
