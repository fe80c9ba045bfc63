"""Clusters: which there are, the connection test."""

from django.http import HttpRequest, HttpResponse
from ninja import Router

from imadmin.accounts.permissions import Permission
from imadmin.api.paging import paged
from imadmin.api.schemas.clusters import ClusterDetailOut, ClusterOut, ReportOut
from imadmin.api.schemas.common import Paged, problems
from imadmin.clusters import access, actions, queries

router = Router()


@router.get(
    "/clusters",
    response={200: Paged[ClusterOut], **problems(401)},
    operation_id="list_clusters",
    summary="Clusters this token may see",
)
def list_clusters(request: HttpRequest) -> HttpResponse:
    """All of them at once, by name. Addresses are only told to owners."""
    return paged(queries.cards(access.principal_of(request)), ClusterOut.of)


@router.get(
    "/clusters/{slug}",
    response={200: ClusterDetailOut, **problems(401, 404)},
    operation_id="get_cluster",
    summary="One cluster",
)
def get_cluster(request: HttpRequest, slug: str) -> ClusterDetailOut:
    """Needs `view`. With what this token may do on it, and what this kind of server can do."""
    scope = access.enter(request, slug)
    card = queries.card(scope.cluster, access.principal_of(request))
    return ClusterDetailOut(
        **ClusterOut.of(card).model_dump(),
        permissions=sorted(permission.value for permission in scope.permissions),
        capabilities=sorted(capability.value for capability in scope.gateway.capabilities),
    )


@router.post(
    "/clusters/{slug}/test",
    response={200: ReportOut, **problems(401, 403, 404)},
    operation_id="test_cluster",
    summary="Try the connection step by step",
)
def test_cluster(request: HttpRequest, slug: str) -> ReportOut:
    """Needs `manage-site`. Says what was tried, what answered and what is wrong; changes nothing."""
    access.enter(request, slug)
    scope = access.enter_site(request, Permission.MANAGE_SITE)
    return ReportOut.of(actions.test_cluster(scope, slug))
