"""May this user send there, and if not, why: the server's own checks in its own order (reference 5.8).

What can't be read is told as such and never guessed: a send ban is our record, plugins and some settings are nobody's.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.utils.translation import gettext

from imadmin.audit.models import AuditEntry
from imadmin.audit.queries import AuditFilter, page
from imadmin.clusters.access import Scope
from imadmin.core.aio import run
from imadmin.core.errors import AppError, InvalidInput, gettext_noop
from imadmin.core.outcomes import Result
from imadmin.directory.models import FlagRecord, Restriction
from imadmin.directory.parts import Part, part, part_of_nodes, sentence
from imadmin.directory.uids import why_bad
from imadmin.gateway.contract import Gateway
from imadmin.gateway.enums import SYSTEM_UID
from imadmin.gateway.types import ChannelRecord, ChannelRef, ChannelType, Reason, Session, now

NEVER_CLOSED = frozenset({ChannelType.CUSTOMER_SERVICE, ChannelType.INFO, ChannelType.VISITORS, ChannelType.AGENT})
OPEN_TO_ALL = frozenset({ChannelType.CUSTOMER_SERVICE, ChannelType.INFO})
FLAG_ACTIONS = ("user.stop-sending", "user.allow-sending", "user.keep-out", "user.let-in")

REASON_WORDS = {
    Reason.NOT_SUBSCRIBER: gettext_noop("not a member"),
    Reason.IN_DENYLIST: gettext_noop("on the denylist"),
    Reason.NOT_IN_ALLOWLIST: gettext_noop("not on the allowlist"),
    Reason.BAN: gettext_noop("the channel is banned"),
    Reason.DISBANDED: gettext_noop("the channel is disbanded"),
    Reason.SEND_BANNED: gettext_noop("sending is stopped"),
}

NOT_FOR_THIS_KIND = gettext_noop("The server doesn't check this for this kind of channel.")
NOT_READ = gettext_noop("This could not be read.")


class State(StrEnum):
    PASSED = "passed"
    REFUSED = "refused"
    EXEMPT = "exempt"  # passes at once: nothing after it is asked
    NEUTRAL = "neutral"  # decides nothing here
    UNKNOWN = "unknown"


class Source(StrEnum):
    READ = "read"
    RECORD = "record"
    RULE = "rule"  # follows from the kind of channel
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Check:
    """title, words: English templates with `params`.  is_doubt: being unknown leaves the answer open.

    is_reached: False after the check that decided.  rule: our restriction behind a refusal, if it is ours.
    """

    code: str
    title: str
    state: State
    words: str
    source: Source
    as_of: datetime | None = None
    params: dict[str, Any] = field(default_factory=dict)
    reason: Reason | None = None
    is_doubt: bool = False
    is_reached: bool = True
    error: AppError | None = None
    rule: Restriction | None = None

    @property
    def passed(self) -> bool | None:
        """None where it isn't known or decides nothing."""
        return {State.PASSED: True, State.EXEMPT: True, State.REFUSED: False}.get(self.state)

    def text(self) -> str:
        """In the reader's language, with the error behind it."""
        words = gettext(self.words)
        words = words % self.params if self.params else words
        return f"{words} {sentence(self.error)}" if self.error else words


@dataclass(frozen=True, slots=True)
class MaySend:
    """answer: None = can't be said.  reason: what the server would answer; is_sure: nothing unknown comes before it."""

    sender: str
    channel: ChannelRef
    peer: str
    checks: tuple[Check, ...]
    answer: bool | None
    reason: Reason | None
    is_sure: bool
    as_of: datetime

    def words(self) -> str:
        """The answer in one sentence, in the reader's language."""
        if self.answer is None and self.reason is None:
            return gettext("It can't be said: something that decides could not be read.")
        if self.answer is None:
            return gettext(
                "It can't be said: reason %(number)s applies, unless something that could not be read exempts the user."
            ) % {"number": int(self.reason or 0)}
        if self.answer:
            return gettext("Yes, as far as can be read.")
        params = {"number": int(self.reason or 0), "words": gettext(REASON_WORDS[Reason(self.reason or 0)])}
        if self.is_sure:
            return gettext("No. The server answers reason %(number)s: %(words)s.") % params
        return (
            gettext("No. The server answers reason %(number)s (%(words)s), or an earlier one that could not be read.")
            % params
        )


