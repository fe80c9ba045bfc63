"""Tokens: what scripts carry.  The secret is told once, when one is made."""

from datetime import datetime

from pydantic import Field

from imadmin.api.schemas.common import In, Out, Reason
from imadmin.clusters.queries import TokenRow


class TokenOut(Out):
    """tail: the last four characters.  cluster: slug, "*" = all.  state: active | expired | revoked."""

    id: str
    name: str
    tail: str
    role: str
    cluster: str
    state: str
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None

    @classmethod
    def of(cls, row: TokenRow) -> "TokenOut":
        token = row.token
        return cls(
            id=str(token.pk),
            name=token.name,
            tail=token.tail,
            role=row.role,
            cluster=row.cluster,
            state=row.state,
            created_by=token.created_by,
            created_at=token.created_at,
            expires_at=token.expires_at,
            last_used_at=token.last_used_at,
            revoked_at=token.revoked_at,
        )


class NewTokenOut(TokenOut):
    """secret: shown only now."""

    secret: str


class TokenIn(In):
    name: str = Field(max_length=1000, description="1 to 80 characters; signs what it changes on the audit trail")
    role: str = Field(max_length=50, description="viewer | support | moderator | admin | owner")
    cluster: str = Field("", max_length=200, description="slug; empty = all clusters")
    days: int | None = Field(None, ge=1, le=3650, description="until it expires; null = never")
    reason: Reason
