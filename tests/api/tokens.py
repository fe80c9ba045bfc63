"""Clients of the API that carry a token of a given role."""

from typing import Any

from django.test import Client

from imadmin.accounts.models import ApiToken
from imadmin.clusters.models import Grant
from imadmin.core.crypto import new_token, token_hash


def api_client(role: str, cluster: Any = None) -> Client:
    """role: "owner", a role on the cluster (None: on all of them), or "stranger" for a token without any grant."""
    secret = new_token("imadmin")
    name = f"{role}-{ApiToken.objects.count()}"
    token = ApiToken.objects.create(
        name=name, hash=token_hash(secret), tail=secret[-4:], is_owner=role == "owner", created_by="owner"
    )
    if role not in ("owner", "stranger"):
        Grant.objects.create(token=token, cluster=cluster, role=role)
    return Client(headers={"Authorization": f"Bearer {secret}"})
