"""Secrets at rest: encrypted with the first key, readable with any of them, so keys can be rotated."""

import hashlib
import secrets

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


class Undecryptable(Exception):
    """None of the configured keys opens this value (a key was lost or the database is another installation's)."""


def _keys() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.IMADMIN_ENCRYPTION_KEYS])


def seal(text: str) -> str:
    """Encrypt a secret for storage; the empty string stays empty (no secret)."""
    return _keys().encrypt(text.encode()).decode() if text else ""


def unseal(sealed: str) -> str:
    """Raises Undecryptable."""
    if not sealed:
        return ""
    try:
        return _keys().decrypt(sealed.encode()).decode()
    except InvalidToken:
        raise Undecryptable("this secret can't be opened with the configured keys") from None


def new_token(prefix: str) -> str:
    """A bearer token with 256 random bits; the prefix tells secret scanners and people whose it is."""
    return f"{prefix}_{secrets.token_urlsafe(32)}"


def token_hash(token: str) -> str:
    """SHA-256 is enough for 256-bit random tokens; nothing to guess, so nothing to slow down."""
    return hashlib.sha256(token.encode()).hexdigest()
