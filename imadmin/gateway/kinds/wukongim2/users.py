"""Users, their devices, connections and conversations; ending a connection."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from imadmin.core.errors import gettext_noop
from imadmin.gateway.errors import BadReply, NoSuch, RefusedLocally, Unreachable
from imadmin.gateway.http import Reply
from imadmin.gateway.kinds.wukongim2 import answers, guards, wire
from imadmin.gateway.kinds.wukongim2.part import OWN, Part, failure
from imadmin.gateway.kinds.wukongim2.roster import Member
from imadmin.gateway.types import (
    Answer,
    ConversationRow,
    Device,
    OnlineDevice,
    Session,
    UserRecord,
    now,
)  # fmt: skip

T = TypeVar("T")

CONNZ_PAGES = 20  # of CONNZ_LIMIT rows each, a node

TOO_MANY_CONNECTIONS = gettext_noop("More connections match than we read; some may be missing")
NO_SLOT_LEADER = gettext_noop("No node leads the slot of some of these users")
BAD_FLAG = gettext_noop("A device flag is a number from 0 to 255, or -1 for app, web and PC.")
NO_CONNECTION = gettext_noop("A connection is named by its node and a number above 0.")


class UsersPart(Part):
    async def user(self, uid: str) -> UserRecord | None:
        """The stored record of a uid; None when there is none.  Only uids that were ever given a token have one.

        Source: GET /cluster/users?uid, at the uid's slot leader; an unknown uid breaks the handler there, which is its
        way of saying so.  Reference 2.9, 5.3.
        """
        uid = guards.clean_uid(uid)
        found = await self._of_user("user", "/cluster/users", uid, parse=wire.users)
        return next((record for record in found if record.uid == uid), None)

    async def devices(self, uid: str) -> tuple[Device, ...]:
        """Device rows by flag, each once; whether a token is stored, never the token.

        Source: GET /cluster/devices?uid, at the uid's slot leader; reference 2.9.
        """
        uid = guards.clean_uid(uid)
        found = await self._of_user("devices", "/cluster/devices", uid, parse=wire.devices)
        mine = sorted((device for device in found if device.uid == uid), key=_device_updated)
        return tuple(sorted({device.flag: device for device in mine}.values(), key=lambda device: device.flag))

    async def conversations(self, uid: str) -> tuple[ConversationRow, ...]:
        """Stored conversations, latest first.  Very recent ones show up after the server's periodic save.

        Source: GET /cluster/conversations?uid, at the uid's slot leader; reference 2.9.
        """
        uid = guards.clean_uid(uid)
        found = await self._of_user("conversations", "/cluster/conversations", uid, parse=wire.conversations)
        mine = {row.channel: row for row in found if row.uid == uid}
        return tuple(sorted(mine.values(), key=_conversation_updated, reverse=True))

    async def system_users(self) -> tuple[str, ...]:
        """Uids that pass membership and list checks.  Source: GET /user/systemuids; reference 2.6."""
        return tuple(dict.fromkeys(await self.link.get("system_users", "/user/systemuids", parse=wire.uids)))

    async def sessions(self, uid: str) -> Answer[tuple[Session, ...]]:
        """Live connections of exactly this uid, by node and id; every node is asked itself.

        A connection that several nodes list is told by the node that holds it.  Raises when no node answered.
        Source: GET /connz of every node; reference 2.8, 5.9.
        """
        uid = guards.clean_uid(uid)
        members = await self.roster.members()
        gathered = await self.each(members, lambda member: self._sessions_at(member, uid))
        if not gathered.answers:
            raise Unreachable(operation="sessions")
        failed = list(gathered.failed)
        rows: dict[tuple[int, int], Session] = {}
        for member, found, is_cut in gathered.answers:
            for session in found:
                if session.node_id == member.id or (session.node_id, session.id) not in rows:
                    rows[session.node_id, session.id] = session
            if is_cut:
                failed.append(failure(member.label, TOO_MANY_CONNECTIONS, BadReply.code))
        asked = tuple(member.label for member, _, _ in gathered.answers)
        return Answer(tuple(rows[key] for key in sorted(rows)), now(), asked, tuple(failed))

    async def online_devices(self, uids: Sequence[str]) -> Answer[tuple[OnlineDevice, ...]]:
        """Who of these is online, and on which kind of device; offline uids are absent.

        Each uid's slot leader is asked for its own: asking one node for all fails behind a manager token (1.5).
        Source: POST /user/onlinestatus; reference 2.6.
        """
        wanted = guards.clean_uids(uids)
        if not wanted:
            return Answer((), now())
        if len(await self.roster.members()) == 1:
            leaders = dict.fromkeys(wanted, (await self.roster.members())[0])
        else:
            leaders = await self.roster.slot_leaders(wanted)
        by_leader: dict[Member, list[str]] = {}
        for uid in wanted:
            if uid in leaders:
                by_leader.setdefault(leaders[uid], []).append(uid)
        gathered = await self.each(by_leader, lambda member: self._online_at(member, by_leader[member]))
        failed = gathered.failed
        if len(leaders) < len(wanted):
            failed += (failure("", NO_SLOT_LEADER),)
        if not gathered.answers:
            raise Unreachable(failed[0].reason, node=failed[0].node, operation="online_devices")
        found = dict.fromkeys(device for answer in gathered.answers for device in answer)
        nodes = tuple(member.label for member in by_leader if member.label not in {one.node for one in failed})
        return Answer(tuple(found), now(), nodes, failed)

    async def kick_session(self, session: Session) -> None:
        """Tell one connection to leave (reason 12); its row goes after 2 s, its socket when the client closes it.

        Run by the leader of the uid's slot: run elsewhere, the leader keeps a stale row.  The answer doesn't tell
        whether there was such a connection.  Source: POST /conn/kick; reference 2.8, 5.1.
        """
        uid = guards.clean_uid(session.uid)
        if session.id < 1 or session.node_id < 1:
            raise RefusedLocally({"session": [NO_CONNECTION]})
        leader = session.leader_id
        if not leader:  # rows of some routes don't say
            found = await self.roster.slot_leader(uid)
            leader = found.id if found else session.node_id
        body = {"uid": uid, "conn_id": session.id, "node_id": session.node_id, "op_node_id": leader}
        there = next((member for member in await self.roster.members() if member.id == leader), None)
        base = there.url if there else ""  # straight to who does it: many kicks spread over the nodes
        await self.link.change("kick_session", "/conn/kick", body, base=base, node=str(leader) if base else "")

    async def quit_device(self, uid: str, flag: int) -> None:
        """Clear the token of a uid's device and tell its connections to leave; -1 = app, web and PC.

        Does nothing for a device without row, and in a cluster reaches only some of several connections: read
        `sessions` after 3 s and kick the rest.  Source: POST /user/device_quit; reference 2.6, 5.1.
        """
        uid = guards.clean_uid(uid)
        if not -1 <= flag <= 255:
            raise RefusedLocally({"flag": [BAD_FLAG]})
        await self.link.change("quit_device", "/user/device_quit", {"uid": uid, "device_flag": int(flag)})

    async def _of_user(self, operation: str, path: str, uid: str, *, parse: Callable[[Any], list[T]]) -> list[T]:
        """Rows of one uid.  A merged answer fails as soon as one node lacks the row."""
        params = {"uid": uid, "limit": guards.PAGE_LIMIT}
        return await self.at_slot_leader(operation, path, uid, params, read=lambda reply: _rows_or_none(reply, parse))

    async def _sessions_at(self, member: Member, uid: str) -> tuple[Member, list[Session], bool]:
        """Rows of one node, page by page; its filter is a substring, its total counts other things (2.8)."""
        found: list[Session] = []
        for page in range(CONNZ_PAGES):
            span = {"offset": page * guards.CONNZ_LIMIT, "limit": guards.CONNZ_LIMIT}
            params = {"uid": uid, "node_id": member.id, **span}
            rows, mine = await self.link.get_from(
                "sessions", member.url, "/connz", params, node=member.label, timeouts=OWN,
                parse=lambda answer: (wire.connection_count(answer), list(wire.sessions(answer, uid))),
            )  # fmt: skip
            found += mine
            if rows < guards.CONNZ_LIMIT:
                return member, found, False
        return member, found, True

    async def _online_at(self, member: Member, uids: list[str]) -> list[OnlineDevice]:
        found: list[OnlineDevice] = []
        async for _, piece in guards.paced(guards.chunks(uids, guards.ONLINE_CHUNK), 0):
            found += await self.link.post_question(
                "online_devices", "/user/onlinestatus", list(piece), parse=wire.online_devices, base=member.url,
                node=member.label,
            )  # fmt: skip
        return found


def _rows_or_none(reply: Reply, parse: Callable[[Any], list[T]]) -> list[T]:
    """[] where the server says "no such user" in one of its ways."""
    if answers.is_broken_down(reply):
        return []
    try:
        return answers.read(reply, parse)
    except NoSuch:
        return []


def _device_updated(device: Device) -> float:
    return device.updated_at.timestamp() if device.updated_at else 0.0


def _conversation_updated(row: ConversationRow) -> float:
    return row.updated_at.timestamp() if row.updated_at else 0.0
