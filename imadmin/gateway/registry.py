"""Which kinds of server there are, and how a gateway to one is opened."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from imadmin.core.errors import gettext_noop
from imadmin.gateway.contract import Connection, Gateway
from imadmin.gateway.errors import Unsupported
from imadmin.gateway.hook_types import HookParser
from imadmin.gateway.kinds.wukongim2 import webhook
from imadmin.gateway.kinds.wukongim2.client import WuKongIM2

KINDS: Mapping[str, Callable[[Connection], Gateway]] = {"wukongim2": WuKongIM2}
HOOKS: Mapping[str, HookParser] = {"wukongim2": webhook.batch}


def open_gateway(kind: str, connection: Connection) -> Gateway:
    """A gateway to one cluster; nothing is sent yet.  Use it on one event loop and close it there with `aclose`.

    Raises Unsupported for an unknown kind, RefusedLocally for addresses or networks that can't be used.
    """
    if kind not in KINDS:
        raise Unsupported(gettext_noop("There is no gateway for servers of kind %(kind)s"), params={"kind": kind})
    return KINDS[kind](connection)
