"""Ports on loopback: uvicorn's protocols on listeners that can be shut in a client's face and opened again.

A killed node keeps its port bound but not listening, so that callers get "connection refused" and nobody else
can take the number meanwhile.
"""

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class _Http(HttpToolsProtocol):
    """Hands the application its transport: the real server drops connections without a word, so must we."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["state"]["transport"] = self.transport


class _WebSocket(WebSocketsSansIOProtocol):
    def handle_connect(self, event: Any) -> None:
        super().handle_connect(event)
        if hasattr(self, "scope"):
            self.scope["state"]["transport"] = self.transport


async def drop(scope: Scope) -> None:
    """Cut the connection without an answer; returns when uvicorn has noticed, which would complain otherwise."""
    scope["state"]["transport"].abort()
    await asyncio.sleep(0)


def _quiet(app: App) -> App:
    """Requests that still wait when a node ends are cut off; that is no error worth a traceback."""

    async def run(scope: Scope, receive: Receive, send: Send) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await app(scope, receive, send)

    return run


def bind(host: str, port: int) -> socket.socket:
    """Reserve a port without listening on it; port 0 takes a free one."""
    # with the protocol named, asyncio turns Nagle off; without it every reply waits 40 ms for an acknowledgement
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((host, port))
    return sock


class Listener:
    def __init__(self, app: App, sock: socket.socket) -> None:
        self.host, self.port = sock.getsockname()
        self._reserved: socket.socket | None = sock
        self._server: asyncio.Server | None = None
        self._state = ServerState()
        self._config = uvicorn.Config(
            _quiet(app),
            log_config=None,
            lifespan="off",
            access_log=False,
            ws=_WebSocket,
            http=_Http,
            timeout_keep_alive=65,
            ws_ping_interval=None,
            ws_ping_timeout=None,
            ws_per_message_deflate=False,
            date_header=False,
            server_header=False,
            proxy_headers=False,
        )
        self._config.load()

    async def open(self) -> None:
        if self._server is not None:
            return
        loop = asyncio.get_running_loop()
        sock = self._reserved or bind(self.host, self.port)
        self._reserved = None
        self._server = await loop.create_server(self._protocol, sock=sock, backlog=512)

    def _protocol(self) -> asyncio.Protocol:
        return _Http(config=self._config, server_state=self._state, app_state={})

    def close(self, *, for_good: bool = False) -> None:
        """Stop listening and cut every connection, as the end of a process does."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for protocol in list(self._state.connections):
            transport = getattr(protocol, "transport", None)
            if transport is not None:
                transport.abort()
        for task in list(self._state.tasks):
            task.cancel()
        if for_good and self._reserved is not None:
            self._reserved.close()
            self._reserved = None
        elif not for_good and self._reserved is None:
            self._reserved = bind(self.host, self.port)
