"""Foreign ids inside URL paths.

Ids may hold `/ ? % # & @`, spaces, line breaks, any script.  A percent-encoded slash doesn't survive a path, so what
would break one becomes `~XX` (UTF-8 bytes in hex); letters and digits of any script and `-_.@:+=,!` stay readable.
"""

import re

_KEEP = re.compile(r"[^\W~]|[-.@:+=,!]", re.UNICODE)
_ESCAPED = re.compile(r"(?:~[0-9A-F]{2})+")


def encode(text: str) -> str:
    """Path-safe form; `.` and `..` alone are escaped too, since browsers resolve them away."""
    if text in {".", ".."}:
        return text.replace(".", "~2E")
    return "".join(
        char if _KEEP.fullmatch(char) else "".join(f"~{byte:02X}" for byte in char.encode("utf-8", "surrogatepass"))
        for char in text
    )


def decode(text: str) -> str:
    """Reverse of `encode`; raises ValueError for escapes that are not UTF-8."""
    return _ESCAPED.sub(lambda hit: bytes.fromhex(hit.group().replace("~", "")).decode("utf-8"), text)


class PathIdConverter:
    """`<pathid:uid>` in URL patterns."""

    regex = "[^/]+"

    def to_python(self, value: str) -> str:
        return decode(value)

    def to_url(self, value: str) -> str:
        return encode(value)
