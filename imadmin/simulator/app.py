"""The two HTTP servers of a node: reads a request, lets the faults have their way, writes what the routes say."""

import gzip
from email.utils import formatdate
from urllib.parse import unquote

from .faults import Overrun, big_body, broken_reply
from .http import Call, Dies, Fail, Reply, dispatch
from .listen import Receive, Scope, Send, drop
from .routes import load_routes
from .state import SimState

MAX_BODY = 64 * 1024 * 1024
CORS = [
    (b"access-control-allow-credentials", b"true"),
    (
        b"access-control-allow-headers",
        b"Content-Type, Authorization, Content-Length, Accept-Encoding, X-CSRF-Token, token, accept, origin,"
        b" Cache-Control, X-Requested-With, appid, noncestr, sign, timestamp",
    ),
    (b"access-control-allow-methods", b"POST, OPTIONS, GET, PUT,DELETE,PATCH"),
    (b"access-control-allow-origin", b"*"),
]


class NodeApp:
    """One server of one node as an ASGI application."""

    def __init__(self, state: SimState, node_id: int, server: str) -> None:
        load_routes()
        self.state = state
        self.node_id = node_id
        self.server = server

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await drop(scope)
            return
        call = await self._read(scope, receive)
        if call is None:
            return
        self.state.requests.append((self.node_id, self.server, call.method, call.path, call.query_string, call.body))
        faults = self.state.faults[self.node_id]
        try:
            await faults.pass_through()
            reply = await self._answer(call) if faults.broken != "reset" else None
        except Overrun:
            reply = None
        if reply is None:
            await drop(scope)
        elif faults.broken == "big":
            await self._send_big(send)
        else:
            await self._send(self._shaped(call, reply, faults.broken), send, head=call.method == "HEAD")

    async def _read(self, scope: Scope, receive: Receive) -> Call | None:
        chunks, size = [], 0
        while True:
            event = await receive()
            if event["type"] == "http.disconnect":
                return None
            chunks.append(event.get("body", b""))
            size += len(chunks[-1])
            if size > MAX_BODY:
                await drop(scope)
                return None
            if not event.get("more_body"):
                break
        headers = {name.decode("latin-1"): value.decode("utf-8", "replace") for name, value in scope["headers"]}
        path = unquote(scope["raw_path"].decode("ascii", "replace"))
        query = scope["query_string"].decode("utf-8", "replace")
        return Call(
            self.state, self.node_id, self.server, scope["method"], path, query, headers=headers, body=b"".join(chunks)
        )

    async def _answer(self, call: Call) -> Reply | None:
        """None when the asked node died of the call."""
        try:
            return await dispatch(call)
        except Dies as death:
            self.state.die(death.node_id, death.cause)
            if death.node_id == self.node_id:
                return None
            url = f"http://{self.state.addresses[death.node_id].api}{call.path}"
            return Fail(f'{call.method.capitalize()} "{url}": EOF').reply

    def _shaped(self, call: Call, reply: Reply, broken: str) -> Reply:
        if broken:
            lie = broken_reply(broken, reply.body)
            encoding = (("content-encoding", lie.content_encoding),) if lie.content_encoding else ()
            return Reply(lie.status, lie.body, lie.content_type, encoding)
        accepts = "gzip" in call.headers.get("accept-encoding", "")
        if self.server == "main" or not accepts or not reply.body or reply.status == 401:
            return reply
        if call.path.startswith("/metrics"):
            return reply
        headers = (*reply.headers, ("content-encoding", "gzip"), ("vary", "Accept-Encoding"))
        return Reply(reply.status, gzip.compress(reply.body, 1), reply.content_type, headers)

    def _headers(self, reply: Reply) -> list[tuple[bytes, bytes]]:
        date = formatdate(self.state.now(self.node_id), usegmt=True)
        headers = [(b"date", date.encode()), (b"content-length", str(len(reply.body)).encode())]
        if reply.content_type:
            headers.append((b"content-type", reply.content_type.encode()))
        if reply.status != 401:
            headers += CORS
        headers += [(name.encode(), value.encode("utf-8", "replace")) for name, value in reply.headers]
        return headers

    async def _send(self, reply: Reply, send: Send, *, head: bool) -> None:
        await send({"type": "http.response.start", "status": reply.status, "headers": self._headers(reply)})
        await send({"type": "http.response.body", "body": b"" if head else reply.body})

    async def _send_big(self, send: Send) -> None:
        headers = [(b"content-type", b"application/json; charset=utf-8")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for chunk in big_body():
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
