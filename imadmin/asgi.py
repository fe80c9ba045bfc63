"""The ASGI application: pages and API over http, and the lifespan that starts what lives beside them."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "imadmin.settings")

from channels.routing import ProtocolTypeRouter
from django.core.asgi import get_asgi_application

django_application = get_asgi_application()

from imadmin.runtime import lifespan  # noqa: E402  (needs the app registry)

application = ProtocolTypeRouter({"http": django_application, "lifespan": lifespan})
