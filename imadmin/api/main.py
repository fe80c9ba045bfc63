"""The JSON API: assembled here, one router a noun."""

from ninja import NinjaAPI

from imadmin import __version__
from imadmin.api.routers import audit, channels, clusters, messages, tokens, users

api = NinjaAPI(title="imadmin", version=__version__, urls_namespace="api")
api.add_router("", clusters.router)
api.add_router("clusters/{slug}", messages.router)
api.add_router("clusters/{slug}", channels.router)
api.add_router("clusters/{slug}", users.router)
api.add_router("", audit.router)
api.add_router("", tokens.router)
