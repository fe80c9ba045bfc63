"""Asking as htmx does, and reading what a page says beside its fields."""

import re
from typing import Any


def htmx(**more: str) -> dict[str, str]:
    return {"HX-Request": "true"} | {name.replace("_", "-"): value for name, value in more.items()}


def error_beside(reply: Any, field: str) -> bool:
    """Whether the page says something is wrong with this field, at the field."""
    page = reply.content.decode()
    marked = re.search(rf'<(input|select|textarea)[^>]*name="{field}"[^>]*aria-invalid="true"', page)
    worded = re.search(rf'id="[a-z_]*{field}_error"', page)
    return bool(marked and worded) or (field == "roles" and '<p class="err">' in page)
