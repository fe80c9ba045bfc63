"""What a person would type to add a running simulated cluster."""

from typing import Any

from imadmin.accounts.permissions import Permission
from imadmin.audit.record import Actor
from imadmin.clusters.access import SiteScope
from imadmin.clusters.actions import ClusterDraft


def owner_scope(*permissions: Permission) -> SiteScope:
    return SiteScope(Actor("user", "owner", "page"), frozenset(permissions or Permission))


def draft_of(running: Any, **fields: Any) -> ClusterDraft:
    values = {
        "slug": "prod-sh",
        "name": "Prod SH",
        "environment": "production",
        "api_url": running.nodes[0].api_url,
        "manager_url": running.nodes[0].manager_url,
        "token": "sim-token",
        "jwt_user": "admin",
        "jwt_password": "pwd",
    }
    return ClusterDraft(**(values | fields))
