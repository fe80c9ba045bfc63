"""The one way from us to a cluster: picks the address, adds both credentials, applies the guard rails.

Questions for any node go to the configured address and, when it can't be reached or stays silent, to another known
node: every main API answers everything, forwarding inside the cluster.  Questions for one node go to that node alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, TypeVar

from imadmin.gateway.contract import Connection
from imadmin.gateway.errors import CircuitOpen, TimedOut, Unreachable
from imadmin.gateway.http import ASKING, CHANGING, CUT_READ, WATCHING, Call, Http, Reply, Timeouts, base_url
from imadmin.gateway.kinds.wukongim2 import answers, guards
from imadmin.gateway.kinds.wukongim2.signin import SignIn

T = TypeVar("T")


class Link:
    """Speaks to one cluster.

    Set by the roster: `others`, addresses to turn to when the configured one is dead, and `name_of`, the id of the node
    at an address, "" when nobody knows.
    """

    def __init__(self, connection: Connection, http: Http) -> None:
        self.connection = connection
        self.http = http
        self.api = base_url(connection.api_url, field_name="api_url")
        self.manager = base_url(connection.manager_url, field_name="manager_url") if connection.manager_url else ""
        self.others: Callable[[], Iterable[str]] = tuple
        self.name_of: Callable[[str], str] = lambda base: ""
        self.sign_in = SignIn(connection, self.api, self.manager, http)

    async def get(
        self, operation: str, path: str, params: dict[str, Any] | None = None, *,
        parse: Callable[[Any], T], timeouts: Timeouts = ASKING, turns: bool = True,
    ) -> T:  # fmt: skip
        """A question that any node can answer.  turns: whether another node is asked after one that stayed silent."""
        return answers.read(await self.reply(operation, path, params, timeouts=timeouts, turns=turns), parse)

    async def get_from(
        self, operation: str, base: str, path: str, params: dict[str, Any] | None = None, *,
        parse: Callable[[Any], T], node: str = "", timeouts: Timeouts = ASKING,
    ) -> T:  # fmt: skip
        """A question to this node alone."""
        return answers.read(await self.reply_from(operation, base, path, params, node=node, timeouts=timeouts), parse)

    async def post_question(
        self, operation: str, path: str, body: Any, *, parse: Callable[[Any], T], base: str = "", node: str = ""
    ) -> T:
        """A question that is put in a body; may be asked again."""
        call = await self._call(operation, path, base=base, node=node, method="POST", body=body)
        return answers.read(await self._ask_anyone(call) if not base else await self.http.ask(call), parse)

    async def change(self, operation: str, path: str, body: dict[str, Any], *, base: str = "", node: str = "") -> None:
        """A change, sent once.  base: who should get it; when it can't be reached, any other.

        Raises Uncertain when it may have happened all the same.
        """
        call = await self._call(
            operation, path, base=base, node=node, method="POST", body=body, is_read=False, timeouts=CHANGING
        )
        try:
            reply = await self.http.ask(call) if base else await self._ask_anyone(call)
        except (Unreachable, CircuitOpen):  # nothing was sent
            if not base:
                raise
            reply = await self._ask_anyone(call)
        answers.confirm(reply)

    async def change_at(self, operation: str, base: str, path: str, body: Any, *, node: str = "") -> None:
        """A change that this node alone is to make, sent once."""
        call = await self._call(
            operation, path, base=base, node=node, method="POST", body=body, is_read=False, timeouts=CHANGING
        )
        answers.confirm(await self.http.ask(call))

    async def change_told(
        self,
        operation: str,
        path: str,
        body: dict[str, Any],
        *,
        parse: Callable[[Any], T],
        base: str = "",
        node: str = "",
    ) -> T:
        """A change whose answer says something, sent once.  Raises Uncertain as `change` does."""
        call = await self._call(
            operation, path, base=base, node=node, method="POST", body=body, is_read=False, timeouts=CHANGING
        )
        return answers.told(await self._ask_anyone(call) if not base else await self.http.ask(call), parse)

    async def reply(
        self, operation: str, path: str, params: dict[str, Any] | None = None, *,
        timeouts: Timeouts = ASKING, turns: bool = True,
    ) -> Reply:  # fmt: skip
        """As `get`, before it is read: for the routes whose failures mean something."""
        call = await self._call(operation, path, params=params, timeouts=timeouts)
        return await self._ask_anyone(call, turns=turns)

    async def reply_from(
        self, operation: str, base: str, path: str, params: dict[str, Any] | None = None, *,
        node: str = "", timeouts: Timeouts = ASKING,
    ) -> Reply:  # fmt: skip
        return await self.http.ask(
            await self._call(operation, path, params=params, base=base, node=node, timeouts=timeouts)
        )

    async def passed(
        self, operation: str, base: str, method: str, path: str, *, params: dict[str, Any], body: bytes | None,
        node: str = "",
    ) -> Reply:  # fmt: skip
        """A call to something behind the server, a plugin: its body is nobody's business here.  Sent once."""
        call = await self._call(operation, path, base=base, node=node, method=method, params=params, is_read=False)
        return await self.http.ask(replace(call, body=body))

    async def watch(
        self, operation: str, base: str, path: str, params: dict[str, Any] | None = None, *, node: str = ""
    ) -> Reply:
        """A cheap local question to this node alone, to see if it lives and what it believes: quick, without sign-in
        (the token opens all reads, and to sign in may take longer), past the breaker.
        """
        return await self.http.ask(
            Call(
                operation, base, path,
                node=node,
                params=guards.checked_params(path, params or {}),
                headers=self._token(),
                is_watch=True,
                timeouts=WATCHING,
            )
        )  # fmt: skip

    async def _call(
        self, operation: str, path: str, *, params: dict[str, Any] | None = None, base: str = "", node: str = "",
        method: str = "GET", body: Any = None, is_read: bool = True, timeouts: Timeouts = ASKING,
    ) -> Call:  # fmt: skip
        return Call(
            operation=operation,
            base=base or self.api,
            path=path,
            node=node,
            method=method,
            params=guards.checked_params(path, params or {}),
            body=None if body is None else _dump(guards.checked_body(path, body)),
            headers=await self._credentials(),
            is_read=is_read,
            timeouts=timeouts,
        )

    async def _credentials(self) -> tuple[tuple[str, str], ...]:
        """Both, always: forwarding passes them on, the gate wants one and the permission check the other (1.5)."""
        bearer = await self.sign_in.bearer()
        return self._token() + ((("authorization", bearer),) if bearer else ())

    def _token(self) -> tuple[tuple[str, str], ...]:
        return (("token", self.connection.token),) if self.connection.token else ()

    async def _ask_anyone(self, call: Call, *, turns: bool = True) -> Reply:
        """The configured address, then the others; those that failed last come last.

        A change goes on only while nothing was sent, so that it is never doubled.  A question goes on after one silent
        node as well, but not after two: everybody would wait for every node of a cluster that hangs.
        """
        first: Unreachable | CircuitOpen | TimedOut | None = None
        silent = 0
        for base in sorted(dict.fromkeys((self.api, *self.others())), key=self.http.is_suspect):
            try:
                return await self.http.ask(self._at(call, base))
            except CircuitOpen as error:
                first = first or error
            except TimedOut as error:
                silent += 1
                if not (call.is_read and turns) or silent > 1:
                    raise
                first = first or error
            except Unreachable as error:
                if error.message == CUT_READ:  # it had the question: should that have killed it, nobody else gets it
                    raise
                first = first or error
        assert first is not None
        raise first

    def _at(self, call: Call, base: str) -> Call:
        return call if call.base == base else replace(call, base=base, node=self.name_of(base))

    async def aclose(self) -> None:
        await self.http.aclose()


def _dump(body: Any) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
