"""People who sign in and tokens that scripts carry.  What they may do is a Grant, in the clusters app."""

from django.contrib.auth.models import AbstractUser
from django.db import models


class User(AbstractUser):
    """A person of the staff. Empty preferences mean: as the browser says.  columns: of a list, by its name."""

    is_owner = models.BooleanField(default=False)
    language = models.CharField(max_length=10, blank=True)
    theme = models.CharField(max_length=5, blank=True)
    density = models.CharField(max_length=12, blank=True)
    timezone = models.CharField(max_length=50, blank=True)
    columns = models.JSONField(default=dict, blank=True)


class ApiToken(models.Model):
    """A bearer token, kept only as a hash. tail: its last four characters, to tell tokens apart on a page."""

    name = models.CharField(max_length=80, unique=True)
    hash = models.CharField(max_length=64, unique=True)
    tail = models.CharField(max_length=4)
    is_owner = models.BooleanField(default=False)
    created_by = models.CharField(max_length=150)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.name
