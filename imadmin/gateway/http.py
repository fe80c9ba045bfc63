"""HTTP to the nodes of a cluster: time-outs, credentials kept out of texts, a cap and a breaker a node, single flight.

The one file that imports httpx.  It knows nothing of what is asked: a Call goes in, a Reply of bytes comes out, and
everything that can go wrong on the way is an error of gateway/errors.py naming node and operation.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import time
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import httpx

from imadmin.core.errors import gettext_noop
from imadmin.gateway import pacing
from imadmin.gateway.address import AddressGuard, NoAddress
from imadmin.gateway.breaker import Breaker
from imadmin.gateway.errors import (
    BadReply,
    CircuitOpen,
    GatewayError,
    RefusedLocally,
    TimedOut,
    Uncertain,
    Unreachable,
)  # fmt: skip
from imadmin.gateway.flights import Flights

BODY_LIMIT = 16 * 1024 * 1024
CALLS_PER_NODE = 8
WATCHERS_PER_NODE = 4  # beside those: a node that is busy with our questions must not look dead
RETRY_PAUSES = (0.1,)  # seconds before a read is asked again

HEADERS = (("accept", "*/*"), ("accept-encoding", "gzip"), ("user-agent", "imadmin"))

CONFIGURED = gettext_noop("configured address")  # an error's node, where it has no number

SILENT_WRITE = gettext_noop("The node went silent before it answered: the change may or may not have happened")
CUT_WRITE = gettext_noop("The connection broke before the node answered: the change may or may not have happened")
CUT_READ = gettext_noop("The node closed the connection without an answer")
CLOSED_READ = gettext_noop("The connection to the cluster was closed meanwhile; ask again")
CLOSED_WRITE = gettext_noop(
    "The connection to the cluster was closed meanwhile: the change may or may not have happened"
)
NO_NAME = gettext_noop("The host name can't be resolved")
REFUSED = gettext_noop("Nothing accepts connections at that address")
NO_CONNECT = gettext_noop("The address accepts no connection in time")
BAD_TLS = gettext_noop("The TLS handshake failed: certificate or protocol don't fit")
NOT_HTTP = gettext_noop("Something answers at that address, but it doesn't speak HTTP")
TOO_BUSY = gettext_noop("Too many questions to this node are waiting already")
TOO_BIG = gettext_noop("The answer is bigger than what we take")
BROKEN_GZIP = gettext_noop("The answer's compression is broken")
UNREADABLE_WRITE = gettext_noop("The answer to the change can't be read: it may or may not have happened")
NOT_JSON = gettext_noop("The answer is not JSON; is this the address of the right server?")
BAD_ADDRESS = gettext_noop("Give an address like http://host:5001, without credentials.")
UNSENDABLE = gettext_noop("A credential or address holds characters that can't be sent")


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds a phase may take; total bounds the whole call, however slowly it drips."""

    connect: float = 2.0
    read: float = 6.0
    write: float = 4.0
    pool: float = 3.0
    total: float = 12.0


QUICK = Timeouts(connect=2.0, read=2.5, write=2.0, pool=1.0, total=3.0)
ASKING = Timeouts()
CHANGING = Timeouts(read=10.0, total=15.0)  # the server itself gives up after 5 s, and that answer must arrive
SCANNING = Timeouts(read=20.0, total=25.0)
WATCHING = Timeouts(connect=2.0, read=2.0, write=2.0, pool=1.0, total=2.0)


@dataclass(frozen=True, slots=True)
class Call:
    """base: scheme://host:port and maybe a prefix.  path: encoded.  node: its id as text, "" when it isn't known.

    is_read: may be asked again and shared with who asks the same at the same time.
    is_watch: asks if the node lives, so it goes past the breaker and the queue of the other calls.
    """

    operation: str
    base: str
    path: str
    node: str = ""
    method: str = "GET"
    params: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    headers: tuple[tuple[str, str], ...] = ()
    is_read: bool = True
    is_watch: bool = False
    timeouts: Timeouts = ASKING

    def __repr__(self) -> str:  # headers hold credentials
        return f"Call({self.operation}, {self.method} {self.base}{self.path})"

    @property
    def label(self) -> str:
        """How errors call the node: everybody reads them, and addresses are for who manages the site."""
        return self.node or CONFIGURED