@dataclass(frozen=True, slots=True)
class _Facts:
    sessions: Part[tuple[Session, ...]]
    record: Part[ChannelRecord | None]
    system: Part[tuple[str, ...]]
    denied: Part[list[str]]
    members: Part[list[str]]
    allowed: Part[list[str]]


def may_send(scope: Scope, sender: str, channel: ChannelRef) -> MaySend:
    """channel: person chats by the peer's uid or by their stored id.

    Raises InvalidInput (uid, to) for ids nobody can have.  Parts that can't be read make their checks unknown.
    """
    sender = sender.strip()
    if why := why_bad(sender):
        raise InvalidInput({"uid": [why]})
    stored, peer = _target(sender, channel)
    facts = run(_read(scope.gateway, sender, stored, peer))
    checks = [
        _connected(facts),
        _send_ban(scope, sender),
        _plugin(),
        *_closed(stored, facts),
        _exempt(sender, stored, peer, facts),
        _denied(scope, sender, stored, peer, facts),
        _member(sender, peer, facts),
        _allowed(sender, peer, facts),
    ]
    return _decide(sender, stored, peer, checks)


def _target(sender: str, channel: ChannelRef) -> tuple[ChannelRef, str]:
    """The stored channel and, for a person chat, the other person."""
    if not channel.id.strip() or not 1 <= channel.type <= 255:
        raise InvalidInput({"to": [gettext_noop("Give a channel id, or the uid of a person.")]})
    if not channel.is_person:
        return channel, ""
    peers = channel.peers
    if peers and sender not in peers:
        raise InvalidInput({"to": [gettext_noop("This chat is between two other people.")]})
    peer = (peers[1] if peers[0] == sender else peers[0]) if peers else channel.id.strip()
    if why := why_bad(peer):
        raise InvalidInput({"to": [why]})
    return ChannelRef.person(sender, peer), peer


async def _read(gateway: Gateway, sender: str, stored: ChannelRef, peer: str) -> _Facts:
    """Everything at once. Lists that this kind of channel doesn't have are not asked for."""

    async def nothing() -> list[str]:
        return []

    is_guarded = stored.type not in OPEN_TO_ALL
    lists_of = ChannelRef.inbox(peer) if peer else stored
    sessions, record, system, denied, members, allowed = await asyncio.gather(
        part_of_nodes(gateway.sessions(sender), ()),
        part(gateway.channel(stored), None),
        part(gateway.system_users(), ()),
        part(gateway.denylist(lists_of) if is_guarded else nothing(), []),
        part(gateway.subscribers(stored) if is_guarded and not peer else nothing(), []),
        part(gateway.allowlist(stored) if is_guarded and not peer else nothing(), []),
    )
    return _Facts(sessions, record, system, denied, members, allowed)


def _connected(facts: _Facts) -> Check:
    title, sessions = gettext_noop("Connected"), facts.sessions
    params = {"count": len(sessions.value), "missing": ", ".join(one.node for one in sessions.failed)}
    if sessions.value:
        words = gettext_noop("Sessions: %(count)s.")
        return Check("connected", title, State.PASSED, words, Source.READ, sessions.as_of, params)
    if not sessions.is_known:
        return Check("connected", title, State.UNKNOWN, NOT_READ, Source.READ, sessions.as_of, error=sessions.error)
    if sessions.failed:
        words = gettext_noop("No session on the nodes that answer; unknown on %(missing)s.")
        return Check("connected", title, State.UNKNOWN, words, Source.READ, sessions.as_of, params)
    words = gettext_noop(
        "Not connected now, so there is nothing to send from, except a socket left behind by a kick. What follows is "
        "what the server would answer."
    )
    return Check("connected", title, State.NEUTRAL, words, Source.READ, sessions.as_of)


