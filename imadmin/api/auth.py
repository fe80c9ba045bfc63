"""Bearer tokens: who calls the API.  What a token may do is decided in clusters/access.py like for people."""

from django.http import HttpRequest
from ninja.security import HttpBearer

from imadmin.accounts import queries
from imadmin.accounts.models import ApiToken


class TokenAuth(HttpBearer):
    """`Authorization: Bearer imadmin_…`; leaves the ApiToken at `request.auth`."""

    openapi_bearerFormat = "imadmin API token"

    def authenticate(self, request: HttpRequest, token: str) -> ApiToken:
        """Raises SignInRequired, saying whether the token is unknown, revoked or expired."""
        return queries.token_by_secret(token)
