"""The WuKongIM v2 gateway: its parts put together.  See each part for what can be asked of the noun."""

from __future__ import annotations

import asyncio

from imadmin.gateway.capabilities import Capability
from imadmin.gateway.contract import Connection
from imadmin.gateway.http import Http
from imadmin.gateway.kinds.wukongim2.accounts import AccountsPart
from imadmin.gateway.kinds.wukongim2.backfill import BackfillPart
from imadmin.gateway.kinds.wukongim2.configuration import ConfigurationPart
from imadmin.gateway.kinds.wukongim2.connections import ConnectionsPart
from imadmin.gateway.kinds.wukongim2.conversations import ConversationsPart
from imadmin.gateway.kinds.wukongim2.copies import CopiesPart
from imadmin.gateway.kinds.wukongim2.guards import LIST_PAUSE
from imadmin.gateway.kinds.wukongim2.link import Link
from imadmin.gateway.kinds.wukongim2.moves import MovesPart
from imadmin.gateway.kinds.wukongim2.nodes import NodesPart
from imadmin.gateway.kinds.wukongim2.people import PeoplePart
from imadmin.gateway.kinds.wukongim2.plugins import PluginsPart
from imadmin.gateway.kinds.wukongim2.probe import ProbePart
from imadmin.gateway.kinds.wukongim2.replacing import ReplacingPart
from imadmin.gateway.kinds.wukongim2.roster import Roster
from imadmin.gateway.kinds.wukongim2.sending import SendingPart
from imadmin.gateway.kinds.wukongim2.series import SeriesPart
from imadmin.gateway.kinds.wukongim2.system import SystemPart
from imadmin.gateway.kinds.wukongim2.tables import TablesPart
from imadmin.gateway.kinds.wukongim2.views import ManagerChecks, ViewsPart

CAPABILITIES = frozenset(Capability) - {
    Capability.SEARCH_TEXT_EVERYWHERE,  # the server would read every message on every node
    Capability.SEARCH_BY_TIME,
    Capability.DELETE_CHANNELS,
    Capability.DELETE_MESSAGES,
}


class WuKongIM2(
    BackfillPart,
    SendingPart,
    ReplacingPart,
    AccountsPart,
    ConversationsPart,
    TablesPart,
    ConnectionsPart,
    SystemPart,
    PluginsPart,
    NodesPart,
    ViewsPart,
    SeriesPart,
    PeoplePart,
    ConfigurationPart,
    CopiesPart,
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
