"""Reads about people and tokens."""

import logging
from datetime import timedelta

from django.db import DatabaseError
from django.utils import timezone

from imadmin.accounts.models import ApiToken
from imadmin.core.crypto import token_hash
from imadmin.core.errors import SignInRequired, gettext_noop

logger = logging.getLogger(__name__)
USED_EVERY = timedelta(minutes=1)


def token_by_secret(secret: str) -> ApiToken:
    """The living token with this secret; notes its use, at most once a minute.  Raises SignInRequired."""
    token = ApiToken.objects.filter(hash=token_hash(secret.strip())).first()
    now = timezone.now()
    if token is None:
        raise SignInRequired(
            gettext_noop("This API token isn't known here."),
            hint=gettext_noop("Make one with `manage.py token create` or under Settings, Tokens."),
        )
    if token.revoked_at:
        raise SignInRequired(gettext_noop("This API token was revoked."))
    if token.expires_at and token.expires_at <= now:
        raise SignInRequired(gettext_noop("This API token has expired."))
    if token.last_used_at is None or now - token.last_used_at > USED_EVERY:
        try:
            ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
        except DatabaseError:
            # When it was last used is a convenience: a busy database must not refuse the call for it.
            logger.warning("accounts.token_use_not_noted")
    return token
