"""One HTTP call inside the cluster: parsing, replies, errors, forwarding between nodes, proposals to slots.

The listeners turn sockets into a `Call`; routes take a `Call` and return JSON or a `Reply`.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar
from urllib.parse import parse_qsl, quote_plus, unquote, urlencode

from . import gojson, tokens
from .ids import MANAGER_UID
from .state import SimState

JSON = "application/json; charset=utf-8"
TEXT = "text/plain; charset=utf-8"
HTML = "text/html; charset=utf-8"
GIANT_LIMIT = 100_000
T = TypeVar("T")


@dataclass(slots=True)
class Reply:
    status: int = 200
    body: bytes = b""
    content_type: str | None = JSON
    headers: tuple[tuple[str, str], ...] = ()


OK: dict[str, int] = {"status": 200}
NOT_FOUND_BODY = {"status": 404}  # answered with HTTP 200


class Fail(Exception):
    """HTTP 400 with the server's error body."""

    def __init__(self, msg: str, *, status: int = 400, content_type: str = JSON) -> None:
        super().__init__(msg)
        self.reply = Reply(400, gojson.dumps({"msg": msg, "status": status}), content_type)


class Crash(Exception):
    """A handler that panics: HTTP 500, nothing in it."""


class Dies(Exception):
    """A call that ends the process of a node."""

    def __init__(self, node_id: int, cause: str) -> None:
        super().__init__(cause)
        self.node_id = node_id
        self.cause = cause


def to_int(text: str) -> int:
    """Numbers in queries are read leniently: what is none becomes 0."""
    return int(text) if re.fullmatch(r"[+-]?\d{1,19}", text) else 0


@dataclass(slots=True)
class Call:
    state: SimState
    node_id: int
    server: str  # "main" or "manager"
    method: str
    path: str
    query_string: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    user: str = ""
    params: dict[str, str] = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, value in reversed(parse_qsl(self.query_string, keep_blank_values=True)):
            self.query[name] = value

    # -- reading -------------------------------------------------------------------------------------------------

    def text(self, name: str) -> str:
        return self.query.get(name, "")

    def number(self, name: str) -> int:
        return to_int(self.query.get(name, ""))

    def limit(self, *, deadly: bool = True) -> int:
        """The page size; a giant one reserves memory until the process is ended."""
        limit = self.number("limit")
        if deadly and limit > 10**16:
            raise Crash  # too much to even try
        if deadly and limit > GIANT_LIMIT:
            raise Dies(self.node_id, f"limit={limit} on {self.path}")
        return limit if limit > 0 else 20

    def decode(self, shape: gojson.Struct, *, prefix: str = "", content_type: str = JSON) -> dict[str, Any]:
        try:
            return gojson.decode(self.body, shape)
        except gojson.DecodeError as error:
            raise Fail(f"{prefix}{error}", content_type=content_type) from None

    def decode_or(self, shape: gojson.Struct, msg: str) -> dict[str, Any]:
        """Like `decode`, for handlers that hide the decoder's words."""
        try:
            return gojson.decode(self.body, shape)
        except gojson.DecodeError:
            raise Fail(msg) from None

    # -- other nodes ---------------------------------------------------------------------------------------------

    @property
    def token_passes(self) -> bool:
        token = self.state.settings.manager_token
        return not token or self.headers.get("token", "") == token

    def online_peers(self) -> list[int]:
        nodes = self.state.topology.view_of(self.node_id).nodes.values()
        return [node.id for node in nodes if node.online and node.id != self.node_id]

    async def reach(self, node_id: int, target: str, method: str = "") -> None:
        """Touch another node's main API: dial error when dead, no answer while it hangs."""
        address = self.state.addresses[node_id]
        verb = (method or self.method).capitalize()
        faults = self.state.faults[node_id]
        known = self.state.topology.view_of(self.node_id).nodes.get(node_id)
        if known is not None and not known.api_addr:
            raise Fail(f'{verb} "{target}": unsupported protocol scheme ""')
        if not self.state.topology.live[node_id].alive or "main" in faults.closed:
            url = f"http://{address.api}{target}"
            raise Fail(f'{verb} "{url}": dial tcp {address.api}: connect: connection refused')
        await faults.pass_through()
        if faults.broken in ("html", "garbage", "wrong_shape"):
            raise Fail("invalid character '<' looking for beginning of value")
        if faults.broken:
            raise Fail("EOF")

    async def fan_out(self, *, target: str = "", method: str = "", refused: str = "IM服务返回状态[401]失败！") -> None:
        """Ask every node that is believed online; one that fails, fails the call."""
        dead_first = sorted(self.online_peers(), key=lambda node: self.state.topology.live[node].alive)
        for peer in dead_first:
            place = target or f"{self.path}?{urlencode(sorted({**self.query, 'node_id': str(peer)}.items()))}"
            await self.reach(peer, place, method)
            if not self.token_passes:
                raise Fail(refused)

    async def forward(self, node_id: int) -> Reply:
        """Let another node's main API answer. The path travels decoded, which breaks ids with `?` or `%xx`."""
        again = urlencode(sorted(parse_qsl(self.query_string, keep_blank_values=True)))
        target = self.path + (f"?{again}" if again else "")
        await self.reach(node_id, target)
        path, _, extra = self.path.partition("?")
        peer = replace(
            self,
            node_id=node_id,
            server="main",
            path=unquote(path),
            params={},
            query={},
            query_string="&".join(part for part in (extra, self.query_string) if part),
            user=jwt_user(self) or "",
        )
        reply = await dispatch(peer)
        if reply.content_type is None or (reply.status in (401, 404) and self.server == "manager"):
            reply.content_type = JSON  # whatever is passed on is called that
        return reply

    # -- writing -------------------------------------------------------------------------------------------------

    async def propose(
        self,
        slot: int,
        change: Callable[[], T],
        *log: tuple[str, object],
        failed: str = "context deadline exceeded",
    ) -> T:
        """Write to a slot: a wedged one, or one without quorum, gives up after five seconds. log: (command, data)."""
        state = self.state
        if slot in state.misdeeds.poisoned_slots:
            raise Dies(state.topology.slot_leader(slot), "a blank uid in the log of its slot")
        wedge = state.wedged.get(slot)
        if wedge is not None:
            if wedge.written:
                change()
            await asyncio.sleep(wedge.seconds)
            raise Fail("context deadline exceeded")
        if not state.topology.slot_has_quorum(slot):
            await asyncio.sleep(state.timings.propose_timeout)
            raise Fail(failed)
        for cmd, data in log:
            state.topology.log_slot(slot, state.now_ns(), cmd, data)
        state.count(state.topology.slot_leader(slot), "propose")
        return change()

    async def propose_each(
        self, uids: Iterable[str], change: Callable[[str], object], cmd: str, key: tuple[str, int]
    ) -> None:
        """One write per uid to the uid's slot; the first slot that is stuck ends the call half done."""
        for uid in uids:
            data = {"channelId": key[0], "channelType": key[1], "uid": uid}
            await self.propose(self.state.slot_of(uid), lambda uid=uid: change(uid), (cmd, data))  # type: ignore[misc]


