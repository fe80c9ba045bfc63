"""JSON web tokens as the manager API accepts them: any HMAC, signature and `exp` only (reference 1.4)."""

import base64
import hashlib
import hmac
import json
import time
from typing import Any

_HASHES = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}


class BadToken(ValueError):
    """Carries the text of the 401 body."""


def make(username: str, secret: str, lifetime: float, *, algorithm: str = "HS256") -> tuple[str, int]:
    """A signed token and the second at which it expires."""
    now = int(time.time())
    expires = now + int(lifetime)
    claims = {"iss": "wukongim", "exp": expires, "iat": now, "username": username}
    head = _pack({"alg": algorithm, "typ": "JWT"}) + "." + _pack(claims)
    return f"{head}.{_sign(head, secret, algorithm)}", expires


def read(token: str, secret: str) -> str:
    """The user a token speaks for; raises BadToken with the real server's words."""
    parts = token.removeprefix("Bearer ").split(".")
    if len(parts) != 3:
        raise BadToken("token is malformed: token contains an invalid number of segments")
    try:
        header, claims = _unpack(parts[0]), _unpack(parts[1])
    except ValueError:
        raise BadToken("token is malformed: could not base64 decode header") from None
    algorithm = str(header.get("alg"))
    if algorithm not in _HASHES:
        raise BadToken("token signature is invalid: signing method is invalid")
    if not hmac.compare_digest(_sign(f"{parts[0]}.{parts[1]}", secret, algorithm).encode(), parts[2].encode()):
        raise BadToken("token signature is invalid: signature is invalid")
    expires = claims.get("exp")
    if isinstance(expires, int | float) and expires < time.time():
        raise BadToken("token has invalid claims: token is expired")
    return str(claims.get("username", ""))


def _sign(head: str, secret: str, algorithm: str) -> str:
    digest = hmac.new(secret.encode(), head.encode(), _HASHES[algorithm]).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _pack(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def _unpack(text: str) -> dict[str, Any]:
    value = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value
