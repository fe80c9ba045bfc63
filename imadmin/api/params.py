"""Types of path parameters.  Foreign ids come in the `~XX` form of core/pathids; plain text works where it can."""

from typing import Annotated

from ninja import Path
from pydantic import InstanceOf, WithJsonSchema

from imadmin.gateway.types import ChannelRef

# For `{channel:channel}` in a route: two path segments, `2/group-id`; OpenAPI shows them as two parameters.
ChannelPath = Annotated[ChannelRef, InstanceOf(), WithJsonSchema({"type": "string", "format": "channel-ref"})]

# For `{pathid:uid}` in a route.
IdPath = Annotated[
    str,
    WithJsonSchema({"type": "string", "description": "the id; what breaks a path is written ~XX (UTF-8 bytes in hex)"}),
]

# The cluster, in the prefix a router is mounted under: routes don't name it, so it has to be declared a path parameter.
SlugPath = Annotated[str, Path(description="the cluster's slug")]