@dataclass(slots=True)
class Reply:
    """What came back.  elapsed: seconds from sending to the last byte."""

    call: Call
    status: int
    content_type: str
    date: str
    body: bytes
    elapsed: float
    _parsed: list[Any] = field(default_factory=list, repr=False)

    def json(self) -> Any:
        """The body's JSON, integers exact; parsed once and shared, so don't change it.

        Raises BadReply, for changes Uncertain.
        """
        if not self._parsed:
            try:
                self._parsed.append(json.loads(self.body, parse_constant=_refuse_constant))
            except (ValueError, RecursionError) as error:
                raise unreadable(self.call, NOT_JSON) from error
        return self._parsed[0]


def unreadable(call: Call, message: str) -> GatewayError:
    """What an answer amounts to that can't be read: the server did get the call, and may have done what it says."""
    where = {"node": call.label, "operation": call.operation}
    return BadReply(message, **where) if call.is_read else Uncertain(UNREADABLE_WRITE, **where)


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


@dataclass(slots=True)
class _Gate:
    """What stands before one node: at most CALLS_PER_NODE at a time, none while the breaker is open; and the watchers.

    transport: a pool of its own a node.  The pool looks at all of its connections for every call, so one pool for ten
    nodes cost more time than the calls themselves.
    """

    slots: asyncio.Semaphore
    watchers: asyncio.Semaphore
    breaker: Breaker
    transport: httpx.AsyncBaseTransport


