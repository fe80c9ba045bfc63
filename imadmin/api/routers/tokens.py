"""API tokens, by API."""

from django.http import HttpRequest, HttpResponse
from ninja import Router, Status

from imadmin.accounts.permissions import Permission
from imadmin.api.paging import paged
from imadmin.api.schemas.common import Paged, ReasonIn, problems
from imadmin.api.schemas.tokens import NewTokenOut, TokenIn, TokenOut
from imadmin.clusters import access, grants, queries

router = Router()


@router.get(
    "/tokens",
    response={200: Paged[TokenOut], **problems(401, 403)},
    operation_id="list_tokens",
    summary="All tokens, without their secrets",
)
def list_tokens(request: HttpRequest) -> HttpResponse:
    """Needs `manage-site`."""
    access.enter_site(request, Permission.MANAGE_SITE)
    return paged(queries.tokens(), TokenOut.of)


@router.post(
    "/tokens",
    response={201: NewTokenOut, **problems(401, 403, 422)},
    operation_id="create_token",
    summary="Make a token; its secret is in this answer and nowhere else",
)
def create_token(request: HttpRequest, body: TokenIn) -> Status[NewTokenOut]:
    """Needs `manage-site`."""
    scope = access.enter_site(request, Permission.MANAGE_SITE)
    made = grants.create_token(scope, **body.model_dump())
    shown = TokenOut.of(queries.token(made.token.pk))
    return Status(201, NewTokenOut(**shown.model_dump(), secret=made.secret))


@router.post(
    "/tokens/{int:token_id}/revoke",
    response={200: TokenOut, **problems(401, 403, 404, 422)},
    operation_id="revoke_token",
    summary="End a token for good",
)
def revoke_token(request: HttpRequest, token_id: int, body: ReasonIn) -> TokenOut:
    """Needs `manage-site`. Revoking again changes nothing."""
    scope = access.enter_site(request, Permission.MANAGE_SITE)
    grants.revoke_token(scope, token_id, reason=body.reason)
    return TokenOut.of(queries.token(token_id))
