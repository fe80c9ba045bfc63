"""The connection test: one step a question an operator asks, each with what was tried, found and what helps.

Everything here reads.  Steps that need an earlier one are shown as not tried when that one failed.  Where the main
address is dead and a given one answers, that one is asked instead, as the pages do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from imadmin.core.errors import AppError
from imadmin.gateway.errors import (
    BadReply,
    CircuitOpen,
    GatewayError,
    RefusedLocally,
    TimedOut,
    Unauthorised,
    Unreachable,
)  # fmt: skip
from imadmin.gateway.http import CUT_READ, QUICK, Call, Reply, gather_settled
from imadmin.gateway.kinds.wukongim2 import answers, wire
from imadmin.gateway.kinds.wukongim2 import probe_words as say
from imadmin.gateway.kinds.wukongim2.forge import forged_token
from imadmin.gateway.kinds.wukongim2.link import Link
from imadmin.gateway.kinds.wukongim2.part import Part, reason_of
from imadmin.gateway.kinds.wukongim2.roster import Member, Roster
from imadmin.gateway.kinds.wukongim2.signin import Session
from imadmin.gateway.types import ProbeReport, ProbeStep, StepResult, now

OLDEST = (2, 2)
NEXT_KIND = 3
SKEW_SECONDS = 5.0


class ProbePart(Part):
    async def probe(self) -> ProbeReport:
        """Test the connection step by step; never raises for what it finds.

        Steps, by code: address, token, manager, sign-in, rights, version, clock, node (each one listed, and each
        address given beside those), default-secret, guest, open-api.  Changes nothing.  Reference 1.3-1.5, 5.7, 5.9.
        """
        steps = await _Probe(self.link, self.roster).steps()
        return ProbeReport(tuple(steps), now())


@dataclass(slots=True)
class _Probe:
    """One run of the test.  It asks with the token alone, so that a wrong password fails one step, not all."""

    link: Link
    roster: Roster
    base: str = ""  # the address that is asked: the main one, or the given one that answers in its place

    async def steps(self) -> list[ProbeStep]:
        (address, token, clock), (manager, sign_in, rights) = await asyncio.gather(self._main(), self._managed())
        is_in, is_managed = token.result is StepResult.OK, manager.result is StepResult.OK
        version, nodes, *safety = await asyncio.gather(
            self._version() if is_in else _skipped("version"),
            self._nodes() if is_in else self._only_given(),
            self._default_secret() if is_managed else _skipped("default-secret"),
            self._guest() if is_managed else _skipped("guest"),
            self._open_api() if self.base else _skipped("open-api"),
        )
        return [address, token, manager, sign_in, rights, version, clock, *nodes, *safety]

    # -- main API ------------------------------------------------------------------------------------------------------

    async def _main(self) -> tuple[ProbeStep, ProbeStep, ProbeStep]:
        """address, token and clock, all from one question."""
        params = {"url": self.link.api}
        try:
            reply = await self._bare(self.link.api, "/health", token=True)
        except (GatewayError, RefusedLocally) as error:
            stand_in = await self._stand_in() if _is_dead(error) else None
            if stand_in is None:
                failed = _step("address", StepResult.FAILED, reason_of(error), _help(error), params)
                return failed, await _skipped("token"), await _skipped("clock")
            self.base, reply = stand_in
            found = _step("address", StepResult.WARN, reason_of(error), say.STAND_IN, params | {"other": self.base})
            return found, self._token(reply), self._clock(reply)
        if not _is_main(reply):
            failed = _step("address", StepResult.FAILED, say.NOT_WUKONGIM, say.NOT_WUKONGIM_HELP, params)
            return failed, await _skipped("token"), await _skipped("clock")
        self.base = self.link.api
        return _step("address", StepResult.OK, say.ADDRESS_OK, params=params), self._token(reply), self._clock(reply)

    async def _stand_in(self) -> tuple[str, Reply] | None:
        """The first given address where a main API answers, preferring one that takes our token; and its answer."""
        bases = self._given()
        replies = await gather_settled(*(self._bare(base, "/health", token=True) for base in bases))
        pairs = zip(bases, replies, strict=True)
        mains = [(base, reply) for base, reply in pairs if isinstance(reply, Reply) and _is_main(reply)]
        return min(mains, key=lambda pair: pair[1].status == 401, default=None)

    def _given(self) -> list[str]:
        """The node addresses of the settings, without the main one."""
        return [base for base in self.link.others() if base != self.link.api]

    def _token(self, reply: Reply) -> ProbeStep:
        if reply.status == 401:
            has_token = bool(self.link.connection.token)
            found = say.TOKEN_REFUSED if has_token else say.TOKEN_MISSING
            return _step("token", StepResult.FAILED, found, say.TOKEN_HELP)
        return _step("token", StepResult.OK, say.TOKEN_OK if self.link.connection.token else say.TOKEN_NOT_NEEDED)

    def _clock(self, reply: Reply) -> ProbeStep:
        """The Date header counts whole seconds; half of the call's time is taken off."""
        try:
            theirs = parsedate_to_datetime(reply.date)
        except (TypeError, ValueError):
            return _step("clock", StepResult.SKIPPED, say.NO_DATE)
        ours = datetime.now(UTC).timestamp() - reply.elapsed / 2
        skew = round(theirs.timestamp() + 0.5 - ours, 1)
        if abs(skew) > SKEW_SECONDS:
            return _step("clock", StepResult.WARN, say.CLOCK_OFF, say.CLOCK_HELP, {"seconds": skew})
        return _step("clock", StepResult.OK, say.CLOCK_OK)

    async def _version(self) -> ProbeStep:
        try:
            varz = answers.read(await self._bare(self.base, "/varz", token=True), wire.varz)
        except (GatewayError, RefusedLocally) as error:
            return _step("version", StepResult.WARN, reason_of(error), _help(error))
        numbers = _version_numbers(varz.version)
        if not numbers:
            return _step("version", StepResult.SKIPPED, say.VERSION_UNKNOWN, say.VERSION_UNKNOWN_HELP)
        params = {"version": varz.version}
        if numbers < OLDEST or numbers[0] >= NEXT_KIND:
            return _step("version", StepResult.WARN, say.VERSION_OTHER, say.VERSION_HELP, params)
        return _step("version", StepResult.OK, say.VERSION_OK, params=params)

    async def _nodes(self) -> list[ProbeStep]:
        """Every node at the address we use for it; one that is silent leaves gaps, all silent leaves nothing."""
        given = self._given()
        try:
            rows = answers.read(await self._bare(self.base, "/cluster/simpleNodes", token=True), wire.members)
            await self.roster.learn_extra()
            members = self.roster.placed(rows)
        except (GatewayError, RefusedLocally) as error:
            params = {"node": "", "url": self.base}
            failed = _step("node", StepResult.FAILED, reason_of(error), _help(error), params, say.AT_ADDRESS)
            return [failed, *await self._at_given(given)]
        placed = {member.url for member in members}
        results, others = await asyncio.gather(
            gather_settled(*(self._itself(member) for member in members)),
            self._at_given([base for base in given if base not in placed], {member.id for member in members}),
        )
        pairs = list(zip(members, results, strict=True))
        anyone = any(result == member.id for member, result in pairs)
        return [*(_node_step(member, result, anyone=anyone) for member, result in pairs), *others]

    async def _only_given(self) -> list[ProbeStep]:
        """While nobody lists the nodes: what answers at the given addresses, if there are any."""
        if given := self._given():
            return await self._at_given(given)
        params = {"node": "", "url": self.link.api}
        return [_step("node", StepResult.SKIPPED, say.NOT_TRIED, params=params, tried=say.AT_ADDRESS)]

    async def _at_given(self, bases: list[str], listed: set[int] | None = None) -> list[ProbeStep]:
        """Who answers at addresses that stand at no node.  listed: ids of the cluster, None while nobody says."""
        results = await gather_settled(*(self._whoever(base) for base in bases))
        return [_given_step(base, result, listed) for base, result in zip(bases, results, strict=True)]

    async def _itself(self, member: Member) -> int:
        if not member.url:
            raise RefusedLocally({"node_apis": [say.NODE_NO_ADDRESS]})
        return await self._whoever(member.url)

    async def _whoever(self, base: str) -> int:
        return answers.read(await self._bare(base, "/cluster/node", token=True), wire.node_self).id

    async def _open_api(self) -> ProbeStep:
        try:
            reply = await self._bare(self.base, "/cluster/node")
        except (GatewayError, RefusedLocally) as error:
            return _step("open-api", StepResult.SKIPPED, reason_of(error))
        if reply.status == 200:
            return _step("open-api", StepResult.WARN, say.API_OPEN, say.API_OPEN_HELP)
        return _step("open-api", StepResult.OK, say.API_CLOSED)

    # -- manager API ---------------------------------------------------------------------------------------------------

    async def _managed(self) -> tuple[ProbeStep, ProbeStep, ProbeStep]:
        """manager, sign-in and rights; each builds on the one before."""
        manager = await self._manager()
        user = self.link.connection.jwt_user
        if not user:
            sign_in = _step("sign-in", StepResult.SKIPPED, say.NO_USER, say.NO_USER_HELP)
            return manager, sign_in, await _skipped("rights")
        if manager.result is not StepResult.OK:
            return manager, await _skipped("sign-in"), await _skipped("rights")
        try:
            session = await self.link.sign_in.sign_in(self.link.manager, user, self.link.connection.jwt_password)
        except (GatewayError, RefusedLocally) as error:
            hint = say.PASSWORD_HELP if isinstance(error, Unauthorised) else _help(error)
            sign_in = _step("sign-in", StepResult.FAILED, reason_of(error), hint, {"user": user})
            return manager, sign_in, await _skipped("rights")
        return manager, _step("sign-in", StepResult.OK, say.SIGNED_IN, params={"user": user}), _rights(session)

    async def _manager(self) -> ProbeStep:
        if not self.link.manager:
            return _step("manager", StepResult.SKIPPED, say.NO_MANAGER, say.NO_MANAGER_HELP, {"url": "–"})
        params = {"url": self.link.manager}
        try:
            reply = await self._bare(self.link.manager, "/cluster/node")
        except (GatewayError, RefusedLocally) as error:
            return _step("manager", StepResult.FAILED, reason_of(error), _help(error), params)
        if answers.is_session_refused(reply):
            return _step("manager", StepResult.OK, say.MANAGER_OK, params=params)
        found = say.MANAGER_IS_MAIN if reply.status in (200, 401) else say.NOT_WUKONGIM
        return _step("manager", StepResult.FAILED, found, say.MANAGER_HELP, params)

    async def _default_secret(self) -> ProbeStep:
        """Whether a token signed with the secret that everybody knows opens the manager API."""
        bearer = (("authorization", f"Bearer {forged_token()}"),)
        try:
            reply = await self._bare(self.link.manager, "/cluster/node", headers=bearer)
        except (GatewayError, RefusedLocally) as error:
            return _step("default-secret", StepResult.SKIPPED, reason_of(error))
        if reply.status == 200:
            return _step("default-secret", StepResult.WARN, say.SECRET_DEFAULT, say.SECRET_HELP)
        return _step("default-secret", StepResult.OK, say.SECRET_OWN)

    async def _guest(self) -> ProbeStep:
        try:
            await self.link.sign_in.sign_in(self.link.manager, "guest", "guest")
        except Unauthorised:
            return _step("guest", StepResult.OK, say.GUEST_CLOSED)
        except (GatewayError, RefusedLocally) as error:
            return _step("guest", StepResult.SKIPPED, reason_of(error))
        return _step("guest", StepResult.WARN, say.GUEST_OPEN, say.GUEST_HELP)

    async def _bare(
        self, base: str, path: str, *, token: bool = False, headers: tuple[tuple[str, str], ...] = ()
    ) -> Reply:
        """A question with just these credentials, and its answer whatever the status."""
        if token and self.link.connection.token:
            headers += (("token", self.link.connection.token),)
        return await self.link.http.ask(Call("probe", base, path, headers=headers, timeouts=QUICK))


