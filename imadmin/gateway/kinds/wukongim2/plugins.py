"""Plugins and tags: what runs beside the server, and its cache of who gets a channel's messages (2.10, 2.13)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from imadmin.core.errors import gettext_noop
from imadmin.gateway.errors import NoSuch, RefusedLocally, Rejected
from imadmin.gateway.kinds.wukongim2 import answers, guards, wire, wire_system
from imadmin.gateway.kinds.wukongim2.part import Part
from imadmin.gateway.system_types import Plugin, PluginAnswer, PluginBinding, Tag
from imadmin.gateway.types import Answer, ChannelRef, now

METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")

BAD_PLUGIN = gettext_noop("A plugin is named by letters, digits, dots and dashes.")
BAD_METHOD = gettext_noop("A plugin is called by GET, POST, PUT, PATCH, DELETE or HEAD.")
BAD_PLUGIN_PATH = gettext_noop("A path inside the plugin, without two dots, control characters or a question mark.")
NO_SUCH_PLUGIN = gettext_noop("This node has no such plugin")
NO_TAG = gettext_noop("Name a tag, or a channel.")


class PluginsPart(Part):
    async def plugins(self, *, ai_only: bool = False) -> Answer[tuple[Plugin, ...]]:
        """What is installed, node by node.  Source: GET /plugins of every node; reference 2.13."""
        members = await self.roster.members()
        asked = {"type": "ai"} if ai_only else {}
        gathered = await self.each(
            members,
            lambda member: self.link.get_from(
                "plugins", member.url, "/plugins", {"node_id": member.id, **asked}, parse=wire_system.plugins,
                node=member.label,
            ),
        )  # fmt: skip
        found = [plugin for answer in gathered.answers for plugin in answer]
        silent = {failure.node for failure in gathered.failed}
        nodes = tuple(member.label for member in members if member.label not in silent)
        if not gathered.answers:
            raise NoSuch(operation="plugins")
        return Answer(tuple(sorted(found, key=lambda plugin: (plugin.no, plugin.node))), now(), nodes, gathered.failed)

    async def plugin(self, no: str, node: int) -> Plugin | None:
        """One plugin of one node; there is no route for it alone.  Source: GET /plugins; reference 2.13."""
        member = await self.roster.member(node)
        found = await self.link.get_from(
            "plugin", member.url, "/plugins", {"node_id": node}, parse=wire_system.plugins, node=member.label
        )
        return next((plugin for plugin in found if plugin.no == no), None)

    async def set_plugin_config(self, no: str, node: int, config: Mapping[str, Any]) -> None:
        """Replace a plugin's configuration; a secret sent as ****** stays as it is.

        Raises NoSuch for a plugin that isn't there, which the server would take.  Needs pluginConfigUpdate.
        Source: POST /pluginconfig/:plugin; reference 2.13.
        """
        _check_name(no)
        if await self.plugin(no, node) is None:
            raise NoSuch(NO_SUCH_PLUGIN, node=str(node), operation="set_plugin_config")
        body = {"config": dict(config), "node_id": node}
        await self.link.change("set_plugin_config", f"/pluginconfig/{quote(no, safe='')}", body)

    async def uninstall_plugin(self, no: str, node: int) -> None:
        """Raises NoSuch for one that isn't there.  Needs pluginUninstall.  Source: POST /plugin/uninstall; 2.13."""
        _check_name(no)
        if await self.plugin(no, node) is None:
            raise NoSuch(NO_SUCH_PLUGIN, node=str(node), operation="uninstall_plugin")
        await self.link.change("uninstall_plugin", "/plugin/uninstall", {"plugin_no": no, "node_id": node})

    async def bind_plugin(self, no: str, uid: str) -> None:
        """What this user gets goes to the plugin.  Nobody checks that there is such a plugin.  Needs pluginUserAdd.

        Source: POST /plugin/bind; reference 2.13.
        """
        _check_name(no)
        await self.link.change("bind_plugin", "/plugin/bind", {"plugin_no": no, "uid": guards.clean_uid(uid)})

    async def unbind_plugin(self, no: str, uid: str) -> None:
        """The opposite; an unknown binding answers the same.  Needs pluginUserDelete.  Source: POST /plugin/unbind."""
        _check_name(no)
        await self.link.change("unbind_plugin", "/plugin/unbind", {"plugin_no": no, "uid": guards.clean_uid(uid)})

    async def plugin_bindings(self, *, uid: str = "", no: str = "") -> Answer[tuple[PluginBinding, ...]]:
        """Who is bound to what, newest first.

        Each node is asked for its own: the server asks the others without our credentials and forgets the filter.
        Source: GET /plugin/bind of every node; reference 1.5, 2.13.
        """
        members = await self.roster.members()
        asked = {"uid": uid or None, "plugin_no": no or None}
        gathered = await self.each(
            members,
            lambda member: self.link.get_from(
                "plugin_bindings", member.url, "/plugin/bind", {**asked, "node_id": member.id},
                parse=wire_system.bindings, node=member.label,
            ),
        )  # fmt: skip
        if not gathered.answers:
            raise NoSuch(operation="plugin_bindings")
        found = {(one.no, one.uid): one for answer in gathered.answers for one in answer}
        kept = [one for one in found.values() if uid in ("", one.uid) and no in ("", one.no)]
        kept.sort(key=lambda one: one.created_at.timestamp() if one.created_at else 0.0, reverse=True)
        return Answer(tuple(kept), now(), (), gathered.failed)

    async def call_plugin(
        self, no: str, node: int, path: str, *, method: str = "GET", params: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> PluginAnswer:  # fmt: skip
        """Whatever the plugin itself answers; the server gives it five seconds.  Sent once, as it may change things.

        Raises NoSuch for a plugin that isn't there or doesn't run.  Source: ANY /plugins/:plugin/*path; 2.13.
        """
        _check_name(no)
        if method not in METHODS:
            raise RefusedLocally({"method": [BAD_METHOD]})
        inside = path.strip("/")
        if any(part == ".." for part in inside.split("/")) or re.search(r"[\x00-\x1f\x7f?#\\]", inside):
            raise RefusedLocally({"path": [BAD_PLUGIN_PATH]})
        member = await self.roster.member(node)
        reply = await self.link.passed(
            "call_plugin", member.url, method, f"/plugins/{quote(no, safe='')}/{quote(inside)}",
            params=dict(params or {}), body=body, node=member.label,
        )  # fmt: skip
        if answers.is_unknown_plugin(reply):
            raise NoSuch(NO_SUCH_PLUGIN, node=member.label, operation="call_plugin")
        return PluginAnswer(reply.status, reply.content_type, reply.body)

    # -- tags --------------------------------------------------------------------------------------------------------

    async def tags(self, node: int, *, channel: ChannelRef | None = None, key: str = "") -> tuple[Tag, ...]:
        """A node's cached lists of receivers, newest first, at most 1000.  Source: GET /tags; reference 2.10."""
        member = await self.roster.member(node)
        asked = {"node_id": node, "tag_key": key or None, **(wire.channel_key(channel) if channel else {})}
        return await self.link.get_from("tags", member.url, "/tags", asked, parse=wire_system.tags, node=member.label)

    async def tag(self, node: int, *, channel: ChannelRef | None = None, key: str = "") -> Tag | None:
        """One of them with its exact times.  Source: GET /tag; reference 2.10."""
        member = await self.roster.member(node)
        asked = _tag_key(channel, key)
        try:
            return await self.link.get_from("tag", member.url, "/tag", asked, parse=wire_system.tag, node=member.label)
        except (NoSuch, Rejected):
            return None

    async def remove_tag(self, node: int, *, channel: ChannelRef | None = None, key: str = "") -> None:
        """Have the node forget one; harmless, the next message makes it again.  An unknown one answers the same.

        Source: POST /tag/remove; reference 2.10.
        """
        await self.roster.member(node)
        await self.link.change("remove_tag", "/tag/remove", {**_tag_key(channel, key), "node_id": node})


def _check_name(no: str) -> None:
    if not _NAME.fullmatch(no):
        raise RefusedLocally({"plugin_no": [BAD_PLUGIN]})


def _tag_key(channel: ChannelRef | None, key: str) -> dict[str, Any]:
    if channel is None and not key.strip():
        raise RefusedLocally({"tag": [NO_TAG]})
    if channel is None:
        return {"tag_key": key}
    guards.check_channel(channel)
    return wire.channel_key(channel)
