"""The kinds of cleanup policy: what each asks of the person, what it looks for, and what it does with what it found.

Its functions import what they call when they are called: a page that only lists policies needs none of it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from imadmin.clusters.access import Scope
from imadmin.core.errors import InvalidInput, NotFound, gettext_noop
from imadmin.core.outcomes import Outcomes
from imadmin.gateway.types import ChannelRef

Ask = Callable[[], bool]
Tell = Callable[[int], None]


class Target(Protocol):
    """One thing that would be touched, so that holds and lists can name it."""

    @property
    def uid(self) -> str: ...
    @property
    def channel(self) -> ChannelRef | None: ...
    @property
    def label(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Finding:
    """What a look found. count: things it would touch; targets: each of them, () for mere rows of ours.

    looked_at: how many things were weighed, for the safety stop.  notes: msgids on what could not be looked at.
    """

    count: int
    looked_at: int
    targets: tuple[Target, ...] = ()
    is_complete: bool = True
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Setting:
    """A number the person chooses.  unit: msgid behind the number."""

    name: str
    label: str
    unit: str
    default: int
    least: int
    most: int


Params = Mapping[str, int]
Look = Callable[[Scope, Params, Ask], Finding]
# What is done to the targets that may be touched; mere rows aren't named: as many of them as there are targets.
Act = Callable[[Scope, Sequence[Any], Params, str, Ask, Tell], Outcomes | int]


@dataclass(frozen=True, slots=True)
class Kind:
    """cap, stop_above: what a new policy starts with.  touches: msgid of what one of its targets is ("members")."""

    name: str
    title: str
    explains: str
    touches: str
    settings: tuple[Setting, ...]
    look: Look
    act: Act
    cap: int = 1000
    stop_above: int = 50
    has_holds: bool = True


def kind_of(name: str) -> Kind:
    """Raises NotFound."""
    if name not in KINDS:
        raise NotFound(gettext_noop("There is no such kind of policy."))
    return KINDS[name]


def checked(kind: Kind, given: Mapping[str, Any]) -> dict[str, int]:
    """The settings as numbers, defaults filled in.  Raises InvalidInput naming the setting."""
    wrong: dict[str, list[str]] = {}
    found: dict[str, int] = {}
    for setting in kind.settings:
        value = given.get(setting.name, setting.default)
        if isinstance(value, bool) or not isinstance(value, int) or not setting.least <= value <= setting.most:
            wrong[setting.name] = [gettext_noop("Give a number from %(least)s to %(most)s.")]
            raise InvalidInput(wrong, params={"least": setting.least, "most": setting.most})
        found[setting.name] = value
    if unknown := sorted(set(given) - set(found)):
        raise InvalidInput({unknown[0]: [gettext_noop("This kind of policy has no such setting.")]})
    return found


# -- our own rows ------------------------------------------------------------------------------------------------------


def _samples_look(scope: Scope, params: Params, should_stop: Ask) -> Finding:
    from imadmin.monitor import rollup
    from imadmin.monitor.sample_models import Hour, Minute

    stored = sum(model.objects.filter(cluster=scope.cluster).count() for model in (Minute, Hour))
    minutes, hours = _ages(params)
    return Finding(rollup.prune(scope.cluster, minutes=minutes, hours=hours, simulate=True).total, stored)


def _samples_act(
    scope: Scope, targets: Sequence[Any], params: Params, reason: str, should_stop: Ask, tell: Tell
) -> int:
    from imadmin.monitor import rollup

    minutes, hours = _ages(params)
    return rollup.prune(scope.cluster, minutes=minutes, hours=hours, most=len(targets)).total


def _ages(params: Params) -> tuple[timedelta, timedelta]:
    return timedelta(days=params["minutes_days"]), timedelta(days=params["hours_days"])


def _runs_look(scope: Scope, params: Params, should_stop: Ask) -> Finding:
    from imadmin.jobs import housekeeping

    before = datetime.now(UTC) - timedelta(days=params["days"])
    return Finding(housekeeping.over(scope.cluster, before).count(), housekeeping.over(scope.cluster).count())


def _runs_act(scope: Scope, targets: Sequence[Any], params: Params, reason: str, should_stop: Ask, tell: Tell) -> int:
    from imadmin.jobs import housekeeping

    before = datetime.now(UTC) - timedelta(days=params["days"])
    return housekeeping.prune(before, cluster=scope.cluster, most=len(targets), should_stop=should_stop)


# -- after disbanded channels ------------------------------------------------------------------------------------------


def _finding(found: Any) -> Finding:
    return Finding(len(found.targets), found.looked_at, found.targets, found.is_complete, found.notes)


def _members_look(scope: Scope, params: Params, should_stop: Ask) -> Finding:
    from imadmin.directory.actions import cleanup

    return _finding(cleanup.members_found(scope, since=timedelta(days=params["days"]), should_stop=should_stop))


def _members_act(
    scope: Scope, targets: Sequence[Any], params: Params, reason: str, should_stop: Ask, tell: Tell
) -> Outcomes:
    from imadmin.directory.actions import cleanup

    return cleanup.remove_members(scope, targets, reason=reason, should_stop=should_stop, tell=tell)


def _conversations_look(scope: Scope, params: Params, should_stop: Ask) -> Finding:
    from imadmin.directory.actions import cleanup

    return _finding(cleanup.conversations_found(scope, since=timedelta(days=params["days"]), should_stop=should_stop))


def _conversations_act(
    scope: Scope, targets: Sequence[Any], params: Params, reason: str, should_stop: Ask, tell: Tell
) -> Outcomes:
    from imadmin.directory.actions import cleanup

    return cleanup.hide_conversations(scope, targets, reason=reason, should_stop=should_stop, tell=tell)


# -- connections -------------------------------------------------------------------------------------------------------


def _idle_look(scope: Scope, params: Params, should_stop: Ask) -> Finding:
    from imadmin.monitor.actions import cleanup

    return _finding(cleanup.idle_found(scope, idle=timedelta(minutes=params["minutes"])))


def _duplicates_look(scope: Scope, params: Params, should_stop: Ask) -> Finding:
    from imadmin.monitor.actions import cleanup

    return _finding(cleanup.duplicates_found(scope, keep=params["keep"]))


def _kick_act(
    scope: Scope, targets: Sequence[Any], params: Params, reason: str, should_stop: Ask, tell: Tell
) -> Outcomes:
    from imadmin.monitor.actions import cleanup

    return cleanup.kick(scope, targets, reason=reason, should_stop=should_stop, tell=tell)


_DAYS = gettext_noop("days")
_DISBANDED_FOR = Setting("days", gettext_noop("Disbanded for at least"), _DAYS, 7, 0, 3650)
KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            "samples",
            gettext_noop("Old samples"),
            gettext_noop("Forgets figures of single minutes and hours by age; days stay for good. Our own rows only."),
            gettext_noop("rows"),
            (
                Setting("minutes_days", gettext_noop("Keep minutes"), _DAYS, 14, 1, 400),
                Setting("hours_days", gettext_noop("Keep hours"), _DAYS, 400, 7, 4000),
            ),
            _samples_look,
            _samples_act,
            cap=100_000_000,
            stop_above=100,
            has_holds=False,
        ),
        Kind(
            "job-runs",
            gettext_noop("Finished job runs"),
            gettext_noop("Forgets runs of jobs that ended long ago. The audit trail keeps what they changed."),
            gettext_noop("rows"),
            (Setting("days", gettext_noop("Keep"), _DAYS, 30, 1, 3650),),
            _runs_look,
            _runs_act,
            cap=100_000_000,
            stop_above=100,
            has_holds=False,
        ),
        Kind(
            "idle-connections",
            gettext_noop("Idle connections"),
            gettext_noop(
                "Kicks connections without any traffic for so long. The app may connect again at once; the server only "
                "detaches a kicked connection, its socket may linger unserved."
            ),
            gettext_noop("connections"),
            (Setting("minutes", gettext_noop("Idle for at least"), gettext_noop("minutes"), 30, 2, 10_080),),
            _idle_look,
            _kick_act,
            cap=500,
        ),
        Kind(
            "duplicate-connections",
            gettext_noop("Duplicate connections"),
            gettext_noop("Keeps the newest connections of each user and kind of device, and kicks the older ones."),
            gettext_noop("connections"),
            (Setting("keep", gettext_noop("Keep the newest"), gettext_noop("per device kind"), 3, 1, 100),),
            _duplicates_look,
            _kick_act,
            cap=500,
            stop_above=20,
        ),
        Kind(
            "disbanded-members",
            gettext_noop("Members of disbanded channels"),
            gettext_noop(
                "Takes people out of channels that are disbanded; the conversation leaves their list with it. The "
                "channel and its messages stay."
            ),
            gettext_noop("memberships"),
            (_DISBANDED_FOR,),
            _members_look,
            _members_act,
        ),
        Kind(
            "disbanded-conversations",
            gettext_noop("Conversations of disbanded channels"),
            gettext_noop(
                "Hides disbanded channels from the lists of their members, who stay members. The messages stay, and a "
                "new message would bring the conversation back."
            ),
            gettext_noop("conversations"),
            (_DISBANDED_FOR,),
            _conversations_look,
            _conversations_act,
        ),
    )
}
