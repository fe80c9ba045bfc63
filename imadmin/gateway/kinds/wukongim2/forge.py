"""A manager token signed with the secret every WuKongIM v2 ships with, to see whether a cluster still uses it (1.5)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import Any

DEFAULT_SECRET = b"secret_wukongim"
MANAGER_UID = "____manager"


def forged_token(*, secret: bytes = DEFAULT_SECRET, user: str = MANAGER_UID, seconds: int = 60) -> str:
    """A JWT (HS256) that lives for a minute."""
    issued = int(time.time())
    claims = {"iss": "wukongim", "iat": issued, "exp": issued + seconds, "username": user}
    head = f"{_encoded({'alg': 'HS256', 'typ': 'JWT'})}.{_encoded(claims)}"
    return f"{head}.{_text(hmac.new(secret, head.encode(), hashlib.sha256).digest())}"


def _encoded(part: dict[str, Any]) -> str:
    return _text(json.dumps(part, separators=(",", ":")).encode())


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