def _send_ban(scope: Scope, sender: str) -> Check:
    """Flags on the user's own entry; the server can't be asked (reference 2.3)."""
    title = gettext_noop("Sending isn't stopped for the user as a whole")
    ours = FlagRecord.objects.filter(cluster=scope.cluster, channel_type=ChannelType.PERSON, channel_id=sender).first()
    if unsure := last_unsure(scope, sender):
        words = gettext_noop("The last change of it from here ended unknown, and the server can't be asked.")
        return Check("send-ban", title, State.UNKNOWN, words, Source.RECORD, unsure, is_doubt=True)
    if ours is None:
        words = gettext_noop("Nobody stopped it from here. The server can't be asked whether another program did.")
        return Check("send-ban", title, State.UNKNOWN, words, Source.UNREADABLE)
    if not ours.send_ban:
        words = gettext_noop("Not stopped, as we wrote it last.")
        return Check("send-ban", title, State.PASSED, words, Source.RECORD, ours.written_at)
    rule = (
        Restriction.objects.filter(cluster=scope.cluster, uid=sender, lifted_at=None, channel_type=None)
        .exclude(kind=Restriction.Kind.DENY)
        .order_by("created_at")
        .first()
    )
    return Check(
        "send-ban",
        title,
        State.REFUSED,
        gettext_noop("Sending is stopped everywhere, as we wrote it last."),
        Source.RECORD,
        ours.written_at,
        reason=Reason.SEND_BANNED,
        rule=rule,
    )


def last_unsure(scope: Scope, uid: str) -> datetime | None:
    """When the latest change of the user's flags ended without our knowing how; None when it ended clearly."""
    wanted = AuditFilter(
        clusters=(scope.slug,), target_kind="user", target=uid, phase=AuditEntry.Phase.INTENT, actions=FLAG_ACTIONS
    )
    row = next(iter(page(wanted, limit=1).rows), None)
    if row is None:
        return None
    bad = (row.result.detail or {}).get("not_done", []) if row.result else []
    is_unsure = row.result is None or any(step[0] == "entry" and step[1] == Result.UNKNOWN for step in bad)
    return row.entry.at if is_unsure else None


def _plugin() -> Check:
    words = gettext_noop("A plugin of the server may refuse; which ones run can't be read here.")
    return Check("plugin", gettext_noop("No send plugin refuses"), State.UNKNOWN, words, Source.UNREADABLE)


_CLOSINGS = (
    (
        "ban",
        gettext_noop("The channel isn't banned"),
        Reason.BAN,
        gettext_noop("The channel is banned: nobody may send, system users included."),
        gettext_noop("Not banned."),
    ),
    (
        "disband",
        gettext_noop("The channel isn't disbanded"),
        Reason.DISBANDED,
        gettext_noop("The channel is disbanded: nobody may send, system users included."),
        gettext_noop("Not disbanded."),
    ),
)


def _closed(stored: ChannelRef, facts: _Facts) -> list[Check]:
    """The ban comes before the disband; nobody is exempt from either."""
    found, record = [], facts.record
    for code, title, reason, bad, good in _CLOSINGS:
        if stored.type in NEVER_CLOSED:
            found.append(Check(code, title, State.NEUTRAL, NOT_FOR_THIS_KIND, Source.RULE))
        elif not record.is_known:
            found.append(
                Check(
                    code, title, State.UNKNOWN, NOT_READ, Source.READ, record.as_of, is_doubt=True, error=record.error
                )
            )
        elif record.value is not None and getattr(record.value, code):
            found.append(Check(code, title, State.REFUSED, bad, Source.READ, record.as_of, reason=reason))
        else:
            found.append(Check(code, title, State.PASSED, good, Source.READ, record.as_of))
    return found


def _exempt(sender: str, stored: ChannelRef, peer: str, facts: _Facts) -> Check:
    title, system = gettext_noop("Exempt from the lists"), facts.system
    if stored.type in OPEN_TO_ALL:
        words = gettext_noop("Everybody may send to this kind of channel, whatever its lists say.")
        return Check("exempt", title, State.EXEMPT, words, Source.RULE)
    if stored.type == ChannelType.VISITORS and sender == stored.id:
        words = gettext_noop("It is the visitor's own channel.")
        return Check("exempt", title, State.EXEMPT, words, Source.RULE)
    if stored.type == ChannelType.AGENT and sender in stored.id.split("@"):
        words = gettext_noop("The user is one of the two of this agent channel.")
        return Check("exempt", title, State.EXEMPT, words, Source.RULE)
    system_uids = {SYSTEM_UID, *system.value}
    if sender in system_uids:
        words = gettext_noop("The user is a system user.")
        return Check("exempt", title, State.EXEMPT, words, Source.READ, system.as_of)
    if peer and peer in system_uids:
        words = gettext_noop("The receiver is a system user, to whom everybody may write.")
        return Check("exempt", title, State.EXEMPT, words, Source.READ, system.as_of)
    if not system.is_known:
        return Check("exempt", title, State.UNKNOWN, NOT_READ, Source.READ, system.as_of, error=system.error)
    words = gettext_noop("No: neither a system user nor an open kind of channel. So the lists decide.")
    return Check("exempt", title, State.NEUTRAL, words, Source.READ, system.as_of)


