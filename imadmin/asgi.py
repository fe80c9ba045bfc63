"""The ASGI application: pages and API over http, live updates over sockets, and the lifespan of what lives beside."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "imadmin.settings")

from channels.routing import ProtocolTypeRouter
from django.core.asgi import get_asgi_application

django_application = get_asgi_application()

from imadmin.live import routing  # noqa: E402  (needs the app registry)
from imadmin.runtime import lifespan  # noqa: E402

http = routing.Http(django_application)
application = ProtocolTypeRouter({"http": http, "websocket": routing.websocket, "lifespan": lifespan})
