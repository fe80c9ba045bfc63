"""Reads about clusters, people and tokens for the pages and the API."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet
from django.utils import timezone

from imadmin.accounts.models import ApiToken, User
from imadmin.accounts.permissions import Role
from imadmin.clusters.access import Principal, Scope, visible_clusters
from imadmin.clusters.models import Cluster, Grant
from imadmin.core import aio
from imadmin.core.errors import AppError, NotFound, gettext_noop
from imadmin.gateway.errors import Unauthorised
from imadmin.gateway.types import NodeFailure

STATUS_SECONDS = 15


@dataclass(frozen=True, slots=True)
class ClusterCard:
    """A cluster as the home page lists it. address: only for owners."""

    slug: str
    name: str
    kind: str
    environment: str
    is_demo: bool
    address: str


@dataclass(frozen=True, slots=True)
class ClusterStatus:
    """What the nodes answered, asked one by one.  nodes: None when nobody could say how many there are."""

    as_of: datetime
    answering: int
    nodes: int | None
    version: str
    failed: tuple[NodeFailure, ...]
    error: AppError | None = None

    @property
    def verdict(self) -> str:
        """ok | partial | down | refused (they answer, but refuse our token or sign-in)."""
        if isinstance(self.error, Unauthorised):
            return "refused"
        if self.error or not self.answering:
            return "down"
        return "partial" if self.failed or self.answering != self.nodes else "ok"


@dataclass(frozen=True, slots=True)
class RoleRow:
    """cluster: slug, "*" = all clusters."""

    cluster: str
    roles: tuple[Role, ...]


@dataclass(frozen=True, slots=True)
class PersonRow:
    user: User
    grants: tuple[RoleRow, ...]


@dataclass(frozen=True, slots=True)
class TokenRow:
    """state: active | expired | revoked.  cluster: slug, "*" = all clusters, "" = its cluster was removed."""

    token: ApiToken
    role: str
    cluster: str
    state: str


def cards(principal: Principal) -> tuple[ClusterCard, ...]:
    """The clusters one may see, by name."""
    return tuple(card(cluster, principal) for cluster in visible_clusters(principal))


def card(cluster: Cluster, principal: Principal) -> ClusterCard:
    return ClusterCard(
        slug=cluster.slug,
        name=cluster.name,
        kind=cluster.kind,
        environment=cluster.environment,
        is_demo=cluster.is_demo,
        address=cluster.api_url if principal.is_owner else "",
    )


def status(scope: Scope) -> ClusterStatus:
    """The quick health of one cluster; never raises for a cluster that is down: that is what it tells."""
    try:
        answer = aio.run(scope.gateway.nodes(), seconds=STATUS_SECONDS)
    except AppError as error:
        return ClusterStatus(timezone.now(), 0, None, "", (), error)
    except TimeoutError:
        silent = AppError(gettext_noop("No node answered in time."))
        return ClusterStatus(timezone.now(), 0, None, "", (), silent)
    living = [node for node in answer.value if node.answers]
    versions = sorted({node.version for node in living if node.version})
    return ClusterStatus(answer.as_of, len(living), len(answer.value), ", ".join(versions), answer.failed)


def people() -> tuple[PersonRow, ...]:
    """Everybody, active first, with their roles."""
    grants = _grants_by_user()
    users = User.objects.order_by("-is_active", "username")
    return tuple(PersonRow(user, grants.get(user.pk, ())) for user in users)


def person(username: str) -> PersonRow:
    """Raises NotFound."""
    user = User.objects.filter(username=username).first()
    if user is None:
        raise NotFound(gettext_noop("There is no such person."))
    return PersonRow(user, _grants_by_user(user.pk).get(user.pk, ()))


def tokens() -> tuple[TokenRow, ...]:
    """Every token, newest first; the secret is nowhere."""
    return _token_rows(ApiToken.objects.order_by("-pk"))


def token(token_id: int) -> TokenRow:
    """Raises NotFound."""
    rows = _token_rows(ApiToken.objects.filter(pk=token_id))
    if not rows:
        raise NotFound(gettext_noop("There is no such token."))
    return rows[0]


def slugs() -> tuple[tuple[str, str], ...]:
    """(slug, name) of every cluster, for choices in owners' forms."""
    return tuple(Cluster.objects.values_list("slug", "name"))


def _grants_by_user(user_id: int | None = None) -> dict[int, tuple[RoleRow, ...]]:
    rows = Grant.objects.exclude(user=None)
    if user_id:
        rows = rows.filter(user_id=user_id)
    found: dict[int, dict[str, list[Role]]] = defaultdict(lambda: defaultdict(list))
    for user_pk, slug, role in rows.values_list("user_id", "cluster__slug", "role"):
        found[user_pk or 0][slug or "*"].append(Role(role))
    order = list(Role)
    return {
        user_pk: tuple(RoleRow(slug, tuple(sorted(roles, key=order.index))) for slug, roles in sorted(held.items()))
        for user_pk, held in found.items()
    }


def _token_rows(found: QuerySet[ApiToken]) -> tuple[TokenRow, ...]:
    now = timezone.now()
    rows = []
    for token in found.prefetch_related("grants__cluster"):
        grant = next(iter(token.grants.all()), None)
        role, cluster = ("owner", "*") if token.is_owner else ("", "")
        if grant and not token.is_owner:
            role, cluster = grant.role, grant.cluster.slug if grant.cluster else "*"
        is_over = token.expires_at is not None and token.expires_at <= now
        state = "revoked" if token.revoked_at else "expired" if is_over else "active"
        rows.append(TokenRow(token, role, cluster, state))
    return tuple(rows)
