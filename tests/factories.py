"""Rows for tests."""

from typing import Any

from imadmin.accounts.models import User
from imadmin.clusters.models import Cluster, Grant
from imadmin.core import crypto

PASSWORD = "a long enough password"


def store_cluster(running: Any, slug: str = "demo", **fields: Any) -> Cluster:
    """A Cluster row for a running SimulatedCluster (or anything with nodes, and known credentials)."""
    values: dict[str, Any] = {
        "name": slug,
        "api_url": running.nodes[0].api_url,
        "manager_url": running.nodes[0].manager_url,
        "sealed_token": crypto.seal("sim-token"),
        "jwt_user": "admin",
        "sealed_jwt_password": crypto.seal("pwd"),
        "is_demo": slug == "demo",
    }
    return Cluster.objects.create(slug=slug, **(values | fields))


def make_cast(cluster: Cluster) -> dict[str, User]:
    """One person per role; calling it again returns the same people."""
    cast = {}
    for role in ("owner", "admin", "moderator", "support", "viewer", "stranger"):
        user, is_new = User.objects.get_or_create(username=role, defaults={"is_owner": role == "owner"})
        if is_new:
            user.set_password(PASSWORD)
            user.save()
        if role not in ("owner", "stranger"):
            Grant.objects.get_or_create(user=user, cluster=cluster, role=role)
        cast[role] = user
    return cast
