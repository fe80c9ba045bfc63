"""Who may do what where: the one way into a cluster, for page, fragment, API, socket, job and command.

`enter` loads and authorises in one call: a stranger gets the same 404 as for a cluster that isn't there.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

from django.db.models import Q, QuerySet
from django.http import HttpRequest

from imadmin.accounts import identity
from imadmin.accounts.models import ApiToken, User
from imadmin.accounts.permissions import Permission, Role, permissions_of
from imadmin.audit.record import Actor
from imadmin.clusters import connect
from imadmin.clusters.models import Cluster, Grant
from imadmin.core.errors import Forbidden, NotFound, SignInRequired, gettext_noop
from imadmin.gateway.contract import Gateway


@dataclass(frozen=True)
class SiteScope:
    """Who acts on the site as a whole."""

    actor: Actor
    permissions: frozenset[Permission]

    def can(self, permission: Permission) -> bool:
        return permission in self.permissions

    def require(self, permission: Permission, _target: object = None) -> None:
        """Raises Forbidden naming what is missing."""
        if permission not in self.permissions:
            raise Forbidden(
                gettext_noop("This needs the permission “%(permission)s”, which your role here doesn't have."),
                hint=gettext_noop("An owner can change your role under Settings, People."),
                params={"permission": permission.value},
            )


@dataclass(frozen=True)
class Scope(SiteScope):
    """Who acts, in which cluster, with which gateway. Made only here."""

    cluster: Cluster

    @cached_property
    def gateway(self) -> Gateway:
        return connect.gateway_for(self.cluster)

    @cached_property
    def principal(self) -> "Principal | None":
        """The person or token that acts; None for commands and for the dashboard's own work."""
        if self.actor.kind == "user":
            return User.objects.filter(username=self.actor.name).first()
        return ApiToken.objects.filter(name=self.actor.name).first() if self.actor.kind == "token" else None

    @property
    def slug(self) -> str:
        return self.cluster.slug


Principal = User | ApiToken


def principal_of(request: HttpRequest) -> Principal:
    """The token of an API call or the person signed in.  Raises SignInRequired."""
    auth = getattr(request, "auth", None)
    if isinstance(auth, ApiToken):
        return auth
    if isinstance(request.user, User) and request.user.is_active:
        return request.user
    raise SignInRequired


def actor_of(request: HttpRequest) -> Actor:
    principal = principal_of(request)
    address = request.META.get("REMOTE_ADDR", "") or ""
    if isinstance(principal, ApiToken):
        return Actor("token", principal.name, "api", "", address)
    return identity.person(request, principal.username)


def roles_on(principal: Principal, cluster: Cluster) -> frozenset[Role]:
    held = _grants(principal).filter(Q(cluster=cluster) | Q(cluster=None)).values_list("role", flat=True)
    roles = {Role(role) for role in held}
    return frozenset(roles | {Role.OWNER}) if principal.is_owner else frozenset(roles)


def visible_clusters(principal: Principal) -> QuerySet[Cluster]:
    """Clusters on which this person or token holds any role."""
    if principal.is_owner:
        return Cluster.objects.all()
    grants = _grants(principal)
    if grants.filter(cluster=None).exists():
        return Cluster.objects.all()
    return Cluster.objects.filter(pk__in=grants.values("cluster"))


def enter(request: HttpRequest, slug: str, permission: Permission = Permission.VIEW) -> Scope:
    """Load the cluster and authorise, in one call; the scope is also left at `request.scope` for templates.

    Raises NotFound (no such cluster, or no role on it), Forbidden (a role, but not this permission).
    """
    principal = principal_of(request)
    cluster = Cluster.objects.filter(slug=slug).first()
    roles = roles_on(principal, cluster) if cluster else frozenset()
    if cluster is None or not roles:
        raise NotFound(gettext_noop("There is no such cluster, or you have no role on it."))
    scope = Scope(actor=actor_of(request), permissions=permissions_of(roles), cluster=cluster)
    scope.__dict__["principal"] = principal  # known already, so it isn't asked for
    request.imadmin_scope = scope  # type: ignore[attr-defined]
    scope.require(permission)
    return scope


def enter_site(request: HttpRequest, permission: Permission | None = None) -> SiteScope:
    """The site as a whole: settings and the audit trail.  Raises Forbidden."""
    principal = principal_of(request)
    roles = {Role(role) for role in _grants(principal).values_list("role", flat=True)}
    if principal.is_owner:
        roles.add(Role.OWNER)
    held = permissions_of(roles)
    if not principal.is_owner:
        held -= {Permission.MANAGE_SITE}
    scope = SiteScope(actor=actor_of(request), permissions=held)
    if permission:
        scope.require(permission)
    return scope


def audited_clusters(request: HttpRequest) -> tuple[str, ...] | None:
    """Slugs whose trail this person may read; None = the whole trail (owners)."""
    principal = principal_of(request)
    if principal.is_owner:
        return None
    return tuple(
        cluster.slug
        for cluster in visible_clusters(principal)
        if Permission.VIEW_AUDIT in permissions_of(roles_on(principal, cluster))
    )


def enter_by_command(slug: str) -> Scope:
    """For management commands: whoever has a shell on the host may do everything, and it is recorded as such."""
    cluster = Cluster.objects.filter(slug=slug).first()
    if cluster is None:
        raise NotFound(gettext_noop("There is no such cluster, or you have no role on it."))
    return Scope(actor=command_actor(), permissions=frozenset(Permission), cluster=cluster)


def enter_by_job(cluster: Cluster, *, on_behalf_of: str = "") -> Scope:
    """For work that no person does at that moment: a schedule's, or the rest of what somebody began."""
    name = on_behalf_of or "imadmin"
    return Scope(actor=Actor("system", name, "job"), permissions=frozenset(Permission), cluster=cluster)


def enter_for(principal: Principal, cluster: Cluster) -> Scope:
    """For work carried out beside a request: with what the person or token that wanted it may do by now.

    Raises NotFound: no role here any more, or gone.
    """
    if isinstance(principal, ApiToken):
        is_here = principal.revoked_at is None and (
            not principal.expires_at or principal.expires_at > datetime.now(UTC)
        )
        actor = Actor("token", principal.name, "job")
    else:
        is_here, actor = principal.is_active, Actor("user", principal.username, "job")
    roles = roles_on(principal, cluster) if is_here else frozenset()
    if not roles:
        raise NotFound(gettext_noop("Who wanted this has no role on this cluster any more."))
    scope = Scope(actor=actor, permissions=permissions_of(roles), cluster=cluster)
    scope.__dict__["principal"] = principal
    return scope


def enter_site_by_command() -> SiteScope:
    return SiteScope(actor=command_actor(), permissions=frozenset(Permission))


def command_actor() -> Actor:
    import getpass

    return Actor("command", getpass.getuser(), "command")


def _grants(principal: Principal) -> QuerySet[Grant]:
    if isinstance(principal, ApiToken):
        return Grant.objects.filter(token=principal)
    return Grant.objects.filter(user=principal)
