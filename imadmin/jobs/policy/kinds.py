"""The kinds of cleanup policy: what each asks of the person, what it looks for, and what it does with what it found."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from imadmin.clusters.access import Scope
from imadmin.clusters.cleanup import Ask, Finding, Tell
from imadmin.core.errors import InvalidInput, NotFound, gettext_noop
from imadmin.core.outcomes import Outcomes
from imadmin.directory.actions import cleanup as channels
from imadmin.jobs import housekeeping
from imadmin.monitor import rollup
from imadmin.monitor.actions import cleanup as connections
from imadmin.monitor.sample_models import Hour, Minute


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
    stored = sum(model.objects.filter(cluster=scope.cluster).count() for model in (Minute, Hour))
    minutes, hours = _ages(params)
    return Finding(stored, rows=rollup.prune(scope.cluster, minutes=minutes, hours=hours, simulate=True).total)


def _samples_act(
    scope: Scope, targets: Sequence[Any], params: Params, reason: str, should_stop: Ask, tell: Tell
) -> int:
    minutes, hours = _ages(params)
    return rollup.prune(scope.cluster, minutes=minutes, hours=hours, most=len(targets)).total


def _ages(params: Params) -> tuple[timedelta, timedelta]:
    return timedelta(days=params["minutes_days"]), timedelta(days=params["hours_days"])


def _runs_look(scope: Scope, params: Params, should_stop: Ask) -> Finding:
    before = datetime.now(UTC) - _days(params)
    stored = housekeeping.over(scope.cluster).count()
    return Finding(stored, rows=housekeeping.over(scope.cluster, before).count())


def _runs_act(scope: Scope, targets: Sequence[Any], params: Params, reason: str, should_stop: Ask, tell: Tell) -> int:
    before = datetime.now(UTC) - _days(params)
    return housekeeping.prune(before, cluster=scope.cluster, most=len(targets), should_stop=should_stop)


# -- what is on the cluster --------------------------------------------------------------------------------------------


def _days(params: Params) -> timedelta:
    return timedelta(days=params["days"])


def _members_look(scope: Scope, params: Params, should_stop: Ask) -> Finding:
    return channels.members_found(scope, since=_days(params), should_stop=should_stop)


def _conversations_look(scope: Scope, params: Params, should_stop: Ask) -> Finding:
    return channels.conversations_found(scope, since=_days(params), should_stop=should_stop)


def _idle_look(scope: Scope, params: Params, should_stop: Ask) -> Finding:
    return connections.idle_found(scope, idle=timedelta(minutes=params["minutes"]))


def _duplicates_look(scope: Scope, params: Params, should_stop: Ask) -> Finding:
    return connections.duplicates_found(scope, keep=params["keep"])


def _acting(change: Callable[..., Outcomes]) -> Act:
    """An action that needs none of the settings once its targets are known."""

    def act(
        scope: Scope, targets: Sequence[Any], params: Params, reason: str, should_stop: Ask, tell: Tell
    ) -> Outcomes:
        return change(scope, targets, reason=reason, should_stop=should_stop, tell=tell)

    return act


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
            _acting(connections.kick),
            cap=500,
        ),
        Kind(
            "duplicate-connections",
            gettext_noop("Duplicate connections"),
            gettext_noop("Keeps the newest connections of each user and kind of device, and kicks the older ones."),
            gettext_noop("connections"),
            (Setting("keep", gettext_noop("Keep the newest"), gettext_noop("per device kind"), 3, 1, 100),),
            _duplicates_look,
            _acting(connections.kick),
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
            _acting(channels.remove_members),
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
            _acting(channels.hide_conversations),
        ),
    )
}
