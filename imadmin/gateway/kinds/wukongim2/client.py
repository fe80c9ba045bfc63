"""The WuKongIM v2 gateway: its parts put together.  See each part for what can be asked of the noun."""

from __future__ import annotations

import asyncio

from imadmin.gateway.capabilities import Capability
from imadmin.gateway.contract import Connection
from imadmin.gateway.http import Http
from imadmin.gateway.kinds.wukongim2.connections import ConnectionsPart
from imadmin.gateway.kinds.wukongim2.conversations import ConversationsPart
from imadmin.gateway.kinds.wukongim2.guards import LIST_PAUSE
from imadmin.gateway.kinds.wukongim2.link import Link
from imadmin.gateway.kinds.wukongim2.lists import ListsPart
from imadmin.gateway.kinds.wukongim2.lookups import LookupsPart
from imadmin.gateway.kinds.wukongim2.metrics import MetricsPart
from imadmin.gateway.kinds.wukongim2.moves import MovesPart
from imadmin.gateway.kinds.wukongim2.nodes import NodesPart
from imadmin.gateway.kinds.wukongim2.people import PeoplePart
from imadmin.gateway.kinds.wukongim2.probe import ProbePart
from imadmin.gateway.kinds.wukongim2.roster import Roster
from imadmin.gateway.kinds.wukongim2.sending import SendingPart
from imadmin.gateway.kinds.wukongim2.slots import SlotsPart
from imadmin.gateway.kinds.wukongim2.users import UsersPart
from imadmin.gateway.kinds.wukongim2.views import ManagerChecks, ViewsPart

CAPABILITIES = frozenset(
    {
        Capability.SEARCH_BY_CHANNEL,
        Capability.SEARCH_BY_SENDER,
        Capability.SEARCH_TEXT_IN_CHANNEL,
        Capability.MANAGE_CHANNELS,
        Capability.LISTS,
        Capability.DEVICES,
        Capability.KICK,
        Capability.SEND_BAN,
        Capability.LOGIN_BAN,
        Capability.MOVE_SLOTS,
    }
)


class WuKongIM2(
    LookupsPart,
    SendingPart,
    ListsPart,
    UsersPart,
    ConversationsPart,
    ConnectionsPart,
    NodesPart,
    ViewsPart,
    MetricsPart,
    PeoplePart,
    SlotsPart,
    MovesPart,
    ProbePart,
):
    """One cluster, one pool of connections, one event loop.  Close it with `aclose`."""

    kind = "wukongim2"
    capabilities = CAPABILITIES

    def __init__(self, connection: Connection, *, http: Http | None = None, list_pause: float = LIST_PAUSE) -> None:
        self.link = Link(connection, http or Http(networks=connection.networks))
        self.roster = Roster(self.link)
        self.list_lock = asyncio.Lock()  # bursts of list writes wedge slots: one change at a time (5.5)
        self.list_pause = list_pause
        self.manager_checks = ManagerChecks()
        self.slot_lock = asyncio.Lock()
        self.managers = {}

    async def unused_for(self, seconds: float) -> None:
        await self.link.http.unused_for(seconds)

    async def aclose(self) -> None:
        await self.link.aclose()