def _step(
    code: str, result: StepResult, found: str, hint: str = "", params: Mapping[str, Any] | None = None, tried: str = ""
) -> ProbeStep:
    return ProbeStep(code, result, tried or say.TRIED[code], found, hint, dict(params or {}))


async def _skipped(code: str, params: Mapping[str, Any] | None = None) -> ProbeStep:
    return _step(code, StepResult.SKIPPED, say.NOT_TRIED, params=params)


def _node_step(member: Member, result: Any, *, anyone: bool) -> ProbeStep:
    params = {"node": member.label, "url": member.url}
    if result == member.id:
        return _step("node", StepResult.OK, say.NODE_OK, params=params)
    found = reason_of(result) if isinstance(result, AppError) else say.NODE_OTHER
    return _step("node", StepResult.WARN if anyone else StepResult.FAILED, found, say.NODE_HELP, params)


def _given_step(base: str, result: Any, listed: set[int] | None) -> ProbeStep:
    if isinstance(result, AppError):
        wrong = StepResult.FAILED if listed is None else StepResult.WARN
        params = {"node": "", "url": base}
        return _step("node", wrong, reason_of(result), _help(result), params, say.AT_ADDRESS)
    params = {"node": str(result), "url": base}
    if listed is not None and result not in listed:
        return _step("node", StepResult.WARN, say.NODE_STRANGE, say.NODE_STRANGE_HELP, params, say.AT_ADDRESS)
    return _step("node", StepResult.OK, say.NODE_OK, params=params, tried=say.AT_ADDRESS)


