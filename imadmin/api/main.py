"""The JSON API: assembled here, one router a noun."""

import json
from typing import Any

from django.http import HttpRequest
from django.urls import URLPattern, URLResolver, re_path
from ninja import NinjaAPI
from ninja.openapi.schema import OpenAPISchema
from ninja.parser import Parser

from imadmin import __version__
from imadmin.api import docs, errors
from imadmin.api.auth import TokenAuth
from imadmin.api.routers import (
    archive_following,
    archive_saved,
    archive_search,
    archive_upkeep,
    audit,
    channel_lists,
    channels,
    clusters,
    connections,
    health,
    jobs,
    messages,
    nodes,
    operations,
    policies,
    presence,
    slots,
    stats,
    tokens,
    users,
)


class StrictParser(Parser):
    def parse_body(self, request: HttpRequest) -> Any:
        """JSON whose texts can be stored: half of a surrogate pair is no text in any encoding."""
        data = json.loads(request.body)
        if rb"\u" in request.body:
            json.dumps(data, ensure_ascii=False).encode()
        return data


class Api(NinjaAPI):
    def _get_urls(self) -> list[URLResolver | URLPattern]:
        """The library's addresses, our docs page, and a problem for every other address below ours."""
        found = super()._get_urls()
        for pattern in found:
            if isinstance(pattern, URLPattern):
                pattern.callback = errors.problems_only(pattern.callback)
        return [*docs.urls(self), *found, re_path(r"^.*$", docs.csrf_free(errors.unknown_address))]

    def get_openapi_schema(self, **kwargs: Any) -> OpenAPISchema:
        return docs.tidied(super().get_openapi_schema(**kwargs))


api = Api(
    title="imadmin",
    version=__version__,
    description=docs.DESCRIPTION,
    urls_namespace="api",
    auth=TokenAuth(),
    docs_url=None,
    parser=StrictParser(),
)
errors.install(api)
api.add_router("", clusters.router, tags=["clusters"])
api.add_router("clusters/{slug}", health.router, tags=["health"])
api.add_router("clusters/{slug}", messages.router, tags=["messages"])
api.add_router("clusters/{slug}", archive_following.router, tags=["archive"])
api.add_router("clusters/{slug}", archive_search.router, tags=["archive"])
api.add_router("clusters/{slug}", archive_saved.router, tags=["archive"])
api.add_router("clusters/{slug}", archive_upkeep.router, tags=["archive"])
api.add_router("clusters/{slug}", channels.router, tags=["channels"])
api.add_router("clusters/{slug}", channel_lists.router, tags=["channels"])
api.add_router("clusters/{slug}", users.router, tags=["users"])
api.add_router("clusters/{slug}", connections.router, tags=["connections"])
api.add_router("clusters/{slug}", nodes.router, tags=["nodes"])
api.add_router("clusters/{slug}", slots.router, tags=["slots"])
api.add_router("clusters/{slug}", presence.router, tags=["presence"])
api.add_router("clusters/{slug}", jobs.router, tags=["jobs"])
api.add_router("clusters/{slug}", policies.router, tags=["policies"])
api.add_router("clusters/{slug}", operations.router, tags=["operations"])
api.add_router("clusters/{slug}", stats.router, tags=["stats"])
api.add_router("", audit.router, tags=["audit"])
api.add_router("", tokens.router, tags=["tokens"])
