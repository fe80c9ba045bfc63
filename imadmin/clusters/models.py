"""Clusters and who holds which role on them."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from imadmin.accounts.models import ApiToken
from imadmin.accounts.permissions import CLUSTER_ROLES, ROLE_WORDS


class Cluster(models.Model):
    """One IM cluster. sealed_*: encrypted, opened only in connect.py.  revision rises with every change of the address
    or the credentials, so that open clients are thrown away."""

    class Environment(models.TextChoices):
        PRODUCTION = "production"
        STAGING = "staging"
        TEST = "test"

    slug = models.SlugField(max_length=50, unique=True)
    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=20, default="wukongim2")
    environment = models.CharField(max_length=12, choices=Environment.choices, default=Environment.TEST)
    api_url = models.URLField(max_length=300)
    manager_url = models.URLField(max_length=300)
    node_apis = models.JSONField(default=list, blank=True)
    jwt_user = models.CharField(max_length=100, blank=True)
    sealed_token = models.TextField(blank=True)
    sealed_jwt_password = models.TextField(blank=True)
    is_demo = models.BooleanField(default=False)
    revision = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name", "slug"]

    def __str__(self) -> str:
        return self.slug


class Grant(models.Model):
    """A role for a person or a token, on one cluster or (cluster empty) on all of them."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="grants")
    token = models.ForeignKey(ApiToken, null=True, on_delete=models.CASCADE, related_name="grants")
    cluster = models.ForeignKey(Cluster, null=True, blank=True, on_delete=models.CASCADE, related_name="grants")
    role = models.CharField(max_length=10, choices=[(role.value, ROLE_WORDS[role]) for role in CLUSTER_ROLES])
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(user__isnull=False, token__isnull=True) | Q(user__isnull=True, token__isnull=False),
                name="grant_has_one_holder",
            ),
            # On one cluster and on all of them apart, since SQLite can't hold two empty clusters for the same.
            models.UniqueConstraint(
                fields=["user", "cluster", "role"],
                condition=Q(user__isnull=False, cluster__isnull=False),
                name="grant_once_per_user",
            ),
            models.UniqueConstraint(
                fields=["user", "role"],
                condition=Q(user__isnull=False, cluster=None),
                name="grant_once_per_user_everywhere",
            ),
            models.UniqueConstraint(
                fields=["token", "cluster", "role"],
                condition=Q(token__isnull=False, cluster__isnull=False),
                name="grant_once_per_token",
            ),
            models.UniqueConstraint(
                fields=["token", "role"],
                condition=Q(token__isnull=False, cluster=None),
                name="grant_once_per_token_everywhere",
            ),
        ]