Handler = Callable[[Call], Awaitable[Any]]


def query_text(**values: object) -> str:
    return "&".join(f"{name}={quote_plus(str(value))}" for name, value in sorted(values.items()))


def jwt_user(call: Call) -> str | None:
    """The user of a valid token in the header or the query; None when there is none or it is bad."""
    text = call.headers.get("authorization") or call.text("Authorization")
    try:
        return tokens.read(text, call.state.settings.jwt_secret) if text else None
    except tokens.BadToken:
        return None


class Routes:
    """A table of handlers; a route that both servers have is added once for each."""

    def __init__(self) -> None:
        self._exact: dict[tuple[str, str, str], Handler] = {}
        self._patterns: list[tuple[str, str, re.Pattern[str], Handler]] = []

    def add(self, method: str, path: str, *, servers: tuple[str, ...] = ("main",)) -> Callable[[Handler], Handler]:
        def register(handler: Handler) -> Handler:
            for server in servers:
                if ":" in path:
                    expression = re.sub(r"\*(\w+)", r"(?P<\1>.*)", re.sub(r":(\w+)", r"(?P<\1>[^/]+)", path))
                    pattern = re.compile(expression, re.DOTALL)
                    self._patterns.append((server, method, pattern, handler))
                else:
                    self._exact[server, method, path] = handler
            return handler

        return register

    def find(self, server: str, method: str, path: str) -> tuple[Handler, dict[str, str]] | None:
        handler = self._exact.get((server, method, path))
        if handler is not None:
            return handler, {}
        for one_server, one_method, pattern, one in self._patterns:
            if one_server == server and one_method == method and (match := pattern.fullmatch(path)):
                return one, match.groupdict()
        return None


routes = Routes()
BOTH = ("main", "manager")


async def dispatch(call: Call) -> Reply:
    """Run the gates of the server that was asked, then its route."""
    refused = _main_gate(call) if call.server == "main" else _manager_gate(call)
    if refused is not None:
        return refused
    if call.method == "OPTIONS":
        return Reply(204, content_type=None)
    found = routes.find(call.server, call.method, call.path)
    if found is None:
        return _no_route(call)
    handler, call.params = found
    try:
        result = await handler(call)
    except Fail as failure:
        return failure.reply
    except Crash:
        return Reply(500, content_type=None)
    return result if isinstance(result, Reply) else Reply(body=gojson.dumps(result))


def _no_route(call: Call) -> Reply:
    trimmed = call.path.rstrip("/")
    if trimmed != call.path and routes.find(call.server, call.method, trimmed):
        headers = (("location", trimmed),)
        if call.method != "GET":
            return Reply(307, content_type=None, headers=headers)
        return Reply(301, f'<a href="{trimmed}">Moved Permanently</a>.\n\n'.encode(), HTML, headers)
    if call.server == "manager" and "gzip" in call.headers.get("accept-encoding", ""):
        return Reply(404, content_type=None)
    return Reply(404, b"404 page not found", "text/plain")


def _main_gate(call: Call) -> Reply | None:
    if not call.token_passes:
        return Reply(401, content_type=None)
    call.user = jwt_user(call) or ""
    return None


def _manager_gate(call: Call) -> Reply | None:
    if call.method == "OPTIONS" or call.path.startswith(("/manager/login", "/web", "/metrics")):
        return None
    settings = call.state.settings
    if settings.manager_token and call.headers.get("token") == settings.manager_token:
        call.user = MANAGER_UID
        return None
    text = call.headers.get("authorization") or call.text("Authorization")
    if not text:
        return Reply(401, gojson.dumps({"error": "Authorization header is required"}))
    try:
        call.user = tokens.read(text, settings.jwt_secret)
    except tokens.BadToken as error:
        return Reply(401, gojson.dumps({"error": str(error)}))
    return None


def may_write(call: Call, resource: str) -> None:
    """The eight guarded routes; everything else is open to whoever got in."""
    if call.user == MANAGER_UID:
        return
    grants = call.state.settings.users.get(call.user, ("", ""))[1]
    for grant in grants.split(","):
        name, _, actions = grant.partition(":")
        if name in ("*", resource) and ("w" in actions or "*" in actions):
            return
    raise Fail("没有权限", status=403)
