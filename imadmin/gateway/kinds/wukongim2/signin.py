"""Our sign-in: a JWT fetched when first needed and kept until shortly before it expires (1.5, 2.12)."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass
from typing import Any

from imadmin.core.errors import gettext_noop
from imadmin.gateway.contract import Connection
from imadmin.gateway.errors import BadReply, CircuitOpen, TimedOut, Unauthorised, Unreachable
from imadmin.gateway.http import CONFIGURED, QUICK, Call, Http, Reply
from imadmin.gateway.kinds.wukongim2 import answers, shapes, wire_system
from imadmin.gateway.system_types import SignedIn

EARLY = 60.0  # seconds before the end at which we sign in anew
AGAIN_AFTER = 15.0  # seconds an unsuccessful attempt is remembered: there is no lock-out there, but no reason to hammer

WRONG_PASSWORD = gettext_noop("The manager API refuses this user name and password")


@dataclass(frozen=True, slots=True)
class Session:
    """jwt: secret.  expires: unix seconds.  permissions: as configured there, like *:* or *:r."""

    jwt: str
    expires: float
    permissions: str

    def __repr__(self) -> str:
        return f"Session(permissions={self.permissions!r})"


class SignIn:
    """Holds one session.  Where nobody can be reached to sign in, calls go out without: the token opens all reads."""

    def __init__(self, connection: Connection, api: str, manager: str, http: Http) -> None:
        self._connection = connection
        self._api, self._manager = api, manager
        self._http = http
        self._session: Session | None = None
        self._refusal: Unauthorised | None = None
        self._tried_at = -AGAIN_AFTER
        self._lock = asyncio.Lock()

    async def bearer(self) -> str:
        """The Authorization header, "" without a user or while nobody can be reached.  Raises Unauthorised."""
        if not self._connection.jwt_user:
            return ""
        if not self._is_fresh():
            async with self._lock:
                if not self._is_fresh():
                    await self._renew()
        return f"Bearer {self._session.jwt}" if self._session else ""

    async def sign_in(self, base: str, user: str, password: str) -> Session:
        """POST /manager/login at this address.  Raises Unauthorised (wrong password) and what keeps it from it."""
        return answers.read(await self._login("sign_in", base, user, password), _session)

    async def reveal(self, base: str, user: str, password: str) -> SignedIn:
        """The same for somebody else: what the server says of them; nothing of it is kept."""
        return answers.read(await self._login("login", base, user, password), wire_system.signed_in)

    async def _login(self, operation: str, base: str, user: str, password: str) -> Reply:
        token = (("token", self._connection.token),) if self._connection.token else ()
        body = json.dumps({"username": user, "password": password}).encode()
        reply = await self._http.ask(
            Call(operation, base, "/manager/login", method="POST", body=body, headers=token, timeouts=QUICK)
        )
        if reply.status == 400:
            raise Unauthorised(WRONG_PASSWORD, node=CONFIGURED, operation=operation)
        return reply

    def _is_fresh(self) -> bool:
        if self._session and self._session.expires - time.time() > EARLY:
            return True
        if time.monotonic() - self._tried_at >= AGAIN_AFTER:
            return False
        if self._refusal:
            raise Unauthorised(self._refusal.message, node=self._refusal.node, operation="sign_in")
        return True

    async def _renew(self) -> None:
        self._tried_at = time.monotonic()
        self._refusal = None
        for base in filter(None, (self._manager, self._api)):
            try:
                self._session = await self.sign_in(base, self._connection.jwt_user, self._connection.jwt_password)
                return
            except (Unreachable, TimedOut, CircuitOpen, BadReply):
                continue  # the main API signs in as well
            except Unauthorised as error:
                self._session = None
                self._refusal = error
                raise
        if self._session and self._session.expires <= time.time():
            self._session = None


def _session(answer: Any) -> Session:
    row = shapes.whole(answer)
    return Session(shapes.text(row, "token", None), shapes.number(row, "exp", None), shapes.text(row, "permissions"))