def _is_dead(error: AppError) -> bool:
    """Whether the pages turn to another address after this; as Link does."""
    return isinstance(error, (Unreachable, TimedOut, CircuitOpen)) and error.message != CUT_READ


def _rights(session: Session) -> ProbeStep:
    params = {"permissions": session.permissions}
    if session.permissions in ("*", "*:*", "*:rw", "*:w"):
        return _step("rights", StepResult.OK, say.ALL_RIGHTS, params=params)
    actions = [right.partition(":")[2] for right in session.permissions.split(",")]
    can_write = any("w" in action or "*" in action for action in actions)
    return _step("rights", StepResult.WARN, say.SOME_RIGHTS if can_write else say.READ_ONLY, say.RIGHTS_HELP, params)


def _is_main(reply: Reply) -> bool:
    """`/health` of a main API: its status as a text, or the empty 401 of the token gate (1.3, 2.8)."""
    if reply.status == 401:
        return not reply.body
    try:
        body = reply.json()
    except BadReply:
        return False
    return reply.status in (200, 500) and isinstance(body, dict) and body.get("status") in ("ok", "error")


def _version_numbers(version: str) -> tuple[int, ...]:
    """(2, 2) of v2.2.5-20260422; () when it isn't written like that."""
    parts = version.lstrip("vV").split("-")[0].split(".")[:2]
    return tuple(int(part) for part in parts) if len(parts) == 2 and all(p.isdecimal() for p in parts) else ()


def _help(error: AppError) -> str:
    if isinstance(error, Unauthorised):
        return say.TOKEN_HELP
    return say.HELP.get(reason_of(error), say.UNREACHABLE_HELP)
