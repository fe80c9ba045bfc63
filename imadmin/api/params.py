"""Types of path parameters.  Foreign ids come in the `~XX` form of core/pathids; plain text works where it can."""

from typing import Annotated
from zoneinfo import ZoneInfo

from ninja import Path
from pydantic import InstanceOf, WithJsonSchema

from imadmin.core.errors import InvalidInput, gettext_noop
from imadmin.gateway.types import ChannelRef

BAD_ZONE = gettext_noop("Write a time zone like Asia/Shanghai or UTC.")

# For `{channel:channel}` in a route: two path segments, `2/group-id`; OpenAPI shows them as two parameters.
ChannelPath = Annotated[ChannelRef, InstanceOf(), WithJsonSchema({"type": "string", "format": "channel-ref"})]

# For `{pathid:uid}` in a route.
IdPath = Annotated[
    str,
    WithJsonSchema({"type": "string", "description": "the id; what breaks a path is written ~XX (UTF-8 bytes in hex)"}),
]

# The cluster, in the prefix a router is mounted under: routes don't name it, so it has to be declared a path parameter.
SlugPath = Annotated[str, Path(description="the cluster's slug")]


def zone_of(name: str) -> ZoneInfo:
    """The zone that a call names, UTC for none.  Raises InvalidInput (zone)."""
    try:
        return ZoneInfo(name or "UTC")
    except (KeyError, ValueError, OSError):
        raise InvalidInput({"zone": [BAD_ZONE]}) from None
