"""What users are given: tokens, standing as system users, plugins (2.6)."""

from __future__ import annotations

from collections.abc import Sequence

from imadmin.core.errors import gettext_noop
from imadmin.gateway.enums import DeviceFlag, DeviceLevel
from imadmin.gateway.errors import RefusedLocally, Rejected, Unauthorised
from imadmin.gateway.kinds.wukongim2 import guards
from imadmin.gateway.kinds.wukongim2.users import UsersPart

NO_TOKEN = gettext_noop("Give a token.")
BAD_LEVEL = gettext_noop("A device level is 0 (slave) or 1 (master).")
BAD_ONE_FLAG = gettext_noop("A device flag is a number from 0 to 255.")
SYSTEM_HAS_NONE = gettext_noop("The system user can't have a token.")
NO_PLUGIN = gettext_noop("Name a plugin; without one the user would be bound to nothing.")
NO_UIDS = gettext_noop("Name at least one user.")


class AccountsPart(UsersPart):
    async def set_token(
        self, uid: str, token: str, *, flag: int = DeviceFlag.APP, level: int = DeviceLevel.SLAVE
    ) -> None:
        """Give a uid's device a token, making the rows of both.  level master: its connections are told to leave.

        The server keeps it in plain text, and asks for it only with tokenAuthOn.  Raises Rejected for a uid whose own
        entry is banned or disbanded.  Source: POST /user/token; reference 2.6.
        """
        uid = guards.clean_uid(uid)
        if uid == guards.SYSTEM_UID:
            raise RefusedLocally({"uid": [SYSTEM_HAS_NONE]})
        if not token.strip():
            raise RefusedLocally({"token": [NO_TOKEN]})
        if not 0 <= flag <= 255:
            raise RefusedLocally({"flag": [BAD_ONE_FLAG]})
        if level not in tuple(DeviceLevel):
            raise RefusedLocally({"level": [BAD_LEVEL]})
        body = {"uid": uid, "token": token, "device_flag": int(flag), "device_level": int(level)}
        await self.link.change("set_token", "/user/token", body)

    async def add_system_users(self, uids: Sequence[str]) -> None:
        """Let these pass membership and list checks everywhere, at once.

        Behind a manager token the server stores it and then fails to tell the other nodes; we tell them then.
        Source: POST /user/systemuids_add, if need be …_add_to_cache of each node; reference 1.5, 2.6.
        """
        await self._change_system_users("add_system_users", "add", uids)

    async def remove_system_users(self, uids: Sequence[str]) -> None:
        """The opposite.  Source: POST /user/systemuids_remove, …_remove_from_cache; reference 2.6."""
        await self._change_system_users("remove_system_users", "remove", uids)

    async def cache_system_users(self, node: int, uids: Sequence[str]) -> None:
        """One node takes these for system users until its next start; nothing is stored, `system_users` stays.

        Meant for the nodes among themselves.  Source: POST /user/systemuids_add_to_cache; reference 2.6.
        """
        await self._cache("cache_system_users", node, "add_to_cache", _named(uids))

    async def uncache_system_users(self, node: int, uids: Sequence[str]) -> None:
        """The opposite.  Source: POST /user/systemuids_remove_from_cache; reference 2.6."""
        await self._cache("uncache_system_users", node, "remove_from_cache", _named(uids))

    async def set_user_plugin(self, uid: str, plugin_no: str) -> None:
        """Bind a user to a plugin without any check, also to one that isn't there; `bind_plugin` asks for a right.

        Source: POST /user/update_plugin_no; reference 2.6.
        """
        uid = guards.clean_uid(uid)
        if not plugin_no.strip():
            raise RefusedLocally({"plugin_no": [NO_PLUGIN]})
        await self.link.change("set_user_plugin", "/user/update_plugin_no", {"uid": uid, "plugin_no": plugin_no})

    async def _change_system_users(self, operation: str, verb: str, uids: Sequence[str]) -> None:
        wanted = _named(uids)
        for piece in guards.chunks(wanted):
            try:
                await self.link.change(operation, f"/user/systemuids_{verb}", {"uids": list(piece)})
            except (Rejected, Unauthorised):
                if (verb == "add") != (set(piece) <= set(await self.system_users())):
                    raise  # it was not even stored
                place = "add_to_cache" if verb == "add" else "remove_from_cache"
                for node in await self.roster.members():
                    if node.url and node.row.is_online:
                        await self._cache(operation, node.id, place, piece)

    async def _cache(self, operation: str, node: int, place: str, uids: Sequence[str]) -> None:
        member = await self.roster.member(node)
        path = f"/user/systemuids_{place}"
        await self.link.change_at(operation, member.url, path, {"uids": list(uids)}, node=member.label)


def _named(uids: Sequence[str]) -> tuple[str, ...]:
    wanted = guards.clean_uids(uids)
    if not wanted:
        raise RefusedLocally({"uids": [NO_UIDS]})
    return wanted
