"""The addresses of live updates: the browser's socket, and the webhook's door before Django's own http."""

from typing import Any

from channels.routing import URLRouter
from django.urls import path

from imadmin.live.consumers import LiveConsumer
from imadmin.live.hooks import PREFIX, door

router = URLRouter([path("ws/live/", LiveConsumer.as_asgi())])


async def websocket(scope: Any, receive: Any, send: Any) -> None:
    """Sockets at any other address are refused without a traceback."""
    try:
        await router(scope, receive, send)
    except ValueError as error:
        if "No route found" not in str(error):
            raise
        await receive()
        await send({"type": "websocket.close"})


class Http:
    """The webhook's door for its addresses, the pages and the API for all others."""

    def __init__(self, pages: Any) -> None:
        self._pages = pages

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await (door if scope["path"].startswith(PREFIX) else self._pages)(scope, receive, send)
