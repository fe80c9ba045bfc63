"""The webhook's door and the archive's feed alone, for uvicorn: a process that may be killed at any moment."""

import os
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "imadmin.settings")

from django.core.asgi import get_asgi_application

pages = get_asgi_application()

from imadmin.live import routing  # noqa: E402  (needs the app registry)
from imadmin.live.archive_feed import archive_feed  # noqa: E402
from imadmin.live.hooks import door  # noqa: E402
from imadmin.runtime import Runtime  # noqa: E402

http = routing.Http(pages)
runtime = Runtime([archive_feed, door])


async def application(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] != "lifespan":
        await http(scope, receive, send)
        return
    await receive()
    await runtime.start()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await runtime.stop()
    await send({"type": "lifespan.shutdown.complete"})