class Http:
    """Connections to the nodes of one cluster.  networks: CIDR texts every address must resolve into; empty = any."""

    def __init__(
        self,
        *,
        networks: tuple[str, ...] = (),
        calls_per_node: int = CALLS_PER_NODE,
        clock: Callable[[], float] = time.monotonic,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._guard = AddressGuard(networks)
        self._calls_per_node = calls_per_node
        self._clock = clock
        self._gates: dict[str, _Gate] = {}
        self._flights: Flights[Reply] = Flights()
        self._transport = transport
        self._is_closed = False
        self._under_way = 0
        self._used_at = time.monotonic()
        self._tls = httpx.create_ssl_context(trust_env=False)  # made once: it costs more than a call

    def _new_transport(self) -> httpx.AsyncBaseTransport:
        """Without a client around it: no cookies, no redirects, no proxy of the environment, half of the work."""
        most = self._calls_per_node + WATCHERS_PER_NODE
        return self._transport or httpx.AsyncHTTPTransport(
            limits=httpx.Limits(max_connections=most, max_keepalive_connections=most),
            trust_env=False,  # a proxy from the environment would go round the address guard
            verify=self._tls,
        )

    async def unused_for(self, seconds: float) -> None:
        """Wait until no call is under way and none was for so long, counted from now."""
        started = time.monotonic()
        while not self._is_closed:
            left = seconds if self._under_way else max(started, self._used_at) + seconds - time.monotonic()
            if left <= 0:
                return
            await asyncio.sleep(left)

    async def aclose(self) -> None:
        """Close all connections.  Calls under way break off, later ones are told: Uncertain for changes."""
        self._is_closed = True
        for gate in self._gates.values():
            await gate.transport.aclose()

    async def ask(self, call: Call) -> Reply:
        """Send one call.  Raises Unreachable, TimedOut, Uncertain (changes), BadReply, CircuitOpen, RefusedLocally."""
        await pacing.turn(call.base)
        if not call.is_read:
            return await self._once(call)
        key = (call.method, call.base, call.path, call.params, call.body, call.headers, call.timeouts)
        return await self._flights.share(key, lambda: self._asked_again(call))

    def is_suspect(self, base: str) -> bool:
        """Whether the last call to this node failed to get through."""
        gate = self._gates.get(base)
        return gate is not None and gate.breaker.is_suspect

    async def _asked_again(self, call: Call) -> Reply:
        """Reads are asked once more when no connection came about."""
        for pause in RETRY_PAUSES:
            try:
                return await self._once(call)
            except Unreachable as error:
                if error.message != REFUSED:  # cut off, it had the question already; the others won't do better at once
                    raise
            await asyncio.sleep(pause)
            await pacing.turn(call.base)
        return await self._once(call)

    async def _once(self, call: Call) -> Reply:
        self._under_way += 1
        try:
            return await self._sent_once(call)
        finally:
            self._under_way -= 1
            self._used_at = time.monotonic()

    async def _sent_once(self, call: Call) -> Reply:
        if self._is_closed:
            raise _closed(call)
        async with self._admitted(call) as gate:
            try:
                reply = await self._exchange(call)
            except (Unreachable, TimedOut, Uncertain):
                gate.breaker.failed()
                raise
            except BadReply:
                gate.breaker.succeeded()  # whatever it was, it came through
                raise
            gate.breaker.succeeded()
            return reply

    @asynccontextmanager
    async def _admitted(self, call: Call) -> AsyncIterator[_Gate]:
        gate = self._gates.get(call.base)
        if gate is None:
            gate = self._gates[call.base] = _Gate(
                asyncio.Semaphore(self._calls_per_node),
                asyncio.Semaphore(WATCHERS_PER_NODE),
                Breaker(clock=self._clock),
                self._new_transport(),
            )
        if call.is_watch:
            async with gate.watchers:
                yield gate
            return
        if gate.breaker.is_open:
            raise CircuitOpen(node=call.label, operation=call.operation)
        try:
            async with asyncio.timeout(call.timeouts.pool):
                await gate.slots.acquire()
        except TimeoutError:
            waited = TimedOut(TOO_BUSY, node=call.label, operation=call.operation)
            waited.is_uncertain = False  # nothing was sent
            raise waited from None
        try:
            ticket = gate.breaker.admit()
            if ticket is None:
                raise CircuitOpen(node=call.label, operation=call.operation)
            try:
                yield gate
            finally:
                gate.breaker.left(ticket)
        finally:
            gate.slots.release()

    async def _exchange(self, call: Call) -> Reply:
        try:
            async with asyncio.timeout(call.timeouts.total):
                return await self._send(call)
        except GatewayError:
            raise
        except NoAddress as error:
            raise Unreachable(NO_NAME, node=call.label, operation=call.operation) from error
        except RuntimeError as error:  # what a pool says that is closed under a call
            if not self._is_closed:
                raise
            raise _closed(call) from error
        except (TimeoutError, httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as error:
            raise _translated(call, error) from error

    async def _send(self, call: Call) -> Reply:
        """Try each permitted address of the host; a refused connection means nothing was sent yet."""
        addresses = await self._guard.addresses(call.base)
        for last, address in ((address is addresses[-1], address) for address in addresses):
            try:
                return await self._send_to(call, address)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                if last:
                    raise
        raise AssertionError("unreachable")

    async def _send_to(self, call: Call, address: str | None) -> Reply:
        request = _request(call, address)
        if self._is_closed:  # while it waited for its turn; a pool would open again
            raise _closed(call)
        started = time.monotonic()
        response = await self._gates[call.base].transport.handle_async_request(request)
        try:
            body = await _read(call, response)
        finally:
            await response.aclose()
        return Reply(
            call=call,
            status=response.status_code,
            content_type=response.headers.get("content-type", ""),
            date=response.headers.get("date", ""),
            body=body,
            elapsed=time.monotonic() - started,
        )


@lru_cache(maxsize=512)  # the same few dozen questions are asked over and over, and parsing costs more than sending
def _url(base: str, path: str, params: tuple[tuple[str, str], ...], address: str | None) -> httpx.URL:
    url = httpx.URL(base.rstrip("/") + path)
    if address is not None:
        url = url.copy_with(host=address)
    return url.copy_merge_params(list(params)) if params else url


def _request(call: Call, address: str | None) -> httpx.Request:
    """address: the checked IP to connect to instead of resolving again; None leaves it to the resolver."""
    headers = [*call.headers, *HEADERS]
    limits = call.timeouts
    extensions: dict[str, Any] = {
        "timeout": {"connect": limits.connect, "read": limits.read, "write": limits.write, "pool": limits.pool}
    }
    if address is not None:
        named = _url(call.base, "", (), None)
        headers.append(("host", named.netloc.decode("ascii")))
        extensions["sni_hostname"] = named.host
    if call.body is not None:
        headers.append(("content-type", "application/json"))
    url = _url(call.base, call.path, call.params, address)
    return httpx.Request(call.method, url, content=call.body, headers=headers, extensions=extensions)


async def _read(call: Call, response: httpx.Response) -> bytes:
    """The body, unpacked, at most BODY_LIMIT bytes: neither a long nor a tightly packed answer fills our memory."""
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("", "identity", "gzip"):
        raise unreadable(call, BROKEN_GZIP)
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16) if encoding == "gzip" else None
    parts: list[bytes] = []
    size = 0
    async for raw in response.aiter_raw():
        try:
            piece = unpacker.decompress(raw, BODY_LIMIT + 1 - size) if unpacker else raw
        except zlib.error as error:
            raise unreadable(call, BROKEN_GZIP) from error
        size += len(piece)
        if size > BODY_LIMIT:
            raise unreadable(call, TOO_BIG)
        parts.append(piece)
    if unpacker and size and not unpacker.eof:
        raise unreadable(call, BROKEN_GZIP)
    return b"".join(parts)


def _translated(call: Call, error: Exception) -> Exception:
    """Our words for what httpx says; its texts are dropped, as they may hold addresses and headers."""
    where = {"node": call.label, "operation": call.operation}
    if isinstance(error, httpx.ConnectTimeout):
        return Unreachable(NO_CONNECT, **where)
    if isinstance(error, httpx.ConnectError):
        return Unreachable(_connect_sentence(error), **where)
    if isinstance(error, httpx.PoolTimeout):
        return TimedOut(TOO_BUSY, **where)
    if isinstance(error, (httpx.LocalProtocolError, httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError)):
        return RefusedLocally({"connection": [UNSENDABLE]})
    if isinstance(error, (httpx.TimeoutException, TimeoutError)):
        return TimedOut(**where) if call.is_read else Uncertain(SILENT_WRITE, **where)
    if isinstance(error, httpx.RemoteProtocolError) and "disconnect" not in str(error) and "closed" not in str(error):
        return unreadable(call, NOT_HTTP)
    return Unreachable(CUT_READ, **where) if call.is_read else Uncertain(CUT_WRITE, **where)


def _closed(call: Call) -> GatewayError:
    where = {"node": call.label, "operation": call.operation}
    return Unreachable(CLOSED_READ, **where) if call.is_read else Uncertain(CLOSED_WRITE, **where)


def _connect_sentence(error: BaseException) -> str:
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ssl.SSLError):
            return BAD_TLS
        if type(seen).__name__ == "gaierror":
            return NO_NAME
        seen = seen.__cause__ or seen.__context__
    return REFUSED


def base_url(text: str, *, field_name: str = "url") -> str:
    """An address as given by people or by the cluster, checked: scheme, host, no credentials, no query.

    Raises RefusedLocally naming the field.
    """
    try:
        parts = urlsplit(text.strip())
        port_ok = parts.port is None or 0 < parts.port < 65536
    except ValueError:
        parts, port_ok = urlsplit(""), False
    plain = parts.username is None and parts.password is None and not parts.query and not parts.fragment
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_ok or not plain:
        raise RefusedLocally({field_name: [BAD_ADDRESS]})
    return f"{parts.scheme}://{parts.netloc}{parts.path}".rstrip("/")


async def gather_settled(*questions: Awaitable[Any]) -> list[Any]:
    """All answers in order; a GatewayError or RefusedLocally stands in place of the answer it prevented."""
    results = await asyncio.gather(*questions, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, (GatewayError, RefusedLocally)):
            raise result
    return results
