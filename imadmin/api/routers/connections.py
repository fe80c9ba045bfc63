"""The connections of a cluster: all of them, by page, and the sockets that the server hides."""

from typing import Annotated

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router

from imadmin.api.paging import Cursor, Limit
from imadmin.api.params import SlugPath
from imadmin.api.schemas.common import problems
from imadmin.api.schemas.connections import ConnectionsOut, GhostsOut
from imadmin.clusters import access
from imadmin.monitor import connections as queries

router = Router()

READ = problems(401, 403, 404, 422, 502, 504)
JSON = "application/json; charset=utf-8"

Uid = Annotated[list[str], Query(description="part of a uid, or = and the whole; - before it takes away")]
Node = Annotated[list[str], Query(description="number of the node that holds the socket; repeat it to widen")]
Device = Annotated[list[str], Query(description="app, web, pc or other")]
Level = Annotated[list[str], Query(description="master or slave")]
Ip = Annotated[list[str], Query(description="an address or a network, such as 203.0.113.0/24")]
Version = Annotated[list[str], Query(description="protocol version")]
Span = Annotated[list[str], Query(description="such as >10m, <90s or 1m-10m")]
Rate = Annotated[list[str], Query(description="messages a second over its whole life, such as >0.5 or >30/m")]
KnownTo = Annotated[str, Query(pattern="^(|remembered)$", description="remembered: rows only another node tells")]
Sort = Annotated[str, Query(max_length=20, description="a column such as node, idle or rate; - before it falls")]
Facets = Annotated[bool, Query(description="count the values of each field too")]
Fresh = Annotated[bool, Query(description="ask the nodes again when the list is older than a second")]


@router.get(
    "/connections",
    response={200: ConnectionsOut, **READ},
    operation_id="list_connections",
    summary="Every connection, filtered and sorted",
)
def list_connections(
    request: HttpRequest,
    slug: SlugPath,
    uid: Uid = [],  # noqa: B006
    node: Node = [],  # noqa: B006
    device: Device = [],  # noqa: B006
    level: Level = [],  # noqa: B006
    ip: Ip = [],  # noqa: B006
    version: Version = [],  # noqa: B006
    age: Span = [],  # noqa: B006
    idle: Span = [],  # noqa: B006
    rate: Rate = [],  # noqa: B006
    known: KnownTo = "",
    sort: Sort = "node",
    limit: Limit = 50,
    cursor: Cursor = "",
    facets: Facets = False,
    fresh: Fresh = False,
) -> HttpResponse:
    """Needs `view`. Every node is asked itself; `partial` names those that are missing, and their rows are not counted.

    The list is read anew every few seconds. In the order `node` each connection comes once, however many come and go
    between two pages; in an order that time changes (`idle`, `age`, `rate`) rows may move past the cursor.
    """
    scope = access.enter(request, slug)
    given = {
        "uid": uid, "node": node, "device": device, "level": level, "ip": ip, "version": version, "age": age,
        "idle": idle, "rate": rate,
    }  # fmt: skip
    found = queries.listing(
        scope,
        queries.read(given, is_remembered=known == "remembered"),
        sort=sort.removeprefix("-"),
        descending=sort.startswith("-"),
        limit=limit,
        cursor=cursor,
        facets=facets,
        max_age=1.0 if fresh else None,
    )
    return HttpResponse(ConnectionsOut.of(found).model_dump_json(), content_type=JSON)


@router.get(
    "/connections/ghosts",
    response={200: GhostsOut, **READ},
    operation_id="list_ghosts",
    summary="Open sockets that the server lists nowhere",
)
def list_ghosts(request: HttpRequest, slug: SlugPath) -> GhostsOut:
    """Needs `view`. A figure is only a difference of the server's own; ask again after 20 seconds for what lasts."""
    return GhostsOut.of(queries.ghosts(access.enter(request, slug)))
