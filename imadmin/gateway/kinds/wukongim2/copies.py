"""A channel's copies: where they are, who leads, starting, stopping and moving them (2.9).

The server takes moves to nodes that don't exist, to node 0 and to itself, and stays wedged for ever: checked here.
"""

from __future__ import annotations

from collections.abc import Sequence

from imadmin.core.errors import gettext_noop
from imadmin.gateway import moving
from imadmin.gateway.cluster_types import ChannelActivity, ChannelConfig, ReplicaOfChannel
from imadmin.gateway.errors import NoSuch, RefusedLocally, Unreachable
from imadmin.gateway.kinds.wukongim2 import guards, wire, wire_cluster
from imadmin.gateway.kinds.wukongim2.part import FANNING, OWN, Part
from imadmin.gateway.types import ChannelRef, NodeView

STATUS_MOST = 200

NEVER_USED = gettext_noop("This channel was never used, so there are no copies of it.")
MOVING = gettext_noop("A move of this channel is under way; no second one can be begun.")
SAME = gettext_noop("It is there already: source and target are the same node.")
UNKNOWN_TARGET = gettext_noop("The cluster knows no such node; the move would hang for ever.")
TARGET_AWAY = gettext_noop("That node isn't online; the move would hang.")
NO_COPY = gettext_noop("That node holds no copy of this channel.")
NOT_LEADER = gettext_noop("The target holds a copy already, so only the leader can hand over to it.")
NO_SLOT_LEADER = gettext_noop("No node leads the slot of this channel at the moment")
NO_CHANNELS = gettext_noop("Name 1 to 200 channels.")


class CopiesPart(Part):
    async def channel_config(self, channel: ChannelRef) -> ChannelConfig | None:
        """How a channel is kept; None when it was never used.

        Source: GET /cluster/channels/:id/:type/config, at the leader of its slot; reference 2.9, 5.6.
        """
        path = _path(channel, "config")
        leader = await self.roster.slot_leader(channel.id)
        if leader is None:
            raise Unreachable(NO_SLOT_LEADER, operation="channel_config")
        try:
            return await self.link.get_from(
                "channel_config", leader.url, path, {"node_id": leader.id}, parse=wire_cluster.channel_config,
                node=leader.label, timeouts=OWN,
            )  # fmt: skip
        except NoSuch:
            return None

    async def channel_replicas(self, channel: ChannelRef) -> tuple[ReplicaOfChannel, ...]:
        """The copies by node, as the slot's leader collects them; offline ones are missing.  () for a never used one.

        Source: GET /cluster/channels/:id/:type/replicas; reference 2.9.
        """
        try:
            return await self.link.get(
                "channel_replicas", _path(channel, "replicas"), parse=wire_cluster.channel_replicas, timeouts=FANNING
            )
        except NoSuch:
            return ()

    async def channel_copy(self, channel: ChannelRef, node: int) -> ReplicaOfChannel:
        """One node's copy, told by itself; all zero for a channel it knows nothing of.

        Source: GET /cluster/channels/:id/:type/localReplica; reference 2.9.
        """
        path = _path(channel, "localReplica")
        member = await self.roster.member(node)
        return await self.link.get_from(
            "channel_copy", member.url, path, parse=wire_cluster.channel_replica, node=member.label, timeouts=OWN
        )

    async def start_channel(self, channel: ChannelRef) -> None:
        """Have the channel's leader run it.  Raises NoSuch for a never used one.  Needs clusterchannelStart.

        Source: POST /cluster/channels/:id/:type/start; reference 2.9.
        """
        await self._switch("start_channel", channel, "start")

    async def stop_channel(self, channel: ChannelRef) -> None:
        """Have the channel's leader put it to rest; no ban, the next message runs it again, and a channel that stopped
        storing stores again.  Raises NoSuch for a never used one.  Needs clusterchannelStop.

        Source: POST /cluster/channels/:id/:type/stop; reference 2.1, 2.9.
        """
        await self._switch("stop_channel", channel, "stop")

    async def move_channel(self, channel: ChannelRef, source: int, target: int) -> None:
        """Hand the lead over, when `target` holds a copy and `source` leads; else move source's copy to target.

        The answer says that it was taken; follow it by channel_config.  Raises RefusedLocally for what would hang.
        Source: POST /cluster/channels/:id/:type/migrate; reference 2.9.
        """
        path = _path(channel, "migrate")
        if source == target:
            raise RefusedLocally({"target": [SAME]})
        config = await self.channel_config(channel)
        if config is None:
            raise NoSuch(NEVER_USED, operation="move_channel")
        views: tuple[NodeView, ...] = await self.node_views(slots=True)  # type: ignore[attr-defined]
        members = moving.members_of(views)
        if target < 1 or target not in members:
            raise RefusedLocally({"target": [UNKNOWN_TARGET]})
        if not moving.is_ready(views, members[target]):
            raise RefusedLocally({"target": [TARGET_AWAY]})
        if source not in config.replicas:
            raise RefusedLocally({"source": [NO_COPY]})
        if target in config.replicas and source != config.leader:
            raise RefusedLocally({"source": [NOT_LEADER]})
        if config.move_from or config.move_to or config.learners:
            raise RefusedLocally({"channel": [MOVING]})
        await self.link.change("move_channel", path, {"migrate_from": source, "migrate_to": target})

    async def channels_running(self, channels: Sequence[ChannelRef], node: int) -> tuple[ChannelActivity, ...]:
        """Which of these this node runs at the moment; unknown ones come with zeros.

        Source: POST /cluster/channel/status; reference 2.9.
        """
        if not 0 < len(channels) <= STATUS_MOST:
            raise RefusedLocally({"channels": [NO_CHANNELS]})
        for channel in channels:
            guards.check_channel(channel)
        member = await self.roster.member(node)
        body = {"channels": [wire.channel_key(channel) for channel in channels]}
        return await self.link.post_question(
            "channels_running", "/cluster/channel/status", body, parse=wire_cluster.activities, base=member.url,
            node=member.label,
        )  # fmt: skip

    async def _switch(self, operation: str, channel: ChannelRef, verb: str) -> None:
        path = _path(channel, verb)
        if await self.channel_config(channel) is None:
            raise NoSuch(NEVER_USED, operation=operation)
        await self.link.change(operation, path, {})


def _path(channel: ChannelRef, last: str) -> str:
    guards.check_channel(channel)
    return f"/cluster/channels/{guards.path_id(channel.id)}/{int(channel.type)}/{last}"
