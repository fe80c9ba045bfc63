"""Who holds which role: people's grants, and tokens, which always come with one."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from imadmin.accounts import actions as people
from imadmin.accounts import identity
from imadmin.accounts.models import ApiToken, User
from imadmin.accounts.permissions import CLUSTER_ROLES, Permission, Role
from imadmin.audit.record import Target, recorded
from imadmin.clusters.access import SiteScope
from imadmin.clusters.models import Cluster, Grant
from imadmin.core import crypto
from imadmin.core.errors import InvalidInput, NotFound, gettext_noop

TOKEN_PREFIX = "imadmin"  # noqa: S105  (the public part of every token)
EVERYWHERE = "*"
TOKEN_DAYS_MAX = 3650

Wanted = tuple[str, str]


@dataclass(frozen=True, slots=True)
class NewToken:
    """secret: shown once, kept nowhere."""

    token: ApiToken
    secret: str

    def __repr__(self) -> str:
        return f"NewToken({self.token.name!r})"


def add_person(
    scope: SiteScope,
    username: str,
    *,
    password: str = "",
    is_owner: bool = False,
    roles: Iterable[Wanted] = (),
    reason: str,
) -> people.NewPassword:
    """Add a person with roles.  roles: (cluster slug or "*", role) pairs.  Raises InvalidInput, Forbidden."""
    scope.require(Permission.MANAGE_SITE)
    roles = list(roles)
    wanted = _grants_wanted(roles)
    added = people.add_person(scope, username, password=password, is_owner=is_owner, reason=reason)
    if wanted:
        set_roles(scope, added.user, roles, reason=reason)
    return added


def set_roles(scope: SiteScope, user: User, roles: Iterable[Wanted], *, reason: str) -> bool:
    """Make exactly these the roles of a person; False when they are already.

    roles: (cluster slug or "*" for all clusters, role) pairs.  Raises InvalidInput (roles), Forbidden.
    """
    scope.require(Permission.MANAGE_SITE)
    wanted = _grants_wanted(roles)
    if wanted == _held(user):
        return False
    with (
        recorded(scope.actor, "person.set_roles", Target("person", user.username), reason) as entry,
        transaction.atomic(),
    ):
        held = _held(user)
        for cluster_id, role in held - wanted:
            where = Q(cluster=cluster_id) if cluster_id else Q(cluster=None)
            Grant.objects.filter(where, user=user, role=role).delete()
        Grant.objects.bulk_create(
            Grant(user=user, cluster_id=cluster_id, role=role) for cluster_id, role in wanted - held
        )
        entry.finish(before=_named(held), after=_named(wanted))
        identity.rights_changed(user.pk)
    return True


def set_rights(scope: SiteScope, user: User, *, is_owner: bool, roles: Iterable[Wanted], reason: str) -> bool:
    """Ownership and roles together, as one form sends them; False when nothing changed."""
    roles = list(roles)
    _grants_wanted(roles)
    owner_changed = people.set_owner(scope, user, is_owner, reason=reason)
    return set_roles(scope, user, roles, reason=reason) or owner_changed


def create_token(
    scope: SiteScope, name: str, *, role: str, cluster: str = "", days: int | None = None, reason: str
) -> NewToken:
    """Make a bearer token; its secret is in the answer and nowhere else.

    role: a cluster role or "owner".  cluster: slug, "" = all clusters.  days: until it expires, None = never.
    Raises InvalidInput (name, role, cluster, days, reason), Forbidden.
    """
    scope.require(Permission.MANAGE_SITE)
    name = " ".join(name.split())
    found = _check_token(name, role, cluster, days)
    secret = crypto.new_token(TOKEN_PREFIX)
    with (
        recorded(scope.actor, "token.create", Target("token", name), reason, cluster=cluster) as entry,
        transaction.atomic(),
    ):
        token = ApiToken(
            name=name,
            hash=crypto.token_hash(secret),
            tail=secret[-4:],
            is_owner=role == Role.OWNER,
            created_by=scope.actor.name,
            expires_at=timezone.now() + timedelta(days=days) if days else None,
        )
        try:
            with transaction.atomic():
                token.save(force_insert=True)
        except IntegrityError:
            raise InvalidInput({"name": [gettext_noop("There is a token of this name already.")]}) from None
        if not token.is_owner:
            Grant.objects.create(token=token, cluster=found, role=role)
        entry.finish(
            after={"role": role, "cluster": cluster or EVERYWHERE, "tail": token.tail, "expires_at": token.expires_at}
        )
    return NewToken(token, secret)


def revoke_token(scope: SiteScope, token_id: int, *, reason: str) -> bool:
    """End a token for good; False when it was revoked before.  Raises NotFound, Forbidden."""
    scope.require(Permission.MANAGE_SITE)
    token = ApiToken.objects.filter(pk=token_id).first()
    if token is None:
        raise NotFound(gettext_noop("There is no such token."))
    if token.revoked_at:
        return False
    with recorded(scope.actor, "token.revoke", Target("token", token.name), reason) as entry:
        ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=timezone.now())
        entry.finish(before={"tail": token.tail})
    return True


def _check_token(name: str, role: str, cluster: str, days: int | None) -> Cluster | None:
    fields: dict[str, list[str]] = {}
    found = Cluster.objects.filter(slug=cluster).first() if cluster else None
    if not 1 <= len(name) <= 80 or not name.isprintable():
        fields["name"] = [gettext_noop("Give a name of 1 to 80 visible characters.")]
    elif ApiToken.objects.filter(name=name).exists():
        fields["name"] = [gettext_noop("There is a token of this name already.")]
    if role not in {*CLUSTER_ROLES, Role.OWNER}:
        fields["role"] = [gettext_noop("Choose one of the roles.")]
    if cluster and found is None:
        fields["cluster"] = [gettext_noop("There is no cluster of this short name.")]
    elif cluster and role == Role.OWNER:
        fields["cluster"] = [gettext_noop("An owner's token is for all clusters; leave this empty.")]
    if days is not None and not 1 <= days <= TOKEN_DAYS_MAX:
        fields["days"] = [gettext_noop("Give 1 to 3650 days, or leave it empty.")]
    if fields:
        raise InvalidInput(fields)
    return found


def _grants_wanted(roles: Iterable[Wanted]) -> set[tuple[int | None, str]]:
    """Raises InvalidInput (roles)."""
    pairs = set(roles)
    ids: dict[str, int | None] = dict(
        Cluster.objects.filter(slug__in={slug for slug, _ in pairs}).values_list("slug", "pk")
    )
    ids[EVERYWHERE] = None
    if any(slug not in ids or role not in CLUSTER_ROLES for slug, role in pairs):
        raise InvalidInput({"roles": [gettext_noop("Choose roles and clusters of the list.")]})
    return {(ids[slug], role) for slug, role in pairs}


def _held(user: User) -> set[tuple[int | None, str]]:
    return set(Grant.objects.filter(user=user).values_list("cluster_id", "role"))


def _named(grants: set[tuple[int | None, str]]) -> list[str]:
    """`prod-sh: moderator` lines for the trail."""
    slugs = dict(Cluster.objects.filter(pk__in={pk for pk, _ in grants if pk}).values_list("pk", "slug"))
    return sorted(f"{slugs.get(pk, '?') if pk else EVERYWHERE}: {role}" for pk, role in grants)
