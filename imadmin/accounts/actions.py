"""Changes to people: added, made owner, deactivated, given a new password; and everybody's own preferences.

Roles on clusters and tokens are in clusters/grants.py, since a right always names a cluster.
"""

import secrets
from dataclasses import dataclass
from typing import Any, Protocol
from zoneinfo import available_timezones

from django.contrib.auth.password_validation import validate_password
from django.contrib.sessions.models import Session
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from imadmin.accounts import identity, preferences
from imadmin.accounts.models import User
from imadmin.accounts.permissions import Permission
from imadmin.audit.record import Actor, Target, recorded
from imadmin.core.errors import InvalidInput, gettext_noop

LAST_OWNER = gettext_noop("This is the last owner who can sign in; make another owner first.")


class Authority(Protocol):
    """Whoever acts on the site; clusters.access makes them."""

    @property
    def actor(self) -> Actor: ...
    def require(self, permission: Permission, _target: object = None) -> None: ...


@dataclass(frozen=True, slots=True)
class NewPassword:
    """password: the one we made, to be shown once; empty when it was typed."""

    user: User
    password: str = ""

    def __repr__(self) -> str:
        return f"NewPassword({self.user.username!r})"


def add_person(
    authority: Authority, username: str, *, password: str = "", is_owner: bool = False, reason: str
) -> NewPassword:
    """Add a person who can sign in but holds no role yet (or owns the site).

    password: empty makes one.  Raises Forbidden, InvalidInput (username, password, reason).
    """
    authority.require(Permission.MANAGE_SITE)
    user = User(username=username.strip(), is_owner=is_owner)
    _check_username(user)
    made = "" if password else new_password()
    if password:
        check_password(password, user)
    with recorded(authority.actor, "person.add", Target("person", user.username), reason) as entry:
        user.set_password(password or made)
        user.save()
        entry.finish(after={"owner": is_owner})
    return NewPassword(user, made)


def set_owner(authority: Authority, user: User, is_owner: bool, *, reason: str) -> bool:
    """Give or take ownership of the site; False when it is so already.  Raises InvalidInput for the last."""
    authority.require(Permission.MANAGE_SITE)
    if user.is_owner == is_owner:
        return False
    action = "person.make_owner" if is_owner else "person.unmake_owner"
    with recorded(authority.actor, action, Target("person", user.username), reason) as entry, transaction.atomic():
        if not is_owner:
            _keep_an_owner(user, "is_owner")
        User.objects.filter(pk=user.pk).update(is_owner=is_owner)
        user.is_owner = is_owner
        entry.finish(before={"owner": not is_owner}, after={"owner": is_owner})
        identity.rights_changed(user.pk)
    return True


def set_active(authority: Authority, user: User, is_active: bool, *, reason: str) -> bool:
    """Let a person sign in, or not any more: then their open sessions end too.  False when it is so already.

    Raises InvalidInput for the last owner and for oneself.
    """
    authority.require(Permission.MANAGE_SITE)
    if user.is_active == is_active:
        return False
    action = "person.activate" if is_active else "person.deactivate"
    with recorded(authority.actor, action, Target("person", user.username), reason) as entry, transaction.atomic():
        if not is_active:
            if authority.actor.kind == "user" and authority.actor.name == user.username:
                raise InvalidInput({"is_active": [gettext_noop("You can't deactivate yourself; another owner can.")]})
            _keep_an_owner(user, "is_active")
        User.objects.filter(pk=user.pk).update(is_active=is_active)
        user.is_active = is_active
        ended = 0 if is_active else end_sessions(user)
        entry.finish(before={"active": not is_active}, after={"active": is_active}, detail={"sessions_ended": ended})
        identity.rights_changed(user.pk)
    return True


def reset_password(authority: Authority, user: User, *, password: str = "", reason: str) -> NewPassword:
    """Give a person a new password and end their open sessions.  password: empty makes one."""
    authority.require(Permission.MANAGE_SITE)
    made = "" if password else new_password()
    if password:
        check_password(password, user)
    with recorded(authority.actor, "person.reset_password", Target("person", user.username), reason) as entry:
        user.set_password(password or made)
        user.save(update_fields=["password"])
        entry.finish(detail={"sessions_ended": end_sessions(user)})
        identity.rights_changed(user.pk)
    return NewPassword(user, made)


def change_preferences(actor: Actor, user: User, **wanted: str) -> bool:
    """Save one's own language, theme, density and time zone; "" means: as the browser says.  False: nothing to change.

    Raises InvalidInput naming the field.
    """
    _check_preferences(wanted)
    before = {name: getattr(user, name) for name in wanted}
    if before == wanted:
        return False
    with recorded(actor, "person.change_preferences", Target("person", user.username), "", needs_reason=False) as entry:
        for name, value in wanted.items():
            setattr(user, name, value)
        user.save(update_fields=list(wanted))
        changed = {name for name in wanted if before[name] != wanted[name]}
        entry.finish(
            before={name: before[name] for name in changed},
            after={name: wanted[name] for name in changed},
        )
    return True


def end_sessions(user: User) -> int:
    """End every open session of a person; how many there were."""
    ended = 0
    for session in Session.objects.filter(expire_date__gt=timezone.now()).iterator():
        if session.get_decoded().get("_auth_user_id") == str(user.pk):
            session.delete()
            ended += 1
    return ended


def new_password() -> str:
    """Twenty characters without the ones that look alike."""
    letters = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
    return "-".join("".join(secrets.choice(letters) for _ in range(5)) for _ in range(4))


def check_password(password: str, user: User, field: str = "password") -> None:
    """Raises InvalidInput with the validators' sentences."""
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise InvalidInput({field: list(error.messages)}) from None


def _check_username(user: User) -> None:
    try:
        user.full_clean(exclude=["password"])
    except ValidationError as error:
        raise InvalidInput({"username": error.message_dict.get("username", list(error.messages))}) from None
    if User.objects.filter(username__iexact=user.username).exists():
        raise InvalidInput({"username": [gettext_noop("There is a person of this name already.")]})


def _keep_an_owner(leaving: User, field: str) -> None:
    """Raises InvalidInput when nobody else could manage the site. Locked rows, so two can't unmake each other."""
    owners = User.objects.select_for_update().filter(is_owner=True, is_active=True)
    others = [each for each in owners if each.pk != leaving.pk]
    if leaving.is_owner and not others:
        raise InvalidInput({field: [LAST_OWNER]})


def _check_preferences(wanted: dict[str, Any]) -> None:
    allowed: dict[str, Any] = {**preferences.CHOICES, "timezone": {"", *available_timezones()}}
    wrong = {
        name: [gettext_noop("Choose one of the list.")] for name, value in wanted.items() if value not in allowed[name]
    }
    if wrong:
        raise InvalidInput(wrong)
