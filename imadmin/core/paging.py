"""Opaque cursors: what a page hands out and takes back, checked on return."""

import base64
import binascii
import json
import re
from datetime import datetime
from typing import Any

from imadmin.core.errors import InvalidInput, gettext_noop

BROKEN_CURSOR = gettext_noop("This page marker is broken; start from the first page.")
_ID = re.compile(r"[-\w]{1,64}", re.ASCII)  # the ids we give to our own rows


def encode_cursor(**parts: Any) -> str:
    """Pack JSON values into URL-safe text; integers keep all their digits."""
    raw = json.dumps(parts, separators=(",", ":"), sort_keys=True).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def decode_cursor(text: str, *names: str) -> dict[str, Any]:
    """The parts of a cursor that must hold exactly `names`.  Raises InvalidInput on anything else."""
    try:
        parts = json.loads(base64.urlsafe_b64decode(text.encode() + b"=" * (-len(text) % 4)))
    except (ValueError, binascii.Error, RecursionError):  # a marker is anybody's text, also a thousand brackets
        parts = None
    if not isinstance(parts, dict) or set(parts) != set(names):
        raise InvalidInput({"cursor": [BROKEN_CURSOR]})
    return parts


def cursor_place(text: str) -> tuple[datetime, str]:
    """Where a list by moment and id goes on: the parts of encode_cursor(at=, id=).  Raises InvalidInput."""
    parts = decode_cursor(text, "at", "id")
    if not isinstance(parts["id"], str) or not _ID.fullmatch(parts["id"]):
        raise InvalidInput({"cursor": [BROKEN_CURSOR]})
    return cursor_moment(parts["at"]), parts["id"]


def cursor_moment(value: object) -> datetime:
    """An aware moment out of a cursor.  Raises InvalidInput, also for the years at the ends, which no zone can hold."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None or not 1970 <= moment.year < 9999:
        raise InvalidInput({"cursor": [BROKEN_CURSOR]})
    return moment
