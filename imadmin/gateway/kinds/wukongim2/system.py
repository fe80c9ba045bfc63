"""One node as a server: where it is reached, what it counts, how it is set, who may sign in (2.8, 2.12)."""

from __future__ import annotations

from collections.abc import Sequence

from imadmin.core.errors import gettext_noop
from imadmin.gateway.enums import ConnectionSort
from imadmin.gateway.errors import RefusedLocally, Unreachable
from imadmin.gateway.http import QUICK
from imadmin.gateway.kinds.wukongim2 import answers, guards, shapes, wire_system
from imadmin.gateway.kinds.wukongim2.part import OWN, Part
from imadmin.gateway.system_types import (
    Addresses,
    ConnectionPage,
    Health,
    MigrateResult,
    ServerSettings,
    SignedIn,
    Variables,
)  # fmt: skip
from imadmin.gateway.types import Session

BUSIEST_MOST = 20
SORTS = frozenset([sort.value for sort in ConnectionSort] + [sort.descending for sort in ConnectionSort])

BAD_OFFSET = gettext_noop("Rows are counted from 0 on.")
BAD_SORT = gettext_noop("The server doesn't sort by this, and says nothing of it.")
NO_USER = gettext_noop("Give a user name and a password.")
NO_UIDS = gettext_noop("Name at least one user.")
NO_ROW = gettext_noop("A connection is named by its node and a number above 0.")


class SystemPart(Part):
    async def addresses(self, node: int, *, intranet: bool = False) -> Addresses:
        """Where clients connect to this node.  intranet: its inner address, where it has one.

        Source: GET /route; reference 2.8.
        """
        member = await self.roster.member(node)
        return await self.link.get_from(
            "addresses", member.url, "/route", {"intranet": int(intranet)}, parse=wire_system.addresses,
            node=member.label, timeouts=QUICK,
        )  # fmt: skip

    async def addresses_for(self, uids: Sequence[str], *, intranet: bool = False) -> tuple[Addresses, ...]:
        """The same for many users, who all get the asked node: the server doesn't spread them.

        Source: POST /route/batch; reference 2.8.
        """
        wanted = guards.clean_uids(uids)
        if not wanted:
            raise RefusedLocally({"uids": [NO_UIDS]})
        path = "/route/batch?intranet=1" if intranet else "/route/batch"
        found: list[Addresses] = []
        for piece in guards.chunks(wanted, guards.ONLINE_CHUNK):
            found += await self.link.post_question("addresses_for", path, list(piece), parse=wire_system.many_addresses)
        return tuple(found)

    async def connections_at(
        self, node: int, *, uid: str = "", sort: str = ConnectionSort.ID, offset: int = 0, limit: int = 20
    ) -> ConnectionPage:
        """One page of one node's list: its sockets, and what it remembers of users it leads elsewhere.

        uid: part of it, letter by letter.  sort: a ConnectionSort, or its `.descending`.
        Source: GET /connz; reference 2.8.
        """
        if offset < 0:
            raise RefusedLocally({"offset": [BAD_OFFSET]})
        if sort not in SORTS:
            raise RefusedLocally({"sort": [BAD_SORT]})
        member = await self.roster.member(node)
        most = guards.page_limit(limit, guards.CONNZ_LIMIT)
        params = {"node_id": node, "uid": uid or None, "sort": str(sort), "offset": offset, "limit": most}
        return await self.link.get_from(
            "connections_at", member.url, "/connz", params, node=member.label, timeouts=OWN,
            parse=lambda answer: wire_system.connection_page(answer, offset, most),
        )  # fmt: skip

    async def remove_connection(self, session: Session) -> None:
        """Forget one connection at once, without telling its client, which finds out when nobody answers its pings.

        The answer doesn't tell whether there was such a connection.  Its socket stays open (5.1).
        Source: POST /conn/remove, at the leader of the uid's slot; reference 2.8, 5.1.
        """
        uid = guards.clean_uid(session.uid)
        if session.id < 1 or session.node_id < 1:
            raise RefusedLocally({"session": [NO_ROW]})
        leader = session.leader_id
        if not leader:
            found = await self.roster.slot_leader(uid)
            leader = found.id if found else session.node_id
        body = {"uid": uid, "conn_id": session.id, "node_id": session.node_id, "op_node_id": leader}
        await self.link.change("remove_connection", "/conn/remove", body)

    async def variables(self, node: int, *, busiest: int = 0) -> Variables:
        """One node's figures.  busiest: so many of its connections too, most messages in first, without addresses.

        Source: GET /varz; reference 2.8.
        """
        member = await self.roster.member(node)
        shown = {"show": "conn", "conn_limit": min(busiest, BUSIEST_MOST)} if busiest > 0 else {}
        return await self.link.get_from(
            "variables", member.url, "/varz", {"node_id": node, **shown}, parse=wire_system.variables,
            node=member.label, timeouts=OWN,
        )  # fmt: skip

    async def server_settings(self, node: int) -> ServerSettings:
        """What is switched on beside the service itself.  Source: GET /varz/setting; reference 2.8."""
        member = await self.roster.member(node)
        return await self.link.get_from(
            "server_settings", member.url, "/varz/setting", parse=wire_system.settings, node=member.label,
            timeouts=QUICK,
        )  # fmt: skip

    async def health(self, node: int) -> Health:
        """What the node says of its slots.  Not whether the cluster works: see node_views for that (5.9).

        Source: GET /health; reference 2.8.
        """
        member = await self.roster.member(node)
        reply = await self.link.reply_from("health", member.url, "/health", node=member.label, timeouts=QUICK)
        if reply.status == 500 and reply.body:
            return Health(is_ok=False, reason=shapes.text(shapes.whole(reply.json()), "message"))
        return answers.read(reply, lambda answer: Health(shapes.text(shapes.whole(answer), "status") == "ok", ""))

    async def migrate_result(self) -> MigrateResult:
        """How far the import from v1 is.  Source: GET /migrate/result; reference 2.8."""
        return await self.link.get("migrate_result", "/migrate/result", parse=wire_system.migrate_result)

    async def login(self, user: str, password: str) -> SignedIn:
        """Sign somebody in, here only to see who they are there: our own calls go on with the connection's account.

        Raises Unauthorised for a wrong name or password; there is no lock-out on the server.
        Source: POST /manager/login; reference 2.12.
        """
        if not user or not password:
            raise RefusedLocally({"user": [NO_USER]})
        for base in filter(None, (self.link.manager, self.link.api)):
            try:
                return await self.link.sign_in.reveal(base, user, password)
            except Unreachable:
                if base == self.link.api:
                    raise
        raise Unreachable(operation="login")