def _denied(scope: Scope, sender: str, stored: ChannelRef, peer: str, facts: _Facts) -> Check:
    title = gettext_noop("Not on the receiver's denylist") if peer else gettext_noop("Not on the channel's denylist")
    place = ChannelRef.inbox(peer) if peer else stored
    if sender not in facts.denied.value:
        return _listed("denylist", title, facts.denied, gettext_noop("Not on it."))
    rule = Restriction.objects.filter(
        cluster=scope.cluster,
        kind=Restriction.Kind.DENY,
        uid=sender,
        channel_type=place.type,
        channel_id=place.id,
        lifted_at=None,
    ).first()
    words = gettext_noop("On the denylist.")
    as_of = facts.denied.as_of
    return Check("denylist", title, State.REFUSED, words, Source.READ, as_of, reason=Reason.IN_DENYLIST, rule=rule)


def _member(sender: str, peer: str, facts: _Facts) -> Check:
    title, members = gettext_noop("Member of the channel"), facts.members
    if peer:
        return Check("member", title, State.NEUTRAL, NOT_FOR_THIS_KIND, Source.RULE)
    if sender in members.value or not members.is_known:
        return _listed("member", title, members, gettext_noop("A member."))
    words = gettext_noop("Not a member, or there is no such channel.")
    return Check("member", title, State.REFUSED, words, Source.READ, members.as_of, reason=Reason.NOT_SUBSCRIBER)


def _allowed(sender: str, peer: str, facts: _Facts) -> Check:
    title, allowed = gettext_noop("On the allowlist, if there is one"), facts.allowed
    if peer:
        words = gettext_noop("Asked only where the server is set up to want it for person chats, which can't be read.")
        return Check("allowlist", title, State.UNKNOWN, words, Source.UNREADABLE)
    if not allowed.value:
        words = gettext_noop(
            "The list is empty, so everybody passes. If its last entry was taken off one by one, the server may go on "
            "refusing for up to half an hour (reason 13)."
        )
        return _listed("allowlist", title, allowed, words)
    if sender in allowed.value:
        return _listed("allowlist", title, allowed, gettext_noop("On it."))
    words = gettext_noop("There is an allowlist, and the user isn't on it.")
    return Check("allowlist", title, State.REFUSED, words, Source.READ, allowed.as_of, reason=Reason.NOT_IN_ALLOWLIST)


def _listed(code: str, title: str, read: Part[list[str]], words: str) -> Check:
    """A list that lets the user pass, or that could not be read."""
    if not read.is_known:
        return Check(code, title, State.UNKNOWN, NOT_READ, Source.READ, read.as_of, is_doubt=True, error=read.error)
    return Check(code, title, State.PASSED, words, Source.READ, read.as_of)


def _decide(sender: str, stored: ChannelRef, peer: str, checks: Iterable[Check]) -> MaySend:
    """The first no decides; what is unknown before it makes the reason, or the answer itself, unsure."""
    found: list[Check] = []
    answer: bool | None = None
    reason: Reason | None = None
    is_decided = is_doubted = maybe_exempt = False
    for check in checks:
        found.append(replace(check, is_reached=not is_decided))
        if is_decided:
            continue
        if check.state is State.REFUSED:
            answer, reason, is_decided = (None if maybe_exempt else False), check.reason, True
        elif check.state is State.EXEMPT:
            answer, is_decided = (None if is_doubted else True), True
        elif check.state is State.UNKNOWN:
            is_doubted = is_doubted or check.is_doubt
            maybe_exempt = maybe_exempt or check.code == "exempt"
    if not is_decided:
        answer = None if is_doubted else True
    return MaySend(sender, stored, peer, tuple(found), answer, reason, not is_doubted and not maybe_exempt, now())
