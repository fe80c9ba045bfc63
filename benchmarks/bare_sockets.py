"""The baseline of live.py: an ASGI application that does nothing but hand a text to all its sockets when it is posted to."""

import asyncio
from typing import Any

_sockets: set[Any] = set()


async def application(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "websocket":
        await _socket(receive, send)
    elif scope["type"] == "http":
        await asyncio.gather(
            *(one({"type": "websocket.send", "text": '{"changed":{"presence":1}}'}) for one in _sockets)
        )
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})
    else:
        while (message := await receive())["type"] != "lifespan.shutdown":
            await send({"type": message["type"] + ".complete"})
        await send({"type": "lifespan.shutdown.complete"})


async def _socket(receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    _sockets.add(send)
    while (message := await receive())["type"] != "websocket.disconnect":
        if message.get("text"):
            await send({"type": "websocket.send", "text": '{"watching":"bench"}'})
    _sockets.discard(send)
